"""The training loop: one function that can be read aloud, and its few words.

>>> from torch import nn, optim
>>> from helpers.formulas.schedules import Constant
>>> images, labels = torch.eye(4).reshape(4, 1, 2, 2), torch.arange(4)
>>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 4))
>>> fit(model, (images, labels), (images, labels), loss=nn.functional.cross_entropy,
...     optimizer=optim.SGD(model.parameters(), lr=1.0), schedule=Constant(5.0), epochs=50, batch_size=4)
History(50 steps, 50 epochs, loss 0.0..., validation accuracy 1.0000)
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from helpers.core import checks
from helpers.training import runtime
from helpers.training.history import History, Run

__all__ = ["batches", "count_steps", "evaluate", "evaluating", "fit", "set_rate"]

Data = tuple[Tensor, Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]


def fit(
    model: nn.Module,
    train: Data,
    val: Data | None = None,
    *,
    loss: Loss,
    optimizer: Optimizer,
    schedule: Callable[[int], float],
    epochs: int,
    batch_size: int,
    seed: int | torch.Generator = 0,
    clip: float | None = None,
    hooks: Iterable[Callable[[Run], object]] = (),
    progress: bool | None = None,
) -> History:
    """Train a model in place, and return the record of it.

    It runs on the device where the model is; the data is brought there once. A model in evaluation
    mode is put into training mode; parts that were frozen in evaluation mode stay so. The same seed
    gives the same run: the seed decides the order of the images and the masks of dropout, and torch's
    global random numbers are left as they were.

    Parameters
    ----------
    model : torch.nn.Module
        Takes a batch of images, gives logits of shape (N, K).
    train : (images, labels)
        Tensors of N entries each. The last batch of an epoch holds what is left over.
    val : (images, labels), optional
        Data to look at, without learning from it, at the end of each epoch.
    loss : callable
        ``loss(logits, labels) -> tensor``, the mean over the batch, as ``F.cross_entropy`` is.
    optimizer : torch.optim.Optimizer
        Makes the updates. Its own learning rate is overwritten before each of them.
    schedule : callable
        ``schedule(step) -> lr``, where `step` counts the updates made so far. A parameter group with
        an entry ``lr_scale`` gets that multiple of the rate.
    epochs, batch_size : int
        Passes over the data, and images a batch.
    seed : int or torch.Generator
        A number, zero or above, or a generator that goes on where it stands.
    clip : float, optional
        Largest norm of the whole gradient, above 0; a longer one is shortened to it.
    hooks : iterable of callable
        Each ``hook(run)`` is called after every update, in this order, with a :class:`Run`; at the
        end of an epoch (``run.ends_epoch``) after the validation. It may call ``run.stop()``.
    progress : bool, optional
        Whether to show a progress bar; by default where somebody watches it.

    Returns
    -------
    History

    Raises
    ------
    Diverged
        If a loss is infinite or NaN; noticed at the end of the epoch, so that no step waits for it.
    TypeError, ValueError
        If an argument is not fit.
    """
    _check(optimizer, schedule, clip)
    images, labels = _beside(model, "train", train)
    val = None if val is None else _beside(model, "val", val)
    n_steps = count_steps(train, epochs=epochs, batch_size=batch_size)
    run, hooks, generator = Run(model, optimizer, n_steps // epochs), tuple(hooks), runtime.seeded(seed)
    if not model.training:
        model.train()
    with runtime.randomness(generator.initial_seed()), runtime.progress_bar(n_steps, progress) as bar:
        for x, y in batches(images, labels, batch_size, epochs, generator):
            lr = set_rate(optimizer, schedule(run.step))
            value = loss(model(x), y)
            optimizer.zero_grad()
            value.backward()
            if clip is not None:
                clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            run.record(lr, value)
            if run.ends_epoch and val is not None:
                run.record_validation(*evaluate(model, val, loss))
            for hook in hooks:
                hook(run)
            bar.update()
            if run.stopped:
                break
    return run.finish()


def count_steps(train: Data, *, epochs: int, batch_size: int) -> int:
    """Return how many updates a training makes, which is what a schedule wants to know.

    Parameters
    ----------
    train : (images, labels)
        N entries each.
    epochs, batch_size : int
        As for :func:`fit`.

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


