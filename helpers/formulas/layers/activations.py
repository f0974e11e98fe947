r"""Activations: functions of each number alone, and the softmax of each row.

The derivative of each can be written with the function's own value :math:`y`, so that is what the cache
holds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from helpers.core import arrays, checks
from helpers.core.mathematics import sigmoid

__all__ = [
    "relu_backward",
    "relu_forward",
    "sigmoid_backward",
    "sigmoid_forward",
    "softmax_backward",
    "softmax_forward",
    "tanh_backward",
    "tanh_forward",
]


def relu_forward(x: np.ndarray) -> tuple[np.ndarray, Any]:
    """Return x where it is positive and 0 elsewhere; NaN stays NaN.

    References
    ----------
    .. [1] V. Nair and G. E. Hinton, "Rectified linear units improve restricted Boltzmann machines",
       ICML 2010.
    """
    arrays.floats("x", x)
    y = np.maximum(x, 0)
    return y, y


def relu_backward(dy: np.ndarray, cache: Any) -> np.ndarray:
    """Return `dy` where x was positive and 0 elsewhere: at 0 the derivative is taken as 0, as in torch."""
    arrays.floats("dy", dy, cache.shape)
    return np.where(cache > 0, dy, 0)


def sigmoid_forward(x: np.ndarray) -> tuple[np.ndarray, Any]:
    r"""Return :math:`1 / (1 + e^{-x})`, without overflow, and with all digits where it is nearly 0."""
    arrays.floats("x", x)
    y = sigmoid(x)
    return y, y


def sigmoid_backward(dy: np.ndarray, cache: Any) -> np.ndarray:
    r"""Return the gradient with respect to the input, :math:`dy \, y (1 - y)`: at most a quarter of `dy`."""
    arrays.floats("dy", dy, cache.shape)
    return dy * cache * (1 - cache)


def tanh_forward(x: np.ndarray) -> tuple[np.ndarray, Any]:
    r"""Return the hyperbolic tangent, :math:`(e^x - e^{-x}) / (e^x + e^{-x})`."""
    arrays.floats("x", x)
    y = np.tanh(x)
    return y, y


def tanh_backward(dy: np.ndarray, cache: Any) -> np.ndarray:
    r"""Return the gradient with respect to the input, :math:`dy \, (1 - y^2)`."""
    arrays.floats("dy", dy, cache.shape)
    return dy * (1 - cache * cache)


def softmax_forward(x: np.ndarray, *, axis: int = -1) -> tuple[np.ndarray, Any]:
    r"""Return :math:`y_k = e^{x_k} / \sum_j e^{x_j}` along an axis: positive numbers that sum to 1.

    The largest entry is subtracted first, so that no exponential overflows and one of them is 1. An
    entry of minus infinity becomes 0; nothing but those, plus infinity, or NaN make the row NaN.

    Parameters
    ----------
    x : ndarray of floats
        Logits, of shape (N, K) as a rule; for a map (N, K, H, W) of them the axis is 1.
    axis : int
        Where the classes are.

    Returns
    -------
    y : ndarray
        Shape of `x`.
    cache
        For :func:`softmax_backward`.

    Raises
    ------
    TypeError, ValueError
        If `x` is no array of floats, or has no such axis or no class on it.

    Notes
    -----
    The network's last layer needs none of its own: `helpers.formulas.losses.softmax_cross_entropy` takes
    logits, and is exact where the logarithm of this softmax is not.

    Examples
    --------
    >>> softmax_forward(np.array([[1000.0, 1000.0, -1000.0]]))[0]
    array([[0.5, 0.5, 0. ]])
    """
    arrays.floats("x", x)
    checks.require(-x.ndim <= axis < x.ndim, f"be one of the {x.ndim} axes of x", "axis", axis)
    checks.require(x.shape[axis] > 0, "have at least one class", "x.shape", x.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        y = np.exp(x - x.max(axis=axis, keepdims=True))
    y /= y.sum(axis=axis, keepdims=True)
    return y, (y, axis)


def softmax_backward(dy: np.ndarray, cache: Any) -> np.ndarray:
    r"""Return the gradient with respect to the input of the softmax.

    Since :math:`\partial y_j / \partial x_k = y_k (\delta_{jk} - y_j)`, it is
    :math:`y_k \bigl( dy_k - \sum_j dy_j \, y_j \bigr)`: raising all inputs alike changes nothing, so the
    gradient sums to 0.
    """
    y, axis = cache
    arrays.floats("dy", dy, y.shape)
    return y * (dy - (dy * y).sum(axis=axis, keepdims=True))
