"""A page's description is its first paragraph: search engines and previews of a link show it.

sphinxext-opengraph by itself would take formulas, code and lists along, and cut them inside a word.
"""

import html
import textwrap

from docutils import nodes


def first_paragraph(doctree):
    """Return the text of the first paragraph that stands in the page itself, cut at a word's end."""
    page = (nodes.section, nodes.document)
    inside = (p.astext() for p in doctree.findall(nodes.paragraph) if isinstance(p.parent, page))
    return textwrap.shorten(next(inside, ""), 200, placeholder="…")


def describe(app, pagename, templatename, context, doctree):
    """Write the description before sphinxext-opengraph looks for one."""
    text = (
        first_paragraph(doctree) if doctree else f"{context.get('title', pagename)}: {app.config.html_title}"
    )
    context["metatags"] = (
        f'<meta name="description" content="{html.escape(text)}" />\n{context.get("metatags", "")}'
    )
    context["meta"] = {**(context.get("meta") or {}), "og:description": text}


def setup(app):
    """Connect ahead of sphinxext-opengraph (Sphinx calls this)."""
    app.connect("html-page-context", describe, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
