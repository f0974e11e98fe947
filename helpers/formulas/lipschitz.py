r"""How large the last layer's gradient can be, how fast it can turn, and what was published of it.

The last layer: features :math:`A` of shape (N, D), the inputs of the layer for a batch of N; weights
:math:`W` of shape (D, K) or (D,); the mean loss over the batch; with L2, plus
:math:`\frac{\lambda}{2}\lVert W\rVert_F^2`. A bias is a column of ones in :math:`A`.

A *gradient bound* is a number that the gradient's Frobenius norm never exceeds: a Lipschitz constant of
the loss. A *smoothness* is a number that the Hessian's largest eigenvalue never exceeds: a Lipschitz
constant of the gradient. Gradient descent lowers the loss at every rate below 2 over the smoothness; of
1 over a gradient bound nothing of the kind is true.

The ``published_`` functions hold the formulas of [1]_ as printed. They are not bounds: see each.

References
----------
.. [1] R. Yedida, S. Saha and T. Prashanth, "LipschitzLR: Using theoretically computed adaptive learning
   rates for fast convergence", Applied Intelligence, 2020; arXiv:1902.07399.

>>> import numpy as np
>>> features = np.array([[3.0, 0.0], [0.0, 4.0]])
>>> softmax_gradient_bound(features), softmax_smoothness(features)
(4.0, 4.0)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from helpers.core import checks

__all__ = [
    "binary_gradient_bound",
    "binary_smoothness",
    "published_adam",
    "published_binary",
    "published_momentum",
    "published_regression",
    "published_rmsprop",
    "published_softmax",
    "published_softmax_square",
    "softmax_gradient_bound",
    "softmax_smoothness",
    "squared_error_gradient_bound",
]


def _matrix(features: Any) -> np.ndarray:
    matrix = np.asarray(features, dtype=float)
    checks.shape("features", matrix, "N D")
    checks.require(matrix.size > 0, "not be empty", "features", matrix.shape)
    return matrix


def _largest_curvature(features: Any) -> float:
    r"""Largest eigenvalue of :math:`A^\top A / N`."""
    matrix = _matrix(features)
    return float(np.linalg.norm(matrix, 2) ** 2) / len(matrix)


def _penalty(l2: float, weight_norm: float | None) -> float:
    checks.non_negative("l2", l2)
    if not l2:
        return 0.0
    checks.require(weight_norm is not None, "be given where l2 is above 0", "weight_norm", weight_norm)
    checks.non_negative("weight_norm", weight_norm)
    return l2 * weight_norm


def softmax_gradient_bound(features: Any, l2: float = 0.0, weight_norm: float | None = None) -> float:
    r"""Return :math:`\sqrt{2/N}\,\lVert A\rVert_2 + \lambda K` for softmax cross-entropy.

    The gradient is :math:`A^\top(P - Y)/N`, and each row of :math:`P - Y` is shorter than
    :math:`\sqrt 2`. The bound is approached where all examples are alike and confidently wrong.

    Parameters
    ----------
    features : array_like, shape (N, D)
    l2 : float
        :math:`\lambda`, zero or above.
    weight_norm : float
        :math:`K`, no less than the norm of all weights together; wanted with L2 alone.
    """
    return math.sqrt(2 * _largest_curvature(features)) + _penalty(l2, weight_norm)


def binary_gradient_bound(features: Any, l2: float = 0.0, weight_norm: float | None = None) -> float:
    r"""Return :math:`\sqrt{1/N}\,\lVert A\rVert_2 + \lambda K` for binary cross-entropy.

    The gradient is :math:`A^\top(p - y)/N`, and :math:`\lvert p_i - y_i\rvert < 1`.

    Parameters
    ----------
    features, l2, weight_norm
        See :func:`softmax_gradient_bound`.
    """
    return math.sqrt(_largest_curvature(features)) + _penalty(l2, weight_norm)


def squared_error_gradient_bound(features: Any, targets: Any, weight_norm: float, l2: float = 0.0) -> float:
    r"""Return :math:`(K \lVert A^\top A\rVert_2 + \lVert A^\top Y\rVert_F)/N + \lambda K`.

    For :math:`\frac{1}{2N}\lVert AW - Y\rVert_F^2` within :math:`\lVert W\rVert_F \le K`: without an end
    to the weights there is none to the gradient.

    Parameters
    ----------
    features, weight_norm, l2
        See :func:`softmax_gradient_bound`; `weight_norm` is wanted always.
    targets : array_like, shape (N,) or (N, K)
    """
    matrix, targets = _matrix(features), np.asarray(targets, dtype=float)
    checks.shape("targets", targets, "N K" if targets.ndim == 2 else "N", N=len(matrix))
    pull = float(np.linalg.norm(matrix.T @ targets)) / len(matrix)
    checks.non_negative("weight_norm", weight_norm)
    return weight_norm * _largest_curvature(matrix) + pull + _penalty(l2, weight_norm)


def softmax_smoothness(features: Any, l2: float = 0.0) -> float:
    r"""Return :math:`\lambda_{\max}(A^\top A)/(2N) + \lambda` for softmax cross-entropy.

    The eigenvalues of :math:`\operatorname{diag}(p) - pp^\top` are at most 1/2, which two equally likely
    classes attain (Böhning 1992).

    Parameters
    ----------
    features : array_like, shape (N, D)
    l2 : float
        :math:`\lambda`, zero or above.
    """
    return _largest_curvature(features) / 2 + _penalty(l2, 1.0)


def binary_smoothness(features: Any, l2: float = 0.0) -> float:
    r"""Return :math:`\lambda_{\max}(A^\top A)/(4N) + \lambda` for binary cross-entropy, attained at 0.

    Parameters
    ----------
    features, l2
        See :func:`softmax_smoothness`.
    """
    return _largest_curvature(features) / 4 + _penalty(l2, 1.0)


def published_softmax(
    features: Any, n_classes: int, l2: float = 0.0, weight_norm: float | None = None
) -> float:
    r"""Return :math:`\frac{k-1}{kN} K_z + \lambda K` with :math:`K_z = \lVert A\rVert_F`, equation 20.

    Not a bound: gradients reach :math:`\sqrt{2N}\,\frac{k}{k-1}` times as far. It is close to their
    typical norm at uniform probabilities.

    Parameters
    ----------
    features : array_like, shape (N, D)
    n_classes : int
        :math:`k`, above 1.
    l2, weight_norm : float
        :math:`\lambda` and :math:`K`, zero or above; the authors' code takes the largest tensor's norm.
    """
    return _share(n_classes) * _scale(features) + _penalty(l2, weight_norm)


def published_softmax_square(
    features: Any, n_classes: int, l2: float = 0.0, weight_norm: float | None = None
) -> float:
    r"""Return :math:`(\frac{k-1}{kN})^2 \lVert A^2\rVert_F + 2\lambda K\,\frac{k-1}{kN} K_z`, from the code.

    The published "largest squared gradient"; :math:`A^2` is entry by entry, a last term
    :math:`\lambda^2 K^2` is left out.

    Parameters
    ----------
    features, n_classes, l2, weight_norm
        See :func:`published_softmax`.
    """
    squares = float(np.linalg.norm(_matrix(features) ** 2)) * (_share(n_classes) / len(features)) ** 2
    return squares + 2 * _penalty(l2, weight_norm) * published_softmax(features, n_classes)


def published_binary(features: Any, l2: float = 0.0, weight_norm: float | None = None) -> float:
    r"""Return :math:`\frac{1}{2N} K_z + \lambda K`, equation 15.

    Not a bound: 1/2 is :math:`\lvert p - y\rvert` at a logit of 0, where it is not the largest.

    Parameters
    ----------
    features, l2, weight_norm
        See :func:`published_softmax`.
    """
    return _scale(features) / 2 + _penalty(l2, weight_norm)


def published_regression(
    features: Any, targets: Any, output_norm: float, l2: float = 0.0, weight_norm: float | None = None
) -> float:
    r"""Return :math:`\frac1N (K_a - \lVert y\rVert) K_z + \lambda K`, equation 9.

    Not a bound: the triangle inequality has a plus. Where :math:`K_a \le \lVert y\rVert` its first part
    is 0 or negative.

    Parameters
    ----------
    features, l2, weight_norm
        See :func:`published_softmax`.
    targets : array_like
        :math:`y`, N rows.
    output_norm : float
        :math:`K_a`, no less than the norm of the layer's outputs; zero or above.
    """
    checks.non_negative("output_norm", output_norm)
    margin = output_norm - float(np.linalg.norm(np.asarray(targets, dtype=float)))
    return margin * _scale(features) + _penalty(l2, weight_norm)


def _scale(features: Any) -> float:
    """Return the published :math:`K_z / N`."""
    matrix = _matrix(features)
    return float(np.linalg.norm(matrix)) / len(matrix)


def _share(n_classes: int) -> float:
    checks.count("n_classes", n_classes)
    checks.require(n_classes > 1, "be at least 2", "n_classes", n_classes)
    return (n_classes - 1) / n_classes


def _averaged(average: float, bound: float, beta: float) -> float:
    checks.positive("average", average)
    checks.positive("bound", bound)
    checks.fraction("beta", beta)
    return beta * average + (1 - beta) * bound


def published_momentum(average: float, bound: float, beta: float = 0.9) -> tuple[float, float]:
    r"""Return the rate :math:`1/K` and the new :math:`K` of "AdaMo", algorithm 1.

    :math:`K` becomes :math:`\beta K + (1-\beta) L`; the steps go along the moving average of gradients.

    Parameters
    ----------
    average : float
        :math:`K` so far, above 0; the authors start it at 0.1 or 1 by hand.
    bound : float
        :math:`L` of this epoch, such as :func:`published_softmax`; above 0.
    beta : float
        Part of :math:`K` that is kept, in [0, 1).

    Returns
    -------
    rate, average : float
    """
    average = _averaged(average, bound, beta)
    return 1 / average, average


def published_rmsprop(
    average: float, bound: float, square: float, beta: float = 0.9, epsilon: float = 1e-7
) -> tuple[float, float]:
    r"""Return the rate :math:`(\sqrt K + \epsilon)/L` and the new :math:`K` for RMSprop, algorithm 2.

    :math:`K` becomes :math:`\beta K + (1-\beta) S`. The authors' code divides by :math:`K_z`, not :math:`L`.

    Parameters
    ----------
    average, bound, beta
        See :func:`published_momentum`.
    square : float
        :math:`S` of this epoch, such as :func:`published_softmax_square`; above 0.
    epsilon : float
        RMSprop's, above 0.

    Returns
    -------
    rate, average : float
    """
    checks.positive("bound", bound)
    checks.positive("epsilon", epsilon)
    average = _averaged(average, square, beta)
    return (math.sqrt(average) + epsilon) / bound, average


def published_adam(
    averages: tuple[float, float],
    bound: float,
    square: float,
    betas: tuple[float, float] = (0.9, 0.999),
    epsilon: float = 1e-7,
) -> tuple[float, tuple[float, float]]:
    r"""Return the rate :math:`(\sqrt{K_2} + \epsilon)/K_1` and the new averages of "Auto-Adam", algorithm 3.

    Parameters
    ----------
    averages, betas : tuple of float
        :math:`K_1`, of bounds, and :math:`K_2`, of squares, so far, above 0 (the authors start at 1 and
        1e-6 by hand); the parts of them that are kept, in [0, 1).
    bound, square, epsilon
        See :func:`published_rmsprop`.

    Returns
    -------
    rate : float
    averages : tuple of float
    """
    checks.positive("epsilon", epsilon)
    first, second = (_averaged(*three) for three in zip(averages, (bound, square), betas, strict=True))
    return (math.sqrt(second) + epsilon) / first, (first, second)
