"""Every update rule against numbers worked out by hand, whole runs of torch and its own promises."""

import copy
import dataclasses
import math
import pickle
import re
from dataclasses import dataclass, field

import numpy as np
import pytest
import sympy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from helpers.core import checks, mathematics, symbolic
from helpers.core.hyperparameters import example, hyperparameters
from helpers.formulas import rules, schedules
from helpers.formulas.rules.composition import Wrapper
from helpers.formulas.surfaces import DoubleWell, Ravine


@dataclass(frozen=True)
class Row:
    """An example worked out by hand (from 1, at a rate of 0.1), and more settings of the same rule."""

    rule: rules.Rule
    expected: tuple[float, float]
    grads: tuple[float, float] = (3.0, 4.0)
    others: tuple[rules.Rule, ...] = field(default=())

    @property
    def settings(self):
        return (self.rule, *self.others)


ROWS = {
    # w: 1 - 0.1 * 3, then - 0.1 * 4
    rules.SGD: Row(rules.SGD(), (0.7, 0.3)),
    # v: 3, then 0.5 * 3 + 4 = 5.5
    rules.Momentum: Row(rules.Momentum(0.5), (0.7, 0.15), others=(rules.Momentum(0.99),)),
    # m: 1.5, then 0.5 * 1.5 + 0.5 * 4 = 2.75
    rules.EMAMomentum: Row(rules.EMAMomentum(0.5), (0.85, 0.575), others=(rules.EMAMomentum(0.99),)),
    # v: -0.3, then -0.15 - 0.4 = -0.55
    rules.HeavyBall: Row(rules.HeavyBall(0.5), (0.7, 0.15), others=(rules.HeavyBall(0.99),)),
    # v: 3, then 5.5; steps of 0.1 * (3 + 1.5) and 0.1 * (4 + 2.75)
    rules.Nesterov: Row(rules.Nesterov(0.5), (0.55, -0.125), others=(rules.Nesterov(0.99),)),
    # as the heavy ball, whatever point the gradients are from
    rules.LookAheadNesterov: Row(rules.LookAheadNesterov(0.5), (0.7, 0.15)),
    # v: -0.3, then -0.55; w: 1 + 1.5 * -0.3, then 0.55 + 0.15 - 1.5 * 0.55
    rules.StoredAheadNesterov: Row(rules.StoredAheadNesterov(0.5), (0.55, -0.125)),
    # s: 9, then 25; steps of 0.3 / (3 + 1) and 0.4 / (5 + 1)
    rules.Adagrad: Row(
        rules.Adagrad(epsilon=1.0),
        (0.925, 0.925 - 0.4 / 6),
        others=(rules.Adagrad(), rules.Adagrad(initial=0.1)),
    ),
    # v: 0.25 * 9 = 2.25, then 0.75 * 2.25 + 0.25 * 16 = 5.6875
    rules.RMSprop: Row(
        rules.RMSprop(decay=0.75, epsilon=1.0),
        (0.88, 0.88 - 0.4 / (math.sqrt(5.6875) + 1)),
        others=(rules.RMSprop(), rules.RMSprop(0.9, 1e-4, centered=True)),
    ),
    # m_hat: 3, then (0.75 + 2) / 0.75 = 11/3; v_hat: 9, then 5.6875 / 0.4375 = 13
    rules.Adam: Row(
        rules.Adam(beta1=0.5, beta2=0.75, epsilon=1.0),
        (0.925, 0.925 - 0.1 * 11 / 3 / (math.sqrt(13) + 1)),
        others=(rules.Adam(), rules.Adam(0.0, 0.5, 1e-3)),
    ),
    # v: 4, then 3.25, so 4 stays the largest; v_hat: 4 / 0.25, then 4 / 0.4375
    rules.AMSGrad: Row(
        rules.AMSGrad(beta1=0.0, beta2=0.75, epsilon=1.0),
        (0.92, 0.92 - 0.1 / (math.sqrt(4 / 0.4375) + 1)),
        grads=(4.0, 1.0),
        others=(rules.AMSGrad(), rules.AMSGrad(0.5, 0.5, 1e-3)),
    ),
    # as Adam, less 0.1 * 0.5 * w
    rules.AdamW: Row(
        rules.AdamW(beta1=0.5, beta2=0.75, epsilon=1.0, weight_decay=0.5),
        (0.875, 0.875 - 0.05 * 0.875 - 0.1 * 11 / 3 / (math.sqrt(13) + 1)),
        others=(rules.AdamW(),),
    ),
    # gradients of 1 and 0.5
    rules.Clipped: Row(rules.Clipped(rules.SGD(), max_norm=1.0), (0.9, 0.85), grads=(3.0, 0.5)),
    # v: 3 + 0.5, then 1.75 + 4 + 0.325
    rules.WithL2: Row(rules.WithL2(rules.Momentum(0.5), l2=0.5), (0.65, 0.65 - 0.6075)),
    # v: 3, then 5.5; the decay takes 0.05 of the weight before the step
    rules.WithWeightDecay: Row(rules.WithWeightDecay(rules.Momentum(0.5), weight_decay=0.5), (0.65, 0.0675)),
}
EACH = [pytest.param(rule, id=repr(rule)) for row in ROWS.values() for rule in row.settings]


