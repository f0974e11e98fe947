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
from helpers.core.mathematics import maximum

__all__ = ["accuracy", "calibration", "expected_calibration_error"]


def accuracy(scores: Any, labels: Any) -> float:
    """Return the part of the samples whose label has the highest score.

    Of equal scores the first counts as the highest. A row with a NaN is never right.

    Parameters
    ----------
    scores : array of floats, shape (N, K)
        Logits or probabilities.
    labels : array of integers, shape (N,)

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    TypeError, ValueError
        If types or shapes do not fit, a label is out of range, or there is no sample.
    """
    xp = _scored("scores", scores, labels)
    right = (xp.argmax(scores, axis=1) == labels) & ~xp.any(xp.isnan(scores), axis=1)
    return int(xp.sum(xp.astype(right, xp.int64))) / scores.shape[0]


def _scored(name: str, scores: Any, labels: Any) -> Any:
    xp = arrays.namespace(**{name: scores}, labels=labels)
    checks.shape(name, scores, "N K")
    arrays.dtype(name, scores, "real floating")
    arrays.not_empty(name, scores)
    checks.shape("labels", labels, "N", N=scores.shape[0])
    arrays.labels("labels", labels, scores.shape[1])
    return xp


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
    inside = place[:, None] == bins[None, :]
    count = xp.sum(xp.astype(inside, xp.int64), axis=0)
    divisor = xp.astype(maximum(count, 1), exact)
    weight = xp.astype(inside, exact)
    means = (xp.sum(weight * xp.astype(x, exact)[:, None], axis=0) / divisor for x in (certain, right))
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
