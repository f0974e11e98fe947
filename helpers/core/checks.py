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
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np

__all__ = [
    "Each",
    "Interval",
    "at_least_one",
    "boolean",
    "count",
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


@dataclass(frozen=True)
class Interval:
    """The numbers from `low` to `high`: a check of them, and what an error, a page and a table say of it.

    Parameters
    ----------
    low, high : float
        Where it ends. Infinity and NaN never belong to it.
    ends : str
        Two brackets, as in mathematics: a square one where the end belongs to it, a round one where not.
    integer : bool
        Whether its numbers are whole; then a float is none of them, nor is a ``bool`` ever.

    Examples
    --------
    >>> Interval(0, 1, "[)")("momentum", 1)
    Traceback (most recent call last):
    ...
    ValueError: momentum must be in [0, 1), got momentum=1
    """

    low: float = -math.inf
    high: float = math.inf
    ends: str = "()"
    integer: bool = False

    def __call__(self, name: str, value: object) -> None:
        if self.integer:
            whole = isinstance(value, Integral) and not isinstance(value, bool)
            kind(whole, "be a whole number", name, value)
        else:
            real(name, value)
            require(math.isfinite(value), "be finite", name, value)
        require(value in self, f"be {self.words}", name, value)

    def __contains__(self, value: float) -> bool:
        above = value >= self.low if self.ends[0] == "[" else value > self.low
        return above and (value <= self.high if self.ends[1] == "]" else value < self.high)

    @property
    def words(self) -> str:
        """What its numbers are, besides whole or finite."""
        if self.ends == "()" and self.high < math.inf:
            return f"between {self.low:.4g} and {self.high:.4g}"
        if self.high < math.inf:
            return f"in {self.ends[0]}{self.low}, {self.high}{self.ends[1]}"
        if self.low == 0:
            return "zero or positive" if self.ends[0] == "[" else "positive"
        return "any number" if self.low == -math.inf else f"at least {self.low}"


#: A number that is neither infinite nor NaN.
finite = Interval()
#: A finite number above zero.
positive = Interval(0)
#: A finite number that is zero or above.
non_negative = Interval(0, ends="[)")
#: A number in [0, 1), as a decay rate or momentum is.
fraction = Interval(0, 1, "[)")
#: A number in (0, 1], as a factor that never raises anything is.
unit_interval = Interval(0, 1, "(]")
#: A finite number that is one or above.
at_least_one = Interval(1, ends="[)")
#: A whole number; a ``bool`` or a float is none.
integer = Interval(integer=True)
#: A whole number of one or more, as a number of steps is.
count = Interval(0, integer=True)
#: A whole number of zero or more, as a seed or a position is.
index = Interval(0, ends="[)", integer=True)


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


@dataclass(frozen=True)
class Each:
    """A check of a non-empty tuple by a check of its entries.

    Parameters
    ----------
    check : callable
        ``check(name, value)`` of one entry, such as an :class:`Interval`.
    increasing : bool
        Whether each entry has to be larger than the one before.

    Examples
    --------
    >>> Each(positive)("values", (0.1, -1.0))
    Traceback (most recent call last):
    ...
    ValueError: values[1] must be positive, got values[1]=-1.0
    """

    check: Callable[[str, Any], None]
    increasing: bool = False

    def __call__(self, name: str, values: object) -> None:
        kind(isinstance(values, tuple), "be a tuple", name, values)
        require(len(values) > 0, "not be empty", name, values)
        for i, value in enumerate(values):
            self.check(f"{name}[{i}]", value)
        ordered = not self.increasing or all(a < b for a, b in itertools.pairwise(values))
        require(ordered, "increase from each entry to the next", name, values)

    @property
    def integer(self) -> bool:
        """Whether its entries are whole numbers."""
        return self.check.integer


#: A non-empty tuple of positive whole numbers, each larger than the one before.
increasing = Each(count, increasing=True)


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
    sides = [f"{axis}={sizes[axis]}" if axis in sizes else axis for axis in axes]
    text = f"({', '.join(sides)}{',' if len(axes) == 1 else ''})"
    if not hasattr(array, "shape"):
        raise TypeError(
            f"{name} must be an array of shape {text}, got {array!r} of type {type(array).__name__}"
        )
    got = tuple(array.shape)
    values = {**{axis: int(axis) for axis in axes if axis.isdigit()}, **sizes}
    fits = len(got) == len(axes) and all(values.setdefault(a, n) == n for a, n in zip(axes, got, strict=True))
    if not fits:
        raise ValueError(f"{name} must have shape {text}, got {got}")
