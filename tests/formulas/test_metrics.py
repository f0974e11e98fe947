"""Every metric against numbers computed by hand, the published sum and its own promises."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from helpers.formulas import metrics

SCORES = np.array([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2], [0.3, 0.3, 0.4], [0.6, 0.4, 0.0]])
LABELS = np.array([1, 2, 0, 1])
SURE = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.45, 0.55], [0.3, 0.7]])  # 0.9 0.8 0.6 0.55 0.7
TRUTH = np.array([0, 1, 0, 0, 1])  # right, wrong, right, wrong, right

# metric: arguments, and what it gives by hand
ROWS = {
    metrics.accuracy: [((SCORES, LABELS), 1 / 4), ((SCORES[:1], LABELS[:1]), 1.0)],
    metrics.calibration: [
        # (0.5, 0.75] holds 0.6, 0.55, 0.7; (0.75, 1] holds 0.9, 0.8
        ((SURE, TRUTH, 4), ([0, 0, 3, 2], [0, 0, 1.85 / 3, 0.85], [0, 0, 2 / 3, 1 / 2])),
        ((SURE, TRUTH, 1), ([5], [0.71], [0.6])),
        # edges belong to the bin below: 0.6 of ten bins is number 6, 0.7 is number 7
        (
            (SURE[[2, 4]], TRUTH[[2, 4]], 10),
            ([0] * 5 + [1, 1, 0, 0, 0], [0] * 5 + [0.6, 0.7, 0, 0, 0], [0] * 5 + [1, 1, 0, 0, 0]),
        ),
    ],
    metrics.expected_calibration_error: [
        ((SURE, TRUTH, 4), (3 * (2 / 3 - 1.85 / 3) + 2 * (0.85 - 0.5)) / 5),
        ((SURE, TRUTH, 1), 0.11),
        ((SURE, TRUTH, 1000), (0.1 + 0.8 + 0.4 + 0.55 + 0.3) / 5),
        ((np.eye(3), np.arange(3)), 0.0),
        ((np.eye(3), np.array([1, 2, 0])), 1.0),
    ],
}
EXAMPLES = [(metric, *example) for metric, examples in ROWS.items() for example in examples]


def test_every_public_metric_has_a_row():
    assert {metric.__name__ for metric in ROWS} == set(metrics.__all__)


@pytest.mark.parametrize(("metric", "arguments", "expected"), EXAMPLES)
def test_numbers_computed_by_hand(metric, arguments, expected):
    tensors = [torch.as_tensor(a) if isinstance(a, np.ndarray) else a for a in arguments]
    for given_arguments in (arguments, tensors):
        found = metric(*given_arguments)
        if metric is metrics.calibration:
            for part, wanted in zip(found, expected, strict=True):
                np.testing.assert_allclose(np.asarray(part), wanted, rtol=1e-14)
        else:
            np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-13, atol=1e-15)
            assert isinstance(found, float) or found.dtype in (np.int64, torch.int64)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_single_and_half_precision_count_as_well(dtype):
    n = 5000  # more than half precision can count one by one
    scores, labels = np.tile(SURE.astype(dtype), (n, 1)), np.tile(TRUTH, n)
    assert metrics.accuracy(scores, labels) == 0.6
    count, confidence, right = metrics.calibration(scores, labels, 4)
    assert count.tolist() == [0, 0, 3 * n, 2 * n] and count.dtype == np.int64
    np.testing.assert_allclose(confidence, [0, 0, 1.85 / 3, 0.85], rtol=1e-3)
    np.testing.assert_allclose(right, [0, 0, 2 / 3, 1 / 2], rtol=1e-6)


def test_edges_of_bins_are_exact_in_single_precision():
    p = np.array([[0.6, 0.4]], dtype=np.float32)
    assert np.flatnonzero(metrics.calibration(p, np.array([0]), 10)[0]) == [5]


def test_a_row_with_nan_is_never_right():
    scores = np.array([[math.nan, 1.0], [1.0, math.nan], [math.inf, 0.0], [-math.inf, 0.0]])
    for x, y in ((scores, np.zeros(4, dtype=int)), (torch.as_tensor(scores), torch.zeros(4, dtype=int))):
        assert metrics.accuracy(x, y) == 1 / 4


def test_of_equal_scores_the_first_counts_as_the_highest():
    scores = np.zeros((3, 3))
    assert metrics.accuracy(scores, np.array([0, 1, 2])) == np.mean(scores.argmax(1) == [0, 1, 2]) == 1 / 3


@pytest.mark.parametrize("seed", range(5))
def test_the_calibration_error_is_the_published_sum(seed):
    rng = np.random.default_rng(seed)
    p, labels = rng.dirichlet(np.ones(4), 300), rng.integers(0, 4, 300)
    sure, right = p.max(1), p.argmax(1) == labels
    expected = 0.0
    for m in range(1, 16):
        inside = (sure > (m - 1) / 15) & (sure <= m / 15)
        if inside.any():
            expected += inside.sum() / 300 * abs(right[inside].mean() - sure[inside].mean())
    assert metrics.expected_calibration_error(p, labels) == pytest.approx(expected, rel=1e-12)


def test_a_calibrated_classifier_has_a_small_error_and_an_overconfident_one_a_large():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), 50_000)
    labels = (rng.random(50_000)[:, None] > p.cumsum(1)).sum(1).clip(0, 2)  # drawn from p itself
    assert metrics.expected_calibration_error(p, labels) < 0.015
    sharp = p**3 / (p**3).sum(1, keepdims=True)
    assert metrics.expected_calibration_error(sharp, labels) > 0.1


@given(data=st.data(), n=st.integers(1, 8), k=st.integers(1, 5))
def test_bounds_and_order(data, n, k):
    scores = data.draw(hnp.arrays(float, (n, k), elements=st.integers(-2, 2).map(float)))
    labels = data.draw(hnp.arrays(int, n, elements=st.integers(0, k - 1)))
    kept = scores.copy(), labels.copy()
    share = metrics.accuracy(scores, labels)
    assert share == np.mean(scores.argmax(1) == labels)
    assert metrics.accuracy(torch.from_numpy(scores), torch.from_numpy(labels)) == share
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    assert 0 <= metrics.expected_calibration_error(p, labels, 7) <= 1
    assert metrics.calibration(p, labels, 7)[0].sum() == n
    assert np.array_equal(scores, kept[0]) and np.array_equal(labels, kept[1])
