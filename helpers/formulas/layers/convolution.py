r"""Convolution of images, forward and backward, as products of matrices.

What deep learning calls a convolution is a cross-correlation: the kernel is not turned round. A window
of kH x kW pixels steps over the padded image, and each output is the window's C x kH x kW numbers times
those of a kernel. Three facts make this fast without any code but NumPy's.

- The pixels that one *row* of the kernel sees, side by side in a matrix, serve all kH rows: each
  meets the same matrix a few image rows further down. So the pixels are copied kW times, where the
  textbook's im2col copies them kH x kW times.
- That copy is made for as many samples as the processor's cache holds, used, and written over.
- Small products run faster: see `SMALL`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import iadd
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from helpers.core import arrays
from helpers.formulas.layers.windows import Pair, Window, in_cache, places

__all__ = ["conv2d_backward", "conv2d_forward"]

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
    (kH, kW, C, F), and its ``"same"`` padding is uneven where the stride is above 1.

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
    steps = window.steps(x.shape[2:])
    padded = window.pad(x)
    return _correlate(padded, weight, window.stride, steps, bias), (padded, weight, window, steps)


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
    padded, weight, window, steps = cache
    arrays.floats("dy", dy, (padded.shape[0], weight.shape[0], *steps))
    dweight = _weight_gradient(padded, dy, window)
    return _input_gradient(padded, dy, weight, window), dweight, dy.sum(axis=(0, 2, 3))


def _correlate(
    x: np.ndarray, weight: np.ndarray, stride: tuple[int, int], steps: tuple[int, int], bias: np.ndarray
) -> np.ndarray:
    """Correlate images that have their border already."""
    f, c, k_h, k_w = weight.shape
    kernel_rows = weight.transpose(2, 1, 3, 0).reshape(k_h, c * k_w, f).swapaxes(1, 2)
    y = np.empty((len(x), f, *steps), np.result_type(x, weight, bias))
    height = _block_height(steps, f * c * k_w)
    down = places(k_h, stride[0], steps[0])
    for samples, rows in _rows(x, k_w, stride[1], steps, f):
        products = (
            kernel_row @ _blocks(rows[:, :, place], height)
            for kernel_row, place in zip(kernel_rows, down, strict=True)
        )
        np.add(reduce(iadd, products), bias[:, None], out=_blocks(y[samples], height))
    return y


def _weight_gradient(x: np.ndarray, dy: np.ndarray, window: Window) -> np.ndarray:
    """Correlate the input, which has its border already, with the gradient of the output."""
    (k_h, k_w), (_, c, *_), (_, f, *steps) = window.kernel, x.shape, dy.shape
    total = np.zeros((k_h, c * k_w, f), np.result_type(x, dy))
    height = _block_height(steps, f * c * k_w)
    down = places(k_h, window.stride[0], steps[0])
    for samples, rows in _rows(x, k_w, window.stride[1], steps, f):
        pixels_first = np.ascontiguousarray(_blocks(dy[samples], height).swapaxes(2, 3))
        for i, place in enumerate(down):
            total[i] += (_blocks(rows[:, :, place], height) @ pixels_first).sum(axis=(0, 1))
    return np.ascontiguousarray(total.reshape(k_h, c, k_w, f).transpose(3, 1, 0, 2))


def _input_gradient(x: np.ndarray, dy: np.ndarray, weight: np.ndarray, window: Window) -> np.ndarray:
    """Spread the gradient of the output to where its windows began, and correlate with turned kernels."""
    (k_h, k_w), (s_h, s_w) = window.kernel, window.stride
    (n, c, height, width), (_, f, h_out, w_out) = x.shape, dy.shape
    spread = np.zeros((n, f, height + k_h - 1, width + k_w - 1), dy.dtype)
    spread[:, :, k_h - 1 :: s_h, k_w - 1 :: s_w][:, :, :h_out, :w_out] = dy
    turned = weight[:, :, ::-1, ::-1].swapaxes(0, 1)
    size = (height - 2 * window.padding[0], width - 2 * window.padding[1])
    return _correlate(window.inside(spread), turned, (1, 1), size, np.zeros(c, dy.dtype))


def _rows(
    x: np.ndarray, width: int, stride: int, steps: tuple[int, int], n_outputs: int
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield groups of samples with what one row of a kernel sees of them.

    Entry (n, c * kW + j, u, w) is pixel (u, w * s + j) of channel c. The buffer is used again and again.
    """
    windows = sliding_window_view(x, width, axis=3)[:, :, :, ::stride].transpose(0, 1, 4, 2, 3)
    n, c, _, height, w_out = windows.shape
    floats = (c * width * height + 2 * n_outputs * steps[0]) * w_out
    buffer = None
    for samples in in_cache(n, floats * x.itemsize):
        if buffer is None:
            buffer = np.empty_like(windows[samples], order="C")
        rows = buffer[: samples.stop - samples.start]
        np.copyto(rows, windows[samples])
        yield samples, rows.reshape(len(rows), c * width, height, w_out)


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
