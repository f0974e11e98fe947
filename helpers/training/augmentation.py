"""Changed copies of images, a whole batch at a time, on the device where the images are.

Every function takes its random choices from a generator on the CPU, so that the same seed changes the same
images in the same way on every device, and gives images of the type that it was given: bytes stay bytes.

>>> augment = Augmentation(flip=True, shift=2)
>>> images, labels = torch.zeros(32, 3, 8, 8, dtype=torch.uint8), torch.zeros(32, dtype=torch.int64)
>>> images, labels = augment(images, labels, torch.Generator().manual_seed(0))
>>> images.shape, images.dtype
(torch.Size([32, 3, 8, 8]), torch.uint8)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from helpers.core import checks

__all__ = ["Augmentation", "cutout", "flip", "mixup", "shift"]


@dataclass(frozen=True)
class Augmentation:
    """What is done to each batch of training images before the network sees it; nothing, unless asked for.

    Parameters
    ----------
    flip : bool
        Whether half of the images are mirrored left to right.
    shift : int
        Largest distance in pixels by which an image is moved up or down, and left or right.
    reflect : bool
        Whether the gap that a shift leaves is filled with the image's mirrored border, and not with `fill`.
    cutout : int
        Side in pixels of a square that is covered in each image; 0 for none.
    fill : float
        What stands in gaps and covered squares, in the unit of the images; 0 is black for bytes.
    mixup : float
        Parameter of the Beta distribution from which the shares of mixed images are drawn: near 0 nearly
        all of one, at 1 any share alike; 0 for no mixing. The labels become shares of classes.
    n_classes : int
        How many classes there are; only mixing needs it.

    Raises
    ------
    TypeError, ValueError
        If an argument is not fit.
    """

    flip: bool = False
    shift: int = 0
    reflect: bool = False
    cutout: int = 0
    fill: float = 0
    mixup: float = 0.0
    n_classes: int = 10

    def __post_init__(self) -> None:
        checks.boolean("flip", self.flip)
        checks.boolean("reflect", self.reflect)
        checks.index("shift", self.shift)
        checks.index("cutout", self.cutout)
        checks.finite("fill", self.fill)
        checks.non_negative("mixup", self.mixup)
        checks.count("n_classes", self.n_classes)

    def __call__(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return a changed batch, and its labels.

        Parameters
        ----------
        images : Tensor, shape (N, C, H, W)
            Bytes or real numbers; they are left as they are.
        labels : Tensor of int64, shape (N,)
            Class of each image.
        generator : torch.Generator
            On the CPU.

        Returns
        -------
        images : Tensor, shape (N, C, H, W)
            Of the type and on the device of those given.
        labels : Tensor
            Those given; with mixing the share of every class, of shape (N, K).
        """
        if self.shift:
            images = shift(images, self.shift, generator, fill=None if self.reflect else self.fill)
        if self.flip:
            images = flip(images, generator)
        if self.cutout:
            images = cutout(images, self.cutout, generator, fill=self.fill)
        if self.mixup:
            images, labels = mixup(images, labels, self.mixup, self.n_classes, generator)
        return images, labels


def flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Return images of which about half, chosen at random, are mirrored left to right.

    Not for pictures whose meaning has a side, as writing has.
    """
    checks.shape("images", images, "N C H W")
    chosen = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(chosen.view(-1, 1, 1, 1).to(images.device), images.flip(3), images)


def shift(images: Tensor, distance: int, generator: torch.Generator, fill: float | None = 0) -> Tensor:
    """Return images moved by whole pixels, each by its own way up or down and left or right.

    Each way is equally likely, none included. It is what others call padding and random cropping.

    Parameters
    ----------
    images : Tensor, shape (N, C, H, W)
        Bytes or real numbers.
    distance : int
        Largest way in each direction; below H and W where the border is mirrored.
    generator : torch.Generator
        On the CPU.
    fill : float, optional
        What stands in the gap; None mirrors the image at its border (the border row itself only once).

    Returns
    -------
    Tensor, shape (N, C, H, W)

    Raises
    ------
    TypeError, ValueError
        If `distance` is negative or no whole number, or the images are too small to be mirrored so far.
    """
    checks.shape("images", images, "N C H W")
    checks.index("distance", distance)
    height, width = images.shape[2:]
    padded = _mirrored(images, distance) if fill is None else F.pad(images, (distance,) * 4, value=fill)
    # A view of every place where a window of the image's size fits: nothing is copied but what is taken.
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)
    places = torch.randint(2 * distance + 1, (2, len(images)), generator=generator).to(images.device)
    return windows[torch.arange(len(images), device=images.device), :, places[0], places[1]]


def _mirrored(images: Tensor, distance: int) -> Tensor:
    """Continue images beyond their border as in a mirror that stands on the border row."""
    smallest = min(images.shape[2:])
    checks.require(distance < smallest, f"be below {smallest} to mirror these images", "distance", distance)
    for axis in (2, 3):  # torch's own reflecting pad takes bytes in some versions only
        first = images.narrow(axis, 1, distance).flip(axis)
        last = images.narrow(axis, images.shape[axis] - 1 - distance, distance).flip(axis)
        images = torch.cat([first, images, last], dim=axis)
    return images


def cutout(images: Tensor, size: int, generator: torch.Generator, fill: float = 0) -> Tensor:
    """Return images in each of which a square is covered.

    Its center is any pixel, so that part of it may lie outside.

    Parameters
    ----------
    images : Tensor, shape (N, C, H, W)
        Bytes or real numbers.
    size : int
        Side of the square in pixels.
    generator : torch.Generator
        On the CPU.
    fill : float
        What stands in the square.

    Returns
    -------
    Tensor, shape (N, C, H, W)

    References
    ----------
    .. [1] T. DeVries, G. W. Taylor, "Improved regularization of convolutional neural networks with cutout",
       arXiv:1708.04552, 2017. There the images are normalized first, so that the square has the mean color.
    """
    checks.shape("images", images, "N C H W")
    checks.count("size", size)
    rows, columns = (_stretch(n, len(images), size, generator).to(images.device) for n in images.shape[2:])
    return images.masked_fill(rows[:, None, :, None] & columns[:, None, None, :], fill)


def _stretch(length: int, n: int, size: int, generator: torch.Generator) -> Tensor:
    """Return, for each of n images, which of its rows lie in the square."""
    start = torch.randint(length, (n, 1), generator=generator) - size // 2
    row = torch.arange(length)
    return (row >= start) & (row < start + size)


def mixup(
    images: Tensor, labels: Tensor, alpha: float, n_classes: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    r"""Return mixtures of each image with another one of the batch, and of their labels.

    One share is drawn for the whole batch, from :math:`\mathrm{Beta}(\alpha, \alpha)`.

    Parameters
    ----------
    images : Tensor, shape (N, C, H, W)
        Bytes, whose mixtures are rounded, or real numbers.
    labels : Tensor of int64, shape (N,)
        Class of each image.
    alpha : float
        Positive: near 0 nearly all of one image, at 1 any share alike, above it more even.
    n_classes : int
        K.
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    images : Tensor, shape (N, C, H, W)
        Of the type given.
    labels : Tensor of float32, shape (N, K)
        Share of each class; ``F.cross_entropy`` takes them as they are.

    References
    ----------
    .. [1] H. Zhang, M. Cisse, Y. N. Dauphin, D. Lopez-Paz, "mixup: Beyond empirical risk minimization",
       ICLR 2018, arXiv:1710.09412.
    """
    checks.shape("images", images, "N C H W")
    checks.shape("labels", labels, "N", N=len(images))
    checks.positive("alpha", alpha)
    seed = torch.randint(2**63 - 1, (), generator=generator).item()
    share = np.random.default_rng(seed).beta(alpha, alpha)  # torch's own takes no generator
    other = torch.randperm(len(images), generator=generator).to(images.device)
    classes = F.one_hot(labels, n_classes).float()
    real = images if images.is_floating_point() else images.float()
    mixed = real[other].lerp(real, share)
    mixed = mixed if images.is_floating_point() else mixed.round().to(images.dtype)
    return mixed, classes[other].lerp(classes, share)
