"""When a training has gone astray: its losses, gradients and weights must stay finite."""

from __future__ import annotations

import math
from itertools import zip_longest
from pathlib import Path

from torch import nn

from helpers.training.history import History

__all__ = ["Diverged", "require_finite"]


class Diverged(FloatingPointError):
    """A loss, a gradient or a weight became infinite or NaN, or a loss larger than a hook allows.

    Parameters
    ----------
    what : str
        What went wrong, in words.
    history : History
        The record up to the moment when it was noticed.
    step : int
        The first step that shows it.
    checkpoint : Path, optional
        The last good checkpoint.

    Attributes
    ----------
    history, step, checkpoint
        As above.
    lr : float
        The learning rate of that step.
    """

    def __init__(self, what: str, history: History, step: int, checkpoint: Path | None = None) -> None:
        self.history, self.step, self.checkpoint = history, step, checkpoint
        self.lr = history.rates[step]
        saved = "" if checkpoint is None else f"; the last good checkpoint is {checkpoint}"
        super().__init__(f"{what} at step {step}, lr={self.lr}{saved}")


def require_finite(history: History, n: int, model: nn.Module, checkpoint: Path | None = None) -> None:
    """Require that the latest `n` steps of a training have left finite numbers.

    Parameters
    ----------
    history : History
        Its latest losses and norms are looked at.
    n : int
        How many steps; none asks nothing.
    model : torch.nn.Module
        Its weights are those after the latest step.
    checkpoint : Path, optional
        The last good one.

    Raises
    ------
    Diverged
        For the first step that shows it.

    Examples
    --------
    >>> require_finite(History(rates=[0.1, 0.2], losses=[2.0, math.nan]), 2, nn.Linear(1, 1))
    Traceback (most recent call last):
    helpers.training.divergence.Diverged: loss must stay finite, got loss=nan at step 1, lr=0.2
    """
    if n == 0:
        return
    pairs = zip_longest(history.losses[-n:], history.norms[-n:], fillvalue=0.0)
    for step, (loss, norm) in enumerate(pairs, start=len(history.losses) - n):
        if not math.isfinite(loss):
            raise Diverged(f"loss must stay finite, got loss={loss}", history, step, checkpoint)
        if not math.isfinite(norm):
            raise Diverged(f"gradient must stay finite, got norm={norm}", history, step, checkpoint)
    for name, weight in model.named_parameters():
        if not bool(weight.isfinite().all()):
            what = f"weights must stay finite, got NaN or infinity in {name} after the update"
            raise Diverged(what, history, step, checkpoint)
