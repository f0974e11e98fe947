"""Every schedule against numbers computed by hand, against torch, and against its own promises."""

import copy
import itertools
import math
import pickle
import random
import re
import subprocess
import sys
import warnings
from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from helpers.core import symbolic
from helpers.core.hyperparameters import example, hyperparameters
from helpers.formulas import schedules
from tests.formulas import schedule_table
from tests.formulas.one_definition import evaluated_at
from tests.formulas.schedule_table import ROWS, SCHEDULES

LIBRARIES = {"torch", "Keras", "Paddle", "optax", "timm"}


def label(schedule):
    """Return the name of a test: without the address of a function, it is the same in every process."""
    return re.sub(r"<function (\w+) at \w+>", r"\1", str(schedule))


each_schedule = pytest.mark.parametrize("schedule", SCHEDULES, ids=label)
each_class = pytest.mark.parametrize("cls", ROWS, ids=lambda cls: cls.__name__)


def end_of(schedule):
    """The step after which nothing changes, or None."""
    return getattr(schedule, "total_steps", None)


def last_rate(schedule):
    """The rate that holds at the end and after it."""
    if isinstance(schedule, schedules.Warmup):
        return last_rate(schedule.inner)
    return last_rate(schedule.schedules[-1]) if isinstance(schedule, schedules.Joined) else schedule.end_lr


ENDING = [schedule for schedule in SCHEDULES if end_of(schedule)]
RISING_LINES = [s for s in SCHEDULES if isinstance(s, schedules.LinearDecay) and s.end_lr > s.peak_lr]


def steps_of(schedule):
    """Steps that matter: whole ones over the run and beyond, some between, and the known points."""
    end = min(end_of(schedule) or 250, 1000)
    known = ROWS[type(schedule)].points.get(schedule, {})
    return sorted({*range(2 * end + 2), 0.5, 1.25, end - 0.5, end + 0.5, *known})


def test_every_public_schedule_has_a_row():
    public = {getattr(schedules, name) for name in schedules.__all__}
    classes = {c for c in public if isinstance(c, type) and issubclass(c, schedules.Schedule)}
    assert set(ROWS) == classes - {schedules.Schedule}
    assert set(schedules.METHODS) <= classes


class TestValues:
    @each_schedule
    def test_numbers_computed_by_hand(self, schedule):
        points = ROWS[type(schedule)].points[schedule]
        for step, rate in points.items():
            assert schedule(step) == pytest.approx(rate, rel=1e-13, abs=1e-17), step
            assert type(schedule(step)) is float

    @pytest.mark.parametrize("schedule", ENDING, ids=label)
    def test_the_end_is_exact_and_holds(self, schedule):
        end = end_of(schedule)
        after = [schedule(step) for step in (end, end + 0.5, end + 1, 10 * end, 10**9)]
        assert after == [last_rate(schedule)] * 5

    @each_schedule
    def test_whole_steps_of_any_kind_are_the_same_step(self, schedule):
        for step in (0, 1, 3, 30):
            for kind in (float, np.int64, np.float64, np.int32):
                assert schedule(kind(step)) == pytest.approx(schedule(step), rel=1e-14)

    @each_schedule
    def test_the_first_rate_is_that_of_step_0(self, schedule):
        assert schedule.first_lr == pytest.approx(schedule(0), rel=1e-15)


class TestAgainstTorch:
    @pytest.mark.parametrize("schedule", [s for s in SCHEDULES if s not in RISING_LINES], ids=label)
    def test_a_whole_run(self, schedule):
        row, end = ROWS[type(schedule)], end_of(schedule) or 250
        steps = range(end + 1 if row.torch_ends else 2 * end + 50)
        theirs = torch_rates(schedule, len(steps))
        ours = [schedule(step) for step in steps]
        # torch's recursions end at 1e-17 where the closed form is 0
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-13 * row.bounds(schedule)[1])

    @pytest.mark.parametrize("cls", schedules.METHODS, ids=lambda cls: cls.__name__)
    def test_a_whole_run_behind_a_warmup(self, cls):
        schedule = schedules.Warmup(example(cls), 50, start_lr=0.001)
        theirs = torch_rates(schedule, (end_of(schedule) or 900) + 1)
        np.testing.assert_allclose(schedule.rates(len(theirs)), theirs, rtol=1e-10, atol=1e-14)

    @pytest.mark.parametrize("schedule", [s for s in SCHEDULES if type(s) in schedules.METHODS], ids=label)
    def test_it_agrees_up_to_the_end_unless_the_line_rises(self, schedule):
        end, fits = end_of(schedule) or 250, schedule not in RISING_LINES
        assert schedule.torch_agrees(end) == fits
        assert schedule.torch_agrees(end + 1) == (fits and not ROWS[type(schedule)].torch_ends)

    def test_a_whole_agrees_where_its_parts_do(self):
        cosine = schedules.CosineDecay(0.1, total_steps=20)
        warm = schedules.Warmup(cosine, 5)
        assert warm.torch_agrees(25) and not warm.torch_agrees(26)
        joined = schedules.Joined((warm, cosine), (26,))
        assert joined.torch_agrees(46) and not joined.torch_agrees(47)
        late = schedules.Joined((warm, cosine), (27,))
        assert late.torch_agrees(25) and not late.torch_agrees(30)

    @pytest.mark.parametrize("schedule", RISING_LINES, ids=label)
    def test_torch_has_no_line_that_rises(self, schedule):
        with pytest.raises(ValueError, match="between 0 and 1"):
            torch_rates(schedule, 1)


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


class TestPurity:
    @each_schedule
    def test_order_and_repetition_change_nothing(self, schedule):
        steps = steps_of(schedule)
        expected = [schedule(step) for step in steps]
        schedule.rates(100)
        symbolic.latex(schedule)
        shuffled = random.Random(0).sample(list(enumerate(steps)), len(steps))
        assert all(schedule(step) == expected[i] for i, step in shuffled)

    @each_schedule
    def test_copies_are_equal_and_alike(self, schedule):
        for other in (pickle.loads(pickle.dumps(schedule)), copy.deepcopy(schedule), schedule.replace()):
            assert other == schedule
            assert hash(other) == hash(schedule)
            assert other(17) == schedule(17)

    @each_schedule
    def test_frozen(self, schedule):
        for field in fields(schedule):
            with pytest.raises(FrozenInstanceError):
                setattr(schedule, field.name, 1)

    def test_different_fields_are_different_schedules(self):
        assert len(set(SCHEDULES)) == len(SCHEDULES)


class TestArrays:
    @each_schedule
    def test_rates_are_the_single_rates(self, schedule):
        steps = steps_of(schedule)
        expected = [schedule(step) for step in steps]
        np.testing.assert_allclose(schedule.rates(steps), expected, rtol=1e-13, atol=1e-17)
        whole = schedule.rates(20)
        assert whole.dtype == np.float64
        np.testing.assert_allclose(whole, [schedule(step) for step in range(20)], rtol=1e-13, atol=1e-17)

    @each_schedule
    def test_rates_keep_the_shape_and_leave_the_steps_alone(self, schedule):
        for shape in ((), (0,), (3, 1), (2, 0, 3)):
            steps = np.arange(math.prod(shape), dtype=float).reshape(shape)
            before = steps.copy()
            assert schedule.rates(steps).shape == shape
            np.testing.assert_array_equal(steps, before)
        assert schedule.rates(np.int64(4)).shape == (4,)
        assert schedule.rates(0).shape == (0,)

    @each_schedule
    def test_a_result_is_no_view_of_the_steps(self, schedule):
        steps = np.arange(5.0)
        schedule.rates(steps)[:] = -1
        np.testing.assert_array_equal(steps, np.arange(5.0))

    @each_schedule
    @pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
    def test_tensors(self, schedule, dtype):
        steps = torch.arange(60.0, dtype=dtype).reshape(3, 20)
        before = steps.clone()
        rates = schedule.formula(steps)
        assert torch.equal(steps, before)
        if isinstance(schedule, schedules.Constant):  # a formula without t stays the number it is
            assert rates == schedule.lr
            return
        assert rates.shape == steps.shape
        tolerance = {"rtol": 1e-13, "atol": 1e-17} if dtype is torch.float64 else {"rtol": 2e-5, "atol": 1e-7}
        np.testing.assert_allclose(rates.numpy(), schedule.rates(steps.numpy()), **tolerance)


