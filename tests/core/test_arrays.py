"""Checks of arrays: what is fit passes, what is not is named with its place and value, in both libraries."""

import math
import re

import numpy as np
import pytest
import torch

from helpers.core import arrays

LIBRARIES = pytest.mark.parametrize("library", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])


def refuses(error, message):
    return pytest.raises(error, match="^" + re.escape(message) + "$")


@LIBRARIES
def test_namespace(library):
    x = library(np.arange(3.0))
    xp = arrays.namespace(x=x, y=x)
    assert float(xp.sum(x)) == 3.0 and xp.isdtype(x.dtype, "real floating")
    with refuses(TypeError, "y must be an array or a tensor, got y of type list"):
        arrays.namespace(x=x, y=[1.0])


def test_arrays_of_two_libraries_do_not_mix():
    with refuses(TypeError, "x and y must come from one library, got ndarray and Tensor"):
        arrays.namespace(x=np.zeros(1), y=torch.zeros(1))


@LIBRARIES
def test_dtype(library):
    whole = library(np.arange(3))
    arrays.dtype("x", whole, "integral")
    arrays.dtype("x", whole > 1, "integral", "bool")
    with refuses(TypeError, f"x must be real floating or bool, got x of dtype {whole.dtype}"):
        arrays.dtype("x", whole, "real floating", "bool")


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


@LIBRARIES
def test_not_empty(library):
    arrays.not_empty("x", library(np.zeros(())))
    arrays.not_empty("x", library(np.zeros((1, 2))))
    with refuses(ValueError, "x must not be empty, got x of shape (2, 0)"):
        arrays.not_empty("x", library(np.zeros((2, 0))))


@LIBRARIES
def test_every_names_the_first_entry_that_does_not_fit(library):
    x = library(np.array([[1.0, 2.0], [-3.0, -4.0]]))
    arrays.every("x", x, x < 3, "be below 3")
    with refuses(ValueError, "x must be zero or positive, got x[1, 0]=-3.0"):
        arrays.every("x", x, x >= 0, "be zero or positive")
    with refuses(ValueError, "x must be positive, got x=-3.0"):
        arrays.every("x", x[1, 0, ...], library(np.array(False)), "be positive")


@LIBRARIES
def test_labels(library):
    arrays.labels("labels", library(np.array([0, 9])), 10)
    arrays.labels("labels", library(np.array([], dtype=int)), 10)
    for bad in (10, -1):
        with refuses(ValueError, f"labels must be in [0, 10), got labels[1]={bad}"):
            arrays.labels("labels", library(np.array([0, bad])), 10)
    with refuses(ValueError, "labels must have shape (N,), got (1, 1)"):
        arrays.labels("labels", library(np.array([[0]])), 10)
    with pytest.raises(TypeError, match=r"^labels must be integral, got labels of dtype"):
        arrays.labels("labels", library(np.array([0.0])), 10)


@LIBRARIES
def test_probabilities(library):
    arrays.probabilities("p", library(np.array([[0.25, 0.75], [1.0, 0.0]])))
    arrays.probabilities("p", library(np.full((1, 3), 1 / 3, dtype=np.float16)))
    with refuses(ValueError, "p must be zero or positive, got p[0, 1]=-0.5"):
        arrays.probabilities("p", library(np.array([[1.5, -0.5]])))
    with refuses(ValueError, "p must be zero or positive, got p[0, 1]=nan"):
        arrays.probabilities("p", library(np.array([[1.0, math.nan]])))
    with refuses(ValueError, "p.sum(axis=1) must be 1, got p.sum(axis=1)[1]=0.5"):
        arrays.probabilities("p", library(np.array([[1.0, 0.0], [0.25, 0.25]])))
    with refuses(ValueError, "p must have shape (N, K), got (2,)"):
        arrays.probabilities("p", library(np.ones(2)))
    with pytest.raises(TypeError, match=r"^p must be real floating, got p of dtype"):
        arrays.probabilities("p", library(np.array([[1, 0]])))
