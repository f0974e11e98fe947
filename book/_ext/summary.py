"""A page's description is its first paragraph: search engines and previews of a link show it."""

import html
import re

from docutils import nodes

LENGTH = 200


def first_paragraph(doctree):
    """Return the text of the first paragraph that stands in the page itself, cut at a word's end."""
    page = (nodes.section, nodes.document)
    inside = (p.astext() for p in doctree.findall(nodes.paragraph) if isinstance(p.parent, page))
    text = " ".join(next(inside, "").split())
    return text if len(text) <= LENGTH else re.sub(r"\W*\s\S*$", "", text[:LENGTH]) + "…"


def describe(app, pagename, templatename, context, doctree):
    """Write the description before sphinxext-opengraph looks for one."""
    generated = f"{context.get('title', pagename)}: {app.config.html_title}"  # such as the page of the search
    text = first_paragraph(doctree) if doctree else generated
    tag = f'<meta name="description" content="{html.escape(text)}" />\n'
    context["metatags"] = tag + context.get("metatags", "")
    if doctree:
        context["meta"] = {**(context["meta"] or {}), "og:description": text}


def setup(app):
    """Connect ahead of sphinxext-opengraph (Sphinx calls this)."""
    app.connect("html-page-context", describe, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
