r"""Schedules that come back: polynomials and cosines in cycles, warm restarts, triangles.

They have no end: their period belongs to them. Symbols: :math:`t` the step (updates made so far),
:math:`\eta_0` the rate with which a cycle starts, :math:`\eta_{\text{min}}` the lowest rate. Lesson 18
derives the first two, lesson 19 the others.

>>> schedule = CosineRestarts(peak_lr=0.1, period=10, period_factor=2)
>>> [round(schedule(step), 12) for step in (0, 5, 10, 20, 30)]
[0.1, 0.05, 0.1, 0.05, 0.1]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from helpers.core import checks
from helpers.core.hyperparameters import hyperparameter
from helpers.core.mathematics import (
    ceil,
    cos,
    cycles_completed,
    floor,
    geometric_sum,
    maximum,
    minimum,
    named,
    pi,
    remainder,
)
from helpers.formulas.schedules import fields
from helpers.formulas.schedules.base import Schedule

__all__ = [
    "CosineAnnealing",
    "CosineRestarts",
    "CyclicPolynomialDecay",
    "ExpRange",
    "Triangular",
    "Triangular2",
]


def _length(symbol: str, words: str, example: int) -> Any:
    return hyperparameter(symbol, words, checks.count, unit="steps", low=1, high=1000, example=example)


@dataclass(frozen=True)
class CyclicPolynomialDecay(Schedule):
    r"""A polynomial decay that is stretched to the next multiple of its length whenever it has ended.

    At every multiple of `cycle_steps` (but 0) the rate is exactly `end_lr`. A step later it is up again, but
    less each time: cycle number k starts from the part :math:`1/k` of a decay of its length.

    Parameters
    ----------
    peak_lr : float
        Rate at step 0, above 0.
    cycle_steps : int
        Length by which the decay is stretched, above 0.
    end_lr : float
        Rate at the end of each cycle, zero or above.
    power : float
        1 is a straight line; above 1 the rate falls early, below 1 late. Above 0.
    """

    peak_lr: float = fields.peak_lr()
    cycle_steps: int = _length("D", "steps of a cycle", example=250)
    end_lr: float = fields.end_lr()
    power: float = fields.power()

    words = "polynomial decay in cycles"
    lesson = 18

    def formula(self, t: Any) -> Any:
        stretched = self.cycle_steps * maximum(1, ceil(t / self.cycle_steps))
        return self.end_lr + (self.peak_lr - self.end_lr) * (1 - t / stretched) ** self.power


@dataclass(frozen=True)
class CosineAnnealing(Schedule):
    """A cosine that never stops: down to the minimum, and as slowly up again. It does not restart.

    Parameters
    ----------
    peak_lr : float
        Rate at step 0 and at every even multiple of `half_period`, above 0.
    half_period : int
        Steps from the peak to the minimum, above 0.
    min_lr : float
        Rate at every odd multiple of `half_period`, zero or above.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "SGDR: Stochastic gradient descent with warm restarts", ICLR
       2017, equation 5; they restart instead, see :class:`CosineRestarts`.
    """

    peak_lr: float = fields.peak_lr()
    half_period: int = _length("T_{1/2}", "steps from peak to minimum", example=250)
    min_lr: float = fields.min_lr(default=0.0)

    words = "cosine annealing, up again"
    lesson = 18

    def formula(self, t: Any) -> Any:
        return self.min_lr + (self.peak_lr - self.min_lr) * (1 + cos(pi * t / self.half_period)) / 2


@dataclass(frozen=True)
class CosineRestarts(Schedule):
    r"""Cosine decays one after another, each started anew from the peak: SGDR.

    At a restart the rate is exactly `peak_lr`. The minimum lies at the restart itself, where it is not
    used: the last rate of a cycle is the one a step before it.

    Parameters
    ----------
    peak_lr : float
        Rate at each restart, above 0.
    period : int
        Steps of the first cycle, above 0.
    period_factor : int
        How many times longer each next cycle is, above 0.
    min_lr : float
        Rate to which each cycle falls, zero or above.

    Notes
    -----
    The closed form counts the restarts by a logarithm, which rounding can put on the wrong side of a
    restart: log(243) / log(3) is below 5 in double precision. One comparison puts it right.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "SGDR: Stochastic gradient descent with warm restarts", ICLR
       2017, equation 5.
    """

    peak_lr: float = fields.peak_lr()
    period: int = _length("P", "steps of the first cycle", example=150)
    period_factor: int = hyperparameter(
        "m", "period factor", checks.count, low=1, high=4, default=1, example=2
    )
    min_lr: float = fields.min_lr(default=0.0)

    words = "cosine with restarts (SGDR)"
    lesson = 19

    def formula(self, t: Any) -> Any:
        i = named("i", cycles_completed(t, self.period, self.period_factor))
        since = t - self.period * geometric_sum(self.period_factor, i)
        progress = since / (self.period * self.period_factor**i)
        return self.min_lr + (self.peak_lr - self.min_lr) * (1 + cos(pi * progress)) / 2


@dataclass(frozen=True)
class Triangular(Schedule):
    """Up and down along straight lines, again and again: the cyclical learning rate.

    A cycle starts at `min_lr`, is at `peak_lr` after `up_steps`, and is over after `down_steps` more.

    Parameters
    ----------
    peak_lr : float
        The highest rate, above 0.
    up_steps : int
        Steps of the climb, above 0.
    down_steps : int
        Steps of the fall, above 0.
    min_lr : float
        Rate at the start of each cycle, zero or above.

    References
    ----------
    .. [1] L. N. Smith, "Cyclical learning rates for training neural networks", WACV 2017.
    """

    peak_lr: float = fields.peak_lr(r"\eta_{\text{peak}}")
    up_steps: int = _length("u", "steps up", example=150)
    down_steps: int = _length("d", "steps down", example=150)
    min_lr: float = fields.min_lr(example=0.01)

    words = "triangular"
    lesson = 19

    @property
    def base_lr(self) -> Any:
        return self.min_lr

    def height(self, t: Any) -> Any:
        """Return the height at step `t`, from 0 at the start of a cycle to 1 at its peak."""
        period = self.up_steps + self.down_steps
        x = named("x", remainder(t, period))
        return minimum(x / self.up_steps, (period - x) / self.down_steps)

    def swing(self, t: Any) -> Any:
        """Return how far up the rate is, from 0 at `min_lr` to 1 at `peak_lr`."""
        return self.height(t)

    def formula(self, t: Any) -> Any:
        return self.min_lr + (self.peak_lr - self.min_lr) * self.swing(t)

    def momentum(self, t: Any, low: Any, high: Any) -> Any:
        """Return the momentum that goes with the rate: `high` where that is low, `low` at the peak.

        It is what torch's ``cycle_momentum`` does.
        """
        return high - (high - low) * self.swing(t)


@dataclass(frozen=True)
class Triangular2(Triangular):
    """The triangular schedule with half the height in each new cycle.

    Parameters
    ----------
    peak_lr, up_steps, down_steps, min_lr
        See :class:`Triangular`; `peak_lr` is the peak of the first cycle.

    References
    ----------
    .. [1] L. N. Smith, "Cyclical learning rates for training neural networks", WACV 2017.
    """

    words = "triangular, height halved"

    def swing(self, t: Any) -> Any:
        halvings = floor(t / (self.up_steps + self.down_steps))
        return self.height(t) * 2**-halvings


@dataclass(frozen=True)
class ExpRange(Triangular):
    """The triangular schedule with a height that shrinks at every step.

    Parameters
    ----------
    peak_lr, up_steps, down_steps, min_lr
        See :class:`Triangular`; `peak_lr` bounds the rates and is not reached unless `gamma` is 1.
    gamma : float
        Factor on the height from one step to the next, in (0, 1].

    References
    ----------
    .. [1] L. N. Smith, "Cyclical learning rates for training neural networks", WACV 2017.
    """

    gamma: float = hyperparameter(
        r"\gamma", "factor of a step", checks.unit_interval, low=0.99, high=1.0, default=1.0, example=0.998
    )

    words = "triangular, height shrinking"

    def swing(self, t: Any) -> Any:
        return self.height(t) * self.gamma**t
