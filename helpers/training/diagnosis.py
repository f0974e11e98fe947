r"""What a learning curve says: names for the common faults of a training, each with its evidence.

A curve is a symptom, and several faults can share one. A loss that stays high and flat may come from a rate
that is too high or far too low, from dead units, or from labels that have nothing to do with the images. So
every finding says what was seen, what that can and cannot tell, and what to try.

How a curve is measured is told in :mod:`helpers.training.curves`.

>>> losses = [2.3 - 0.0005 * step for step in range(200)]  # an even pace that gets nowhere
>>> diagnose(History(rates=[1e-4] * 200, losses=losses), n_classes=10)[0].name
'rate too low'
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from helpers.core import checks
from helpers.training.curves import MIN_LOOKS, Curve, guess_loss, mean_of
from helpers.training.history import History
from helpers.training.run import Diverged

__all__ = ["NAMES", "Finding", "diagnose"]

#: Every name that a finding can have.
NAMES = (
    "divergence",
    "bad initialization",
    "rate too high",
    "nothing learned",
    "decayed too early",
    "rate too low",
    "still improving",
    "underfitting",
    "overfitting",
    "nothing stands out",
)

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


@dataclass(frozen=True)
class Finding:
    """One thing that a learning curve shows.

    Parameters
    ----------
    name : str
        One of ``NAMES``.
    evidence : str
        What was seen, with numbers.
    words : str
        What it means, and what it cannot tell.
    advice : str
        What to try first.
    """

    name: str
    evidence: str
    words: str
    advice: str

    def __str__(self) -> str:
        return f"{self.name}: {self.evidence} {self.words} {self.advice}"


def diagnose(history: History | Diverged, *, n_classes: int | None = None) -> list[Finding]:
    r"""Name what the record of a training shows, the most basic fault first.

    Only validation losses show overfitting; without them, little progress is harder to tell from none.

    Parameters
    ----------
    history : History or Diverged
        What :func:`helpers.training.loop.fit` returned or raised. At least 40 steps, unless it diverged.
        Several trainings that went on from one another are one history when their lists are joined.
    n_classes : int, optional
        Classes of a classifier with cross-entropy, 2 or more: a guess has the loss :math:`\log K`. By
        default the first loss counts as a guess's, and nothing is said about its size.

    Returns
    -------
    list of Finding
        At least one: ``nothing stands out`` where no fault shows. That is no proof of health, for a curve
        shows nothing of wrong labels in the validation set, say, or of a peek at the test set.

    Raises
    ------
    TypeError, ValueError
        If `history` is none or too short, no rate in it is positive, or `n_classes` is below 2.

    Notes
    -----
    The thresholds are constants of this module. They were chosen on small convolutional networks that learn
    8x8 digits, and checked on others of the same kind. Where labels are noise in part, no network gets below
    their entropy, which looks like underfitting.

    Examples
    --------
    >>> curve = [2.3 * 0.97**step for step in range(200)]
    >>> history = History([0.1] * 200, curve, val_steps=[100, 150, 200], val_losses=[0.2, 0.3, 0.4])
    >>> for finding in diagnose(history, n_classes=10):
    ...     print(finding.name, finding.evidence, sep="\n")
    overfitting
    Validation loss 0.4 against 0.0073 in training at the end; it was at its best, 0.2, at step 100.
    """
    if isinstance(history, Diverged):
        return [_divergence_at(history.history, history.step, str(history))]
    _check(history, n_classes)
    broken = _break(history, guess_loss(history, n_classes))
    if broken:
        return [_divergence_at(history, *broken)]
    curve = Curve(history, n_classes)
    ways = (_too_high, _nothing_learned, _too_early, _too_low, _still_improving, _underfitting)
    on_the_way = next(filter(None, (way(curve) for way in ways)), None)
    found = [_bad_initialization(curve), on_the_way, _overfitting(curve)]
    return [finding for finding in found if finding] or [_healthy(curve)]


def _check(history: object, n_classes: object) -> None:
    if not isinstance(history, History):
        raise TypeError(f"history must be a History, got history={history!r}")
    for losses, places in (("losses", "rates"), ("val_losses", "val_steps")):
        short = len(getattr(history, places)) < len(getattr(history, losses))
        checks.require(not short, f"have an entry of {places} for each of {losses}", "history", history)
    checks.require(len(history.losses) > 0, "have at least one step", "history", history)
    if n_classes is not None:
        checks.integer("n_classes", n_classes)
        checks.require(n_classes >= 2, "be at least 2", "n_classes", n_classes)


# Each of these returns what it finds, or None


def _break(history: History, guess: float) -> tuple[int, str] | None:
    """Return the step in which something is not finite, or the last if the loss has exploded, and words."""
    looks = [step - 1 for step in history.val_steps]
    steps = range(len(history.losses))
    kinds = ("loss", history.losses, steps), ("gradient norm", history.norms, steps)
    for name, values, places in (*kinds, ("validation loss", history.val_losses, looks)):
        for value, step in zip(values, places, strict=False):
            if not math.isfinite(value):
                return step, f"The {name} is {value} at step {step}"
    if history.losses[-1] > EXPLOSION * max(guess, history.losses[0]):
        return steps[-1], f"The loss is {history.losses[-1]:.3g} at the end, step {steps[-1]}"
    return None


def _divergence_at(history: History, step: int, what: str) -> Finding:
    losses = history.losses[: step + 1]
    told = ", ".join(f"{loss:.3g}" for loss in losses[-4:])
    evidence = f"{what}. The rate was {history.rates[step]:.3g}, the losses up to it {told}."
    if not math.isfinite(losses[0]):
        words = "It happened before any update, so the rate has no part in it."
        advice = "Look for NaN in images and initial weights, and for logarithms and roots of 0 in the loss."
    elif any(loss > RISE * losses[0] for loss in losses):
        words = "The loss grew first, as it does when the rate is too high for the curvature."
        advice = "A rate ten times lower; a warmup; a clipped gradient."
    else:
        words = (
            "The losses were ordinary up to it. A rate that is far too high does this in one step, and so"
            " does one bad image, or a logarithm or root of 0 in the loss: the curve cannot tell which."
        )
        advice = "A rate a hundred times lower; if it happens again at the same images, look at these."
    return Finding("divergence", evidence, words, advice)


def _bad_initialization(curve: Curve) -> Finding | None:
    if curve.n_classes and curve.start > BAD_START:
        return Finding(
            "bad initialization",
            f"{curve.course}: {curve.start:.1f} times as much before the first update.",
            "The untrained network is sure of what it cannot know: its logits are too large.",
            "Initial weights for this nonlinearity (He, Glorot); a smaller last layer; inputs normalized.",
        )
    if (
        curve.start - curve.end > 1 - BEGUN
        and curve.plateau > PLATEAU
        and curve.half < SUDDEN * curve.plateau
    ):
        return Finding(
            "bad initialization",
            f"{curve.course}; it hardly moved for the first {curve.plateau:.0%} of the rate spent, and half"
            f" of the fall was done by {curve.half:.0%}.",
            "It sat on a plateau and left it at once: signals and gradients began too small, by initial"
            " weights that are too small or alike, or by units most of which were off.",
            "Initial weights for this nonlinearity (He, Glorot); normalization.",
        )
    return None


def _too_high(curve: Curve) -> Finding | None:
    peaks, before = mean_of(curve.losses, 3), max(curve.start, 1.0)
    if curve.end < HIGH or peaks.max() < max(RISE * before, before + SHOCK * curve.noise):
        return None
    return Finding(
        "rate too high",
        f"{curve.course}; it rose to {curve.told(peaks.max())} about step {peaks.argmax() + 1}.",
        "Steps that overshoot make a loss rise above that of knowing nothing."
        + " It never came back: units may have died, which no later rate revives." * (not curve.learned),
        "A rate three to ten times lower, a warmup, or a clipped gradient; lr_finder tells where it breaks.",
    )


def _nothing_learned(curve: Curve) -> Finding | None:
    if curve.learned or curve.on_its_way:
        return None
    return Finding(
        "nothing learned",
        f"{curve.course}; it ended no better than a guess, and never rose. {_told_norms(curve)}",
        "Dead units or an initialization without differences, labels that have nothing to do with the images,"
        " and a rate that is far too low all look like this. A rate that is too high would have shaken it.",
        "Try to learn twenty images by heart: a sound network can. Then look at the activations layer by"
        " layer, at images with their labels, and at a rate a hundred times higher.",
    )


def _told_norms(curve: Curve) -> str:
    if len(curve.norms) < curve.n_steps:
        return "The norms of its gradients would tell more: fit(..., norms=True)."
    tenth = curve.n_steps // 10
    first, last = np.median(curve.norms[:tenth]), np.median(curve.norms[-tenth:])
    return f"Its gradients had a norm of {first:.2g} at the start and {last:.2g} at the end."


def _too_early(curve: Curve) -> Finding | None:
    if curve.spent > SPENT * curve.n_steps or curve.end < REST or not curve.on_its_way:
        return None
    before = curve.losses[max(0, curve.spent - 3) : curve.spent + 2].mean()
    return Finding(
        "decayed too early",
        f"{curve.course}; nine tenths of the rate were spent by step {curve.spent} of {curve.n_steps}, with"
        f" the loss at {curve.told(before)}; its second half brought {curve.late:.0%} of the fall.",
        "The rate fell while the loss still did; the long rest was too slow for what was left to learn.",
        "A later or slower decay: a cosine over all steps, or a drop once the validation loss has settled.",
    )


def _too_low(curve: Curve) -> Finding | None:
    if curve.left < BEGUN or not curve.on_its_way:
        return None
    return Finding(
        "rate too low",
        f"{curve.course}, after {curve.n_steps} steps; it fell all the way at an even pace, as far as the"
        " rate went.",
        "An even descent that has hardly begun. A training that is far too short looks the same from its"
        " beginning, and so does a network with vanishing gradients.",
        "A rate three to ten times higher; lr_finder suggests one. Longer, if that is too high.",
    )


def _still_improving(curve: Curve) -> Finding | None:
    if curve.end < REST or curve.recent > FALLING:
        return None
    return Finding(
        "still improving",
        f"{curve.course}; in the last fifth of the training it fell by {1 - curve.recent:.0%}.",
        "The training ended before the learning did.",
        "More epochs, the schedule stretched with them; or a somewhat higher rate.",
    )


def _underfitting(curve: Curve) -> Finding | None:
    if curve.end < HIGH or (len(curve.val) and curve.val[-1] > GAP * curve.end):
        return None
    close = ", and the validation loss is close to it" if len(curve.val) else ""
    return Finding(
        "underfitting",
        f"{curve.course}; in the last fifth it fell by {max(0.0, 1 - curve.recent):.0%} only{close}.",
        "It has settled, and the training images are not learned. A network that is too small or held back"
        " too much, labels that are wrong in part, and a rate that stays too high to settle look alike.",
        "A wider or deeper network; less weight decay, dropout or augmentation; a decay to 0; a look at the"
        " images with the largest losses.",
    )


def _overfitting(curve: Curve) -> Finding | None:
    if len(curve.val) < MIN_LOOKS:
        return None
    last, best = curve.val[-1], int(curve.val.argmin())
    if last - curve.end < HIGH or last < GAP * curve.end:
        return None
    when = f"; it was at its best, {curve.told(curve.val[best])}, at step {curve.val_steps[best]}"
    return Finding(
        "overfitting",
        f"Validation loss {curve.told(last)} against {curve.told(curve.end)} in training at the end"
        f"{when if last > RISE * curve.val[best] else ''}.",
        "The network knows its training images better than the task.",
        "More data, augmentation or weight decay; a smaller network; early stopping.",
    )


def _healthy(curve: Curve) -> Finding:
    return Finding(
        "nothing stands out",
        f"{curve.course}.",
        "None of the faults that this looks for shows, which is no proof that there is none.",
        "Compare with a rate three times higher and one three times lower, over several seeds.",
    )
