r"""Measures of a learning curve that depend neither on the unit of the loss nor on the pace of the schedule.

Losses are in units of a guess, :math:`\log K` for K classes. Progress is measured against the rate spent so
far, :math:`\tau_t = \sum_{s \le t} \eta_s / \sum_s \eta_s`, from 0 to 1: gradient descent with small steps
follows one path, and :math:`\tau` says how far along it a step is. A loss that still falls evenly in
:math:`\tau` was not given enough rate, in whatever way the schedule spent it.

>>> curve = Curve(History(rates=[0.1] * 100, losses=[2.3 * 0.9**step for step in range(100)]), n_classes=10)
>>> print(f"half of the fall is done when {curve.half:.0%} of the rate is spent")
half of the fall is done when 8% of the rate is spent
"""

from __future__ import annotations

import math

import numpy as np

from helpers.core import checks
from helpers.training.history import History

__all__ = ["EXPLOSION", "RISE", "Curve", "guess_loss", "mean_of"]

# Losses are in units of a guess. Each number lies between what healthy and what faulty trainings showed.
EXPLOSION = 10.0  # a rough start costs several guesses, no more
BAD_START = 2.0  # random logits of deviation s cost log K + s^2 / 2: for ten classes this is s = 2.1
RISE = 1.1  # the noise of a few batches before anything is learned is some hundredths
SHOCK = 3.0  # and so many times the noise of one batch, for a mean of three
HIGH = 0.1  # what is left at the end is much from here on: 0.23 for ten classes
REST = 0.05  # less than this is not worth a longer training
BEGUN = 0.6  # a training that has more left than this has hardly begun
SPENT = 0.4  # share of the steps by which 0.9 of the rate is spent: 0.6 with a cosine, 0.9 with a constant
PLATEAU = 0.15  # share of tau before a twentieth of the fall is done
SUDDEN = 1.5  # half of the fall is done by so many times that tau; at an even pace, by ten times
FALLING = 0.9  # a loss is falling if it is below this part of what it was a fifth of the training before
GAP = 2.0  # validation loss over training loss

MIN_STEPS = 40  # the losses of fewer mini-batches are mostly noise
MIN_LOOKS = 3  # at the validation set, to tell a trend from a single look
LEARNED = 0.03  # knowing how frequent each class is gains less
EVEN = 0.25  # share of the fall in tau's second half: 0.5 at an even pace, a few hundredths when it is done
STEADY = 0.9  # share of the looks that are better than the one before
SIGNIFICANT = 4.0  # standard errors of a slope
TINY = 1e-12  # divides nothing by 0


def guess_loss(history: History, n_classes: int | None) -> float:
    """Return the loss of a network that knows nothing: of a guess among the classes, or the first one."""
    return math.log(n_classes) if n_classes else history.losses[0]


