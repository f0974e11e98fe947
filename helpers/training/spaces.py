"""The space of a search: the fields of dataclasses, with the ranges and scales that they declare.

A part of the space is a dataclass, every declared field of which is searched, or a ``functools.partial`` of
one, whose arguments stay as they are.

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
import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from typing import TYPE_CHECKING, Any

from helpers.core import checks
from helpers.core.hyperparameters import hyperparameters

if TYPE_CHECKING:
    import optuna

__all__ = ["BORDER", "Axis", "axes_of", "build"]

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
        low, high, value = map(math.log if self.log else float, (self.low, self.high, value))
        return (value - low) / (high - low)

    def value(self, position: float) -> float:
        """Return the value at a position from 0 to 1, a whole number where only those are asked for."""
        if self.log:
            value = self.low ** (1 - position) * self.high**position
        else:
            value = (1 - position) * self.low + position * self.high
        value = round(value) if self.integer else value
        return min(max(value, self.low), self.high)  # rounding may have left the range by a last digit

    def points(self, n: int) -> list[float]:
        """Return `n` values, two or more, at equal distances; of whole numbers at most those there are."""
        n = min(n, self.high - self.low + 1) if self.integer else n
        return [self.value(i / (n - 1)) for i in range(n)]

    def narrowed(self, center: float, share: float) -> Axis:
        """Return the axis cut down to a share of its length around a value; at an end it keeps its length."""
        checks.unit_interval("share", share)
        start = min(max(self.position(center) - share / 2, 0.0), 1.0 - share)
        low, high = self.value(start), self.value(start + share)
        if low == high:  # whole numbers, the share of which holds one alone
            low, high = max(self.low, low - 1), min(self.high, high + 1)
        return dataclasses.replace(self, low=low, high=high)

    def border(self, value: float) -> str:
        """Return ``"lower"`` or ``"upper"`` if a value is the last whole number or in the last twentieth."""
        margin, place = 0.0 if self.integer else BORDER, self.position(value)
        return "lower" if place <= margin else "upper" if place >= 1 - margin else ""

    def suggest(self, trial: optuna.Trial) -> float:
        """Return a trial's value."""
        suggest = trial.suggest_int if self.integer else trial.suggest_float
        return suggest(self.name, self.low, self.high, log=self.log)


def axes_of(space: Space, ranges: Mapping[str, tuple[float, float]] | None = None) -> tuple[Axis, ...]:
    """Return what is searched in a space, in the order of its parts and of their fields.

    Parameters
    ----------
    space : mapping
        Name of a part to a dataclass, all declared fields of which are searched, or to a
        ``functools.partial`` of one, whose arguments stay as they are.
    ranges : mapping, optional
        Name of an axis to ``(low, high)``, where the declared range is not the one wanted.

    Raises
    ------
    TypeError
        If a part is no dataclass, or a field can neither be searched nor has a value.
    ValueError
        If nothing is left to search, or `ranges` names what is not searched.

    Examples
    --------
    >>> from helpers.formulas.rules import Momentum
    >>> [axis.name for axis in axes_of({"rule": Momentum})]
    ['rule.momentum']
    """
    ranges = dict(ranges or {})
    axes = []
    for part, factory in space.items():
        for name, field in _open_fields(part, factory).items():
            low, high = ranges.pop(f"{part}.{name}", (field.low, field.high))
            axes.append(Axis(f"{part}.{name}", low, high, field.log, field.integer))
    checks.require(len(axes) > 0, "leave a field to search", "space", dict(space))
    names = [axis.name for axis in axes]
    checks.require(not ranges, f"name only what is searched, {names}", "ranges", sorted(ranges))
    return tuple(axes)


def build(space: Space, values: Mapping[str, float]) -> dict[str, Any]:
    """Return an instance of every part of a space, from the names of axes and their values."""
    parts = {part: {} for part in space}
    for name, value in values.items():
        part, field = name.split(".")
        parts[part][field] = value
    return {part: space[part](**own) for part, own in parts.items()}


def _open_fields(part: str, factory: Any) -> dict[str, Any]:
    """Return what is declared of the fields that the search may choose."""
    method, bound = getattr(factory, "func", factory), getattr(factory, "keywords", {})
    if not (isinstance(method, type) and dataclasses.is_dataclass(method)) or getattr(factory, "args", ()):
        raise TypeError(
            f"space[{part!r}] must be a dataclass, or a functools.partial of one with arguments by name,"
            f" got {factory!r}"
        )
    declared = {name: field for name, field in hyperparameters(method).items() if name not in bound}
    searched = {name: field for name, field in declared.items() if not isinstance(field.example, tuple)}
    for f in dataclasses.fields(method):
        required = f.init and f.default is MISSING and f.default_factory is MISSING
        if required and f.name not in searched and f.name not in bound:
            raise TypeError(
                f"space[{part!r}] must fix what cannot be searched,"
                f" as in functools.partial({method.__name__}, {f.name}=...), got no {f.name}"
            )
    return searched
