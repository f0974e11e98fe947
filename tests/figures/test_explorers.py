"""The schedule explorer without a browser: what Python makes of it, what its page computes by QuickJS."""

import functools
import json
import math
import re

import numpy as np
import pytest
import torch

from helpers.core import checks
from helpers.core.hyperparameters import example, hyperparameters
from helpers.figures.explorers import Prompt, ScheduleExplorer
from helpers.figures.explorers.facts import Facts, allowed, mathml
from helpers.figures.explorers.kit import as_javascript
from helpers.formulas import schedules
from tests.figures.explorer_checks import UI

STAIRS = schedules.StepDecay(peak_lr=0.1, step_size=300, gamma=0.1)
EXAMPLES = {cls.__name__: example(cls) for cls in schedules.METHODS}
# Those that begin at their highest rate, so that a climb before them makes sense.
FALLING = [name for name, s in EXAMPLES.items() if s(0) == s.base_lr == s.rates(1000).max()]
# Forms of a formula other than the example's.
OTHERS = {
    "three milestones": schedules.MultiStepDecay(0.1, (100, 200, 300), 0.5),
    "two rates": schedules.PiecewiseConstant((10,), (0.1, 0.2)),
    "linear one-cycle": example(schedules.OneCycle, anneal="linear"),
    "warmed one-cycle": schedules.Warmup(example(schedules.OneCycle), warmup_steps=10),
    "warmed CosineDecay": schedules.Warmup(EXAMPLES["CosineDecay"], warmup_steps=100, start_lr=0.01),
}
WARMED = {f"warmed {name}": schedules.Warmup(EXAMPLES[name], warmup_steps=100) for name in FALLING}
JOINED = {
    "a stair, then a cosine": schedules.Joined((STAIRS, EXAMPLES["CosineDecay"]), milestones=(400,)),
    "warmed cosine, then a line": schedules.Joined(
        (WARMED["warmed CosineDecay"], schedules.LinearDecay(0.1, total_steps=300)), milestones=(250,)
    ),
    "during the warmup": schedules.Joined(
        (schedules.Warmup(STAIRS, warmup_steps=100), schedules.MultiStepDecay(0.1, (50, 90), 0.5)),
        milestones=(60,),
    ),
    "other rates": schedules.Joined((schedules.Constant(0.1), schedules.Constant(0.02)), milestones=(700,)),
}


# Longer than torch's class goes, or rising, which it refuses.
BEYOND = {
    "cosine's end": schedules.CosineDecay(0.1, total_steps=300, end_lr=0.01),
    "one-cycle's end": schedules.OneCycle(0.1, total_steps=300, warmup_steps=100, start_lr=0.01, end_lr=1e-5),
    "rising line": schedules.LinearDecay(0.1, total_steps=300, end_lr=0.2),
    "restarts, then a cosine": schedules.Joined(
        (EXAMPLES["CosineRestarts"], schedules.CosineDecay(0.2, total_steps=100)), milestones=(600,)
    ),
    "a cosine, then restarts": schedules.Joined(
        (schedules.CosineDecay(0.2, total_steps=100), EXAMPLES["CosineRestarts"]), milestones=(300,)
    ),
}


ALL = EXAMPLES | OTHERS | WARMED | JOINED | BEYOND
MATHML = "math|mrow|mi|mn|mo|mtext|mspace|mfrac|msqrt|msub|msup|mtable|mtr|mtd"


@functools.cache
def knowing():
    """An explorer that knows each form of a formula in this file."""
    return ScheduleExplorer(prompts=[Prompt("", schedule) for schedule in ALL.values()])


@functools.cache
def pages():
    """For each schedule what its page computes: 1001 rates, and two lines of code."""
    first = knowing().state()
    states = {name: {**first, **record(schedule)} for name, schedule in ALL.items()}
    shown = f"[samples(state, 1000).rates, ...view(state, {UI}).codes.map((line) => line[1])]"
    found = knowing().evaluate(f"{json.dumps([*states.values()])}.map((state) => {shown})")
    return dict(zip(states, found, strict=True))


def record(schedule):
    explorer = knowing()
    explorer.schedule = schedule
    return {"parts": explorer.parts, "milestones": explorer.milestones}


