r"""Losses of classifiers: functions of rows of logits or log-probabilities, with gradients derived by hand.

They rest on one sum, :math:`-\sum_{ik} s_{ik} \ln p_{ik}`, in which the share :math:`s_{ik}` says
how much class :math:`k` of sample :math:`i` counts: target, label smoothing, class weight
and the 1/N are all in it. Its gradient with respect to the log-probabilities is :math:`-s`, and
with respect to logits it is :math:`p_{ik} \sum_j s_{ij} - s_{ik}`, which for plain labels is the famous
:math:`(p - y) / N`. Lesson 5 derives the first, lesson 6 the others.

>>> import numpy as np
>>> value, grad = softmax_cross_entropy(np.array([[1e308, 0.0, -1e308]]), np.array([0]))
>>> float(value), grad
(0.0, array([[0., 0., 0.]]))
"""

from __future__ import annotations

from typing import Any

import numpy as np
from array_api_compat import array_namespace, device

from helpers.core import arrays, checks
from helpers.core.mathematics import exp, log, where

__all__ = ["kl_divergence", "log_softmax", "softmax_cross_entropy"]

_quiet = np.errstate(over="ignore", invalid="ignore")  # infinite and NaN are answers, as in torch


def _rows(name: str, scores: Any, **others: Any) -> None:
    """Require rows of floats, at least one of them and at least one class; the rest of the same library."""
    arrays.namespace(**{name: scores}, **others)
    checks.shape(name, scores, "N K")
    arrays.dtype(name, scores, "real floating")
    arrays.not_empty(name, scores)


@_quiet
def log_softmax(logits: Any) -> Any:
    r"""Return the logarithm of the softmax of each row, :math:`f_k - \ln \sum_j e^{f_j}`.

    The row's maximum is subtracted first, so that no exponential overflows and one of them is 1. A
    logit of minus infinity is a class that cannot be; a row of nothing else, or one that holds NaN or
    plus infinity, is NaN.

    Parameters
    ----------
    logits : array of floats, shape (N, K)

    Returns
    -------
    array
        Shape and type of `logits`; zero or negative.

    Raises
    ------
    TypeError, ValueError
        If `logits` are not floats of shape (N, K), or empty.
    """
    _rows("logits", logits)
    xp = array_namespace(logits)
    shifted = logits - xp.max(logits, axis=1, keepdims=True)
    return shifted - log(xp.sum(exp(shifted), axis=1, keepdims=True))


@checks.renamed(weight="class_weights")
def softmax_cross_entropy(
    logits: Any, labels: Any, *, label_smoothing: float = 0.0, class_weights: Any = None
) -> tuple[Any, Any]:
    r"""Return the mean cross-entropy of the softmax and its gradient with respect to the logits.

    With a single class the answer is 0. Where the loss is larger than the type can hold (logits of
    1e308 and -1e308, the wrong one in front) it is infinite, and its gradient is right.

    Parameters
    ----------
    logits : array of floats, shape (N, K)
    labels : array of integers, shape (N,), or of floats, shape (N, K)
        The class of each sample, from 0 to K-1, or its probability for every class.
    label_smoothing : float, in [0, 1)
        Part of the target that is spread evenly over all classes.
    class_weights : array, shape (K,), optional
        How much each class counts, zero or above.

    Returns
    -------
    value : 0-d, type of `logits`
    grad : array
        Shape and type of `logits`.

    Raises
    ------
    TypeError
        If a type does not fit, or if the arrays are not of one library.
    ValueError
        If a shape does not fit, a label is out of range, probabilities are negative or do not sum to
        1, the batch is empty, or no sample in it counts (torch returns NaN, Paddle 0).

    Notes
    -----
    The conventions are those of torch's ``CrossEntropyLoss``: labels with weights are averaged by the
    weights of the labels, probabilities with weights over N. There is no ``ignore_index``; torch takes
    -100 for it unasked. Paddle's ``cross_entropy`` weights probabilities otherwise, each sample as a
    whole by :math:`\sum_k w_k y_k`, and averages by those. Keras multiplies by `class_weight` in
    ``fit`` and divides by N, and its losses expect probabilities unless told ``from_logits=True``.

    References
    ----------
    .. [1] J. S. Bridle, "Probabilistic interpretation of feedforward classification network outputs",
       Neurocomputing, NATO ASI F68, 1990.
    .. [2] C. Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016,
       section 7 (label smoothing).

    Examples
    --------
    >>> value, grad = softmax_cross_entropy(np.zeros((2, 4)), np.array([1, 3]))
    >>> round(float(value), 4), round(float(np.log(4)), 4)
    (1.3863, 1.3863)
    >>> grad[0]
    array([ 0.125, -0.375,  0.125,  0.125])
    """
    _rows("logits", logits, labels=labels)
    log_probs = log_softmax(logits)
    shares = _shares(logits, labels, class_weights, label_smoothing)
    row = array_namespace(logits).sum(shares, axis=1, keepdims=True)
    return _shared_loss(log_probs, shares), exp(log_probs) * row - shares


