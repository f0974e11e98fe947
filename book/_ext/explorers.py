"""In a page of the book an explorer's script is a file of its own, got when a reader comes near.

Its still picture, its state and its name stay in the page. The script is a classic one, for a page from disk
may load no module, and a strict content security policy allows files of the book and nothing else.
"""

import ast
import hashlib
import json
import pathlib
import re

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from helpers.figures.explorers import kit

SHARED = re.compile(r"<(style|script)\b[^>]* data-kit=.*?</\1>", re.S)
PAYLOAD = re.compile(r'<script type="application/json">(\{"kit".*?)</script>', re.S)
STYLE, MODULE, HOST, _ = kit._kit()
FOLDER = "_static/explorers"


def classic(module):
    """Return a classic script of an explorer's module, and the key under which it registers it."""
    body = f"const css = {kit.as_javascript(STYLE)};\n{MODULE}\n{module}".replace(
        "\nexport default ", "\nreturn ", 1
    )
    key = hashlib.sha256(body.encode()).hexdigest()[:12]
    return f'(self.explorers ??= {{}})["{key}"] = (() => {{{body}\n}})();\n', key


def apart(html, folder, address):
    """Return the HTML of a page whose explorers' scripts are files below `folder`, reached at `address`."""

    def refer(match):
        payload = json.loads(match[1])
        script, key = classic(payload["esm"])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{key}.js").write_text(script, encoding="utf-8")
        own = {"key": key, "src": f"{address}/{key}.js", "state": payload["state"]}
        return f'<script type="application/json">{kit._in_script(kit.as_javascript(own))}</script>'

    return PAYLOAD.sub(refer, SHARED.sub("", html))


def part(app, pagename, templatename, context, doctree):
    """Put the scripts of a page's explorers beside the other files, and name the one that starts them."""
    html = context.get("body", "")
    if PAYLOAD.search(html):
        folder = pathlib.Path(app.outdir, FOLDER)
        context["body"] = apart(html, folder, context["pathto"](FOLDER, 1))
        context["explorer_host"] = context["pathto"](f"{FOLDER}/host.js", 1)


def provide(app):
    """Write what all pages share: the look of the still pictures, and the script that starts explorers."""
    folder = pathlib.Path(app.outdir, FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "explorer.css").write_text(STYLE, encoding="utf-8")
    (folder / "host.js").write_text(HOST, encoding="utf-8")
    app.add_css_file("explorers/explorer.css")


class Shown(SphinxDirective):
    """``explorer``: the figure that the last expression of its Python is, for a page that is no notebook."""

    has_content = True

    def run(self):
        """Run the lines, and put the explorer in their place."""
        *lines, last = ast.parse("\n".join(self.content)).body
        names = {}
        exec(compile(ast.Module(lines, []), "explorer", "exec"), names)
        explorer = eval(compile(ast.Expression(last.value), "explorer", "eval"), names)
        return [nodes.raw("", explorer.html(), format="html")]


def setup(app):
    """Connect before the theme fills its templates."""
    app.add_directive("explorer", Shown)
    app.connect("builder-inited", provide)
    app.connect("html-page-context", part)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
