"""Every loss against numbers computed by hand, torch, central differences and its own promises."""

import math
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pytest
import sympy
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from helpers.core import symbolic
from helpers.core.gradcheck import numerical_gradient
from helpers.formulas import losses
from tests.formulas.one_definition import assert_readers_agree

LN2, LN3 = math.log(2), math.log(3)
ERRORS = np.array([1.0, -2.0, 3.0]), np.zeros(3)
READINGS = np.full(5, 0.99), np.array([0.98, 0.99, 1.01, 1.02, 0.85])  # the laser range finder of lesson 4
ANSWERS = np.array([0.0, LN3, -LN3]), np.array([1.0, 0.0, 1.0])
ODDS = np.log(np.array([[1.0, 1.0, 2.0], [1.0, 2.0, 1.0]]) / 4)  # log-probabilities, so logits as well
LABELS, SOFT = np.array([2, 0]), np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
WEIGHTS = np.array([1.0, 2.0, 3.0])
CE = losses.softmax_cross_entropy


@dataclass(frozen=True)
class Row:
    """A loss with its options, an example worked out by hand, and the same loss in torch."""

    loss: object
    pred: np.ndarray
    target: np.ndarray
    value: float
    grad: object
    torch: object
    options: dict = field(default_factory=dict)
    kind: str = "labels"

    def __call__(self, pred, target):
        return self.loss(pred, target, **options_in(pred, self.options))

    def by_torch(self, pred, target):
        pred = torch.as_tensor(pred).clone().requires_grad_()
        value = self.torch(pred, torch.as_tensor(target))
        value.backward()
        return value.item(), pred.grad.numpy()

    def sample(self, rng, n=6, k=3):
        """Return a random prediction and target of this kind."""
        pred = 3 * rng.standard_normal((n, k))
        if self.loss is not CE and self.kind in ("labels", "soft"):
            pred = losses.log_softmax(pred)
        soft = rng.dirichlet(np.ones(k), n)
        targets = {"labels": rng.integers(0, k, n), "soft": soft, "error": 3 * rng.standard_normal((n, k))}
        targets["binary"] = rng.random((n, k))
        return pred, targets[self.kind]

    def __repr__(self):
        name = getattr(self.loss, "__name__", repr(self.loss))
        return " ".join([name, self.kind, *self.options])


def options_in(pred, options):
    """The options with arrays of the prediction's library."""
    is_torch = isinstance(pred, torch.Tensor)
    return {k: torch.as_tensor(v) if is_torch and k == "class_weights" else v for k, v in options.items()}


def elementwise(loss, example, value, grad, by_torch, kind="error"):
    return Row(loss, *example, value, grad, by_torch, kind=kind)


def cross(target, value, grad, **options):
    """A softmax cross-entropy of the same odds; torch calls the weights of classes by another name."""
    names = {"weight": tensor(options["class_weights"])} if "class_weights" in options else {}
    names |= {k: v for k, v in options.items() if k == "label_smoothing"}
    kind = "soft" if np.ndim(target) > 1 else "labels"
    return Row(CE, ODDS, target, value, grad, partial(F.cross_entropy, **names), options, kind)


