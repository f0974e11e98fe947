"""The functions that formulas are written with: one name each, for numbers, arrays and symbols.

``cos(x)`` is Python's on a number, NumPy's or torch's on an array, SymPy's on a symbol. A formula
written with these and with the operators ``+ - * / **`` can be run, trained with, displayed and
translated to JavaScript, and all of them are the same lines.

Arrays go through the array API standard (``array-api-compat``); SymPy and torch are touched only
by someone who brings a symbol or a tensor. NaN stays NaN. Where a function has no value, a number
raises as Python's operators do (``log(0)``), and an array holds what its library puts there.

>>> import numpy as np
>>> minimum(7, 5), minimum(np.array([1.0, 7.0]), 5)
(5, array([1., 5.]))
"""

from __future__ import annotations

import functools
import math
from bisect import bisect_right

from array_api_compat import array_namespace, is_array_api_obj

from helpers.core.constants import pi  # noqa: F401 - formulas are written with it as with the functions here

__all__ = [
    "absolute",
    "ceil",
    "cos",
    "count_reached",
    "cycles_completed",
    "exp",
    "floor",
    "geometric_sum",
    "log",
    "log1p",
    "maximum",
    "minimum",
    "named",
    "norm",
    "piecewise",
    "remainder",
    "shown_as",
    "sigmoid",
    "sign",
    "sin",
    "softplus",
    "sqrt",
    "square",
    "tanh",
    "time_since",
    "where",
    "zeros_like",
]

Number = (float, int)


def is_symbolic(x: object) -> bool:
    """Tell whether `x` is a SymPy expression or relation, without importing SymPy."""
    return hasattr(x, "free_symbols")


def _symbols():
    from helpers.core import symbols  # SymPy takes a second to import: only when a symbol is here

    return symbols


def _sign(x: float) -> float:
    return x if x == 0 or math.isnan(x) else math.copysign(1.0, x)


def _elementwise(name: str, on_number, meaning: str):
    def function(x):
        if isinstance(x, Number):
            return on_number(x)
        if is_symbolic(x):
            return getattr(_symbols(), name)(x)
        return getattr(array_namespace(x), {"absolute": "abs"}.get(name, name))(x)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{meaning} of a number, an array (elementwise) or a symbol."
    return function


cos = _elementwise("cos", math.cos, "Cosine")
sin = _elementwise("sin", math.sin, "Sine")
exp = _elementwise("exp", math.exp, "Exponential")
tanh = _elementwise("tanh", math.tanh, "Hyperbolic tangent")
log = _elementwise("log", math.log, "Natural logarithm")
log1p = _elementwise("log1p", math.log1p, "Natural logarithm of one more than the value")
sqrt = _elementwise("sqrt", math.sqrt, "Square root")
square = _elementwise("square", lambda x: x * x, "Square (infinite, not an error, past the largest number)")
floor = _elementwise("floor", math.floor, "Largest whole number at or below the value")
ceil = _elementwise("ceil", math.ceil, "Smallest whole number at or above the value")
absolute = _elementwise("absolute", abs, "Absolute value")
sign = _elementwise("sign", _sign, "Sign (-1, 0 or 1)")


def _like(xp, value, array):
    """`value` as an array that can meet `array`: a scalar takes its type, so that no digit is lost."""
    if is_array_api_obj(value):
        return value
    keeps = isinstance(value, int) or xp.isdtype(array.dtype, "real floating")
    return xp.asarray(value, dtype=array.dtype if keeps else None)


def _arrays(*values):
    arrays = [v for v in values if is_array_api_obj(v)]
    xp = array_namespace(*arrays)
    return xp, [_like(xp, v, arrays[0]) for v in values]


def minimum(a, b):
    """Smaller of two values, elementwise for arrays."""
    if isinstance(a, Number) and isinstance(b, Number):
        return a if a < b or math.isnan(a) else b
    if is_symbolic(a) or is_symbolic(b):
        return _symbols().minimum(a, b)
    xp, (a, b) = _arrays(a, b)
    return xp.minimum(a, b)


def maximum(a, b):
    """Larger of two values, elementwise for arrays."""
    if isinstance(a, Number) and isinstance(b, Number):
        return a if a > b or math.isnan(a) else b
    if is_symbolic(a) or is_symbolic(b):
        return _symbols().maximum(a, b)
    xp, (a, b) = _arrays(a, b)
    return xp.maximum(a, b)


def sigmoid(x):
    """1 / (1 + exp(-x)), without overflow at either end."""
    return _symbols().sigmoid(x) if is_symbolic(x) else exp(minimum(x, 0)) / (1 + exp(-absolute(x)))


def softplus(x):
    """log(1 + exp(x)), exact at both ends: exp(x) far below zero, x far above."""
    return _symbols().softplus(x) if is_symbolic(x) else maximum(x, 0) + log1p(exp(-absolute(x)))


