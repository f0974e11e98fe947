r"""Batch normalization: each channel gets the mean and the spread that the network chooses for it.

Two things make it fast. Everything is a slope times the input plus a shift, made for as many samples as
the cache holds. And the numbers of a channel are written out for each of its pixels before they meet the
image, for NumPy's loops over single channels are short and cost up to twice as much.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from helpers.core import arrays, checks, mathematics
from helpers.formulas.layers.windows import in_cache

__all__ = ["batch_norm_backward", "batch_norm_forward", "batch_norm_line", "batch_norm_running"]

#: Mean and variance of each channel, collected in training and used in evaluation.
Running = tuple[np.ndarray, np.ndarray]


def batch_norm_forward(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    running: Running,
    *,
    train: bool = True,
    momentum: float = 0.1,
    epsilon: float = 1e-5,
    unbiased: bool = True,
) -> tuple[np.ndarray, Any, Running]:
    r"""Return each channel with mean `bias` and standard deviation `weight`, and new running statistics.

    In training a channel's mean and variance are those of the batch, and the running ones move towards
    them; in evaluation they are the running ones, which stay. A channel whose values are all equal
    becomes `bias`.

    Parameters
    ----------
    x : ndarray of floats, shape (N, C, H, W) or (N, D)
        In training, more than one value a channel.
    weight, bias : ndarray of floats, shape (C,)
        :math:`\gamma` and :math:`\beta` of the paper.
    running : (ndarray, ndarray), each of shape (C,)
        Mean and variance so far; zeros and ones at the start.
    train : bool
        Whether to use the statistics of the batch.
    momentum : float
        Weight of the *new* value in the running statistics, in (0, 1].
    epsilon : float
        :math:`\epsilon`, what keeps the denominator above 0; above 0.
    unbiased : bool
        Whether the running variance divides by the number of values less one. The batch itself is always
        normalized by the biased variance, which divides by their number.

    Returns
    -------
    y : ndarray
        Shape of `x`.
    cache
        For :func:`batch_norm_backward`.
    running : (ndarray, ndarray)
        New arrays in training, those given in evaluation.

    Raises
    ------
    TypeError, ValueError
        If an array is not of floats, a shape does not fit, a number is out of range, or if there is but
        one value a channel in training.

    Notes
    -----
    With the mean and the sum over the :math:`m = N H W` values of a channel,

    .. math::

       \mu = \tfrac1m \sum x, \quad \sigma^2 = \tfrac1m \sum (x - \mu)^2, \quad
       \hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}}, \quad y = \gamma \hat x + \beta.

    The variance is the mean square less the squared mean. Where that difference would lose more than two
    digits, as it does when the mean is large beside the spread, the mean is subtracted from the input
    first, which changes no output.

    ``momentum=0.1, unbiased=True`` are torch's defaults. Keras and Paddle give the weight of the *old*
    value, 0.99 and 0.9, and store the biased variance; Keras' epsilon is 1e-3.

    References
    ----------
    .. [1] S. Ioffe and C. Szegedy, "Batch normalization: Accelerating deep network training by reducing
       internal covariate shift", ICML 2015, algorithms 1 and 2.

    Examples
    --------
    >>> x = np.array([[1.0], [2.0], [4.0], [9.0]])
    >>> start = np.zeros(1), np.ones(1)
    >>> y, cache, (mean, variance) = batch_norm_forward(x, np.ones(1), np.zeros(1), start)
    >>> y.ravel().round(3)
    array([-0.973, -0.649,  0.   ,  1.622])
    >>> mean.round(4), variance.round(4)  # 0.9 * 1 + 0.1 * 38 / 3
    (array([0.4]), array([2.1667]))
    """
    checks.boolean("train", train)
    checks.boolean("unbiased", unbiased)
    n_values = _check(x, weight, bias, running, train)
    checks.unit_interval("momentum", momentum)
    checks.positive("epsilon", epsilon)
    mean, variance = (statistic.astype(x.dtype, copy=False) for statistic in running)
    if train:
        x, subtracted, mean, variance = _moments(x)
        batch = subtracted + mean, variance
        running = batch_norm_running(running, batch, n_values, momentum, unbiased)
    line = batch_norm_line(mean, variance, weight, bias, epsilon)
    slope, shift = _per_pixel(x, *line)
    y = np.empty_like(x)
    for samples in in_cache(len(x), 3 * x[:1].nbytes):
        group = np.multiply(x[samples], slope, out=y[samples])
        group += shift
    return y, (x, mean, 1 / np.sqrt(variance + epsilon), line[0], train), running


def batch_norm_line(mean: Any, variance: Any, weight: Any, bias: Any, epsilon: Any) -> tuple[Any, Any]:
    r"""Return slope and shift of the straight line that batch normalization is, given its statistics.

    In evaluation they are the same for every input, and the layer can be folded into a linear one before it.

    Parameters
    ----------
    mean, variance, weight, bias, epsilon : numbers, arrays or symbols
        As in :func:`.batch_norm_forward`.

    Returns
    -------
    slope, shift
        :math:`\gamma / \sqrt{\sigma^2 + \epsilon}`, and :math:`\beta - \mu` times it.

    Examples
    --------
    >>> batch_norm_line(4.0, 8.0, weight=6.0, bias=1.0, epsilon=1.0)
    (2.0, -7.0)
    """
    slope = mathematics.named("f", weight / mathematics.sqrt(variance + epsilon))
    return slope, bias - mean * slope


def batch_norm_running(
    running: tuple[Any, Any], batch: tuple[Any, Any], n_values: Any, momentum: Any, unbiased: bool
) -> tuple[Any, Any]:
    """Return the running mean and variance after one more batch.

    Parameters
    ----------
    running, batch : (mean, variance), numbers, arrays or symbols
        So far, and of the batch; the batch's variance is the biased one.
    n_values, momentum, unbiased
        Values a channel in the batch, and as in :func:`.batch_norm_forward`.

    Returns
    -------
    mean, variance

    Examples
    --------
    >>> mean, variance = batch_norm_running((0.0, 1.0), (4.0, 9.5), 4, momentum=0.1, unbiased=True)
    >>> mean, round(variance, 4)
    (0.4, 2.1667)
    """
    mean, variance = batch
    new = mean, variance * (n_values / (n_values - 1)) if unbiased else variance
    return tuple((1 - momentum) * a + momentum * b for a, b in zip(running, new, strict=True))


def batch_norm_backward(dy: np.ndarray, cache: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Return the gradients with respect to the input, the weight and the bias of batch normalization.

    Parameters
    ----------
    dy : ndarray of floats
        Gradient with respect to the output, of its shape.
    cache
        From :func:`.batch_norm_forward`.

    Returns
    -------
    dx : ndarray
        Shape of `dy`.
    dweight, dbias : ndarray, shape (C,)

    Notes
    -----
    With :math:`\langle\cdot\rangle` for the mean over the values of a channel,

    .. math::

       \frac{\partial L}{\partial \beta} = \sum dy, \qquad
       \frac{\partial L}{\partial \gamma} = \sum dy \, \hat x, \qquad
       \frac{\partial L}{\partial x} = \frac{\gamma}{\sqrt{\sigma^2 + \epsilon}}
           \bigl( dy - \langle dy \rangle - \hat x \, \langle dy \, \hat x \rangle \bigr).

    The first mean comes from the batch's mean, the second from its variance, both of which every value
    of the channel has a part in: shifting or stretching all of them changes no output, so the gradient
    has nothing along these two directions. In evaluation the statistics are constants, and both means
    are absent.
    """
    x, mean, inverse_std, scale, train = cache
    arrays.floats("dy", dy, x.shape)
    dbias, products = _channel_sums(dy, x)
    dweight = (products - mean * dbias) * inverse_std
    share = dbias.size / dy.size if train else 0.0
    slope = -share * dweight * inverse_std
    slope, shift, scale = _per_pixel(dy, slope, -share * dbias - mean * slope, scale)
    dx = np.empty_like(dy)
    for samples in in_cache(len(dy), 3 * dy[:1].nbytes):
        group = np.multiply(x[samples], slope, out=dx[samples])
        group += shift
        group += dy[samples]
        group *= scale
    return dx, dweight, dbias


