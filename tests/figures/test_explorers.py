"""What Python makes of an explorer; what a browser does with it is in ``test_explorers_in_browser.py``."""

import json
import math
import re

import numpy as np
import pytest
import torch

from helpers.core.hyperparameters import example, hyperparameters
from helpers.figures.explorers import Explorer, Prompt, ScheduleExplorer
from helpers.figures.explorers.facts import Facts, code, mathml, refusals
from helpers.figures.explorers.joined import in_turn, pair_code, parts, stages, torch_code
from helpers.figures.explorers.pictures import still_chart
from helpers.formulas import schedules

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


# ---- what Python makes ----


def test_payload_cannot_leave_its_script():
    text = "</script><!--<script>alert(1)</script>"
    html = ScheduleExplorer(prompts=[Prompt(text, STAIRS)]).html()
    payload = re.search(r'<script type="application/json">(.*?)</script>', html, re.S)[1]
    assert not re.search(r"</|<!--|<script", payload, re.I)
    assert (
        text
        in json.loads(json.loads(payload)["esm"].split("const catalog = ")[1].split(";\nconst ")[0])[
            "prompts"
        ][0]["text"]
    )


def test_an_explorer_must_have_a_still_picture():
    class Bare(Explorer):
        family, alt = "schedules", "nothing"

    with pytest.raises(NotImplementedError):
        Bare().still()


@pytest.mark.parametrize("name", EXAMPLES | OTHERS | WARMED | JOINED)
def test_schedule_goes_in_and_comes_out(name):
    schedule = (EXAMPLES | OTHERS | WARMED | JOINED)[name]
    assert ScheduleExplorer(schedule).schedule == schedule
    explorer = ScheduleExplorer()
    explorer.schedule = schedule
    assert explorer.schedule == schedule


def test_traits_of_the_page_make_the_schedule():
    explorer = ScheduleExplorer(STAIRS)
    explorer.set_state(
        {"values": {**explorer.values, "inner": {"peak_lr": 1, "step_size": 20, "gamma": 0.5}}}
    )
    assert explorer.schedule == schedules.StepDecay(peak_lr=1.0, step_size=20, gamma=0.5)
    assert isinstance(explorer.schedule.peak_lr, float)


def test_an_unknown_formula_is_taught_to_the_page():
    explorer = ScheduleExplorer(STAIRS)
    module = explorer._esm
    explorer.schedule = EXAMPLES["CosineDecay"]
    assert explorer._esm == module
    explorer.schedule = OTHERS["three milestones"]
    assert explorer._esm != module
    assert '"MultiStepDecay, 3 milestones": { plain: (t, p) =>' in explorer._esm
    explorer.schedule = schedules.Warmup(OTHERS["three milestones"], warmup_steps=5)
    assert explorer.schedule.inner == OTHERS["three milestones"]


def test_pinned_schedules_come_out():
    pinned = [EXAMPLES["CosineDecay"], OTHERS["three milestones"]]
    assert ScheduleExplorer(STAIRS, pinned=pinned).pinned == pinned


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
    catalog = json.loads(ScheduleExplorer(total_steps=total_steps).constants()["catalog"])
    for fact in catalog["facts"]:
        assert fact["low"] < fact["high"]
        for value in np.ravel(fact["example"]):
            assert fact["refusals"][np.digitize(value, [0, 1e-300, 1, 1 + 1e-12])] is None
    facts = {fact["words"]: fact for fact in catalog["facts"]}
    assert facts["total steps"]["high"] == max(total_steps, facts["total steps"]["low"] + 1)


@pytest.mark.parametrize("cls", schedules.METHODS)
def test_a_page_refuses_what_the_check_refuses(cls):
    rng = np.random.default_rng(0)
    for about in hyperparameters(cls).values():
        several = isinstance(about.example, tuple)
        words = refusals(about.check, several)
        for value in [*rng.uniform(-2, 3, 20), -1, 0, 1, 2]:
            value = round(value) if about.integer else float(value)
            region = int(np.digitize(value, [0, 1e-300, 1, 1 + 1e-12]))
            try:
                about.check("x", (value,) if several else value)
            except ValueError as error:
                assert f"must {words[region]}, got" in str(error)
            else:
                assert words[region] is None


