r"""Schedules that fall smoothly: exponentials, 1/t, polynomials, the cosine.

Symbols: :math:`t` the step (updates made so far), :math:`\eta_0` the peak rate, with which they
start, :math:`T` the total number of steps. Lesson 17 derives the exponentials and 1/t, lesson 18
those that end at a chosen step.

>>> round(CosineDecay(peak_lr=0.5, total_steps=90)(30), 12)
0.375
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from helpers.core import checks
from helpers.core.hyperparameters import hyperparameter
from helpers.core.mathematics import cos, exp, minimum, pi
from helpers.formulas.schedules import fields
from helpers.formulas.schedules.base import Schedule

__all__ = [
    "CosineDecay",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LinearDecay",
    "NaturalExponentialDecay",
    "PolynomialDecay",
]


@dataclass(frozen=True)
class ExponentialDecay(Schedule):
    """Lower the rate by the same factor in every stretch of steps, smoothly within it.

    Parameters
    ----------
    peak_lr : float
        Rate at step 0, above 0.
    gamma : float
        Factor over `decay_steps` steps, in (0, 1].
    decay_steps : int
        Steps over which the rate falls by `gamma`; an epoch's number makes `gamma` a factor an epoch.

    Examples
    --------
    >>> schedule = ExponentialDecay(peak_lr=0.5, gamma=0.95)
    >>> [round(schedule(step), 12) for step in (0, 1, 2)]
    [0.5, 0.475, 0.45125]
    """

    peak_lr: float = fields.peak_lr()
    gamma: float = fields.factor(default=0.9)
    decay_steps: int = hyperparameter(
        "D", "steps for one factor", checks.count, unit="steps", low=1, high=500, default=1, example=50
    )

    words = "exponential decay"
    lesson = 17

    def formula(self, t: Any) -> Any:
        return self.peak_lr * self.gamma ** (t / self.decay_steps)


@dataclass(frozen=True)
class NaturalExponentialDecay(Schedule):
    """The exponential decay with its rate in the exponent; the same curves under other parameters.

    Parameters
    ----------
    peak_lr : float
        Rate at step 0, above 0.
    decay_rate : float
        Part by which the rate shrinks in a step, for small values; zero or above.
    """

    peak_lr: float = fields.peak_lr()
    decay_rate: float = hyperparameter(
        "k", "decay rate", checks.non_negative, unit="per step", low=1e-4, high=0.1, log=True, example=0.003
    )

    words = "natural exponential decay"
    lesson = 17

    def formula(self, t: Any) -> Any:
        return self.peak_lr * exp(-self.decay_rate * t)


@dataclass(frozen=True)
class InverseTimeDecay(Schedule):
    """The 1/t decay: slow enough that the rates of an endless run add up to infinity.

    Parameters
    ----------
    peak_lr : float
        Rate at step 0, above 0.
    decay_rate : float
        The rate has halved after ``1 / decay_rate`` steps; zero or above.

    Notes
    -----
    In the limit the rate is ``peak_lr / (decay_rate * t)``: its sum diverges and the sum of its
    squares does not, which are the two conditions of Robbins and Monro [1]_.

    References
    ----------
    .. [1] H. Robbins and S. Monro, "A stochastic approximation method", Annals of Mathematical
       Statistics 22, 1951.
    """

    peak_lr: float = fields.peak_lr()
    decay_rate: float = hyperparameter(
        "k", "decay rate", checks.non_negative, unit="per step", low=1e-4, high=1.0, log=True, example=0.01
    )

    words = "inverse time (1/t) decay"
    lesson = 17

    def formula(self, t: Any) -> Any:
        return self.peak_lr / (1 + self.decay_rate * t)


@dataclass(frozen=True)
class PolynomialDecay(Schedule):
    """Fall along a power of the part of the run that is left; the end rate holds afterwards.

    Parameters
    ----------
    peak_lr : float
        Rate at step 0, above 0.
    total_steps : int
        Step at which `end_lr` is reached, above 0.
    end_lr : float
        Rate from `total_steps` on, zero or above; above `peak_lr`, the rate rises.
    power : float
        1 is a straight line; above 1 the rate falls early, below 1 late. Above 0.
    """

    peak_lr: float = fields.peak_lr()
    total_steps: int = fields.total_steps()
    end_lr: float = fields.end_lr()
    power: float = fields.power()

    words = "polynomial decay"
    lesson = 18

    def formula(self, t: Any) -> Any:
        left = 1 - minimum(t, self.total_steps) / self.total_steps
        return self.end_lr + (self.peak_lr - self.end_lr) * left**self.power


@dataclass(frozen=True)
class LinearDecay(Schedule):
    """Fall along a straight line; the end rate holds afterwards.

    Parameters
    ----------
    peak_lr : float
        Rate at step 0, above 0.
    total_steps : int
        Step at which `end_lr` is reached, above 0.
    end_lr : float
        Rate from `total_steps` on, zero or above; above `peak_lr`, the rate rises.
    """

    peak_lr: float = fields.peak_lr()
    total_steps: int = fields.total_steps()
    end_lr: float = fields.end_lr()

    words = "linear decay"
    lesson = 18

    def torch_agrees(self, t: Any) -> Any:
        return self.end_lr <= self.peak_lr  # LinearLR refuses to rise above the rate it is given

    def formula(self, t: Any) -> Any:
        left = 1 - minimum(t, self.total_steps) / self.total_steps
        return self.end_lr + (self.peak_lr - self.end_lr) * left


@dataclass(frozen=True)
class CosineDecay(Schedule):
    """Fall along half a cosine: slowly, then fast, then slowly; the end rate holds afterwards.

    Parameters
    ----------
    peak_lr : float
        Rate at step 0, above 0.
    total_steps : int
        Step at which `end_lr` is reached, above 0.
    end_lr : float
        Rate from `total_steps` on, zero or above; above `peak_lr`, the rate rises.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "SGDR: Stochastic gradient descent with warm restarts", ICLR
       2017, equation 5, without its restarts.
    """

    peak_lr: float = fields.peak_lr()
    total_steps: int = fields.total_steps()
    end_lr: float = fields.end_lr()

    words = "cosine decay"
    lesson = 18

    def torch_agrees(self, t: Any) -> Any:
        return t <= self.total_steps  # CosineAnnealingLR turns round

    def formula(self, t: Any) -> Any:
        progress = minimum(t, self.total_steps) / self.total_steps
        return self.end_lr + (self.peak_lr - self.end_lr) * (1 + cos(pi * progress)) / 2
