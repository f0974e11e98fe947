r"""Convolution of images, forward and backward, as products of matrices.

What deep learning calls a convolution is a cross-correlation: the kernel is not turned round. A window
of kH x kW pixels steps over the padded image, and each output is the window's C x kH x kW numbers times
those of a kernel. Three things make this fast without any code but NumPy's.

- What *one row* of the kernel sees of an image is laid out as a matrix; the other rows of the kernel see
  the same matrix, some image rows further down. So a pixel is copied kW times, where the textbook's
  im2col copies it kH x kW times.
- The layout is made for as many samples as the processor's cache holds, used, and written over. The zeros
  of the border stand in it from the start; no padded image is made.
- Small products run faster: see `SMALL`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import reduce
from operator import iadd
from typing import Any

import numpy as np

from helpers.core import arrays
from helpers.formulas.layers.windows import Pair, Window, in_cache, places

__all__ = ["conv2d_backward", "conv2d_forward", "correlate"]

#: Groups of samples, and for each what one row of a kernel sees of them.
Groups = Iterator[tuple[slice, np.ndarray]]

#: Which entries of one axis, and which of another, belong together.
Meeting = tuple[slice, slice]

#: Multiplications up to which OpenBLAS takes a kernel that does not copy the matrices first.
SMALL = 1_000_000


def conv2d_forward(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray, *, stride: Pair = 1, padding: Pair = 0
) -> tuple[np.ndarray, Any]:
    r"""Return the cross-correlation of images with kernels, plus a bias.

    Rows and columns at the lower and right end that the last step does not reach are not used. An empty
    batch gives an empty batch.

    Parameters
    ----------
    x : ndarray of floats, shape (N, C, H, W)
        Images.
    weight : ndarray of floats, shape (F, C, kH, kW)
        F kernels, each as deep as the images.
    bias : ndarray of floats, shape (F,)
    stride : int or (int, int)
        Pixels from one window to the next, vertical and horizontal; 1 or more.
    padding : int or (int, int)
        Rows and columns of zeros on each side; 0 or more.

    Returns
    -------
    y : ndarray, shape (N, F, H_out, W_out)
        With :math:`H_{out} = \lfloor (H + 2 p_H - k_H) / s_H \rfloor + 1`, and W alike.
    cache
        For :func:`conv2d_backward`.

    Raises
    ------
    TypeError, ValueError
        If an array is not of floats, a shape does not fit, or the kernel is larger than the padded image.

    Notes
    -----
    With the padded image :math:`\tilde x`,

    .. math:: y_{nfhw} = b_f + \sum_{cij} w_{fcij} \, \tilde x_{n,\, c,\, h s_H + i,\, w s_W + j}.

    torch: ``conv2d``, the same arguments; Paddle too. Keras keeps channels last and kernels in the order
    (kH, kW, C, F), and its ``"same"`` padding may be one wider at the lower and right end.

    References
    ----------
    .. [1] K. Chellapilla, S. Puri and P. Simard, "High performance convolutional neural networks for
       document processing", IWFHR 2006 (convolution as a product of matrices).
    .. [2] V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning",
       arXiv 1603.07285, 2016 (sizes, and the gradient as a convolution).

    Examples
    --------
    >>> image = np.arange(16.0).reshape(1, 1, 4, 4)
    >>> y, cache = conv2d_forward(image, np.ones((1, 1, 2, 2)), np.zeros(1), stride=2)
    >>> y[0, 0]
    array([[10., 18.],
           [42., 50.]])
    """
    arrays.floats("x", x, "N C H W")
    arrays.floats("weight", weight, "F C kH kW", C=x.shape[1])
    arrays.floats("bias", bias, "F", F=weight.shape[0])
    window = Window.of(weight.shape[2:], stride, padding)
    y = correlate(x, weight, bias, window)
    return y, (x, weight, window, y.shape)


def correlate(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, window: Window) -> np.ndarray:
    """Return what :func:`.conv2d_forward` does, without its checks.

    The entries may be whatever can be multiplied and added, so that code run on symbols gives its formula.

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W)
    weight : ndarray, shape (F, C, kH, kW)
    bias : ndarray, shape (F,)
    window : Window

    Returns
    -------
    ndarray, shape (N, F, H_out, W_out)
    """
    steps = window.steps(x.shape[2:])
    y = np.empty((len(x), len(weight), *steps), np.result_type(x, weight, bias))
    _correlate(_input_rows(x, window, y.shape), weight, bias, window.stride[0], y)
    return y


def conv2d_backward(dy: np.ndarray, cache: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Return the gradients with respect to the input, the weight and the bias of a convolution.

    Parameters
    ----------
    dy : ndarray of floats, shape (N, F, H_out, W_out)
        Gradient with respect to the output.
    cache
        From :func:`conv2d_forward`.

    Returns
    -------
    dx : ndarray, shape (N, C, H, W)
        Zero where no window came.
    dweight : ndarray, shape (F, C, kH, kW)
    dbias : ndarray, shape (F,)

    Notes
    -----
    The bias is in every output of its channel, so its gradient is a sum. A weight met one pixel of every
    window: its gradient is the correlation of the input with `dy`,

    .. math::

       \frac{\partial L}{\partial b_f} = \sum_{nhw} dy_{nfhw}, \qquad
       \frac{\partial L}{\partial w_{fcij}}
           = \sum_{nhw} dy_{nfhw} \, \tilde x_{n,\, c,\, h s_H + i,\, w s_W + j}.

    A pixel :math:`(u, v)` was met by kernel entry :math:`(i, j)` at the step :math:`(h, w)` with
    :math:`h s_H + i = u` and :math:`w s_W + j = v`, so

    .. math::

       \frac{\partial L}{\partial \tilde x_{ncuv}}
           = \sum_{fij} w_{fcij} \, dy_{n,\, f,\, (u - i) / s_H,\, (v - j) / s_W}

    over the terms whose indices are whole and in range. That is again a correlation: of `dy`, with s - 1
    zeros between its entries and k - 1 around them, with the kernels turned by half a turn.
    """
    x, weight, window, y_shape = cache
    arrays.floats("dy", dy, y_shape)
    dx = np.empty(x.shape, np.result_type(dy, weight))
    turned = weight[:, :, ::-1, ::-1].swapaxes(0, 1)
    _correlate(_gradient_rows(dy, window, x.shape), turned, np.zeros(x.shape[1], dy.dtype), 1, dx)
    return dx, _weight_gradient(x, dy, window), dy.sum(axis=(0, 2, 3))


