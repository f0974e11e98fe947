"""Small networks for small images: enough to show every effect in seconds.

>>> model = small_cnn(seed=0)
>>> n_parameters(model)
6090
"""

from __future__ import annotations

import torch
from torch import nn

from helpers.core import checks
from helpers.training.runtime import randomness

__all__ = ["n_parameters", "small_cnn"]


def small_cnn(
    channels: tuple[int, ...] = (16, 32),
    in_shape: tuple[int, int, int] = (1, 8, 8),
    n_classes: int = 10,
    *,
    norm: bool = False,
    seed: int = 0,
) -> nn.Sequential:
    """Return a convolutional network: for each number of channels a 3x3 convolution, ReLU and pooling.

    Each stage halves height and width (an odd last row or column is dropped); a linear layer gives
    the logits. With the default sizes it has 6,090 parameters: 160 and 4,640 in the convolutions,
    1,290 in the linear layer. Weights start as torch's layers start them. Activations are stored
    channels last, which changes no result and saves a tenth of the time or more.

    Parameters
    ----------
    channels : tuple of int
        Channels of each stage.
    in_shape : (int, int, int)
        Channels, height and width of an image; height and width at least ``2 ** len(channels)``.
    n_classes : int
        Logits an image.
    norm : bool
        Whether batch normalization stands between convolution and ReLU.
    seed : int
        Decides the initial weights, and nothing else: torch's global random numbers stay as they were.

    Returns
    -------
    torch.nn.Sequential
        From images of shape (N, C, H, W) to logits of shape (N, n_classes).

    Raises
    ------
    TypeError, ValueError
        If a size is not a positive whole number, or an image is too small for the stages.
    """
    checks.each(checks.count)("channels", channels)
    checks.each(checks.count)("in_shape", in_shape)
    checks.count("n_classes", n_classes)
    checks.index("seed", seed)
    depth, height, width = in_shape
    smallest = 2 ** len(channels)
    checks.require(
        min(height, width) >= smallest, f"be at least {smallest} high and wide", "in_shape", in_shape
    )
    with randomness(seed):
        layers = []
        for before, after in zip((depth, *channels), channels, strict=False):
            layers += _stage(before, after, norm)
        features = channels[-1] * (height // smallest) * (width // smallest)
        model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(features, n_classes))
    return model.to(memory_format=torch.channels_last)


def _stage(before: int, after: int, norm: bool) -> list[nn.Module]:
    normalization = [nn.BatchNorm2d(after)] if norm else []
    return [nn.Conv2d(before, after, 3, padding=1), *normalization, nn.ReLU(), nn.MaxPool2d(2)]


def n_parameters(model: nn.Module) -> int:
    """Return how many numbers a model learns.

    >>> n_parameters(nn.Linear(3, 2))
    8
    """
    return sum(param.numel() for param in model.parameters() if param.requires_grad)
