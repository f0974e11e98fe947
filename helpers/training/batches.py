"""The order in which a training sees its images: batch after batch, in pieces, and where it stands.

>>> images, labels = torch.zeros(10, 1, 8, 8), torch.arange(10)
>>> batches = Batches((images, labels), batch_size=4, generator=torch.Generator().manual_seed(0))
>>> [sum(len(y) for _, y, _ in next(batches)) for _ in range(3)]
[4, 4, 2]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from helpers.core import checks

__all__ = ["Batches", "check_data", "count_steps"]

Data = tuple[Tensor, Tensor]
Augment = Callable[[Tensor, Tensor, torch.Generator], Data]


class Batches:
    """An endless iterator over the batches of a training set, each epoch in a new random order.

    Every batch comes as an iterator over its pieces ``(images, labels, share)``: one piece, unless
    memory asks for smaller ones. `share` is the piece's part of the whole batch, by which its loss
    counts. Of several processes each gets its own part of every batch, and the shares of all
    processes add up to 1.

    Parameters
    ----------
    data : (images, labels)
        Tensors of N entries each, on the device of the model.
    batch_size : int
        Images a batch; the last batch of an epoch holds what is left over.
    generator : torch.Generator
        Draws the orders, on the CPU, so that they are the same on every device.
    augment : callable, optional
        ``augment(images, labels, generator) -> (images, labels)``, applied to each piece; its
        generator is another one, with a seed that `generator` draws.
    micro_batch_size : int, optional
        Most images of a piece; by default a batch is one.
    rank, world_size : int
        Which of how many processes this is.

    Raises
    ------
    TypeError, ValueError
        If a size is not a positive whole number, or a batch has fewer images than there are processes.
    """

    def __init__(
        self,
        data: Data,
        batch_size: int,
        generator: torch.Generator,
        *,
        augment: Augment | None = None,
        micro_batch_size: int | None = None,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        checks.count("batch_size", batch_size)
        if micro_batch_size is not None:
            checks.count("micro_batch_size", micro_batch_size)
        self.images, self.labels = data
        self.batch_size, self.generator, self.augment = batch_size, generator, augment
        self.piece_size = micro_batch_size or batch_size
        self.rank, self.world_size = rank, world_size
        if world_size > 1:
            smallest = (len(self.images) - 1) % batch_size + 1
            words = f"leave at least {world_size} images, one a process, for each batch of {len(self.images)}"
            checks.require(smallest >= world_size, words, "batch_size", batch_size)
        self.random = None if augment is None else _another(generator, rank)
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
        return self._pieces(self._batches[self.taken - 1])

    def _pieces(self, batch: Tensor) -> Iterator[tuple[Tensor, Tensor, float]]:
        own = batch[self.rank :: self.world_size] if self.world_size > 1 else batch
        for chosen in own.split(self.piece_size) if len(own) > self.piece_size else (own,):
            x, y = self.images[chosen], self.labels[chosen]
            if self.augment is not None:
                x, y = self.augment(x, y, self.random)
            yield x, y, len(chosen) / len(batch)

    def state_dict(self) -> dict[str, Any]:
        """Return where the iterator stands: tensors and numbers, ready for a checkpoint."""
        random = {} if self.random is None else {"augmentation": self.random.get_state()}
        return {"order": self.order, "taken": self.taken, "generator": self.generator.get_state(), **random}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state` stands.

        Raises
        ------
        ValueError
            If it belongs to a training set of another size, or to another kind of augmentation.
        """
        n = len(state["order"])
        checks.require(n in (0, len(self.images)), f"order {len(self.images)} images", "state", n)
        known = self.random is not None
        words = f"come {'with' if known else 'without'} augmentation"
        checks.require(("augmentation" in state) == known, words, "state", sorted(state))
        self._begin(state["order"], state["taken"])
        self.generator.set_state(state["generator"])
        if known:
            self.random.set_state(state["augmentation"])


def _another(generator: torch.Generator, rank: int) -> torch.Generator:
    """Return a generator of this process alone; the processes' common one stays common."""
    seed = int(torch.randint(2**62, (), generator=generator))
    return torch.Generator().manual_seed(seed + rank)


def count_steps(train: Data, *, epochs: int, batch_size: int) -> int:
    """Return how many updates a training makes, which is what a schedule wants to know.

    Parameters
    ----------
    train : (images, labels)
        N entries each.
    epochs, batch_size : int
        As for :func:`helpers.training.loop.fit`.

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
        raise ValueError(
            f"{name} must have as many images as labels, at least one, got {len(images)} and {len(labels)}"
        )
    return images, labels
