"""Our schedules and those of Keras, optax, timm and Paddle, at steps 0 to 200, and how they differ.

One table drives it: for each name that a schedule has elsewhere, the call that gives the same rates, and,
where the convention differs, the call that one would write first and that gives others.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from helpers.formulas import schedules as s
from tests.peers.libraries import (
    Paddle,
    keras_piecewise,
    keras_plateau,
    keras_schedule,
    optax,
    optax_pieces,
    optax_plateau,
    paddle_plateau,
    recursion,
    timm,
    timm_plateau,
)

STEPS = range(201)


@dataclass(frozen=True)
class Peer:
    """A schedule in another library.

    Parameters
    ----------
    library : str
    ours : Schedule
    theirs : callable
        Makes the function from the step to the rate that is the same as ours.
    first_try : callable
        Makes the one that differs, where a difference of numbers is documented.
    atol : float
        How far the rates may be apart beside a part of 1e-10. Paddle's recursion carries 2e-14 along.
    """

    library: str
    ours: s.Schedule
    theirs: Callable
    first_try: Callable | None = None
    atol: float = 1e-13


#: Keras takes cosines in single precision whatever it is given: 24 bits of the highest rate, 0.5.
SINGLE = 0.5 * 2**-23


def sgdr_cycles():
    cycles = [{"init_value": 0.5, "peak_value": 0.5, "warmup_steps": 0, "end_value": 0.01}] * 5
    return [{**cycle, "decay_steps": 10 * 2**i} for i, cycle in enumerate(cycles)]


PEERS = [
    Peer("optax", s.Constant(0.5), lambda: optax("constant_schedule", 0.5)),
    Peer(
        "Keras",
        s.PiecewiseConstant((30, 50), (1.0, 0.5, 0.1)),
        lambda: keras_piecewise((29, 49), (1.0, 0.5, 0.1)),
        lambda: keras_piecewise((30, 50), (1.0, 0.5, 0.1)),
    ),
    Peer(
        "Paddle",
        s.PiecewiseConstant((30, 50), (1.0, 0.5, 0.1)),
        lambda: lambda t: next((v for b, v in ((30, 1.0), (50, 0.5)) if t < b), 0.1),
    ),
    Peer(
        "optax",
        s.PiecewiseConstant((30, 50), (1.0, 0.5, 0.1)),
        lambda: optax("piecewise_constant_schedule", 1.0, {30: 0.5, 50: 0.2}),
        lambda: optax("piecewise_constant_schedule", 1.0, {30: 0.5, 50: 0.1}),
    ),
    Peer(
        "Keras",
        s.StepDecay(0.5, 30),
        lambda: keras_schedule("ExponentialDecay", 0.5, 30, 0.1, staircase=True),
    ),
    Peer("Paddle", s.StepDecay(0.5, 30), lambda: lambda t: 0.5 * 0.1 ** (t // 30)),
    Peer("optax", s.StepDecay(0.5, 30), lambda: optax("exponential_decay", 0.5, 30, 0.1, staircase=True)),
    Peer("timm", s.StepDecay(0.5, 30), lambda: timm("StepLRScheduler", 0.5, decay_t=30, decay_rate=0.1)),
    Peer("Paddle", s.MultiStepDecay(0.5, (30, 50)), lambda: lambda t: 0.5 * 0.1 ** ((t >= 30) + (t >= 50))),
    Peer(
        "timm",
        s.MultiStepDecay(0.5, (30, 50)),
        lambda: timm("MultiStepLRScheduler", 0.5, decay_t=[31, 51], decay_rate=0.1),
        lambda: timm("MultiStepLRScheduler", 0.5, decay_t=[30, 50], decay_rate=0.1),
    ),
    Peer("Keras", s.ExponentialDecay(0.5, 0.9, 7), lambda: keras_schedule("ExponentialDecay", 0.5, 7, 0.9)),
    Peer(
        "Paddle",
        s.ExponentialDecay(0.5, 0.9, 7),
        lambda: Paddle.exponential(0.5, 0.9 ** (1 / 7)),
        lambda: Paddle.exponential(0.5, 0.9),
    ),
    Peer("optax", s.ExponentialDecay(0.5, 0.9, 7), lambda: optax("exponential_decay", 0.5, 7, 0.9)),
    Peer("Paddle", s.NaturalExponentialDecay(0.5, 0.05), lambda: lambda t: 0.5 * np.exp(-0.05 * t)),
    Peer(
        "Keras",
        s.InverseTimeDecay(0.5, 0.05),
        lambda: keras_schedule("InverseTimeDecay", 0.5, 1, 0.05),
        lambda: keras_schedule("InverseTimeDecay", 0.5, 200, 0.05),
    ),
    Peer("Paddle", s.InverseTimeDecay(0.5, 0.05), lambda: lambda t: 0.5 / (1 + 0.05 * t)),
    Peer(
        "Keras",
        s.PolynomialDecay(0.5, 120, 0.01, 2.0),
        lambda: keras_schedule("PolynomialDecay", 0.5, 120, 0.01, 2.0),
    ),
    Peer(
        "Keras",
        s.PolynomialDecay(0.5, 120),
        lambda: keras_schedule("PolynomialDecay", 0.5, 120, 0.0),
        lambda: keras_schedule("PolynomialDecay", 0.5, 120),
    ),
    Peer(
        "Paddle",
        s.PolynomialDecay(0.5, 120, power=2.0),
        lambda: Paddle.polynomial(0.5, 120, 0.0, 2.0),
        lambda: Paddle.polynomial(0.5, 120, power=2.0),
    ),
    Peer(
        "optax",
        s.PolynomialDecay(0.5, 120, 0.01, 2.0),
        lambda: optax("polynomial_schedule", 0.5, 0.01, 2.0, 120),
    ),
    Peer(
        "timm",
        s.PolynomialDecay(0.5, 120, 0.01),
        lambda: timm("PolyLRScheduler", 0.5, t_initial=120, lr_min=0.01, power=1.0),
        lambda: timm("PolyLRScheduler", 0.5, t_initial=120, lr_min=0.01),
    ),
    Peer(
        "Keras",
        s.CyclicPolynomialDecay(0.5, 30, 0.0, 2.0),
        lambda: keras_schedule("PolynomialDecay", 0.5, 30, 0.0, 2.0, cycle=True),
        lambda: keras_schedule("PolynomialDecay", 0.5, 30, power=2.0, cycle=True),
    ),
    Peer(
        "Paddle",
        s.CyclicPolynomialDecay(0.5, 30, 0.0, 2.0),
        lambda: Paddle.polynomial(0.5, 30, 0.0, 2.0, cycle=True),
        lambda: Paddle.polynomial(0.5, 30, power=2.0, cycle=True),
    ),
    Peer("Keras", s.LinearDecay(0.5, 120, 0.01), lambda: keras_schedule("PolynomialDecay", 0.5, 120, 0.01)),
    Peer(
        "Paddle",
        s.LinearDecay(0.5, 120, 0.01),
        lambda: Paddle.polynomial(0.5, 120, 0.01),
        lambda: lambda t: 0.5 * (1 / 3 + 2 / 3 * min(t, 120) / 120),
    ),
    Peer("optax", s.LinearDecay(0.5, 120, 0.01), lambda: optax("linear_schedule", 0.5, 0.01, 120)),
    Peer(
        "Keras",
        s.CosineDecay(0.5, 120, 0.01),
        lambda: keras_schedule("CosineDecay", 0.5, 120, alpha=0.02),
        lambda: keras_schedule("CosineDecay", 0.5, 120, alpha=0.01),
        SINGLE,
    ),
    Peer(
        "Paddle",
        s.CosineDecay(0.5, 120, 0.01),
        lambda: lambda t: Paddle.cosine(0.5, 120, 0.01)(min(t, 120)),
        lambda: Paddle.cosine(0.5, 120, 0.01),
    ),
    Peer(
        "optax",
        s.CosineDecay(0.5, 120, 0.01),
        lambda: optax("cosine_decay_schedule", 0.5, 120, alpha=0.02),
        lambda: optax("cosine_decay_schedule", 0.5, 120, alpha=0.01),
    ),
    Peer(
        "timm",
        s.CosineDecay(0.5, 120, 0.01),
        lambda: timm("CosineLRScheduler", 0.5, t_initial=120, lr_min=0.01),
    ),
    Peer("Paddle", s.CosineAnnealing(0.5, 30, 0.01), lambda: Paddle.cosine(0.5, 30, 0.01)),
    Peer("Paddle", s.Noam(64, 40), lambda: lambda t: Paddle.noam(64, 40)(t + 1), lambda: Paddle.noam(64, 40)),
    Peer(
        "Keras",
        s.CosineRestarts(0.5, 10, 2, 0.01),
        lambda: keras_schedule("CosineDecayRestarts", 0.5, 10, t_mul=2.0, alpha=0.02),
        lambda: keras_schedule("CosineDecayRestarts", 0.5, 10, alpha=0.01),
        SINGLE,
    ),
    Peer(
        "Keras",
        s.CosineRestarts(0.5, 10),
        lambda: keras_schedule("CosineDecayRestarts", 0.5, 10, t_mul=1.0),
        lambda: keras_schedule("CosineDecayRestarts", 0.5, 10),
        SINGLE,
    ),
    Peer("Paddle", s.CosineRestarts(0.5, 10, 3, 0.01), lambda: Paddle.restarts(0.5, 10, 3, 0.01)),
    Peer("optax", s.CosineRestarts(0.5, 10, 2, 0.01), lambda: optax("sgdr_schedule", sgdr_cycles())),
    Peer(
        "timm",
        s.CosineRestarts(0.5, 10, 2, 0.01),
        lambda: timm("CosineLRScheduler", 0.5, t_initial=10, cycle_mul=2.0, lr_min=0.01, cycle_limit=9),
        lambda: timm("CosineLRScheduler", 0.5, t_initial=10, cycle_mul=2.0, lr_min=0.01),
    ),
    Peer("Paddle", s.Triangular(0.5, 7, 9, 0.1), lambda: Paddle.cyclic(0.1, 0.5, 7, 9)),
    Peer(
        "Paddle",
        s.Triangular2(0.5, 7, 9, 0.1),
        lambda: Paddle.cyclic(0.1, 0.5, 7, 9, lambda cycle, t: 0.5 ** (cycle - 1)),
    ),
    Peer(
        "Paddle",
        s.ExpRange(0.5, 7, 9, 0.1, gamma=0.99),
        lambda: Paddle.cyclic(0.1, 0.5, 7, 9, lambda cycle, t: 0.99**t),
    ),
    *(
        Peer(
            "Paddle",
            s.OneCycle(0.5, 200, 59, 0.02, 1e-4, anneal),
            lambda anneal=anneal: (
                lambda t: Paddle.one_cycle(0.5, 201, 25, 1e-4, 60 / 201, anneal)(min(t, 200))
            ),
            lambda anneal=anneal: Paddle.one_cycle(0.5, 200, 25, 1e-4, 59 / 200, anneal),
        )
        for anneal in ("cos", "linear")
    ),
    Peer(
        "optax",
        s.OneCycle(0.5, 160, 40, 0.02, 1e-4),
        lambda: optax("cosine_onecycle_schedule", 160, 0.5, 0.25, 25.0, 200.0),
    ),
    Peer(
        "optax",
        s.OneCycle(0.5, 160, 40, 0.02, 1e-4, "linear"),
        lambda: optax_pieces([("linear_schedule", 0.02, 0.5, 40), ("linear_schedule", 0.5, 1e-4, 120)], [40]),
        lambda: optax("linear_onecycle_schedule", 160, 0.5, 0.25, 0.85, 25.0, 200.0),
    ),
    Peer(
        "optax",
        s.WarmupStableDecay(0.5, 150, 20, 40, 0.1, 0.01),
        lambda: optax_pieces(
            [
                ("linear_schedule", 0.1, 0.5, 20),
                ("constant_schedule", 0.5),
                ("linear_schedule", 0.5, 0.01, 40),
            ],
            [20, 110],
        ),
    ),
    Peer(
        "timm",
        s.WarmupStableDecay(0.5, 150, 20, 40, 0.1, 0.01),
        lambda: timm("WSDLRScheduler", 0.5, t_initial=130, decay_fn="linear", **TIMM_WSD),
        lambda: timm("WSDLRScheduler", 0.5, t_initial=150, **TIMM_WSD),
    ),
    Peer("Paddle", s.Lambda(0.5, lambda t: 0.95**t), lambda: recursion(0.5, lambda last, t: 0.5 * 0.95**t)),
    Peer(
        "Keras",
        s.Warmup(s.CosineDecay(0.5, 90, 0.01), 10, 0.1),
        lambda: keras_schedule("CosineDecay", 0.1, 90, alpha=0.02, warmup_target=0.5, warmup_steps=10),
        lambda: keras_schedule("CosineDecay", 0.1, 100, alpha=0.02, warmup_target=0.5, warmup_steps=10),
        SINGLE,
    ),
    Peer(
        "Paddle",
        s.Warmup(s.CosineAnnealing(0.5, 90), 10, 0.1),
        lambda: Paddle.warmup(Paddle.cosine(0.5, 90), 10, 0.1, 0.5),
    ),
    Peer(
        "optax",
        s.Warmup(s.CosineDecay(0.5, 90, 0.01), 10, 0.1),
        lambda: optax("warmup_cosine_decay_schedule", 0.1, 0.5, 10, 100, 0.01),
        lambda: optax("warmup_cosine_decay_schedule", 0.1, 0.5, 10, 90, 0.01),
    ),
    Peer(
        "timm",
        s.Warmup(s.CosineDecay(0.5, 90, 0.01), 10, 0.1),
        lambda: timm("CosineLRScheduler", 0.5, **TIMM_WARMUP, warmup_prefix=True),
        lambda: timm("CosineLRScheduler", 0.5, **TIMM_WARMUP),
    ),
    Peer(
        "optax",
        s.Joined((s.LinearDecay(0.5, 50, 0.1), s.ExponentialDecay(0.3, 0.9, 7), s.Constant(0.01)), (40, 120)),
        lambda: optax_pieces(
            [
                ("linear_schedule", 0.5, 0.1, 50),
                ("exponential_decay", 0.3, 7, 0.9),
                ("constant_schedule", 0.01),
            ],
            [40, 120],
        ),
    ),
]
TIMM_WARMUP = {"t_initial": 90, "lr_min": 0.01, "warmup_t": 10, "warmup_lr_init": 0.1}
TIMM_WSD = {"decay_t": 40, "lr_min": 0.01, "warmup_t": 20, "warmup_lr_init": 0.1}
name_of = "{0.library} {0.ours}".format


@pytest.mark.parametrize("peer", PEERS, ids=name_of)
def test_the_same_rates(peer):
    theirs = peer.theirs()
    expected = [theirs(step) for step in STEPS]
    np.testing.assert_allclose([peer.ours(step) for step in STEPS], expected, rtol=1e-10, atol=peer.atol)


@pytest.mark.parametrize("peer", [peer for peer in PEERS if peer.first_try], ids=name_of)
def test_the_difference_is_real(peer):
    theirs = peer.first_try()
    differences = [abs(peer.ours(step) - theirs(step)) for step in STEPS]
    assert max(differences) > 1e-5
    assert documented(type(peer.ours), peer.library), "the difference is not in library_names"


def documented(cls, library):
    return next(name.difference for name in cls.library_names if name.library == library)


def test_every_name_elsewhere_is_compared():
    compared = {(type(peer.ours), peer.library) for peer in PEERS}
    listed = {
        (cls, name.library)
        for cls in s.METHODS + s.COMPOSITIONS
        for name in cls.library_names
        if name.library != "torch"
    }
    assert compared == listed


def test_a_logarithm_without_a_comparison_misses_the_fifth_restart():
    ours = s.CosineRestarts(0.5, 7, 3)
    theirs = timm("CosineLRScheduler", 0.5, t_initial=7, cycle_mul=3.0, cycle_limit=99)
    restarts = [7 * sum(3**j for j in range(n)) for n in range(8)]
    assert [ours(step) for step in restarts] == [0.5] * 8
    assert [theirs(step) for step in restarts] == [0.5, 0.5, 0.5, 0.5, 0.5, 0.0, 0.5, 0.5]


class TestPlateau:
    METRICS = (1.0, 0.9, 0.9, 0.9, 0.95, 0.8, 0.9, 0.85, 0.85, 0.85, 0.85, 0.7, *[0.8] * 9, 0.6, *[0.6] * 9)

    def rates(self, metrics=METRICS, **changes):
        schedule = s.ReduceOnPlateau(0.5, factor=0.5, **changes)
        state, found = schedule.init(), [0.5]
        for metric in metrics:
            state = schedule.observe(state, metric)
            found.append(state["lr"])
        return found

    @pytest.mark.parametrize("patience", [0, 1, 3])
    @pytest.mark.parametrize("cooldown", [0, 1, 3])
    def test_keras_bears_and_forgives_one_check_less(self, patience, cooldown):
        ours = self.rates(patience=patience, cooldown=cooldown, threshold=0.01, threshold_mode="abs")
        options = {"factor": 0.5, "min_delta": 0.01}
        theirs = keras_plateau(0.5, self.METRICS, patience=patience + 1, cooldown=cooldown + 1, **options)
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)
        fewer = keras_plateau(0.5, self.METRICS, patience=patience, cooldown=cooldown + 1, **options)
        assert (ours == fewer) == (patience == 0)  # it takes a patience of 0 for 1

    @pytest.mark.parametrize("patience", [0, 1, 3])
    @pytest.mark.parametrize("cooldown", [0, 1, 3])
    @pytest.mark.parametrize("mode", ["rel", "abs"])
    def test_optax_bears_one_check_less(self, patience, cooldown, mode):
        ours = self.rates(patience=patience, cooldown=cooldown, threshold=0.02, threshold_mode=mode)
        tolerances = {"rtol": 0.02 * (mode == "rel"), "atol": 0.02 * (mode == "abs")}
        options = {"factor": 0.5, "cooldown": cooldown, **tolerances}
        theirs = optax_plateau(self.METRICS, patience=patience + 1, **options)
        np.testing.assert_allclose(ours, 0.5 * np.array(theirs), rtol=1e-10)
        assert ours != (0.5 * np.array(optax_plateau(self.METRICS, patience=patience, **options))).tolist()

    @pytest.mark.parametrize("cooldown", [0, 2])
    def test_timm_takes_a_rising_metric_for_a_better_one_by_default(self, cooldown):
        ours = self.rates(patience=1, cooldown=cooldown)
        options = {"decay_rate": 0.5, "patience_t": 1, "cooldown_t": cooldown}
        assert timm_plateau(0.5, self.METRICS, mode="min", **options) == ours
        assert timm_plateau(0.5, self.METRICS, **options) != ours

    def test_paddle_looks_at_nothing_during_the_cool_down(self):
        same = paddle_plateau(0.5, self.METRICS, factor=0.5, patience=1, threshold=1e-4, cooldown=0)
        assert self.rates(patience=1) == same
        other = paddle_plateau(0.5, self.METRICS, factor=0.5, patience=1, threshold=1e-4, cooldown=3)
        assert self.rates(patience=1, cooldown=3) != other

    def test_a_first_metric_of_nan_stays_the_best_in_paddle_and_keras(self):
        metrics = [float("nan"), *np.linspace(1, 0.1, 6)]
        assert self.rates(metrics, patience=1) == [0.5] * 8
        assert optax_plateau(metrics, patience=2) == [1.0] * 8
        assert paddle_plateau(0.5, metrics, 0.5, 1, 1e-4, 0)[-1] < 0.5
        assert keras_plateau(0.5, metrics, patience=2)[-1] < 0.5

    def test_a_worse_negative_metric_is_taken_for_a_better_one_by_optax(self):
        metrics = [-1.0, -0.95]
        assert self.rates(metrics, patience=0, threshold=0.1) == [0.5, 0.5, 0.25]
        assert optax_plateau(metrics, patience=1, rtol=0.1, factor=0.5) == [1.0, 1.0, 1.0]

    def test_every_name_elsewhere_is_compared(self):
        names = {name.library: name.difference for name in s.ReduceOnPlateau.library_names}
        assert set(names) == {"torch", "Keras", "Paddle", "optax", "timm"}
        assert all(names.values())
