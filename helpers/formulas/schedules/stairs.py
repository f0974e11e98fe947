r"""Schedules of flat stretches: the constant, rates chosen by hand, stairs.

Symbols: :math:`t` the step (updates made so far), :math:`\eta_0` the peak rate, with which they
start. Lesson 17 derives them.

>>> StepDecay(peak_lr=0.5, step_size=30, gamma=0.1)(30)
0.05
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from helpers.core import checks
from helpers.core.hyperparameters import hyperparameter
from helpers.core.mathematics import count_reached, floor, where
from helpers.formulas.schedules import fields
from helpers.formulas.schedules.base import Schedule

__all__ = ["Constant", "MultiStepDecay", "PiecewiseConstant", "StepDecay"]


@dataclass(frozen=True)
class Constant(Schedule):
    """One rate for every step: the baseline that a schedule has to beat.

    Parameters
    ----------
    lr : float
        The rate, above 0.

    References
    ----------
    .. [1] H. Robbins and S. Monro, "A stochastic approximation method", Annals of Mathematical
       Statistics 22, 1951: why a constant rate does not converge under noise.
    """

    lr: float = hyperparameter(
        r"\eta", "learning rate", checks.positive, low=1e-4, high=1.0, log=True, example=0.1
    )

    words = "constant"
    lesson = 17

    @property
    def base_lr(self) -> Any:
        return self.lr

    def formula(self, t: Any) -> Any:
        return self.lr


@dataclass(frozen=True)
class PiecewiseConstant(Schedule):
    """Rates chosen by hand, each for its own stretch of steps.

    Rate number `i` holds from boundary `i` (that step included) up to the next boundary (that step
    excluded); the last rate holds for ever.

    Parameters
    ----------
    boundaries : tuple of int
        Steps at which the rate changes, above 0 and increasing.
    values : tuple of float
        The rates, above 0; one more than there are boundaries.

    Raises
    ------
    ValueError
        If the number of values is not the number of boundaries plus one.

    Examples
    --------
    >>> schedule = PiecewiseConstant(boundaries=(100, 200), values=(1.0, 0.5, 0.1))
    >>> [schedule(step) for step in (99, 100, 200)]
    [1.0, 0.5, 0.1]
    """

    boundaries: tuple[int, ...] = hyperparameter(
        "b", "boundaries", checks.increasing, unit="steps", low=1, high=1000, example=(300, 700)
    )
    values: tuple[float, ...] = hyperparameter(
        r"\eta",
        "rates",
        checks.Each(checks.positive),
        low=1e-4,
        high=1.0,
        log=True,
        first_index=0,
        example=(0.1, 0.03, 0.003),
    )

    words = "piecewise constant"
    lesson = 17

    def __post_init__(self) -> None:
        super().__post_init__()
        length = len(self.boundaries) + 1
        checks.require(
            len(self.values) == length,
            f"have {length} entries, one more than boundaries",
            "values",
            self.values,
        )

    @property
    def base_lr(self) -> Any:
        return self.values[0]

    def formula(self, t: Any) -> Any:
        rate = self.values[0]
        for boundary, value in zip(self.boundaries, self.values[1:], strict=True):
            rate = where(t >= boundary, value, rate)
        return rate


@dataclass(frozen=True)
class StepDecay(Schedule):
    """Divide the rate again and again, after equal numbers of steps.

    Parameters
    ----------
    peak_lr : float
        Rate of the first stair, above 0.
    step_size : int
        Length of a stair in steps, above 0.
    gamma : float
        Factor from one stair to the next, in (0, 1].

    Examples
    --------
    >>> schedule = StepDecay(peak_lr=0.5, step_size=30, gamma=0.1)
    >>> [round(schedule(step), 12) for step in (0, 29, 30, 60)]
    [0.5, 0.5, 0.05, 0.005]
    """

    peak_lr: float = fields.peak_lr()
    step_size: int = hyperparameter(
        "s", "length of a stair", checks.count, unit="steps", low=1, high=1000, example=300
    )
    gamma: float = fields.factor(default=0.1)

    words = "step decay"
    lesson = 17

    def formula(self, t: Any) -> Any:
        return self.peak_lr * self.gamma ** floor(t / self.step_size)


@dataclass(frozen=True)
class MultiStepDecay(Schedule):
    """Multiply the rate by the same factor at each of the chosen steps.

    Parameters
    ----------
    peak_lr : float
        Rate before the first milestone, above 0.
    milestones : tuple of int
        Steps from which the next factor holds, above 0 and increasing.
    gamma : float
        The factor, in (0, 1].

    Examples
    --------
    >>> schedule = MultiStepDecay(peak_lr=0.5, milestones=(30, 50), gamma=0.1)
    >>> [round(schedule(step), 12) for step in (29, 30, 50)]
    [0.5, 0.05, 0.005]
    """

    peak_lr: float = fields.peak_lr()
    milestones: tuple[int, ...] = hyperparameter(
        "m", "milestones", checks.increasing, unit="steps", low=1, high=1000, example=(500, 750)
    )
    gamma: float = fields.factor(default=0.1)

    words = "multi-step decay"
    lesson = 17

    def formula(self, t: Any) -> Any:
        return self.peak_lr * self.gamma ** count_reached(self.milestones, t)
