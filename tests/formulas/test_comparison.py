"""Paired comparison: against SciPy's t-test, by hand, and on draws whose truth is known."""

import numpy as np
import pytest
from scipy import stats

from helpers.formulas.comparison import (
    Comparison,
    PairedDifference,
    compare,
    paired_difference,
    student_quantile,
)

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("n", [2, 3, 8, 50])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_the_interval_is_that_of_the_paired_t_test(n, confidence):
    a, b = RNG.normal(size=(2, n))
    found = paired_difference(a, b, confidence)
    wanted = stats.ttest_rel(a, b).confidence_interval(confidence)
    np.testing.assert_allclose((found.low, found.high), wanted)
    np.testing.assert_allclose(found.mean, (a - b).mean())


def test_pairs_cancel_what_a_seed_does_to_both():
    seed = RNG.normal(0, 10, 8)
    found = paired_difference(seed + 1, seed)
    np.testing.assert_allclose((found.mean, found.standard_error), (1, 0), atol=1e-12)
    assert found.above(0.99) and found.below(1.01) and not found.within(0.5)


def test_95_of_100_intervals_hold_the_truth():
    draws = [paired_difference(RNG.normal(0.3, 1, 5), np.zeros(5)) for _ in range(4000)]
    share = np.mean([one.low < 0.3 < one.high for one in draws])
    assert abs(share - 0.95) < 4 * (0.95 * 0.05 / 4000) ** 0.5


def test_a_wide_interval_is_neither_above_nor_below_nor_level():
    found = paired_difference([0, 2, -1, 3], [0, 0, 0, 0])
    assert not (found.above() or found.below() or found.within(1))
    assert found.within(10)


def test_the_table_names_reference_pairs_and_contestants():
    table = compare({"a": [1.0, 2.0], "b": [2.0, 3.5], "longer name": [0.0, 1.0]}, "a")
    assert isinstance(table, Comparison) and list(table) == ["b", "longer name"]
    assert table["b"] == PairedDifference(1.25, 0.25, 2)
    lines = str(table).splitlines()
    assert lines[0].startswith("against a, 2 pairs") and "95 % interval" in lines[0]
    assert "+1.2500" in lines[1] and "-1.0000" in lines[2]
    assert max(map(len, lines)) <= 62


def test_quantiles_are_those_of_the_tables():
    np.testing.assert_allclose([student_quantile(n) for n in (2, 3, 11)], [12.706, 4.303, 2.228], atol=1e-3)
