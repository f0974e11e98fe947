"""The role ``lesson``: a lesson by its number, with its title from the map, linked once it can be read.

The map in ``book/intro.md`` is the one list of all lessons; a title that is a link there names a lesson's
page. ``{lesson}`17``` (or ``:lesson:`17```) is "lesson 17, Why lower the rate"; with words of its own,
``:lesson:`Lesson 17 <17>```, it is those.
"""

from __future__ import annotations

import pathlib
import re
from functools import cache
from typing import NamedTuple

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.util.docutils import ReferenceRole

BOOK = pathlib.Path(__file__).parents[1]
ENTRY = re.compile(r"^(\d+)\. \[?([^]:\n]+)(?:\]\(\.\./([^)]+)\.\w+\))?", re.M)


class Lesson(NamedTuple):
    """An entry of the map: a title and, once it is written, the document."""

    title: str
    document: str = ""


def read(text: str) -> dict[int, Lesson]:
    r"""Return the lessons of a map by their numbers.

    >>> read("3. Batch normalization\n17. [Why](../lessons/a/17-why.ipynb): noise")[17]
    Lesson(title='Why', document='lessons/a/17-why')
    """
    return {int(number): Lesson(title.strip(), document) for number, title, document in ENTRY.findall(text)}


@cache
def lessons() -> dict[int, Lesson]:
    """Return all lessons of the book."""
    return read((BOOK / "intro.md").read_text(encoding="utf-8"))


class LessonRole(ReferenceRole):
    """Name a lesson; the name is plain text until its page is in the table of contents."""

    def run(self) -> tuple[list[nodes.Node], list]:
        for source in (BOOK / "intro.md", BOOK.parent / "_toc.yml"):
            self.env.note_dependency(str(source))
        lesson = lessons().get(int(self.target)) if self.target.isdigit() else None
        if lesson is None:
            error = f"no lesson {self.target} in the map of book/intro.md"
            return [], [self.inliner.reporter.error(error, line=self.lineno)]
        text = self.title if self.has_explicit_title else f"lesson {self.target}, {lesson.title}"
        if lesson.document not in self.env.found_docs:
            return [nodes.inline("", text if self.has_explicit_title else f"{text} (planned)")], []
        link = pending_xref("", nodes.inline("", text), refdomain="std", reftype="doc", refexplicit=True)
        link.update_all_atts(
            {"reftarget": f"/{lesson.document}", "refdoc": self.env.docname, "refwarn": True}
        )
        return [link], []


def setup(app):
    """Add the role (Sphinx calls this)."""
    app.add_role("lesson", LessonRole())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
