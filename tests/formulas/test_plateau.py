"""Reduce on plateau: by hand, against torch over whole sequences, and where torch is left on purpose."""

import math
import pickle
import re
import warnings
from dataclasses import FrozenInstanceError, fields
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.core.hyperparameters import hyperparameters
from helpers.formulas.schedules import METHODS, ReduceOnPlateau

NAN, INF = math.nan, math.inf


def run(schedule, metrics):
    """The states before training and after each metric."""
    states = [schedule.init()]
    for metric in metrics:
        states.append(schedule.observe(states[-1], metric))
    return states


def rates(schedule, metrics):
    return [state["lr"] for state in run(schedule, metrics)]


def torch_rates(schedule, metrics):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=schedule.base_lr)
    scheduler = eval(schedule.torch(), {**vars(torch.optim.lr_scheduler), "optimizer": optimizer})
    found = [optimizer.param_groups[0]["lr"]]
    for metric in metrics:
        scheduler.step(metric)
        found.append(optimizer.param_groups[0]["lr"])
    return found


#: Schedule, metrics, and the rate after each of them, worked out by hand.
BY_HAND = {
    "patience: one bad check more than is borne": (
        ReduceOnPlateau(0.1, factor=0.5, patience=2),
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
        [0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025],
    ),
    "no patience": (
        ReduceOnPlateau(0.4, factor=0.5, patience=0),
        [1, 1, 0.5, 0.6, 0.4],
        [0.4, 0.2, 0.2, 0.1, 0.1],
    ),
    "an improvement forgives what came before": (
        ReduceOnPlateau(0.1, factor=0.5, patience=1),
        [1.0, 1.1, 0.9, 1.0, 0.8, 0.9, 0.9],
        [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.05],
    ),
    "the best stays the best after a reduction": (
        ReduceOnPlateau(0.1, factor=0.5, patience=0),
        [1.0, 2.0, 1.5, 1.2],
        [0.1, 0.05, 0.025, 0.0125],
    ),
    "relative threshold": (
        ReduceOnPlateau(0.1, factor=0.5, patience=0, threshold=0.1),
        [100.0, 91.0, 89.0, 80.2, 80.0],
        [0.1, 0.05, 0.05, 0.025, 0.025],
    ),
    "absolute threshold": (
        ReduceOnPlateau(0.1, factor=0.5, patience=0, threshold=0.25, threshold_mode="abs"),
        [1.0, 0.8, 0.75, 0.5],
        [0.1, 0.05, 0.025, 0.025],
    ),
    "a metric that should rise": (
        ReduceOnPlateau(0.1, factor=0.5, patience=0, mode="max", threshold=0.1),
        [0.5, 0.54, 0.56, 0.6, 0.62],
        [0.1, 0.05, 0.05, 0.025, 0.025],
    ),
    "cool-down: bad checks do not count, the best is kept": (
        ReduceOnPlateau(0.8, factor=0.5, patience=0, cooldown=2),
        [1.0, 1.0, 0.9, 1.0, 0.95, 0.95, 0.95, 0.95],
        [0.8, 0.4, 0.4, 0.4, 0.2, 0.2, 0.2, 0.1],
    ),
    "the smallest rate": (
        ReduceOnPlateau(0.1, factor=0.5, patience=0, min_lr=0.04),
        [1.0, 1.0, 1.0, 1.0],
        [0.1, 0.05, 0.04, 0.04],
    ),
    "NaN is a bad check": (
        ReduceOnPlateau(0.1, factor=0.5, patience=1),
        [1.0, NAN, NAN, 0.9],
        [0.1, 0.1, 0.05, 0.05],
    ),
    "NaN at the start is not the best": (
        ReduceOnPlateau(0.1, factor=0.5, patience=1),
        [NAN, 1.0, 0.9, 0.8, 0.7, 0.6],
        [0.1] * 6,
    ),
    "an infinite loss is a bad check": (
        ReduceOnPlateau(0.1, factor=0.5, patience=0),
        [INF, 1.0, INF, 0.9],
        [0.05, 0.05, 0.025, 0.025],
    ),
    "a metric below zero, where torch's threshold is turned round": (
        ReduceOnPlateau(0.1, factor=0.5, patience=0, threshold=0.1),
        [-1.0, -1.05, -1.2, -1.15],
        [0.1, 0.05, 0.05, 0.025],
    ),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_by_hand(case):
    schedule, metrics, expected = BY_HAND[case]
    assert rates(schedule, metrics)[1:] == pytest.approx(expected, rel=1e-15)


def test_the_whole_state():
    schedule = ReduceOnPlateau(0.8, factor=0.5, patience=1, cooldown=2)
    assert run(schedule, [1.0, 1.0, 1.0, 0.5, 0.6, 0.6]) == [
        {"lr": 0.8, "best": INF, "bad_checks": 0, "cooldown": 0},
        {"lr": 0.8, "best": 1.0, "bad_checks": 0, "cooldown": 0},
        {"lr": 0.8, "best": 1.0, "bad_checks": 1, "cooldown": 0},
        {"lr": 0.4, "best": 1.0, "bad_checks": 0, "cooldown": 2},
        {"lr": 0.4, "best": 0.5, "bad_checks": 0, "cooldown": 1},
        {"lr": 0.4, "best": 0.5, "bad_checks": 0, "cooldown": 0},
        {"lr": 0.4, "best": 0.5, "bad_checks": 1, "cooldown": 0},
    ]
    assert schedule.replace(mode="max").init()["best"] == -INF


metrics = st.lists(st.one_of(st.floats(0.01, 10), st.just(NAN), st.just(INF)), max_size=80)
plateaus = st.builds(
    ReduceOnPlateau,
    lr=st.floats(0.01, 1),
    factor=st.floats(0.05, 0.95),
    patience=st.integers(0, 4),
    threshold=st.floats(0, 0.3),
    threshold_mode=st.sampled_from(["rel", "abs"]),
    mode=st.sampled_from(["min", "max"]),
    cooldown=st.integers(0, 4),
    min_lr=st.floats(0, 0.01),
)


class TestAgainstTorch:
    @given(plateaus, metrics)
    def test_whole_sequences(self, schedule, metrics):
        np.testing.assert_allclose(rates(schedule, metrics), torch_rates(schedule, metrics), rtol=1e-10)

    @given(plateaus, st.lists(st.floats(-10, 10), max_size=80))
    def test_negative_metrics_with_an_absolute_threshold(self, schedule, metrics):
        schedule = schedule.replace(threshold_mode="abs")
        np.testing.assert_allclose(rates(schedule, metrics), torch_rates(schedule, metrics), rtol=1e-10)

    def test_torch_takes_a_worse_negative_metric_for_a_better_one(self):
        schedule = ReduceOnPlateau(0.1, factor=0.5, patience=0, threshold=0.1)
        assert torch_rates(schedule, [-1.0, -0.95]) == [0.1, 0.1, 0.1]
        assert rates(schedule, [-1.0, -0.95]) == [0.1, 0.1, 0.05]

    def test_torch_skips_a_reduction_that_is_too_small_unless_told_otherwise(self):
        schedule = ReduceOnPlateau(1e-8, factor=0.5, patience=0)
        assert rates(schedule, [1.0, 1.0]) == torch_rates(schedule, [1.0, 1.0]) == [1e-8, 1e-8, 5e-9]
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1e-8)
        theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=0)
        for _ in range(2):
            theirs.step(1.0)
        assert optimizer.param_groups[0]["lr"] == 1e-8