def _correlate(groups: Groups, weight: np.ndarray, bias: np.ndarray, stride: int, y: np.ndarray) -> None:
    """Correlate images, of which groups of rows are given, with kernels, and write the result into y."""
    f, c, k_h, k_w = weight.shape
    kernel_rows = weight.transpose(2, 1, 3, 0).reshape(k_h, c * k_w, f).swapaxes(1, 2)
    height = _block_height(y.shape[2:], f * c * k_w)
    down = places(k_h, stride, y.shape[2])
    for samples, rows in groups:
        products = (
            kernel_row @ _blocks(rows[:, :, place], height)
            for kernel_row, place in zip(kernel_rows, down, strict=True)
        )
        np.add(reduce(iadd, products), bias[:, None], out=_blocks(y[samples], height))


def _weight_gradient(x: np.ndarray, dy: np.ndarray, window: Window) -> np.ndarray:
    """Correlate the input with the gradient of the output."""
    (k_h, k_w), (_, c, *_), (_, f, *steps) = window.kernel, x.shape, dy.shape
    total = np.zeros((k_h, c * k_w, f), np.result_type(x, dy))
    height = _block_height(steps, f * c * k_w)
    down = places(k_h, window.stride[0], steps[0])
    for samples, rows in _input_rows(x, window, dy.shape):
        pixels_first = np.ascontiguousarray(_blocks(dy[samples], height).swapaxes(2, 3))
        for i, place in enumerate(down):
            total[i] += (_blocks(rows[:, :, place], height) @ pixels_first).sum(axis=(0, 1))
    return np.ascontiguousarray(total.reshape(k_h, c, k_w, f).transpose(3, 1, 0, 2))