tensor = torch.as_tensor
bce = F.binary_cross_entropy_with_logits
TRIPLE = partial(bce, pos_weight=tensor(3.0, dtype=torch.float64))
HALF = np.array([[0.5, 0.5, 0.0], [0.25, 0.5, 0.25]])
SMOOTHED = 1.55 * LN2, [[0.075, 0.075, -0.15], [-0.275, 0.2, 0.075]]
# averaged by the weights of the labels, 3 + 1
WEIGHED = (3 * 0.8 + 0.1 * 2 + 0.2 * 2 + 0.8 * 2 + 0.2 * 1 + 0.3 * 2) / 4 * LN2
WEIGHED_GRAD = np.array(
    [[2.7 / 4 - 0.1, 2.7 / 4 - 0.2, 2.7 / 2 - 2.4], [1.3 / 4 - 0.8, 1.3 / 2 - 0.2, 1.3 / 4 - 0.3]]
)
SMOOTH, HUBER = losses.SmoothL1(beta=2.0), losses.Huber(delta=2.0)
ODD, RATIO = losses.BinaryCrossEntropy(), losses.BinaryCrossEntropy(pos_weight=3.0)
ROWS = {
    "SquaredError": [elementwise(losses.SquaredError(), ERRORS, 14 / 3, [2 / 3, -4 / 3, 2], F.mse_loss)],
    "AbsoluteError": [
        elementwise(losses.AbsoluteError(), READINGS, 0.04, [0.2, 0, -0.2, -0.2, 0.2], F.l1_loss),
        elementwise(losses.AbsoluteError(), ERRORS, 2, [1 / 3, -1 / 3, 1 / 3], F.l1_loss),
    ],
    "SmoothL1": [
        elementwise(SMOOTH, ERRORS, 13 / 12, [1 / 6, -1 / 3, 1 / 3], partial(F.smooth_l1_loss, beta=2.0))
    ],
    "Huber": [elementwise(HUBER, ERRORS, 13 / 6, [1 / 3, -2 / 3, 2 / 3], partial(F.huber_loss, delta=2.0))],
    "BinaryCrossEntropy": [
        elementwise(ODD, ANSWERS, 5 / 3 * LN2, [-1 / 6, 1 / 4, -1 / 4], bce, "binary"),
        elementwise(RATIO, ANSWERS, 11 / 3 * LN2, [-1 / 2, 1 / 4, -3 / 4], TRIPLE, "binary"),
    ],
    "softmax_cross_entropy": [
        cross(LABELS, 1.5 * LN2, [[1 / 8, 1 / 8, -1 / 4], [-3 / 8, 1 / 4, 1 / 8]]),
        cross(
            LABELS, 5 / 4 * LN2, [[3 / 16, 3 / 16, -3 / 8], [-3 / 16, 1 / 8, 1 / 16]], class_weights=WEIGHTS
        ),
        cross(LABELS, *SMOOTHED, label_smoothing=0.3),
        cross(LABELS, WEIGHED, WEIGHED_GRAD / 4, class_weights=WEIGHTS, label_smoothing=0.3),
        cross(SOFT, 2 * LN2, [[-1 / 8, -1 / 8, 1 / 4], [1 / 8, 1 / 4, -3 / 8]]),
        cross(SOFT, 4.5 * LN2, [[-1 / 16, -5 / 16, 3 / 8], [3 / 8, 3 / 4, -9 / 8]], class_weights=WEIGHTS),
        cross(np.eye(3)[LABELS], *SMOOTHED, label_smoothing=0.3),
    ],
    "kl_divergence": [
        Row(
            *(losses.kl_divergence, ODDS, HALF, LN2 / 2, [[-1 / 4, -1 / 4, 0], [-1 / 8, -1 / 4, -1 / 8]]),
            *(partial(F.kl_div, reduction="batchmean"), {}, "soft"),
        ),
    ],
}
ALL = [row for rows in ROWS.values() for row in rows]
each_row = pytest.mark.parametrize("row", ALL, ids=repr)
each_method = pytest.mark.parametrize(
    "method",
    [
        losses.SquaredError(),
        losses.AbsoluteError(),
        losses.SmoothL1(beta=0.7),
        losses.Huber(delta=0.7),
        losses.BinaryCrossEntropy(pos_weight=2.5),
    ],
    ids=repr,
)


def test_every_public_loss_has_a_row_and_every_method_is_in_the_table():
    assert set(ROWS) | {"METHODS", "ElementwiseLoss", "log_softmax"} == set(losses.__all__)
    assert [method.__name__ for method in losses.METHODS] == list(ROWS)[:5]
    for method in losses.METHODS:
        assert method.words and 4 <= method.lesson <= 6


