"""Every check accepts what is fit, and says what was required, the name and the value."""

import math
import re

import numpy as np
import pytest

from helpers.core import checks
from helpers.formulas import layers, losses

NAN, INF = math.nan, math.inf
NUMBERS = (True, "1", None, 1 + 0j, [1.0])
BAD_NUMBERS = {
    NAN: "x must be finite, got x=nan",
    INF: "x must be finite, got x=inf",
    -INF: "x must be finite, got x=-inf",
}

# check: what is fit, what is not and the message it gets
TABLE = {
    checks.finite: ((0, -1.5, 1e308, np.float32(2), np.int64(3)), {}),
    checks.positive: ((1, 1e-300, np.float64(2)), {0: "x must be positive, got x=0", -0.5: "got x=-0.5"}),
    checks.non_negative: ((0, -0.0, 3.5), {-1e-9: "x must be zero or positive, got x=-1e-09"}),
    checks.fraction: ((0, 0.5, 0.999), {1: "x must be in [0, 1), got x=1", -0.1: "x must be in [0, 1), got"}),
    checks.unit_interval: ((1, 1e-9), {0: "x must be in (0, 1], got x=0", 1.5: "x must be in (0, 1], got"}),
    checks.at_least_one: ((1, 1.0, 7.5), {0.99: "x must be at least 1, got x=0.99"}),
}

WHOLE = (checks.count, checks.index, checks.integer)


@pytest.mark.parametrize("check", TABLE, ids=str)
def test_a_check_of_a_number(check):
    fit, refused = TABLE[check]
    for value in fit:
        assert check("x", value) is None
    for value, message in {**BAD_NUMBERS, **refused}.items():
        with pytest.raises(ValueError, match=re.escape(message)):
            check("x", value)
    for value in NUMBERS:
        message = f"x must be a real number, got x={value!r} of type {type(value).__name__}"
        with pytest.raises(TypeError, match=re.escape(message)):
            check("x", value)


def test_real_takes_any_real_number():
    for value in (0, -1.5, NAN, INF, np.float32(2), np.int64(3)):
        assert checks.real("x", value) is None


def test_require_names_the_requirement_the_name_and_the_value():
    checks.require(True, "be even", "n", 3)
    with pytest.raises(ValueError, match=r"^n must be even, got n=3$"):
        checks.require(False, "be even", "n", 3)


def test_kind_names_the_type_too():
    checks.kind(True, "be a dict", "n", 3)
    with pytest.raises(TypeError, match=r"^n must be a dict, got n=3 of type int$"):
        checks.kind(False, "be a dict", "n", 3)


def test_boolean():
    for value in (True, False, np.True_):
        assert checks.boolean("train", value) is None
    for value in ("yes", 1, None):
        message = f"train must be True or False, got train={value!r} of type {type(value).__name__}"
        with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
            checks.boolean("train", value)


@pytest.mark.parametrize("check", WHOLE, ids=str)
def test_a_check_of_a_whole_number(check):
    for value in (1, np.int64(5), 10**30):
        assert check("n", value) is None
    for value in (2.0, True, "2"):
        message = f"n must be a whole number, got n={value!r} of type {type(value).__name__}"
        with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
            check("n", value)


def test_a_count_starts_at_one_and_an_index_at_zero():
    assert checks.index("n", 0) is None
    assert checks.integer("n", -3) is None
    for value in (0, -3):
        with pytest.raises(ValueError, match=f"^n must be positive, got n={value}$"):
            checks.count("n", value)
    with pytest.raises(ValueError, match=r"^n must be zero or positive, got n=-3$"):
        checks.index("n", -3)


def test_each_names_the_entry():
    check = checks.Each(checks.fraction)
    check("betas", (0.9, 0.99))
    with pytest.raises(ValueError, match=re.escape("betas[1] must be in [0, 1), got betas[1]=1")):
        check("betas", (0.9, 1))
    with pytest.raises(ValueError, match=re.escape("betas must not be empty, got betas=()")):
        check("betas", ())
    with pytest.raises(TypeError, match=re.escape("betas must be a tuple, got betas=[0.9] of type list")):
        check("betas", [0.9])


def test_increasing():
    checks.increasing("m", (1, 2, 30))
    checks.increasing("m", (7,))
    for value in ((2, 1), (1, 1), (1, 3, 2)):
        message = f"m must increase from each entry to the next, got m={value}"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            checks.increasing("m", value)
    with pytest.raises(ValueError, match=re.escape("m[0] must be positive, got m[0]=0")):
        checks.increasing("m", (0, 1))
    with pytest.raises(TypeError, match=re.escape("m[1] must be a whole number, got m[1]=2.5 of type float")):
        checks.increasing("m", (1, 2.5))


def test_shape_that_fits():
    checks.shape("images", np.zeros((2, 3, 8, 9)), "N C H W", C=3)
    checks.shape("kernel", np.zeros((4, 3)), "4 3")
    checks.shape("hessian", np.zeros((5, 5)), "D D")
    checks.shape("scalar", np.zeros(()), "")
    checks.shape("empty", np.zeros((0, 10)), "N K")


@pytest.mark.parametrize(
    ("got", "pattern", "sizes", "message"),
    [
        ((32,), "N K", {}, "x must have shape (N, K), got (32,)"),
        ((4, 3), "N K", {"K": 10}, "x must have shape (N, K=10), got (4, 3)"),
        ((4, 3), "4 5", {}, "x must have shape (4, 5), got (4, 3)"),
        ((4, 3), "D D", {}, "x must have shape (D, D), got (4, 3)"),
        ((), "N", {}, "x must have shape (N,), got ()"),
        ((2,), "", {}, "x must have shape (), got (2,)"),
    ],
)
def test_shape_that_does_not_fit(got, pattern, sizes, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        checks.shape("x", np.zeros(got), pattern, **sizes)


def test_shape_of_what_has_none():
    with pytest.raises(TypeError, match=r"x must be an array of shape \(N,\), got \[1, 2\] of type list"):
        checks.shape("x", [1, 2], "N")


def test_generator():
    assert checks.generator("generator", np.random.default_rng(0)) is None
    words = "^generator must be a numpy.random.Generator, got generator of type int$"
    with pytest.raises(TypeError, match=words):
        checks.generator("generator", 0)


def test_one_of():
    check = checks.one_of("cos", "linear")
    assert check("anneal", "linear") is None
    for value in ("cosine", "", None, 1):
        message = f"anneal must be 'cos' or 'linear', got anneal={value!r}"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            check("anneal", value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: losses.softmax_cross_entropy([[0.0]], [0], weight=[1.0]),
            "softmax_cross_entropy takes class_weights, got weight=[1.0]; torch's weight = class_weights",
        ),
        (lambda: layers.Dropout(p=0.5), "Dropout takes rate, got p=0.5; torch's p = rate"),
        (lambda: layers.dropout_forward([1.0], p=0.5), "dropout_forward takes rate, got p=0.5"),
    ],
)
def test_an_argument_by_torch_s_name_is_answered_with_ours(call, message):
    with pytest.raises(TypeError, match=re.escape(message)):
        call()
