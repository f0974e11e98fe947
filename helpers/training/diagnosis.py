r"""What a learning curve says: names for the common faults of a training, each with its evidence.

A curve is a symptom, and several faults can share one. A loss that stays high and flat may come from a rate
that is too high or far too low, from dead units, or from labels that have nothing to do with the images. So
every finding says what was seen, what that can and cannot tell, and what to try.

How a curve is measured is told in :mod:`helpers.training.curves`; what is said of it is the table
``findings.md`` beside this module.

>>> losses = [2.3 - 0.0005 * step for step in range(200)]  # an even pace that gets nowhere
>>> diagnose(History(rates=[1e-4] * 200, losses=losses), n_classes=10)[0].name
'rate too low'
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from helpers.core import checks
from helpers.training.curves import EXPLOSION, RISE, Curve, guess_loss
from helpers.training.divergence import Diverged
from helpers.training.history import History

__all__ = ["NAMES", "Finding", "diagnose"]

_ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in Path(__file__).with_name("findings.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("|")
][2:]
#: Every name that a finding can have.
NAMES = tuple(dict.fromkeys(name for _, _, name, *_ in _ROWS))


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
        What :func:`helpers.training.fit` returned or raised. At least 40 steps, unless it diverged.
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
        return [_first("divergence", _Break(history.history, history.step, str(history)))]
    _check(history, n_classes)
    broken = _break(history, guess_loss(history, n_classes))
    if broken:
        return [_first("divergence", _Break(history, *broken))]
    curve = Curve(history, n_classes)
    groups = dict.fromkeys(group for group, *_ in _ROWS)
    firsts = [_first(group, curve) for group in groups if group not in ("divergence", "none")]
    return [finding for finding in firsts if finding] or [_first("none", curve)]


def _first(group: str, curve: Curve | _Break) -> Finding | None:
    """Return the first finding of a group whose condition is true."""
    for own, condition, name, evidence, words, advice in _ROWS:
        if own == group and (not condition or getattr(curve, condition)):
            return Finding(name, evidence.format(c=curve), words, advice)
    return None


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


class _Break:
    """The step in which a training diverged, and the losses up to it."""

    came_suddenly = True

    def __init__(self, history: History, step: int, what: str) -> None:
        self.losses, self.rate, self.what = history.losses[: step + 1], history.rates[step], what
        self.latest = ", ".join(f"{loss:.3g}" for loss in self.losses[-4:])

    @property
    def from_the_start(self) -> bool:
        return not math.isfinite(self.losses[0])

    @property
    def grew_first(self) -> bool:
        return any(loss > RISE * self.losses[0] for loss in self.losses)