def where(condition, a, b):
    """`a` where the condition holds, else `b`: a choice, a mask or a case of an equation.

    Both `a` and `b` are evaluated, so neither may divide by zero where it is not chosen.
    """
    if is_symbolic(condition):
        return _symbols().where(condition, a, b)
    if isinstance(condition, bool):
        return a if condition else b
    xp = array_namespace(condition)
    arrays = [v for v in (a, b) if is_array_api_obj(v)]
    like = arrays[0] if arrays else xp.asarray(0.0, dtype=xp.float64)
    return xp.where(condition, _like(xp, a, like), _like(xp, b, like))


def time_since(start, t):
    """Steps from `start` to `t`, and 0 before it; for the case of an equation that holds from `start` on.

    A symbol's is the plain difference, for such a case is not read before `start`.
    """
    return t - start if is_symbolic(t) else maximum(t - start, 0)


def zeros_like(x):
    """Zero of the kind of `x`: the state from which most update rules start."""
    return array_namespace(x).zeros_like(x) if is_array_api_obj(x) else 0.0


def count_reached(thresholds: tuple, t):
    """How many of the thresholds are at or below `t`.

    Parameters
    ----------
    thresholds : tuple of numbers or symbols
    t : number, array or symbol

    Returns
    -------
    Same kind as `t`, from 0 to ``len(thresholds)``.
    """
    if is_symbolic(t):
        return _symbols().CountReached(t, *thresholds)
    return sum(where(t >= threshold, 1, 0) for threshold in thresholds)


def piecewise(t, starts: tuple, functions: tuple):
    """Value of the function in whose stretch `t` lies, of the time since that stretch began.

    Parameters
    ----------
    t : number, array or symbol
    starts : tuple
        Where each function but the first begins; increasing.
    functions : tuple of callables
        One more than there are starts. On a number only the one that counts is called.
    """
    if isinstance(t, Number):
        i = bisect_right(starts, t)
        return functions[i](t - starts[i - 1] if i else t)
    first, *others = functions
    values = [first(t), *(function(time_since(s, t)) for s, function in zip(starts, others, strict=True))]
    result = values.pop()
    for start, value in zip(reversed(starts), reversed(values), strict=True):
        result = where(t < start, value, result)
    return result


def remainder(t, period):
    """What is left of `t` after whole periods: from 0, which belongs, to the period, which does not.

    Both are zero or above, the period above.
    """
    return _symbols().Remainder(t, period) if is_symbolic(t) else t % period


def geometric_sum(ratio, n):
    """1 + ratio + ratio**2 + ... with `n` terms; `n` itself for a ratio of 1.

    >>> geometric_sum(2, 3), geometric_sum(1, 3), geometric_sum(2, 0)
    (7.0, 3, 0.0)
    """
    if is_symbolic(ratio) or is_symbolic(n):
        return _symbols().GeometricSum(ratio, n)
    return n if ratio == 1 else (ratio**n - 1) / (ratio - 1)


def cycles_completed(t, first, ratio):
    """How many cycles are over at `t`, when the first lasts `first` and each next one `ratio` times longer.

    A cycle is over at its last moment: exact there, though the count comes from a logarithm.

    Parameters
    ----------
    t : number, array or symbol
        Zero or more.
    first : number or symbol
        Length of the first cycle, above 0.
    ratio : int or symbol
        1 or more.

    Examples
    --------
    >>> [cycles_completed(t, first=10, ratio=2) for t in (0, 9.9, 10, 29, 30, 70)]
    [0, 0, 1, 1, 2, 3]
    """
    if is_symbolic(t):
        return _symbols().CyclesCompleted(t, first, ratio)
    if ratio == 1:
        return floor(t / first)
    nearest = floor(log1p(t * (ratio - 1) / first) / math.log(ratio) + 0.5)
    return nearest - where(first * geometric_sum(ratio, nearest) > t, 1, 0)


def named(name: str, value):
    """`value`; an equation writes the name in its place and says behind the formula what it stands for.

    Parameters
    ----------
    name : str
        A letter, such as ``"i"``.
    value : number, array or symbol
    """
    return _symbols().named(name, value) if is_symbolic(value) else value


def shown_as(template: str):
    """Let an equation show a function by its name: for what works on whole arrays, not entry by entry.

    Parameters
    ----------
    template : str
        LaTeX of the call; ``#`` stands for the argument.

    Returns
    -------
    decorator
        Of a function of one argument. On a symbol the function is not run; the call is kept.
    """

    def decorate(function):
        @functools.wraps(function)
        def either(x):
            return _symbols().shown(template)(x) if is_symbolic(x) else function(x)

        return either

    return decorate


@shown_as(r"\left\lVert # \right\rVert")
def norm(x):
    """Euclidean norm of a whole array, taken as one vector; absolute value of a number."""
    return abs(x) if isinstance(x, Number) else array_namespace(x).linalg.vector_norm(x)
