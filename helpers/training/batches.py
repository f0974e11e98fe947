"""The order in which a training sees its images: batch after batch, in micro-batches, and where it stands.

>>> images, labels = torch.zeros(10, 1, 8, 8), torch.arange(10)
>>> batches = Batches((images, labels), batch_size=4, generator=torch.Generator().manual_seed(0))
>>> [sum(len(y) for _, y, _ in next(batches)) for _ in range(3)]
[4, 4, 2]
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from helpers.core import checks
from helpers.training import processes

__all__ = ["Batches", "check_data", "count_steps"]

Data = tuple[Tensor, Tensor]


@dataclass(eq=False)
class Batches:
    """An endless iterator over the batches of a training set, each epoch in a new random order.

    Every batch comes as an iterator over its micro-batches ``(images, labels, share)``: one, unless
    memory asks for smaller ones. `share` is its part of the whole batch, by which its loss counts. Of
    several processes each gets its own part of every batch, and the shares of all processes add up to 1.

    Parameters
    ----------
    data : (images, labels)
        Tensors of N entries each, on the device of the model.
    batch_size : int
        Images a batch; the last batch of an epoch holds what is left over.
    generator : torch.Generator
        Draws the orders, on the CPU, so that they are the same on every device.
    micro_batch_size : int, optional
        Most images of a micro-batch; by default a batch is one.
    rank, world_size : int
        Which of how many processes this is; by default as torchrun says.

    Raises
    ------
    TypeError, ValueError
        If a size is not a positive whole number, or a batch has fewer images than there are processes.
    """

    data: Data
    batch_size: int
    generator: torch.Generator
    micro_batch_size: int | None = None
    rank: int = field(default_factory=processes.rank)
    world_size: int = field(default_factory=processes.world_size)

    def __post_init__(self) -> None:
        checks.count("batch_size", self.batch_size)
        self.images, self.labels = self.data
        if self.world_size > 1:
            smallest, n = (len(self.images) - 1) % self.batch_size + 1, self.world_size
            words = f"leave at least {n} images, one a process, for each batch of {len(self.images)}"
            checks.require(smallest >= n, words, "batch_size", self.batch_size)
        self._begin(torch.empty(0, dtype=torch.int64), taken=0)

    def _begin(self, order: Tensor, taken: int) -> None:
        """Take up an epoch's order where so many of its batches are taken."""
        self.order, self.taken = order, taken
        self._batches = order.to(self.images.device).split(self.batch_size) if len(order) else ()

    def __iter__(self) -> Batches:
        return self

    def __next__(self) -> Iterator[tuple[Tensor, Tensor, float]]:
        if self.taken == len(self._batches):
            self._begin(torch.randperm(len(self.images), generator=self.generator), taken=0)
        self.taken += 1
        return self._micro_batches(self._batches[self.taken - 1])

    def _micro_batches(self, batch: Tensor) -> Iterator[tuple[Tensor, Tensor, float]]:
        own = batch[self.rank :: self.world_size] if self.world_size > 1 else batch
        most = self.micro_batch_size or len(own)
        for part in own.split(most) if len(own) > most else (own,):
            yield self.images[part], self.labels[part], len(part) / len(batch)

    def state_dict(self) -> dict[str, Any]:
        """Return where the iterator stands: tensors and numbers, ready for a checkpoint."""
        return {"order": self.order, "taken": self.taken, "generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state` stands.

        Raises
        ------
        ValueError
            If it belongs to a training set of another size.
        """
        n = len(state["order"])
        checks.require(n in (0, len(self.images)), f"order {len(self.images)} images", "state", n)
        self._begin(state["order"], state["taken"])
        self.generator.set_state(state["generator"])


def count_steps(train: Data, *, epochs: int, batch_size: int) -> int:
    """Return how many updates a training makes, which is what a schedule wants to know.

    Parameters
    ----------
    train : (images, labels)
        N entries each.
    epochs, batch_size : int
        As for :func:`helpers.training.fit`.

    Returns
    -------
    int
        ``epochs * ceil(N / batch_size)``.

    Examples
    --------
    >>> count_steps((torch.zeros(100, 1, 8, 8), torch.zeros(100)), epochs=3, batch_size=32)
    12
    """
    checks.count("epochs", epochs)
    checks.count("batch_size", batch_size)
    return epochs * math.ceil(len(train[0]) / batch_size)


def check_data(name: str, data: object) -> Data:
    """Return a pair of images and labels as it came, if it is one.

    Parameters
    ----------
    name : str
        What the error calls them.
    data : (images, labels)
        Tensors of N entries each, N at least 1.

    Raises
    ------
    TypeError, ValueError
        If they are no such pair.

    Examples
    --------
    >>> check_data("train", (torch.zeros(3, 1, 8, 8), torch.zeros(2)))
    Traceback (most recent call last):
    ValueError: train must have as many images as labels, at least one, got 3 and 2
    """
    pair = isinstance(data, (tuple, list)) and len(data) == 2 and all(isinstance(d, Tensor) for d in data)
    if not pair:
        raise TypeError(f"{name} must be a pair of tensors (images, labels), got {type(data).__name__}")
    images, labels = data
    if len(images) != len(labels) or len(images) == 0:
        counts = f"{len(images)} and {len(labels)}"
        raise ValueError(f"{name} must have as many images as labels, at least one, got {counts}")
    return images, labels
