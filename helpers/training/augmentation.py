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

import torch
from torch import Tensor
from torch.nn import functional as F

from helpers.core import checks

__all__ = ["Augmentation", "flip", "shift"]


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
    fill : float
        What stands in the gaps, in the unit of the images; 0 is black for bytes.

    Raises
    ------
    TypeError, ValueError
        If an argument is not fit.
    """

    flip: bool = False
    shift: int = 0
    reflect: bool = False
    fill: float = 0

    def __post_init__(self) -> None:
        checks.boolean("flip", self.flip)
        checks.boolean("reflect", self.reflect)
        checks.index("shift", self.shift)
        checks.finite("fill", self.fill)

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
            Those given.
        """
        if self.shift:
            images = shift(images, self.shift, generator, fill=None if self.reflect else self.fill)
        if self.flip:
            images = flip(images, generator)
        return images, labels


def flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Return images of which about half, chosen at random, are mirrored left to right.

    Not for pictures whose meaning has a side, as writing has.
    """
    checks.shape("images", images, "N C H W")
    mask = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(mask.view(-1, 1, 1, 1).to(images.device), images.flip(3), images)


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
