"""What a training leaves behind: plain lists of numbers, and their picture."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

__all__ = ["History"]


@dataclass(repr=False)
class History:
    """The record of one training.

    Entry `i` of `rates`, `losses` and `norms` belongs to step `i`, the first being 0. The entries of the
    other lists belong to the ends of epochs.

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
    norms : list of float
        Norm of the whole gradient at every step, before any clipping; empty unless a training clips or
        was asked for it.

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
    norms: list[float] = field(default_factory=list)

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
        names = [f.name for f in fields(cls)]
        if sorted(record) != sorted(names):
            raise ValueError(f"record must have the keys {names}, got {list(record)}")
        return cls(**{name: list(values) for name, values in record.items()})

    def plot(self) -> Any:
        """Draw the losses, the accuracy where it is known, and the rate, one above the other.

        Returns
        -------
        matplotlib.figure.Figure
            With one axis for each, over the steps.
        """
        from matplotlib import pyplot  # only who looks at a picture loads it

        has_accuracies = bool(self.val_accuracies) and bool(np.isfinite(self.val_accuracies).any())
        names = ["loss", *["accuracy"] * has_accuracies, "learning rate"]
        figure, axes = pyplot.subplots(len(names), sharex=True, squeeze=False)
        panels = dict(zip(names, axes[:, 0], strict=True))
        panels["loss"].plot(self.steps, self.losses, color="C0", alpha=0.35, label="training, each batch")
        if self.val_steps:
            panels["loss"].plot(self.val_steps, self.val_losses, "o-", color="C1", label="validation")
        panels["loss"].legend()
        if has_accuracies:
            panels["accuracy"].plot(self.val_steps, self.val_accuracies, "o-", color="C1")
        panels["learning rate"].plot(self.steps, self.rates, color="C2")
        for name, panel in panels.items():
            panel.set_ylabel(name)
        panels["learning rate"].set_xlabel("step")
        return figure

    def __repr__(self) -> str:
        parts = [f"{len(self.losses)} steps", f"{len(self.seconds)} epoch{'s' * (len(self.seconds) != 1)}"]
        parts += [f"loss {self.losses[-1]:.4f}"] if self.losses else []
        parts += [f"validation accuracy {self.val_accuracies[-1]:.4f}"] if self.val_accuracies else []
        return f"History({', '.join(parts)})"