class TestRefusals:
    @each_class
    def test_each_field_says_what_it_requires(self, cls):
        row = ROWS[cls]
        assert set(row.refused) == {field.name for field in fields(cls)}
        for name, (value, message) in row.refused.items():
            with pytest.raises((ValueError, TypeError), match=f"^{re.escape(message)}$"):
                next(iter(row.points)).replace(**{name: value})

    @each_class
    def test_numbers_that_are_none(self, cls):
        schedule = next(iter(ROWS[cls].points))
        for name, about in hyperparameters(cls).items():
            if isinstance(about.example, tuple):
                with pytest.raises(TypeError, match=f"^{name} must be a tuple, got {name}="):
                    schedule.replace(**{name: 0.5})
                continue
            for value in ("0.1", True, None):
                with pytest.raises(TypeError, match=f"^{name} must be a (real|whole) number, got {name}="):
                    schedule.replace(**{name: value})
            for value in (math.nan, math.inf):
                with pytest.raises((TypeError, ValueError), match=f"^{name} must be .* got {name}={value}"):
                    schedule.replace(**{name: value})

    @each_schedule
    def test_steps_that_are_none(self, schedule):
        for step, message in {
            -1: "step must be zero or positive, got step=-1",
            math.nan: "step must be finite, got step=nan",
            math.inf: "step must be finite, got step=inf",
        }.items():
            with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
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
    joined = st.builds(
        lambda parts, first, more: schedules.Joined(parts, (first, first + more)),
        st.tuples(alone, warm, alone),
        st.integers(1, 500),
        st.integers(1, 500),
    )
    return st.one_of(alone, alone, warm, joined)


def bounds_of(schedule):
    """Bounds of a schedule, of all that is in it too."""
    inside = getattr(schedule, "schedules", ()) or (getattr(schedule, "inner", None),)
    pairs = [bounds_of(part) for part in inside if part] + [ROWS[type(schedule)].bounds(schedule)]
    return min(low for low, _ in pairs), max(high for _, high in pairs)


class TestInvariants:
    @given(schedules_drawn(), st.floats(0, 1e6))
    def test_rates_stay_in_bounds(self, schedule, step):
        low, high = bounds_of(schedule)
        ulp = 4 * math.ulp(high)
        assert low - ulp <= schedule(step) <= high + ulp

    @given(schedules_drawn(), st.floats(0, 1e4), st.floats(0, 1e4))
    def test_decays_never_rise(self, schedule, a, b):
        rises = schedule.end_lr > schedule.base_lr if hasattr(schedule, "end_lr") else False
        if ROWS[type(schedule)].falls and not rises:
            early, late = sorted((a, b))
            assert schedule(early) >= schedule(late) - 4 * math.ulp(schedule.base_lr)

    @given(schedules_drawn(), st.floats(1, 1e6))
    def test_the_end_is_exact_and_holds(self, schedule, later):
        end = end_of(schedule)
        if end is not None:
            assert schedule(end) == schedule(end + later) == last_rate(schedule)

    @given(schedules_drawn(), st.lists(st.floats(0, 1e5), max_size=5))
    def test_rates_are_the_single_rates(self, schedule, steps):
        expected = [schedule(step) for step in steps]
        np.testing.assert_allclose(schedule.rates(steps), expected, rtol=1e-12, atol=1e-16)


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

    def test_exact_at_every_restart_in_javascript(self, browser):
        cases = []
        for period, factor in itertools.product((1, 7, 150), range(1, 11)):
            fields = {"peak_lr": 0.1, "period": period, "period_factor": factor, "min_lr": 0.01}
            restarts = [period * sum(factor**j for j in range(n)) for n in range(15)]
            cases.append([fields, restarts])
        code = symbolic.javascript(example(schedules.CosineRestarts))
        page = browser.new_page()
        found = page.evaluate(f"(cases) => cases.map(([p, ts]) => ts.map((t) => ({code})(t, p)))", cases)
        page.close()
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


class TestOneCycle:
    @given(drawn(schedules.OneCycle), st.sampled_from(["cos", "linear"]))
    def test_the_peak_is_hit_and_both_ends_are_exact(self, schedule, anneal):
        schedule = schedule.replace(anneal=anneal)
        assert schedule(0) == schedule.start_lr
        assert schedule(schedule.warmup_steps) == schedule.peak_lr
        assert schedule(schedule.total_steps) == schedule.end_lr


