"""What a training writes down at every step, without making a GPU wait for it."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from helpers.training import processes
from helpers.training.history import History

__all__ = ["Recorder"]


class Recorder:
    """The pen that writes a history; losses and norms stay on the device until :meth:`fetch`.

    Parameters
    ----------
    history : History, optional
        The record to go on with; by default a new one.
    seconds : float
        Time that the training has taken already.

    Attributes
    ----------
    history : History
        Its rates reach up to the present step, its losses and norms up to the latest call of :meth:`fetch`.

    Examples
    --------
    >>> recorder = Recorder()
    >>> recorder.history.rates.append(0.1)
    >>> recorder.add_loss(torch.tensor(0.5))
    >>> recorder.add_loss(torch.tensor(0.25))  # of another micro-batch
    >>> recorder.fetch(), recorder.history.losses
    (1, [0.75])
    """

    def __init__(self, history: History | None = None, seconds: float = 0.0) -> None:
        self.history = History() if history is None else history
        self._start = time.perf_counter() - seconds
        self._losses: dict[int, Tensor] = {}  # by step, as the norms
        self._norms: dict[int, Tensor] = {}

    @property
    def seconds(self) -> float:
        """Time since the start of the training."""
        return time.perf_counter() - self._start

    def add_loss(self, loss: Tensor) -> None:
        """Add the loss of a micro-batch, weighted by its share of the batch, to that of this step."""
        step = len(self.history.rates) - 1
        self._losses[step] = self._losses[step] + loss if step in self._losses else loss

    def add_norm(self, norm: Tensor) -> None:
        """Note the norm of this step's gradient; the first one counts, before any clipping."""
        self._norms.setdefault(len(self.history.rates) - 1, norm)

    def add_validation(self, step: int, loss: float, accuracy: float) -> None:
        """Note what the validation set showed after so many updates."""
        self.history.val_steps.append(step)
        self.history.val_losses.append(loss)
        self.history.val_accuracies.append(accuracy)

    def fetch(self) -> int:
        """Bring losses and norms from the device into the history; return of how many steps they are."""
        losses, norms = list(self._losses.values()), list(self._norms.values())
        self._losses, self._norms = {}, {}
        self.history.losses += processes.total(torch.stack(losses).cpu()).tolist() if losses else []
        self.history.norms += torch.stack(norms).tolist() if norms else []
        return max(len(losses), len(norms))
