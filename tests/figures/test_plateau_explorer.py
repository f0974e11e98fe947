"""The plateau explorer: what Python makes of it, and what a real browser does with it."""

import itertools
import math
import re

import numpy as np
import pytest

from helpers.figures.explorers import PlateauExplorer, PlateauQuestion
from helpers.figures.explorers.kit import as_javascript
from helpers.formulas import schedules
from helpers.formulas.schedules import ReduceOnPlateau
from tests.figures.explorer_checks import message, typed, view

NAN = math.nan
STALLS = [1.0, 0.8, 0.7, 0.72, 0.71, 0.73, 0.6, 0.61, 0.62, 0.63, 0.59, 0.6]
CURVES = {"stalls": STALLS, "starts with NaN": [NAN, *STALLS[1:]], "falls": np.linspace(2, 0.1, 20)}
START = ReduceOnPlateau(0.2, factor=0.5, patience=1)
QUESTIONS = (
    PlateauQuestion("No patience?", "stalls", START.replace(patience=0)),
    PlateauQuestion("A first NaN?", "starts with NaN", START),
    PlateauQuestion("Three checks forgiven?", "stalls", START.replace(cooldown=3, patience=2)),
)
EXPLORER = PlateauExplorer(CURVES, START, QUESTIONS)


def words(page):
    return page.locator("p.muted").text_content()


def random_cases(count):
    rng = np.random.default_rng(0)
    modes = itertools.cycle(itertools.product(("min", "max"), ("rel", "abs")))
    for (mode, kind), _ in zip(modes, range(count), strict=False):
        settings = {"lr": 0.1, "factor": rng.uniform(0.05, 1), "patience": int(rng.integers(4))}
        settings |= {"threshold": rng.choice([0, 1e-4, 0.1, 1.5]), "cooldown": int(rng.integers(4))}
        settings |= {"min_lr": rng.choice([0.0, 0.01]), "mode": mode, "threshold_mode": kind}
        losses = rng.normal(rng.choice([-1, 0, 1]), 1, size=30).round(2)
        losses[rng.random(30) < 0.1] = NAN
        yield (
            losses,
            ReduceOnPlateau(**{k: x.item() if isinstance(x, np.generic) else x for k, x in settings.items()}),
        )


# ---- what Python makes ----


def test_states_are_those_of_the_schedule():
    explorer = PlateauExplorer(CURVES, START)
    assert [state["lr"] for state in explorer.states()] == [*[0.2] * 5, *[0.1] * 4, *[0.05] * 4]
    assert explorer.schedule == START
    explorer.patience, explorer.losses = 0, [1.0, None, 2.0]
    assert [state["lr"] for state in explorer.states()] == [0.2, 0.2, 0.1, 0.05]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (({}, START), r"curves must hold a curve, got curves=\{\}"),
        (({"a": [1.0]}, START), r"curves\['a'\] must have 2 to 100 checks, got curves\['a'\]=\[1.0\]"),
        (({"a": [NAN, NAN]}, START), r"curves\['a'\] must have a finite check"),
        (
            (CURVES, START, [PlateauQuestion("?", "other", START)]),
            "curve must be 'stalls' or 'starts with NaN' or 'falls', got curve='other'",
        ),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        PlateauExplorer(*arguments)


def test_the_axis_holds_the_curve_and_negative_metrics_too():
    for values in ([1.0, 2.0], [-3.0, -2.5, -2.9], [0.5, 0.5], [0.001, 0.9]):
        low, high = PlateauExplorer({"c": values}, START).span
        assert low < min(values) and max(values) < high
        assert (low >= 0) == (min(values) >= 0)


def test_the_page_runs_the_machine_of_the_book():
    """Hundreds of random curves, all modes, with NaN, negative metrics and thresholds above 1."""
    cases = list(random_cases(300))
    states = [{"losses": [None if math.isnan(x) else x for x in losses], **vars(s)} for losses, s in cases]
    shown = "(f) => [f.lr, String(f.best), f.bad_checks, f.cooldown, f.kind, String(f.goal)]"
    kinds = set()
    runs = EXPLORER.evaluate(f"{as_javascript(states)}.map((p) => observe(p).map({shown}))")
    for (losses, schedule), found in zip(cases, runs, strict=True):
        state = schedule.init()
        for metric, (lr, best, bad, cooldown, kind, goal) in zip(losses, found, strict=True):
            before, state = state, schedule.observe(state, metric)
            seen = {"lr": lr, "best": float(best.replace("Infinity", "inf")), "bad_checks": bad}
            assert {**seen, "cooldown": cooldown} == pytest.approx(state, rel=1e-12)
            assert float(goal.replace("Infinity", "inf")) == pytest.approx(
                schedule.goal(before["best"]), abs=1e-12
            )
            assert (kind == "better") == schedule.improves(metric, before["best"])
            kinds.add(kind)
    assert kinds == {"better", "bad", "last", "forgiven"}


