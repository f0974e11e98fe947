r"""Regularizers: penalties on weights, the priors that they are, and dropout.

A penalty called with an array of weights gives the *sum* over all of them and its gradient; nothing is
divided, for a network has one set of weights however many samples there are. Lesson 8 derives L2 and
its prior, lesson 10 L1 and its own, lesson 11 dropout.

>>> import numpy as np
>>> L1(strength=1.0).proximal(np.array([-2.0, 0.05, 0.3]), lr=0.1)
array([-1.9,  0. ,  0.2])
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from array_api_compat import device

from helpers.core import arrays, checks
from helpers.core.hyperparameters import hyperparameter
from helpers.core.mathematics import absolute, log, maximum, pi, sign, square
from helpers.core.methods import Method

__all__ = ["L1", "L2", "GaussianPrior", "LaplacePrior", "Penalty", "dropout_backward", "dropout_forward"]


class Penalty(Method, ABC):
    """What large weights cost; the formulas are those of one weight, for numbers, arrays and symbols."""

    argument_symbols: ClassVar = {"weight": "w", "lr": r"\eta"}

    @abstractmethod
    def formula(self, weight: Any) -> Any:
        """Penalty of one weight."""

    @abstractmethod
    def derivative(self, weight: Any) -> Any:
        """Derivative of the penalty of one weight."""

    @np.errstate(over="ignore", invalid="ignore")
    def __call__(self, weights: Any) -> tuple[Any, Any]:
        """Return the penalty of all weights and its gradient.

        Parameters
        ----------
        weights : array of floats, any shape
            No weights cost 0; a NaN makes the sum NaN.

        Returns
        -------
        value : 0-d, type of `weights`
        grad : array
            Shape and type of `weights`.

        Raises
        ------
        TypeError
            If `weights` is no array of floats.
        """
        xp = arrays.namespace(weights=weights)
        arrays.dtype("weights", weights, "real floating")
        return xp.sum(self.formula(weights)), self.derivative(weights)


def _strength() -> Any:
    facts = {"low": 1e-5, "high": 1.0, "log": True, "example": 0.01}
    return hyperparameter(r"\lambda", "strength", checks.non_negative, **facts)


def _width(symbol: str, words: str) -> Any:
    return hyperparameter(symbol, words, checks.positive, low=0.01, high=10.0, log=True, default=1.0)


@dataclass(frozen=True)
class L2(Penalty):
    r"""The squared norm :math:`\lambda \lVert w \rVert_2^2`: weights shrink in proportion, never to 0.

    Parameters
    ----------
    strength : float
        :math:`\lambda`, zero or above. There is no factor 1/2: the gradient is :math:`2 \lambda w`.

    Notes
    -----
    The ``weight_decay`` of torch's ``SGD`` is :math:`2 \lambda`, for it is what multiplies :math:`w`;
    under Adam, decay and this penalty are different methods. Keras' ``L2`` is this one, Paddle's
    ``L2Decay`` has the factor 1/2.

    References
    ----------
    .. [1] A. E. Hoerl and R. W. Kennard, "Ridge regression: biased estimation for nonorthogonal
       problems", Technometrics 12(1), 1970.
    """

    strength: float = _strength()

    words = "L2 penalty"
    lesson = 8

    def formula(self, weight: Any) -> Any:
        return self.strength * square(weight)

    def derivative(self, weight: Any) -> Any:
        return 2 * self.strength * weight

    def proximal(self, weight: Any, lr: Any) -> Any:
        r"""Weight :math:`v` that minimizes :math:`(v - w)^2 / 2\eta` plus the penalty of :math:`v`."""
        return weight / (1 + 2 * lr * self.strength)


@dataclass(frozen=True)
class L1(Penalty):
    r"""The sum of absolute values :math:`\lambda \lVert w \rVert_1`: all weights shrink alike, many to 0.

    The gradient at 0 is taken as 0, one of the subgradients. Steps along it jump over 0; the proximal
    step lands on it.

    Parameters
    ----------
    strength : float
        :math:`\lambda`, zero or above.

    Notes
    -----
    Keras' ``L1`` and Paddle's ``L1Decay``; torch's optimizers have none.

    References
    ----------
    .. [1] R. Tibshirani, "Regression shrinkage and selection via the lasso", Journal of the Royal
       Statistical Society B 58(1), 1996.
    """

    strength: float = _strength()

    words = "L1 penalty"
    lesson = 10

    def formula(self, weight: Any) -> Any:
        return self.strength * absolute(weight)

    def derivative(self, weight: Any) -> Any:
        return self.strength * sign(weight)

    def proximal(self, weight: Any, lr: Any) -> Any:
        """Weight after the soft threshold, the exact step of size `lr` on the penalty alone."""
        return sign(weight) * maximum(absolute(weight) - lr * self.strength, 0)


@dataclass(frozen=True)
class GaussianPrior(Penalty):
    r"""Minus the log density of :math:`w \sim \mathcal N(0, \sigma^2)`: the L2 penalty and a constant.

    Parameters
    ----------
    sigma : float
        Standard deviation of the weights before any data is seen, above 0.
    """

    sigma: float = _width(r"\sigma", "standard deviation")

    words = "Gaussian prior"
    lesson = 8

    def formula(self, weight: Any) -> Any:
        return square(weight) / (2 * square(self.sigma)) + log(2 * square(self.sigma) * pi) / 2

    def derivative(self, weight: Any) -> Any:
        return weight / square(self.sigma)

    def penalty(self, n_samples: int = 1) -> L2:
        r"""Return it without the constant: :math:`\lambda = 1/(2 N \sigma^2)`.

        `n_samples` is 1 beside a loss that is summed over the data, their number N beside a mean.

        >>> GaussianPrior(sigma=0.5).penalty(n_samples=100)
        L2(strength=0.02)
        """
        checks.count("n_samples", n_samples)
        return L2(1 / (2 * n_samples * self.sigma**2))


@dataclass(frozen=True)
class LaplacePrior(Penalty):
    r"""Minus the log density of the Laplace distribution of scale :math:`b`: the L1 penalty and a constant.

    Parameters
    ----------
    scale : float
        :math:`b`, the mean distance of a weight from 0 before any data is seen, above 0.
    """

    scale: float = _width("b", "scale")

    words = "Laplace prior"
    lesson = 10

    def formula(self, weight: Any) -> Any:
        return absolute(weight) / self.scale + log(2 * self.scale)

    def derivative(self, weight: Any) -> Any:
        return sign(weight) / self.scale

    def penalty(self, n_samples: int = 1) -> L1:
        r"""Return it without the constant, :math:`\lambda = 1/(N b)`; see :meth:`GaussianPrior.penalty`."""
        checks.count("n_samples", n_samples)
        return L1(1 / (n_samples * self.scale))


@checks.renamed(p="rate")
def dropout_forward(
    x: Any, rate: float, *, generator: np.random.Generator | None = None, mask: Any = None
) -> tuple[Any, Any]:
    """Set random entries to 0 and scale the others so that the mean stays (inverted dropout).

    What is dropped are *units* (activations), not connections. In evaluation there is nothing to do:
    thanks to the scaling the layer is then the identity.

    Parameters
    ----------
    x : array of floats, any shape
    rate : float
        Probability of dropping an entry, in [0, 1); the others are divided by ``1 - rate``.
    generator : numpy.random.Generator
        Draws the mask; the same seed drops the same entries in NumPy and torch.
    mask : array of bool, in place of a generator
        True where an entry stays; shape (N, C, 1, 1) drops whole channels.

    Returns
    -------
    y : array
        Shape and type of `x`.
    cache : array
        What each entry was multiplied by, for :func:`dropout_backward`.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit, or if not exactly one of `generator` and `mask` is given.

    Notes
    -----
    ``Dropout`` of torch (which calls the rate `p`), Keras and Paddle. The paper scales by ``1 - rate``
    in evaluation instead.

    References
    ----------
    .. [1] N. Srivastava et al., "Dropout: A simple way to prevent neural networks from overfitting",
       Journal of Machine Learning Research 15, 2014; section 10 for this form.

    Examples
    --------
    >>> y, cache = dropout_forward(np.ones(4), rate=0.5, mask=np.array([True, False, True, False]))
    >>> y
    array([2., 0., 2., 0.])
    """
    xp = arrays.namespace(x=x)
    arrays.dtype("x", x, "real floating")
    checks.fraction("rate", rate)
    if (generator is None) == (mask is None):
        got = "neither" if mask is None else "both"
        raise ValueError(f"one of generator and mask must be given, got {got}")
    if mask is None:
        checks.generator("generator", generator)
        mask = xp.asarray(generator.random(tuple(x.shape)) >= rate, device=device(x))
    _fits(x, mask)
    cache = xp.astype(mask, x.dtype) / (1 - rate)
    return x * cache, cache


def _fits(x: Any, mask: Any) -> None:
    arrays.namespace(x=x, mask=mask)
    arrays.dtype("mask", mask, "bool")
    got, sizes = tuple(mask.shape), tuple(x.shape)
    fits = len(got) == len(sizes) and all(m in (1, n) for m, n in zip(got, sizes, strict=True))
    checks.require(fits, f"fit the shape {sizes} of x", "mask.shape", got)


def dropout_backward(dy: Any, cache: Any) -> Any:
    """Return the gradient with respect to the input of :func:`dropout_forward`, from that of its output."""
    arrays.namespace(dy=dy, cache=cache)
    return dy * cache