class TestValues:
    @each_row
    @pytest.mark.parametrize("library", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
    def test_numbers_computed_by_hand(self, row, library):
        value, grad = row(library(row.pred), library(row.target))
        assert float(value) == pytest.approx(row.value, rel=1e-14)
        np.testing.assert_allclose(np.asarray(grad), row.grad, rtol=1e-14, atol=1e-16)

    @each_row
    def test_torch_agrees(self, row):
        pred, target = row.sample(np.random.default_rng(0), n=250, k=3)
        value, grad = row(pred, target)
        expected, expected_grad = row.by_torch(pred, target)
        assert float(value) == pytest.approx(expected, rel=1e-10)
        np.testing.assert_allclose(grad, expected_grad, rtol=1e-10, atol=1e-16)

    @each_row
    def test_central_differences_agree(self, row):
        pred, target = row.sample(np.random.default_rng(0), n=18)
        expected = numerical_gradient(lambda x: row(x, target)[0], pred)
        np.testing.assert_allclose(row(pred, target)[1], expected, rtol=1e-6, atol=1e-9)

    @each_row
    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
    def test_the_type_of_the_prediction_is_kept(self, row, dtype):
        pred, target = row.pred.astype(dtype), row.target
        for value, grad in (row(pred, target), row(torch.as_tensor(pred), torch.as_tensor(target))):
            assert type(grad) in (np.ndarray, torch.Tensor)
            assert str(value.dtype).endswith(dtype) and str(grad.dtype).endswith(dtype)
            assert value.shape == () and grad.shape == pred.shape
            assert float(value) == pytest.approx(row.value, rel=20 * float(np.finfo(dtype).eps))

    @each_row
    def test_inputs_are_not_changed_and_a_second_call_says_the_same(self, row):
        pred, target = row.pred.copy(), row.target.copy()
        pred.setflags(write=False)
        target.setflags(write=False)
        first, second = row(pred, target), row(pred, target)
        assert first[0] == second[0] and np.array_equal(first[1], second[1])
        tensors = torch.as_tensor(row.pred.copy()), torch.as_tensor(row.target.copy())
        row(*tensors)
        assert np.array_equal(tensors[0], row.pred) and np.array_equal(tensors[1], row.target)

    def test_targets_are_read_in_the_type_of_the_prediction(self):
        pred = np.array([1.0, 0.0], dtype=np.float32)
        for loss in (losses.SquaredError(), losses.BinaryCrossEntropy()):
            expected = loss(pred, np.array([1.0, 0.0], dtype=np.float32))
            for target in (np.array([1, 0]), np.array([True, False]), np.array([1.0, 0.0])):
                value, grad = loss(pred, target)
                assert value == expected[0] and value.dtype == grad.dtype == np.float32

    def test_labels_of_any_integer_type(self):
        for dtype in ("uint8", "int8", "int32"):
            assert CE(ODDS, LABELS.astype(dtype))[0] == CE(ODDS, LABELS)[0]
            tensors = torch.as_tensor(ODDS), torch.as_tensor(LABELS.astype(dtype))
            assert CE(*tensors)[0] == pytest.approx(float(CE(ODDS, LABELS)[0]), rel=1e-15)

    def test_any_shape_is_averaged_over_all_entries(self):
        rng = np.random.default_rng(0)
        pred, target = rng.random((2, 3, 4, 5)), rng.random((2, 3, 4, 5))
        for row in ALL:
            if row.kind in ("error", "binary"):
                value, grad = row(pred, target)
                flat, flat_grad = row(pred.ravel(), target.ravel())
                assert value == pytest.approx(flat, rel=1e-14) and np.array_equal(grad.ravel(), flat_grad)
        assert losses.SquaredError()(np.array(3.0), np.array(1.0)) == (4.0, 4.0)  # no axis: one entry


class TestEnds:
    """Large, tiny, impossible and missing numbers."""

    @pytest.mark.parametrize(
        ("dtype", "big"), [("float64", 1e308), ("float32", 1e4), ("float32", 1e38), ("float16", 6e4)]
    )
    def test_logits_of_any_size(self, dtype, big):
        logits = np.array([[big, 0.0, -big / 2], [big, big, 0.0], [-big, -big, -big]], dtype=dtype)
        for x in (logits, torch.as_tensor(logits)):
            one = torch.as_tensor if x is not logits else np.asarray
            value, grad = CE(x, one(np.array([0, 1, 2])))
            assert float(value) == pytest.approx((LN2 + LN3) / 3, rel=1e-3 if dtype == "float16" else 1e-6)
            expected = np.array([[0, 0, 0], [1 / 2, -1 / 2, 0], [1 / 3, 1 / 3, -2 / 3]]) / 3
            np.testing.assert_allclose(np.asarray(grad), expected, rtol=2e-3 if dtype == "float16" else 1e-6)

    def test_a_loss_too_large_for_the_type_is_infinite_and_its_gradient_is_right(self):
        value, grad = CE(np.array([[1e308, -1e308]]), np.array([1]))
        assert value == math.inf and grad.tolist() == [[1.0, -1.0]]
        value, grad = CE(np.array([[1e308, -1e308]]), np.array([[1.0, 0.0]]))
        assert value == 0.0 and grad.tolist() == [[0.0, 0.0]]
        value, grad = losses.SquaredError()(np.array([1e200]), np.array([0.0]))
        assert value == math.inf and grad == 2e200
        assert losses.SquaredError().formula(1e200) == math.inf

    def test_a_mean_of_large_losses_does_not_overflow(self):
        assert CE(np.array([[1.2e308, 0.0]] * 4), np.ones(4, dtype=int))[0] == pytest.approx(1.2e308)
        assert losses.AbsoluteError()(np.full(4, 1.2e308), np.zeros(4))[0] == pytest.approx(1.2e308)
        assert losses.BinaryCrossEntropy()(np.full(4, 1.2e308), np.zeros(4))[0] == pytest.approx(1.2e308)
        for loss in (losses.SmoothL1(beta=1.0), losses.Huber(delta=1.0)):
            value, grad = loss(np.full(4, -1.2e308), np.zeros(4))
            assert value == pytest.approx(1.2e308) and grad.tolist() == [-0.25] * 4

    def test_the_binary_loss_keeps_its_digits_where_it_is_certain(self):
        value, grad = losses.BinaryCrossEntropy()(np.array([40.0, -40.0]), np.array([1.0, 0.0]))
        tiny = float(sympy.log(1 + sympy.exp(-40)).evalf(30))
        assert value == pytest.approx(tiny, rel=1e-14)
        assert grad == pytest.approx([-tiny / 2, tiny / 2], rel=1e-14)
        value, grad = losses.BinaryCrossEntropy()(np.array([1e308, -1e308]), np.array([0.0, 1.0]))
        assert value == 1e308 and grad.tolist() == [0.5, -0.5]

    def test_a_single_class_costs_nothing(self):
        value, grad = CE(np.array([[3.0], [-7.0]]), np.array([0, 0]))
        assert value == 0 and not grad.any()

    def test_an_impossible_class(self):
        logits = np.array([[0.0, -math.inf, 0.0]])
        value, grad = CE(logits, np.array([0]))
        assert value == pytest.approx(LN2) and grad.tolist() == [[-0.5, 0.0, 0.5]]
        value, grad = CE(logits, np.array([[0.5, 0.0, 0.5]]))
        assert value == pytest.approx(LN2) and grad.tolist() == [[0.0, 0.0, 0.0]]
        value, grad = CE(logits, np.array([1]))
        assert value == math.inf and grad.tolist() == [[0.5, -1.0, 0.5]]
        log_probs, target = losses.log_softmax(logits), np.array([[0.5, 0.0, 0.5]])
        assert losses.kl_divergence(log_probs, target)[0] == pytest.approx(0.0, abs=1e-16)
        assert losses.kl_divergence(log_probs, target[:, [1, 0, 2]])[0] == math.inf

    @pytest.mark.parametrize("bad", [math.nan, math.inf])
    def test_a_row_that_has_no_softmax_is_nan_and_stays_alone(self, bad):
        value, grad = CE(np.array([[bad, 0.0], [0.0, 0.0]]), np.array([0, 1]))
        assert math.isnan(value) and np.isnan(grad[0]).all()
        assert grad[1].tolist() == [0.25, -0.25]

    @each_row
    def test_nan_is_never_hidden(self, row):
        pred = row.pred.copy()
        pred[(0,) * pred.ndim if row.target.ndim > 1 or pred.ndim == 1 else (0, row.target[0])] = math.nan
        for x, target in ((pred, row.target), (torch.as_tensor(pred), torch.as_tensor(row.target))):
            assert math.isnan(row(x, target)[0])

    def test_nan_in_one_entry_stays_there(self):
        for loss in (losses.SquaredError(), losses.AbsoluteError(), losses.SmoothL1(), losses.Huber()):
            _, grad = loss(np.array([math.nan, 1.0]), np.zeros(2))
            assert np.isnan(grad).tolist() == [True, False]


class TestLimitsAndInvariants:
    errors = np.array([-3.0, -0.5, 0.0, 1e-3, 2.0])

    def test_smooth_l1_becomes_the_absolute_error(self):
        zeros = np.zeros(5)
        value, grad = losses.AbsoluteError()(self.errors, zeros)
        near = losses.SmoothL1(beta=1e-9)(self.errors, zeros)
        assert near[0] == pytest.approx(value, abs=1e-9) and np.array_equal(near[1], grad)
        tiniest = losses.SmoothL1(beta=5e-324)(self.errors, zeros)
        assert tiniest[0] == value and np.array_equal(tiniest[1], grad)

    def test_huber_becomes_half_the_squared_error(self):
        value, grad = losses.SquaredError()(self.errors, np.zeros(5))
        wide = losses.Huber(delta=1e9)(self.errors, np.zeros(5))
        assert wide[0] == pytest.approx(value / 2) and np.allclose(wide[1], grad / 2)

    @pytest.mark.parametrize("delta", [0.01, 0.5, 1.0, 7.0])
    def test_huber_is_delta_times_smooth_l1(self, delta):
        errors = np.append(self.errors, [delta, -delta])
        value, grad = losses.Huber(delta=delta)(errors, np.zeros(7))
        other, other_grad = losses.SmoothL1(beta=delta)(errors, np.zeros(7))
        assert value == pytest.approx(delta * other, rel=1e-14)
        np.testing.assert_allclose(grad, delta * other_grad, rtol=1e-14)

    def test_the_squared_error_is_least_at_the_mean_and_the_absolute_at_the_median(self):
        _, readings = READINGS
        assert losses.SquaredError()(np.full(5, 0.97), readings)[1].sum() == pytest.approx(0, abs=1e-15)
        assert losses.AbsoluteError()(np.full(5, 0.99), readings)[1].sum() == pytest.approx(0, abs=1e-15)
        absolute = {
            g: losses.AbsoluteError()(np.full(5, g), readings)[0] for g in (0.97, 0.985, 0.99, 1.0, 1.01)
        }
        assert min(absolute, key=absolute.get) == 0.99
        assert absolute[0.99] == pytest.approx(0.04) and absolute[1.01] == pytest.approx(0.044)

    def test_the_binary_loss_is_the_softmax_loss_of_two_classes(self):
        z = np.linspace(-30, 30, 13)
        y = (np.arange(13) % 3 == 0).astype(float)
        value, grad = losses.BinaryCrossEntropy()(z, y)
        two, two_grad = CE(np.stack([np.zeros(13), z], axis=1), y.astype(int))
        assert value == pytest.approx(two, rel=1e-13)
        np.testing.assert_allclose(grad, two_grad[:, 1], atol=1e-16)

    def test_cross_entropy_is_divergence_plus_entropy_and_likelihood_of_log_softmax(self):
        rng = np.random.default_rng(0)
        logits, target = rng.standard_normal((5, 4)), rng.dirichlet(np.ones(4), 5)
        log_probs = losses.log_softmax(logits)
        entropy = -np.mean(np.sum(target * np.log(target), axis=1))
        soft = CE(logits, target)[0]
        assert soft == pytest.approx(losses.kl_divergence(log_probs, target)[0] + entropy, rel=1e-13)
        labels = np.array([3, 0, 1, 1, 2])
        assert CE(logits, labels)[0] == pytest.approx(CE(logits, np.eye(4)[labels])[0], rel=1e-14)
        likelihood = log_probs[np.arange(5), labels]
        assert CE(logits, labels)[0] == pytest.approx(-likelihood.mean(), rel=1e-14)

    def test_a_uniform_guess_costs_log_k(self):
        for k in (2, 10, 1000):
            assert CE(np.full((3, k), 7.0), np.zeros(3, dtype=int))[0] == pytest.approx(math.log(k))

    def test_log_softmax_is_a_logarithm_of_probabilities(self):
        logits = np.random.default_rng(0).standard_normal((4, 7)) * 50
        result = losses.log_softmax(logits)
        np.testing.assert_allclose(np.exp(result).sum(axis=1), 1, rtol=1e-13)
        np.testing.assert_allclose(
            result, torch.log_softmax(torch.as_tensor(logits), 1), rtol=1e-12, atol=1e-15
        )
        assert losses.log_softmax(np.array([[1e308, -1e308]])).tolist() == [[0.0, -math.inf]]

    numbers = st.floats(-1e6, 1e6)
    shapes = hnp.array_shapes(min_dims=1, max_dims=4, max_side=4)

    @given(data=st.data(), shape=shapes)
    def test_losses_of_numbers_are_not_negative_and_vanish_at_the_target(self, data, shape):
        pred, target = (data.draw(hnp.arrays(float, shape, elements=self.numbers)) for _ in range(2))
        for row in ALL:
            if row.kind == "error":
                value, grad = row.loss(pred, target)
                assert value >= 0 and grad.shape == shape
                assert np.all(grad * (pred - target) >= 0)  # downhill is towards the target
                assert row.loss(target, target)[0] == 0 and not row.loss(target, target)[1].any()

    @given(data=st.data(), n=st.integers(1, 5), k=st.integers(1, 5))
    def test_softmax_losses(self, data, n, k):
        logits = data.draw(hnp.arrays(float, (n, k), elements=st.floats(-700, 700)))
        labels = data.draw(hnp.arrays(int, n, elements=st.integers(0, k - 1)))
        smoothing = data.draw(st.floats(0, 0.9))
        value, grad = CE(logits, labels, label_smoothing=smoothing)
        assert value >= 0
        np.testing.assert_allclose(grad.sum(axis=1), 0, atol=1e-15)
        assert np.abs(grad).sum(axis=1).max() <= 2 / n + 1e-15
        shift = data.draw(hnp.arrays(float, (n, 1), elements=st.floats(-1000, 1000)))
        shifted = CE(logits + shift, labels, label_smoothing=smoothing)
        assert float(shifted[0]) == pytest.approx(float(value), rel=1e-10, abs=1e-10)
        np.testing.assert_allclose(shifted[1], grad, atol=1e-10)
        log_probs = losses.log_softmax(logits)
        target = np.exp(losses.log_softmax(logits[:, ::-1] / 10))
        assert losses.kl_divergence(log_probs, target)[0] >= -1e-12
        own = losses.kl_divergence(losses.log_softmax(logits[:, ::-1] / 10), target)[0]
        assert float(own) == pytest.approx(0, abs=1e-12)

    @given(logit=st.floats(-1e300, 1e300), target=st.floats(0, 1), weight=st.floats(0.01, 100))
    def test_the_binary_loss_is_not_negative_and_its_slope_is_bounded(self, logit, target, weight):
        loss = losses.BinaryCrossEntropy(pos_weight=weight)
        assert loss.formula(logit, target) >= 0
        assert -weight <= loss.derivative(logit, target) <= 1


class TestOneDefinition:
    numbers = (-1e6, -3.0, -1.0, -0.7, -0.1, 0.0, 1e-9, 0.3, 0.7, 1.0, 2.0, 30.0, 1e6)
    logits = (-1000.0, -40.0, -3.0, -1e-9, 0.0, 0.5, 2.0, 36.0, 700.0, 1000.0)

    def grids(self, method):
        binary = isinstance(method, losses.BinaryCrossEntropy)
        return (self.logits, (0.0, 0.25, 1.0)) if binary else (self.numbers,)

    @each_method
    @pytest.mark.parametrize("of", ["formula", "derivative"])
    def test_all_readers_agree(self, method, of):
        assert_readers_agree(method, of, self.grids(method))

    def test_equations(self):
        equations = {
            losses.SquaredError(): ("e^{2}", "2 e"),
            losses.AbsoluteError(): (r"\left|{e}\right|", r"\operatorname{sign}{\left(e \right)}"),
            losses.BinaryCrossEntropy(): (
                r"w y \log\left(1 + e^{- z}\right) + \left(1 - y\right) \log\left(1 + e^{z}\right)",
                r"\left(1 - y\right) \sigma\left(z\right) - w y \sigma\left(- z\right)",
            ),
        }
        for loss, expected in equations.items():
            assert (symbolic.latex(loss), symbolic.latex(loss, of="derivative")) == expected
        assert r"\frac{e^{2}}{2 \beta} & \text{for}\: \left|{e}\right| < \beta" in symbolic.latex(
            losses.SmoothL1()
        )
        assert r"\left|{e}\right| \leq 0.5" in symbolic.latex(losses.Huber(delta=0.5), values=True)


X, Y = np.zeros((2, 3)), np.array([0, 1])
