"""Equations as HTML and MathML, made by KaTeX in QuickJS where the page is made: no script in the page."""

import functools
import json
import pathlib

import npm
import quickjs
from docutils import nodes
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)

PACKAGE = "katex@0.19.1"
SHA512 = (
    "8c6f2e2a7b63484726d84a503a1d17b6eae93eeb82f6bdd2ab91cb1ddb057566"
    "53dbb13aef6485d7d4048bea1fd3f61e3b2d7994381184abebe7ad78b91ac47c"
)
NAMES = (
    "LICENSE",
    "dist/katex.min.js",
    "dist/katex.min.css",
    "dist/contrib/copy-tex.min.js",
    "dist/fonts/*.woff2",
)
OPTIONS = {"output": "htmlAndMathml", "strict": "error", "trust": False}


def katex():
    """Return the folder of KaTeX."""
    return npm.provided(pathlib.Path(".cache/static").resolve(), PACKAGE, SHA512, NAMES)


@functools.cache
def engine():
    """Return an interpreter that has read KaTeX (50 ms, once a process)."""
    context = quickjs.Context()
    context.eval((katex() / "katex.min.js").read_text(encoding="utf-8"))
    return context


@functools.cache
def markup(tex, display=False):
    r"""Return a formula as HTML, with MathML for who listens; what KaTeX refuses is a ``ValueError``.

    >>> "<math" in markup(r"\eta_0"), markup("x") is markup("x")
    (True, True)
    """
    call = f"katex.renderToString({json.dumps(tex)}, {json.dumps(OPTIONS | {'displayMode': display})})"
    # JSON throughout: QuickJS hands out no string that it has glued together.
    answer = engine().eval(f"try {{ JSON.stringify([{call}]) }} catch (e) {{ JSON.stringify(String(e)) }}")
    match json.loads(answer):
        case [text]:
            return text
        case words:
            raise ValueError(f"{words} in {tex!r}")


def _drawn(node, tex, display):
    try:
        return markup(tex, display)
    except ValueError as error:
        logger.warning("%s", error, location=node)
        return f"<code>{node.astext()}</code>"


def visit_math(writer, node):
    """Write a formula in a line."""
    tag = writer.starttag(node, "span", "", CLASS="math notranslate nohighlight")
    writer.body.append(f"{tag}{_drawn(node, node.astext(), False)}</span>")
    raise nodes.SkipNode


def visit_math_block(writer, node):
    """Write a displayed formula, with its number where it has one."""
    writer.body.append(writer.starttag(node, "div", CLASS="math notranslate nohighlight"))
    if node["number"]:
        writer.body.append(f'<span class="eqno">({get_node_equation_number(writer, node)})')
        writer.add_permalink_ref(node, "Link to this equation")
        writer.body.append("</span>")
    writer.body.append(f"{_drawn(node, lines(node.astext()), True)}</div>\n")
    raise nodes.SkipNode


def lines(tex):
    """Return a displayed formula whose lines end in a double backslash, or are paragraphs."""
    parts = [part.strip() for part in tex.split("\n\n") if part.strip()]
    parts = [rf"\begin{{split}}{part}\end{{split}}" if r"\\" in part else part for part in parts]
    return parts[0] if len(parts) == 1 else r"\begin{gathered}" + r"\\".join(parts) + r"\end{gathered}"


def provide(app, config):
    """Add the style sheet, the fonts, and the script that copies a formula as its LaTeX."""
    config.html_static_path.append(str(katex().parent))
    app.add_css_file(f"{PACKAGE}/katex.min.css")
    app.add_js_file(f"{PACKAGE}/contrib/copy-tex.min.js", defer="defer")


def setup(app):
    """Connect before Sphinx looks whether the static folders exist."""
    app.add_html_math_renderer("katex", (visit_math, None), (visit_math_block, None))
    app.connect("config-inited", provide)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
