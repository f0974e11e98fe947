"""The constants of the last layer: never violated where they are true, broken where they are not."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from helpers.formulas import lipschitz

CASES = 800
SPARE = 1 + 1e-12  # rounding


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def sigmoid(z):
    return np.exp(-np.logaddexp(0, -z))


def draw(rng):
    """Return features of any size, scale and rank, the number of classes and the scale of the weights."""
    n, k, d = rng.choice([1, 2, 8, 32, 128]), rng.choice([2, 3, 10]), rng.choice([1, 4, 64])
    features = rng.standard_normal((n, d)) * 10 ** rng.uniform(-3, 3)
    features = np.maximum(features, 0) if rng.random() < 0.5 else features
    features = np.tile(features[:1], (n, 1)) if rng.random() < 0.2 else features
    return features, k, 10 ** rng.uniform(-3, 2)


def softmax_case(rng):
    features, k, scale = draw(rng)
    weights, labels = scale * rng.standard_normal((features.shape[1], k)), rng.integers(k, size=len(features))
    labels = np.zeros_like(labels) if rng.random() < 0.3 else labels
    p = softmax(features @ weights)
    gradient = features.T @ (p - np.eye(k)[labels]) / len(features)
    return features, weights, gradient, p, {}


def binary_case(rng):
    features, _, scale = draw(rng)
    weights = scale * rng.standard_normal(features.shape[1])
    p = sigmoid(features @ weights)
    gradient = features.T @ (p - rng.integers(2, size=len(features))) / len(features)
    return features, weights, gradient, p, {}


def squared_error_case(rng):
    features, k, scale = draw(rng)
    shape = () if rng.random() < 0.5 else (k,)
    weights = scale * rng.standard_normal((features.shape[1], *shape))
    targets = 10 ** rng.uniform(-2, 2) * rng.standard_normal((len(features), *shape))
    gradient = features.T @ (features @ weights - targets) / len(features)
    return features, weights, gradient, None, {"targets": targets, "weight_norm": np.linalg.norm(weights)}


def softmax_curvature(features, p):
    """The loss's Hessian in the weights, as a matrix."""
    parts = [np.kron(np.outer(a, a), np.diag(q) - np.outer(q, q)) for a, q in zip(features, p, strict=True)]
    return sum(parts) / len(features)


def binary_curvature(features, p):
    return (features * (p * (1 - p))[:, None]).T @ features / len(features)


TRUE = {
    "softmax": (softmax_case, softmax_curvature),
    "binary": (binary_case, binary_curvature),
    "squared_error": (squared_error_case, None),
}
BOUNDS = {name: getattr(lipschitz, f"{name}_gradient_bound") for name in TRUE}
SMOOTHNESS = {name: getattr(lipschitz, f"{name}_smoothness") for name in ("softmax", "binary")}

# By hand: features of norm 5 (Frobenius) and 4 (spectral), two examples
A = np.array([[3.0, 0.0], [0.0, 4.0]])
BY_HAND = {
    "softmax_gradient_bound": [((A,), 4.0), ((A, 0.1, 2.0), 4.2)],
    "binary_gradient_bound": [((A,), math.sqrt(8)), ((A, 0.1, 2.0), math.sqrt(8) + 0.2)],
    "squared_error_gradient_bound": [((A, [1.0, 0.0], 2.0), 17.5), ((A, [1.0, 0.0], 2.0, 0.1), 17.7)],
    "softmax_smoothness": [((A,), 4.0), ((A, 0.1), 4.1)],
    "binary_smoothness": [((A,), 2.0), ((A, 0.1), 2.1)],
    "published_softmax": [((A, 10), 0.9 / 2 * 5), ((A, 10, 0.1, 2.0), 2.45)],
    "published_softmax_square": [
        ((A, 10), 0.45**2 * math.sqrt(337)),
        ((A, 10, 0.1, 2.0), 0.45**2 * math.sqrt(337) + 2 * 0.2 * 2.25),
    ],
    "published_binary": [((A,), 1.25), ((A, 0.1, 2.0), 1.45)],
    "published_regression": [((A, [3.0, 4.0], 7.0), 5.0), ((A, [3.0, 4.0], 7.0, 0.1, 2.0), 5.2)],
    "published_momentum": [((1.0, 3.0), (1 / 1.2, 1.2)), ((1.0, 3.0, 0.5), (0.5, 2.0))],
    "published_rmsprop": [((9.0, 2.0, 9.0), ((3 + 1e-7) / 2, 9.0)), ((1.0, 2.0, 7.0, 0.5, 1.0), (1.5, 4.0))],
    "published_adam": [(((1.0, 1.0), 3.0, 7.0, (0.5, 0.5), 1.0), (1.5, (2.0, 4.0)))],
}


