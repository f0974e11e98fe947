"""The regression explorer: what Python makes of it, and what a browser does with it."""

import re

import numpy as np
import pytest
import torch

from helpers.figures.explorers import RegressionExplorer
from helpers.figures.explorers.regression import HEIGHTS, LASER, minimizer
from helpers.formulas import losses
from tests.figures.explorer_checks import message, number, points, resized, typed, view

BETAS = (0.002, 0.05, 0.5)
LOW, HIGH = HEIGHTS.low, HEIGHTS.high


def mean_losses(loss, readings, ys):
    return loss.formula(np.asarray(ys)[:, None] - readings).mean(1)


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
        for loss in explorer.losses:
            tried = mean_losses(loss, explorer.readings, [explorer.estimates[loss.words], *ys])
            assert tried[0] <= tried.min() + 1e-15


def test_the_width_leads_from_the_median_to_the_mean_and_beyond_both_on_the_way():
    found = [minimizer(losses.SmoothL1(beta), LASER) for beta in (1e-4, 0.02, 10.0)]
    np.testing.assert_allclose(found, [0.99, np.mean([0.98, 0.99, 1.01]), 0.97], atol=1e-9)


def test_the_middle_is_taken_where_many_are_least():
    np.testing.assert_allclose(minimizer(losses.AbsoluteError(), LASER[:4]), 1.0, atol=1e-12)


def test_the_page_finds_the_same_estimates():
    rng = np.random.default_rng(0)
    explorer = RegressionExplorer()
    rows = [rng.uniform(LOW, HIGH, n).round(3).tolist() for n in (1, 2, 3, 4, 5) for _ in range(8)]
    rows += [[0.9, 0.9, 1.0, 1.0], [1.0] * 5, [LOW, HIGH], list(LASER[:4])]
    states = [{"readings": row, "beta": beta} for row in rows for beta in BETAS]
    each = "Object.values(formulas.losses).map(({ slope }) => minimizer(slope, state))"
    text = f"{states}.map((state) => {each})"
    expected = [
        list(RegressionExplorer(state["readings"], state["beta"]).estimates.values()) for state in states
    ]
    np.testing.assert_allclose(explorer.evaluate(text), expected, rtol=0, atol=1e-12)