def catalog(explorer):
    return json.loads(re.search(r"^const catalog = (.*);$", explorer._esm, re.M)[1])


# ---- what Python makes ----


def test_values_become_javascript_in_a_fixed_order():
    assert as_javascript({"b": 1, "a": [0.5, "x"]}) == '{"b":1,"a":[0.5,"x"]}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_javascript(float("nan"))


def test_payload_cannot_leave_its_script():
    text = "</script><!--<script>alert(1)</script>"
    explorer = ScheduleExplorer(prompts=[Prompt(text, STAIRS)])
    kit, payload = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', explorer.html(), re.S)
    assert not re.search(r"</|<!--|<script", kit + payload, re.I)
    assert explorer._esm.endswith("\n".join([json.loads(kit), json.loads(payload)["esm"]]))
    assert catalog(explorer)["prompts"][0]["text"] == text


def test_schedule_goes_in_and_comes_out():
    for schedule in ALL.values():
        knowing().schedule = schedule
        assert knowing().schedule == schedule
    begins = ScheduleExplorer(ALL["during the warmup"], pinned=[STAIRS, ALL["three milestones"]])
    assert begins.schedule == ALL["during the warmup"]
    assert begins.pinned == [STAIRS, ALL["three milestones"]]


def test_traits_of_the_page_make_the_schedule():
    explorer = ScheduleExplorer(STAIRS)
    values = {"peak_lr": 1, "step_size": 20, "gamma": 0.5}
    explorer.set_state({"parts": [{"method": "step decay", "values": values}]})
    assert explorer.schedule == schedules.StepDecay(peak_lr=1.0, step_size=20, gamma=0.5)
    assert isinstance(explorer.schedule.peak_lr, float)


def test_an_unknown_formula_is_taught_to_the_page():
    explorer = ScheduleExplorer(STAIRS)
    module = explorer._esm
    explorer.schedule = EXAMPLES["CosineDecay"]
    assert explorer._esm == module
    explorer.schedule = OTHERS["three milestones"]
    assert explorer._esm != module
    assert '"multi-step decay (3 milestones)": (t, p) =>' in explorer._esm
    explorer.schedule = schedules.Warmup(OTHERS["three milestones"], warmup_steps=5)
    assert explorer.schedule.inner == OTHERS["three milestones"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"schedule": 0.1}, TypeError, "schedule must be a Schedule, got schedule=0.1"),
        (
            {"schedule": schedules.Lambda(0.1, float)},
            ValueError,
            "schedule must be one of Constant, .*, or Warmup of one, or Joined of two, got schedule=Lambda",
        ),
        (
            {"schedule": schedules.Joined((STAIRS, STAIRS, STAIRS), milestones=(1, 2))},
            ValueError,
            "schedule must be joined of two, the second without a warmup, got schedule=Joined",
        ),
        (
            {"schedule": schedules.Joined((STAIRS, schedules.Warmup(STAIRS, 5)), milestones=(1,))},
            ValueError,
            "schedule must be joined of two, the second without a warmup, got schedule=Joined",
        ),
        ({"total_steps": 0}, ValueError, "total_steps must be positive, got total_steps=0"),
        ({"total_steps": 1}, ValueError, "total_steps must be at least 2, got total_steps=1"),
        ({"pinned": [STAIRS] * 5}, ValueError, "pinned must have at most 4 entries, got pinned="),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        ScheduleExplorer(**arguments)


@pytest.mark.parametrize("total_steps", [2, 10, 60, 3000])
def test_ranges_and_examples_follow_the_run(total_steps):
    facts = catalog(ScheduleExplorer(total_steps=total_steps))["facts"]
    for fact in facts:
        assert fact["low"] < fact["high"]
        interval = checks.Interval(**{name: v for name, v in fact["allowed"].items() if name != "words"})
        for value in np.ravel(fact["example"]):
            assert value in interval
    total = {fact["words"]: fact for fact in facts}["total steps"]
    assert total["high"] == max(total_steps, total["low"] + 1)


def refusal(check, value):
    try:
        return check("x", value)
    except (TypeError, ValueError) as error:
        return re.search("must (.*), got", str(error))[1]


def test_a_page_refuses_what_the_check_refuses():
    intervals = [c for c in vars(checks).values() if isinstance(c, checks.Interval)]
    intervals += [checks.Interval(-0.5, 1.5), checks.Interval(1, 3, "[]", integer=True)]
    values = [-2, -1, -0.5, -1e-300, 0, 1e-300, 0.5, 1, 1.5, 2, 3, 4, 1e308, math.inf]
    facts = as_javascript([{"allowed": allowed(interval)} for interval in intervals])
    numbers = str(values).replace("inf", "Infinity")
    calls = f"{facts}.map((fact) => {numbers}.map((value) => refusal(fact, value)))"
    for interval, page in zip(intervals, ScheduleExplorer().evaluate(calls), strict=True):
        whole = [int(v) if interval.integer and float(v).is_integer() else v for v in values]
        assert page == [refusal(interval, value) for value in whole]


def test_shared_parameters_are_told_once():
    facts = Facts()
    rows = [facts.rows(EXAMPLES[name])[0] for name in ("StepDecay", "CosineDecay")]
    assert rows[0] == rows[1] == {"path": ["peak_lr"], "fact": 0}


def test_mathml_is_plain():
    tree = mathml(r"\left\lfloor{\frac{t}{s}}\right\rfloor")
    assert tree == ["math", ["mrow", ["mo", "⌊"], ["mfrac", ["mi", "t"], ["mi", "s"]], ["mo", "⌋"]]]


def texts(node):
    """The texts of a formula, whose elements and attributes are those of MathML."""
    tag, *children = node
    assert re.fullmatch(MATHML, tag)
    for child in children:
        if isinstance(child, dict):
            assert set(child) <= {"stretchy", "width", "mathvariant", "accent", "lspace", "rspace"}
        else:
            yield from texts(child) if isinstance(child, list) else [child]


def test_equations_are_mathml_with_a_place_for_every_value():
    for name, method in catalog(knowing())["methods"].items():
        places = method["places"]
        numbers, symbols = ({t for line in method[k] for t in texts(line)} for k in ("numbers", "symbols"))
        assert places and set(places) <= numbers and not set(places) & symbols, name
        wanted = {f"p.{'.'.join(map(str, row['path']))}" for row in method["rows"]}
        assert {re.sub(r"\[(\d+)\]", r".\1", place) for place in places.values()} <= wanted


# ---- what the page computes ----


def test_curve_and_code_are_those_of_python():
    for name, (rates, code, _) in pages().items():
        np.testing.assert_allclose(rates, ALL[name].rates(1001), rtol=1e-12, atol=1e-16, err_msg=name)
        assert eval(code, {"schedules": schedules}) == ALL[name]


@pytest.mark.parametrize("name", ALL)
def test_the_torch_line_has_the_rates_of_the_curve(name):
    rates, _, line = pages()[name]
    if not ALL[name].base_lr:
        assert line == "# torch multiplies the optimizer's rate, and it would be 0"
        return
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=ALL[name].base_lr)
    scope = {**vars(torch.optim.lr_scheduler), "math": math, "optimizer": optimizer}
    theirs, found = eval(line, scope), []
    for _ in range(1001):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(found) <= 1000:
            theirs.step()
    np.testing.assert_allclose(found, rates, rtol=1e-10, atol=1e-14)


def test_torch_has_its_own_classes_where_they_agree_and_else_the_formula():
    for name in EXAMPLES | OTHERS | WARMED:
        if ALL[name].base_lr:
            assert (pages()[name][2] == ALL[name].torch()) == ALL[name].torch_agrees(1000), name
    for name in ("a stair, then a cosine", "during the warmup"):
        assert pages()[name][2] == ALL[name].torch()
    assert pages()["other rates"][2] == (
        "LambdaLR(optimizer, lambda t: (0.1 if t < 700 else (lambda t: 0.02)(t - 700)) / 0.1)"
    )
    for name in BEYOND:
        assert pages()[name][2].startswith("LambdaLR(optimizer, lambda t: ("), name