def walk(rule, param, gradient, lr, steps):
    """Return the parameters after each of the first steps."""
    state, path = rule.init(param), []
    for t in range(steps):
        grad = gradient(t, rule.gradient_point(param, state))
        param, state = rule.update(param, grad, state, lr(t) if callable(lr) else lr)
        path.append(param)
    return path


def bumpy(t, w):
    """A gradient with curvatures from 0.1 to 3, bumps and noise that repeats exactly."""
    curvature = np.linspace(0.1, 3, w.size).reshape(w.shape)
    return curvature * w + np.sin(3 * w) + 0.3 * np.random.default_rng(t).standard_normal(w.shape)


START = np.random.default_rng(7).standard_normal((3, 4))
DECAY = schedules.CosineDecay(peak_lr=0.02, total_steps=100)


def test_every_public_member_has_a_row():
    assert set(ROWS) == {*rules.METHODS, *rules.WRAPPERS}
    named = {*rules.__all__} - {"METHODS", "WRAPPERS", "Rule", "descend"}
    assert named == {rule.__name__ for rule in ROWS}


# By hand


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: type(row.rule).__name__)
def test_two_steps_by_hand(row):
    path = walk(row.rule, 1.0, lambda t, w: row.grads[t], 0.1, 2)
    np.testing.assert_allclose(path, row.expected, rtol=1e-14)


# Against torch


def torch_path(optimizer, weight, lr):
    path = []
    for t in range(100):
        weight.grad = torch.from_numpy(bumpy(t, weight.detach().numpy()))
        optimizer.param_groups[0]["lr"] = lr(t) if callable(lr) else lr
        optimizer.step()
        path.append(weight.detach().clone().numpy())
    return path


IN_TORCH = [param for param in EACH if param.values[0].torch_code]
RATE_INSIDE = rules.HeavyBall, rules.StoredAheadNesterov
RATE_SCALED = (rules.EMAMomentum,)


@pytest.mark.parametrize("rule", IN_TORCH)
@pytest.mark.parametrize("lr", [0.02, DECAY], ids=["constant", "cosine"])
def test_a_hundred_steps_are_torchs(rule, lr):
    weight = torch.tensor(START, requires_grad=True)
    optimizer = eval(rule.torch(0.02), {"torch": torch, "params": [weight]})
    if lr is DECAY and isinstance(rule, RATE_INSIDE + RATE_SCALED):
        differs = isinstance(rule, RATE_INSIDE)
        scale = 1 if differs else 1 - rule.beta
        theirs = torch_path(optimizer, weight, lambda t: scale * lr(t))
        assert np.allclose(theirs, walk(rule, START, bumpy, lr, 100)) is not differs
        return
    theirs = torch_path(optimizer, weight, lr if lr is DECAY else optimizer.param_groups[0]["lr"])
    np.testing.assert_allclose(walk(rule, START, bumpy, lr, 100), theirs, rtol=1e-10, atol=1e-13)


