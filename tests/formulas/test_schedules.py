"""Every schedule against numbers computed by hand, against torch, and against its own promises."""

import copy
import itertools
import math
import pickle
import re
import subprocess
import sys
import warnings
from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from helpers.core import symbolic
from helpers.core.hyperparameters import example, hyperparameters
from helpers.formulas import schedules
from tests.formulas import schedule_table
from tests.formulas.one_definition import by_equation, by_javascript
from tests.formulas.schedule_table import CLASSES, FALLS, POINTS, REFUSED, TORCH_ENDS

LIBRARIES = {"torch", "Keras", "Paddle", "optax", "timm"}
each_class = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
each_method = pytest.mark.parametrize("cls", schedules.METHODS, ids=lambda cls: cls.__name__)


def of_class(cls):
    return [schedule for schedule in POINTS if type(schedule) is cls]


def end_of(schedule):
    """The step after which nothing changes, or None."""
    return getattr(schedule, "total_steps", None)


def last_rate(schedule):
    """The rate that holds at the end and after it."""
    if isinstance(schedule, schedules.Warmup):
        return last_rate(schedule.inner)
    return last_rate(schedule.schedules[-1]) if isinstance(schedule, schedules.Joined) else schedule.end_lr


def rises(schedule):
    """Whether it ends above its peak, which torch's line cannot."""
    return getattr(schedule, "end_lr", 0.0) > schedule.base_lr


def steps_of(schedule):
    """Steps that matter: whole ones over the run and beyond, some between, and the known points."""
    end = min(end_of(schedule) or 250, 1000)
    return sorted({*range(2 * end + 2), 0.5, 1.25, end - 0.5, end + 0.5, *POINTS[schedule]})


def close(ours, theirs, rtol=1e-13, atol=1e-17, of=""):
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol, err_msg=str(of))


def test_every_public_schedule_has_a_row():
    public = {getattr(schedules, name) for name in schedules.__all__}
    classes = {c for c in public if isinstance(c, type) and issubclass(c, schedules.Schedule)}
    assert set(CLASSES) == classes - {schedules.Schedule}
    assert set(schedules.METHODS) <= classes


class TestValues:
    @each_class
    def test_numbers_computed_by_hand(self, cls):
        for schedule in of_class(cls):
            rates = [schedule(step) for step in POINTS[schedule]]
            close(rates, list(POINTS[schedule].values()), of=schedule)
            assert {type(rate) for rate in rates} == {float}
            assert schedule.first_lr == pytest.approx(schedule(0), rel=1e-15)

    @pytest.mark.parametrize("kind", [float, np.int64, np.float64, np.int32])
    def test_whole_steps_of_any_kind_are_the_same_step(self, kind):
        for schedule, step in itertools.product(POINTS, (0, 1, 3, 30)):
            assert schedule(kind(step)) == pytest.approx(schedule(step), rel=1e-14)

    def test_the_end_is_exact_and_holds(self):
        for schedule in filter(end_of, POINTS):
            end = end_of(schedule)
            after = [schedule(step) for step in (end, end + 0.5, end + 1, 10 * end, 10**9)]
            assert after == [last_rate(schedule)] * 5, schedule

    @each_class
    def test_arrays_and_tensors_are_single_rates_in_any_order(self, cls):
        for schedule in of_class(cls):
            steps = np.array(steps_of(schedule))
            rates = schedule.rates(steps)
            shuffled = np.random.default_rng(0).permutation(len(steps))
            close([schedule(step) for step in steps[shuffled]], rates[shuffled], of=schedule)
            close(schedule.rates(20), [schedule(step) for step in range(20)], of=schedule)
            assert rates.dtype == schedule.rates(20).dtype == np.float64
            if cls is not schedules.Constant:  # a formula without t stays the number it is
                wide, narrow = torch.from_numpy(steps), torch.arange(60.0).reshape(3, 20)
                close(schedule.formula(wide).numpy(), rates, of=schedule)
                assert schedule.formula(narrow).shape == (3, 20)
                close(schedule.formula(narrow).numpy(), schedule.rates(narrow.numpy()), 2e-5, 1e-7, schedule)
                assert torch.equal(narrow, torch.arange(60.0).reshape(3, 20))
            assert steps.tolist() == steps_of(schedule)

    @each_class
    def test_rates_keep_the_shape_and_are_no_view_of_the_steps(self, cls):
        for shape in ((), (0,), (3, 1), (2, 0, 3)):
            steps = np.arange(math.prod(shape), dtype=float).reshape(shape)
            before, rates = steps.copy(), of_class(cls)[0].rates(steps)
            assert rates.shape == shape
            rates[...] = -1
            np.testing.assert_array_equal(steps, before)
        assert of_class(cls)[0].rates(np.int64(4)).shape == (4,)
        assert of_class(cls)[0].rates(0).shape == (0,)