def test_the_page_gets_the_formulas_of_the_losses():
    errors = np.linspace(-0.6, 0.6, 241)
    explorer = RegressionExplorer()
    for i, loss in enumerate(explorer.losses):
        for of, theirs in (("value", loss.formula), ("slope", loss.derivative)):
            formula = f"Object.values(formulas.losses)[{i}].{of}"
            text = f"{errors.tolist()}.map((error) => {formula}(error, {{ beta: 0.05 }}))"
            np.testing.assert_allclose(explorer.evaluate(text), theirs(errors), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"readings": []}, r"readings must not be empty, got readings=\(\)"),
        ({"readings": [1.0] * 6}, r"readings must have 1 to 5 entries, got readings=\(1.0"),
        ({"readings": [1.0, 1.2]}, r"readings\[1\] must be in \[0.8, 1.1\], got readings\[1\]=1.2"),
        ({"beta": 0.0}, r"beta must be positive, got beta=0.0"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        RegressionExplorer(**arguments)


# ---- the picture ----


def present(page):
    """The readings and the width that the page shows, as an explorer."""
    fields = page.locator("input[aria-label^='reading']").evaluate_all("fields => fields.map(f => f.value)")
    text = page.locator(".code code").first.text_content()
    return RegressionExplorer([float(x) for x in fields], eval(text, {"losses": losses}).beta)


def assert_is_drawn(explorer, markup):
    """Curves, least points, estimates and readings of a picture are those that Python computes."""
    ticks = re.findall(r'class="tick" x="([\d.]+)" y="[\d.]+" text-anchor="middle">([\d.]+)<', markup)
    (p0, y0), *_, (p1, y1) = ((float(place), float(name)) for place, name in ticks)
    rows = re.findall(r'class="tick" x="[\d.]+" y="([\d.]+)" text-anchor="end">(0|0\.5|1)<', markup)
    height = {name: float(row) - 4 for row, name in rows}

    def meters(pixels):
        return y0 + (np.asarray(pixels, float) - p0) * (y1 - y0) / (p1 - p0)

    paths = [points(path) for path in re.findall(r'<path class="curve \w+" d="([^"]+)"', markup)]
    curves = [path for path in paths if len(path) > 2]
    dots = np.array(re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="4"', markup), float)
    words = re.findall(r">(s\w+ error|a\w+ error|smooth L1): (\d\.\d{3})", markup)
    parts = zip(curves, dots, words, explorer.losses, explorer.estimates.values(), strict=True)
    for curve, (column, row), (name, words), loss, estimate in parts:
        values = mean_losses(loss, explorer.readings, meters(curve[:, 0]))
        shares = (height["0"] - np.append(curve[:, 1], row)) / (height["0"] - height["1"])
        least = mean_losses(loss, explorer.readings, [estimate])
        np.testing.assert_allclose(shares, np.append(values, least) / values.max(), atol=3e-3)
        np.testing.assert_allclose(meters(column), estimate, atol=1e-4)
        assert (name, float(words)) == (loss.words, pytest.approx(estimate, abs=5.1e-4))
    knobs = re.findall(r'class="knob" r="7" cx="([\d.]+)"', markup)
    np.testing.assert_allclose(meters(knobs), explorer.readings, atol=1e-4)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_the_picture_draws_the_mean_losses(n):
    rng = np.random.default_rng(n)
    for beta in BETAS:
        explorer = RegressionExplorer(rng.uniform(LOW, HIGH, n), beta)
        assert_is_drawn(explorer, explorer.still())
        for _, changes in explorer.questions:
            other = RegressionExplorer(**explorer.state() | changes)
            assert_is_drawn(other, other.still())


# ---- in a browser ----


def assert_draws(page):
    explorer = present(page)
    assert_is_drawn(explorer, page.locator(".picture").inner_html())
    return explorer


def held(page, i):
    """Take a reading with the mouse; return where."""
    box = page.get_by_role("slider", name=f"reading x{'₁₂₃₄₅'[i]}").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    return x, y


def test_a_reading_is_dragged(show):
    page = show(RegressionExplorer())
    x, y = held(page, 4)
    page.mouse.move(x + 120, y - 60, steps=6)  # the lane is kept, however the hand trembles
    page.mouse.up()
    page.mouse.move(x - 40, y)
    moved = assert_draws(page)
    assert moved.readings[:4] == list(LASER[:4]) and 0.87 < moved.readings[4] < 0.95
    page.keyboard.press("Home")  # what was dragged has the focus
    assert assert_draws(page).readings == [*LASER[:4], LOW]
    resized(page, 390)
    for i in range(5):
        for dx, end in ((-900, LOW), (900, HIGH)):
            x, y = held(page, i)
            page.mouse.move(x + dx, y)
            page.mouse.up()
            assert present(page).readings[i] == end


def test_what_is_typed_is_read_before_another_reading_is_dragged_and_the_curves_move_nothing(show):
    page = show(RegressionExplorer())
    page.get_by_label("reading x₁ in meters, exact value").fill("0.9")
    x, y = held(page, 4)
    page.mouse.move(x + 900, y)
    page.mouse.up()
    assert present(page).readings == [0.9, *LASER[1:4], HIGH]
    page.mouse.move(x, y - 200)
    page.mouse.down()
    page.mouse.move(x + 50, y)
    page.mouse.up()
    page.keyboard.press("Home")
    assert assert_draws(page).readings == [0.9, *LASER[1:4], HIGH]


def test_keys_do_what_dragging_does(show):
    page = show(RegressionExplorer())
    knob = page.get_by_role("slider", name="reading x₅")
    moves = {"ArrowRight": 0.86, "Shift+ArrowLeft": 0.859, "PageUp": 0.909, "Home": LOW, "End": HIGH}
    for key, value in moves.items():
        knob.press(key)
        assert present(page).readings[4] == value
        assert knob.get_attribute("aria-valuetext") == f"{value:g} m"


def test_a_reading_can_be_typed_and_a_bad_one_is_refused_gently(show):
    page = show(RegressionExplorer())
    name = "reading x₅ in meters, exact value"
    typed(page, name, "0.9125")
    for text, words in (("7", "be in [0.8, 1.1], got 7"), ("", "be a number, got nothing")):
        typed(page, name, text)
        assert message(page) == f"x₅ must {words}; 0.9125 stays."
        assert assert_draws(page).readings[4] == 0.9125


def test_the_torch_line_is_the_same_loss():
    _, (_, line) = view(RegressionExplorer(beta=0.03), "codes")
    pred, target = torch.linspace(-0.2, 0.2, 41, dtype=torch.float64), torch.zeros(41, dtype=torch.float64)
    theirs = eval(line, {"torch": torch})(pred, target)
    torch.testing.assert_close(theirs, losses.SmoothL1(0.03)(pred, target)[0])


def test_the_table_says_what_the_picture_shows():
    [[_, *rows]] = view(RegressionExplorer(), "numbers()")
    assert rows[0][:4] == ["squared error", "0.970", "0.030", "0.0038"]
    assert rows[1] == ["absolute error", "0.990", "0.010", "0.04", "−0.2", "0", "0.2", "0.2", "−0.2"]
    for row in rows:
        assert abs(sum(map(number, row[4:]))) < 1e-3


def test_each_curve_has_dashes_of_its_own(show):
    curves = show(RegressionExplorer()).locator(".chart .curve")
    read = "nodes => nodes.map((node) => [node.classList[1], getComputedStyle(node).strokeDasharray])"
    dashes = dict(curves.evaluate_all(read))
    assert len(dashes) == len(set(dashes.values())) == 3