def batches(
    images: Tensor, labels: Tensor, batch_size: int, epochs: int, generator: torch.Generator
) -> Iterator[Data]:
    """Yield the batches of all epochs, each epoch in a new random order.

    Parameters
    ----------
    images, labels : Tensor
        N entries each.
    batch_size, epochs : int
        As for :func:`fit`; the last batch of an epoch holds what is left over.
    generator : torch.Generator
        Draws the orders, on the CPU, so that they are the same on every device.

    Yields
    ------
    images, labels
    """
    for _ in range(epochs):
        order = torch.randperm(len(images), generator=generator).to(images.device)
        for batch in order.split(batch_size):
            yield images[batch], labels[batch]


def set_rate(optimizer: Optimizer, lr: float) -> float:
    """Give every parameter group the rate, times the group's ``lr_scale`` where it has one; return it."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group.get("lr_scale", 1.0)
    return lr


def evaluate(model: nn.Module, data: Data, loss: Loss, batch_size: int = 1024) -> tuple[float, float]:
    """Return mean loss and accuracy on a data set, and leave the model as it was.

    Batches count by their size, so that `batch_size` does not change the result.

    Parameters
    ----------
    model : torch.nn.Module
        Gives logits of shape (N, K); it is asked in evaluation mode.
    data : (images, labels)
        Tensors of N entries each.
    loss : callable
        ``loss(logits, labels) -> tensor``, the mean over the batch.
    batch_size : int
        Images at a time.

    Returns
    -------
    loss : float
    accuracy : float
        Share of images whose largest logit is the label's, from 0 to 1; NaN where the labels are real
        numbers and not classes.
    """
    checks.count("batch_size", batch_size)
    images, labels = _beside(model, "data", data)
    losses, hits = [], []
    with evaluating(model):
        for x, y in zip(images.split(batch_size), labels.split(batch_size), strict=True):
            logits = model(x)
            losses.append(loss(logits, y) * len(y))
            hits.append(_hits(logits, y))
    return tuple(math.fsum(torch.stack(sums).tolist()) / len(labels) for sums in (losses, hits))


def _hits(logits: Tensor, labels: Tensor) -> Tensor:
    return torch.tensor(math.nan) if labels.is_floating_point() else (logits.argmax(1) == labels).sum()


@contextlib.contextmanager
def evaluating(model: nn.Module) -> Iterator[nn.Module]:
    """Ask a model in evaluation mode and without gradients; each part gets its own mode back."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        with torch.no_grad():
            yield model
    finally:
        for module in training:
            module.training = True


def _check(optimizer: object, schedule: object, clip: float | None) -> None:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be a torch optimizer, got optimizer={optimizer!r}")
    if not callable(schedule):
        raise TypeError(
            f"schedule must be callable as schedule(step) -> lr, got schedule={schedule!r};"
            " a rate that stays is schedules.Constant(lr)"
        )
    if clip is not None:
        checks.positive("clip", clip)


def _beside(model: nn.Module, name: str, data: Data) -> Data:
    """Return images and labels on the device of the model."""
    pair = isinstance(data, (tuple, list)) and len(data) == 2 and all(isinstance(d, Tensor) for d in data)
    if not pair:
        raise TypeError(f"{name} must be a pair of tensors (images, labels), got {type(data).__name__}")
    images, labels = data
    if len(images) != len(labels) or len(images) == 0:
        raise ValueError(
            f"{name} must have as many images as labels, at least one, got {len(images)} and {len(labels)}"
        )
    device = next(model.parameters()).device
    return images.to(device), labels.to(device)
