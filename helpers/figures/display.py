r"""What a lesson displays that is no picture: equations from the code, names in other libraries, source.

>>> from helpers.formulas.schedules import StepDecay
>>> equations([StepDecay(0.1, step_size=30)]).data
'\\begin{aligned}\\eta_t &= \\eta_0 \\gamma^{\\left\\lfloor{\\frac{t}{s}}\\right\\rfloor}\\end{aligned}'
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from html import escape
from typing import Any

from IPython.display import HTML, Math
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from helpers.core import symbolic
from helpers.formulas.rules import Rule

__all__ = ["equations", "library_names", "show_source"]


def equations(methods: Iterable[Any], values: bool = False) -> Math:
    """Return the equations of some methods, one below the other, generated from their code.

    Parameters
    ----------
    methods : iterable of Schedule, Rule or another method with a ``formula``
        Instances; a rule has a line for each entry of its state.
    values : bool
        Whether the present numbers stand in place of the symbols (not for rules).

    Returns
    -------
    IPython.display.Math
        Displayed as mathematics by notebooks and by the book.
    """
    lines = [line for method in methods for line in _lines(method, values)]
    # What a symbol stands for comes on a line of its own: a phone is not wide enough for both.
    aligned = [line.replace("=", "&=", 1).replace(r", \quad ", r", \\ &\qquad ") for line in lines]
    return Math(r"\begin{aligned}" + r" \\[1ex] ".join(aligned) + r"\end{aligned}")


def _lines(method: Any, values: bool) -> list[str]:
    if isinstance(method, Rule):
        return symbolic.update_latex(method)
    return [rf"\eta_t = {symbolic.latex(method, values=values)}"]


def library_names(methods: Iterable[type]) -> HTML:
    """Return a table of what other libraries call some methods, and of where they differ.

    Parameters
    ----------
    methods : iterable of classes
        With ``words`` and ``library_names``, as schedules and rules have.

    Returns
    -------
    IPython.display.HTML
        One row a library; a method's name stands in the first of its rows.
    """
    rows = []
    for method in methods:
        for i, entry in enumerate(method.library_names):
            words = "" if i else method.words
            rows.append(_row("td", (words, entry.library, entry.name, entry.difference or "the same")))
    head = _row("th", ("here", "library", "its name", "what differs"))
    return HTML(
        f'<table class="dataframe library-names"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table>'
    )


def _row(kind: str, cells: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<{kind}>{escape(cell)}</{kind}>" for cell in cells) + "</tr>"


def show_source(thing: Callable) -> HTML:
    """Return the source of a function or a class as it is in the package, highlighted.

    Parameters
    ----------
    thing : function or class
        With its docstring left out, for the text beside it says more.

    Returns
    -------
    IPython.display.HTML
        With the class names of the book's own code cells, so that both themes color it.
    """
    source = inspect.cleandoc("\n" + inspect.getsource(thing))
    docstring = thing.__doc__ or ""
    if docstring:
        before, _, after = source.partition('"""')
        source = before.rstrip(" r\n") + "\n" + after.partition('"""')[2].lstrip("\n")
    code = highlight(source, PythonLexer(), HtmlFormatter(cssclass="highlight"))
    return HTML(f'<div class="highlight-ipython3 notranslate">{code}</div>')