class TestAgainstTorch:
    @each_class
    def test_a_whole_run_unless_the_line_rises(self, cls):
        for schedule in of_class(cls):
            end = end_of(schedule) or 250
            if cls is schedules.LinearDecay and rises(schedule):
                with pytest.raises(ValueError, match="between 0 and 1"):
                    torch_rates(schedule, 1)
                assert not schedule.torch_agrees(end)
                continue
            theirs = torch_rates(schedule, end + 1 if cls in TORCH_ENDS else 2 * end + 50)
            # torch's recursions end at 1e-17 where the closed form is 0
            close(
                [schedule(step) for step in range(len(theirs))], theirs, 1e-10, 1e-13 * max(theirs), schedule
            )
            if cls in schedules.METHODS:
                assert schedule.torch_agrees(end)
                assert schedule.torch_agrees(end + 1) == (cls not in TORCH_ENDS)

    @each_method
    def test_a_whole_run_behind_a_warmup(self, cls):
        schedule = schedules.Warmup(example(cls), 50, start_lr=0.001)
        theirs = torch_rates(schedule, (end_of(schedule) or 900) + 1)
        close(schedule.rates(len(theirs)), theirs, 1e-10, 1e-14)

    def test_a_whole_agrees_where_its_parts_do(self):
        cosine = schedules.CosineDecay(0.1, total_steps=20)
        warm = schedules.Warmup(cosine, 5)
        assert warm.torch_agrees(25) and not warm.torch_agrees(26)
        joined = schedules.Joined((warm, cosine), (26,))
        assert joined.torch_agrees(46) and not joined.torch_agrees(47)
        late = schedules.Joined((warm, cosine), (27,))
        assert late.torch_agrees(25) and not late.torch_agrees(30)