BY_TORCH = [
    (rules.WithL2(rules.SGD(), 0.1), torch.optim.SGD, {}),
    (rules.WithL2(rules.Nesterov(0.9), 0.1), torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    (rules.WithL2(rules.Adagrad(), 0.1), torch.optim.Adagrad, {}),
    (rules.WithL2(rules.RMSprop(), 0.1), torch.optim.RMSprop, {}),
    (rules.WithL2(rules.Adam(), 0.1), torch.optim.Adam, {}),
    (rules.WithWeightDecay(rules.Adam(), 0.1), torch.optim.AdamW, {}),
    (rules.WithWeightDecay(rules.AMSGrad(), 0.1), torch.optim.AdamW, {"amsgrad": True}),
]


@pytest.mark.parametrize(("rule", "theirs", "options"), BY_TORCH, ids=str)
def test_with_l2_is_torchs_weight_decay_and_with_weight_decay_that_of_adamw(rule, theirs, options):
    weight = torch.tensor(START, requires_grad=True)
    path = torch_path(theirs([weight], 0.1, weight_decay=0.1, **options), weight, DECAY)
    np.testing.assert_allclose(walk(rule, START, bumpy, DECAY, 100), path, rtol=1e-10, atol=1e-13)


def clipped_by(rule, grad):
    return rule.update(np.zeros_like(grad), grad, rule.init(grad), -1.0)[0]


@given(hnp.arrays(np.float64, (3, 2), elements=st.floats(-100, 100)))
def test_clipping_is_torchs_and_keeps_the_direction(grad):
    short, norm = clipped_by(rules.Clipped(rules.SGD(), 5.0), grad), np.linalg.norm(grad)
    tensor = torch.zeros(3, 2, dtype=torch.float64, requires_grad=True)
    tensor.grad = torch.from_numpy(grad.copy())
    torch.nn.utils.clip_grad_norm_([tensor], 5.0)
    np.testing.assert_allclose(short, tensor.grad.numpy(), rtol=3e-7)  # torch adds 1e-6 to the norm
    assert np.linalg.norm(short) <= 5.0 * (1 + 1e-15) and (norm > 5.0 or np.array_equal(short, grad))
    np.testing.assert_allclose(short * norm, grad * np.linalg.norm(short), rtol=1e-12, atol=1e-200)


def test_torch_lines_name_what_torch_has():
    without = {rules.LookAheadNesterov, *rules.WRAPPERS}
    assert {rule for rule in ROWS if not rule.torch_code} == without
    assert rules.Adam().torch(0.1) == "torch.optim.Adam(params, lr=0.1, betas=(0.9, 0.999), eps=1e-08)"


def test_centered_rmsprop_stays_finite_where_torchs_does_not():
    rule, weight = rules.RMSprop(0.9, centered=True), torch.zeros(4, dtype=torch.float64, requires_grad=True)
    optimizer = eval(rule.torch(1e-9), {"torch": torch, "params": [weight]})
    weight.grad = torch.tensor([0.1, 0.3, 0.7, 1.1], dtype=torch.float64)  # constant: its variance goes to 0
    for _ in range(1000):
        optimizer.step()
    path = walk(rule, np.zeros(4), lambda t, w: weight.grad.numpy(), 1e-9, 1000)
    assert torch.isnan(weight).any() and np.isfinite(path).all()


@pytest.mark.parametrize("rule", ROWS)
def test_names_elsewhere_are_data(rule):
    libraries = [name.library for name in rule.library_names]
    assert sorted(set(libraries)) == sorted(libraries)
    assert set(libraries) <= {"torch", "Keras", "Paddle", "optax"}
    assert libraries or rule is rules.LookAheadNesterov
    for found in (name for name in rule.library_names if name.library == "torch"):
        first = re.match(r"\w+", found.name).group()
        homes = torch.optim, torch.nn.utils
        assert any(hasattr(home, first) for home in homes) or first == "weight_decay"


# Equations (that all readers agree, tests/core/test_one_definition.py holds)


@pytest.mark.parametrize("rule", EACH)
def test_the_equation_starts_with_the_state_and_ends_with_the_parameter(rule):
    lines = symbolic.update_latex(rule)
    names = [text for name, text in rule.state_symbols.items() if name != "step"]
    assert [line.split("_t =")[0] for line in lines] == [*names, r"\theta"]


def test_whole_array_rules_are_named_in_equations_and_refused_in_javascript():
    assert r"\left\lVert g_t \right\rVert" in symbolic.update_latex(rules.Clipped(rules.SGD(), 1.0))[0]
    with pytest.raises(TypeError, match="needs a whole array"):
        symbolic.update_javascript(rules.Clipped(rules.SGD(), 1.0))

    @mathematics.shown_as("R(#)")
    def reversed_array(x):
        return x[::-1]

    x = sympy.Symbol("x")
    assert reversed_array(np.array([1, 2])).tolist() == [2, 1]
    assert sympy.latex(2 * reversed_array(x) ** 2) == "2 {R(x)}^{2}"


def test_norm_is_that_of_the_whole_array():
    assert mathematics.norm(-3.0) == 3.0
    assert mathematics.norm(np.array([[3.0, 0.0], [0.0, 4.0]])) == 5.0
    assert mathematics.norm(torch.tensor([[3.0], [4.0]])) == 5.0


def test_javascript_is_on_one_line():
    step, velocity = sympy.symbols("step velocity")
    cases = sympy.Piecewise((velocity, step < 2), (0, True))
    assert "\n" in sympy.jscode(cases) and "\n" not in symbolic.one_line(cases)


# Promises


@pytest.mark.parametrize("rule", EACH)
@settings(max_examples=15)
@given(data=st.data(), kind=st.sampled_from([np.asarray, torch.from_numpy]))
def test_an_update_changes_nothing_and_keeps_shape_and_dtype(rule, data, kind):
    dtype = data.draw(st.sampled_from([np.float32, np.float64]))
    shape = data.draw(hnp.array_shapes(min_dims=2, max_dims=4, max_side=4))
    arrays = hnp.arrays(dtype, shape, elements=st.floats(-100, 100, width=32))
    param, first, second = (kind(data.draw(arrays)) for _ in range(3))
    _, state = rule.update(param, first, rule.init(param), 0.1)
    before = copy.deepcopy((param, second, state))
    once, twice = rule.update(param, second, state, 0.1), rule.update(param, second, state, 0.1)

    assert same((param, second, state), before) and same(once, twice)
    for array in (once[0], *(v for k, v in once[1].items() if k != "step")):
        assert array.dtype == param.dtype and array.shape == param.shape
        assert not any(np.shares_memory(array, given) for given in (param, second))
    assert list(once[1]) == list(state) == list(rule.state_symbols)


def same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, tuple):
        return all(map(same, a, b))
    return np.array_equal(a, b, equal_nan=True)


@pytest.mark.parametrize("rule", EACH)
def test_a_stored_state_goes_on_as_if_nothing_had_been(rule):
    param, state = START, rule.init(START)
    for t in range(10):
        if t == 5:
            rule, param, state = pickle.loads(pickle.dumps((rule, param, state)))
        grad = bumpy(t, rule.gradient_point(param, state))
        param, state = rule.update(param, grad, state, 0.02)
    np.testing.assert_array_equal(param, walk(rule, START, bumpy, 0.02, 10)[-1])


@pytest.mark.parametrize("rule", EACH)
def test_elementwise_says_whether_parameters_may_be_laid_end_to_end(rule):
    a, b = np.random.default_rng(1).standard_normal((2, 4, 3))
    flat = np.concatenate([a.ravel(), b.ravel()]).reshape(2, 12)

    def gradient(t, w):
        return 5 * np.cos(w)

    apart = [np.ravel(walk(rule, part, gradient, 0.1, 3)[-1]) for part in (a, b)]
    together = np.ravel(walk(rule, flat, gradient, 0.1, 3)[-1])
    assert np.allclose(np.concatenate(apart), together, rtol=1e-14) is rule.elementwise


def test_wrappers_take_over_what_they_wrap():
    for wrapper in rules.WRAPPERS:
        for inner in (rules.LookAheadNesterov(), rules.RMSprop(centered=True)):
            rule = example(wrapper, rule=inner)
            assert rule.looks_ahead is inner.looks_ahead
            assert rule.elementwise is (inner.elementwise and wrapper is not rules.Clipped)
            assert rule.state_symbols == inner.state_symbols
            assert list(rule.init(START)) == list(inner.init(START))
    rule, state = rules.WithL2(rules.LookAheadNesterov(0.5), 0.1), {"velocity": 2.0}
    assert rule.gradient_point(1.0, state) == 2.0 and rules.SGD().gradient_point(1.0, {}) == 1.0


