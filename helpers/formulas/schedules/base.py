"""What every schedule is: a frozen formula from the step to the learning rate."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np

from helpers.core import checks
from helpers.core.hyperparameters import Hyperparameters, hyperparameter

__all__ = [
    "LibraryName",
    "Schedule",
    "end_lr",
    "factor",
    "min_lr",
    "peak_lr",
    "power",
    "start_lr",
    "torch_line",
    "total_steps",
    "warmup_steps",
]


@dataclass(frozen=True)
class LibraryName:
    """What a library calls a schedule, and where its convention differs from ours.

    Parameters
    ----------
    library : str
        ``"torch"``, ``"Keras"``, ``"Paddle"``, ``"optax"`` or ``"timm"``.
    name : str
        The class or function there.
    difference : str
        One phrase; empty when the numbers are the same.
    """

    library: str
    name: str
    difference: str = ""


class Schedule(Hyperparameters, ABC):
    """A learning rate for every step.

    ``schedule(step)`` is the rate of the update about to be made: `step` counts the updates made
    so far, so the first is 0. A schedule is pure: it remembers nothing, and asking it twice, or
    plotting it first, changes nothing.
    """

    #: One phrase for menus and tables.
    words: ClassVar[str]
    #: The lesson that derives it.
    lesson: ClassVar[int]
    #: The torch expression that gives the same rates; our fields stand in braces.
    torch_code: ClassVar[str]
    #: The same schedule elsewhere, and how the convention differs there.
    library_names: ClassVar[tuple[LibraryName, ...]] = ()

    @property
    def base_lr(self) -> Any:
        """The rate with which an optimizer of another library is made, before its scheduler multiplies."""
        return self.peak_lr

    @property
    def first_lr(self) -> Any:
        """The rate of step 0."""
        return self.base_lr

    @abstractmethod
    def formula(self, t: Any) -> Any:
        """The rate at step `t`, written once for numbers, arrays and symbols."""

    def __call__(self, step: float) -> float:
        """Return the learning rate of one step.

        Parameters
        ----------
        step : int or float
            Updates made so far, zero or more.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If `step` is negative, infinite or NaN.
        """
        checks.non_negative("step", step)
        return float(self.formula(step))

    def rates(self, steps: Any) -> np.ndarray:
        """Return the learning rates of many steps at once.

        Parameters
        ----------
        steps : int or array_like
            A whole number n stands for the steps 0 to n-1.

        Returns
        -------
        ndarray of float64
            One rate a step, in the shape of `steps`.

        Raises
        ------
        TypeError
            If `steps` is neither a whole number nor an array of numbers.
        ValueError
            If any step is negative, infinite or NaN, or the number of steps is negative.
        """
        if isinstance(steps, Integral):
            checks.index("steps", steps)
            steps = np.arange(steps)
        t = np.asarray(steps)
        many = t.dtype.kind in "iuf" and not isinstance(steps, Real)
        checks.kind(many, "be a whole number or an array of steps", "steps", steps)
        t = t.astype(float)
        if t.size:
            checks.non_negative("step", float(t.min()))  # NaN, where there is one
            checks.finite("step", float(t.max()))
        return np.full(t.shape, self.formula(t), dtype=float)

    def torch(self) -> str:
        """Return the torch expression that gives the same rates, for an `optimizer` made with `base_lr`."""
        starts, lines = zip(*self.torch_parts(), strict=True)
        if len(lines) == 1:
            return lines[0]
        return f"SequentialLR(optimizer, [{', '.join(lines)}], milestones={list(starts[1:])})"

    def torch_agrees(self, t: Any) -> Any:
        """Whether torch's line has this rate at step `t`: some of its classes turn round, or refuse."""
        return True

    def torch_parts(self) -> list[tuple[int, str]]:
        """Return each stretch of the schedule: its first step and the torch expression that holds there.

        Torch cannot put one sequence inside another, so a schedule made of schedules lists all parts.
        """
        return [(0, torch_line(self))]


def torch_line(method: Any) -> str:
    """Return a method's ``torch_code`` with the values of its fields in it."""
    names = re.findall(r"{(\w+)", method.torch_code)
    return method.torch_code.format(**{name: getattr(method, name) for name in names})


# The fields that many schedules share, declared once.


def peak_lr(symbol: str = r"\eta_0") -> Any:
    """The highest rate; the symbol is that of a decay, which starts with it."""
    return hyperparameter(
        symbol, "peak learning rate", checks.positive, low=1e-4, high=1.0, log=True, example=0.1
    )


def start_lr() -> Any:
    """The rate at step 0, from which a climb starts."""
    return hyperparameter(
        r"\eta_{\text{start}}", "start learning rate", checks.non_negative, low=0.0, high=0.1, default=0.0
    )


def min_lr(**value: float) -> Any:
    """The lowest rate: with a ``default``, or with an ``example`` where it must be given."""
    return hyperparameter(
        r"\eta_{\text{min}}", "minimum learning rate", checks.non_negative, low=0.0, high=0.1, **value
    )


def end_lr() -> Any:
    """The rate that holds at the last step and after it."""
    return hyperparameter(
        r"\eta_{\text{end}}", "end learning rate", checks.non_negative, low=0.0, high=0.1, default=0.0
    )


def total_steps() -> Any:
    """The length of the whole schedule."""
    return hyperparameter(
        "T", "total steps", checks.count, unit="steps", low=10, high=1000, integer=True, example=1000
    )


def warmup_steps() -> Any:
    """The length of the climb."""
    return hyperparameter(
        "w", "warmup steps", checks.count, unit="steps", low=1, high=500, integer=True, example=100
    )


def power() -> Any:
    """The exponent of a polynomial decay."""
    return hyperparameter("p", "power", checks.positive, low=0.25, high=4.0, default=1.0, example=2.0)


def factor(default: float) -> Any:
    """What the rate is multiplied by."""
    return hyperparameter(
        r"\gamma", "decay factor", checks.unit_interval, low=0.01, high=1.0, default=default
    )