def torch_rates(schedule, n_steps):
    """Rates of the scheduler that ``schedule.torch()`` makes, for the first steps."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=schedule.base_lr)
    scope = {**vars(torch.optim.lr_scheduler), **vars(schedule_table), "math": math, "optimizer": optimizer}
    rates = []
    with warnings.catch_warnings():
        # SequentialLR steps its own parts in a way of which torch itself warns
        warnings.filterwarnings("ignore", "The epoch parameter in `scheduler.step", UserWarning)
        scheduler = eval(schedule.torch(), scope)
        for _ in range(n_steps):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
    return rates


def test_schedules_are_frozen_and_copies_are_equal_and_alike():
    assert len(set(POINTS)) == len(POINTS)
    for schedule in POINTS:
        for other in (pickle.loads(pickle.dumps(schedule)), copy.deepcopy(schedule), schedule.replace()):
            assert other == schedule and hash(other) == hash(schedule) and other(17) == schedule(17)
        for field in fields(schedule):
            with pytest.raises(FrozenInstanceError):
                setattr(schedule, field.name, 1)


class TestRefusals:
    @each_class
    def test_each_field_says_what_it_requires(self, cls):
        schedule, about = of_class(cls)[0], hyperparameters(cls)
        for name in (field.name for field in fields(cls)):
            value, words = REFUSED.get(f"{cls.__name__}.{name}") or REFUSED[name]
            message = words if " must " in words else f"{name} must be {words}, got {name}={value!r}"
            refused(schedule, name, value, message)
            if isinstance(getattr(about.get(name), "example", None), tuple):
                refused(schedule, name, 0.5, f"{name} must be a tuple, got {name}=")
            elif name in about:
                number = "a whole number" if about[name].integer else "a real number"
                for value in ("0.1", True, None):
                    refused(schedule, name, value, f"{name} must be {number}, got {name}={value!r} of type ")
                for value in (math.nan, math.inf):
                    with pytest.raises(
                        (TypeError, ValueError), match=f"^{name} must be .* got {name}={value}"
                    ):
                        schedule.replace(**{name: value})

    @each_class
    def test_steps_that_are_none(self, cls):
        schedule = of_class(cls)[0]
        for step, words in {-1: "zero or positive", math.nan: "finite", math.inf: "finite"}.items():
            with pytest.raises(ValueError, match=f"^step must be {words}, got step={step}$"):
                schedule(step)
            with pytest.raises(ValueError, match=r"^step must be "):
                schedule.rates([0.0, step, 1.0])
        with pytest.raises(TypeError, match=r"^step must be a real number, got step='3' of type str$"):
            schedule("3")
        with pytest.raises(ValueError, match=r"^steps must be zero or positive, got steps=-2$"):
            schedule.rates(-2)

    @pytest.mark.parametrize("steps", [10.0, np.float64(10), None, "3", ["3"], [None, 1], [True]], ids=str)
    def test_steps_that_are_neither_a_number_of_them_nor_an_array(self, steps):
        message = f"steps must be a whole number or an array of steps, got steps={steps!r} of type "
        with pytest.raises(TypeError, match=f"^{re.escape(message + type(steps).__name__)}$"):
            schedules.Constant(0.1).rates(steps)


def refused(schedule, name, value, message):
    with pytest.raises((TypeError, ValueError), match=f"^{re.escape(message)}"):
        schedule.replace(**{name: value})


@st.composite
def drawn(draw, cls):
    """Draw a schedule whose fields lie where their declarations say it is worth exploring."""
    fields = {name: draw(values(about)) for name, about in hyperparameters(cls).items()}
    try:
        return example(cls, **fields)
    except ValueError:  # fields that do not go together, such as a warmup longer than the run
        assume(False)


def values(about):
    number = st.integers(about.low, about.high) if about.integer else st.floats(about.low, about.high)
    if not isinstance(about.example, tuple):
        return number
    n = len(about.example)
    if about.integer:
        return st.lists(number, min_size=n, max_size=n, unique=True).map(lambda v: tuple(sorted(v)))
    return st.tuples(*[number] * n)


def schedules_drawn():
    alone = st.sampled_from(schedules.METHODS).flatmap(drawn)
    warm = st.builds(schedules.Warmup, alone, st.integers(1, 500), st.floats(0, 0.1))
    parts, starts = st.tuples(alone, warm, alone), st.tuples(st.integers(1, 500), st.integers(501, 1000))
    return st.one_of(alone, alone, warm, st.builds(schedules.Joined, parts, starts))


def bounds_of(schedule):
    """The smallest and the largest rate that it may give."""
    inside = getattr(schedule, "schedules", ()) or (getattr(schedule, "inner", None),)
    rates = [rate for part in inside if part for rate in bounds_of(part)]
    rates += getattr(schedule, "values", None) or [getattr(schedule, "peak_lr", schedule.base_lr)]
    ends = [getattr(schedule, name) for name in ("start_lr", "min_lr", "end_lr") if hasattr(schedule, name)]
    rates += ends or ([] if hasattr(schedule, "values") else [0.0])
    return min(rates), max(rates)


class TestInvariants:
    @settings(max_examples=200)
    @given(schedules_drawn(), st.lists(st.floats(0, 2000) | st.floats(0, 1e6), min_size=2, max_size=5))
    def test_rates_stay_in_bounds_fall_where_they_should_and_are_the_single_rates(self, schedule, steps):
        steps.sort()
        (low, high), rates = bounds_of(schedule), np.array([schedule(step) for step in steps])
        ulp = 4 * math.ulp(high)
        assert (low - ulp <= rates).all() and (rates <= high + ulp).all()
        assert type(schedule) not in FALLS or rises(schedule) or (np.diff(rates) <= ulp).all()
        close(schedule.rates(steps), rates, 1e-12, 1e-16)
        if (end := end_of(schedule)) is not None:
            assert schedule(end) == schedule(end + 1 + steps[0]) == last_rate(schedule)


class TestWarmup:
    def test_length(self):
        schedule = schedules.Warmup(schedules.CosineDecay(0.1, 900), 100)
        assert schedule.total_steps == 1000
        assert schedules.Warmup(schedule, 10).total_steps == 1010

    def test_what_never_ends_has_no_length(self):
        with pytest.raises(AttributeError, match="total_steps"):
            _ = schedules.Warmup(schedules.Constant(0.1), 10).total_steps

    def test_the_inner_clock_starts_when_the_climb_ends(self):
        inner = schedules.CosineDecay(0.1, 50)
        schedule = schedules.Warmup(inner, 10)
        assert [schedule(10 + step) for step in range(60)] == [inner(step) for step in range(60)]

    @given(schedules_drawn(), st.integers(1, 500), st.floats(0, 0.1))
    def test_the_climb_is_a_line_to_the_first_rate_of_any_schedule(self, inner, warmup_steps, start_lr):
        steps = np.arange(warmup_steps + 1)
        line = np.interp(steps, [0, warmup_steps], [start_lr, inner(0)])
        rates = schedules.Warmup(inner, warmup_steps, start_lr).rates(steps)
        np.testing.assert_allclose(rates, line, rtol=1e-12, atol=1e-16)


class TestJoined:
    PARTS = (schedules.Constant(0.1), schedules.LinearDecay(0.05, 20))

    def test_parts_may_have_rates_of_their_own(self):
        schedule = schedules.Joined(self.PARTS, (10,))
        assert [schedule(step) for step in (0, 9, 10, 20, 30, 31)] == [0.1, 0.1, 0.05, 0.025, 0.0, 0.0]
        assert schedule.total_steps == 30

    def test_torch_has_no_sequence_of_different_base_rates(self):
        message = "base_lr must be one rate for torch's SequentialLR, got base_lr=[0.1, 0.05]"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            schedules.Joined(self.PARTS, (10,)).torch()

    def test_torch_is_told_of_no_part_that_is_cut_off(self):
        warm = schedules.Warmup(schedules.Constant(0.1), 10)
        schedule = schedules.Joined((warm, schedules.Constant(0.1), warm), (5, 7))
        assert [start for start, _ in schedule.torch_parts()] == [0, 5, 7, 17]

    def test_one_schedule_more_than_milestones(self):
        with pytest.raises(
            ValueError, match=r"^schedules must have 3 entries, one more than milestones, got"
        ):
            schedules.Joined(self.PARTS, (10, 20))

    def test_what_never_ends_has_no_length(self):
        with pytest.raises(AttributeError, match="total_steps"):
            _ = schedules.Joined(self.PARTS[::-1], (10,)).total_steps

    def test_only_the_part_that_counts_is_called(self):
        calls = []
        parts = [schedules.Lambda(0.1, lambda t, i=i: calls.append((i, t)) or 1.0) for i in range(3)]
        schedules.Joined(tuple(parts), (10, 20))(13)
        assert calls == [(1, 3)]


class TestLambda:
    def test_a_function_that_takes_single_steps_only(self):
        rates = [0.5, 0.1, 0.02]
        schedule = schedules.Lambda(2.0, lambda t: rates[t])
        assert [schedule(step) for step in range(3)] == [1.0, 0.2, 0.04]
        assert schedule.rates(3).tolist() == [1.0, 0.2, 0.04]
        assert schedule.rates([[2, 0]]).tolist() == [[0.04, 1.0]]
        assert schedules.Lambda(1.0, lambda t: t if t < 2 else 0)(1.5) == 1.5

    def test_such_a_function_has_no_equation(self):
        with pytest.raises(TypeError, match="truth value"):
            symbolic.latex(schedules.Lambda(2.0, lambda t: 1 if t < 3 else 0))

    def test_a_function_without_a_name(self):
        class Half:
            def __call__(self, t):
                return 0.5

        assert schedules.Lambda(1.0, Half()).torch() == "LambdaLR(optimizer, function)"


class TestRestarts:
    @pytest.mark.parametrize("period_factor", [1, 2, 3, 4, 7, 10])
    def test_exact_at_every_restart_and_around_it(self, period_factor):
        for period in (1, 2, 3, 7, 10, 150, 997):
            schedule = schedules.CosineRestarts(0.1, period, period_factor, min_lr=0.01)
            start, length = 0, period
            for _ in range(60):
                if start + length > 2**52:  # beyond it, floats skip whole numbers
                    break
                last = 0.01 + 0.09 * (1 + math.cos(math.pi * (length - 1) / length)) / 2
                steps = np.array([start, start + length - 1], dtype=float)
                for rates in (list(map(schedule, steps)), schedule.rates(steps)):
                    assert rates[0] == schedule(0)
                    assert rates[1] == pytest.approx(last, rel=1e-12)
                start, length = start + length, length * period_factor

    @pytest.mark.parametrize("period", [1, 7, 150])
    def test_exact_at_every_restart_in_javascript(self, period):
        for factor in range(1, 11):
            schedule = schedules.CosineRestarts(0.1, period, factor, 0.01)
            restarts = [[period * sum(factor**j for j in range(n))] for n in range(15)]
            found = by_javascript(symbolic.javascript(schedule), restarts, schedule)
            np.testing.assert_allclose(found, 0.1, rtol=1e-15)

    def test_torch_told_the_step_misses_the_fifth_restart_of_factor_three(self):
        schedule = schedules.CosineRestarts(0.1, 7, 3)
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
        theirs = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=7, T_mult=3)
        restart = 7 * (3**5 - 1) // 2
        optimizer.step()
        theirs.step(restart)
        assert schedule(restart) == 0.1
        assert optimizer.param_groups[0]["lr"] == pytest.approx(0.0, abs=1e-15)

    @given(st.integers(1, 50), st.integers(1, 5), st.integers(0, 10**6))
    def test_the_closed_form_is_the_recursion(self, period, period_factor, step):
        since, length = step, period
        while since >= length:
            since, length = since - length, length * period_factor
        expected = (1 + math.cos(math.pi * since / length)) / 2
        assert schedules.CosineRestarts(1.0, period, period_factor)(step) == pytest.approx(
            expected, abs=1e-12
        )


@settings(max_examples=40)
@given(drawn(schedules.OneCycle), st.sampled_from(["cos", "linear"]))
def test_the_peak_of_one_cycle_is_hit_and_both_ends_are_exact(schedule, anneal):
    schedule = schedule.replace(anneal=anneal)
    assert schedule(0) == schedule.start_lr
    assert schedule(schedule.warmup_steps) == schedule.peak_lr
    assert schedule(schedule.total_steps) == schedule.end_lr


CYCLIC = [example(cls) for cls in schedules.METHODS if hasattr(cls, "momentum")]
CYCLIC.append(CYCLIC[-1].replace(anneal="linear"))


def test_those_that_have_a_momentum_are_the_cyclic_ones():
    names = {type(schedule).__name__ for schedule in CYCLIC}
    assert names == {"Triangular", "Triangular2", "ExpRange", "OneCycle"}


@pytest.mark.parametrize("schedule", CYCLIC, ids=str)
def test_momentum_is_what_torch_cycles_low_where_the_rate_is_high_and_a_formula_for_all_readers(schedule):
    steps = np.arange(1001.0)
    momentum = schedule.momentum(steps, 0.85, 0.95)
    assert 0.85 <= momentum.min() < 0.88  # ExpRange never comes quite down
    assert momentum.max() == pytest.approx(0.95)
    assert momentum[np.argmax(schedule.rates(1001))] == momentum.min()
    line = schedule.torch().replace("cycle_momentum=False", "base_momentum=0.85, max_momentum=0.95")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=schedule.base_lr, momentum=0.9)
    theirs = eval(line, vars(torch.optim.lr_scheduler) | {"optimizer": optimizer})
    wanted = [optimizer.param_groups[0]["momentum"]]
    for _ in range(1000):
        optimizer.step()
        theirs.step()
        wanted.append(optimizer.param_groups[0]["momentum"])
    close(momentum, wanted, 0, 1e-9)
    points = [(step, 0.85, 0.95) for step in (0, 37, 400, 999)]
    numbers = [schedule.momentum(*point) for point in points]
    close(momentum[[0, 37, 400, 999]], numbers, 1e-12)
    close(by_equation(schedule, points, "momentum"), numbers, 1e-12)
    code = symbolic.javascript(schedule, of="momentum")
    assert code.startswith("(t, low, high, p) =>")
    close(by_javascript(code, points, schedule), numbers, 1e-12)


class TestDescription:
    @each_class
    def test_the_equation_is_whole(self, cls):
        for schedule in of_class(cls):
            for text in (symbolic.latex(schedule), symbolic.latex(schedule, values=True)):
                assert text.count("{") == text.count("}")
                assert text.count(r"\left") == text.count(r"\right")
                assert "p." not in text

    @each_class
    def test_words_lesson_names_and_metadata(self, cls):
        assert cls.words and not cls.words.endswith(".")
        assert 17 <= cls.lesson <= 20
        assert {name.library for name in cls.library_names} <= LIBRARIES
        assert len({name.library for name in cls.library_names}) == len(cls.library_names)
        known = {f.name for f in fields(cls)} | {"base_lr", "name"}
        assert set(re.findall(r"{(\w+)", cls.torch_code)) <= known
        about = hyperparameters(cls)
        assert len({fact.symbol for fact in about.values()}) == len(about)
        for fact in about.values():
            assert all(fact.low <= value <= fact.high for value in np.ravel(fact.example))
            assert fact.low < fact.high
            assert fact.low > 0 or not fact.log

    def test_words_tell_the_schedules_apart_and_a_torch_line_has_the_values(self):
        assert len({cls.words for cls in CLASSES}) == len(CLASSES)
        line = schedules.base.torch_line(schedules.StepDecay(peak_lr=0.1, step_size=30, gamma=0.5))
        assert line == "StepLR(optimizer, step_size=30, gamma=0.5)"


def test_importing_loads_neither_torch_nor_sympy():
    """How long it takes is measured in ``benchmarks/schedules.py``."""
    names = "{'torch', 'sympy', 'matplotlib'}"
    code = f"import sys, helpers.formulas.schedules; print(*({names} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == []
