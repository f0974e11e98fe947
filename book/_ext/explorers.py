"""A page holds what its explorers share once, however many of them stand on it."""

import re

SHARED = re.compile(r"<(style|script)\b[^>]* data-kit=.*?</\1>", re.S)


def once(html):
    """Return the HTML of a page without what an explorer above has brought already.

    >>> once('<style data-kit="a">b</style><p>1</p><style data-kit="a">b</style><p>2</p>')
    '<style data-kit="a">b</style><p>1</p><p>2</p>'
    """
    there = set()

    def first(match):
        if match[0] in there:
            return ""
        there.add(match[0])
        return match[0]

    return SHARED.sub(first, html)


def share(app, pagename, templatename, context, doctree):
    """Take out of a page what it holds more than once."""
    context["body"] = once(context.get("body", ""))


def setup(app):
    """Connect before the theme fills its templates."""
    app.connect("html-page-context", share)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
