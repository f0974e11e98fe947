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
from helpers.training import processes
from helpers.training.batches import Augment, Batches, Data, check_data, count_steps
from helpers.training.history import History
from helpers.training.progress import progress_bar
from helpers.training.run import Run
from helpers.training.runtime import Runtime, randomness, seeded

__all__ = ["evaluate", "evaluating", "fit", "set_rate"]

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
    norms: bool = False,
    augment: Augment | None = None,
    micro_batch_size: int | None = None,
    runtime: Runtime | None = None,
    hooks: Iterable[Callable[[Run], object]] = (),
    progress: bool | None = None,
) -> History:
    """Train a model in place, and return the record of it.

    It runs where `runtime` says, by default on the device where the model is, in its own precision; the
    data is brought there once. A model in evaluation mode is put into training mode; parts that were
    frozen in evaluation mode stay so. The same seed gives the same run on the same machine (for the
    exceptions on GPUs see :class:`helpers.training.runtime.Runtime`): the seed decides the order of the
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
    clip : float, optional
        Largest norm of the whole gradient, above 0; a longer one is shortened to it.
    norms : bool
        Whether to record the norm of every gradient, which a clip does anyway.
    augment : callable, optional
        ``augment(images, labels, generator) -> (images, labels)`` for each batch, as those of
        ``helpers.training.augmentation``.
    micro_batch_size : int, optional
        Most images that go through the model at once. A larger batch is taken in pieces whose gradients
        add up: the same update (but for the statistics of batch normalization) in less memory.
    runtime : Runtime, optional
        Device, precision, memory format, compilation and the processes that share the work.
    hooks : iterable of callable
        Each ``hook(run)`` is called after every update, in this order, with a
        :class:`helpers.training.run.Run`; at the end of an epoch (``run.ends_epoch``) after the
        validation. It may call ``run.stop()``. Where it has them, ``hook.start(run)`` is called before
        the first update and ``hook.finish(run)`` after the last; ``state_dict()`` and
        ``load_state_dict(state)`` let a checkpoint keep what it remembers.
    progress : bool, optional
        Whether to show a progress bar; by default where somebody watches it.

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
    """
    runtime, hooks, generator = _runtime(model, runtime), tuple(hooks), seeded(seed)
    _check(optimizer, schedule, clip)
    train, val = _prepared(model, train, val, runtime)
    n_steps = count_steps(train, epochs=epochs, batch_size=batch_size)
    rank, world_size = processes.rank(), processes.world_size()
    pieces = {"micro_batch_size": micro_batch_size, "rank": rank, "world_size": world_size}
    batches = Batches(train, batch_size, generator, augment=augment, **pieces)
    run = Run(model, optimizer, batches, n_steps // epochs, n_steps, hooks, val is not None, schedule)
    with runtime.use(), randomness(generator.initial_seed() + rank), _underway(run, progress) as bar:
        while run.step < n_steps and not run.stopped:
            lr = set_rate(optimizer, schedule(run.step))
            optimizer.zero_grad()
            for x, y, share in next(batches):
                with runtime.autocast():
                    value = loss(model(x), y)
                value.backward(None if share == 1 else torch.full_like(value, share))
                run.add(value.detach(), share)
            processes.sum_gradients(model.parameters())
            norm = _norm(model, clip) if norms or clip is not None else None
            optimizer.step()
            run.record(lr, norm)
            if run.ends_epoch:
                processes.average_buffers(model)
            if run.ends_epoch and val is not None:
                run.record_validation(*evaluate(model, val, loss, runtime=runtime))
            for hook in hooks:
                hook(run)
            bar.update()
    return run.history


@contextlib.contextmanager
def _underway(run: Run, progress: bool | None) -> Iterator:
    """Let the hooks begin, show the bar where it is wanted, and let the hooks end."""
    for hook in run.hooks:
        getattr(hook, "start", lambda run: None)(run)
    with progress_bar(run.total_steps, progress, initial=run.step) as bar:
        yield bar
    run.settle()
    for hook in run.hooks:
        getattr(hook, "finish", lambda run: None)(run)


def _prepared(model: nn.Module, train: Data, val: Data | None, runtime: Runtime) -> tuple[Data, Data | None]:
    """Bring model and data to their place, and the model into training mode."""
    train = runtime.to(*check_data("train", train))
    val = None if val is None else runtime.to(*check_data("val", val))
    runtime.prepare(model)
    if not model.training:
        model.train()
    return train, val


def _runtime(model: nn.Module, runtime: Runtime | None) -> Runtime:
    """Return the runtime that was asked for, or the one in which a model is already."""
    return Runtime(next(model.parameters()).device) if runtime is None else runtime


def _norm(model: nn.Module, clip: float | None) -> Tensor:
    """Return the norm of the whole gradient, which is then no longer than `clip`."""
    return clip_grad_norm_(model.parameters(), math.inf if clip is None else clip)


def set_rate(optimizer: Optimizer, lr: float) -> float:
    """Give every parameter group the rate, times the group's ``lr_scale`` where it has one; return it."""
    lr = float(lr)  # also where a schedule gives a number of numpy's, which no checkpoint could keep
    for group in optimizer.param_groups:
        group["lr"] = lr * group.get("lr_scale", 1.0)
    return lr


def evaluate(
    model: nn.Module, data: Data, loss: Loss, batch_size: int = 1024, runtime: Runtime | None = None
) -> tuple[float, float]:
    """Return mean loss and accuracy on a data set, and leave the model as it was.

    Batches count by their size, so that `batch_size` does not change the result. Several processes
    share the work, and all get the result.

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
    runtime : Runtime, optional
        As for :func:`fit`.

    Returns
    -------
    loss : float
    accuracy : float
        Share of images whose largest logit is the label's, from 0 to 1; NaN where the labels are real
        numbers and not classes.
    """
    checks.count("batch_size", batch_size)
    runtime = _runtime(model, runtime)
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
