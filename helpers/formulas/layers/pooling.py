"""Pooling: each window of an image becomes one number, its maximum or its mean.

A window is not gathered: for each of its entries there is one strided view of the image, which holds
that entry of *every* window (:meth:`helpers.formulas.layers.windows.Window.views`). With a 2x2 window
the whole layer is a few operations on four such views.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from helpers.core import arrays, checks
from helpers.formulas.layers.windows import Pair, Window, in_cache

__all__ = ["avg_pool2d_backward", "avg_pool2d_forward", "max_pool2d_backward", "max_pool2d_forward"]


def _pooling_window(x: np.ndarray, kernel: Pair, stride: Pair | None, padding: Pair) -> Window:
    """Check the arguments of a pooling layer; the padding is narrow enough to leave no window empty."""
    arrays.floats("x", x, "N C H W")
    window = Window.of(kernel, kernel if stride is None else stride, padding)
    narrow = all(2 * p <= k for p, k in zip(window.padding, window.kernel, strict=True))
    checks.require(narrow, f"be at most half of the kernel {window.kernel}", "padding", window.padding)
    return window


def _combine(operation: Callable, padded: np.ndarray, window: Window, steps: tuple[int, int]) -> np.ndarray:
    """Combine the entries of every window by an operation of two arrays, such as ``np.maximum``."""
    y = np.empty((*padded.shape[:2], *steps), padded.dtype)
    for samples in in_cache(len(y), 2 * padded[:1].nbytes):
        group = y[samples]
        views = window.views(padded[samples], steps)
        group[...] = next(views)
        for view in views:
            operation(group, view, out=group)
    return y


def max_pool2d_forward(
    x: np.ndarray, kernel: Pair, *, stride: Pair | None = None, padding: Pair = 0
) -> tuple[np.ndarray, Any]:
    r"""Return the maximum of each window.

    Rows and columns at the lower and right end that the last step does not reach are dropped. The border
    is minus infinity, so it never wins. A NaN makes the maximum of its windows NaN.

    Parameters
    ----------
    x : ndarray of floats, shape (N, C, H, W)
    kernel : int or (int, int)
        Height and width of the window; 1 or more.
    stride : int or (int, int), optional
        Pixels from one window to the next; the kernel's size if not given, so that windows do not overlap.
    padding : int or (int, int)
        Width of the border on each side, at most half of the kernel.

    Returns
    -------
    y : ndarray, shape (N, C, H_out, W_out)
        With :math:`H_{out} = \lfloor (H + 2 p_H - k_H) / s_H \rfloor + 1`, and W alike.
    cache
        For :func:`max_pool2d_backward`.

    Raises
    ------
    TypeError, ValueError
        If `x` is not of floats or not of that shape, if a number is out of range, or if the kernel is
        larger than the padded image.

    Notes
    -----
    torch: ``max_pool2d``, the same arguments; Paddle too. Keras' ``MaxPooling2D`` knows no padding but
    ``"valid"``, which is 0, and ``"same"``.

    Examples
    --------
    >>> image = np.array([[1.0, 5.0, 2.0], [4.0, 3.0, 0.0], [9.0, 9.0, 9.0]]).reshape(1, 1, 3, 3)
    >>> y, cache = max_pool2d_forward(image, kernel=2)  # the third row and column do not fit
    >>> y
    array([[[[5.]]]])
    >>> max_pool2d_backward(np.array([[[[10.0]]]]), cache)[0, 0]
    array([[ 0., 10.,  0.],
           [ 0.,  0.,  0.],
           [ 0.,  0.,  0.]])
    """
    window = _pooling_window(x, kernel, stride, padding)
    steps = window.steps(x.shape[2:])
    padded = window.pad(x, -math.inf)
    y = _combine(np.maximum, padded, window, steps)
    return y, (padded, y, window)


def max_pool2d_backward(dy: np.ndarray, cache: Any) -> np.ndarray:
    r"""Return the gradient with respect to the input of max pooling.

    Parameters
    ----------
    dy : ndarray of floats, shape (N, C, H_out, W_out)
    cache
        From :func:`max_pool2d_forward`.

    Returns
    -------
    ndarray, shape (N, C, H, W)

    Notes
    -----
    A window's maximum changes with one pixel alone, so that pixel gets all of the window's gradient. Of
    equal pixels the first, row by row, is taken, as in torch; behind a ReLU many windows are all zero,
    and a mask of all that equal the maximum would count the gradient up to kH x kW times. Where windows
    overlap, a pixel sums what it gets. No pixel of a window that holds a NaN gets any, and of a window
    that holds nothing but minus infinity the border may get it.
    """
    padded, y, window = cache
    arrays.floats("dy", dy, y.shape)
    dpadded = np.zeros(padded.shape, dy.dtype)
    steps = y.shape[2:]
    for samples in in_cache(len(y), 3 * padded[:1].nbytes):
        waiting = np.ones(y[samples].shape, bool)
        views, dviews = (window.views(array[samples], steps) for array in (padded, dpadded))
        for view, dview in zip(views, dviews, strict=True):
            first = (view == y[samples]) & waiting
            waiting ^= first
            dview += dy[samples] * first
    return window.inside(dpadded)


def avg_pool2d_forward(
    x: np.ndarray, kernel: Pair, *, stride: Pair | None = None, padding: Pair = 0
) -> tuple[np.ndarray, Any]:
    """Return the mean of each window; the zeros of the border count.

    Rows and columns at the lower and right end that the last step does not reach are dropped.

    Parameters
    ----------
    x, kernel, stride, padding
        As for :func:`max_pool2d_forward`.

    Returns
    -------
    y : ndarray, shape (N, C, H_out, W_out)
    cache
        For :func:`avg_pool2d_backward`.

    Raises
    ------
    TypeError, ValueError
        As :func:`max_pool2d_forward`.

    Notes
    -----
    Every mean is over kH x kW numbers, at the border too: torch's ``avg_pool2d`` with its default
    ``count_include_pad=True``. Keras' and Paddle's divide by the number of pixels that are in the image.

    Examples
    --------
    >>> y, cache = avg_pool2d_forward(np.ones((1, 1, 2, 2)), kernel=2, padding=1)
    >>> y[0, 0]
    array([[0.25, 0.25],
           [0.25, 0.25]])
    """
    window = _pooling_window(x, kernel, stride, padding)
    steps = window.steps(x.shape[2:])
    padded = window.pad(x)
    y = _combine(np.add, padded, window, steps) / math.prod(window.kernel)
    return y, (padded.shape, y.shape, window)


def avg_pool2d_backward(dy: np.ndarray, cache: Any) -> np.ndarray:
    """Return the gradient with respect to the input of average pooling.

    Parameters
    ----------
    dy : ndarray of floats, shape (N, C, H_out, W_out)
    cache
        From :func:`avg_pool2d_forward`.

    Returns
    -------
    ndarray, shape (N, C, H, W)

    Notes
    -----
    Every pixel of a window is in its mean with the factor 1 / (kH kW), so each gets that part of the
    window's gradient, and sums what it gets from the windows that it is in.
    """
    padded_shape, shape, window = cache
    arrays.floats("dy", dy, shape)
    dpadded = np.zeros(padded_shape, dy.dtype)
    share = dy / math.prod(window.kernel)
    for dview in window.views(dpadded, shape[2:]):
        dview += share
    return window.inside(dpadded)
