"""Every initializer: its variance, its bounds, its shape, and what it does to a deep network."""

import math
from functools import partial

import numpy as np
import pytest
import scipy.stats
import torch

from helpers.formulas import initializers
from helpers.formulas.initializers import fans, glorot, he, orthogonal, scaled

LINEAR, CONVOLUTION = (200, 300), (64, 32, 3, 3)  # fans 300, 200 and 288, 576

# initializer: variances by hand for the two shapes, torch's function (None where torch has no other name)
ROWS = {
    glorot: (2 / 500, 2 / 864, torch.nn.init.xavier_normal_),
    he: (2 / 300, 2 / 288, partial(torch.nn.init.kaiming_normal_, nonlinearity="relu")),
}
each_initializer = pytest.mark.parametrize("initializer", ROWS, ids=lambda f: f.__name__)
each_distribution = pytest.mark.parametrize("distribution", ["normal", "uniform"])


def seeded(seed=0):
    return np.random.default_rng(seed)


def test_every_public_initializer_has_a_row():
    others = {"fans", "scaled", "orthogonal"}
    assert {f.__name__ for f in ROWS} | others == set(initializers.__all__)


def test_fans_by_hand_and_as_torch_counts_them():
    expected = {(2, 3): (3, 2), (64, 32, 3, 3): (288, 576), (4, 1, 5): (5, 20), (1, 1): (1, 1)}
    for shape, pair in expected.items():
        assert fans(shape) == pair == torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))


@each_initializer
@each_distribution
@pytest.mark.parametrize("which", [0, 1], ids=["linear", "convolution"])
def test_mean_and_variance(initializer, distribution, which):
    shape, variance = (LINEAR, CONVOLUTION)[which], ROWS[initializer][which]
    w = initializer(shape, seeded(), distribution=distribution)
    n = w.size
    assert w.shape == shape and w.dtype == np.float64
    assert abs(w.mean()) < 4 * math.sqrt(variance / n)
    kurtosis = 3 if distribution == "normal" else 9 / 5
    assert w.var() == pytest.approx(variance, rel=4 * math.sqrt((kurtosis - 1) / n))


@each_initializer
def test_torch_has_the_same_variance(initializer):
    torch.manual_seed(0)
    by_torch = ROWS[initializer][2](torch.empty(CONVOLUTION, dtype=torch.float64))
    assert initializer(CONVOLUTION, seeded()).var() == pytest.approx(by_torch.var().item(), rel=0.06)


@each_initializer
def test_the_distributions_are_the_whole_ones(initializer):
    deviation = math.sqrt(ROWS[initializer][0])
    normal = initializer(LINEAR, seeded()).ravel() / deviation
    assert scipy.stats.kstest(normal, "norm").pvalue > 1e-4
    assert np.abs(normal).max() > 3.5  # not truncated
    uniform = initializer(LINEAR, seeded(), distribution="uniform").ravel() / deviation / math.sqrt(3)
    assert scipy.stats.kstest(uniform, "uniform", args=(-1, 2)).pvalue > 1e-4
    assert 0.999 < np.abs(uniform).max() <= 1


@pytest.mark.parametrize("initializer", [glorot, he, orthogonal], ids=lambda f: f.__name__)
def test_seed_gain_and_type(initializer):
    w = initializer((5, 7), seeded(3))
    assert np.array_equal(w, initializer((5, 7), seeded(3)))
    assert not np.array_equal(w, initializer((5, 7), seeded(4)))
    np.testing.assert_allclose(initializer((5, 7), seeded(3), gain=2.5), 2.5 * w, rtol=1e-15)
    assert initializer((5, 7), seeded(3), dtype=np.float32).dtype == np.float32
    assert np.array_equal(initializer((5, 7), seeded(3), dtype="float32"), w.astype("float32"))
    generator = seeded(3)
    assert not np.array_equal(initializer((5, 7), generator), initializer((5, 7), generator))


def test_scaled_is_what_the_named_ones_share():
    for initializer, (variance, _, _) in ROWS.items():
        for distribution in ("normal", "uniform"):
            ours = initializer(LINEAR, seeded(), distribution=distribution, gain=0.5)
            same = scaled(LINEAR, seeded(), variance, distribution=distribution, gain=0.5)
            np.testing.assert_allclose(ours, same, rtol=1e-15)
    uniform = scaled((1000, 2), seeded(), 0.25, distribution="uniform")
    assert np.abs(uniform).max() <= 0.5 * math.sqrt(3)


class TestOrthogonal:
    @pytest.mark.parametrize("shape", [(7, 7), (3, 8), (8, 3), (16, 3, 3, 3), (2, 8, 3, 3), (1, 5), (5, 1)])
    def test_rows_or_columns_are_orthonormal(self, shape):
        w = orthogonal(shape, seeded(), gain=1.5)
        matrix = w.reshape(shape[0], -1) / 1.5
        product = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
        np.testing.assert_allclose(product, np.eye(min(matrix.shape)), atol=1e-12)
        assert w.shape == shape

    def test_it_keeps_the_length_of_signals(self):
        x = seeded(1).standard_normal(50)
        for seed in range(20):
            x = orthogonal((50, 50), seeded(seed)) @ x
        assert np.linalg.norm(x) == pytest.approx(np.linalg.norm(seeded(1).standard_normal(50)), rel=1e-12)

    def test_it_is_drawn_evenly(self):
        # Of the even distribution on 2 x 2 matrices: turns and reflections alike, every angle alike.
        generator = seeded()
        drawn = [orthogonal((2, 2), generator) for _ in range(4000)]
        turns = np.mean([np.linalg.det(q) > 0 for q in drawn])
        assert turns == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(4000))
        angles = np.array([math.atan2(q[1, 0], q[0, 0]) for q in drawn]) / (2 * math.pi) + 0.5
        assert scipy.stats.kstest(angles, "uniform").pvalue > 1e-4


def signal_after(initializer, depth=50, width=256, activation=lambda x: x):
    """Mean square of the signal behind a stack of layers, from one of mean square 1."""
    generator = seeded()
    x = generator.standard_normal((width, 64))
    for _ in range(depth):
        x = activation(initializer((width, width), generator) @ x)
    return float(np.mean(x**2))


def test_what_the_variance_is_for():
    def relu(x):
        return np.maximum(x, 0)

    assert 0.1 < signal_after(he, activation=relu) < 10
    assert signal_after(glorot, activation=relu) < 1e-12  # halved fifty times
    assert 0.1 < signal_after(glorot) < 10
    assert signal_after(partial(scaled, variance=1.0)) > 1e100  # N(0, 1) explodes


RNG = seeded()
