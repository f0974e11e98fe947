r"""Initializers: random weights whose variance keeps signals and gradients of one size from layer to layer.

All draw independent weights of mean 0 from the generator they are given, and a normal is not truncated.
(Keras cuts its own at two standard deviations and widens what is left, so that the variance is the
same.) A weight has shape (out, in) or (out, in, kH, kW), as in torch; ``torch.from_numpy`` makes it a
tensor. Lesson 2 derives the variances.

>>> import numpy as np
>>> weight = he((64, 32, 3, 3), np.random.default_rng(0))
>>> round(float(weight.var() * 32 * 9), 1)
2.0
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from helpers.core import checks

__all__ = ["fans", "glorot", "he", "orthogonal", "scaled"]

Shape = tuple[int, ...]


def fans(shape: Shape) -> tuple[int, int]:
    """Return how many inputs feed a unit, ``in * kH * kW``, and how many outputs an input, ``out * kH * kW``.

    >>> fans((64, 32, 3, 3))
    (288, 576)

    Raises
    ------
    TypeError, ValueError
        If `shape` is no tuple of two or more positive whole numbers.
    """
    checks.Each(checks.count)("shape", shape)
    checks.require(len(shape) >= 2, "have at least two entries, (out, in)", "shape", shape)
    n_out, n_in, *kernel = shape
    return n_in * math.prod(kernel), n_out * math.prod(kernel)


def scaled(
    shape: Shape,
    generator: np.random.Generator,
    variance: float,
    *,
    distribution: str = "normal",
    gain: float = 1.0,
    dtype: Any = np.float64,
) -> np.ndarray:
    r"""Return weights of a variance: what the named initializers have in common.

    Parameters
    ----------
    shape : tuple of int
        (out, in) of a linear layer or (out, in, kH, kW) of a convolution.
    generator : numpy.random.Generator
        Draws the weights; the same seed gives the same weights.
    variance : float
        Variance at gain 1, above 0.
    distribution : {"normal", "uniform"}
        The uniform one reaches from :math:`-\sqrt 3` to :math:`\sqrt 3` standard deviations.
    gain : float
        Multiplies every weight, above 0.
    dtype : NumPy float type
        Drawn in float64 and rounded.

    Returns
    -------
    ndarray

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit.
    """
    fans(shape)
    checks.generator("generator", generator)
    checks.positive("variance", variance)
    checks.positive("gain", gain)
    choices = ("normal", "uniform")
    checks.require(distribution in choices, "be 'normal' or 'uniform'", "distribution", distribution)
    normal = distribution == "normal"
    unit = generator.standard_normal(shape) if normal else generator.uniform(-(3**0.5), 3**0.5, shape)
    return _rounded(gain * variance**0.5 * unit, dtype)


def _rounded(weight: np.ndarray, dtype: Any) -> np.ndarray:
    checks.require(np.issubdtype(dtype, np.floating), "be a NumPy float type", "dtype", dtype)
    return weight.astype(dtype)


def glorot(shape: Shape, generator: np.random.Generator, **options: Any) -> np.ndarray:
    r"""Return weights of variance :math:`2/(n_{in} + n_{out})`, for units such as tanh; see :func:`scaled`.

    It is the compromise between keeping the signal (:math:`1/n_{in}`) and the gradient
    (:math:`1/n_{out}`). torch advises a gain of 5/3 with tanh.

    Notes
    -----
    torch: ``xavier_normal_``, ``xavier_uniform_``. Keras: ``GlorotNormal``, ``GlorotUniform`` (the
    default of its layers). Paddle: ``XavierNormal``, ``XavierUniform``.

    References
    ----------
    .. [1] X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural
       networks", AISTATS 2010, equations 12 and 16.
    """
    return scaled(shape, generator, 2 / sum(fans(shape)), **options)


def he(shape: Shape, generator: np.random.Generator, **options: Any) -> np.ndarray:
    r"""Return weights of variance :math:`2/n_{in}`, for layers behind a ReLU; see :func:`scaled`.

    The ReLU halves the mean square of the signal, the 2 makes up for it. For a leaky ReLU of slope
    :math:`a` the gain is :math:`1/\sqrt{1 + a^2}`.

    Notes
    -----
    torch: ``kaiming_normal_``, ``kaiming_uniform_`` with ``nonlinearity="relu"``; its linear and
    convolutional layers start with a sixth of this variance. Keras: ``HeNormal``, ``HeUniform``. Paddle:
    ``KaimingNormal``, ``KaimingUniform``.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren and J. Sun, "Delving deep into rectifiers: Surpassing human-level
       performance on ImageNet classification", ICCV 2015, equations 10 and 15.
    """
    return scaled(shape, generator, 2 / fans(shape)[0], **options)


def orthogonal(
    shape: Shape, generator: np.random.Generator, *, gain: float = 1.0, dtype: Any = np.float64
) -> np.ndarray:
    """Return a random orthogonal matrix, drawn evenly from all: it turns signals and keeps their length.

    The weight is read as a matrix of `out` rows; the rows are orthonormal where it is wide, the columns
    where it is tall. (A convolution by such a kernel does not keep the length of images.)

    Parameters
    ----------
    shape, generator, gain, dtype
        See :func:`scaled`.

    Returns
    -------
    ndarray

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit.

    Notes
    -----
    The signs of R's diagonal are moved into Q; without that, QR prefers some matrices to others [2]_.
    torch: ``orthogonal_``. Keras and Paddle: ``Orthogonal``.

    References
    ----------
    .. [1] A. M. Saxe, J. L. McClelland and S. Ganguli, "Exact solutions to the nonlinear dynamics of
       learning in deep linear neural networks", ICLR 2014.
    .. [2] F. Mezzadri, "How to generate random matrices from the classical compact groups", Notices of
       the AMS 54(5), 2007.
    """
    fans(shape)
    checks.generator("generator", generator)
    checks.positive("gain", gain)
    rows, columns = shape[0], math.prod(shape[1:])
    q, r = np.linalg.qr(generator.standard_normal((max(rows, columns), min(rows, columns))))
    q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return _rounded(gain * (q if rows >= columns else q.T).reshape(shape), dtype)
