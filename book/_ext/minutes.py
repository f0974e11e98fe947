"""How long a lesson takes to read: computed where its page is made, from what a reader sees unfolded.

180 words are a minute, and so are 20 lines of code; a displayed equation is three quarters. In the box at the
head of a lesson "35 minutes to read" becomes this figure; a lesson that states another is warned of.
"""

import re

from docutils import nodes
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx_exercise.nodes import solution_node

logger = logging.getLogger(__name__)

WORDS, EQUATIONS, LINES = 180, 4 / 3, 20  # a minute
STATED = re.compile(r"(\d+)( minutes? to read)")
FOLDED = {"tag_hide-input", "tag_hide-cell", "tag_remove-input", "tag_remove-cell"}


def minutes(document):
    """Return the minutes of a doctree, as a whole number."""
    return round(sum(_minutes(document)))


def _minutes(node):
    """Yield the minutes of each part that is seen unfolded."""
    for child in node.children:
        if isinstance(child, solution_node) or _is(child, "cell_output"):
            yield from (len(caption.astext().split()) / WORDS for caption in child.findall(nodes.caption))
        elif _is(child, "tag_check"):  # folded to its first line
            yield len(child.next_node(nodes.inline).astext().split()) / WORDS
        elif isinstance(child, nodes.math_block):
            yield 1 / EQUATIONS
        elif isinstance(child, nodes.literal_block):
            yield len([line for line in child.astext().splitlines() if line.strip()]) / LINES
        elif isinstance(child, nodes.TextElement):
            yield len(child.astext().split()) / WORDS
        elif not (_is(child, "cell_input") and FOLDED & set(node["classes"])) and not _lists_sources(child):
            yield from _minutes(child)


def _is(node, kind):
    return isinstance(node, nodes.Element) and kind in node["classes"]


def _lists_sources(node):
    return isinstance(node, nodes.section) and node["names"] == ["references"]


class StateMinutes(SphinxTransform):
    """Compare what a lesson says of its length with its length, and let it say the latter."""

    default_priority = 450  # once its checks are folded

    def apply(self):
        """Find the sentence in the box at the head of a lesson."""
        for box in self.document.findall(nodes.admonition):
            for text in box.findall(nodes.Text):
                if match := STATED.search(text):
                    real = minutes(self.document)
                    if int(match[1]) != real:
                        words = "the lesson must say that it takes %d minutes to read, got %s"
                        logger.warning(words, real, match[1], location=box)
                    text.parent.replace(text, nodes.Text(STATED.sub(rf"{real}\2", text)))
                    return


def setup(app):
    """Add the transform (Sphinx calls this)."""
    app.add_transform(StateMinutes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
