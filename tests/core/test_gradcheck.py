"""Central differences agree with gradients that are known."""

import re

import numpy as np
import pytest

from helpers.core.gradcheck import numerical_gradient


@pytest.mark.parametrize("size", [(), (3,), (2, 3), (0,), (2, 1, 2)])
def test_shape_and_value(size):
    x = np.random.default_rng(0).normal(size=size)
    before = x.copy()
    gradient = numerical_gradient(np.sin, x)
    assert gradient.shape == x.shape
    np.testing.assert_allclose(gradient, np.cos(x), rtol=1e-8)
    np.testing.assert_array_equal(x, before)


def test_upstream_weighs_the_outputs():
    rng = np.random.default_rng(1)
    matrix, x, upstream = rng.normal(size=(4, 3)), rng.normal(size=3), rng.normal(size=4)
    gradient = numerical_gradient(lambda x: matrix @ x, x, upstream)
    np.testing.assert_allclose(gradient, matrix.T @ upstream, rtol=1e-8)


def test_a_view_with_gaps_is_differentiated_like_its_copy():
    x = np.arange(12.0).reshape(3, 4)[:, ::2]
    np.testing.assert_allclose(numerical_gradient(lambda x: x**3, x), 3 * x**2, rtol=1e-7, atol=1e-9)


def test_the_error_falls_with_the_square_of_the_step():
    x = np.array([1.0])
    coarse, fine = (abs(numerical_gradient(np.exp, x, step=h) - np.e)[0] for h in (1e-2, 1e-3))
    assert coarse / fine == pytest.approx(100, rel=0.01)


def test_what_is_no_float64_array_is_refused():
    with pytest.raises(TypeError, match=r"^x must be float64, got x.dtype=float32$"):
        numerical_gradient(np.sin, np.ones(2, dtype=np.float32))
    with pytest.raises(TypeError, match=r"^x must be float64, got x.dtype=int64$"):
        numerical_gradient(np.sin, np.array([1, 2], dtype=np.int64))
    with pytest.raises(TypeError, match=re.escape("x must be an array, got x=1.0 of type float")):
        numerical_gradient(np.sin, 1.0)


def test_a_step_must_be_positive():
    with pytest.raises(ValueError, match=r"^step must be positive, got step=0.0$"):
        numerical_gradient(np.sin, np.ones(2), step=0.0)