CYCLIC = [example(cls) for cls in schedules.METHODS if hasattr(cls, "momentum")]
CYCLIC.append(CYCLIC[-1].replace(anneal="linear"))


class TestMomentum:
    def test_those_that_have_one_are_the_cyclic_ones(self):
        names = {type(schedule).__name__ for schedule in CYCLIC}
        assert names == {"Triangular", "Triangular2", "ExpRange", "OneCycle"}

    @pytest.mark.parametrize("schedule", CYCLIC, ids=label)
    def test_it_is_what_torch_cycles(self, schedule):
        line = schedule.torch().replace("cycle_momentum=False", "base_momentum=0.85, max_momentum=0.95")
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=schedule.base_lr, momentum=0.9)
        theirs = eval(line, vars(torch.optim.lr_scheduler) | {"optimizer": optimizer})
        for step in range(1001):
            wanted = optimizer.param_groups[0]["momentum"]
            assert schedule.momentum(step, 0.85, 0.95) == pytest.approx(wanted, abs=1e-9), step
            optimizer.step()
            if step < 1000:
                theirs.step()

    @pytest.mark.parametrize("schedule", CYCLIC, ids=label)
    def test_it_is_low_where_the_rate_is_high_and_a_formula_for_all_readers(self, schedule):
        steps = np.arange(1001.0)
        momentum = schedule.momentum(steps, 0.85, 0.95)
        assert 0.85 <= momentum.min() < 0.88  # ExpRange never comes quite down
        assert momentum.max() == pytest.approx(0.95)
        assert momentum[np.argmax(schedule.rates(1001))] == momentum.min()
        assert symbolic.javascript(schedule, of="momentum").startswith("(t, low, high, p) =>")
        for step in (0, 37, 400, 999):
            traced = evaluated_at(schedule, step, 0.85, 0.95, of="momentum")
            assert traced == pytest.approx(momentum[step], rel=1e-12)


class TestDescription:
    @each_schedule
    def test_the_equation_has_the_value_of_the_code(self, schedule):
        steps = steps_of(schedule)
        for step in random.Random(1).sample(steps, min(40, len(steps))):
            traced = evaluated_at(schedule, step)
            assert traced == pytest.approx(schedule(step), rel=1e-12, abs=1e-16), step

    @each_schedule
    def test_the_equation_is_whole(self, schedule):
        for text in (symbolic.latex(schedule), symbolic.latex(schedule, values=True)):
            assert text.count("{") == text.count("}")
            assert text.count(r"\left") == text.count(r"\right")
            assert "p." not in text

    @each_class
    def test_words_lesson_and_names(self, cls):
        assert cls.words and not cls.words.endswith(".")
        assert 17 <= cls.lesson <= 20
        assert {name.library for name in cls.library_names} <= LIBRARIES
        assert len({name.library for name in cls.library_names}) == len(cls.library_names)
        known = {f.name for f in fields(cls)} | {"base_lr", "name"}
        assert set(re.findall(r"{(\w+)", cls.torch_code)) <= known

    def test_a_torch_line_has_the_values(self):
        line = schedules.base.torch_line(schedules.StepDecay(peak_lr=0.1, step_size=30, gamma=0.5))
        assert line == "StepLR(optimizer, step_size=30, gamma=0.5)"

    @each_class
    def test_metadata(self, cls):
        about = hyperparameters(cls)
        assert len({fact.symbol for fact in about.values()}) == len(about)
        for fact in about.values():
            examples = fact.example if isinstance(fact.example, tuple) else (fact.example,)
            assert all(fact.low <= value <= fact.high for value in examples)
            assert fact.low < fact.high
            assert fact.low > 0 or not fact.log

    def test_words_tell_the_schedules_apart(self):
        assert len({cls.words for cls in ROWS}) == len(ROWS)


def test_importing_loads_neither_torch_nor_sympy():
    """How long it takes is measured in ``benchmarks/schedules.py``."""
    names = "{'torch', 'sympy', 'matplotlib'}"
    code = f"import sys, helpers.formulas.schedules; print(*({names} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == []
