"""One name for numbers, arrays and symbols: same values, same type, NaN stays NaN."""

import math

import numpy as np
import pytest
import sympy
import torch

from helpers.core import mathematics as m

NAN, INF = math.nan, math.inf
ELEMENTWISE = {
    m.cos: math.cos,
    m.sin: math.sin,
    m.exp: math.exp,
    m.log: math.log,
    m.sqrt: math.sqrt,
    m.tanh: math.tanh,
    m.floor: math.floor,
    m.ceil: math.ceil,
    m.absolute: abs,
    m.sign: lambda x: (x > 0) - (x < 0),
}
POSITIVE = {m.log, m.sqrt}
POINTS = (-2.5, -1.0, 0.0, 0.25, 1.0, 3.0, 7.75)
KINDS = {
    "float64 array": lambda values: np.array(values),
    "float32 array": lambda values: np.array(values, dtype=np.float32),
    "float64 tensor": lambda values: torch.tensor(values, dtype=torch.float64),
    "float32 tensor": lambda values: torch.tensor(values, dtype=torch.float32),
}


def fit(function):
    return [x for x in POINTS if x > 0 or function not in POSITIVE]


def as_numpy(array):
    return np.asarray(array, dtype=np.float64)


@pytest.mark.parametrize("function", ELEMENTWISE, ids=lambda f: f.__name__)
def test_an_elementwise_function_means_the_same_of_every_kind(function):
    expected = [ELEMENTWISE[function](x) for x in fit(function)]
    assert [function(x) for x in fit(function)] == expected
    assert {type(function(x)) for x in fit(function)} <= {float, int}
    if function not in (m.floor, m.ceil):  # a whole number cannot be NaN: Python raises
        assert math.isnan(function(NAN))
    for name, kind in KINDS.items():
        x = kind([fit(function)])
        y = function(x)
        assert (type(y), y.dtype, y.shape) == (type(x), x.dtype, x.shape)
        np.testing.assert_allclose(as_numpy(y)[0], expected, rtol=1e-6 if "32" in name else 1e-15)
        assert np.isnan(as_numpy(function(kind([NAN]))))
    x = sympy.Symbol("x", real=True)
    symbolic = [float(function(x).subs(x, sympy.Float(value))) for value in fit(function)]
    assert symbolic == pytest.approx(expected, rel=1e-14)
    assert function.__doc__.endswith("of a number, an array (elementwise) or a symbol.")


def test_python_raises_where_a_function_of_a_number_has_no_value():
    for call in (lambda: m.log(0.0), lambda: m.sqrt(-1.0), lambda: m.floor(NAN), lambda: m.cos(INF)):
        with pytest.raises(ValueError, match=r"math domain error|expected a|cannot convert"):
            call()
    with pytest.raises(OverflowError, match="math range error"):
        m.exp(1000.0)


def test_infinity():
    assert (m.exp(-INF), m.sign(-INF), m.absolute(-INF), m.sqrt(INF)) == (0.0, -1.0, INF, INF)


def test_sign_of_zero_is_zero():
    assert (m.sign(0), m.sign(0.0), m.sign(-0.0)) == (0, 0.0, 0.0)


def test_pi_is_the_number_and_the_symbol():
    assert m.pi == math.pi
    assert m.pi * sympy.Symbol("x") == sympy.pi * sympy.Symbol("x")
    np.testing.assert_array_equal(m.pi * np.ones(2), np.full(2, math.pi))
    assert (m.pi * torch.ones(2, dtype=torch.float64)).tolist() == [math.pi] * 2


PAIRS = [(a, b) for a in (-1.5, 0, 2, INF, NAN) for b in (-2.0, 0, 3.5, NAN)]


@pytest.mark.parametrize(("function", "oracle"), [(m.minimum, np.minimum), (m.maximum, np.maximum)])
def test_an_extreme_is_that_of_numpy_for_every_kind(function, oracle):
    for a, b in PAIRS:
        np.testing.assert_equal(float(function(a, b)), float(oracle(a, b)))
    left, right = np.array(PAIRS).T
    np.testing.assert_array_equal(function(left, right), oracle(left, right))
    tensors = function(torch.tensor(left), torch.tensor(right))
    np.testing.assert_array_equal(tensors.numpy(), oracle(left, right))
    for kind in KINDS.values():
        x = kind([1.0, 5.0, NAN])
        for y in (function(x, 3), function(3, x), function(x, 3.0)):
            assert (type(y), y.dtype) == (type(x), x.dtype)
            np.testing.assert_array_equal(as_numpy(y), oracle([1.0, 5.0, NAN], 3))
    for x in (np.array([1, 5]), torch.tensor([1, 5])):
        assert function(x, 3).dtype == x.dtype, "whole numbers stay whole unless they meet a broken one"
        np.testing.assert_array_equal(np.asarray(function(x, 2.5)), oracle([1, 5], 2.5))
    x = sympy.Symbol("x", real=True)
    for value in (1.0, 4.0):
        assert (
            float(function(x, 3).subs(x, value)) == float(function(3, x).subs(x, value)) == oracle(value, 3)
        )


def test_where_chooses():
    assert m.where(True, 1, 2) == 1
    assert m.where(False, 1, 2) == 2
    x = np.array([[1.0, 3.0]])
    np.testing.assert_array_equal(m.where(x > 2, x, -1), [[-1, 3]])
    np.testing.assert_array_equal(m.where(x > 2, 0.5, x), [[1, 0.5]])
    np.testing.assert_array_equal(m.where(x > 2, x, 10 * x), [[10, 3]])
    assert m.where(np.float64(3) > 2, 1, 2) == 1


def test_where_keeps_the_type_and_every_digit():
    for kind in KINDS.values():
        x = kind([1.0, 3.0])
        y = m.where(x > 2, x, -1)
        assert (type(y), y.dtype, y.tolist()) == (type(x), x.dtype, [-1.0, 3.0])
        assert m.where(x > 0, 0.1, 0.2).tolist() == [0.1, 0.1]  # of two numbers


def test_where_of_symbols_is_one_brace():
    x, a, b, c = sympy.symbols("x a b c", real=True)
    cases = m.where(x < 1, a, m.where(x < 2, b, c))
    assert isinstance(cases, sympy.Piecewise)
    assert [value for value, _ in cases.args] == [a, b, c]
    assert [cases.subs(x, v) for v in (0, 1, 2)] == [a, b, c]


def test_time_since():
    assert [m.time_since(3, t) for t in (0, 3, 5.5)] == [0, 0, 2.5]
    np.testing.assert_array_equal(m.time_since(3, np.array([0.0, 3.0, 5.5])), [0, 0, 2.5])
    t = sympy.Symbol("t", real=True)
    assert m.time_since(3, t) == t - 3


@pytest.mark.parametrize("t", [0, 0.5, 3, 4.5, 5, 7, 100])
def test_piecewise(t):
    starts, functions = (3, 5), (lambda t: t, lambda t: 10 + t, lambda t: 20 + 2 * t)
    expected = t if t < 3 else 10 + (t - 3) if t < 5 else 20 + 2 * (t - 5)
    assert m.piecewise(t, starts, functions) == expected
    for kind in KINDS.values():
        x = kind([[t, 1.0]])
        y = m.piecewise(x, starts, functions)
        assert (type(y), y.dtype, y.tolist()) == (type(x), x.dtype, [[expected, 1]])
    symbol = sympy.Symbol("t", real=True)
    assert float(m.piecewise(symbol, starts, functions).subs(symbol, t)) == expected


def test_piecewise_calls_one_function_of_a_number():
    assert m.piecewise(3, (3,), (lambda t: 1 / 0, lambda t: t)) == 0


def test_piecewise_of_a_symbol_is_one_brace():
    t, a, b = sympy.symbols("t a b", real=True)
    cases = m.piecewise(t, (a, b), (lambda t: 1, lambda t: 2 * t, lambda t: 3))
    assert [condition for _, condition in cases.args] == [t < a, t < b, True]
    assert cases.args[1][0] == 2 * (t - a)


@pytest.mark.parametrize(("period", "expected"), [(3, [0, 1, 2.5, 0, 1, 0]), (2.5, [0, 1, 0, 0.5, 1.5, 1.5])])
def test_remainder(period, expected):
    points = [0, 1, 2.5, 3, 4, 9]
    assert [m.remainder(t, period) for t in points] == expected
    t, p = sympy.symbols("t p", real=True)
    assert [float(m.remainder(t, p).subs({t: x, p: period})) for x in points] == pytest.approx(expected)
    for kind in KINDS.values():
        np.testing.assert_array_equal(as_numpy(m.remainder(kind(points), period)), expected)


@pytest.mark.parametrize("ratio", [1, 2, 3, 10])
def test_geometric_sum(ratio):
    expected = [sum(ratio**j for j in range(n)) for n in range(12)]
    assert [m.geometric_sum(ratio, n) for n in range(12)] == expected
    np.testing.assert_array_equal(m.geometric_sum(ratio, np.arange(12.0)), expected)
    r, n = sympy.symbols("r n")
    assert [m.geometric_sum(r, n).subs({r: ratio, n: k}) for k in range(12)] == expected


@pytest.mark.parametrize("ratio", [1, 2, 3, 7])
@pytest.mark.parametrize("first", [1, 5, 6])
def test_cycles_completed(ratio, first):
    ends = [first * sum(ratio**j for j in range(n + 1)) for n in range(5)]
    points = [t for end in ends for t in (end - 1, end - 0.5, end, end + 0.5)] + [0]
    expected = [sum(end <= t for end in ends) for t in points]
    assert [m.cycles_completed(t, first, ratio) for t in points] == expected
    t, f, r = sympy.symbols("t f r", real=True)
    assert [m.cycles_completed(t, f, r).subs({t: x, f: first, r: ratio}) for x in points] == expected
    for kind in KINDS.values():
        np.testing.assert_array_equal(as_numpy(m.cycles_completed(kind(points), first, ratio)), expected)


def test_named_is_the_value_but_for_symbols():
    x = np.ones(2)
    assert m.named("x", x) is x
    assert m.named("x", 3) == 3
    t = sympy.Symbol("t")
    assert m.named("x", t + 1).doit() == t + 1


def test_count_reached():
    thresholds = (30, 50)
    steps = [0, 29, 30, 31, 49.5, 50, 1000]
    expected = [0, 0, 1, 1, 1, 2, 2]
    assert [m.count_reached(thresholds, t) for t in steps] == expected
    for kind in KINDS.values():
        np.testing.assert_array_equal(as_numpy(m.count_reached(thresholds, kind(steps))), expected)
    t = sympy.Symbol("t", real=True)
    assert [m.count_reached(thresholds, t).subs(t, step) for step in steps] == expected


def test_zeros_like():
    assert m.zeros_like(3) == 0.0
    assert m.zeros_like(sympy.Symbol("x")) == 0.0
    for kind in KINDS.values():
        x = kind([1.0, 2.0])
        zeros = m.zeros_like(x)
        assert (type(zeros), zeros.dtype, zeros.tolist()) == (type(x), x.dtype, [0.0, 0.0])


def test_tell_symbols_from_the_rest():
    x = sympy.Symbol("x")
    assert m.is_symbolic(x)
    assert m.is_symbolic(x < 1)
    for other in (1, 1.0, np.ones(2), torch.ones(2), np.float32(1)):
        assert not m.is_symbolic(other)