# A reader moves sliders of a state: each wish is a row and a part of its range.
WALK = """(state, wishes) => {
    for (const [i, part] of wishes) {
        const row = rowsOf(state)[i % rowsOf(state).length];
        const { low, high, integer } = facts[row.fact];
        const wish = low + part * (high - low);
        const { value } = bounded(row, integer ? Math.round(wish) : wish, state);
        state = replaced(state, row.path, value);
    }
    return [state.parts, state.milestones, samples(state, 200).rates];
}"""


def test_whatever_the_sliders_say_python_can_make_and_draws_alike():
    rng, explorer = np.random.default_rng(0), knowing()
    starts = [record(schedule) for schedule in ALL.values() for _ in range(6)]
    wishes = [[[int(rng.integers(30)), rng.choice([0, 1, rng.uniform()])] for _ in range(12)] for _ in starts]
    walks = f"{json.dumps(starts)}.map((state, i) => ({WALK})(state, {json.dumps(wishes)}[i]))"
    moved = 0
    for start, (parts, milestones, rates) in zip(starts, explorer.evaluate(walks), strict=True):
        explorer.set_state({"parts": parts, "milestones": milestones})
        wanted = explorer.schedule.rates(201)  # Python refuses nothing
        np.testing.assert_allclose(rates, wanted, rtol=1e-9, atol=1e-15)
        moved += parts != start["parts"]
    assert moved > 0.9 * len(starts) > 240


@pytest.mark.parametrize("cls", schedules.METHODS)
def test_what_must_fit_into_the_total_steps_is_what_python_demands(cls):
    schedule, about = EXAMPLES[cls.__name__], hyperparameters(cls)
    method = catalog(knowing())["methods"][schedule.words]
    steps = [n for n, fact in about.items() if fact.unit == "steps" and fact.integer and n != "total_steps"]
    if "total_steps" not in about or not steps:
        assert method["stretches"] is None
        return
    assert method["stretches"]["steps"] == steps
    needed = sum(getattr(schedule, name) for name in steps) + method["stretches"]["spare"]
    assert schedule.replace(total_steps=needed)
    with pytest.raises(ValueError, match="total_steps"):
        schedule.replace(total_steps=needed - 1)


def test_the_still_picture_is_the_page_of_the_state():
    explorer = ScheduleExplorer(JOINED["other rates"], pinned=[STAIRS], log_axis=True)
    text = explorer.still()
    assert (
        "0.1 if t &#60; 700 else" in text and text.count('class="curve pin1"') == 2
    )  # in the picture, on the chip
    assert "constant, then constant: rate at step 500: 0.1; area under the curve 76" in text
    assert ">10⁻¹<" in text and 'class="area"' not in text


def test_a_log_axis_of_one_rate_has_room():
    state = json.dumps({**knowing().state(), **record(EXAMPLES["Constant"]), "log_axis": True})
    x = "scale([0, 1000], [0, 500])"
    path = knowing().evaluate(f"curvesOf([{state}], {state}, {x}, [300, 20], {UI})[1].tree")
    assert "NaN" not in path["attributes"]["d"] and path["attributes"]["d"].startswith("M0 ")


@pytest.mark.parametrize(
    ("name", "path", "wish", "words"),
    [
        ("MultiStepDecay", "milestones,0", 900, "m₁ stops at 749: the milestones stay in order."),
        ("MultiStepDecay", "milestones,1", 1, "m₂ stops at 501: the milestones stay in order."),
        ("OneCycle", "total_steps", 5, "T stops at 101: the parts have to fit into the total steps."),
        (
            "WarmupStableDecay",
            "warmup_steps",
            9999,
            "w stops at 800: the parts have to fit into the total steps.",
        ),
        ("warmed one-cycle", "warmup_steps", 9999, ""),
        ("StepDecay", "step_size", 20, ""),
    ],
)
def test_a_bounded_slider_says_where_it_stops(name, path, wish, words):
    row = f"rowsOf(state).find(({{ path }}) => path.slice(3).join() === '{path}')"
    said = f"((state) => bounded({row}, {wish}, state).words)({json.dumps(record(ALL[name]))})"
    assert knowing().evaluate(said) == words
