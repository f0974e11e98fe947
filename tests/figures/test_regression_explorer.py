"""The regression explorer: what Python makes of it, and what a browser does with it."""

import re

import numpy as np
import pytest
import torch

from helpers.figures.explorers import Readings, RegressionExplorer
from helpers.figures.explorers.regression import HIGH, LASER, LOW, minimizer
from helpers.formulas import losses
from tests.figures.explorer_checks import heard, layouts, message, opened_table, points, typed

BETAS = (0.002, 0.05, 0.5)
PRESSED = """(i) => tools.root().querySelector('.knob').dispatchEvent(
    new KeyboardEvent('keydown', { key: %s, shiftKey: true }))"""


def mean_losses(explorer, ys):
    return [loss.formula(np.asarray(ys)[:, None] - explorer.readings).mean(1) for loss in explorer.losses]


# ---- what Python makes ----


def test_the_laser_has_its_mean_and_its_median():
    estimates = RegressionExplorer().estimates
    np.testing.assert_allclose(estimates["squared error"], np.mean(LASER), atol=1e-12)
    np.testing.assert_allclose(estimates["absolute error"], np.median(LASER), atol=1e-12)
    assert np.mean(LASER) < estimates["smooth L1"] < np.median(LASER)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_estimates_are_the_least_of_many_tried(n):
    rng = np.random.default_rng(n)
    for beta in BETAS:
        explorer = RegressionExplorer(rng.uniform(LOW, HIGH, n), beta)
        np.testing.assert_allclose(explorer.estimates["squared error"], np.mean(explorer.readings))
        np.testing.assert_allclose(explorer.estimates["absolute error"], np.median(explorer.readings))
        ys = np.linspace(LOW, HIGH, 3001)
        for loss, tried in zip(explorer.losses, mean_losses(explorer, ys), strict=True):
            at = np.array([explorer.estimates[loss.words]])
            assert loss.formula(at - explorer.readings).mean() <= tried.min() + 1e-15


def test_the_width_leads_from_the_median_to_the_mean_and_beyond_both_on_the_way():
    found = [minimizer(losses.SmoothL1(beta), LASER) for beta in (1e-4, 0.02, 10.0)]
    np.testing.assert_allclose(found, [0.99, np.mean([0.98, 0.99, 1.01]), 0.97], atol=1e-9)


def test_the_middle_is_taken_where_many_are_least():
    np.testing.assert_allclose(minimizer(losses.AbsoluteError(), LASER[:4]), 1.0, atol=1e-12)


def test_the_page_gets_the_formulas_of_the_losses():
    constants = RegressionExplorer().constants()
    assert "value: (error, p) => Math.pow(error, 2), slope: (error, p) => 2*error" in constants["formulas"]
    assert "Math.abs(error) < p.beta" in constants["formulas"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"readings": []}, r"readings must be 1 to 5, got readings=\(\)"),
        ({"readings": [1.0] * 6}, r"readings must be 1 to 5, got readings=\(1.0"),
        ({"readings": [1.0, 1.2]}, r"readings must be in \[0.8, 1.1\], got readings=1.2"),
        ({"beta": 0.0}, r"beta must be positive, got beta=0.0"),
        ({"target": 2.0}, r"target must be in \[0.8, 1.1\], got target=2.0"),
        ({"prompts": [Readings("?", (0.0,))]}, r"readings must be in \[0.8, 1.1\], got readings=0.0"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        RegressionExplorer(**arguments)


def test_the_still_picture_draws_the_mean_losses():
    explorer = RegressionExplorer()
    paths = re.findall(r'<path class="curve \w+" d="M([^"]*)"', explorer.still())
    assert len(paths) == 3
    for path, values in zip(paths, mean_losses(explorer, np.linspace(LOW, HIGH, 241)), strict=True):
        heights = np.array(path.replace("L", " ").split(), float).reshape(-1, 2)[:, 1]
        np.testing.assert_allclose((220 - heights) / 192, values / values.max(), atol=4e-4)


# ---- in a browser ----


def present(page):
    """The readings and the width that the page shows, as an explorer."""
    fields = page.locator("input[aria-label^='reading']").evaluate_all("fields => fields.map(f => f.value)")
    text = page.locator(".code code").first.text_content()
    return RegressionExplorer([float(x) for x in fields], eval(text, {"losses": losses}).beta)


def assert_draws(page):
    """Curves, estimates and words are those that Python computes."""
    explorer = present(page)
    drawn = page.evaluate(
        """() => {
            const number = (tick) => [Number(tick.textContent), Number(tick.getAttribute('x'))];
            const ys = tools.all('.grid', (line) => Number(line.getAttribute('y1'))).slice(0, 2);
            const paths = tools.all('.chart .curve:not(.least)', (c) => c.getAttribute('d'));
            const labels = tools.all(".label", (t) => t.textContent);
            return [tools.all(".tick[text-anchor=middle]", number), ys, paths, labels];
        }"""
    )
    ticks, (half, one), paths, labels = drawn
    (y0, p0), (y1, p1) = ticks[0], ticks[-1]
    for path, loss in zip(paths[:3], explorer.losses, strict=True):
        drawn = points(path)
        ys = y0 + (drawn[:, 0] - p0) * (y1 - y0) / (p1 - p0)
        values = loss.formula(ys[:, None] - explorer.readings).mean(1)
        shares = 1 + (one - drawn[:, 1]) / (half - one) / 2
        np.testing.assert_allclose(shares, values / values.max(), atol=3e-3)
    numbers = [float(re.search(r"\d\.\d{3}", label)[0]) for label in labels]
    np.testing.assert_allclose(numbers, list(explorer.estimates.values()), atol=5.1e-4)
    return explorer


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_a_reading_is_dragged_with_the_network_closed(show, scheme):
    page = show(RegressionExplorer(), scheme=scheme)
    assert_draws(page)
    box = page.get_by_role("slider", name="reading x₅").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 120, y - 60, steps=6)  # the lane is kept, however the hand trembles
    page.mouse.up()
    page.mouse.move(x - 40, y)
    moved = assert_draws(page)
    assert moved.readings[:4] == list(LASER[:4]) and 0.87 < moved.readings[4] < 0.95


