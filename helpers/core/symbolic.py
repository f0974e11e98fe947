r"""One formula, many readers: the equation and the JavaScript of a method, from the code that runs.

A *method* is a frozen dataclass (see :mod:`helpers.core.hyperparameters`). Its *twin* is the same
object with a symbol in place of every number; running the method's own code on the twin gives the
expression that SymPy prints.

>>> from helpers.formulas.schedules import ExponentialDecay
>>> method = ExponentialDecay(peak_lr=0.1, gamma=0.5, decay_steps=10)
>>> expression(method)[0]
p.gamma**(t/p.decay_steps)*p.peak_lr
>>> latex(method)
'\\eta_0 \\gamma^{\\frac{t}{D}}'
>>> latex(method, values=True)
'0.1 \\cdot 0.5^{\\frac{t}{10}}'
>>> javascript(method)
'(t, p) => Math.pow(p.gamma, t/p.decay_steps)*p.peak_lr'

A method may have further formulas, such as a loss's derivative: they are named by ``of``. The symbols
of a formula's arguments are in the method's ``argument_symbols``, where they are not the names.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from functools import cache, partial
from numbers import Real
from typing import Any

import sympy

from helpers.core.hyperparameters import Hyperparameter
from helpers.core.symbols import split  # with it SymPy learns to read pi, before any formula is traced

__all__ = [
    "TracedUpdate",
    "Twin",
    "expression",
    "javascript",
    "latex",
    "latex_template",
    "one_line",
    "printed",
    "python",
    "trace",
    "traced_update",
    "twin",
    "update_javascript",
    "update_latex",
]


@dataclasses.dataclass(frozen=True)
class Twin:
    """A method whose numbers are symbols.

    Parameters
    ----------
    method : object
        The twin itself: same class, symbols as fields.
    names : dict
        Symbol to its LaTeX.
    values : dict
        Symbol to the number that it stands for.
    """

    method: Any
    names: dict
    values: dict


def twin(method: Any, path: str = "p", mark: str = "") -> Twin:
    """Return the twin of a method: each number becomes a symbol named after its place.

    Parameters
    ----------
    method : dataclass instance
        Numbers, tuples of numbers and methods inside it are followed; anything else (a choice of
        form, ``None``) stays as it is, for it decides which formula is traced.
    path : str
        How JavaScript reaches the method's fields.
    mark : str
        LaTeX put behind each symbol, to tell apart the members of a tuple of methods.

    Returns
    -------
    Twin
    """
    names, values = {}, {}

    def symbol(number: Real, place: str, text: str) -> sympy.Symbol:
        s = sympy.Symbol(place, real=True)
        names[s], values[s] = text + mark, number
        return s

    def inner(part: Any, place: str, extra: str) -> Any:
        letters = twin(part, place, mark + extra)
        names.update(letters.names)
        values.update(letters.values)
        return letters.method

    def follow(value: Any, place: str, field: Hyperparameter | None) -> Any:
        if dataclasses.is_dataclass(value):
            return inner(value, place, "")
        if isinstance(value, tuple) and field is None:
            return tuple(inner(v, f"{place}[{i}]", f"^{{({i + 1})}}") for i, v in enumerate(value))
        if isinstance(value, tuple):
            text = [f"{field.symbol}_{{{i + field.first_index}}}" for i in range(len(value))]
            return tuple(symbol(v, f"{place}[{i}]", text[i]) for i, v in enumerate(value))
        if field is not None and isinstance(value, Real) and not isinstance(value, bool):
            return symbol(value, place, field.symbol)
        return value

    copy = object.__new__(type(method))  # the checks are for numbers, a twin has none
    for f in dataclasses.fields(method):
        value = getattr(method, f.name)
        object.__setattr__(copy, f.name, follow(value, f"{path}.{f.name}", f.metadata.get("hyperparameter")))
    return Twin(copy, names, values)


def trace(formula: Any, *args: Any) -> Any:
    """Run code on symbols and keep what it wrote as it wrote it, nothing simplified."""
    with sympy.evaluate(False):
        return formula(*args)


def _arguments(method: Any, of: str) -> list[sympy.Symbol]:
    """The symbols of a formula's arguments, named as the code names them."""
    return [sympy.Symbol(name, real=True) for name in inspect.signature(getattr(method, of)).parameters]


@cache
def _traced(method: Any, of: str) -> tuple[sympy.Expr, Twin]:
    letters, arguments = twin(method), _arguments(method, of)
    texts = getattr(method, "argument_symbols", {})
    names = {symbol: texts.get(symbol.name, symbol.name) for symbol in arguments}
    expr = sympy.sympify(trace(getattr(letters.method, of), *arguments))
    return expr, dataclasses.replace(letters, names={**letters.names, **names})


def expression(method: Any, of: str = "formula") -> tuple[sympy.Expr, Twin]:
    """Return the expression of one of a method's formulas and the twin whose symbols it holds.

    Parameters
    ----------
    method : frozen dataclass instance
    of : str
        The name of the formula: a method whose arguments are numbers.

    Returns
    -------
    sympy.Expr, Twin
    """
    return _traced(method, of)


def printed(expr: Any, names: dict) -> str:
    """LaTeX of an expression in the order in which it was written, then what its named values stand for."""
    expr, values = split(expr)
    write = partial(sympy.latex, order="none", symbol_names=names)
    return r", \quad ".join(
        [write(expr), *(f"{symbol} = {write(value)}" for symbol, value in values.items())]
    )


def _number(value: float) -> str:
    r"""LaTeX of a number: six digits, and a power of ten where Python writes an e."""
    digits, e, exponent = f"{value:.6g}".partition("e")
    return rf"{digits} \cdot 10^{{{int(exponent)}}}" if e else digits


def latex(method: Any, values: bool = False, of: str = "formula") -> str:
    """Return the LaTeX of a method's formula.

    Parameters
    ----------
    method : dataclass instance with a ``formula(t)``
    values : bool
        Whether the present numbers stand in place of the symbols.
    of : str
        The name of the formula, where it is another one.

    Returns
    -------
    str
    """
    expr, letters = expression(method, of)
    present = {s: _number(v) for s, v in letters.values.items()} if values else {}
    return printed(expr, {**letters.names, **present})


def latex_template(method: Any, of: str = "formula") -> tuple[str, dict[str, str]]:
    """Return the LaTeX with a stand-in number for each value, for a page that fills in the present ones.

    Returns
    -------
    str
        LaTeX in which each symbol is a whole number of seven digits.
    dict
        Stand-in to the place of the value, such as ``{"9000001": "p.peak_lr"}``.
    """
    expr, letters = expression(method, of)
    stand_ins = {s: str(9_000_001 + i) for i, s in enumerate(letters.values)}
    return printed(expr, {**letters.names, **stand_ins}), {text: s.name for s, text in stand_ins.items()}


def javascript(method: Any, of: str = "formula") -> str:
    """Return the JavaScript function ``(t, p) => ...`` of a method's formula.

    ``p`` is an object with the method's fields; tuples are arrays, a method inside is an object.
    A formula of other variables than ``t`` takes those, such as ``(x, y, p) => ...``.
    """
    expr, _ = expression(method, of)
    return f"({', '.join([*(s.name for s in _arguments(method, of)), 'p'])}) => {one_line(expr)}"


@dataclasses.dataclass(frozen=True)
class TracedUpdate:
    """What one update of a rule writes: an expression for each entry of the state, then the parameter.

    Parameters
    ----------
    state : dict
        Name of the entry to its new value, in terms of the old state and of entries above it.
    param : sympy.Expr
        The new parameter, in terms of the new state.
    names : dict
        Symbol to LaTeX.
    """

    state: dict
    param: Any
    names: dict


@cache
def traced_update(rule: Any) -> TracedUpdate:
    """Run ``rule.update`` once on symbols.

    Parameters
    ----------
    rule : frozen dataclass
        With ``init(param) -> dict`` and ``update(param, grad, state, lr) -> (param, state)``.

    Returns
    -------
    TracedUpdate
    """
    letters = twin(rule)
    param, grad, lr = (sympy.Symbol(name, real=True) for name in ("param", "grad", "lr"))
    names = {**letters.names, param: r"\theta_{t-1}", grad: "g_t", lr: r"\eta_t"}
    old, new = {}, {}
    for key in rule.init(0.0):
        text = rule.state_symbols.get(key, key)
        old[key], new[key] = sympy.Symbol(f"state.{key}", real=True), sympy.Symbol(key, real=True)
        names[old[key]], names[new[key]] = ("t-1", "t") if key == "step" else (f"{text}_{{t-1}}", f"{text}_t")
    result, state = trace(letters.method.update, param, grad, old, lr)
    shorthand = {}  # what is named above is called by its name below
    for key, expr in state.items():
        state = {**state, key: expr.xreplace(shorthand)}
        shorthand[expr] = new[key]
        shorthand[state[key]] = new[key]
    return TracedUpdate(state, result.xreplace(shorthand), names)


def update_latex(rule: Any) -> list[str]:
    r"""Return the equations of a rule, one a line: the state first, then the parameter.

    >>> from helpers.formulas.rules import Momentum
    >>> for line in update_latex(Momentum(momentum=0.9)): print(line)
    v_t = \mu v_{t-1} + g_t
    \theta_t = \theta_{t-1} - \eta_t v_t
    """
    traced = traced_update(rule)
    left = {key: rf"{rule.state_symbols.get(key, key)}_t" for key in traced.state if key != "step"}
    lines = [f"{text} = {printed(traced.state[key], traced.names)}" for key, text in left.items()]
    return [*lines, rf"\theta_t = {printed(traced.param, traced.names)}"]


def update_javascript(rule: Any) -> str:
    """Return the JavaScript function ``(param, grad, state, lr, p) => ({ param, state })`` of a rule."""
    traced = traced_update(rule)
    lines = [f"const {key} = {one_line(expr)};" for key, expr in traced.state.items()]
    body = " ".join(
        [*lines, f"return {{ param: {one_line(traced.param)}, state: {{ {', '.join(traced.state)} }} }};"]
    )
    return f"(param, grad, state, lr, p) => {{ {body} }}"


def one_line(expr: Any) -> str:
    """Return the JavaScript of an expression on one line; each named value is computed once."""
    return _on_one_line(expr, sympy.jscode, "(({}) => {})({})")


def python(expr: Any) -> str:
    """Return the Python of an expression on one line, for whoever has imported ``math``.

    >>> from helpers.formulas.schedules import NaturalExponentialDecay
    >>> python(expression(NaturalExponentialDecay(0.1, decay_rate=0.01))[0])
    'p.peak_lr*math.exp((-p.decay_rate)*t)'
    """
    return _on_one_line(expr, sympy.pycode, "(lambda {}: {})({})")


def _on_one_line(expr: Any, write: Callable[[Any], str], function: str) -> str:
    expr, values = split(expr)
    text = write(expr)
    for symbol, value in reversed(values.items()):
        text = function.format(symbol, text, write(value)).replace("'", "_")
    return " ".join(text.split())
