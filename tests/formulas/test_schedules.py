"""Every schedule against numbers computed by hand, against torch, and against its own promises."""

import copy
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
from hypothesis import given
from hypothesis import strategies as st

from helpers.core import symbolic
from helpers.core.hyperparameters import example, hyperparameters
from helpers.formulas import schedules
from tests.formulas.schedule_table import ROWS, SCHEDULES

LIBRARIES = {"torch", "Keras", "Paddle", "optax", "timm"}
each_schedule = pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
each_class = pytest.mark.parametrize("cls", ROWS, ids=lambda cls: cls.__name__)


def end_of(schedule):
    """The step after which nothing changes, or None."""
    return getattr(schedule, "total_steps", None)


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

    @each_schedule
    def test_the_end_is_exact_and_holds(self, schedule):
        end = end_of(schedule)
        if end is None:
            return
        last = innermost(schedule).end_lr
        assert [schedule(step) for step in (end, end + 0.5, end + 1, 10 * end, 10**9)] == [last] * 5

    @each_schedule
    def test_whole_steps_of_any_kind_are_the_same_step(self, schedule):
        for step in (0, 1, 3, 30):
            for kind in (float, np.int64, np.float64, np.int32):
                assert schedule(kind(step)) == pytest.approx(schedule(step), rel=1e-14)

    @each_schedule
    def test_the_first_rate_is_the_base_rate(self, schedule):
        if not isinstance(schedule, schedules.Warmup):
            assert schedule(0) == pytest.approx(schedule.base_lr, rel=1e-15)


def innermost(schedule):
    return innermost(schedule.inner) if isinstance(schedule, schedules.Warmup) else schedule


class TestAgainstTorch:
    @each_schedule
    def test_a_whole_run(self, schedule):
        row, end = ROWS[type(schedule)], end_of(schedule) or 250
        if isinstance(schedule, schedules.LinearDecay) and schedule.end_lr > schedule.peak_lr:
            with pytest.raises(ValueError, match="between 0 and 1"):  # torch has no line that rises
                torch_rates(schedule, 1)
            return
        steps = range(end + 1 if row.torch_ends else 2 * end + 50)
        theirs = torch_rates(schedule, len(steps))
        ours = [schedule(step) for step in steps]
        # torch's recursions end at 1e-17 where the closed form is 0
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-13 * schedule.base_lr)


def torch_rates(schedule, n_steps):
    """Rates of the scheduler that ``schedule.torch()`` makes, for the first steps."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=schedule.base_lr)
    scope = {**vars(torch.optim.lr_scheduler), "math": math, "optimizer": optimizer}
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


@st.composite
def drawn(draw, cls):
    """Draw a schedule whose fields lie where their declarations say it is worth exploring."""
    return example(cls, **{name: draw(values(about)) for name, about in hyperparameters(cls).items()})


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
    return st.one_of(alone, alone, warm)


class TestInvariants:
    @given(schedules_drawn(), st.floats(0, 1e6))
    def test_rates_stay_in_bounds(self, schedule, step):
        low, high = ROWS[type(schedule)].bounds(schedule)
        if isinstance(schedule, schedules.Warmup):
            high = max(high, ROWS[type(schedule.inner)].bounds(schedule.inner)[1])
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
            assert schedule(end) == schedule(end + later) == innermost(schedule).end_lr

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


class TestDescription:
    @each_schedule
    def test_the_equation_has_the_value_of_the_code(self, schedule):
        steps = steps_of(schedule)
        for step in random.Random(1).sample(steps, min(40, len(steps))):
            traced = symbolic.evaluated_at(schedule, step)
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
        assert set(re.findall(r"{(\w+)", cls.torch_code)) <= {f.name for f in fields(cls)} | {"base_lr"}

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


def test_importing_is_quick_and_loads_neither_torch_nor_sympy():
    code = (
        "import sys, time; start = time.perf_counter(); import helpers.formulas.schedules;"
        "print(time.perf_counter() - start, *({'torch', 'sympy', 'matplotlib'} & set(sys.modules)))"
    )
    runs = [subprocess.check_output([sys.executable, "-c", code], text=True).split() for _ in range(3)]
    assert all(len(run) == 1 for run in runs), runs
    seconds = min(float(run[0]) for run in runs)
    print(f"importing the schedules took {seconds:.3f} s")
    assert seconds < 1.0  # 0.1 s on a quiet machine; the promise is 0.3 s
