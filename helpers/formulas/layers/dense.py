"""The linear layer, and the flattening that comes before it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from helpers.core import arrays

__all__ = ["flatten_backward", "flatten_forward", "linear_backward", "linear_forward"]


def linear_forward(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, Any]:
    r"""Return :math:`y = x W^\top + b`: each output is a weighted sum of all inputs.

    Parameters
    ----------
    x : ndarray of floats, shape (N, D_in)
    weight : ndarray of floats, shape (D_out, D_in)
        In torch's order; Keras and Paddle keep the transpose.
    bias : ndarray of floats, shape (D_out,)

    Returns
    -------
    y : ndarray, shape (N, D_out)
    cache
        For :func:`linear_backward`.

    Raises
    ------
    TypeError, ValueError
        If an array is not of floats, or a shape does not fit.

    Examples
    --------
    >>> linear_forward(np.ones((1, 3)), np.array([[1.0, 2.0, 3.0]]), np.array([0.5]))[0]
    array([[6.5]])
    """
    arrays.floats("x", x, "N D_in")
    arrays.floats("weight", weight, "D_out D_in", D_in=x.shape[1])
    arrays.floats("bias", bias, "D_out", D_out=weight.shape[0])
    return x @ weight.T + bias, (x, weight)


def linear_backward(dy: np.ndarray, cache: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Return the gradients with respect to the input, the weight and the bias of a linear layer.

    Parameters
    ----------
    dy : ndarray of floats, shape (N, D_out)
    cache
        From :func:`linear_forward`.

    Returns
    -------
    dx : ndarray, shape (N, D_in)
    dweight : ndarray, shape (D_out, D_in)
    dbias : ndarray, shape (D_out,)

    Notes
    -----
    From :math:`y_{no} = \sum_i x_{ni} w_{oi} + b_o`: the weight carries the gradient back to the inputs,
    :math:`dx = dy \, W`; each weight gets what comes in times what comes back, summed over the batch,
    :math:`dW = dy^\top x`; and :math:`db_o = \sum_n dy_{no}`.
    """
    x, weight = cache
    arrays.floats("dy", dy, (len(x), len(weight)))
    return dy @ weight, dy.T @ x, dy.sum(axis=0)


def flatten_forward(x: np.ndarray) -> tuple[np.ndarray, Any]:
    """Return each sample's numbers in one row, shape (N, D): where possible a view, not a copy."""
    arrays.floats("x", x)
    return x.reshape(len(x), math.prod(x.shape[1:])), x.shape


def flatten_backward(dy: np.ndarray, cache: Any) -> np.ndarray:
    """Return the gradient in the shape of the input, where possible a view of `dy`."""
    arrays.floats("dy", dy, (cache[0], math.prod(cache[1:])))
    return dy.reshape(cache)
