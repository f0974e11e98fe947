"""A training under way, as its hooks see it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn
from torch.optim import Optimizer

from helpers.core import checks
from helpers.training.batches import Batches
from helpers.training.divergence import require_finite
from helpers.training.history import History
from helpers.training.recorder import Recorder

__all__ = ["Run"]


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
    hooks : tuple
        All hooks, this one among them.
    validates : bool
        Whether there is a validation set.
    schedule : callable, optional
        Gives the rates.

    Attributes
    ----------
    step : int
        Updates made so far.
    recorder : Recorder
        What writes the history.
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
    hooks: tuple[Any, ...] = ()
    validates: bool = False
    schedule: Callable[[int], float] | None = None
    step: int = 0
    recorder: Recorder = field(default_factory=Recorder, repr=False)
    stopped: bool = False
    checkpoint: Path | None = None

    @property
    def history(self) -> History:
        """The record; its losses reach up to the latest :meth:`fetch`, or to the end of the last epoch."""
        return self.recorder.history

    @property
    def lr(self) -> float:
        """Learning rate of the latest update; before and within an update, of this one."""
        return self.history.rates[-1] if self.history.rates else math.nan

    @property
    def loss(self) -> float:
        """Loss of the latest batch; reading it makes a GPU wait."""
        self.fetch()
        return self.history.losses[-1]

    @property
    def epoch(self) -> int:
        """Epochs completed so far."""
        return self.step // self.steps_per_epoch

    @property
    def ends_epoch(self) -> bool:
        """Whether the latest update was the last of its epoch."""
        return self.step % self.steps_per_epoch == 0

    @property
    def is_over(self) -> bool:
        """Whether no update follows."""
        return self.stopped or self.step == self.total_steps

    @property
    def validation(self) -> dict[str, float] | None:
        """``"loss"`` and ``"accuracy"`` of the latest look at the validation set, if there was one."""
        losses, accuracies = self.history.val_losses, self.history.val_accuracies
        return {"loss": losses[-1], "accuracy": accuracies[-1]} if losses else None

    def stop(self) -> None:
        """End the training after the hooks of this update."""
        self.stopped = True

    def fetch(self) -> None:
        """Bring what the device has recorded so far into the history; whoever saves the model does so first.

        Raises
        ------
        Diverged
            If a loss, a gradient or a weight is not finite, with the first step that shows it.
        """
        require_finite(self.history, self.recorder.fetch(), self.model, self.checkpoint)

    def count_update(self) -> None:
        """Count an update; the last one of an epoch waits for the device."""
        self.step += 1
        if self.ends_epoch:
            self.fetch()
            self.history.seconds.append(self.recorder.seconds)

    def state_dict(self) -> dict[str, Any]:
        """Return how far the training is, without model, optimizer and hooks, ready for a checkpoint."""
        self.fetch()
        progress = {"step": self.step, "total_steps": self.total_steps, "stopped": self.stopped}
        record = {"history": self.history.to_dict(), "elapsed": self.recorder.seconds}
        return progress | record | {"batches": self.batches.state_dict()}

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
        self.recorder = Recorder(History.from_dict(state["history"]), state["elapsed"])
        self.step, self.stopped = state["step"], state["stopped"]