def test_shared_parameters_are_told_once():
    facts = Facts()
    rows = [facts.rows(EXAMPLES[name])[0] for name in ("StepDecay", "CosineDecay")]
    assert rows[0] == rows[1] == {"name": "peak_lr", "fact": 0}


def test_mathml_is_plain():
    text = mathml(r"\left\lfloor{\frac{t}{s}}\right\rfloor")
    assert text == "<math><mrow><mo>⌊</mo><mfrac><mi>t</mi><mi>s</mi></mfrac><mo>⌋</mo></mrow></math>"


def test_still_picture_draws_the_rates():
    rates = EXAMPLES["CosineDecay"].rates(1001)
    picture = still_chart(np.arange(1001), rates, ("step", "rate"), "a < b", 'says "so"')
    points = np.array(
        re.search(r'class="curve study" d="M([^"]*)', picture)[1].replace("L", " ").split(), float
    )
    x, y = points.reshape(-1, 2).T
    np.testing.assert_allclose((x - x[0]) / (x[-1] - x[0]), np.arange(1001) / 1000, atol=2e-4)
    np.testing.assert_allclose((y[-1] - y) / (y[-1] - y[0]), rates / 0.1, atol=2e-4)
    assert "a &lt; b" in picture and 'aria-label="says &quot;so&quot;"' in picture


def test_the_formula_of_two_in_turn_is_that_of_joined():
    assert in_turn().startswith("(t, p, first, then) => ((t < p.milestones[0]) ? ( first(t) )")
    pair = JOINED["other rates"]
    template = pair_code(pair).replace("p.milestones[0]", "700")
    for place, part in zip(("p.first", "p.then"), parts(pair), strict=True):
        template = template.replace(place, code(part, "schedules"))
    assert eval(template, {"schedules": schedules}) == pair
    assert parts(STAIRS) == (STAIRS,)


def test_the_stages_of_a_warmup_are_those_of_torch():
    told = stages(WARMED["warmed CosineDecay"])
    assert [start for start, _ in told["stages"]] == ["0", "p.warmup_steps"]
    assert told["stages"][1][1].startswith("CosineAnnealingLR(optimizer, T_max=p.inner.total_steps")
    assert told["base"] == "p.inner.peak_lr"


def test_torch_has_its_own_classes_where_they_agree_and_else_the_formula():
    assert torch_code(STAIRS, 1000) == STAIRS.torch()
    wanted = "LambdaLR(optimizer, lambda t: (0.1 if t < 700 else (lambda t: 0.02)(t - 700)) / 0.1)"
    assert torch_code(JOINED["other rates"], 1000) == wanted
    assert "0.1 if t &lt; 700 else" in ScheduleExplorer(JOINED["other rates"]).still()
    for cosine in (EXAMPLES["CosineDecay"], WARMED["warmed CosineDecay"]):
        assert "CosineAnnealingLR" in torch_code(cosine, cosine.total_steps)
        assert "CosineAnnealingLR" not in torch_code(cosine, cosine.total_steps + 1)
    low = schedules.Triangular(0.1, up_steps=20, down_steps=20, min_lr=0.0)
    assert torch_code(schedules.Joined((low, STAIRS), milestones=(9,)), 90).startswith("# torch multiplies")


@pytest.mark.parametrize("name", EXAMPLES | OTHERS | WARMED | JOINED | BEYOND)
def test_the_torch_line_has_the_rates_of_the_curve(name):
    schedule = (EXAMPLES | OTHERS | WARMED | JOINED | BEYOND)[name]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=schedule.base_lr)
    scope = {**vars(torch.optim.lr_scheduler), "math": math, "optimizer": optimizer}
    theirs, rates = eval(torch_code(schedule, 1000), scope), []
    for _ in range(1001):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(rates) <= 1000:
            theirs.step()
    np.testing.assert_allclose(rates, schedule.rates(1001), rtol=1e-10, atol=1e-14)