def test_every_reading_can_be_dragged_to_both_ends(show):
    page = show(RegressionExplorer(), width=390)
    for i in range(5):
        for dx, end in ((-900, LOW), (900, HIGH)):
            box = page.get_by_role("slider", name=f"reading x{'₁₂₃₄₅'[i]}").bounding_box()
            page.mouse.move(box["x"] + 7, box["y"] + 7)
            page.mouse.down()
            page.mouse.move(box["x"] + dx, box["y"])
            page.mouse.up()
            assert assert_draws(page).readings[i] == end


def test_keys_do_what_dragging_does(show):
    page = show(RegressionExplorer())
    knob = page.get_by_role("slider", name="reading x₅")
    knob.focus()
    moves = [
        ("ArrowRight", 0.86),
        ("Shift+ArrowLeft", 0.859),
        ("PageUp", 0.909),
        ("Home", LOW),
        ("End", HIGH),
    ]
    for key, value in moves:
        page.keyboard.press(key)
        assert assert_draws(page).readings[4] == value
        assert knob.get_attribute("aria-valuetext") == f"{value:g} m"


def test_a_reading_can_be_typed_and_a_bad_one_is_refused_gently(show):
    page = show(RegressionExplorer())
    field = typed(page, "reading x₅ in meters, exact value", "0.9125")
    assert assert_draws(page).readings[4] == 0.9125
    for text, got in (("7", "7"), ("far", "far"), ("", "nothing")):
        field.fill(text)
        field.press("Enter")
        assert message(page) == f"x₅ must be in [0.8, 1.1], got {got}; 0.9125 stays."
        assert present(page).readings[4] == 0.9125


def test_the_width_is_a_slider(show):
    page = show(RegressionExplorer())
    slider = page.get_by_label("width of the parabola").first
    for key, beta in (("End", 0.5), ("Home", 0.002), ("Delete", 0.05)):
        slider.press(key)
        assert assert_draws(page).beta == beta


def test_every_question_is_drawn(show):
    page = show(RegressionExplorer())
    for prompt in page.locator(".prompt").all():
        prompt.click()
        explorer = assert_draws(page)
        assert page.locator(".chart .knob").count() == len(explorer.readings)
    assert len(explorer.readings) == 4


def test_the_torch_line_is_the_same_loss(show):
    page = show(RegressionExplorer(beta=0.03))
    theirs = eval(page.locator(".code code").nth(1).text_content(), {"torch": torch})
    pred, target = torch.linspace(-0.2, 0.2, 41, dtype=torch.float64), torch.zeros(41, dtype=torch.float64)
    torch.testing.assert_close(theirs(pred, target), losses.SmoothL1(0.03)(pred, target)[0])


def test_the_equation_shows_symbols_and_values(show):
    page = show(RegressionExplorer())
    equation = page.locator(".equation")
    assert "".join(equation.text_content().split()).startswith("ℓ2(e)=e2ℓ1(e)=|e|ℓβ(e)=")
    assert "0.05" not in equation.text_content()
    page.get_by_label("with the present values").check()
    assert "0.05" in equation.text_content()


def test_the_table_says_what_the_picture_shows(show):
    page = show(RegressionExplorer())
    rows = opened_table(page)
    assert rows[1][:4] == ["squared error", "0.970", "0.030", "0.0038"]
    assert rows[2] == ["absolute error", "0.990", "0.010", "0.04", "-0.2", "0", "0.2", "0.2", "-0.2"]
    for row in rows[1:]:
        assert abs(sum(map(float, row[4:]))) < 1e-3


def test_results_are_said_at_most_twice_a_second(show):
    page = show(RegressionExplorer())
    times, said = heard(page, PRESSED % "'ArrowLeft'", 40)
    assert len(said) >= 3 and np.diff(times).min() >= 500
    words = ", ".join(f"{name} {y:.3f} m" for name, y in present(page).estimates.items())
    assert said[-1] == f"least loss at: {words}"


def test_each_curve_has_dashes_of_its_own(show):
    curves = show(RegressionExplorer()).locator(".chart .curve:not(.least)")
    dashes = curves.evaluate_all("nodes => nodes.slice(0, 3).map(n => getComputedStyle(n).strokeDasharray)")
    assert len(set(dashes)) == 3


def test_moving_a_reading_asks_for_no_layout(show):
    page = show(RegressionExplorer())
    assert layouts(page, PRESSED % "i % 2 ? 'ArrowLeft' : 'ArrowRight'") < 10
