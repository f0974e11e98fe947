"""Square, log1p, sigmoid and softplus: their values at both ends, for every kind of argument."""

import math

import mpmath
import numpy as np
import pytest
import sympy
import torch

from helpers.core import symbols
from helpers.core.mathematics import log1p, sigmoid, softplus, square

POINTS = (-700.0, -40.0, -1.0, -1e-12, 0.0, 1e-12, 0.5, 3.0, 40.0, 700.0)
EXACT = {
    square: lambda x: x**2,
    log1p: mpmath.log1p,
    sigmoid: lambda x: 1 / (1 + mpmath.exp(-x)),
    softplus: lambda x: mpmath.log1p(mpmath.exp(x)),
}
each_function = pytest.mark.parametrize("function", EXACT, ids=lambda f: f.__name__)


def points(function):
    return [x for x in POINTS if x > -1 or function is not log1p]


@each_function
@pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
def test_every_digit_is_right_at_both_ends(function, library):
    with mpmath.workdps(400):
        exact = [float(EXACT[function](mpmath.mpf(x))) for x in points(function)]
    assert [function(x) for x in points(function)] == pytest.approx(exact, rel=1e-15, abs=0)
    array = library(np.array(points(function)))
    assert np.asarray(function(array)).tolist() == pytest.approx(exact, rel=1e-15, abs=0)


@each_function
def test_nan_stays_and_the_type_is_kept(function):
    assert math.isnan(function(math.nan))
    for array in (np.ones(2, dtype=np.float32), torch.ones(2, dtype=torch.float32)):
        assert function(array).dtype == array.dtype
        assert np.isnan(np.asarray(function(array * math.nan))).all()


def test_beyond_the_largest_exponent():
    assert (sigmoid(1e308), sigmoid(-1e308), softplus(1e308), softplus(-1e308)) == (1.0, 0.0, 1e308, 0.0)
    assert square(1e200) == square(-1e200) == math.inf


@each_function
def test_symbols_mean_the_same_and_differentiate(function):
    x = sympy.Symbol("x", real=True)
    expr, derivative = function(x), sympy.diff(function(x), x)
    with mpmath.workdps(50):
        for point in (-0.5, 0.25, 3.0):
            assert float(expr.subs(x, point)) == pytest.approx(function(point), rel=1e-14)
            slope = mpmath.diff(EXACT[function], point)
            assert float(derivative.subs(x, point)) == pytest.approx(float(slope), rel=1e-12)


def test_equations_and_javascript():
    x = sympy.Symbol("x", real=True)
    assert sympy.latex(symbols.sigmoid(x)) == r"\sigma\left(x\right)"
    assert sympy.latex(symbols.sigmoid(x) ** 2) == r"\sigma\left(x\right)^{2}"
    assert sympy.latex(symbols.softplus(-x)) == r"\log\left(1 + e^{- x}\right)"
    assert sympy.latex(symbols.softplus(x) ** 3) == r"\log\left(1 + e^{x}\right)^{3}"
    assert sympy.jscode(symbols.sigmoid(x)) == "(1 / (1 + Math.exp(-(x))))"
    assert sympy.jscode(symbols.softplus(x)) == "(Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))))"
