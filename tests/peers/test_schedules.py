"""Our schedules and those of Keras, optax, timm and Paddle, and how they differ.

One table drives it: for each name that a schedule has elsewhere, the call that gives the same rates, and,
where the convention differs, the call that one would write first and that gives others.
"""

import re
from pathlib import Path

import numpy as np
import pytest

from helpers.formulas import schedules as s
from tests.peers import records

# Both sides of everything that happens in the calls, up to step 200, and restarts of factor 3
RESTARTS = [7 * sum(3**j for j in range(n)) for n in range(8)]
EDGES = (10, 30, 40, 50, 110, 120, 150, 160)
STEPS = sorted(
    {0, 1, 2, 5, 7, 16, 20, 35, 60, 75, 90, 100, 130, 200, *(t + d for t in EDGES for d in (-1, 0, 1))}
)

SINGLE = 0.5 * 2**-23  # Keras takes cosines in single precision whatever it is given; the highest rate is 0.5
STAIRS, PIECES = s.StepDecay(0.5, 30), s.PiecewiseConstant((30, 50), (1.0, 0.5, 0.1))
EXPONENTIAL, MULTI = s.ExponentialDecay(0.5, 0.9, 7), s.MultiStepDecay(0.5, (30, 50))
SQUARE, CYCLES = s.PolynomialDecay(0.5, 120, 0.01, 2.0), s.CyclicPolynomialDecay(0.5, 30, 0.0, 2.0)
LINE, COSINE = s.LinearDecay(0.5, 120, 0.01), s.CosineDecay(0.5, 120, 0.01)
RESTARTED, STABLE = s.CosineRestarts(0.5, 10, 2, 0.01), s.WarmupStableDecay(0.5, 150, 20, 40, 0.1, 0.01)
WARM = s.Warmup(s.CosineDecay(0.5, 90, 0.01), 10, 0.1)
JOINED = s.Joined((s.LinearDecay(0.5, 50, 0.1), s.ExponentialDecay(0.3, 0.9, 7), s.Constant(0.01)), (40, 120))
CYCLE = "dict(init_value=0.5, peak_value=0.5, warmup_steps=0, end_value=0.01, decay_steps=10 * 2**i)"
CLIMB = "t_initial=90, lr_min=0.01, warmup_t=10, warmup_lr_init=0.1"
WSD = "decay_t=40, lr_min=0.01, warmup_t=20, warmup_lr_init=0.1"

# ours, the call of the same rates, and perhaps the call that one would write first
PEERS = {
    "Keras": [
        (
            *(PIECES, "PiecewiseConstantDecay((29, 49), (1.0, 0.5, 0.1))"),
            "PiecewiseConstantDecay((30, 50), (1.0, 0.5, 0.1))",
        ),
        (STAIRS, "ExponentialDecay(0.5, 30, 0.1, staircase=True)"),
        (EXPONENTIAL, "ExponentialDecay(0.5, 7, 0.9)"),
        (
            *(s.InverseTimeDecay(0.5, 0.05), "InverseTimeDecay(0.5, 1, 0.05)"),
            "InverseTimeDecay(0.5, 200, 0.05)",
        ),
        (SQUARE, "PolynomialDecay(0.5, 120, 0.01, 2.0)"),
        (s.PolynomialDecay(0.5, 120), "PolynomialDecay(0.5, 120, 0.0)", "PolynomialDecay(0.5, 120)"),
        (
            *(CYCLES, "PolynomialDecay(0.5, 30, 0.0, 2.0, cycle=True)"),
            "PolynomialDecay(0.5, 30, power=2.0, cycle=True)",
        ),
        (LINE, "PolynomialDecay(0.5, 120, 0.01)"),
        (COSINE, "CosineDecay(0.5, 120, alpha=0.02)", "CosineDecay(0.5, 120, alpha=0.01)"),
        (
            *(RESTARTED, "CosineDecayRestarts(0.5, 10, t_mul=2.0, alpha=0.02)"),
            "CosineDecayRestarts(0.5, 10, alpha=0.01)",
        ),
        (
            *(s.CosineRestarts(0.5, 10), "CosineDecayRestarts(0.5, 10, t_mul=1.0)"),
            "CosineDecayRestarts(0.5, 10)",
        ),
        (
            *(WARM, "CosineDecay(0.1, 90, alpha=0.02, warmup_target=0.5, warmup_steps=10)"),
            "CosineDecay(0.1, 100, alpha=0.02, warmup_target=0.5, warmup_steps=10)",
        ),
    ],
    "Paddle": [
        (PIECES, "PiecewiseDecay([30, 50], [1.0, 0.5, 0.1])"),
        (STAIRS, "StepDecay(0.5, 30)"),
        (MULTI, "MultiStepDecay(0.5, [30, 50])"),
        (EXPONENTIAL, "ExponentialDecay(0.5, 0.9 ** (1 / 7))", "ExponentialDecay(0.5, 0.9)"),
        (s.NaturalExponentialDecay(0.5, 0.05), "NaturalExpDecay(0.5, 0.05)"),
        (s.InverseTimeDecay(0.5, 0.05), "InverseTimeDecay(0.5, 0.05)"),
        (
            *(s.PolynomialDecay(0.5, 120, power=2.0), "PolynomialDecay(0.5, 120, 0.0, 2.0)"),
            "PolynomialDecay(0.5, 120, power=2.0)",
        ),
        (
            *(CYCLES, "PolynomialDecay(0.5, 30, 0.0, 2.0, cycle=True)"),
            "PolynomialDecay(0.5, 30, power=2.0, cycle=True)",
        ),
        (LINE, "PolynomialDecay(0.5, 120, 0.01)", "LinearLR(0.5, 120)"),
        (COSINE, "until(CosineAnnealingDecay(0.5, 120, 0.01), 120)", "CosineAnnealingDecay(0.5, 120, 0.01)"),
        (s.CosineAnnealing(0.5, 30, 0.01), "CosineAnnealingDecay(0.5, 30, 0.01)"),
        (s.Noam(64, 40), "until(NoamDecay(64, 40), ahead=1)", "NoamDecay(64, 40)"),
        (s.CosineRestarts(0.5, 10, 3, 0.01), "CosineAnnealingWarmRestarts(0.5, 10, 3, 0.01)"),
        (s.Triangular(0.5, 7, 9, 0.1), "CyclicLR(0.1, 0.5, 7, 9)"),
        (s.Triangular2(0.5, 7, 9, 0.1), "CyclicLR(0.1, 0.5, 7, 9, mode='triangular2')"),
        (
            s.ExpRange(0.5, 7, 9, 0.1, gamma=0.99),
            "CyclicLR(0.1, 0.5, 7, 9, mode='exp_range', exp_gamma=0.99)",
        ),
        *(
            (
                s.OneCycle(0.5, 200, 59, 0.02, 1e-4, anneal),
                f"until(OneCycleLR(0.5, 201, 25, 1e-4, 60 / 201, {anneal!r}), 200)",
                f"until(OneCycleLR(0.5, 200, 25, 1e-4, 59 / 200, {anneal!r}), 199)",
            )
            for anneal in ("cos", "linear")
        ),
        (s.Lambda(0.5, lambda t: 0.95**t), "LambdaDecay(0.5, lambda t: 0.95**t)"),
        (
            s.Warmup(s.CosineAnnealing(0.5, 90), 10, 0.1),
            "LinearWarmup(CosineAnnealingDecay(0.5, 90), 10, 0.1, 0.5)",
        ),
    ],
    "optax": [
        (s.Constant(0.5), "constant_schedule(0.5)"),
        (
            *(PIECES, "piecewise_constant_schedule(1.0, {30: 0.5, 50: 0.2})"),
            "piecewise_constant_schedule(1.0, {30: 0.5, 50: 0.1})",
        ),
        (STAIRS, "exponential_decay(0.5, 30, 0.1, staircase=True)"),
        (EXPONENTIAL, "exponential_decay(0.5, 7, 0.9)"),
        (SQUARE, "polynomial_schedule(0.5, 0.01, 2.0, 120)"),
        (LINE, "linear_schedule(0.5, 0.01, 120)"),
        (
            COSINE,
            "cosine_decay_schedule(0.5, 120, alpha=0.02)",
            "cosine_decay_schedule(0.5, 120, alpha=0.01)",
        ),
        (RESTARTED, f"sgdr_schedule([{CYCLE} for i in range(5)])"),
        (s.OneCycle(0.5, 160, 40, 0.02, 1e-4), "cosine_onecycle_schedule(160, 0.5, 0.25, 25.0, 200.0)"),
        (
            s.OneCycle(0.5, 160, 40, 0.02, 1e-4, "linear"),
            "join_schedules([linear_schedule(0.02, 0.5, 40), linear_schedule(0.5, 1e-4, 120)], [40])",
            "linear_onecycle_schedule(160, 0.5, 0.25, 0.85, 25.0, 200.0)",
        ),
        (
            STABLE,
            "join_schedules([linear_schedule(0.1, 0.5, 20), constant_schedule(0.5), "
            "linear_schedule(0.5, 0.01, 40)], [20, 110])",
        ),
        (
            *(WARM, "warmup_cosine_decay_schedule(0.1, 0.5, 10, 100, 0.01)"),
            "warmup_cosine_decay_schedule(0.1, 0.5, 10, 90, 0.01)",
        ),
        (
            JOINED,
            "join_schedules([linear_schedule(0.5, 0.1, 50), exponential_decay(0.3, 7, 0.9), "
            "constant_schedule(0.01)], [40, 120])",
        ),
    ],
    "timm": [
        (STAIRS, "StepLRScheduler(0.5, decay_t=30, decay_rate=0.1)"),
        (
            *(MULTI, "MultiStepLRScheduler(0.5, decay_t=[31, 51], decay_rate=0.1)"),
            "MultiStepLRScheduler(0.5, decay_t=[30, 50], decay_rate=0.1)",
        ),
        (
            s.PolynomialDecay(0.5, 120, 0.01),
            "PolyLRScheduler(0.5, t_initial=120, lr_min=0.01, power=1.0)",
            "PolyLRScheduler(0.5, t_initial=120, lr_min=0.01)",
        ),
        (COSINE, "CosineLRScheduler(0.5, t_initial=120, lr_min=0.01)"),
        (
            RESTARTED,
            "CosineLRScheduler(0.5, t_initial=10, cycle_mul=2.0, lr_min=0.01, cycle_limit=9)",
            "CosineLRScheduler(0.5, t_initial=10, cycle_mul=2.0, lr_min=0.01)",
        ),
        (
            STABLE,
            f"WSDLRScheduler(0.5, t_initial=130, decay_fn='linear', {WSD})",
            f"WSDLRScheduler(0.5, t_initial=150, {WSD})",
        ),
        (
            WARM,
            f"CosineLRScheduler(0.5, {CLIMB}, warmup_prefix=True)",
            f"CosineLRScheduler(0.5, {CLIMB})",
        ),
    ],
}
ROWS = [(library, *row) for library, rows in PEERS.items() for row in rows]
AT_RESTARTS = f"map(CosineLRScheduler(0.5, t_initial=7, cycle_mul=3.0, cycle_limit=99), {RESTARTS})"
CALLS = [*((library, call) for library, _, *calls in ROWS for call in calls), ("timm", AT_RESTARTS)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[2]}")
def test_the_same_rates_and_others_where_the_table_says_so(row):
    library, schedule, same, *first_try = row
    rates, single = schedule.rates(STEPS), library == "Keras" and "Cosine" in same
    atol = SINGLE if single else 1e-13  # Paddle's recursions carry 2e-14 along
    np.testing.assert_allclose(rates, records.numbers(library, same), rtol=1e-10, atol=atol)
    for call in first_try:
        assert np.abs(rates - records.numbers(library, call)).max() > 1e-5
        names = {name.library: name.difference for name in type(schedule).library_names}
        assert names[library], "the difference is not in library_names"


def test_every_name_elsewhere_is_compared():
    compared = {(type(schedule), library) for library, schedule, *_ in ROWS}
    classes = s.METHODS + s.COMPOSITIONS
    listed = {(cls, name.library) for cls in classes for name in cls.library_names}
    assert compared == {pair for pair in listed if pair[1] != "torch"}


def test_a_logarithm_without_a_comparison_misses_the_fifth_restart():
    assert s.CosineRestarts(0.5, 7, 3).rates(RESTARTS).tolist() == [0.5] * 8
    theirs = [0.5, 0.5, 0.5, 0.5, 0.5, 0.0, 0.5, 0.5]
    assert records.numbers("timm", AT_RESTARTS).tolist() == theirs


def test_the_records_are_of_the_versions_that_are_installed_for_them():
    pinned = (Path(__file__).parents[2] / "requirements-peers.txt").read_text().lower()
    for library, version in records.RECORDS["versions"].items():
        assert re.search(rf"^{library.lower()}\w*=={re.escape(version)}$", pinned, re.MULTILINE), library
