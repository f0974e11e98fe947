"""The running statistics of batch normalization, computed afresh: an average of weights needs its own.

>>> model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
>>> images, labels = torch.rand(6, 1, 8, 8), torch.zeros(6)
>>> update_batch_norm(model, (images, labels), batch_size=4)[1].running_mean.shape
torch.Size([2])
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from helpers.core import checks
from helpers.training.batches import Data, check_data
from helpers.training.loop import evaluating

__all__ = ["update_batch_norm"]

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def update_batch_norm(model: nn.Module, data: Data, batch_size: int = 1024) -> nn.Module:
    """Give batch normalization the statistics of a data set under the model's present weights, in place.

    An average of weights needs this, for the running statistics that it has belong to other weights. Without
    batch normalization nothing changes.

    Parameters
    ----------
    model : torch.nn.Module
        Every part keeps its mode.
    data : (images, labels)
        The training set, as the network sees it in training; the labels are not looked at.
    batch_size : int
        Most images at a time. The batches are equal to within one image.

    Returns
    -------
    torch.nn.Module
        The same model.

    Raises
    ------
    TypeError, ValueError
        If `data` is no such pair or `batch_size` is not positive.

    Notes
    -----
    Mean and unbiased variance are those of all that comes into a layer, whatever the batches: those between
    batches count too, and no momentum forgets the first (``torch.optim.swa_utils.update_bn`` takes the mean
    of the variances within batches). What comes into a layer is made as in training: the layers before it
    normalize by their batch. So for all but the first the result depends on the batch size, a little.
    Dropout is off, and no random numbers are drawn.
    """
    checks.count("batch_size", batch_size)
    images, _ = check_data("data", data)
    layers = [m for m in model.modules() if isinstance(m, BATCH_NORMS) and m.track_running_stats]
    pooled = {layer: _Pooled() for layer in layers}
    handles = [layer.register_forward_pre_hook(lambda m, args: pooled[m].add(*args)) for layer in layers]
    try:
        with evaluating(model):
            _ask(model, layers, images.tensor_split(math.ceil(len(images) / batch_size)) if layers else ())
    finally:
        for handle in handles:
            handle.remove()
    for layer, seen in pooled.items():
        if seen.count:  # a layer that no image came to keeps what it has
            layer.running_mean.copy_(seen.mean)
            layer.running_var.copy_(seen.squares / max(seen.count - 1, 1))
    return model


def _ask(model: nn.Module, layers: list[nn.Module], batches: Iterable[Tensor]) -> None:
    """Let the images through the model while these layers normalize by the batch."""
    where = next(model.parameters()).device
    for layer in layers:
        layer.training = True
    try:
        for batch in batches:
            model(batch.to(where))
    finally:
        for layer in layers:
            layer.training = False


class _Pooled:
    """Count, mean and summed squared deviations of each channel over all batches (Chan et al., 1979)."""

    def __init__(self) -> None:
        self.count, self.mean, self.squares = 0, 0.0, 0.0

    def add(self, batch: Tensor) -> None:
        values = batch.detach().float().transpose(0, 1).flatten(1)
        count = values.shape[1]
        var, mean = torch.var_mean(values, dim=1, correction=0)
        total, delta = self.count + count, mean - self.mean
        self.squares = self.squares + var * count + delta**2 * (self.count * count / total)
        self.mean = self.mean + delta * (count / total)
        self.count = total
