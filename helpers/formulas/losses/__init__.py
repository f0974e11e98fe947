"""Losses: ``loss(pred, target)`` is the mean over the batch and its gradient, derived by hand.

Losses of single numbers are frozen dataclasses, whose formula is also an equation and JavaScript;
losses of rows of logits are functions. Both work on NumPy arrays and torch tensors, keep their type and
change nothing they are given.

>>> import numpy as np
>>> from helpers.formulas import losses
>>> value, grad = losses.Huber(delta=1.0)(np.array([0.5, 3.0]), np.array([0.0, 0.0]))
>>> float(value), grad
(1.3125, array([0.25, 0.5 ]))
"""

from helpers.formulas.losses.classification import kl_divergence, log_softmax, softmax_cross_entropy
from helpers.formulas.losses.elementwise import (
    AbsoluteError,
    BinaryCrossEntropy,
    ElementwiseLoss,
    Huber,
    SmoothL1,
    SquaredError,
)

#: Every loss of single numbers, in the order of the book.
METHODS = (SquaredError, AbsoluteError, SmoothL1, Huber, BinaryCrossEntropy)

__all__ = [
    "METHODS",
    "ElementwiseLoss",
    "kl_divergence",
    "log_softmax",
    "softmax_cross_entropy",
    *(method.__name__ for method in METHODS),
]
