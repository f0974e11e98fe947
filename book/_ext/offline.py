"""Built pages load nothing from elsewhere: a third-party script, style, font, image or frame is a warning."""

import pathlib
import re
from html.parser import HTMLParser

from sphinx.util import logging

logger = logging.getLogger(__name__)

# What a browser fetches by itself; a link that a reader may follow is not among them.
LOADING = {
    **dict.fromkeys(("script", "iframe", "audio", "track", "embed", "input"), ("src",)),
    **dict.fromkeys(("img", "source"), ("src", "srcset")),
    **dict.fromkeys(("image", "use"), ("href", "xlink:href")),
    "video": ("src", "poster"),
    "object": ("data",),
}
LINKS = {"stylesheet", "icon", "preload", "modulepreload", "prefetch", "preconnect", "dns-prefetch"}
FOREIGN = re.compile(r"(?:^|[\s,])(?:https?:)?//[^\s/]", re.I)
IN_STYLE = re.compile(r"""(?:url\(\s*["']?|@import\s+["'])(?:https?:)?//[^)"'\s]+""", re.I)
IN_SCRIPT = re.compile(r"""(?:\bimport\s*\(?\s*|\bfrom\s*)["'](?:https?:)?//[^"']+""")


class Loads(HTMLParser):
    """Collects what a page loads from elsewhere into ``found``."""

    def __init__(self, text):
        super().__init__()
        self.found, self.inside = [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = {name: value or "" for name, value in attrs}
        self.inside = tag if tag in ("script", "style") else None
        names = LOADING.get(tag, ())
        if tag == "link" and LINKS & set(attrs.get("rel", "").lower().split()):
            names = ("href",)
        self.found += [f"<{tag} {n}={attrs[n]}>" for n in names if FOREIGN.search(attrs.get(n, ""))]
        self.found += IN_STYLE.findall(attrs.get("style", ""))

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        pattern = {"style": IN_STYLE, "script": IN_SCRIPT}.get(self.inside)
        self.found += pattern.findall(data) if pattern else []


def third_party_loads(path):
    """Return what a built page or style sheet would fetch from another host."""
    text = path.read_text(encoding="utf-8")
    return IN_STYLE.findall(text) if path.suffix == ".css" else Loads(text).found


def drop_thebe(app, pagename, templatename, context, doctree):
    """Take out the live-code client: its address is on a CDN, and it declares a constant twice.

    The state of widgets goes too: it is for a kernel's widget manager, and holds every explorer once more.
    """

    def ours(asset):
        attributes = getattr(asset, "attributes", {})
        if attributes.get("type") == "application/vnd.jupyter.widget-state+json":
            return False
        body = attributes.get("body") or ""
        return "thebe" not in f"{getattr(asset, 'filename', asset)} {body}".lower()

    for kind in ("script_files", "css_files"):
        context[kind] = [asset for asset in context.get(kind, []) if ours(asset)]


def check(app, exception):
    """Warn of every third-party load in the pages and style sheets of the finished book."""
    if exception or app.builder.format != "html":
        return
    out = pathlib.Path(app.outdir)
    for path in sorted([*out.rglob("*.html"), *out.rglob("*.css")]):
        for load in third_party_loads(path):
            logger.warning("third-party load in %s: %s", path.relative_to(out), load[:120])


def setup(app):
    """Connect after the theme has added its own scripts."""
    app.connect("html-page-context", drop_thebe, priority=950)
    app.connect("build-finished", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