def test_the_outermost_wrapper_acts_on_the_gradient_first():
    inside = rules.Clipped(rules.WithL2(rules.SGD(), 0.5), max_norm=1.0)
    outside = rules.WithL2(rules.Clipped(rules.SGD(), max_norm=1.0), 0.5)
    assert inside.update(1.0, 3.0, {}, 0.1)[0] == pytest.approx(1 - 0.1 * (1 + 0.5))
    assert outside.update(1.0, 3.0, {}, 0.1)[0] == pytest.approx(1 - 0.1 * 1)


# Limits, and how one rule becomes another

LIMITS = [
    (rules.Momentum(0.0), rules.SGD()),
    (rules.EMAMomentum(0.0), rules.SGD()),
    (rules.HeavyBall(0.0), rules.SGD()),
    (rules.Nesterov(0.0), rules.SGD()),
    (rules.LookAheadNesterov(0.0), rules.SGD()),
    (rules.StoredAheadNesterov(0.0), rules.SGD()),
    (rules.Adam(0.0, 0.0, 1e-3), rules.RMSprop(0.0, 1e-3)),
    (rules.AdamW(weight_decay=0.0), rules.Adam()),
    (rules.AdamW(0.8, 0.9, 1e-4, 0.3), rules.WithWeightDecay(rules.Adam(0.8, 0.9, 1e-4), 0.3)),
    (rules.WithL2(rules.Adam(), 0.0), rules.Adam()),
    (rules.WithWeightDecay(rules.Adam(), 0.0), rules.Adam()),
    (rules.WithL2(rules.SGD(), 0.3), rules.WithWeightDecay(rules.SGD(), 0.3)),
    (rules.Clipped(rules.Adam(), 1e9), rules.Adam()),
]


@pytest.mark.parametrize(("rule", "limit"), LIMITS, ids=repr)
def test_limits(rule, limit):
    ours, theirs = (walk(r, START, bumpy, DECAY, 100) for r in (rule, limit))
    np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-14)


def test_l2_and_weight_decay_part_under_adam():
    l2, decay = rules.WithL2(rules.Adam(), 0.3), rules.WithWeightDecay(rules.Adam(), 0.3)
    apart = np.array(walk(l2, START, bumpy, 0.02, 100)[-1]) - walk(decay, START, bumpy, 0.02, 100)[-1]
    assert np.abs(apart).max() > 0.01


