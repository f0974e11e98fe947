"""Several processes that train one model together, each on its share of every batch.

``torchrun --nproc-per-node 2 script.py`` starts the script twice and tells each copy its rank by the
environment. Every process holds the whole model; it takes the images ``batch[rank::world_size]`` of each
batch, and the gradients are added up before the update, so that all make the same one. The processes find
each other at the first function here that has something to exchange. In a process of its own, which is any
script that is started without torchrun, nothing is exchanged and every function leaves things as they are.

A process that dies by an error shows its traceback, and torchrun ends the others.

>>> rank(), world_size(), is_main()
(0, 1, True)
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist

__all__ = [
    "average_buffers",
    "copy_first",
    "gather",
    "is_main",
    "join",
    "leave",
    "local_rank",
    "rank",
    "sum_gradients",
    "total",
    "world_size",
]

TIMEOUT = timedelta(minutes=10)  # a first compilation may keep the others waiting for minutes


def rank() -> int:
    """Return the number of this process among those that train together, from 0."""
    return int(os.environ.get("RANK", 0)) if world_size() > 1 else 0


def local_rank() -> int:
    """Return the number of this process among those on this machine, from 0; it picks the GPU."""
    return int(os.environ.get("LOCAL_RANK", 0)) if world_size() > 1 else 0


def world_size() -> int:
    """Return how many processes train together: 1 where torchrun started none."""
    return int(os.environ.get("WORLD_SIZE", 1))


def is_main() -> bool:
    """Tell whether this is the process that shows progress and writes files: that of rank 0."""
    return rank() == 0


def join(timeout: timedelta = TIMEOUT) -> bool:
    """Create the process group where that has not happened, and tell whether there are other processes.

    Tensors on the CPU travel by gloo, those on a GPU by NCCL, which warns of a script that ends without
    :func:`leave`.

    Parameters
    ----------
    timeout : datetime.timedelta
        How long to wait for another process, here and in every later exchange, before it counts as lost.

    Returns
    -------
    bool
        False for a process of its own.
    """
    if world_size() == 1:
        return False
    if not dist.is_initialized():
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(backend, timeout=timeout)
    return True


def leave() -> None:
    """Destroy the process group, if there is one."""
    if dist.is_initialized():
        dist.destroy_process_group()


def sum_gradients(params: Iterable[nn.Parameter]) -> None:
    """Add up the gradients of all processes, in place, by one exchange.

    Each process weights its loss by its share of the batch, so that the sum is the gradient of the mean
    over the whole batch. A parameter that only some processes used counts as zero in the others; one that
    none used keeps no gradient.

    Parameters
    ----------
    params : iterable of torch.nn.Parameter
        The same ones in the same order in every process, on one device.
    """
    params = [param for param in params if param.requires_grad]
    if not params or not join():
        return
    used = params[0].new_tensor([param.grad is not None for param in params])
    grads = [torch.zeros_like(param) if param.grad is None else param.grad for param in params]
    sums = torch.cat([used, *(grad.flatten() for grad in grads)])
    dist.all_reduce(sums)
    users, *sums = sums.split([len(params), *(param.numel() for param in params)])
    missing = any(param.grad is None for param in params)  # else a GPU need not be waited for
    for param, grad, summed in zip(params, grads, sums, strict=True):
        param.grad = grad.copy_(summed.view_as(grad))
    if missing:
        for param, count in zip(params, users.tolist(), strict=True):
            param.grad = param.grad if count else None


def total(tensor: Tensor) -> Tensor:
    """Return the sum of a tensor over all processes; alone, the tensor itself.

    >>> total(torch.tensor([2.0, 3.0]))
    tensor([2., 3.])
    """
    if not join():
        return tensor
    result = tensor.detach().clone()
    dist.all_reduce(result)
    return result


def gather(thing: Any) -> list:
    """Return what all processes have, in the order of their ranks: anything that can be pickled, on the CPU.

    >>> gather(torch.tensor([2, 3]))
    [tensor([2, 3])]
    """
    if not join():
        return [thing]
    parts = [None] * world_size()
    dist.all_gather_object(parts, thing)
    return parts


def average_buffers(model: nn.Module) -> None:
    """Give the floating-point buffers of a model, as batch norm's running statistics, their mean, in place.

    Each process estimates them from its own share of the images. Whole numbers, as a count of batches, stay.
    """
    if join():
        for buffer in model.buffers():
            if buffer.is_floating_point():
                dist.all_reduce(buffer)
                buffer /= world_size()


def copy_first(model: nn.Module) -> None:
    """Give every process the weights and buffers that the first one has, in place."""
    if join():
        for tensor in (*model.parameters(), *model.buffers()):
            dist.broadcast(tensor.detach(), src=0)
