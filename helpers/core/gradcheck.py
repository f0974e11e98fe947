"""Central differences: the numerical gradient that judges every derivative written by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from helpers.core import checks

__all__ = ["numerical_gradient"]


def numerical_gradient(
    function: Callable, x: np.ndarray, upstream: np.ndarray | float = 1.0, step: float = 1e-5
) -> np.ndarray:
    r"""Return the gradient of ``sum(upstream * function(x))`` by central differences.

    Each entry of `x` is moved by :math:`\pm h` in turn, so the cost is two calls an entry; the error
    is of the order of :math:`h^2` from the formula plus machine precision over :math:`h` from rounding.

    Parameters
    ----------
    function : callable
        Takes an array of the shape of `x`, returns a number or an array.
    x : ndarray of float64, any shape
        Where to differentiate. It is not changed.
    upstream : ndarray or float
        The gradient of some loss with respect to the function's value, of the value's shape.
    step : float
        :math:`h`, above 0.

    Returns
    -------
    ndarray
        Same shape as `x`.

    Raises
    ------
    TypeError
        If `x` is not a float64 array: single precision leaves no digits to compare.
    ValueError
        If `step` is not positive.

    Examples
    --------
    >>> numerical_gradient(lambda x: x**2, np.array([1.0, 3.0])).round(6)
    array([2., 6.])
    """
    if not isinstance(x, np.ndarray):
        raise TypeError(f"x must be an array, got x={x!r} of type {type(x).__name__}")
    if x.dtype != np.float64:
        raise TypeError(f"x must be float64, got x.dtype={x.dtype}")
    checks.positive("step", step)
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        ahead, behind = x.copy(), x.copy()
        ahead[index] += step
        behind[index] -= step
        gradient[index] = np.sum(upstream * (function(ahead) - function(behind))) / (2 * step)
    return gradient
