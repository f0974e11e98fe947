"""A page loads nothing that it does not need, and nothing from elsewhere (``tests/test_pages.py``)."""


def drop_thebe(app, pagename, templatename, context, doctree):
    """Take out the live-code client: its address is on a CDN, and it declares a constant twice.

    The state of widgets goes too: it is for a kernel's widget manager, and holds every explorer once more.
    """

    def is_ours(asset):
        attributes = getattr(asset, "attributes", {})
        if attributes.get("type") == "application/vnd.jupyter.widget-state+json":
            return False
        text = f"{getattr(asset, 'filename', asset)} {attributes.get('body') or ''}"
        return "thebe" not in text.lower()

    for kind in ("script_files", "css_files"):
        context[kind] = [asset for asset in context.get(kind, []) if is_ours(asset)]


def setup(app):
    """Connect after the theme has added its own scripts."""
    app.connect("html-page-context", drop_thebe, priority=950)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