@pytest.mark.parametrize("mu", [0.0, 0.5, 0.9, 0.99])
def test_forms_of_momentum_walk_one_path(mu):
    path = walk(rules.Momentum(mu), START, bumpy, 0.02, 100)
    ball = walk(rules.HeavyBall(mu), START, bumpy, 0.02, 100)
    average = walk(rules.EMAMomentum(mu), START, bumpy, 0.02 / (1 - mu), 100)
    np.testing.assert_allclose([ball, average], [path, path], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("mu", [0.5, 0.9, 0.99])
def test_forms_of_nesterov_walk_one_path(mu):
    ravine, lrs = Ravine(condition=25.0, angle=30.0), DECAY.rates(100)
    rule, state = rules.LookAheadNesterov(mu), {"velocity": np.zeros(2)}
    param, ahead = np.array([1.0, -0.5]), []
    for lr in lrs:
        point = rule.gradient_point(param, state)
        param, state = rule.update(param, ravine.gradient(point), state, lr)
        ahead.append(rule.gradient_point(param, state))
    stored = rules.descend(rules.StoredAheadNesterov(mu), ravine, [1.0, -0.5], DECAY, 100)
    np.testing.assert_allclose(ahead, stored[1:], rtol=0, atol=1e-14)
    constant = schedules.Constant(0.02)
    paths = [rules.descend(r(mu), ravine, [1.0, -0.5], constant, 100) for r in (rules.Nesterov, type(rule))]
    stored = rules.descend(rules.StoredAheadNesterov(mu), ravine, [1.0, -0.5], constant, 100)
    np.testing.assert_allclose(paths[0], stored, rtol=0, atol=1e-14)
    assert np.abs(paths[1] - stored).max() > 1e-3  # the same walk, another point of it is shown


@pytest.mark.parametrize(("rule", "limit"), [(rules.SGD(), 2.0), (rules.Momentum(0.9), 3.8)], ids=repr)
def test_the_stability_limit_on_a_quadratic(rule, limit):
    paths = [walk(rule, 1.0, lambda t, w: w, lr, 2000) for lr in (0.99 * limit, 1.01 * limit)]
    assert abs(paths[0][-1]) < 1e-6 and abs(paths[1][-1]) > 1e6


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_adams_first_step_is_the_rate(scale):
    rule = rules.Adam(epsilon=1e-12)
    assert walk(rule, 0.0, lambda t, w: scale, 0.1, 1)[0] == pytest.approx(-0.1, rel=1e-8)
    _, state = rule.update(0.0, scale, rule.init(0.0), 0.1)
    uncorrected = state["m"] / math.sqrt(state["v"])
    assert uncorrected == pytest.approx(math.sqrt(10))  # 3.16 times too far


def test_a_constant_gradient_fills_the_mean_as_the_correction_says():
    state = rules.Adam().init(0.0)
    for _ in range(100):
        _, state = rules.Adam().update(0.0, 1.0, state, 0.1)
        assert state["m"] == pytest.approx(1 - 0.9 ** state["step"], rel=1e-12)
    assert state["v"] == pytest.approx(0.0952, abs=1e-4)


def test_amsgrad_finds_what_adam_misses():
    """Reddi et al. 2018, theorem 1: the large gradient is rare, its memory short; the optimum is -1."""

    def end(rule, w=0.0):
        state = rule.init(w)
        for t in range(3000):
            w, state = rule.update(w, 4.0 if t % 3 == 0 else -1.0, state, 0.5 / math.sqrt(t + 1))
            w = min(max(w, -1.0), 1.0)
        return w

    settings = {"beta1": 0.0, "beta2": 1 / (1 + 4.0**2)}
    assert end(rules.Adam(**settings)) > 0.9 and end(rules.AMSGrad(**settings)) < -0.9


def test_centered_rmsprop_steps_grow_under_a_constant_gradient():
    path = np.array(walk(rules.RMSprop(0.9, centered=True), 0.0, lambda t, w: 1.0, 1e-3, 400))
    steps = -np.diff(path)
    assert steps[0] < 0.01 and (np.diff(steps[10:200]) > 0).all()
    assert 1e4 < steps.max() <= 1e-3 / 1e-8


# Paths


def test_descend_is_the_update_made_again_and_again():
    valley, start = Ravine(angle=30.0), np.array([-1.2, 1.0])
    for rule in (rules.Adam(), rules.LookAheadNesterov(0.9), rules.Clipped(rules.SGD(), 1.0)):
        path = rules.descend(rule, valley, start, DECAY, 50)
        assert path.shape == (51, 2) and path.dtype == float
        np.testing.assert_array_equal(path[1:], walk(rule, start, lambda t, w: valley.gradient(w), DECAY, 50))
        np.testing.assert_array_equal(path, rules.descend(rule, valley.gradient, [-1.2, 1.0], DECAY, 50))
    assert start.tolist() == [-1.2, 1.0]


def test_descend_lets_a_path_diverge():
    path = rules.descend(rules.SGD(), DoubleWell(), [3.0], lambda t: 1.0, 20)
    assert np.isfinite(path[:3]).all() and not np.isfinite(path[-1]).any()


# Errors

BAD = {
    checks.fraction: (1.0, r"must be in \[0, 1\)"),
    checks.positive: (0.0, "must be positive"),
    checks.non_negative: (-0.5, "must be zero or positive"),
}
FIELDS = [(kind, name, about.check) for kind in ROWS for name, about in hyperparameters(kind).items()]


@pytest.mark.parametrize(
    ("kind", "name", "check"), FIELDS, ids=lambda value: getattr(value, "__name__", value)
)
def test_hyperparameters_out_of_range_are_named(kind, name, check):
    inner = {"rule": rules.SGD()} if issubclass(kind, Wrapper) else {}
    bad, words = BAD[check]
    with pytest.raises(ValueError, match=f"{name} {words}, got {name}={bad}"):
        example(kind, **{**inner, name: bad})
    with pytest.raises(TypeError, match=f"{name} must be a real number, got {name}='0.1' of type str"):
        example(kind, **{**inner, name: "0.1"})
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(example(kind, **inner), name, bad)