def kl_divergence(log_probs: Any, target: Any) -> tuple[Any, Any]:
    r"""Return the mean divergence of predicted from true distributions, and its gradient.

    It is the cross-entropy less the target's own entropy, :math:`\frac1N \sum_{ik} y_{ik}
    (\ln y_{ik} - \ln p_{ik})`: never negative between distributions (but for rounding), and 0 only where
    they agree. A class of target 0 adds 0, whatever was predicted.

    Parameters
    ----------
    log_probs : array of floats, shape (N, K)
        Logarithms of the predicted probabilities, such as :func:`log_softmax` returns.
    target : array of floats, shape (N, K)
        The true probabilities.

    Returns
    -------
    value : 0-d, type of `log_probs`
    grad : array
        Shape and type of `log_probs`.

    Raises
    ------
    TypeError, ValueError
        If the arrays do not fit, the batch is empty, or a row of `target` is no distribution.

    Notes
    -----
    ``KLDivLoss(reduction="batchmean")`` of torch and Paddle; their default, ``"mean"``, also divides by
    K. Keras' ``KLDivergence`` takes both as probabilities and raises those below 1e-7 to that.

    References
    ----------
    .. [1] S. Kullback and R. A. Leibler, "On information and sufficiency", Annals of Mathematical
       Statistics 22(1), 1951.
    """
    _rows("log_probs", log_probs, target=target)
    target = _distributions("target", target, log_probs)
    shares = target / log_probs.shape[0]
    entropy = _shared_loss(log(where(target > 0, target, 1)), shares)
    return _shared_loss(log_probs, shares) - entropy, -shares


@_quiet
def _shared_loss(log_probs: Any, shares: Any) -> Any:
    """The sum of -shares * log_probs over the entries that count: 0 times infinity is 0 here."""
    return array_namespace(shares).sum(where(shares > 0, -shares * log_probs, 0))


def _shares(scores: Any, labels: Any, class_weights: Any, smoothing: float) -> Any:
    """How much each class of each sample counts, shape (N, K); the 1/N of the mean is in it."""
    checks.fraction("label_smoothing", smoothing)
    xp, (n, k) = array_namespace(scores), scores.shape
    weights = _weights(scores, class_weights)
    if labels.ndim == 2:
        target, total = _distributions("labels", labels, scores), n
    else:
        target = _one_hot(scores, labels)
        total = xp.sum(target * weights)
        if not total > 0:
            raise ValueError(f"labels must hold a sample that counts, got {n} of class weight 0")
    counts = xp.sum(target, axis=1, keepdims=True)
    return ((1 - smoothing) * target + smoothing / k * counts) * (weights / total)


def _weights(scores: Any, class_weights: Any) -> Any:
    xp, k = array_namespace(scores), scores.shape[1]
    if class_weights is None:
        return xp.ones((k,), dtype=scores.dtype, device=device(scores))
    arrays.namespace(labels=scores, class_weights=class_weights)
    checks.shape("class_weights", class_weights, "K", K=k)
    fits = (class_weights >= 0) & (class_weights < float("inf"))
    arrays.every("class_weights", class_weights, fits, "be finite and zero or positive")
    return xp.astype(class_weights, scores.dtype)


def _one_hot(scores: Any, labels: Any) -> Any:
    """For each sample a row with a 1 at its label."""
    xp, (n, k) = array_namespace(scores), scores.shape
    checks.shape("labels", labels, "N", N=n)
    arrays.labels("labels", labels, k)
    return xp.astype(xp.arange(k, device=device(scores))[None, :] == labels[:, None], scores.dtype)


def _distributions(name: str, target: Any, scores: Any) -> Any:
    n, k = scores.shape
    checks.shape(name, target, "N K", N=n, K=k)
    arrays.probabilities(name, target)
    return array_namespace(scores).astype(target, scores.dtype)
