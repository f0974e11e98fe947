r"""Schedules that never rise: constant, stairs, exponentials, 1/t, polynomials, the cosine.

Symbols: :math:`t` the step (updates made so far), :math:`\eta_0` the peak rate, with which they
start, :math:`T` the total number of steps. Lesson 17 derives the stairs and the exponentials,
lesson 18 the smooth ones.

>>> StepDecay(peak_lr=0.5, step_size=30, gamma=0.1)(30)
0.05
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from helpers.core import checks
from helpers.core.hyperparameters import hyperparameter
from helpers.core.mathematics import cos, count_reached, exp, floor, minimum, pi, where
from helpers.formulas.schedules.base import LibraryName, Schedule, end_lr, factor, peak_lr, total_steps

__all__ = [
    "Constant",
    "CosineDecay",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LinearDecay",
    "MultiStepDecay",
    "NaturalExponentialDecay",
    "PiecewiseConstant",
    "PolynomialDecay",
    "StepDecay",
]


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
    torch_code = "LambdaLR(optimizer, lambda t: 1.0)"
    library_names = (
        LibraryName("torch", "ConstantLR", "not this: it multiplies by 1/3 for the first 5 steps"),
        LibraryName("optax", "constant_schedule"),
    )

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
        "b", "boundaries", checks.increasing, unit="steps", low=1, high=1000, integer=True, example=(300, 700)
    )
    values: tuple[float, ...] = hyperparameter(
        r"\eta",
        "rates",
        checks.each(checks.positive),
        low=1e-4,
        high=1.0,
        log=True,
        first_index=0,
        example=(0.1, 0.03, 0.003),
    )

    words = "piecewise constant"
    lesson = 17
    torch_code = "LambdaLR(optimizer, lambda t: {values}[sum(t >= b for b in {boundaries})] / {base_lr})"
    library_names = (
        LibraryName("Keras", "PiecewiseConstantDecay", "changes one step later: it compares with b < t"),
        LibraryName("Paddle", "PiecewiseDecay", "accepts boundaries in any order"),
        LibraryName("optax", "piecewise_constant_schedule", "takes multipliers, which accumulate"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        wanted = len(self.boundaries) + 1
        checks.require(
            len(self.values) == wanted,
            f"have {wanted} entries, one more than boundaries",
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

    peak_lr: float = peak_lr()
    step_size: int = hyperparameter(
        "s", "length of a stair", checks.count, unit="steps", low=1, high=1000, integer=True, example=300
    )
    gamma: float = factor(default=0.1)

    words = "step decay"
    lesson = 17
    torch_code = "StepLR(optimizer, step_size={step_size}, gamma={gamma})"
    library_names = (
        LibraryName("torch", "StepLR"),
        LibraryName("Keras", "ExponentialDecay(staircase=True)"),
        LibraryName("Paddle", "StepDecay", "refuses a factor of 1"),
        LibraryName("optax", "exponential_decay(staircase=True)"),
        LibraryName("timm", "StepLRScheduler", "counts epochs"),
    )

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

    peak_lr: float = peak_lr()
    milestones: tuple[int, ...] = hyperparameter(
        "m", "milestones", checks.increasing, unit="steps", low=1, high=1000, integer=True, example=(500, 750)
    )
    gamma: float = factor(default=0.1)

    words = "multi-step decay"
    lesson = 17
    torch_code = "MultiStepLR(optimizer, milestones={milestones}, gamma={gamma})"
    library_names = (
        LibraryName("torch", "MultiStepLR", "a milestone given twice counts twice"),
        LibraryName("Paddle", "MultiStepDecay"),
        LibraryName("timm", "MultiStepLRScheduler", "decays one step earlier: it compares with t + 1"),
    )

    def formula(self, t: Any) -> Any:
        return self.peak_lr * self.gamma ** count_reached(self.milestones, t)


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
        LibraryName("Paddle", "ExponentialDecay", "its gamma is the factor of one step"),
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
        Rate from `total_steps` on, zero or above.
    power : float
        1 is a straight line; above 1 the rate falls early, below 1 late. Above 0.
    """

    peak_lr: float = peak_lr()
    total_steps: int = total_steps()
    end_lr: float = end_lr()
    power: float = hyperparameter("p", "power", checks.positive, low=0.25, high=4.0, default=1.0, example=2.0)

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
        Rate from `total_steps` on, zero or above.
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
        Rate from `total_steps` on, zero or above.

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

    def formula(self, t: Any) -> Any:
        progress = minimum(t, self.total_steps) / self.total_steps
        return self.end_lr + (self.peak_lr - self.end_lr) * (1 + cos(pi * progress)) / 2
