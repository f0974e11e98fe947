"""Windows that step over an image: what convolution and pooling have in common.

>>> window = Window.of(kernel=3, stride=2, padding=(1, 0))
>>> window
Window(kernel=(3, 3), stride=(2, 2), padding=(1, 0))
>>> window.steps((6, 6))
(3, 2)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from numbers import Integral

import numpy as np

from helpers.core import checks

__all__ = ["Pair", "Window", "in_cache", "pair", "places", "steps_along"]

#: One number for both directions, or (vertical, horizontal).
Pair = int | tuple[int, int]

#: Bytes that stay in a core's second-level cache while one group of samples is worked on.
CACHE = 2**20


def pair(name: str, value: Pair, check: Callable[[str, object], None]) -> tuple[int, int]:
    """Return (vertical, horizontal) of an argument that may be one number for both.

    >>> pair("stride", 2, checks.count)
    (2, 2)

    Raises
    ------
    TypeError, ValueError
        If it is neither one whole number nor a tuple of two that pass the check.
    """
    checks.kind(isinstance(value, Integral | tuple), "be a whole number or a tuple of two", name, value)
    if not isinstance(value, tuple):
        check(name, value)
        return value, value
    checks.Each(check)(name, value)
    checks.require(len(value) == 2, "have two entries, (vertical, horizontal)", name, value)
    return value


def places(kernel: int, stride: int, steps: int) -> list[slice]:
    """Return, for each entry of a kernel, what it meets as it steps along one axis.

    >>> places(kernel=3, stride=2, steps=4)
    [slice(0, 7, 2), slice(1, 8, 2), slice(2, 9, 2)]
    """
    return [slice(i, i + stride * (steps - 1) + 1, stride) for i in range(kernel)]


def steps_along(size: int, kernel: int, stride: int, padding: int) -> int:
    """Return how often a kernel fits along one axis; what is left over at the end belongs to no window.

    The sizes may be symbols too: explorers make their formula of this line.

    Parameters
    ----------
    size, kernel : int
        Of the image and of the kernel along this axis, in pixels.
    stride, padding : int
        Pixels from one place to the next, and of the border on each side.

    Returns
    -------
    int

    Examples
    --------
    >>> steps_along(8, kernel=3, stride=2, padding=1)
    4
    """
    return (size + 2 * padding - kernel) // stride + 1


def in_cache(n_samples: int, bytes_per_sample: int) -> Iterator[slice]:
    """Yield groups of samples that are small enough to stay in the cache, one sample at least."""
    size = max(1, CACHE // max(1, bytes_per_sample))
    return (slice(start, min(start + size, n_samples)) for start in range(0, n_samples, size))


@dataclass(frozen=True)
class Window:
    """A window's size, how far it steps, and how wide a border it finds around the image.

    Parameters
    ----------
    kernel, stride, padding : (int, int)
        Each vertical, horizontal, in pixels; the padding is on both sides.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]

    @classmethod
    def of(cls, kernel: Pair, stride: Pair, padding: Pair) -> Window:
        """Make a window of numbers or pairs, after checking them."""
        return cls(
            pair("kernel", kernel, checks.count),
            pair("stride", stride, checks.count),
            pair("padding", padding, checks.index),
        )

    def steps(self, size: tuple[int, int]) -> tuple[int, int]:
        r"""Return how often the window fits, down and across: :math:`\lfloor (H + 2p - k) / s \rfloor + 1`.

        Rows and columns that are left over when the last step does not fit belong to no window.

        Parameters
        ----------
        size : (int, int)
            Height and width of the image without padding.

        Raises
        ------
        ValueError
            If the window is larger than the padded image.
        """
        padded = tuple(n + 2 * p for n, p in zip(size, self.padding, strict=True))
        fits = all(k <= n for k, n in zip(self.kernel, padded, strict=True))
        checks.require(fits, f"fit into the padded image of size {padded}", "kernel", self.kernel)
        return tuple(map(steps_along, size, self.kernel, self.stride, self.padding))

    def pad(self, images: np.ndarray, value: float = 0.0) -> np.ndarray:
        """Return the images with their border; without padding, the images themselves."""
        if not any(self.padding):
            return images
        n, c, h, w = images.shape
        down, across = self.padding
        padded = np.full((n, c, h + 2 * down, w + 2 * across), value, images.dtype)
        self.inside(padded)[...] = images
        return padded

    def inside(self, padded: np.ndarray) -> np.ndarray:
        """Return the view of padded images without their border."""
        (down, across), (height, width) = self.padding, padded.shape[2:]
        return padded[:, :, down : height - down, across : width - across]

    def views(self, padded: np.ndarray, steps: tuple[int, int]) -> Iterator[np.ndarray]:
        """Yield a view for each entry of the kernel, row by row: what it meets at every step.

        Parameters
        ----------
        padded : ndarray, shape (N, C, H, W)
        steps : (int, int)
            As :meth:`steps` returns.

        Yields
        ------
        ndarray, shape (N, C, *steps)
        """
        down, across = map(places, self.kernel, self.stride, steps)
        return (padded[:, :, i, j] for i in down for j in across)
