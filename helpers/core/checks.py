"""Checks of arguments: one message form, "what was required, the name, the value".

Every check takes the argument's name and its value, returns nothing when the value is fit and
raises otherwise: ``TypeError`` for the wrong kind of thing, ``ValueError`` for the wrong value.

>>> positive("total_steps", 0)
Traceback (most recent call last):
...
ValueError: total_steps must be positive, got total_steps=0
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np

__all__ = [
    "at_least_one",
    "boolean",
    "count",
    "each",
    "finite",
    "fraction",
    "generator",
    "increasing",
    "index",
    "integer",
    "kind",
    "non_negative",
    "one_of",
    "positive",
    "real",
    "renamed",
    "require",
    "shape",
    "unit_interval",
]


def renamed(**ours: str) -> Callable[[Callable], Callable]:
    """Let a function that is given an argument by torch's name for it say its own.

    >>> @renamed(p="rate")
    ... def dropped(rate): ...
    >>> dropped(p=0.5)
    Traceback (most recent call last):
    ...
    TypeError: dropped takes rate, got p=0.5; torch's p = rate
    """

    def decorate(function: Callable) -> Callable:
        name = function.__qualname__.removesuffix(".__init__")

        @functools.wraps(function)
        def checked(*args: Any, **named: Any) -> Any:
            for theirs in ours.keys() & named.keys():
                words = f"{name} takes {ours[theirs]}, got {theirs}={named[theirs]!r}"
                raise TypeError(f"{words}; torch's {theirs} = {ours[theirs]}")
            return function(*args, **named)

        return checked

    return decorate


def require(condition: bool, requirement: str, name: str, value: object) -> None:
    """Raise ``ValueError("<name> must <requirement>, got <name>=<value>")`` unless `condition` holds.

    Parameters
    ----------
    condition : bool
        What must be true of the value.
    requirement : str
        The same in words, such as ``"be positive"``.
    name, value
        The argument as the caller knows it.

    Raises
    ------
    ValueError
        If the condition is false.
    """
    if not condition:
        raise ValueError(f"{name} must {requirement}, got {name}={value!r}")


def kind(condition: bool, requirement: str, name: str, value: object) -> None:
    """Raise ``TypeError`` in the same words, and with the value's type, unless `condition` holds.

    Parameters
    ----------
    condition, requirement, name, value
        See :func:`require`.

    Raises
    ------
    TypeError
        If the condition is false.
    """
    if not condition:
        raise TypeError(f"{name} must {requirement}, got {name}={value!r} of type {type(value).__name__}")


def boolean(name: str, value: object) -> None:
    """Require ``True`` or ``False``; a number or a string is neither."""
    kind(isinstance(value, bool | np.bool_), "be True or False", name, value)


def real(name: str, value: object) -> None:
    """Require a real number; a ``bool`` or a string is none.

    Raises
    ------
    TypeError
        If `value` is not a real number.
    """
    kind(isinstance(value, Real) and not isinstance(value, bool), "be a real number", name, value)


def finite(name: str, value: object) -> None:
    """Require a real number that is neither infinite nor NaN."""
    real(name, value)
    require(math.isfinite(value), "be finite", name, value)


def positive(name: str, value: object) -> None:
    """Require a finite number above zero."""
    finite(name, value)
    require(value > 0, "be positive", name, value)


def non_negative(name: str, value: object) -> None:
    """Require a finite number that is zero or above."""
    finite(name, value)
    require(value >= 0, "be zero or positive", name, value)


def fraction(name: str, value: object) -> None:
    """Require a number in [0, 1), as a decay rate or momentum is."""
    finite(name, value)
    require(0 <= value < 1, "be in [0, 1)", name, value)


def unit_interval(name: str, value: object) -> None:
    """Require a number in (0, 1], as a factor that never raises anything is."""
    finite(name, value)
    require(0 < value <= 1, "be in (0, 1]", name, value)


def at_least_one(name: str, value: object) -> None:
    """Require a finite number that is one or above."""
    finite(name, value)
    require(value >= 1, "be at least 1", name, value)


def integer(name: str, value: object) -> None:
    """Require a whole number; a ``bool`` or a float is none.

    Raises
    ------
    TypeError
        If `value` is not a whole number.
    """
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    kind(whole, "be a whole number", name, value)


def count(name: str, value: object) -> None:
    """Require a whole number of one or more, as a number of steps is."""
    integer(name, value)
    require(value > 0, "be positive", name, value)


def index(name: str, value: object) -> None:
    """Require a whole number of zero or more, as a seed or a position is."""
    integer(name, value)
    require(value >= 0, "be zero or positive", name, value)


def generator(name: str, value: object) -> None:
    """Require a source of random numbers, so that every draw has a seed that someone chose."""
    if not isinstance(value, np.random.Generator):
        raise TypeError(f"{name} must be a numpy.random.Generator, got {name} of type {type(value).__name__}")


def one_of(*choices: str) -> Callable[[str, object], None]:
    """Return a check that requires one of the names given.

    >>> one_of("cos", "linear")("anneal", "cosine")
    Traceback (most recent call last):
    ...
    ValueError: anneal must be 'cos' or 'linear', got anneal='cosine'
    """

    def check_one_of(name: str, value: object) -> None:
        require(value in choices, f"be {' or '.join(map(repr, choices))}", name, value)

    return check_one_of


def each(check: Callable[[str, object], None]) -> Callable[[str, object], None]:
    """Turn a check of one value into a check of a non-empty tuple of them.

    >>> each(positive)("values", (0.1, -1.0))
    Traceback (most recent call last):
    ...
    ValueError: values[1] must be positive, got values[1]=-1.0
    """

    def check_each(name: str, values: object) -> None:
        kind(isinstance(values, tuple), "be a tuple", name, values)
        require(len(values) > 0, "not be empty", name, values)
        for i, value in enumerate(values):
            check(f"{name}[{i}]", value)

    return check_each


def increasing(name: str, values: object) -> None:
    """Require a non-empty tuple of positive whole numbers, each larger than the one before."""
    each(count)(name, values)
    ordered = all(a < b for a, b in itertools.pairwise(values))
    require(ordered, "increase from each entry to the next", name, values)


def shape(name: str, array: object, pattern: str, **sizes: int) -> None:
    """Require an array whose shape fits a pattern such as ``"N C H W"``.

    Parameters
    ----------
    name : str
        The argument's name.
    array : array
        Anything with a ``shape``.
    pattern : str
        One letter or word an axis, or a number for a fixed size. A letter that comes twice is one size.
    **sizes : int
        Sizes that are known already; other letters stand for any size.

    Raises
    ------
    TypeError
        If `array` has no shape.
    ValueError
        If the number of axes or a known size differs.

    Examples
    --------
    >>> import numpy as np
    >>> shape("logits", np.zeros((4, 10)), "N K", K=10)
    >>> shape("logits", np.zeros(32), "N K")
    Traceback (most recent call last):
    ...
    ValueError: logits must have shape (N, K), got (32,)
    """
    axes = pattern.split()
    wanted = [f"{axis}={sizes[axis]}" if axis in sizes else axis for axis in axes]
    text = f"({', '.join(wanted)}{',' if len(axes) == 1 else ''})"
    if not hasattr(array, "shape"):
        raise TypeError(
            f"{name} must be an array of shape {text}, got {array!r} of type {type(array).__name__}"
        )
    got = tuple(array.shape)
    known = {**{axis: int(axis) for axis in axes if axis.isdigit()}, **sizes}
    fits = len(got) == len(axes) and all(known.setdefault(a, n) == n for a, n in zip(axes, got, strict=True))
    if not fits:
        raise ValueError(f"{name} must have shape {text}, got {got}")
