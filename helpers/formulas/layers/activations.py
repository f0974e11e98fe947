"""The activation of the book's networks, ReLU: forward and backward."""

from __future__ import annotations

from typing import Any

import numpy as np

from helpers.core import arrays

__all__ = ["relu_backward", "relu_forward"]


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
