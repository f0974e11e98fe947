"""A page that is there at once: it waits for one style sheet, and for no script or picture further down.

The theme's scripts are named for ``page.js``, which gets them with the first touch, key or scroll. Its style
sheets and all others become ``book.css`` (:mod:`sheet`). Solutions unfold without a script.
"""

import pathlib
import re

import sheet
from docutils import nodes
from PIL import Image

# The theme as the reader chose it, before anything is painted.
FIRST = (
    "(d=>{let m;try{m=localStorage.getItem('mode')}catch{}d.mode=m||='auto';d.theme=m!='auto'?m:"
    "matchMedia('(prefers-color-scheme: dark)').matches?'dark':'light'})(document.documentElement.dataset)"
)
THEME_SHEETS = ["basic.css", "styles/bootstrap.css", "styles/pydata-sphinx-theme.css"]
THEME_SCRIPTS = ["scripts/bootstrap.js", "scripts/pydata-sphinx-theme.js"]
UNUSED = ("thebe", "togglebutton", "design-tabs")
SOLUTION = re.compile(
    r'<div (class="solution [^>]*>\s*)<p (class="admonition-title">.*?)</p>(.*?</section>\s*)</div>', re.S
)
POINT = 4 / 3  # pixels
# The dark theme turns a figure's lightness over (custom.css); what is a picture in it is turned back.
PHOTOS = "<style>@media (prefers-color-scheme: dark){image{filter:hue-rotate(180deg) invert(1)}}</style>"


def name(asset):
    """Return the address of a script or style sheet below ``_static``, without its version."""
    return str(getattr(asset, "filename", asset) or "").partition("?")[0].removeprefix("_static/")


def prepare(app, pagename, templatename, context, doctree):
    """Give the templates the scripts that may wait, and take out the buttons that only they could move."""
    scripts = [s for s in context["script_files"] if name(s).endswith(".js")]
    context["script_files"] = [s for s in scripts if not any(part in name(s) for part in UNUSED)]
    used = [name(asset) for asset in context["script_files"]]
    late = THEME_SCRIPTS if pagename == "search" else [*used, *THEME_SCRIPTS]  # a search begins at once
    context["late_scripts"] = [context["pathto"](f"_static/{one}", 1) for one in late]
    context["first_script"] = FIRST
    sheets = [name(asset) for asset in context["css_files"]]
    app.book_sheets = [*THEME_SHEETS, *(s for s in sheets if not any(part in s for part in UNUSED))]
    buttons = context.get("header_buttons", [])
    for group in (buttons, *(button["buttons"] for button in buttons if "buttons" in button)):
        group[:] = [button for button in group if button["type"] != "javascript"]
    if "body" in context:
        sources = {file: pathlib.Path(app.srcdir, source) for source, file in app.builder.images.items()}
        body = SOLUTION.sub(r"<details \1<summary \2</summary>\3</details>", context["body"])
        body = body.replace('<summary aria-label="Toggle hidden content">', "<summary>")  # it has words
        context["body"] = sized(body, sources)


def drop_thebe(app, doctree, docname):
    """Take out what the live-code client, whose address is on a CDN, writes at the end of a page."""
    for node in [n for n in doctree.children if isinstance(n, nodes.raw)]:
        if re.search("thebe|kernelName", node.astext()):
            doctree.remove(node)


def sized(body, sources):
    """Return a page's text whose pictures have their sizes, and come when they are near."""

    def tag(match):
        source = sources.get(match[2].rpartition("/")[2])
        size = picture_size(source) if source else None
        loading = 'loading="lazy" decoding="async"'
        return f'<img width="{size[0]}" height="{size[1]}" {loading} {match[1]}' if size else match[0]

    return re.sub(r'<img ((?![^>]*\bwidth=)[^>]*src="([^"]+)"[^>]*>)', tag, body)


def picture_size(path):
    """Return width and height of a picture in pixels; of an SVG those that it states in points."""
    if path.suffix != ".svg":
        with Image.open(path) as picture:
            return picture.size
    head = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', path.read_text(encoding="utf-8")[:2000])
    return tuple(round(float(points) * POINT) for points in head.groups()) if head else None


def finish(app, exception):
    """Write the book's style sheet, and prepare its figures for the dark theme, once all files are there."""
    if exception is None and app.builder.format == "html" and hasattr(app, "book_sheets"):
        sheet.write(pathlib.Path(app.outdir), app.book_sheets)
        for figure in pathlib.Path(app.outdir, "_images").glob("*.svg"):
            text = figure.read_text(encoding="utf-8")
            if "<image" in text and PHOTOS not in text:
                figure.write_text(re.sub(r"(<svg\b[^>]*>)", rf"\1{PHOTOS}", text, count=1), encoding="utf-8")


def setup(app):
    """Connect after the theme and all others have added what is theirs."""
    app.connect("doctree-resolved", drop_thebe, priority=900)
    app.connect("html-page-context", prepare, priority=960)
    app.connect("build-finished", finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
