"""The search space: the fields of dataclasses, with the ranges and scales that they declare.

A part of the space is a dataclass, every declared field of which is searched, or a
``functools.partial`` of one, whose arguments stay as they are.

>>> from functools import partial
>>> from helpers.formulas.schedules import CosineDecay
>>> cosine = partial(CosineDecay, total_steps=400, end_lr=0.0)
>>> axes_of({"schedule": cosine})
(Axis(name='schedule.peak_lr', low=0.0001, high=1.0, log=True, integer=False),)
>>> build({"schedule": cosine}, {"schedule.peak_lr": 0.1})["schedule"](0)
0.1
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from typing import Any

from helpers.core import checks
from helpers.core.hyperparameters import hyperparameters

__all__ = ["BORDER", "Axis", "allows", "axes_of", "build", "fixed_of"]

Space = Mapping[str, Any]
#: The share of an axis, at each end, in which a best value counts as lying on the border.
BORDER = 0.05


@dataclass(frozen=True)
class Axis:
    """One number that is searched.

    Parameters
    ----------
    name : str
        The part of the space and the field, such as ``"schedule.peak_lr"``.
    low, high : float
        Ends of the range; both belong to it.
    log : bool
        Whether equal ratios count as equal distances; `low` is above 0 then.
    integer : bool
        Whether only whole numbers are asked for.

    Raises
    ------
    TypeError, ValueError
        If the ends are not finite numbers in order, or do not fit the scale.

    Examples
    --------
    >>> lr = Axis("lr", 0.001, 1.0, log=True)
    >>> lr.points(4)
    [0.001, 0.01, 0.1, 1.0]
    >>> lr.narrowed(0.1, share=1 / 3)
    Axis(name='lr', low=0.0316..., high=0.316..., log=True, integer=False)
    """

    name: str
    low: float
    high: float
    log: bool = False
    integer: bool = False

    def __post_init__(self) -> None:
        check = checks.integer if self.integer else checks.finite
        check(f"{self.name}.low", self.low)
        check(f"{self.name}.high", self.high)
        checks.require(self.low < self.high, "have low < high", self.name, (self.low, self.high))
        if self.log:
            checks.positive(f"{self.name}.low", self.low)

    def position(self, value: float) -> float:
        """Return where a value lies, from 0 at the low end to 1 at the high end."""
        low, high, value = map(math.log, (self.low, self.high, value)) if self.log else self._plain(value)
        return (value - low) / (high - low)

    def value(self, position: float) -> float:
        """Return the value at a position from 0 to 1, a whole number where only those are asked for."""
        if self.log:
            value = self.low ** (1 - position) * self.high**position
        else:
            value = (1 - position) * self.low + position * self.high
        value = round(value) if self.integer else value
        return min(max(value, self.low), self.high)  # rounding may have left the range by a last digit

    def count(self, n: int) -> int:
        """Return how many of `n` points fit on the axis: all, or as many as it has whole numbers."""
        return min(n, self.high - self.low + 1) if self.integer else n

    def points(self, n: int) -> list[float]:
        """Return `n` points, two or more, at equal distances, the ends being the first and the last."""
        return [self.value(i / (n - 1)) for i in range(n)]

    def narrowed(self, center: float, share: float) -> Axis:
        """Return the axis cut down to a share of its length around a value.

        Near an end it is moved, so that it stays inside and keeps its length.

        Parameters
        ----------
        center : float
            A value on the axis.
        share : float
            In (0, 1].
        """
        start = min(max(self.position(center) - share / 2, 0.0), 1.0 - share)
        low, high = self.value(start), self.value(start + share)
        if low == high:  # whole numbers, the share of which holds one alone
            low, high = max(self.low, low - 1), min(self.high, high + 1)
        return dataclasses.replace(self, low=low, high=high)

    def beyond(self, side: str) -> float:
        """Return a value a little outside the ``"lower"`` or the ``"upper"`` end."""
        if self.integer:
            return self.low - 1 if side == "lower" else self.high + 1
        end = self.low if side == "lower" else self.high
        far = (self.high / self.low) ** BORDER if self.log else (self.high - self.low) * BORDER
        if self.log:
            return end / far if side == "lower" else end * far
        return end - far if side == "lower" else end + far

    def border(self, value: float) -> str:
        """Return ``"lower"`` or ``"upper"`` if the value lies at that end of the axis, else nothing.

        A whole number must be the last one; another number lies there in the last twentieth.
        """
        margin = 0.0 if self.integer else BORDER
        place = self.position(value)
        return "lower" if place <= margin else "upper" if place >= 1 - margin else ""

    def _plain(self, value: float) -> tuple[float, float, float]:
        return self.low, self.high, value


def axes_of(space: Space, ranges: Mapping[str, tuple[float, float]] | None = None) -> tuple[Axis, ...]:
    """Return what is searched in a space, in the order of its parts and of their fields.

    Parameters
    ----------
    space : mapping
        Name of a part to a dataclass, or to a ``functools.partial`` of one.
    ranges : mapping, optional
        Name of an axis to ``(low, high)``, where the declared range is not the one wanted.

    Raises
    ------
    TypeError
        If a part is no dataclass, or a field can neither be searched nor has a value.
    ValueError
        If nothing is left to search, or `ranges` names what is not searched.
    """
    ranges = dict(ranges or {})
    axes = []
    for part, factory in space.items():
        for field, about in _open_fields(part, factory).items():
            name = f"{part}.{field}"
            low, high = ranges.pop(name, (about.low, about.high))
            axes.append(Axis(name, low, high, about.log, about.integer))
    names = [axis.name for axis in axes]
    checks.require(len(axes) > 0, "leave a field to search", "space", dict(space))
    checks.require(not ranges, f"name only what is searched, {names}", "ranges", sorted(ranges))
    return tuple(axes)


def fixed_of(space: Space) -> dict[str, str]:
    """Return in words what each part of a space is, and what stays as it is in it."""
    return {part: f"{_made(f).__qualname__}({_said(_bound(f))})" for part, f in space.items()}


def build(space: Space, values: Mapping[str, float]) -> dict[str, Any]:
    """Return an instance of every part of a space.

    Parameters
    ----------
    space : mapping
        As for :func:`axes_of`.
    values : mapping
        Name of an axis to its value.

    Raises
    ------
    TypeError, ValueError
        What the dataclass raises where the values do not go together.
    """
    parts = {part: {} for part in space}
    for name, value in values.items():
        part, field = name.split(".")
        parts[part][field] = value
    return {part: space[part](**chosen) for part, chosen in parts.items()}


def allows(space: Space, name: str, value: float) -> bool:
    """Tell whether the field behind an axis takes a value, by its own check.

    >>> from helpers.formulas.rules import Momentum
    >>> allows({"rule": Momentum}, "rule.momentum", 0.999), allows({"rule": Momentum}, "rule.momentum", 1.0)
    (True, False)
    """
    part, field = name.split(".")
    try:
        hyperparameters(_made(space[part]))[field].check(field, value)
    except (TypeError, ValueError):
        return False
    return True


def _open_fields(part: str, factory: Any) -> dict[str, Any]:
    """Return what is declared of the fields that the search may choose."""
    made, bound = _made(factory), _bound(factory)
    if not (isinstance(made, type) and dataclasses.is_dataclass(made)) or getattr(factory, "args", ()):
        raise TypeError(
            f"space[{part!r}] must be a dataclass, or a functools.partial of one with arguments by name,"
            f" got {factory!r}"
        )
    declared = {n: about for n, about in hyperparameters(made).items() if n not in bound}
    searched = {n: about for n, about in declared.items() if not isinstance(about.example, tuple)}
    required = [f.name for f in dataclasses.fields(made) if f.init and _has_no_default(f)]
    missing = [n for n in required if n not in searched and n not in bound]
    if missing:
        raise TypeError(
            f"space[{part!r}] must fix what cannot be searched,"
            f" as in functools.partial({made.__name__}, {missing[0]}=...), got no {missing[0]}"
        )
    return searched


def _has_no_default(field: dataclasses.Field) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _made(factory: Any) -> Any:
    return factory.func if isinstance(factory, functools.partial) else factory


def _bound(factory: Any) -> dict[str, Any]:
    return factory.keywords if isinstance(factory, functools.partial) else {}


def _said(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in values.items())
