"""Labeled images in memory: chosen by class shares, held out, and turned into tensors for training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from helpers.core import checks, seeds
from helpers.training.models import Normalize

__all__ = ["Split"]


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Images with their labels.

    Parameters
    ----------
    images : array of uint8, shape (N, C, H, W)
        Pixels, 0 to 255.
    labels : array of int64, shape (N,)
        Class of each image, from 0.

    Raises
    ------
    TypeError, ValueError
        If a type or a shape is another, or if there are not as many labels as images.

    Examples
    --------
    >>> split = Split(np.zeros((3, 1, 8, 8), np.uint8), np.array([0, 1, 1]))
    >>> split
    Split(3 images of shape (1, 8, 8))
    >>> len(split.subset([0, 2]))
    2
    """

    images: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        checks.shape("images", self.images, "N C H W")
        checks.shape("labels", self.labels, "N", N=len(self.images))
        for name, array, kind in (("images", self.images, "uint8"), ("labels", self.labels, "int64")):
            checks.require(array.dtype == kind, f"be {kind}", f"{name}.dtype", str(array.dtype))

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"Split({len(self)} images of shape {self.images.shape[1:]})"

    def subset(self, indices: Sequence[int] | np.ndarray) -> Split:
        """Return a copy of the chosen images, in the order given.

        Parameters
        ----------
        indices : sequence of int, or array of bool of shape (N,)
            Which images, as NumPy selects them.

        Returns
        -------
        Split
            The chosen images with their labels.
        """
        return Split(self.images[indices], self.labels[indices])

    def take(self, n: int, seed: int = 0) -> Split:
        """Return ``n`` images at random, each class by its share.

        Where the classes are alike in size, each comes within one image of its share. What one seed takes is
        nested: ``take(300)`` begins with ``take(100)``, so that more data means the same data and more.
        ``take(len(split))`` shuffles.

        Parameters
        ----------
        n : int
            How many images, 1 to N.
        seed : int
            Chooses the images, 0 to 2**32 - 1.

        Returns
        -------
        Split
            The images, their classes mixed.

        Raises
        ------
        TypeError, ValueError
            If ``n`` or ``seed`` is no whole number, or out of range.

        Examples
        --------
        >>> split = Split(np.zeros((90, 1, 8, 8), np.uint8), np.arange(90) % 3)
        >>> np.bincount(split.take(30, seed=1).labels).tolist()
        [10, 10, 10]
        """
        checks.count("n", n)
        checks.require(n <= len(self), f"be at most {len(self)}", "n", n)
        return self.subset(_stratified_order(self.labels, seed)[:n])

    def holdout(self, fraction: float, seed: int = 0) -> tuple[Split, Split]:
        """Return the images in two parts, for training and for validation, each class by its share in both.

        Parameters
        ----------
        fraction : float
            Share of the second part, above 0 and below 1; it gets ``round(fraction * N)`` images.
        seed : int
            Chooses the images, 0 to 2**32 - 1.

        Returns
        -------
        train, validation : Split
            All the images, their classes mixed; none is in both.

        Raises
        ------
        TypeError, ValueError
            If a part would be empty, or if ``seed`` is no whole number in range.

        Examples
        --------
        >>> Split(np.zeros((90, 1, 8, 8), np.uint8), np.arange(90) % 3).holdout(0.2)
        (Split(72 images of shape (1, 8, 8)), Split(18 images of shape (1, 8, 8)))
        """
        checks.finite("fraction", fraction)
        n = round(fraction * len(self))
        checks.require(0 < n < len(self), f"part {len(self)} images in two", "fraction", fraction)
        order = _stratified_order(self.labels, seed)
        return self.subset(order[n:]), self.subset(order[:n])

    def tensors(self, mean: Sequence[float], std: Sequence[float]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what a network is trained on: ``(images / 255 - mean) / std``, and the labels.

        Every split of a set is given the statistics of its training images, so that all are scaled alike.

        Parameters
        ----------
        mean : sequence of float, length C
            Subtracted, for each channel.
        std : sequence of float, length C
            Divided by, for each channel; positive.

        Returns
        -------
        images : tensor of float32, shape (N, C, H, W)
            A copy, normalized.
        labels : tensor of int64, shape (N,)
            A copy.

        Raises
        ------
        TypeError, ValueError
            If there is not one finite value for each channel, or if a ``std`` is not positive.

        Examples
        --------
        >>> split = Split(np.full((2, 1, 8, 8), 51, np.uint8), np.array([0, 1]))
        >>> images, labels = split.tensors(mean=[0.1], std=[0.5])
        >>> images.dtype, images[0, 0, 0, 0].item()
        (torch.float32, 0.2)
        """
        channels = self.images.shape[1]
        for name, values in (("mean", mean), ("std", std)):
            needed = f"have {channels} values, one for each channel"
            checks.require(len(values) == channels, needed, name, tuple(values))
        images, labels = self.pixels()
        return seeds.rounded(Normalize(mean, std)(images)), labels

    def pixels(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the bytes as they are, and the labels: for a network that begins with `models.Normalize`.

        They take a quarter of the memory that `tensors` take, and images are augmented faster as bytes.

        Returns
        -------
        images : tensor of uint8, shape (N, C, H, W)
            A copy, 0 to 255.
        labels : tensor of int64, shape (N,)
            A copy.

        Examples
        --------
        >>> images, labels = Split(np.full((2, 1, 8, 8), 51, np.uint8), np.array([0, 1])).pixels()
        >>> images.dtype, images[0, 0, 0, 0].item()
        (torch.uint8, 51)
        """
        return torch.tensor(self.images), torch.tensor(self.labels)


def _stratified_order(labels: np.ndarray, seed: int) -> np.ndarray:
    """Return the indices in a random order over which each class is spread evenly."""
    checks.index("seed", seed)
    checks.require(seed < 2**32, "be below 2**32", "seed", seed)
    # RandomState's streams are frozen (NEP 19): the same images on every machine and with every NumPy.
    order = np.random.RandomState(seed).permutation(len(labels))
    place = np.empty(len(labels))
    for members in (order[labels[order] == label] for label in np.unique(labels)):
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    return order[np.argsort(place[order], kind="stable")]
