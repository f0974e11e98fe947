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
from helpers.formulas.schedules.base import LibraryName, Schedule, end_lr, factor, peak_lr, power, total_steps

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

    peak_lr: float = peak_lr()
    gamma: float = factor(default=0.9)
    decay_steps: int = hyperparameter(
        "D",
        "steps for one factor",
        checks.count,
        unit="steps",
        low=1,
        high=500,
        integer=True,
        default=1,
        example=50,
    )

    words = "exponential decay"
    lesson = 17
    torch_code = "ExponentialLR(optimizer, gamma={gamma} ** (1 / {decay_steps}))"
    library_names = (
        LibraryName("torch", "ExponentialLR", "its gamma is the factor of one step"),
        LibraryName("Keras", "ExponentialDecay"),
        LibraryName("Paddle", "ExponentialDecay", "its gamma is the factor of one step, below 1"),
        LibraryName("optax", "exponential_decay"),
    )

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

    peak_lr: float = peak_lr()
    decay_rate: float = hyperparameter(
        "k", "decay rate", checks.non_negative, unit="per step", low=1e-4, high=0.1, log=True, example=0.003
    )

    words = "natural exponential decay"
    lesson = 17
    torch_code = "LambdaLR(optimizer, lambda t: math.exp(-{decay_rate} * t))"
    library_names = (
        LibraryName("torch", "ExponentialLR", "with gamma = exp(-k)"),
        LibraryName("Paddle", "NaturalExpDecay", "calls k gamma"),
    )

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

    peak_lr: float = peak_lr()
    decay_rate: float = hyperparameter(
        "k", "decay rate", checks.non_negative, unit="per step", low=1e-4, high=1.0, log=True, example=0.01
    )

    words = "inverse time (1/t) decay"
    lesson = 17
    torch_code = "LambdaLR(optimizer, lambda t: 1 / (1 + {decay_rate} * t))"
    library_names = (
        LibraryName("Keras", "InverseTimeDecay", "divides t by decay_steps"),
        LibraryName("Paddle", "InverseTimeDecay", "calls k gamma"),
    )

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

    peak_lr: float = peak_lr()
    total_steps: int = total_steps()
    end_lr: float = end_lr()
    power: float = power()

    words = "polynomial decay"
    lesson = 18
    torch_code = (
        "LambdaLR(optimizer, lambda t: ({end_lr} + ({peak_lr} - {end_lr})"
        " * (1 - min(t, {total_steps}) / {total_steps}) ** {power}) / {peak_lr})"
    )
    library_names = (
        LibraryName("torch", "PolynomialLR", "always ends at 0; its default length is 5 steps"),
        LibraryName("Keras", "PolynomialDecay", "ends at 0.0001 by default"),
        LibraryName("Paddle", "PolynomialDecay", "ends at 0.0001 by default"),
        LibraryName("optax", "polynomial_schedule"),
        LibraryName("timm", "PolyLRScheduler", "its default power is 0.5"),
    )

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

    peak_lr: float = peak_lr()
    total_steps: int = total_steps()
    end_lr: float = end_lr()

    words = "linear decay"
    lesson = 18
    torch_code = (
        "LinearLR(optimizer, start_factor=1.0, end_factor={end_lr} / {peak_lr}, total_iters={total_steps})"
    )
    library_names = (
        LibraryName("torch", "LinearLR", "rises by default: from 1/3 of the rate to all of it, in 5 steps"),
        LibraryName("Keras", "PolynomialDecay(power=1)"),
        LibraryName("Paddle", "PolynomialDecay(power=1)", "its LinearLR has the factors of torch"),
        LibraryName("optax", "linear_schedule"),
    )

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

    peak_lr: float = peak_lr()
    total_steps: int = total_steps()
    end_lr: float = end_lr()

    words = "cosine decay"
    lesson = 18
    torch_code = "CosineAnnealingLR(optimizer, T_max={total_steps}, eta_min={end_lr})"
    library_names = (
        LibraryName("torch", "CosineAnnealingLR", "rises again after T_max"),
        LibraryName("Keras", "CosineDecay", "alpha is a part of the peak rate, not a rate"),
        LibraryName("Paddle", "CosineAnnealingDecay", "rises again after T_max"),
        LibraryName("optax", "cosine_decay_schedule", "alpha is a part of the peak rate, not a rate"),
        LibraryName("timm", "CosineLRScheduler"),
    )

    def torch_agrees(self, t: Any) -> Any:
        return t <= self.total_steps  # CosineAnnealingLR turns round

    def formula(self, t: Any) -> Any:
        progress = minimum(t, self.total_steps) / self.total_steps
        return self.end_lr + (self.peak_lr - self.end_lr) * (1 + cos(pi * progress)) / 2