class Curve:
    """The losses of one training in units of a guess, and where in tau they fall.

    Parameters
    ----------
    history : History
        At least 40 steps, one with a positive rate.
    n_classes : int, optional
        As for :func:`helpers.training.diagnosis.diagnose`.

    Attributes
    ----------
    guess : float
        The unit.
    losses, val : ndarray
        Of the mini-batches, shape (T,), and of the looks at the validation set, shape (L,).
    start, end : float
        First loss, and mean of the last tenth.
    tau : ndarray of shape (T,)
        Share of the rate that is spent after each step.
    spent : int
        Steps after which nine tenths of the rate are spent.
    plateau, half : float
        Place in tau where a twentieth and where half of the fall is done.
    late : float
        Share of the fall in the second half of tau.

    Raises
    ------
    ValueError
        If the history is too short, has no positive rate, or starts with a loss that is no unit.
    """

    def __init__(self, history: History, n_classes: int | None) -> None:
        self.n_steps, self.n_classes = len(history.losses), n_classes
        checks.require(self.n_steps >= MIN_STEPS, f"have at least {MIN_STEPS} steps", "history", history)
        rates = np.asarray(history.rates[: self.n_steps])
        checks.require(rates.sum() > 0, "have a positive rate", "history", history)
        self.guess = guess_loss(history, n_classes)
        self.norms, self.val_steps = history.norms, history.val_steps
        checks.require(self.guess > 0, "start with a positive loss", "history", history)
        self.losses = np.asarray(history.losses) / self.guess
        self.val = np.asarray(history.val_losses) / self.guess
        self.start, self.end = self.losses[0], self.losses[-(self.n_steps // 10) :].mean()
        self.tau = rates.cumsum() / rates.sum()
        self.spent = int(np.searchsorted(self.tau, 0.9)) + 1  # steps after which 0.9 of the rate is spent
        self._follow(max(5, self.n_steps // 40))

    def _follow(self, width: int) -> None:
        """Find the places in tau on a smoothed curve."""
        smooth, places = mean_of(self.losses, width), self.tau[width // 2 :]
        fall = self.start - self.end
        self.plateau = places[np.argmax(smooth <= self.start - fall / 20)]
        self.half = places[np.argmax(smooth <= self.start - fall / 2)]
        middle = np.interp(0.5, places[: len(smooth)], smooth)
        self.late = (middle - self.end) / fall if fall > 0 else 0.0

    @property
    def noise(self) -> float:
        """Standard deviation of a mini-batch's loss about the curve, as normal noise would have it."""
        return float(np.median(np.abs(np.diff(self.losses)))) / 0.954

    @property
    def learned(self) -> bool:
        """Whether it came below a guess, or below its start where that was better."""
        return bool(min(self.start, 1.0) - self.end >= LEARNED)

    @property
    def left(self) -> float:
        """What remains to learn: noisy labels or strong augmentation may keep the training loss higher."""
        return min([self.end, *self.val[-1:]])

    @property
    def on_its_way(self) -> bool:
        """Whether the loss was still falling at an even pace, as far as the rate went."""
        if self.learned and self.late > EVEN:
            return True
        if len(self.val) > MIN_LOOKS:
            return self._creeps()
        late = self.losses[self.tau > 0.5]
        return not self.learned and len(late) > MIN_STEPS / 4 and _slope(late) < -SIGNIFICANT

    def _creeps(self) -> bool:
        """Whether the validation loss falls steadily, though noise may hide it in training."""
        places = self.tau[np.minimum(self.val_steps, self.n_steps) - 1]
        middle = np.interp((places[0] + places[-1]) / 2, places, self.val)
        even = middle - self.val[-1] > EVEN * (self.val[0] - self.val[-1])
        return bool(even and (np.diff(self.val) < 0).mean() >= STEADY)

    @property
    def recent(self) -> float:
        """Loss at the end by that of a fifth of the training before, in validation where it is known."""
        if len(self.val) >= MIN_LOOKS:
            return self.val[-1] / max(self.val[-1 - math.ceil(len(self.val) / 5)], TINY)
        tenths = [tenth.mean() for tenth in np.array_split(self.losses, 10)]
        return tenths[-1] / max(tenths[-3], TINY)

    # ---- conditions of findings ----

    @property
    def starts_sure(self) -> bool:
        return bool(self.n_classes) and self.start > BAD_START

    @property
    def starts_on_a_plateau(self) -> bool:
        fell = self.start - self.end > 1 - BEGUN
        return fell and self.plateau > PLATEAU and self.half < SUDDEN * self.plateau

    @property
    def rises(self) -> bool:
        before = max(self.start, 1.0)
        return self.end >= HIGH and self._peaks.max() >= max(RISE * before, before + SHOCK * self.noise)

    @property
    def rises_and_returns(self) -> bool:
        return self.rises and self.learned

    @property
    def learns_nothing(self) -> bool:
        return not self.learned and not self.on_its_way

    @property
    def decays_early(self) -> bool:
        return self.spent <= SPENT * self.n_steps and self.end >= REST and self.on_its_way

    @property
    def has_hardly_begun(self) -> bool:
        return self.left >= BEGUN and self.on_its_way

    @property
    def still_falls(self) -> bool:
        return self.end >= REST and self.recent <= FALLING

    @property
    def settles_high(self) -> bool:
        return self.end >= HIGH and not (len(self.val) and self.val[-1] > GAP * self.end)

    @property
    def has_a_gap(self) -> bool:
        is_measured = len(self.val) >= MIN_LOOKS
        return is_measured and self.val[-1] - self.end >= HIGH and self.val[-1] >= GAP * self.end

    # ---- evidence in words ----

    def in_words(self, loss: float) -> str:
        """Return a loss in its own unit."""
        return f"{loss * self.guess:.2g}"

    @property
    def course(self) -> str:
        """Say from where to where the loss went."""
        val = f" (validation {self.in_words(self.val[-1])})" if len(self.val) else ""
        unit = f", a guess among {self.n_classes} classes having {self.guess:.2f}" if self.n_classes else ""
        start, end = map(self.in_words, (self.start, self.end))
        return f"Loss {start} at the start and {end}{val} at the end{unit}"

    @property
    def _peaks(self) -> np.ndarray:
        return mean_of(self.losses, 3)

    @property
    def peak(self) -> str:
        return self.in_words(self._peaks.max())

    @property
    def peak_step(self) -> int:
        return int(self._peaks.argmax()) + 1

    @property
    def pull(self) -> str:
        """Say how long the gradients were."""
        if len(self.norms) < self.n_steps:
            return "The norms of its gradients would tell more: fit(..., hooks=[RecordNorms()])."
        tenth = self.n_steps // 10
        first, last = np.median(self.norms[:tenth]), np.median(self.norms[-tenth:])
        return f"Its gradients had a norm of {first:.2g} at the start and {last:.2g} at the end."

    @property
    def loss_when_spent(self) -> str:
        return self.in_words(self.losses[max(0, self.spent - 3) : self.spent + 2].mean())

    @property
    def recent_fall(self) -> float:
        return max(0.0, 1 - self.recent)

    @property
    def close(self) -> str:
        return ", and the validation loss is close to it" if len(self.val) else ""

    @property
    def last(self) -> str:
        return self.in_words(self.val[-1])

    @property
    def final(self) -> str:
        return self.in_words(self.end)

    @property
    def best(self) -> str:
        place = int(self.val.argmin())
        when = f"; it was at its best, {self.in_words(self.val[place])}, at step {self.val_steps[place]}"
        return when if self.val[-1] > RISE * self.val[place] else ""


def mean_of(values: np.ndarray, width: int) -> np.ndarray:
    """Return the means of so many neighbors, wherever there are as many.

    >>> mean_of(np.array([1.0, 2.0, 6.0]), width=2)
    array([1.5, 4. ])
    """
    return np.convolve(values, np.full(width, 1 / width), "valid")


def _slope(values: np.ndarray) -> float:
    """Return the slope of a line through noisy values, in standard errors."""
    steps = np.arange(len(values)) - (len(values) - 1) / 2
    spread = max(steps @ steps, TINY)
    slope = steps @ values / spread
    error = np.std(values - values.mean() - slope * steps) / math.sqrt(spread)
    return float(slope / max(error, TINY))