def test_every_public_member_has_a_row():
    assert set(BY_HAND) == set(lipschitz.__all__)


def parts(found):
    return found if isinstance(found, tuple) else (found,)


@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(name):
    for arguments, expected in BY_HAND[name]:
        found = getattr(lipschitz, name)(*arguments)
        for ours, by_hand in zip(parts(found), parts(expected), strict=True):
            np.testing.assert_allclose(ours, by_hand, rtol=1e-14)
    assert A.tolist() == [[3.0, 0.0], [0.0, 4.0]]


# What is true


@pytest.mark.parametrize("name", TRUE)
def test_no_gradient_is_longer_than_its_bound(name):
    case, rng, closest = TRUE[name][0], np.random.default_rng(5), 0.0
    for _ in range(CASES):
        features, weights, gradient, _, known = case(rng)
        bound = BOUNDS[name](features, **known)
        assert np.linalg.norm(gradient) <= bound * SPARE
        closest = max(closest, np.linalg.norm(gradient) / (bound or 1.0))  # dead features: 0 and 0
        known["weight_norm"], l2 = np.linalg.norm(weights), rng.random()
        penalized = BOUNDS[name](features, l2=l2, **known)
        assert np.linalg.norm(gradient + l2 * weights) <= penalized * SPARE
        assert penalized == pytest.approx(bound + l2 * known["weight_norm"])
    assert closest > 0.999  # no smaller number would do


@pytest.mark.parametrize("name", SMOOTHNESS)
def test_no_curvature_is_larger_than_the_smoothness(name):
    (case, curvature), rng, closest = TRUE[name], np.random.default_rng(6), 0.0
    for _ in range(400):
        features, _, _, p, _ = case(rng)
        if features.shape[1] > 4:
            continue
        largest, l2 = np.linalg.eigvalsh(curvature(features, p))[-1], rng.random()
        smoothness = SMOOTHNESS[name](features)
        assert largest <= smoothness * SPARE
        assert SMOOTHNESS[name](features, l2) == pytest.approx(smoothness + l2)
        closest = max(closest, largest / (smoothness or 1.0))
    assert closest > 0.999


LOSSES = {
    "softmax": lambda z, labels: F.cross_entropy(z, labels % 3),
    "binary": lambda z, labels: F.binary_cross_entropy_with_logits(z[:, 0], (labels % 2).double()),
}


@pytest.mark.parametrize("l2", [0.0, 0.7])
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_every_rate_below_two_over_the_smoothness_lowers_torchs_loss(name, scale, l2):
    rng = np.random.default_rng(1)
    features, labels = scale * rng.standard_normal((50, 4)), torch.from_numpy(rng.integers(6, size=50))
    rate = 1.99 / SMOOTHNESS[name](features, l2)
    weights = torch.from_numpy(rng.standard_normal((4, 3)) / scale).requires_grad_()
    losses = []
    for _ in range(200):
        loss = LOSSES[name](torch.from_numpy(features) @ weights, labels) + l2 / 2 * (weights**2).sum()
        (gradient,) = torch.autograd.grad(loss, weights)
        weights = (weights - rate * gradient).detach().requires_grad_()
        losses.append(loss.item())
    assert (np.diff(losses) <= 1e-12 * np.abs(losses[:-1])).all() and losses[-1] < losses[0]


def test_scaling_features_scales_bounds_once_and_smoothness_twice():
    for name in TRUE:
        known = {"targets": np.ones(2), "weight_norm": 0.0} if name == "squared_error" else {}
        assert BOUNDS[name](10 * A, **known) == pytest.approx(10 * BOUNDS[name](A, **known))
    for smoothness in SMOOTHNESS.values():
        assert smoothness(10 * A) == pytest.approx(100 * smoothness(A))


# What was published


@pytest.mark.parametrize(("n", "k", "d"), [(1, 10, 64), (32, 10, 64), (128, 10, 64), (128, 100, 256)])
def test_the_softmax_formula_is_exceeded_by_the_root_of_2n_times_k_over_k_minus_1(n, k, d):
    features = np.tile(
        np.abs(np.random.default_rng(0).standard_normal(d)), (n, 1)
    )  # alike, confidently wrong
    gradient = features.T @ (np.eye(k)[np.ones(n, int)] - np.eye(k)[np.zeros(n, int)]) / n
    ratio = np.linalg.norm(gradient) / lipschitz.published_softmax(features, k)
    assert ratio == pytest.approx(math.sqrt(2 * n) * k / (k - 1), rel=1e-12)
    assert np.linalg.norm(gradient) == pytest.approx(lipschitz.softmax_gradient_bound(features), rel=1e-12)


def test_the_softmax_formula_is_near_the_typical_norm_at_uniform_probabilities():
    rng, squares, k = np.random.default_rng(0), [], 3
    features = np.maximum(rng.standard_normal((32, 16)), 0)
    published = lipschitz.published_softmax(features, k)
    for _ in range(4000):
        gradient = features.T @ (1 / k - np.eye(k)[rng.integers(k, size=32)]) / 32
        squares.append((np.linalg.norm(gradient) / published) ** 2)
    assert math.sqrt(np.mean(squares)) == pytest.approx(math.sqrt(k / (k - 1)), rel=0.02)
    assert 0.5 < np.mean(np.array(squares) > 1) < 0.95  # exceeded by most batches


def test_the_binary_formula_is_exceeded_by_the_root_of_4n():
    features = np.tile([[1.0, 2.0]], (64, 1))
    gradient = features.T @ (sigmoid(features @ [20.0, 20.0]) - 0.0) / 64
    assert np.linalg.norm(gradient) / lipschitz.published_binary(features) == pytest.approx(2 * 8, rel=1e-12)
    assert np.linalg.norm(gradient) == pytest.approx(lipschitz.binary_gradient_bound(features), rel=1e-12)


def test_the_regression_formula_is_zero_or_negative_where_gradients_are_not():
    one = np.ones((1, 1))
    assert lipschitz.published_regression(one, [1.0], output_norm=1.0) == 0.0  # the rate would be infinite
    assert lipschitz.squared_error_gradient_bound(one, [1.0], weight_norm=1.0) == 2.0  # attained at w = -1
    assert lipschitz.published_regression(one, [3.0], output_norm=1.0) == -2.0


def test_the_papers_own_numbers():
    features = np.full((128, 1), 206.695 / math.sqrt(128))  # K_z = 206.695
    constant = lipschitz.published_softmax(features, 10, l2=1e-3, weight_norm=43.257)
    assert constant == pytest.approx(1.4966, abs=5e-5) and 1 / constant == pytest.approx(0.668, abs=5e-4)


def test_one_over_a_gradient_bound_may_diverge_where_one_over_the_smoothness_does_not():
    w, slow = 0.27, 0.27  # w^2 / 2 on |w| <= 0.3: the gradient's bound is 0.3, the smoothness 1
    for _ in range(50):
        w, slow = w - w / 0.3, slow - slow / 1.0
    assert abs(w) > 1e15 and slow == 0.0


def test_published_averages_settle_at_constant_bounds():
    average, averages = 0.1, (1.0, 1e-6)
    for _ in range(20_000):
        lr, average = lipschitz.published_momentum(average, 4.0)
        adam, averages = lipschitz.published_adam(averages, 4.0, 16.0)
    rms, _ = lipschitz.published_rmsprop(16.0, 4.0, 16.0)
    assert (
        lr == pytest.approx(0.25)
        and rms == pytest.approx(1.0, rel=1e-6)
        and adam == pytest.approx(1.0, rel=1e-6)
    )


# Errors
