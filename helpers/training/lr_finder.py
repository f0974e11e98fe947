"""The range test: a short training with a growing rate shows which rates a network can take.

>>> import torch
>>> from torch import optim
>>> images = torch.eye(4).repeat(25, 1)
>>> model = nn.Linear(4, 1)
>>> optimizer = optim.SGD(model.parameters(), lr=1.0)
>>> test = find_lr(model, (images, 10 * images[:, :1]), loss=nn.functional.mse_loss, optimizer=optimizer,
...                batch_size=10)
>>> 0.1 < test.suggestion < 1, optimizer.param_groups[0]["lr"]
(True, 1.0)
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn
from torch.optim import Optimizer

from helpers.core import checks
from helpers.training.batches import Data, count_steps
from helpers.training.divergence import Diverged
from helpers.training.loop import Loss, fit
from helpers.training.run import Run

__all__ = ["NoSuggestion", "RangeTest", "find_lr", "suggest"]

#: The suggestion as a share of the rate at which the smoothed loss is lowest.
SHARE = 0.5
#: The test ends when the loss is so many times its lowest.
TOO_HIGH = 4.0
#: A fall counts if it is so many standard errors long.
CLEAR = 3.0


@dataclass(frozen=True, eq=False)
class RangeTest:
    """The rates and losses of a range test, and the rate that it suggests.

    Parameters
    ----------
    rates : ndarray of shape (T,)
        Learning rate of every step, each the same multiple of the one before.
    losses : ndarray of shape (T,)
        Loss of every step's batch, taken before its update.
    smoothed : ndarray of shape (T,)
        Mean of the losses over a decade of rates, half of it on either side.
    suggestion : float
        A learning rate to train with, the highest one of a schedule.
    reason : str
        Where the suggestion comes from.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: float
    reason: str

    def __repr__(self) -> str:
        tested = f"{len(self.rates)} rates from {self.rates[0]:.2g} to {self.rates[-1]:.2g}"
        return f"RangeTest({tested}, suggestion {self.suggestion:.2g}: {self.reason})"


class NoSuggestion(ValueError):
    """A range test showed no rate that trains the model.

    Parameters
    ----------
    reason : str
        What is required, and what came.
    rates, losses : ndarray of shape (T,)
        As in :class:`RangeTest`; attributes.
    """

    def __init__(self, reason: str, rates: np.ndarray, losses: np.ndarray) -> None:
        super().__init__(reason)
        self.rates, self.losses = rates, losses


def find_lr(
    model: nn.Module,
    train: Data,
    *,
    loss: Loss,
    optimizer: Optimizer,
    batch_size: int,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 100,
    seed: int = 0,
    hooks: Iterable[Any] = (),
) -> RangeTest:
    """Train copies of model and optimizer while the rate grows from `low` to `high`, and suggest a rate.

    It is :func:`helpers.training.fit` with a growing rate, and ends early when the loss is four times its
    lowest or no number any more. Model, optimizer and torch's random numbers stay as they are, bit for
    bit; gradients and modes too.

    Parameters
    ----------
    model : torch.nn.Module
        As for ``fit``.
    train : (images, labels)
        As for ``fit``; never the test set.
    loss, optimizer, batch_size
        As for ``fit``, those of the training to come: the suggestion is for them.
    low, high : float
        First and last rate, in order. Every step multiplies the rate by the same factor.
    steps : int
        Updates to make, ten or more; fewer than ten a decade leave much to chance.
    seed : int
        Decides the batches, and the masks of dropout.
    hooks : iterable
        Those of the training to come that change its gradients, such as ``ClipGradient`` or ``Augment``.

    Returns
    -------
    RangeTest

    Raises
    ------
    NoSuggestion
        If the loss does not fall, or still falls at `high`.
    TypeError, ValueError
        If an argument is not fit.
    """
    _check_range(low, high, steps)
    own = set(map(id, model.parameters()))
    params = (param for group in getattr(optimizer, "param_groups", ()) for param in group["params"])
    if not all(id(param) in own for param in params):
        raise ValueError("optimizer must hold parameters of the model alone, got others")
    model, optimizer = copy.deepcopy((model, optimizer))  # together: one copy holds the other's parameters
    rates = np.geomspace(low, high, steps)
    own = {"loss": loss, "optimizer": optimizer, "batch_size": batch_size, "seed": seed}
    own |= {"epochs": math.ceil(steps / count_steps(train, epochs=1, batch_size=batch_size))}
    own |= {"schedule": lambda step: float(rates[step]), "hooks": [*hooks, _End(steps, _window(rates))]}
    try:
        history, diverged = fit(model, train, **own), False
    except Diverged as error:
        history, diverged = error.history, True
    losses = np.array([value for value in history.losses if math.isfinite(value)])
    return suggest(rates[: len(losses)], losses, diverged or len(losses) < steps)


