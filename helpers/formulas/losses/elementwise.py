r"""Losses that look at each number alone: value and derivative, each written once for all readers.

Each is a frozen dataclass. Called with predictions and targets it gives the mean over all entries and
the gradient of that mean; its ``formula`` and ``derivative`` are those of one entry, for numbers,
arrays and symbols alike. Lesson 4 derives the losses of the error :math:`e = f - y`, lesson 6 the
binary cross-entropy.

>>> import numpy as np
>>> readings = np.array([0.98, 0.99, 1.01, 1.02, 0.85])
>>> value, grad = AbsoluteError()(np.full(5, 0.99), readings)
>>> round(float(value), 12), grad.round(3)
(0.04, array([ 0.2,  0. , -0.2, -0.2,  0.2]))
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from array_api_compat import array_namespace

from helpers.core import arrays, checks
from helpers.core.hyperparameters import hyperparameter
from helpers.core.mathematics import absolute, sigmoid, sign, softplus, square, where
from helpers.core.methods import Method

__all__ = ["AbsoluteError", "BinaryCrossEntropy", "ElementwiseLoss", "Huber", "SmoothL1", "SquaredError"]


class ElementwiseLoss(Method, ABC):
    """A loss of one number, and its mean over many.

    ``loss(pred, target)`` is the value and the gradient with respect to `pred`. The mean is taken
    over *all* entries, as torch, Keras and Paddle do, and the same 1/n stands in the gradient. A NaN
    makes the value NaN and stays in its own entry of the gradient. What is too large for the type is
    infinite.
    """

    argument_symbols: ClassVar = {"error": "e"}

    @abstractmethod
    def formula(self, error: Any) -> Any:
        """Value at one error (prediction minus target)."""

    @abstractmethod
    def derivative(self, error: Any) -> Any:
        """Derivative of the value with respect to the prediction."""

    @np.errstate(over="ignore", invalid="ignore")
    def __call__(self, pred: Any, target: Any) -> tuple[Any, Any]:
        """Return the mean loss and its gradient.

        Parameters
        ----------
        pred : array of floats, any shape
            The predictions.
        target : array, same shape
            What they should be; read in the type of `pred`.

        Returns
        -------
        value : 0-d, type of `pred`
        grad : array
            Shape and type of `pred`.

        Raises
        ------
        TypeError
            If the two are not arrays of one library, or if `pred` holds no floats.
        ValueError
            If the shapes differ (nothing is broadcast) or if there is no entry.
        """
        arguments, n = self._arguments(pred, target), math.prod(pred.shape)
        shares = self.formula(*arguments) / n  # divided before they are added, lest the sum overflow
        return array_namespace(pred).sum(shares), self.derivative(*arguments) / n

    def _arguments(self, pred: Any, target: Any) -> tuple[Any, ...]:
        """What the formula takes, once prediction and target are known to fit."""
        return (pred - _like_pred("pred", pred, target),)


def _like_pred(name: str, pred: Any, target: Any) -> Any:
    xp = arrays.namespace(**{name: pred}, target=target)
    arrays.dtype(name, pred, "real floating")
    arrays.dtype("target", target, "real floating", "integral", "bool")
    arrays.not_empty(name, pred)
    checks.shape("target", target, " ".join(map(str, pred.shape)))
    return xp.astype(target, pred.dtype)


@dataclass(frozen=True)
class SquaredError(ElementwiseLoss):
    """The squared error, least at the mean: one outlier in five readings moves it by a fifth of its distance.

    Notes
    -----
    It is the *squared* L2 norm of the error divided by the number of entries, without a factor 1/2:
    ``MSELoss`` of torch and Paddle, ``MeanSquaredError`` of Keras. As a negative log likelihood it
    belongs to Gaussian noise.

    References
    ----------
    .. [1] C. F. Gauss, "Theoria motus corporum coelestium", 1809, section 179.
    """

    words = "squared error"
    lesson = 4

    def formula(self, error: Any) -> Any:
        return square(error)

    def derivative(self, error: Any) -> Any:
        return 2 * error


@dataclass(frozen=True)
class AbsoluteError(ElementwiseLoss):
    """The absolute error, least at the median: how far away an outlier is does not matter.

    At an error of 0 there is no derivative; 0 is taken, as torch does, which is one of its subgradients.

    Notes
    -----
    ``L1Loss`` of torch and Paddle, ``MeanAbsoluteError`` of Keras. As a negative log likelihood it
    belongs to Laplace noise.

    References
    ----------
    .. [1] P. S. Laplace, "Mémoire sur la probabilité des causes par les événements", 1774.
    """

    words = "absolute error"
    lesson = 4

    def formula(self, error: Any) -> Any:
        return absolute(error)

    def derivative(self, error: Any) -> Any:
        return sign(error)


@dataclass(frozen=True)
class SmoothL1(ElementwiseLoss):
    """The absolute error with its corner rounded off by a parabola; far out the slope is 1.

    Parameters
    ----------
    beta : float
        Error at which the parabola ends, above 0. As it goes to 0 this becomes the absolute error
        (torch writes that as ``beta=0``; here it is :class:`AbsoluteError`).

    Notes
    -----
    :class:`Huber` divided by its `delta`. ``SmoothL1Loss`` of torch; Keras has none. Paddle's is
    Huber's unless ``is_huber=False`` says otherwise.

    References
    ----------
    .. [1] R. Girshick, "Fast R-CNN", ICCV 2015, equation 3 (with beta = 1).
    """

    beta: float = hyperparameter(
        r"\beta", "width of the parabola", checks.positive, low=0.01, high=10.0, log=True, default=1.0
    )

    words = "smooth L1"
    lesson = 4

    def formula(self, error: Any) -> Any:
        distance = absolute(error)
        return where(distance < self.beta, square(error) / (2 * self.beta), distance - self.beta / 2)

    def derivative(self, error: Any) -> Any:
        return where(absolute(error) < self.beta, error / self.beta, sign(error))


@dataclass(frozen=True)
class Huber(ElementwiseLoss):
    """Half the squared error near 0, continued by its tangents; far out the slope is `delta`.

    Parameters
    ----------
    delta : float
        Error at which the tangents begin, above 0. As it grows this becomes half the squared error.

    Notes
    -----
    ``HuberLoss`` of torch, ``Huber`` of Keras, ``smooth_l1_loss`` of Paddle.

    References
    ----------
    .. [1] P. J. Huber, "Robust estimation of a location parameter", Annals of Mathematical
       Statistics 35(1), 1964.
    """

    delta: float = hyperparameter(
        r"\delta", "where the tangents begin", checks.positive, low=0.01, high=10.0, log=True, default=1.0
    )

    words = "Huber"
    lesson = 4

    def formula(self, error: Any) -> Any:
        distance = absolute(error)
        return where(distance <= self.delta, square(error) / 2, self.delta * (distance - self.delta / 2))

    def derivative(self, error: Any) -> Any:
        return where(absolute(error) <= self.delta, error, self.delta * sign(error))


@dataclass(frozen=True)
class BinaryCrossEntropy(ElementwiseLoss):
    r"""Cross-entropy of yes-or-no questions, from the logit of "yes".

    Each entry is a question of its own, so that a sample may belong to several classes or to none. The
    target is the probability of "yes", in [0, 1].

    Parameters
    ----------
    pos_weight : float
        How much a "yes" in the target counts, above 0; with :math:`r` times as many "no" as "yes",
        :math:`r` balances them.

    Notes
    -----
    Stable: neither term overflows, and neither is a difference of numbers that are nearly equal, so
    that loss and gradient keep their digits where the answer is right and certain (torch's
    ``BCEWithLogitsLoss`` loses the gradient's there). torch and Paddle also take one `pos_weight` a
    column. Keras' ``BinaryCrossentropy`` expects probabilities unless told ``from_logits=True``.

    References
    ----------
    .. [1] D. R. Cox, "The regression analysis of binary sequences", Journal of the Royal Statistical
       Society B 20(2), 1958.

    Examples
    --------
    >>> value, grad = BinaryCrossEntropy()(np.array([0.0, 1e308]), np.array([1.0, 1.0]))
    >>> round(float(value), 4), grad
    (0.3466, array([-0.25, -0.  ]))
    """

    pos_weight: float = hyperparameter(
        "w", "weight of a yes", checks.positive, low=0.1, high=10.0, log=True, default=1.0
    )

    words = "binary cross-entropy"
    lesson = 6
    argument_symbols: ClassVar = {"logit": "z", "target": "y"}

    def formula(self, logit: Any, target: Any) -> Any:
        return self.pos_weight * target * softplus(-logit) + (1 - target) * softplus(logit)

    def derivative(self, logit: Any, target: Any) -> Any:
        return (1 - target) * sigmoid(logit) - self.pos_weight * target * sigmoid(-logit)

    def _arguments(self, logits: Any, target: Any) -> tuple[Any, Any]:
        target = _like_pred("logits", logits, target)
        arrays.every("target", target, (target >= 0) & (target <= 1), "be in [0, 1]")
        return logits, target
