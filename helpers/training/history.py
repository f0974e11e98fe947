"""What a training shows under way, and what it leaves behind: plain lists of numbers."""

from __future__ import annotations

import dataclasses
import math
import time
from dataclasses import dataclass, field, fields

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

__all__ = ["Diverged", "History", "Run"]


@dataclass(repr=False)
class History:
    """The record of one training.

    Entry `i` of `rates` and `losses` belongs to step `i`, the first being 0. The entries of the other
    lists belong to the ends of epochs.

    Parameters
    ----------
    rates : list of float
        Learning rate of every step.
    losses : list of float
        Loss of every step's batch, taken before its update.
    val_steps : list of int
        Updates made when the validation set was looked at.
    val_losses, val_accuracies : list of float
        What was seen then; accuracies from 0 to 1.
    seconds : list of float
        Time from the start to the last update of each epoch.

    Examples
    --------
    >>> history = History(rates=[0.1, 0.1], losses=[2.3, 1.9], seconds=[0.5])
    >>> history
    History(2 steps, 1 epoch, loss 1.9000)
    >>> History.from_dict(history.to_dict()) == history
    True
    """

    rates: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    val_steps: list[int] = field(default_factory=list)
    val_losses: list[float] = field(default_factory=list)
    val_accuracies: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def steps(self) -> range:
        """The steps whose losses are recorded, from 0."""
        return range(len(self.losses))

    def to_dict(self) -> dict[str, list]:
        """Return the record as a plain dict of lists, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, record: dict[str, list]) -> History:
        """Return the history that :meth:`to_dict` described.

        Raises
        ------
        ValueError
            If a list is missing or unknown.
        """
        wanted = [f.name for f in fields(cls)]
        if sorted(record) != sorted(wanted):
            raise ValueError(f"record must have the keys {wanted}, got {list(record)}")
        return cls(**{name: list(values) for name, values in record.items()})

    def __repr__(self) -> str:
        parts = [f"{len(self.losses)} steps", f"{len(self.seconds)} epoch{'s' * (len(self.seconds) != 1)}"]
        parts += [f"loss {self.losses[-1]:.4f}"] if self.losses else []
        parts += [f"validation accuracy {self.val_accuracies[-1]:.4f}"] if self.val_accuracies else []
        return f"History({', '.join(parts)})"


class Diverged(FloatingPointError):
    """The loss became infinite or NaN.

    Parameters
    ----------
    history : History
        The record up to the end of the epoch in which it happened.
    step : int
        The first step with such a loss.

    Attributes
    ----------
    history, step
        As above.
    lr : float
        The learning rate of that step.
    """

    def __init__(self, history: History, step: int) -> None:
        self.history, self.step, self.lr = history, step, history.rates[step]
        super().__init__(
            f"loss must stay finite, got loss={history.losses[step]} at step {step}, lr={self.lr}"
        )


@dataclass(eq=False)
class Run:
    """A training under way, as its hooks see it.

    Parameters
    ----------
    model : torch.nn.Module
        The model, with the updates made so far.
    optimizer : torch.optim.Optimizer
        What makes them.
    steps_per_epoch : int
        Updates in an epoch.

    Attributes
    ----------
    step : int
        Updates made so far.
    lr : float
        Learning rate of the latest update.
    loss : Tensor
        Loss of the latest batch. Reading its number makes a GPU wait.
    history : History
        Its losses reach up to the latest end of an epoch.
    stopped : bool
        Whether :meth:`stop` was called.
    """

    model: nn.Module
    optimizer: Optimizer
    steps_per_epoch: int
    step: int = 0
    lr: float = math.nan
    loss: Tensor | None = None
    history: History = field(default_factory=History)
    stopped: bool = False
    _losses: list[Tensor] = field(default_factory=list, repr=False)
    _start: float = field(default_factory=time.perf_counter, repr=False)

    @property
    def epoch(self) -> int:
        """Epochs completed so far."""
        return self.step // self.steps_per_epoch

    @property
    def ends_epoch(self) -> bool:
        """Whether the latest update was the last of its epoch."""
        return self.step % self.steps_per_epoch == 0

    def stop(self) -> None:
        """End the training after the hooks of this update."""
        self.stopped = True

    def record(self, lr: float, loss: Tensor) -> None:
        """Note an update; the numbers are fetched from the device once an epoch."""
        self.step, self.lr, self.loss = self.step + 1, lr, loss.detach()
        self.history.rates.append(lr)
        self._losses.append(self.loss)
        if self.ends_epoch:
            self._fetch_losses()
            self.history.seconds.append(time.perf_counter() - self._start)

    def record_validation(self, loss: float, accuracy: float) -> None:
        """Note what the validation set showed after the latest update."""
        self.history.val_steps.append(self.step)
        self.history.val_losses.append(loss)
        self.history.val_accuracies.append(accuracy)

    def finish(self) -> History:
        """Return the record, with the losses of an epoch that was stopped on its way."""
        self._fetch_losses()
        return self.history

    def _fetch_losses(self) -> None:
        known = len(self.history.losses)
        losses = torch.stack(self._losses).tolist() if self._losses else []
        self._losses.clear()
        self.history.losses += losses
        for step, loss in enumerate(losses, known):
            if not math.isfinite(loss):
                raise Diverged(self.history, step)
