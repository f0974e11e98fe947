"""A training under way: what its hooks see, what it records, and when it has diverged."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from helpers.core import checks
from helpers.training import processes
from helpers.training.batches import Batches
from helpers.training.history import History

__all__ = ["Diverged", "Run"]


class Diverged(FloatingPointError):
    """A loss, a gradient or a weight became infinite or NaN, or a loss larger than a hook allows.

    Parameters
    ----------
    what : str
        What went wrong, in words.
    history : History
        The record up to the moment when it was noticed.
    step : int
        The step in which it was seen first.
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


@dataclass(eq=False)
class Run:
    """A training under way, as its hooks see it.

    Parameters
    ----------
    model : torch.nn.Module
        The model, with the updates made so far.
    optimizer : torch.optim.Optimizer
        What makes them.
    batches : Batches
        Where the data come from.
    steps_per_epoch, total_steps : int
        Updates in an epoch, and in the whole training.
    hooks : tuple of callable
        All hooks, this one among them.
    validates : bool
        Whether there is a validation set.
    schedule : callable, optional
        Gives the rates.

    Attributes
    ----------
    step : int
        Updates made so far.
    lr : float
        Learning rate of the latest update.
    history : History
        Its losses reach up to the latest call of :meth:`settle`, at the latest to the end of the epoch
        before.
    stopped : bool
        Whether :meth:`stop` was called.
    checkpoint : Path or None
        The last good checkpoint, which whoever saves one notes here.
    """

    model: nn.Module
    optimizer: Optimizer
    batches: Batches
    steps_per_epoch: int
    total_steps: int
    hooks: tuple[Callable[[Run], object], ...] = ()
    validates: bool = False
    schedule: Callable[[int], float] | None = None
    step: int = 0
    lr: float = math.nan
    history: History = field(default_factory=History)
    stopped: bool = False
    checkpoint: Path | None = None
    _pieces: list[tuple[int, float, Tensor]] = field(default_factory=list, repr=False)
    _norms: list[Tensor] = field(default_factory=list, repr=False)
    _start: float = field(default_factory=time.perf_counter, repr=False)

    @property
    def epoch(self) -> int:
        """Epochs completed so far."""
        return self.step // self.steps_per_epoch

    @property
    def ends_epoch(self) -> bool:
        """Whether the latest update was the last of its epoch."""
        return self.step % self.steps_per_epoch == 0

    @property
    def validation(self) -> tuple[float, float] | None:
        """Loss and accuracy of the latest look at the validation set, if there was one."""
        history = self.history
        return (history.val_losses[-1], history.val_accuracies[-1]) if history.val_steps else None

    def stop(self) -> None:
        """End the training after the hooks of this update."""
        self.stopped = True

    def diverged(self, what: str, step: int | None = None) -> Diverged:
        """Return the error for what went wrong at a step, by default the latest one."""
        return Diverged(what, self.history, self.step - 1 if step is None else step, self.checkpoint)

    @property
    def loss(self) -> float:
        """Loss of the latest batch; reading it makes a GPU wait."""
        self.settle()
        return self.history.losses[-1]

    def add(self, loss: Tensor, share: float) -> None:
        """Note the loss of a piece of the batch that the next update is made with."""
        self._pieces.append((self.step, share, loss))

    def record(self, lr: float, norm: Tensor | None = None) -> None:
        """Note an update; the numbers are fetched from the device once an epoch."""
        self.step, self.lr = self.step + 1, lr
        self.history.rates.append(lr)
        if norm is not None:
            self._norms.append(norm)
        if self.ends_epoch:
            self.settle()
            self.history.seconds.append(time.perf_counter() - self._start)

    def record_validation(self, loss: float, accuracy: float) -> None:
        """Note what the validation set showed after the latest update."""
        self.history.val_steps.append(self.step)
        self.history.val_losses.append(loss)
        self.history.val_accuracies.append(accuracy)

    def settle(self) -> None:
        """Fetch what the device has recorded so far; whoever saves the model calls this first.

        Raises
        ------
        Diverged
            If a loss, a gradient or a weight is not finite, with the first step that shows it.
        """
        known = len(self.history.losses)
        losses = self._fetch_losses()
        norms = torch.stack(self._norms).tolist() if self._norms else []
        self._norms.clear()
        self.history.losses += losses
        self.history.norms += norms
        for i, loss in enumerate(losses):
            if not math.isfinite(loss):
                raise self.diverged(f"loss must stay finite, got loss={loss}", known + i)
            if norms and not math.isfinite(norms[i]):
                raise self.diverged(f"gradient must stay finite, got norm={norms[i]}", known + i)
        for name, weight in self.model.named_parameters() if losses else ():
            if not bool(weight.isfinite().all()):
                what = f"weights must stay finite, got NaN or infinity in {name} after the update"
                raise self.diverged(what)

    def state_dict(self) -> dict[str, Any]:
        """Return how far the training is, without model, optimizer and hooks, ready for a checkpoint."""
        self.settle()
        progress = {"step": self.step, "total_steps": self.total_steps, "stopped": self.stopped}
        elapsed = time.perf_counter() - self._start
        state = {"history": self.history.to_dict(), "batches": self.batches.state_dict(), "elapsed": elapsed}
        return progress | state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken.

        Raises
        ------
        ValueError
            If it was taken from a training of another length or on another set.
        """
        words = f"be {self.total_steps} as in this training"
        checks.require(state["total_steps"] == self.total_steps, words, "total_steps", state["total_steps"])
        self.batches.load_state_dict(state["batches"])
        self.history = History.from_dict(state["history"])
        self.step, self.stopped = state["step"], state["stopped"]
        self.lr = self.history.rates[-1] if self.step else math.nan
        self._start = time.perf_counter() - state["elapsed"]

    def _fetch_losses(self) -> list[float]:
        """Return the losses of the updates since the last call; pieces and processes add up."""
        if not self._pieces:
            return []
        steps, shares, losses = zip(*self._pieces, strict=True)
        self._pieces.clear()
        weighted = torch.stack(losses).cpu() * torch.tensor(shares, dtype=losses[0].dtype)
        first = steps[0]
        sums = weighted.new_zeros(steps[-1] - first + 1)
        sums.index_add_(0, torch.tensor(steps) - first, weighted)
        return processes.total(sums).tolist()