def test_the_picture_draws_losses_rates_and_the_kind_of_every_check():
    picture = EXPLORER.still()
    [losses, rates] = re.findall(r'class="curve (?:loss|study rate)" d="M([^"]+)"', picture)
    assert len(losses.split("L")) == len(STALLS)
    assert len({point.split()[1] for point in rates.split("L")}) == 3
    kinds = [*["better"] * 3, "bad", "last", "bad", "better", "bad", "last", "bad", "better", "bad"]
    assert re.findall(r'<circle[^>]* class="dot (\w+)"', picture) == kinds
    forgiven = PlateauExplorer(CURVES, QUESTIONS[2].schedule).still()
    assert forgiven.count('class="dot forgiven') == 2  # a new best in the cool-down is a new best
    assert PlateauExplorer({"c": CURVES["starts with NaN"]}, START).still().count('class="dot nan"') == 1


def test_the_numbers_stand_in_a_table():
    [rows] = view(EXPLORER, "numbers()")
    assert len(rows) == 13
    assert [*map(str, rows[5])] == ["5", "0.71", "0.6999", "one too many", "0.7", "0", "0", "0.1"]


# ---- what a browser does with it ----


def test_the_mouse_tells_of_a_check_chooses_it_and_draws_a_curve(show):
    page = show(EXPLORER)
    box = page.locator("svg.chart").bounding_box()
    first, fourth, last = (page.locator("circle.dot").nth(i).bounding_box()["x"] + 3 for i in (0, 3, 11))
    curve = page.get_by_label("Curve").locator("option:checked")
    page.mouse.move(fourth, box["y"] + 60)
    assert words(page).startswith("Check 4: ")
    assert page.get_by_text("value of check 7").count() == 1
    page.mouse.move(0, 0)
    assert words(page).startswith("Check 7: ")
    page.mouse.click(fourth, box["y"] + 60)
    assert words(page).startswith("Check 4: 0.72 is not below 0.6999: bad check 1, and 1 are borne.")
    assert curve.text_content() == "stalls"
    page.mouse.move(first, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(last, box["y"] + 180, steps=3)
    page.mouse.up()
    assert curve.text_content() == "drawn by hand"
    heights = page.locator("circle.dot").evaluate_all("dots => dots.map(d => Number(d.getAttribute('cy')))")
    np.testing.assert_allclose(np.diff(heights), 80 / 11, atol=2.5)  # a pixel or two between events
    assert "0 bad ones" in words(page)


def test_keys_choose_and_move_a_check(show):
    page = show(EXPLORER)
    knob = page.get_by_role("slider", name="value of check")
    knob.press("Home")
    assert words(page).startswith("Check 1: 1 is the first number: the new best.")
    for _ in range(4):
        knob.press("ArrowRight")
    assert words(page).startswith(
        "Check 5: 0.71 is not below 0.6999: bad check 2, and 1 are borne. The rate falls"
    )
    for _ in range(3):
        knob.press("ArrowDown")
    assert "the new best" in words(page)
    # It is said at most twice a second.
    page.get_by_role("status").filter(has_text=re.compile("^Check 5")).wait_for(state="attached")


@pytest.mark.parametrize(
    ("wish", "seen", "answer"),
    [
        ("0.65", "0.65", ""),
        ("nan", "NaN", ""),
        ("9", "0.6", "check 7 must be in [0.5, 1.1] or NaN, got 9; 0.6 stays."),
        ("low", "0.6", "check 7 must be in [0.5, 1.1] or NaN, got low; 0.6 stays."),
    ],
)
def test_the_exact_value_of_a_check(show, wish, seen, answer):
    page = show(EXPLORER)
    field = typed(page, "value of the chosen check", wish)
    assert (field.input_value(), message(page)) == (seen, answer)


def test_modes_change_the_machine_the_equation_and_the_code(show):
    page = show(EXPLORER)
    before = words(page), page.locator(".equation").inner_html()
    page.get_by_label("Better is").select_option("higher")
    page.get_by_role("combobox", name="Threshold").select_option("absolute")
    assert words(page) != before[0] and page.locator(".equation").inner_html() != before[1]
    made = eval(page.locator("pre").first.text_content(), {"schedules": schedules})
    assert made == START.replace(mode="max", threshold_mode="abs")
    assert page.locator("pre").nth(1).text_content() == made.torch()
