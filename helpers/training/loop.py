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
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from helpers.core import checks
from helpers.training import processes
from helpers.training.batches import Batches, Data, check_data, count_steps
from helpers.training.history import History
from helpers.training.progress import progress_bar
from helpers.training.run import Run
from helpers.training.runtime import Runtime, present, randomness, seeded

__all__ = ["evaluate", "evaluating", "fit", "set_rate"]

Loss = Callable[[Tensor, Tensor], Tensor]

MOMENTS = ("start", "batch", "gradients", "__call__", "finish")


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
    hooks: Iterable[Any] = (),
) -> History:
    """Train a model in place, and return the record of it.

    It runs where the model is, in its own precision, unless it stands in the ``with`` block of a
    :class:`helpers.training.runtime.Runtime`; the data is brought there once. A model in evaluation mode
    is put into training mode; parts that were frozen in evaluation mode stay so. The same seed gives the
    same run on the same machine (for the exceptions on GPUs see there): the seed decides the order of the
    images, their augmentation and the masks of dropout, and torch's global random numbers are left as
    they were.

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
        ``schedule(step) -> lr``, where `step` counts the updates made so far;
        ``hooks.Plateau(...).rate`` looks at the validation. A parameter group with an entry ``lr_scale``
        gets that multiple of the rate.
    epochs, batch_size : int
        Passes over the data, and images a batch, over all processes together.
    seed : int or torch.Generator
        A number, zero or above, or a generator that goes on where it stands.
    hooks : iterable
        What hangs on the loop, such as ``hooks.Augment(...)`` and ``hooks.ClipGradient(...)``. Each is a
        callable, or an object with one or more of the moments in the notes; at each of them they are
        called in this order.

    Returns
    -------
    History

    Raises
    ------
    Diverged
        If a loss, a gradient or a weight is infinite or NaN; noticed at the end of the epoch, so that no
        step waits for it, or before a checkpoint is saved.
    TypeError, ValueError
        If an argument is not fit.

    Notes
    -----
    The moments of a hook, where `run` is the :class:`helpers.training.run.Run`:

    - ``start(run)`` before the first update;
    - ``batch(images, labels) -> (images, labels)`` changes what the model trains on, on its device: a
      batch, or of a batch that is split the part that goes through the model at once;
    - ``gradients(run)`` between backward and update;
    - ``hook(run)`` itself after the update; at the end of an epoch (``run.ends_epoch``) after the
      validation. It may call ``run.stop()``;
    - ``finish(run)`` after the last update.

    ``state_dict()`` and ``load_state_dict(state)`` let a checkpoint keep what a hook remembers.
    """
    runtime, hooks, generator = present(next(model.parameters()).device), tuple(hooks), seeded(seed)
    _check(optimizer, schedule, hooks)
    train, val = _place(runtime, model, train, val)
    n_steps = count_steps(train, epochs=epochs, batch_size=batch_size)
    batches = Batches(train, batch_size, generator, runtime.micro_batch_size)
    run = Run(model, optimizer, batches, n_steps // epochs, n_steps, hooks, val is not None, schedule)
    with runtime, randomness(generator.initial_seed() + batches.rank), progress_bar(n_steps) as bar:
        _call(hooks, "start", run)
        while not run.is_over:
            run.history.rates.append(set_rate(optimizer, schedule(run.step)))
            optimizer.zero_grad()
            for x, y, share in next(batches):
                x, y = _changed(hooks, x, y)
                with runtime.autocast():
                    value = share * loss(model(x), y)
                value.backward()
                run.recorder.add_loss(value.detach())
            processes.sum_gradients(model.parameters())
            _call(hooks, "gradients", run)
            optimizer.step()
            run.count_update()
            if run.ends_epoch:
                _validate(run, val, loss)
            _call(hooks, "__call__", run)
            bar.update(run.step - bar.n)
        run.fetch()
        _call(hooks, "finish", run)
    return run.history


def _place(runtime: Runtime, model: nn.Module, train: Data, val: Data | None) -> tuple[Data, Data | None]:
    """Bring model and data to the device, and the model into training mode."""
    train = runtime.to(*check_data("train", train))
    val = None if val is None else runtime.to(*check_data("val", val))
    runtime.prepare(model)
    if not model.training:
        model.train()
    return train, val


def _call(hooks: tuple, moment: str, run: Run) -> None:
    """Call the hooks that have this moment."""
    for hook in hooks:
        if hasattr(hook, moment):
            getattr(hook, moment)(run)


def _changed(hooks: tuple, images: Tensor, labels: Tensor) -> Data:
    """Return a batch as the hooks change it."""
    for hook in hooks:
        if hasattr(hook, "batch"):
            images, labels = hook.batch(images, labels)
    return images, labels


def _validate(run: Run, val: Data | None, loss: Loss) -> None:
    """Look at the validation set, with the same statistics of batch normalization in all processes."""
    processes.average_buffers(run.model)
    if val is not None:
        run.recorder.add_validation(run.step, *evaluate(run.model, val, loss))


def set_rate(optimizer: Optimizer, lr: float) -> float:
    """Give every parameter group the rate, times the group's ``lr_scale`` where it has one; return it."""
    lr = float(lr)  # also where a schedule gives a number of numpy's, which no checkpoint could keep
    for group in optimizer.param_groups:
        group["lr"] = lr * group.get("lr_scale", 1.0)
    return lr


def evaluate(model: nn.Module, data: Data, loss: Loss, batch_size: int = 1024) -> tuple[float, float]:
    """Return mean loss and accuracy on a data set, and leave the model as it was.

    Batches count by their size, so that `batch_size` does not change the result. Several processes
    share the work, and all get the result. It runs where :func:`fit` would.

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
    runtime = present(next(model.parameters()).device)
    data = runtime.to(*check_data("data", data))
    rank, world_size = processes.rank(), processes.world_size()
    words = f"have an image for each of {world_size} processes"
    checks.require(len(data[0]) >= world_size, words, "data", len(data[0]))
    own = [part[rank::world_size].split(batch_size) for part in data]
    sums = [torch.zeros(2)]
    with evaluating(model), runtime.autocast():
        for x, y in zip(*own, strict=True):
            logits = model(x)
            sums.append(torch.stack([loss(logits, y).float() * len(y), _hits(logits, y)]))
    total = processes.total(torch.stack([pair.cpu().double() for pair in sums]).sum(0))
    return tuple((total / len(data[0])).tolist())


def _hits(logits: Tensor, labels: Tensor) -> Tensor:
    """How often the largest logit is the label's; NaN where labels are real numbers."""
    if labels.is_floating_point():
        return torch.full((), math.nan, device=logits.device)
    return (logits.argmax(1) == labels).sum(dtype=torch.float)


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


def _check(optimizer: object, schedule: object, hooks: tuple) -> None:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be a torch optimizer, got optimizer={optimizer!r}")
    if not callable(schedule):
        words = "schedule must be callable as schedule(step) -> lr, as schedules.Constant(lr) is"
        raise TypeError(f"{words}, got schedule={schedule!r}")
    for hook in hooks:
        if not any(hasattr(hook, moment) for moment in MOMENTS):
            raise TypeError(f"hooks must each have one of {', '.join(MOMENTS)}, got {hook!r}")
