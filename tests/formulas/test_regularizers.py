"""Every regularizer against numbers computed by hand, distributions, torch and its own promises."""

import math

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
import sympy
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from helpers.core import symbolic
from helpers.core.gradcheck import numerical_gradient
from helpers.formulas import regularizers
from helpers.formulas.regularizers import L1, L2, GaussianPrior, LaplacePrior
from tests.formulas.one_definition import assert_readers_agree

W = np.array([[3.0, -1.0], [0.0, 0.5]])
LN_2PI = math.log(2 * math.pi)
HALF = torch.tensor(0.5, dtype=torch.float64)

# penalty: value and gradient at W by hand, the same in torch
ROWS = {
    L2(strength=0.1): (1.025, [[0.6, -0.2], [0, 0.1]], lambda w: 0.1 * torch.linalg.vector_norm(w) ** 2),
    L1(strength=0.1): (0.45, [[0.1, -0.1], [0, 0.1]], lambda w: 0.1 * torch.linalg.vector_norm(w, 1)),
    GaussianPrior(sigma=0.5): (
        10.25 / 0.5 + 4 * (LN_2PI / 2 - math.log(2)),
        [[12, -4], [0, 2]],
        lambda w: -torch.distributions.Normal(0 * HALF, HALF).log_prob(w).sum(),
    ),
    LaplacePrior(scale=0.5): (
        4.5 / 0.5,  # and the constant ln 2b is 0
        [[2, -2], [0, 2]],
        lambda w: -torch.distributions.Laplace(0 * HALF, HALF).log_prob(w).sum(),
    ),
}
each_penalty = pytest.mark.parametrize("penalty", ROWS, ids=repr)
each_proximal = pytest.mark.parametrize("penalty", [L2(strength=0.3), L1(strength=0.3)], ids=repr)
DROPOUT = {"dropout_forward", "dropout_backward"}


def test_every_public_regularizer_has_a_row():
    assert {type(p).__name__ for p in ROWS} | DROPOUT | {"Penalty"} == set(regularizers.__all__)
    assert all(p.words and p.lesson in (8, 10) for p in ROWS)


