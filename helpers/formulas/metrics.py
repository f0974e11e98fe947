"""Metrics: what a classifier is judged by, on NumPy arrays and torch tensors.

>>> import numpy as np
>>> scores = np.array([[0.1, 0.9], [0.8, 0.2], [0.4, 0.6]])
>>> round(accuracy(scores, np.array([1, 0, 0])), 4)
0.6667
"""

from __future__ import annotations

from typing import Any

from array_api_compat import array_namespace, device

from helpers.core import arrays, checks
from helpers.core.mathematics import maximum, where

__all__ = ["accuracy", "calibration", "confusion", "expected_calibration_error", "top_k_accuracy"]


def accuracy(scores: Any, labels: Any) -> float:
    """Return the part of the samples whose label has the highest score; see :func:`top_k_accuracy`."""
    return top_k_accuracy(scores, labels, k=1)


def top_k_accuracy(scores: Any, labels: Any, k: int) -> float:
    """Return the part of the samples whose label is among the `k` highest scores.

    Of equal scores the first counts as the highest, as in ``argmax``. A row with a NaN is never right.

    Parameters
    ----------
    scores : array of floats, shape (N, K)
        Logits or probabilities.
    labels : array of integers, shape (N,)
    k : int
        Number of guesses, from 1 to K.

    Returns
    -------
    float
        In [0, 1]; 1 for ``k = K``, unless there is a NaN.

    Raises
    ------
    TypeError, ValueError
        If types or shapes do not fit, a label or `k` is out of range, or there is no sample.

    Notes
    -----
    Keras' ``in_top_k`` decides a tie for the label; torch's ``topk`` promises nothing about ties.
    """
    xp = _scored("scores", scores, labels)
    checks.count("k", k)
    checks.require(k <= scores.shape[1], f"be at most the number of classes {scores.shape[1]}", "k", k)
    place = xp.arange(scores.shape[1], device=device(scores))[None, :]
    own = xp.sum(where(place == labels[:, None], scores, 0), axis=1, keepdims=True)
    ahead = (scores > own) | ((scores == own) & (place < labels[:, None]))
    valid = ~xp.any(xp.isnan(scores), axis=1)
    right = (xp.sum(xp.astype(ahead, xp.int64), axis=1) < k) & valid
    return int(xp.sum(xp.astype(right, xp.int64))) / scores.shape[0]


def _scored(name: str, scores: Any, labels: Any) -> Any:
    xp = arrays.namespace(**{name: scores}, labels=labels)
    checks.shape(name, scores, "N K")
    arrays.dtype(name, scores, "real floating")
    arrays.not_empty(name, scores)
    checks.shape("labels", labels, "N", N=scores.shape[0])
    arrays.labels("labels", labels, scores.shape[1])
    return xp


def confusion(predicted: Any, labels: Any, n_classes: int) -> Any:
    """Return how many samples of each class were taken for which.

    Parameters
    ----------
    predicted, labels : array of integers, shape (N,)
        Predicted and true classes, from 0 to ``n_classes - 1``. No samples give zeros.
    n_classes : int
        K, above 0.

    Returns
    -------
    array of int64, shape (K, K)
        Row: true class; column: predicted class. (As in scikit-learn; some texts turn it round.)

    Raises
    ------
    TypeError, ValueError
        If types or shapes do not fit, or a class is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> confusion(np.array([0, 1, 1, 1]), np.array([0, 1, 0, 0]), n_classes=2)
    array([[1, 2],
           [0, 1]])
    """
    xp = arrays.namespace(predicted=predicted, labels=labels)
    checks.count("n_classes", n_classes)
    arrays.labels("labels", labels, n_classes)
    arrays.labels("predicted", predicted, n_classes)
    checks.shape("predicted", predicted, "N", N=labels.shape[0])
    cells = xp.astype(labels, xp.int64) * n_classes + xp.astype(predicted, xp.int64)
    return xp.reshape(_counts(cells, n_classes**2), (n_classes, n_classes))


def _counts(values: Any, n: int) -> Any:
    """How often each of 0 to n-1 is among the values."""
    xp = array_namespace(values)
    edges = xp.searchsorted(xp.sort(values), xp.arange(n + 1, device=device(values)))
    return xp.astype(edges[1:] - edges[:-1], xp.int64)


def calibration(probabilities: Any, labels: Any, n_bins: int = 15) -> tuple[Any, Any, Any]:
    """Group samples by their highest probability, for a reliability diagram.

    Bin number m, from 1 to M, holds what is above (m - 1)/M and at most m/M.

    Parameters
    ----------
    probabilities : array of floats, shape (N, K)
        Rows that sum to 1.
    labels : array of integers, shape (N,)
    n_bins : int
        M, above 0.

    Returns
    -------
    count : array of int64, shape (M,)
        Samples in each bin.
    confidence, accuracy : array of floats, shape (M,)
        Their mean highest probability and the part that was right; 0 in an empty bin.

    Raises
    ------
    TypeError, ValueError
        If types or shapes do not fit, a row is no distribution, or there is no sample.
    """
    xp = _scored("probabilities", probabilities, labels)
    arrays.probabilities("probabilities", probabilities)
    checks.count("n_bins", n_bins)
    certain = xp.max(probabilities, axis=1)
    right = xp.argmax(probabilities, axis=1) == labels
    bins = xp.arange(n_bins, device=device(certain))
    place = xp.searchsorted(xp.astype(bins[1:], certain.dtype) / n_bins, certain)
    exact = xp.result_type(certain.dtype, xp.float32)  # half precision cannot count
    inside = xp.astype(place[:, None] == bins[None, :], exact)
    count = _counts(place, n_bins)
    divisor = xp.astype(maximum(count, 1), exact)
    means = (xp.sum(inside * xp.astype(x, exact)[:, None], axis=0) / divisor for x in (certain, right))
    return count, *means


def expected_calibration_error(probabilities: Any, labels: Any, n_bins: int = 15) -> float:
    r"""Return the mean distance between how certain a classifier is and how often it is right.

    It is :math:`\sum_m \frac{n_m}{N} \lvert \mathrm{acc}_m - \mathrm{conf}_m \rvert` over the bins of
    :func:`calibration`, whose parameters it takes: between 0 and 1, and 0 for a classifier that is right
    as often as it says. It depends on the number of bins, and comes out too high where they hold few
    samples; name `n_bins` with every figure.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural networks",
       ICML 2017, equation 3, with 15 bins.

    Examples
    --------
    >>> import numpy as np
    >>> sure = np.array([[1.0, 0.0], [1.0, 0.0]])  # certain both times, right once
    >>> expected_calibration_error(sure, np.array([0, 1]))
    0.5
    """
    count, confidence, right = calibration(probabilities, labels, n_bins)
    xp = array_namespace(right)
    return float(xp.sum(xp.astype(count, right.dtype) * abs(right - confidence))) / probabilities.shape[0]