def suggest(rates: np.ndarray, losses: np.ndarray, diverged: bool) -> RangeTest:
    """Suggest half the rate at which the loss, smoothed over a decade of rates, is lowest.

    Parameters
    ----------
    rates, losses : ndarray of shape (T,)
        Rates in a geometric sequence, and finite losses.
    diverged : bool
        Whether the test ended because the loss had become too high.

    Returns
    -------
    RangeTest

    Raises
    ------
    NoSuggestion
        If the loss does not fall by more than its noise, or still falls at the highest rate.

    Notes
    -----
    Smith reads two rates off the curve by eye: where it begins to fall and where it turns ragged [1]_;
    the highest rate of a schedule belongs near the second [2]_. Two rules are often used instead: the
    rate of the steepest fall, and a tenth of the rate of the lowest loss. On seven pairs of a small
    network and an optimizer on the 8x8 digits, with 50 to 400 steps, the half here led to 1.4 to 1.6
    times the validation loss of the best rate of a sweep (in the geometric mean over pairs and seeds,
    after five epochs; 4 times in the worst case), the steepest fall to 2 to 5 times (39 times) and a
    tenth to 2 to 8 times (20 times). The mean is centered, as one over the past alone shifts the lowest
    loss to higher rates, the more so the fewer the steps.

    References
    ----------
    .. [1] L. N. Smith, "Cyclical learning rates for training neural networks", WACV 2017, section 3.3.
    .. [2] L. N. Smith and N. Topin, "Super-convergence: very fast training of neural networks using large
       learning rates", 2019, arXiv:1708.07120.

    Examples
    --------
    >>> rates = np.geomspace(1e-3, 1.0, 31)
    >>> suggest(rates, np.abs(np.log10(rates) + 1), diverged=False)
    RangeTest(31 rates from 0.001 to 1, suggestion 0.05: half of 0.1, where the loss is lowest ...)
    """
    window = _window(rates)
    if len(losses) == 0:
        raise NoSuggestion("the loss must be finite before the first update", rates, losses)
    if len(losses) <= window:
        raise NoSuggestion(f"low must be lower, the loss rises from lr={rates[0]:.4g} on", rates, losses)
    smoothed = _centered_mean(losses, window)
    lowest, begin = int(np.argmin(smoothed)), losses[:window]
    start, bottom, error = begin.mean(), smoothed[lowest], begin.std() / math.sqrt(window)
    if not start - bottom > CLEAR * error:
        words = f"the loss must fall at some rate, it went from {start:.4g} to {bottom:.4g}"
        raise NoSuggestion(f"{words}, with a standard error of {error:.2g}", rates, losses)
    if lowest == len(losses) - 1 and not diverged:
        raise NoSuggestion(f"high must be higher, the loss still falls at lr={rates[-1]:.4g}", rates, losses)
    where = f"where the loss is lowest in the mean over a decade of rates, {bottom:.3g} after {start:.3g}"
    reason = f"half of {rates[lowest]:.2g}, {where} at the start"
    return RangeTest(rates, losses, smoothed, SHARE * float(rates[lowest]), reason)


class _End:
    """The hook that ends the test after its steps, or where the loss has become too high."""

    def __init__(self, steps: int, window: int) -> None:
        self.steps, self.window, self.lowest = steps, window, math.inf

    def __call__(self, run: Run) -> None:
        run.fetch()
        recent = float(np.mean(run.history.losses[-self.window :]))
        self.lowest = min(self.lowest, recent)
        if run.step >= self.steps or recent > self.lowest + (TOO_HIGH - 1) * abs(self.lowest):
            run.stop()


def _window(rates: np.ndarray) -> int:
    """How many steps are a decade of rates."""
    if len(rates) < 2:
        return 1
    return max(1, round((len(rates) - 1) / math.log10(rates[-1] / rates[0])))


def _centered_mean(values: np.ndarray, window: int) -> np.ndarray:
    """The mean over a window around each value, of what lies inside at the ends."""
    kernel, ones = np.ones(window + 1 - window % 2), np.ones(len(values))
    return np.convolve(values, kernel, "same") / np.convolve(ones, kernel, "same")


def _check_range(low: float, high: float, steps: int) -> None:
    checks.positive("low", low)
    checks.positive("high", high)
    checks.require(low < high, "be below high", "low", low)
    checks.count("steps", steps)
    checks.require(steps >= 10, "be at least 10", "steps", steps)