class TestPenalties:
    @each_penalty
    @pytest.mark.parametrize("library", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
    def test_numbers_computed_by_hand(self, penalty, library):
        value, grad = penalty(library(W))
        assert float(value) == pytest.approx(ROWS[penalty][0], rel=1e-14)
        np.testing.assert_allclose(np.asarray(grad), ROWS[penalty][1], rtol=1e-14)

    @each_penalty
    @pytest.mark.parametrize("seed", range(3))
    def test_torch_and_central_differences_agree(self, penalty, seed):
        weights = np.random.default_rng(seed).standard_normal((4, 5))
        value, grad = penalty(weights)
        tensor = torch.as_tensor(weights).clone().requires_grad_()
        expected = ROWS[penalty][2](tensor)
        expected.backward()
        assert float(value) == pytest.approx(expected.item(), rel=1e-10)
        np.testing.assert_allclose(grad, tensor.grad, rtol=1e-10)
        np.testing.assert_allclose(grad, numerical_gradient(lambda w: penalty(w)[0], weights), rtol=1e-6)

    @each_penalty
    def test_type_kept_input_kept_nan_shown_and_nothing_costs_nothing(self, penalty):
        for dtype in ("float16", "float32", "float64"):
            frozen = W.astype(dtype)
            frozen.setflags(write=False)
            for weights in (frozen, torch.as_tensor(W.astype(dtype))):
                value, grad = penalty(weights)
                assert str(value.dtype).endswith(dtype) and str(grad.dtype).endswith(dtype)
                assert value.shape == () and tuple(grad.shape) == W.shape
        assert math.isnan(penalty(np.array([1.0, math.nan]))[0])
        value, grad = penalty(np.zeros((0, 3)))
        assert value == 0 and grad.shape == (0, 3)

    def test_priors_are_the_densities_of_scipy(self):
        w = np.linspace(-3, 3, 13)
        expected = -scipy.stats.norm(scale=0.7).logpdf(w)
        np.testing.assert_allclose(GaussianPrior(sigma=0.7).formula(w), expected, rtol=1e-13)
        expected = -scipy.stats.laplace(scale=0.7).logpdf(w)
        np.testing.assert_allclose(LaplacePrior(scale=0.7).formula(w), expected, rtol=1e-13)

    @pytest.mark.parametrize("n", [1, 50])
    def test_a_prior_is_its_penalty_and_a_constant(self, n):
        weights = np.random.default_rng(0).standard_normal((3, 4))
        for prior, strength in ((GaussianPrior(sigma=0.5), 2 / n), (LaplacePrior(scale=0.25), 4 / n)):
            penalty = prior.penalty(n_samples=n)
            assert penalty.strength == pytest.approx(strength)
            np.testing.assert_allclose(prior(weights)[1], n * penalty(weights)[1], rtol=1e-13)
            constant = prior(weights)[0] - n * penalty(weights)[0]
            assert constant == pytest.approx(12 * prior.formula(0.0), rel=1e-12)

    def test_the_gradient_of_l2_is_twice_the_strength_as_torchs_weight_decay(self):
        weight = torch.tensor([1.0, -2.0], dtype=torch.float64)
        by_torch = torch.nn.Parameter(weight.clone())
        by_torch.grad = torch.zeros_like(weight)
        torch.optim.SGD([by_torch], lr=0.1, weight_decay=2 * 0.3).step()
        ours = weight - 0.1 * L2(strength=0.3)(weight)[1]
        torch.testing.assert_close(by_torch.detach(), ours, rtol=1e-14, atol=0)


class TestProximalSteps:
    def test_numbers_computed_by_hand(self):
        w = np.array([-2.0, -0.1, 0.0, 0.05, 0.3])
        np.testing.assert_allclose(L1(strength=1.0).proximal(w, lr=0.1), [-1.9, 0, 0, 0, 0.2], atol=1e-16)
        np.testing.assert_allclose(L2(strength=1.0).proximal(w, lr=0.5), w / 2, rtol=1e-15)
        assert L1(strength=2.0).proximal(1.0, lr=0.25) == 0.5

    @each_proximal
    @pytest.mark.parametrize("w", [-2.0, -0.1, 0.0, 0.07, 1.5])
    @pytest.mark.parametrize("lr", [0.1, 1.0, 5.0])
    def test_it_is_the_minimum_that_it_says(self, penalty, w, lr):
        def objective(v):
            return (v - w) ** 2 / (2 * lr) + penalty.formula(v)

        found = scipy.optimize.minimize_scalar(objective, bounds=(-3, 3), options={"xatol": 1e-10})
        ours = penalty.proximal(w, lr)
        assert ours == pytest.approx(found.x, abs=1e-6)
        assert objective(ours) <= found.fun + 1e-15

    @each_proximal
    @given(w=hnp.arrays(float, 3, elements=st.floats(-1e3, 1e3)), lr=st.floats(0, 10))
    def test_it_never_grows_or_turns_a_weight_and_brings_two_closer(self, penalty, w, lr):
        after = penalty.proximal(w, lr)
        assert np.all(np.abs(after) <= np.abs(w)) and np.all(after * w >= 0)
        assert abs(after[0] - after[1]) <= abs(w[0] - w[1]) * (1 + 1e-12) + 1e-12
        assert np.array_equal(penalty.proximal(w, 0.0), w)

    def test_l2_never_reaches_0_and_l1_does(self):
        shrunk, sparse = 1.0, 1.0
        for _ in range(2000):
            shrunk = L2(strength=0.05).proximal(shrunk, lr=0.1)
            sparse = L1(strength=0.1).proximal(sparse, lr=0.1)
        assert 0 < shrunk == pytest.approx(1.01**-2000, rel=1e-10)
        assert sparse == 0

    def test_tensors_keep_their_type(self):
        w = torch.tensor([-2.0, 0.05], dtype=torch.float32)
        for penalty in (L1(strength=1.0), L2(strength=1.0)):
            after = penalty.proximal(w, lr=0.1)
            assert after.dtype == torch.float32
            np.testing.assert_allclose(after, penalty.proximal(w.numpy(), lr=0.1), rtol=1e-6)


class TestOneDefinition:
    numbers = (-1e5, -2.0, -0.5, 0.0, 1e-8, 0.3, 1.0, 40.0)

    @each_penalty
    @pytest.mark.parametrize("of", ["formula", "derivative"])
    def test_all_readers_agree(self, penalty, of):
        assert_readers_agree(penalty, of, (self.numbers,))

    @each_proximal
    def test_all_readers_of_the_proximal_step_agree(self, penalty):
        assert_readers_agree(penalty, "proximal", (self.numbers, (0.0, 0.1, 2.0)))

    @each_penalty
    def test_the_derivative_is_the_one_that_sympy_finds(self, penalty):
        value, found = symbolic.expression(penalty)
        weight = sympy.Symbol("weight", real=True)
        expected = sympy.diff(value.doit(), weight)
        written = symbolic.expression(penalty, "derivative")[0].doit()
        assert sympy.simplify(expected - written) == 0
        assert set(written.free_symbols) <= {weight, *found.values}

    def test_equations(self):
        assert symbolic.latex(L2(strength=0.1)) == r"\lambda w^{2}"
        assert symbolic.latex(L2(strength=0.1), of="proximal") == r"\frac{w}{1 + 2 \eta \lambda}"
        assert symbolic.latex(GaussianPrior()).startswith(r"\frac{w^{2}}{2 \sigma^{2}} + ")
        assert r"\pi" in symbolic.latex(GaussianPrior())
        assert symbolic.latex(LaplacePrior()) == r"\frac{\left|{w}\right|}{b} + \log{\left(2 b \right)}"


class TestDropout:
    @pytest.mark.parametrize("library", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
    def test_numbers_computed_by_hand(self, library):
        x, mask = library(np.array([1.0, -2.0, 3.0, 4.0])), library(np.array([True, False, True, False]))
        y, cache = regularizers.dropout_forward(x, 0.6, mask=mask)
        np.testing.assert_allclose(y, [2.5, 0, 7.5, 0], rtol=1e-15)
        dx = regularizers.dropout_backward(library(np.array([1.0, 1.0, 2.0, 2.0])), cache)
        np.testing.assert_allclose(dx, [2.5, 0, 5, 0], rtol=1e-15)

    def test_the_backward_pass_is_the_gradient(self):
        rng = np.random.default_rng(0)
        x, dy, mask = rng.standard_normal((3, 4)), rng.standard_normal((3, 4)), rng.random((3, 4)) < 0.5
        _, cache = regularizers.dropout_forward(x, 0.5, mask=mask)
        expected = numerical_gradient(
            lambda x: regularizers.dropout_forward(x, 0.5, mask=mask)[0], x, upstream=dy
        )
        np.testing.assert_allclose(regularizers.dropout_backward(dy, cache), expected, atol=1e-9)

    def test_the_mean_stays_and_the_rate_is_the_part_that_is_dropped(self):
        y, _ = regularizers.dropout_forward(np.ones(200_000), 0.3, generator=np.random.default_rng(0))
        assert np.mean(y == 0) == pytest.approx(0.3, abs=0.005)  # 5 standard deviations
        assert y.mean() == pytest.approx(1, abs=0.008)
        assert set(np.unique(y)) == {0.0, 1 / 0.7}

    def test_a_seed_is_a_mask_in_both_libraries(self):
        x = np.arange(1.0, 13.0).reshape(3, 4)
        draws = [
            regularizers.dropout_forward(kind(x), 0.5, generator=np.random.default_rng(7))[0]
            for kind in (np.asarray, np.asarray, torch.as_tensor)
        ]
        assert np.array_equal(draws[0], draws[1]) and np.array_equal(draws[0], draws[2])
        other = regularizers.dropout_forward(x, 0.5, generator=np.random.default_rng(8))[0]
        assert not np.array_equal(draws[0], other)

    def test_rate_0_changes_nothing_and_nothing_given_is_changed(self):
        x = np.arange(6.0, dtype=np.float32)
        x.setflags(write=False)
        y, cache = regularizers.dropout_forward(x, 0.0, generator=np.random.default_rng(0))
        assert np.array_equal(y, x) and y.dtype == cache.dtype == np.float32 and y is not x
        assert regularizers.dropout_forward(x[:0], 0.5, generator=np.random.default_rng(0))[0].shape == (0,)

    def test_whole_channels_are_dropped_by_a_mask_of_channels(self):
        mask = np.array([True, False]).reshape(1, 2, 1, 1)
        y, cache = regularizers.dropout_forward(np.ones((3, 2, 4, 4)), 0.5, mask=mask)
        assert (y[:, 0] == 2).all() and (y[:, 1] == 0).all()
        assert regularizers.dropout_backward(np.ones((3, 2, 4, 4)), cache).sum() == 96


X = np.ones((2, 3))
RNG = np.random.default_rng(0)
