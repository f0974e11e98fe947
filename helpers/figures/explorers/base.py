r"""What every explorer is: a widget in a notebook, and a page that is alive without a server.

An explorer is one ES module and some state. In JupyterLab, Colab and the like it is an `anywidget
<https://anywidget.dev>`_, and its traits follow the reader's hand. Its ``text/html`` carries the same module
and the same state, so that a page of the built book needs no kernel, no network and no other file.

How to make a further family
----------------------------
1. Write ``<family>.js`` next to this file::

       import { View, html, mount } from "./explorer.js";   // the files beside it that are joined
       import { css, formulas } from "./constants.js";  // what Python says
       export default {
         render: ({ model, el }) => mount(el, css, (ui) => new FamilyExplorer(model, ui, ["trait", "other"])),
       };
       class FamilyExplorer extends View {
         lay(body) {}  // make this.picture and fill body with nodes
         update() {}   // show this.state(), and say the result in this.summary
       }

   ``explorer.js`` has the pieces: `View` keeps the state (``state``, ``set``, ``link``, ``note``) and has the
   questions and the reset button, `html`, `svg` and `mathematics` build nodes, `control` is one row (symbol,
   name, slider, number, unit), `copyable` a line of code. No
   ``innerHTML``, no ``eval``, no timer that runs by itself, nothing global.
2. Write a subclass of :class:`Explorer` whose traits, tagged ``sync=True``, are the state. ``family`` names
   the JavaScript; :meth:`Explorer.constants` returns what the module has to know, as JavaScript text: the
   generated formulas (``symbolic.javascript``) and, as JSON, what ``facts`` reads from the methods. Never
   write a formula a second time in JavaScript.
3. Give it :meth:`Explorer.still`: the picture, parameters and equation before the script runs, without it,
   and in print. Use the classes of ``explorer.css``; it reserves the height.
4. Give it a row in ``tests/figures/test_every_explorer.py``, and what is its own a file beside it.
"""

from __future__ import annotations

import json
import re
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets

__all__ = ["Explorer", "as_javascript"]

HERE = Path(__file__).parent


@cache
def _file(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


@cache
def _imported(name: str) -> tuple[str, ...]:
    """The files that a JavaScript file imports, directly or not, and itself, in an order that works."""
    found: list[str] = []
    for other in re.findall(r'from "\./(\w+\.js)"', _file(name)):
        if other != "constants.js":
            found += [file for file in _imported(other) if file not in found]
    return (*found, name)


def as_javascript(value: Any) -> str:
    """Return a value as JSON in a fixed order, which is JavaScript too."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _compact(source: str) -> str:
    """JavaScript without indentation, whole-line comments, imports, and exports other than the default."""
    source = re.sub(r"^import [^;]*;\n", "", source, flags=re.MULTILINE)
    source = re.sub(r"^export (?!default)", "", source, flags=re.MULTILINE)
    lines = (line.strip() for line in source.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def _in_script(text: str) -> str:
    """JSON that cannot end, or hide, the script element in which it stands."""
    text = text.replace("</", "<\\/")
    return re.sub("<(?=!--|script)", "\\\\u003c", text, flags=re.IGNORECASE)


class Explorer(anywidget.AnyWidget):
    """A figure that answers "what if?", in a notebook and in a page without a kernel."""

    #: The name of the JavaScript file beside this one.
    family: ClassVar[str]
    #: What the explorer is, for those who cannot see it.
    alt: ClassVar[str]

    _esm = traitlets.Unicode().tag(sync=True)

    def __init__(self, **state: Any) -> None:
        for name, value in state.items():  # before anywidget asks for the module, which depends on them
            setattr(self, name, value)
        super().__init__()

    @traitlets.default("_esm")
    def _module(self) -> str:
        constants = {"css": as_javascript(_file("explorer.css")), **self.constants()}
        told = [f"const {name} = {text};" for name, text in constants.items()]
        return "\n".join([*told, *(_compact(_file(name)) for name in _imported(f"{self.family}.js"))])

    def constants(self) -> dict[str, str]:
        """Return what the module has to know: names to JavaScript text."""
        return {}

    def still(self) -> str:
        """Return the HTML that stands there before the script runs, without it, and in print."""
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """Return the traits that the page and the kernel share."""
        own = set(self.trait_names(sync=True)) - set(anywidget.AnyWidget.class_trait_names())
        return {name: getattr(self, name) for name in sorted(own) if not name.startswith("_")}

    def html(self) -> str:
        """Return the explorer as HTML that needs no other file."""
        payload = _in_script(as_javascript({"esm": self._esm, "state": self.state()}))
        return (
            f"<style>{_file('explorer.css')}</style>"
            f'<div class="explorer" role="group" aria-label="{escape(self.alt)}">'
            f'<div class="ex still">{self.still()}'
            "<noscript><p>Without JavaScript this is a still picture.</p></noscript></div>"
            f'<script type="application/json">{payload}</script></div>'
            f"<script>{_compact(_file('host.js'))}</script>"
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict]:
        data, metadata = super()._repr_mimebundle_(**kwargs)
        return {
            **data,
            "text/plain": f"{type(self).__name__}: {self.alt}",
            "text/html": self.html(),
        }, metadata
