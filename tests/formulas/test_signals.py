"""Signals of random networks: the maps of one layer, and real networks that follow them."""

import math

import numpy as np
import pytest
import scipy.integrate
import torch

from helpers.core import symbolic
from helpers.core.gradcheck import numerical_gradient
from helpers.formulas import initializers, signals
from helpers.formulas.signals import (
    NODES,
    WEIGHTS,
    Activation,
    Layer,
    LeakyReLU,
    Tanh,
    mean_square,
    propagate,
)
from tests.formulas.one_definition import evaluated_at

ACTIVATIONS = [LeakyReLU(), LeakyReLU(0.3), LeakyReLU(1.0), Tanh()]
each_activation = pytest.mark.parametrize("activation", ACTIVATIONS, ids=repr)


def normal_mean(function, variance):
    """The mean over normal numbers, by another library; the kink at 0 stands at an end."""

    def weighted(z):
        return function(math.sqrt(variance) * z) ** 2 * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    parts = ((-12, -1), (-1, 0), (0, 1), (1, 12))
    return sum(scipy.integrate.quad(weighted, *part, epsabs=1e-13, limit=200)[0] for part in parts)


def test_nodes_are_a_standard_normal():
    moments = [WEIGHTS @ NODES**k for k in (0, 1, 2, 4, 6)]
    np.testing.assert_allclose(moments, [1, 0, 1, 3, 15], atol=2e-11)


@pytest.mark.parametrize(("variance", "tolerance"), [(0.0, 1e-15), (0.01, 1e-12), (1, 1e-12), (30, 1e-6)])
def test_tanh_has_the_means_of_an_integral(variance, tolerance):
    for function, mean in (
        (Tanh().formula, Tanh().mean_square),
        (Tanh().derivative, Tanh().mean_square_slope),
    ):
        exact = normal_mean(lambda y, f=function: f(float(y)), variance)
        assert mean(variance) == pytest.approx(exact, rel=tolerance, abs=1e-14)
        assert mean_square(function, variance) == mean(variance)


def test_a_far_saturated_tanh_is_within_a_thousandth():
    for function in (Tanh().formula, Tanh().derivative):
        exact = normal_mean(lambda y, f=function: f(float(y)), 100.0)
        assert mean_square(function, 100.0) == pytest.approx(exact, abs=1e-3)


@pytest.mark.parametrize("slope", [0.0, 0.25, 1.0, -0.5])
def test_closed_forms_of_the_leaky_relu_are_the_means(slope):
    leaky = LeakyReLU(slope)
    for variance in (0.01, 1.0, 400.0):
        # Activation's own are the means over the nodes; the class writes them out.
        by_nodes = Activation.mean_square(leaky, variance), Activation.mean_square_slope(leaky, variance)
        written = leaky.mean_square(variance), leaky.mean_square_slope(variance)
        np.testing.assert_allclose(written, by_nodes, rtol=1e-12)


@each_activation
def test_values_and_derivatives_are_torchs(activation):
    x = np.array([-2.0, -0.3, 0.4, 3.0])
    other = torch.tanh if isinstance(activation, Tanh) else torch.nn.LeakyReLU(activation.slope)
    np.testing.assert_allclose(activation.formula(x), other(torch.tensor(x)).numpy(), rtol=1e-15)
    by_differences = numerical_gradient(lambda v: activation.formula(v).sum(), x)
    np.testing.assert_allclose(activation.derivative(x), by_differences, atol=1e-9)
    at_zero = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    other(at_zero).sum().backward()
    assert activation.derivative(0.0) == at_zero.grad.item()


@each_activation
@pytest.mark.parametrize("gain", [0.6, 1.5])
def test_wide_networks_follow(activation, gain):
    """Six networks of width 500 and eight layers, forwards and backwards."""
    rng, width, depth = np.random.default_rng(0), 500, 8
    found = []
    for _ in range(6):
        weights = [initializers.glorot((width, width), rng, gain=gain) for _ in range(depth)]
        x, ys = rng.standard_normal(width), []
        for weight in weights:
            ys.append(weight @ x)
            x = activation.formula(ys[-1])
        deltas = [rng.standard_normal(width)]
        for weight, y in zip(weights[:0:-1], ys[-2::-1], strict=True):
            deltas.append(activation.derivative(y) * (weight.T @ deltas[-1]))
        found.append([[np.mean(y**2) for y in ys], [np.mean(d**2) for d in deltas[::-1]]])
    forward, backward = np.mean(found, axis=0)
    expected = propagate(Layer(gain, activation), depth)
    np.testing.assert_allclose(forward, expected[0], rtol=0.25)
    np.testing.assert_allclose(backward, expected[1], rtol=0.25)


def test_he_keeps_both_and_one_layer_is_one_layer():
    forward, backward = propagate(Layer(2**0.5, LeakyReLU()), 30, start=3.0)
    np.testing.assert_allclose(forward, 6.0)
    np.testing.assert_allclose(backward, 1.0)
    forward, backward = propagate(Layer(2.0, Tanh()), 1)
    assert forward.tolist() == [4.0] and backward.tolist() == [1.0]


def test_equations_are_those_of_the_code():
    leaky = Layer(1.2, LeakyReLU(0.3))
    assert symbolic.latex(leaky, of="forward") == r"g^{2} \frac{1 + a^{2}}{2} q_l"
    assert symbolic.latex(leaky, of="backward") == r"g^{2} \frac{1 + a^{2}}{2}"
    assert evaluated_at(leaky, 0.7, of="forward") == pytest.approx(leaky.forward(0.7))
    text = symbolic.latex(Layer(1.2, Tanh()), of="forward")
    assert text == r"g^{2} \mathbb E\left[\tanh^2(\sqrt{q_l} \, z)\right]"
    assert "(1 - \\tanh^2(\\sqrt{q_l}" in symbolic.latex(Layer(1.2, Tanh()), of="backward")


def test_names_in_words():
    assert {activation.words for activation in ACTIVATIONS} == {"leaky ReLU", "tanh"}
    assert set(signals.__all__) >= {"Activation", "LeakyReLU", "Tanh"}
    with pytest.raises(TypeError, match="abstract"):
        Activation()
