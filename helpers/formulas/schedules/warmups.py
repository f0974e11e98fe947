r"""Schedules that climb before they fall: Noam, inverse square root, one-cycle, warmup-stable-decay.

Symbols: :math:`t` the step (updates made so far), :math:`w` the steps of the climb, :math:`T` all
steps, :math:`\eta_{\text{peak}}` the highest rate. Any other schedule climbs inside
:class:`~helpers.formulas.schedules.Warmup`. Lesson 19 derives them, lesson 18 the inverse square root.

>>> schedule = WarmupStableDecay(peak_lr=0.1, total_steps=100, warmup_steps=10, decay_steps=20)
>>> [round(schedule(step), 12) for step in (0, 5, 10, 80, 90, 100)]
[0.0, 0.05, 0.1, 0.1, 0.05, 0.0]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from helpers.core import checks
from helpers.core.hyperparameters import hyperparameter
from helpers.core.mathematics import cos, minimum, pi, sqrt, where
from helpers.formulas.schedules import fields
from helpers.formulas.schedules.base import Schedule

__all__ = ["InverseSquareRoot", "Noam", "OneCycle", "WarmupStableDecay"]

PEAK = r"\eta_{\text{peak}}"


@dataclass(frozen=True)
class InverseSquareRoot(Schedule):
    r"""Climb in a straight line, then fall with the square root of the number of updates, for ever.

    The rate of the first update is one part in `warmup_steps` of the peak, not 0; the peak is the rate
    of update number `warmup_steps`, which is step ``warmup_steps - 1``.

    Parameters
    ----------
    peak_lr : float
        The highest rate, above 0.
    warmup_steps : int
        Updates of the climb, above 0; 1 for none.

    Notes
    -----
    The plain form :math:`1/\sqrt{t}` is infinite at step 0; here updates are counted from 1.

    Examples
    --------
    >>> schedule = InverseSquareRoot(peak_lr=0.1, warmup_steps=4)
    >>> [schedule(step) for step in (0, 3, 15)]
    [0.025, 0.1, 0.05]
    """

    peak_lr: float = fields.peak_lr(PEAK)
    warmup_steps: int = fields.warmup_steps()

    words = "inverse square root"
    lesson = 18

    @property
    def first_lr(self) -> Any:
        return self.peak_lr / self.warmup_steps

    def formula(self, t: Any) -> Any:
        climb, fall = (t + 1) / self.warmup_steps, sqrt(self.warmup_steps / (t + 1))
        return self.peak_lr * minimum(climb, fall)


@dataclass(frozen=True)
class Noam(Schedule):
    r"""The schedule of the Transformer: the inverse square root, its height from the width of the model.

    The peak is the rate of update number `warmup_steps`, which is step ``warmup_steps - 1``:
    :math:`s / \sqrt{d w}`. After it the rate falls for ever.

    Parameters
    ----------
    d_model : int
        The model's number of features, above 0.
    warmup_steps : int
        Updates of the climb, above 0.
    scale : float
        A factor on all rates, above 0; no rate itself. The paper has 1.

    Notes
    -----
    The paper counts updates from 1, and so do we. A clock that starts at 0 wastes an update at rate 0,
    or divides by 0.

    References
    ----------
    .. [1] A. Vaswani et al., "Attention is all you need", NeurIPS 2017, equation 3.

    Examples
    --------
    >>> round(Noam(d_model=512, warmup_steps=4000)(3999), 7)
    0.0006988
    """

    d_model: int = hyperparameter(
        "d", "features of the model", checks.count, low=16, high=4096, log=True, example=512
    )
    warmup_steps: int = fields.warmup_steps()
    scale: float = hyperparameter("s", "scale", checks.positive, low=0.01, high=10.0, log=True, default=1.0)

    words = "Noam"
    lesson = 19

    @property
    def base_lr(self) -> Any:
        return self.scale

    @property
    def first_lr(self) -> Any:
        return self.scale / (self.d_model**0.5 * self.warmup_steps**1.5)

    def formula(self, t: Any) -> Any:
        climb, fall = (t + 1) / self.warmup_steps**1.5, 1 / sqrt(t + 1)
        return self.scale / sqrt(self.d_model) * minimum(climb, fall)


def _covered(part: Any) -> Any:
    """How much of a way is covered along half a cosine, after a part of the time."""
    return (1 - cos(pi * part)) / 2


@dataclass(frozen=True)
class OneCycle(Schedule):
    """One long climb to a very high rate, then one long fall to almost nothing.

    The peak is the rate of step `warmup_steps`, `end_lr` the rate of step `total_steps` and of all after it.

    Parameters
    ----------
    peak_lr : float
        The highest rate, above 0; several times the highest that a constant schedule would bear.
    total_steps : int
        Step at which `end_lr` is reached, above 1.
    warmup_steps : int
        Step at which `peak_lr` is reached, above 0 and below `total_steps`.
    start_lr : float
        Rate at step 0, above 0. Usual is the peak over 25.
    end_lr : float
        Rate from `total_steps` on, above 0. Usual is the start rate over 10,000.
    anneal : str
        ``"cos"``: up and down along half cosines; ``"linear"``: along straight lines.

    Raises
    ------
    ValueError
        If the climb is not shorter than the whole.

    Notes
    -----
    Torch's ``total_steps`` is the number of rates, one more than ours. There and in Paddle the peak lies at
    ``pct_start * total_steps - 1``, which need not be a whole step: the peak may never be hit.

    References
    ----------
    .. [1] L. N. Smith and N. Topin, "Super-convergence: Very fast training of neural networks using
       large learning rates", arXiv:1708.07120, 2017.

    Examples
    --------
    >>> schedule = OneCycle(peak_lr=0.1, total_steps=100, warmup_steps=30, start_lr=0.004, end_lr=4e-7)
    >>> [schedule(step) for step in (0, 30, 100, 101)]
    [0.004, 0.1, 4e-07, 4e-07]
    """

    peak_lr: float = fields.peak_lr(PEAK)
    total_steps: int = fields.total_steps()
    warmup_steps: int = fields.warmup_steps()
    start_lr: float = hyperparameter(
        r"\eta_{\text{start}}",
        "start learning rate",
        checks.positive,
        low=1e-4,
        high=0.1,
        log=True,
        example=0.004,
    )
    end_lr: float = hyperparameter(
        r"\eta_{\text{end}}", "end learning rate", checks.positive, low=1e-8, high=0.1, log=True, example=4e-7
    )
    anneal: str = "cos"

    words = "one-cycle"
    lesson = 19

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.one_of("cos", "linear")("anneal", self.anneal)
        shorter = self.warmup_steps < self.total_steps
        checks.require(shorter, f"be below total_steps={self.total_steps}", "warmup_steps", self.warmup_steps)

    @property
    def base_lr(self) -> Any:
        return self.start_lr

    def torch_agrees(self, t: Any) -> Any:
        return t <= self.total_steps  # OneCycleLR refuses a further step

    def formula(self, t: Any) -> Any:
        way = _covered if self.anneal == "cos" else lambda part: part
        last = self.total_steps - self.warmup_steps
        climb = self.start_lr + (self.peak_lr - self.start_lr) * way(t / self.warmup_steps)
        fall = self.peak_lr + (self.end_lr - self.peak_lr) * way((t - self.warmup_steps) / last)
        return where(t < self.warmup_steps, climb, where(t < self.total_steps, fall, self.end_lr))

    def momentum(self, t: Any, low: Any, high: Any) -> Any:
        """Return the momentum that goes with the rate: from `high` down to `low` at the peak, and back.

        It is what torch's ``cycle_momentum`` does.
        """
        way = _covered if self.anneal == "cos" else lambda part: part
        fall = high + (low - high) * way(t / self.warmup_steps)
        climb = low + (high - low) * way((t - self.warmup_steps) / (self.total_steps - self.warmup_steps))
        return where(t < self.warmup_steps, fall, where(t < self.total_steps, climb, high))


@dataclass(frozen=True)
class WarmupStableDecay(Schedule):
    r"""Climb, stay at the peak for as long as there is to learn, and fall only at the end.

    The three parts are straight lines. The end rate holds at step `total_steps` and after it. A run can be
    made longer without starting anew: the rates before the fall do not depend on `total_steps`.

    Parameters
    ----------
    peak_lr : float
        The highest rate, above 0.
    total_steps : int
        Step at which `end_lr` is reached, above 0.
    warmup_steps : int
        Step at which `peak_lr` is reached, above 0.
    decay_steps : int
        Length of the fall, above 0; usual is a tenth to a fifth of the whole.
    start_lr : float
        Rate at step 0, zero or above. With 0 the first update changes nothing.
    end_lr : float
        Rate from `total_steps` on, zero or above.

    Raises
    ------
    ValueError
        If climb and fall together are longer than the whole.

    References
    ----------
    .. [1] S. Hu et al., "MiniCPM: Unveiling the potential of small language models with scalable
       training strategies", COLM 2024, section 4 (with an exponential fall).
    .. [2] A. Hägele et al., "Scaling laws and compute-optimal training beyond fixed training durations",
       NeurIPS 2024 (with the straight fall).
    """

    peak_lr: float = fields.peak_lr(PEAK)
    total_steps: int = fields.total_steps()
    warmup_steps: int = fields.warmup_steps()
    decay_steps: int = hyperparameter(
        "D", "steps of the fall", checks.count, unit="steps", low=1, high=500, example=200
    )
    start_lr: float = fields.start_lr()
    end_lr: float = fields.end_lr()

    words = "warmup-stable-decay"
    lesson = 19

    def __post_init__(self) -> None:
        super().__post_init__()
        moving = self.warmup_steps + self.decay_steps
        words = "warmup_steps + decay_steps"
        checks.require(
            moving <= self.total_steps, f"be at most total_steps={self.total_steps}", words, moving
        )

    @property
    def first_lr(self) -> Any:
        return self.start_lr

    def formula(self, t: Any) -> Any:
        climb = self.start_lr + (self.peak_lr - self.start_lr) * t / self.warmup_steps
        fall = self.end_lr + (self.peak_lr - self.end_lr) * (self.total_steps - t) / self.decay_steps
        late = where(t < self.total_steps, fall, self.end_lr)
        stable = where(t <= self.total_steps - self.decay_steps, self.peak_lr, late)
        return where(t < self.warmup_steps, climb, stable)
