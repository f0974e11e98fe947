"""Checks of arrays: what is fit passes, what is not is named with its place and value, in both libraries."""

import math
import re

import numpy as np
import pytest
import torch

from helpers.core import arrays

LIBRARIES = pytest.mark.parametrize("library", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
X = np.array([[1.0, 2.0], [-3.0, -4.0]])
WHOLE = np.arange(3)

#: Check, and the arguments behind the name that fit.
FIT = [
    (arrays.dtype, WHOLE, "integral"),
    (arrays.dtype, WHOLE > 1, "integral", "bool"),
    (arrays.not_empty, np.zeros(())),
    (arrays.not_empty, np.zeros((1, 2))),
    (arrays.every, X, X < 3, "be below 3"),
    (arrays.labels, np.array([0, 9]), 10),
    (arrays.labels, np.array([], dtype=int), 10),
    (arrays.probabilities, np.array([[0.25, 0.75], [1.0, 0.0]])),
    (arrays.probabilities, np.full((1, 3), 1 / 3, dtype=np.float16)),
]
#: The beginning of the message that others get about an x.
REFUSED = {
    "x must be real floating or bool, got x of dtype": (arrays.dtype, WHOLE, "real floating", "bool"),
    "x must not be empty, got x of shape (2, 0)": (arrays.not_empty, np.zeros((2, 0))),
    "x must be zero or positive, got x[1, 0]=-3.0": (arrays.every, X, X >= 0, "be zero or positive"),
    "x must be positive, got x=-3.0": (arrays.every, X[1, 0, ...], np.array(False), "be positive"),
    "x must be in [0, 10), got x[1]=10": (arrays.labels, np.array([0, 10]), 10),
    "x must be in [0, 10), got x[1]=-1": (arrays.labels, np.array([0, -1]), 10),
    "x must have shape (N,), got (1, 1)": (arrays.labels, np.array([[0]]), 10),
    "x must be integral, got x of dtype": (arrays.labels, np.array([0.0]), 10),
    "x must be zero or positive, got x[0, 1]=-0.5": (arrays.probabilities, np.array([[1.5, -0.5]])),
    "x must be zero or positive, got x[0, 1]=nan": (arrays.probabilities, np.array([[1.0, math.nan]])),
    "x.sum(axis=1) must be 1, got x.sum(axis=1)[1]=0.5": (
        arrays.probabilities,
        np.array([[1, 0], [0.25, 0.25]]),
    ),
    "x must have shape (N, K), got (2,)": (arrays.probabilities, np.ones(2)),
    "x must be real floating, got x of dtype": (arrays.probabilities, np.array([[1, 0]])),
}


def refuses(error, message):
    return pytest.raises(error, match="^" + re.escape(message))


def of(library, arguments):
    return [library(entry) if isinstance(entry, np.ndarray | np.generic) else entry for entry in arguments]


@LIBRARIES
def test_what_fits_passes_and_what_does_not_is_named(library):
    for check, *arguments in FIT:
        assert check("x", *of(library, arguments)) is None
    for message, (check, *arguments) in REFUSED.items():
        with refuses(TypeError if "dtype" in message else ValueError, message):
            check("x", *of(library, arguments))


@LIBRARIES
def test_namespace(library):
    x = library(np.arange(3.0))
    xp = arrays.namespace(x=x, y=x)
    assert float(xp.sum(x)) == 3.0 and xp.isdtype(x.dtype, "real floating")
    with refuses(TypeError, "y must be an array or a tensor, got y of type list"):
        arrays.namespace(x=x, y=[1.0])
    with refuses(TypeError, "x and y must come from one library, got ndarray and Tensor"):
        arrays.namespace(x=np.zeros(1), y=torch.zeros(1))


def test_floats():
    for x in (np.zeros(()), np.zeros((2, 3), np.float16), np.zeros((0, 3), np.float32)):
        arrays.floats("x", x)
        arrays.floats("x", x, x.shape)
    arrays.floats("x", np.zeros((2, 3)), "N D", D=3)
    with refuses(TypeError, "x must be a NumPy array, got x of type Tensor"):
        arrays.floats("x", torch.zeros(1))
    for whole in (np.zeros(1, int), np.zeros(1, bool), np.zeros(1, complex)):
        with refuses(TypeError, f"x must be real floating, got x of dtype {whole.dtype}"):
            arrays.floats("x", whole)
    with refuses(ValueError, "x must have shape (N, D=4), got (2, 3)"):
        arrays.floats("x", np.zeros((2, 3)), "N D", D=4)
    with refuses(ValueError, "dy must have shape (2, 3), got (3,)"):
        arrays.floats("dy", np.zeros(3), (2, 3))