def _input_rows(x: np.ndarray, window: Window, y_shape: tuple[int, ...]) -> Groups:
    """Lay out what a row of the kernel sees of the input: pixel w s + j - p for its entry j at step w."""
    (h, w), (_, k_w), (_, s_w), (p_h, p_w) = x.shape[2:], window.kernel, window.stride, window.padding
    size = h + 2 * p_h, y_shape[3]
    down = _meeting(size[0], h, 1, -p_h)
    across = [_meeting(size[1], w, s_w, j - p_w) for j in range(k_w)]
    return _rows(x, size, down, across, math.prod(y_shape[1:]))


def _gradient_rows(dy: np.ndarray, window: Window, x_shape: tuple[int, ...]) -> Groups:
    """Lay out what a row of a turned kernel sees of the gradient, spread to where its windows began."""
    (h, w), (k_h, k_w), (s_h, s_w), (p_h, p_w) = dy.shape[2:], window.kernel, window.stride, window.padding
    size = x_shape[2] + k_h - 1, x_shape[3]
    down = _meeting(h, size[0], s_h, k_h - 1 - p_h)[::-1]
    across = [_meeting(w, size[1], s_w, k_w - 1 - p_w - j)[::-1] for j in range(k_w)]
    return _rows(dy, size, down, across, math.prod(x_shape[1:]))


def _rows(
    x: np.ndarray, size: tuple[int, int], down: Meeting, across: list[Meeting], n_outputs: int
) -> Groups:
    """Yield groups of samples and their rows, (n, C * kW, *size), in a buffer that is used again.

    For each entry j of a kernel's row, `across[j]` says which columns are filled from which of `x`, and
    `down` which rows are; what is not filled is border, or lies between spread-out entries, and stays 0.
    """
    c, k_w = x.shape[1], len(across)
    floats = c * k_w * math.prod(size) + 2 * n_outputs
    buffer = None
    for samples in in_cache(len(x), floats * x.itemsize):
        if buffer is None:
            buffer = np.zeros((samples.stop, c, k_w, *size), x.dtype)
        rows = buffer[: samples.stop - samples.start]
        for j, (to, source) in enumerate(across):
            rows[:, :, j, down[0], to] = x[samples, :, down[1], source]
        yield samples, rows.reshape(len(rows), c * k_w, *size)


def _meeting(n: int, n_other: int, stride: int, offset: int) -> Meeting:
    """Return the entries i of one axis for which there is an entry i * stride + offset of another, and those.

    >>> _meeting(4, 5, stride=2, offset=-1)  # -1 and 5 are no entries
    (slice(1, 3, None), slice(1, 4, 2))
    """
    first, last = max(0, -(offset // stride)), min(n, -((offset - n_other) // stride))
    if first >= last:
        return slice(0), slice(0)
    return slice(first, last), slice(first * stride + offset, (last - 1) * stride + offset + 1, stride)


def _block_height(steps: tuple[int, int], weights: int) -> int:
    """Return how many image rows a product takes at once: as many as keep it small, evenly divided.

    Where not even one row keeps it small, the matrices are large anyway, and it takes all.
    """
    most = SMALL // max(1, weights * steps[1]) or steps[0]
    return max(h for h in range(1, steps[0] + 1) if steps[0] % h == 0 and h <= most)


def _blocks(images: np.ndarray, height: int) -> np.ndarray:
    """Cut (n, C, H, W) into matrices (n, H / height, C, height * W); a view if image rows lie end to end."""
    n, c, h, w = images.shape
    return images.reshape(n, c, h // height, height * w).swapaxes(1, 2)
