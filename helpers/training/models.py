"""Small networks for small images: enough to show every effect in seconds.

>>> model = small_cnn(seed=0)
>>> sum(param.numel() for param in model.parameters())
6090
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from helpers.core import checks
from helpers.training.runtime import randomness

__all__ = ["Normalize", "fast_cnn", "small_cnn"]


class Normalize(nn.Module):
    """The first layer of a network whose images stay bytes: ``(images / 255 - mean) / std``.

    Parameters
    ----------
    mean : sequence of float, length C
        Subtracted, for each channel.
    std : sequence of float, length C
        Divided by, for each channel; positive.

    Raises
    ------
    TypeError, ValueError
        If a value is not fit, or there are not as many of `std` as of `mean`.

    Notes
    -----
    A set of bytes takes a quarter of the memory of one of 32-bit numbers, so that all of CIFAR-10 lies on a
    GPU in 0.2 GB and each batch is cut out and augmented there. The statistics belong to the network's state.

    Examples
    --------
    >>> white = torch.full((1, 1, 2, 2), 255, dtype=torch.uint8)
    >>> Normalize(mean=[0.5], std=[0.25])(white).flatten()
    tensor([2., 2., 2., 2.])
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        checks.Each(checks.finite)("mean", tuple(mean))
        checks.Each(checks.positive)("std", tuple(std))
        checks.require(len(std) == len(mean), f"have {len(mean)} values, as mean has", "std", tuple(std))
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, torch.tensor(tuple(values), dtype=torch.float32).view(-1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Return images of shape (N, C, H, W), 0 to 255 in whatever type, as real numbers about 0."""
        checks.shape("images", images, "N C H W", C=len(self.mean))
        # A copy, even of real numbers, so that the rest can happen in place.
        return images.to(self.mean.dtype, copy=True).div_(255).sub_(self.mean).div_(self.std)

    def extra_repr(self) -> str:
        """Return what stands between the brackets when the layer is shown."""
        return ", ".join(f"{name}={value.flatten().tolist()}" for name, value in self.named_buffers())


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
    features = _check_sizes(channels, in_shape, n_classes, seed)
    with randomness(seed):
        layers = []
        for before, after in zip((in_shape[0], *channels), channels, strict=False):
            layers += _stage(before, after, norm)
        model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(features, n_classes))
    return model.to(memory_format=torch.channels_last)


def _stage(before: int, after: int, norm: bool) -> list[nn.Module]:
    normalization = [nn.BatchNorm2d(after)] if norm else []
    return [nn.Conv2d(before, after, 3, padding=1), *normalization, nn.ReLU(), nn.MaxPool2d(2)]


def fast_cnn(
    channels: tuple[int, ...],
    in_shape: tuple[int, int, int],
    mean: Sequence[float],
    std: Sequence[float],
    n_classes: int = 10,
    *,
    seed: int = 0,
) -> nn.Sequential:
    """Return a network for bytes that trains fast on a CPU: normalization first, pooling before the rest.

    Each stage is a 3x3 convolution, pooling, batch normalization and ReLU, in this order: the pooling
    leaves a quarter of the numbers to normalize, and the maximum of a ReLU is the ReLU of the maximum.
    The convolutions have no bias, as batch normalization adds one.

    Parameters
    ----------
    channels, in_shape, n_classes, seed
        As for :func:`small_cnn`.
    mean, std : sequence of float
        As for :class:`Normalize`.

    Returns
    -------
    torch.nn.Sequential
        From bytes of shape (N, C, H, W) to logits of shape (N, n_classes).

    Raises
    ------
    TypeError, ValueError
        As for :func:`small_cnn` and :class:`Normalize`.

    Examples
    --------
    >>> model = fast_cnn((8, 16, 32), (1, 28, 28), mean=[0.1307], std=[0.3081])
    >>> sum(param.numel() for param in model.parameters())
    8834
    """
    features = _check_sizes(channels, in_shape, n_classes, seed)
    with randomness(seed):
        stages = zip((in_shape[0], *channels), channels, strict=False)
        layers = [layer for before, after in stages for layer in _fast_stage(before, after)]
        head = [nn.Flatten(), nn.Linear(features, n_classes)]
        return nn.Sequential(Normalize(mean, std), *layers, *head).to(memory_format=torch.channels_last)


def _fast_stage(before: int, after: int) -> list[nn.Module]:
    convolution = nn.Conv2d(before, after, 3, padding=1, bias=False)
    return [convolution, nn.MaxPool2d(2), nn.BatchNorm2d(after), nn.ReLU()]


def _check_sizes(channels: tuple[int, ...], in_shape: tuple[int, int, int], n_classes: int, seed: int) -> int:
    """Refuse sizes that fit no network; return how many features the last of the halving stages leaves."""
    checks.Each(checks.count)("channels", channels)
    checks.Each(checks.count)("in_shape", in_shape)
    checks.count("n_classes", n_classes)
    checks.index("seed", seed)
    _, height, width = in_shape
    smallest = 2 ** len(channels)
    words = f"be at least {smallest} high and wide"
    checks.require(min(height, width) >= smallest, words, "in_shape", in_shape)
    return channels[-1] * (height // smallest) * (width // smallest)
