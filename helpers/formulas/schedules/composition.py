r"""Schedules made of schedules and of functions: warmup before one, several in a row, any function.

>>> from helpers.formulas.schedules import LinearDecay
>>> halving = Lambda(0.1, lambda t: 0.5**t)
>>> schedule = Joined((LinearDecay(peak_lr=0.1, total_steps=10), halving), milestones=(10,))
>>> [round(schedule(step), 12) for step in (0, 5, 10, 11)]
[0.1, 0.05, 0.1, 0.05]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.core import checks
from helpers.core.hyperparameters import hyperparameter
from helpers.core.mathematics import piecewise
from helpers.formulas.schedules import fields
from helpers.formulas.schedules.base import Schedule

__all__ = ["Joined", "Lambda", "Warmup"]


def schedule(name: str, value: object) -> None:
    """Require a schedule."""
    if not isinstance(value, Schedule):
        raise TypeError(f"{name} must be a Schedule, got {name}={value!r}")


@dataclass(frozen=True)
class Warmup(Schedule):
    """Climb to another schedule's first rate along a straight line, then follow that schedule.

    The inner schedule's clock starts when the climb ends. The whole is therefore
    ``warmup_steps + inner.total_steps`` long, which is what :attr:`total_steps` says. A decay starts with its
    highest rate; a schedule that climbs by itself starts low, and needs no warmup before it.

    Parameters
    ----------
    inner : Schedule
        What follows the climb.
    warmup_steps : int
        Step at which the first rate of `inner` is reached, above 0.
    start_lr : float
        Rate at step 0, zero or above. With 0 the first update changes nothing.

    Examples
    --------
    >>> from helpers.formulas.schedules import CosineDecay, Warmup
    >>> schedule = Warmup(CosineDecay(peak_lr=0.1, total_steps=900), warmup_steps=100)
    >>> schedule(50), schedule(100), schedule(1000), schedule.total_steps
    (0.05, 0.1, 0.0, 1000)

    References
    ----------
    .. [1] P. Goyal et al., "Accurate, large minibatch SGD: Training ImageNet in 1 hour",
       arXiv:1706.02677, 2017, section 2.2.
    """

    inner: Schedule
    warmup_steps: int = fields.warmup_steps()
    start_lr: float = fields.start_lr()

    words = "warmup, then another schedule"
    lesson = 19

    def __post_init__(self) -> None:
        super().__post_init__()
        schedule("inner", self.inner)

    @property
    def base_lr(self) -> Any:
        return self.inner.base_lr

    @property
    def first_lr(self) -> Any:
        return self.start_lr

    @property
    def total_steps(self) -> int:
        """The length of the whole, warmup included; an inner schedule without an end has none.

        Raises
        ------
        AttributeError
            If the inner schedule never ends.
        """
        return self.warmup_steps + self.inner.total_steps

    def torch_parts(self) -> list[tuple[int, str]]:
        behind = [(self.warmup_steps + start, line) for start, line in self.inner.torch_parts()]
        return [*super().torch_parts(), *behind]

    def torch_agrees(self, t: Any) -> Any:
        return self.inner.torch_agrees(t - self.warmup_steps)

    def formula(self, t: Any) -> Any:
        return piecewise(t, (self.warmup_steps,), (self.climb, self.inner.formula))

    def climb(self, t: Any) -> Any:
        """Return the rate before the inner schedule begins."""
        return self.start_lr + (self.inner.first_lr - self.start_lr) * t / self.warmup_steps


@dataclass(frozen=True)
class Joined(Schedule):
    """One schedule after another, each with a clock that starts when its turn comes.

    The last one goes on for ever. Where it ends, the whole ends: see :attr:`total_steps`. Rates jump at a
    milestone unless the schedules are chosen so that they meet there.

    Parameters
    ----------
    schedules : tuple of Schedule
        In their order; not empty.
    milestones : tuple of int
        Steps at which the second and each further schedule begins, above 0 and increasing.

    Raises
    ------
    ValueError
        If there is not one schedule more than there are milestones.
    TypeError
        If one of them is no schedule.

    Examples
    --------
    >>> from helpers.formulas.schedules import Constant
    >>> schedule = Joined((Constant(0.1), Constant(0.05), Constant(0.01)), milestones=(100, 200))
    >>> [schedule(step) for step in (99, 100, 200)]
    [0.1, 0.05, 0.01]
    """

    schedules: tuple[Schedule, ...]
    milestones: tuple[int, ...] = hyperparameter(
        "m", "milestones", checks.increasing, unit="steps", low=1, high=1000, example=(500,)
    )

    words = "several schedules in a row"
    lesson = 19

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.Each(schedule)("schedules", self.schedules)
        length = len(self.milestones) + 1
        fits = len(self.schedules) == length
        checks.require(fits, f"have {length} entries, one more than milestones", "schedules", self.schedules)

    @property
    def base_lr(self) -> Any:
        return self.schedules[0].base_lr

    @property
    def first_lr(self) -> Any:
        return self.schedules[0].first_lr

    @property
    def total_steps(self) -> int:
        """The length of the whole; a last schedule without an end has none.

        Raises
        ------
        AttributeError
            If the last schedule never ends.
        """
        return self.milestones[-1] + self.schedules[-1].total_steps

    def torch_parts(self) -> list[tuple[int, str]]:
        rates = [part.base_lr for part in self.schedules]
        checks.require(len(set(rates)) == 1, "be one rate for torch's SequentialLR", "base_lr", rates)
        starts, parts = (0, *self.milestones), []
        for start, end, part in zip(starts, (*self.milestones, np.inf), self.schedules, strict=True):
            parts += [(start + s, line) for s, line in part.torch_parts() if start + s < end]
        return parts

    def torch_agrees(self, t: Any) -> Any:
        starts, ends = (0, *self.milestones), (*self.milestones, np.inf)
        turns = zip(self.schedules, starts, ends, strict=True)
        return all(part.torch_agrees(min(t, end - 1) - start) for part, start, end in turns)

    def formula(self, t: Any) -> Any:
        return piecewise(t, self.milestones, tuple(part.formula for part in self.schedules))


@dataclass(frozen=True)
class Lambda(Schedule):
    r"""A base rate times any function of the step.

    It is as pure as the function is. Written with :mod:`helpers.core.mathematics` and operators, the
    function has an equation and runs on tensors too; any other is called step by step.

    Parameters
    ----------
    lr : float
        The rate that the function multiplies, above 0.
    function : callable
        ``function(step) -> float``. To pickle the schedule, use a function that has a name.

    Raises
    ------
    TypeError
        If `function` cannot be called.

    Examples
    --------
    >>> schedule = Lambda(0.5, lambda t: 0.95**t)
    >>> [round(schedule(step), 12) for step in (0, 1, 2)]
    [0.5, 0.475, 0.45125]
    """

    lr: float = hyperparameter(
        r"\eta_0", "base learning rate", checks.positive, low=1e-4, high=1.0, log=True, example=0.1
    )
    function: Callable[[Any], Any]

    words = "any function of the step"
    lesson = 17

    def __post_init__(self) -> None:
        super().__post_init__()
        if not callable(self.function):
            raise TypeError(f"function must be callable, got function={self.function!r}")

    @property
    def base_lr(self) -> Any:
        return self.lr

    @property
    def first_lr(self) -> Any:
        return self.formula(0)

    @property
    def name(self) -> str:
        """The name under which the torch line calls the function."""
        return getattr(self.function, "__name__", "function")

    def formula(self, t: Any) -> Any:
        if isinstance(t, np.ndarray):
            return self.lr * np.vectorize(self._at, otypes=[float])(t)
        return self.lr * self.function(t)

    def _at(self, step: float) -> float:
        """The function of a step out of an array: a whole one is an int, as in a loop."""
        return self.function(int(step) if step.is_integer() else step)