def _moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the input, what was subtracted from it, and the mean and variance of what is left.

    Nothing is subtracted where the mean square and the squared mean differ by a hundredth or more.
    """
    n_values = x.size // x.shape[1]
    subtracted = np.zeros(x.shape[1], x.dtype)
    mean, square = _channel_sums(x, x) / n_values
    if np.any(square > 100 * (square - mean**2)):
        subtracted = mean
        x = x - next(_per_pixel(x, mean))
        mean, square = _channel_sums(x, x) / n_values
    return x, subtracted, mean, np.maximum(square - mean**2, 0)


def _check(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, running: Running, train: bool) -> int:
    """Check the arrays, and return the number of values a channel."""
    arrays.floats("x", x)
    if x.ndim not in (2, 4):
        raise ValueError(f"x must have shape (N, D) or (N, C, H, W), got {x.shape}")
    if not isinstance(running, tuple) or len(running) != 2:
        raise TypeError(f"running must be a tuple (mean, variance), got {running!r}")
    names = "weight", "bias", "running[0]", "running[1]"
    for name, array in zip(names, (weight, bias, *running), strict=True):
        arrays.floats(name, array, "C", C=x.shape[1])
    n_values = x.size // max(1, x.shape[1])
    if train and n_values < 2:
        raise ValueError(f"x must have more than one value a channel in training, got shape {x.shape}")
    return n_values


def _per_pixel(like: np.ndarray, *channels: np.ndarray) -> Iterator[np.ndarray]:
    """Write the numbers of the channels out for each pixel of a sample."""
    sample = like.shape[1:]
    return (
        np.repeat(numbers, math.prod(sample[1:])).reshape(sample).astype(like.dtype, copy=False)
        for numbers in channels
    )


def _channel_sums(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the sums of a, and of a b, over all values of each channel; shape (2, C)."""
    n, c, *pixels = a.shape
    a, b = (array.reshape(n, c, math.prod(pixels)) for array in (a, b))
    total = np.zeros((2, c), np.result_type(a, b))
    for samples in in_cache(n, 3 * a[:1].nbytes):
        total[0] += np.einsum("ncp->c", a[samples])
        total[1] += np.einsum("ncp,ncp->c", a[samples], b[samples])
    return total
