"""Our reduction on plateaus and those of Keras, optax, timm and Paddle, and how they differ."""

import itertools

import numpy as np
import pytest

from helpers.formulas.schedules import ReduceOnPlateau
from tests.peers import records

METRICS = (1.0, 0.9, 0.9, 0.9, 0.95, 0.8, 0.9, 0.85, 0.85, 0.85, 0.85, 0.7, *[0.8] * 9, 0.6, *[0.6] * 9)
FIRST_NAN = (float("nan"), *np.linspace(1, 0.1, 6).tolist())
RISING = (-1.0, -0.95)
PAIRS = list(itertools.product([0, 1, 3], repeat=2))  # patience and cool-down
KERAS = "plateau(METRICS, factor=0.5, min_delta=0.01, patience={}, cooldown={})"
OPTAX = "plateau(METRICS, factor=0.5, patience={}, cooldown={}, rtol={}, atol={})"
TIMM = "plateau(METRICS, decay_rate=0.5, patience_t=1, cooldown_t={}{})"
PADDLE = "plateau({}, factor=0.5, patience=1, cooldown={})"
NAN = {"Keras": "plateau(FIRST_NAN, patience=2)", "optax": "plateau(FIRST_NAN, patience=2)"}
NAN |= {"Paddle": PADDLE.format("FIRST_NAN", 0)}
WORSE = "plateau(RISING, factor=0.5, patience=1, rtol=0.1, atol=0.0)"
CALLS = [
    *(("Keras", KERAS.format(p + less, c + 1)) for p, c in PAIRS for less in (0, 1)),
    *(
        ("optax", OPTAX.format(p + less, c, *t))
        for p, c in PAIRS
        for less in (0, 1)
        for t in ((0, 0.02), (0.02, 0))
    ),
    *(("timm", TIMM.format(c, mode)) for c in (0, 2) for mode in ("", ", mode='min'")),
    *(("Paddle", PADDLE.format("METRICS", c)) for c in (0, 3)),
    *NAN.items(),
    ("optax", WORSE),
]


def rates(metrics=METRICS, **changes):
    """Our rates after each metric."""
    schedule = ReduceOnPlateau(0.5, factor=0.5, **changes)
    return [
        state["lr"] for state in itertools.accumulate(metrics, schedule.observe, initial=schedule.init())
    ][1:]


def same(ours, library, call):
    return np.allclose(ours, records.numbers(library, call), rtol=1e-10, atol=0)


@pytest.mark.parametrize(("patience", "cooldown"), PAIRS)
def test_keras_bears_and_forgives_one_check_less(patience, cooldown):
    ours = rates(patience=patience, cooldown=cooldown, threshold=0.01, threshold_mode="abs")
    assert same(ours, "Keras", KERAS.format(patience + 1, cooldown + 1))
    # it takes a patience of 0 for 1
    assert same(ours, "Keras", KERAS.format(patience, cooldown + 1)) == (patience == 0)


@pytest.mark.parametrize(("patience", "cooldown"), PAIRS)
@pytest.mark.parametrize(("mode", "tolerances"), [("rel", (0.02, 0)), ("abs", (0, 0.02))])
def test_optax_bears_one_check_less(patience, cooldown, mode, tolerances):
    ours = rates(patience=patience, cooldown=cooldown, threshold=0.02, threshold_mode=mode)
    assert same(ours, "optax", OPTAX.format(patience + 1, cooldown, *tolerances))
    assert not same(ours, "optax", OPTAX.format(patience, cooldown, *tolerances))


@pytest.mark.parametrize("cooldown", [0, 2])
def test_timm_takes_a_rising_metric_for_a_better_one_by_default(cooldown):
    ours = rates(patience=1, cooldown=cooldown)
    assert same(ours, "timm", TIMM.format(cooldown, ", mode='min'"))
    assert not same(ours, "timm", TIMM.format(cooldown, ""))


def test_paddle_looks_at_nothing_during_the_cool_down():
    assert same(rates(patience=1), "Paddle", PADDLE.format("METRICS", 0))
    assert not same(rates(patience=1, cooldown=3), "Paddle", PADDLE.format("METRICS", 3))


def test_a_first_metric_of_nan_stays_the_best_in_paddle_and_keras():
    assert rates(FIRST_NAN, patience=1) == [0.5] * 7 == records.numbers("optax", NAN["optax"]).tolist()
    assert all(records.numbers(library, NAN[library])[-1] < 0.5 for library in ("Paddle", "Keras"))


def test_a_worse_negative_metric_is_taken_for_a_better_one_by_optax():
    assert rates(RISING, patience=0, threshold=0.1) == [0.5, 0.25]
    assert records.numbers("optax", WORSE).tolist() == [0.5, 0.5]


def test_every_name_elsewhere_is_compared():
    names = {name.library: name.difference for name in ReduceOnPlateau.library_names}
    assert set(names) == {"torch", *(library for library, _ in CALLS)}
    assert all(names.values())