@given(plateaus, metrics)
def test_rates_never_rise_the_best_was_seen_and_a_run_goes_on_from_a_saved_state(schedule, metrics):
    states, found = run(schedule, metrics), rates(schedule, metrics)
    copies = pickle.loads(pickle.dumps(states))
    assert all(a >= b for a, b in pairwise(found)) and found[-1] >= schedule.min_lr
    for i, (state, metric) in enumerate(zip(copies, metrics, strict=False)):
        assert schedule.observe(state, metric) == schedule.observe(states[i], metric) == states[i + 1]
        assert states[i + 1]["best"] in [schedule.init()["best"], *metrics[: i + 1]]
        assert not math.isnan(states[i + 1]["best"])
    assert states == copies
    turned = schedule.replace(mode="max" if schedule.mode == "min" else "min")
    assert rates(turned, [-m for m in metrics]) == found


REFUSED = {
    "lr": (0, "lr must be positive, got lr=0"),
    "factor": (1.5, "factor must be in (0, 1], got factor=1.5"),
    "patience": (-1, "patience must be zero or positive, got patience=-1"),
    "threshold": (-0.1, "threshold must be zero or positive, got threshold=-0.1"),
    "threshold_mode": ("relative", "threshold_mode must be 'rel' or 'abs', got threshold_mode='relative'"),
    "mode": ("least", "mode must be 'min' or 'max', got mode='least'"),
    "cooldown": (1.5, "cooldown must be a whole number, got cooldown=1.5 of type float"),
    "min_lr": (0.2, "min_lr must be at most lr=0.1, got min_lr=0.2"),
}


def test_each_field_says_what_it_requires():
    assert set(REFUSED) == {field.name for field in fields(ReduceOnPlateau)}
    for name, (value, message) in REFUSED.items():
        with pytest.raises((ValueError, TypeError), match=f"^{re.escape(message)}$"):
            ReduceOnPlateau(**{"lr": 0.1, name: value})


def test_a_metric_must_be_a_number():
    schedule = ReduceOnPlateau(0.1)
    for metric in (torch.ones(1), np.ones(1), np.array(True), np.array("1"), "1", None):
        with pytest.raises(TypeError, match=r"^metric must be a real number, got metric="):
            schedule.observe(schedule.init(), metric)
    for half in (np.float32(0.5), np.array(0.5), torch.tensor(0.5), np.array(0.5, dtype=object)):
        best = schedule.observe(schedule.init(), half)["best"]
        assert best == 0.5 and type(best) is float


def test_it_is_frozen_hashable_pickled_and_described():
    assert ReduceOnPlateau.words not in {method.words for method in METHODS}
    schedule = ReduceOnPlateau(0.1)
    with pytest.raises(FrozenInstanceError):
        schedule.lr = 1.0
    assert pickle.loads(pickle.dumps(schedule)) == schedule == schedule.replace()
    assert hash(schedule.replace()) == hash(schedule) and ReduceOnPlateau.lesson == 20
    names = [name.library for name in ReduceOnPlateau.library_names]
    assert names == ["torch", "Keras", "Paddle", "optax", "timm"]
    about = hyperparameters(ReduceOnPlateau)
    assert len({fact.symbol for fact in about.values()}) == len(about)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch_rates(ReduceOnPlateau(0.1), [1.0])
