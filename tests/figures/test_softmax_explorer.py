"""The softmax explorer: what Python makes of it, and what a real browser does with it."""

import re

import numpy as np
import pytest

from helpers.figures.explorers import SoftmaxExplorer
from helpers.formulas import losses
from tests.figures.explorer_checks import number, opened_table, typed

EXPLORER = SoftmaxExplorer([2.0, 1.0, 0.0, -1.0], label=1)


def seen(page):
    """The numbers that the picture draws: the heights of its bars, in units of the axes."""
    bars = page.evaluate(
        """() => ['probability', 'gradient'].map((name) => tools.all(`.${name}`,
            (bar) => ['y', 'height'].map((key) => Number(bar.getAttribute(key)))))"""
    )
    probabilities, gradient = (np.array(rows) for rows in bars)
    downward = gradient[:, 0] == 302
    return probabilities[:, 1] / 130, np.where(downward, -1, 1) * gradient[:, 1] / 50


def assert_shows(page, logits, label, shift=0.0):
    explorer = SoftmaxExplorer(logits, label, shift)
    value, grad = explorer.loss()
    probabilities, gradient = seen(page)
    np.testing.assert_allclose(probabilities, explorer.probabilities(), atol=1e-12)
    np.testing.assert_allclose(gradient, grad, atol=1e-12)
    words = page.locator(".loss").text_content()
    assert words.startswith(f"loss −ln p{'₀₁₂₃₄₅'[label]} = ")
    assert number(re.search(r"= (\S+) nats", words)[1]) == pytest.approx(value, rel=1e-3, abs=1e-4)


def naive(page):
    return page.get_by_text("The same without subtracting m").text_content().split(": ")[1]


# ---- what Python makes ----


def test_what_is_shown_is_the_loss_of_the_book():
    explorer = SoftmaxExplorer([0.5, -2.0, 3.0], label=2, shift=40.0)
    logits = np.array([[0.5, -2.0, 3.0]])
    value, grad = losses.softmax_cross_entropy(logits, np.array([2]))
    np.testing.assert_allclose(explorer.loss()[0], value)
    np.testing.assert_allclose(explorer.loss()[1], grad[0], atol=1e-15)
    np.testing.assert_allclose(explorer.probabilities().sum(), 1)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"logits": [1.0]}, ValueError, r"logits must have 2 to 6 entries, got logits=\(1.0,\)"),
        ({"logits": [0.0] * 7}, ValueError, "logits must have 2 to 6 entries"),
        ({"logits": [0.0, float("nan")]}, ValueError, r"logits\[1\] must be finite, got logits\[1\]=nan"),
        ({"label": 4}, ValueError, "label must be below 4, the number of classes, got label=4"),
        ({"label": -1}, ValueError, "label must be zero or positive, got label=-1"),
        ({"label": 1.0}, TypeError, "label must be a whole number, got label=1.0"),
        ({"shift": float("inf")}, ValueError, "shift must be finite, got shift=inf"),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        SoftmaxExplorer(**arguments)


# ---- what a browser does with it ----


def test_the_page_computes_what_python_computes():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 4)) * 10 ** rng.uniform(-1, 3, size=(200, 1))
    shifts = rng.uniform(-500, 500, 200)
    logits = f"{rows.tolist()}.map((row, i) => formulas.logProbabilities(row, {shifts.tolist()}[i]))"
    found = EXPLORER.evaluate(logits)
    np.testing.assert_allclose(found, losses.log_softmax(rows + shifts[:, None]), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_sliders_move_bars_loss_and_gradient(show, scheme):
    page = show(EXPLORER, scheme=scheme)
    logits = [2.0, 1.0, 0.0, -1.0]
    assert_shows(page, logits, 1)
    for k, key, value in ((0, "Home", -10.0), (1, "End", 10.0), (3, "End", 10.0)):
        page.locator("input[type=range]").nth(k).press(key)
        logits[k] = value
        assert_shows(page, logits, 1)


@pytest.mark.parametrize("n", [2, 3, 6])
def test_any_number_of_classes(show, n):
    logits = [0.5 * k for k in range(n)]
    page = show(SoftmaxExplorer(logits, label=n - 1), width=390)
    assert_shows(page, logits, n - 1)
    for prompt in page.locator(".prompt").all():
        prompt.click()
    assert page.locator("rect.probability").count() == n


def test_the_true_class_can_be_chosen(show):
    page = show(EXPLORER)
    for label in range(4):
        page.get_by_label("True class").select_option(str(label))
        assert_shows(page, [2.0, 1.0, 0.0, -1.0], label)
        assert page.locator(".class").nth(label).text_content() == f"class {label} (true)"
        assert "".join(page.locator(".equation").text_content().split()).startswith(f"lnp{label}=z{label}+c")


@pytest.mark.parametrize("shift", [-120.0, -30.0, 60.0, 100.0])
def test_a_shift_changes_nothing_but_what_overflows_without_the_maximum(show, shift):
    page = show(EXPLORER)
    typed(page, "c added to all, exact value", shift)
    assert_shows(page, [2.0, 1.0, 0.0, -1.0], 1)
    with np.errstate(all="ignore"):
        powers = np.exp(np.array([2.0, 1.0, 0.0, -1.0], np.float32) + np.float32(shift))
        plain = powers / powers.sum()
    assert ("NaN" in naive(page)) == bool(np.isnan(plain).any()) == (abs(shift) > 90)


def test_a_step_downhill_follows_the_gradient_and_keeps_the_sum(show):
    page = show(EXPLORER)
    logits = np.array([2.0, 1.0, 0.0, -1.0])
    for _ in range(3):
        page.get_by_role("button", name="One step downhill").click()
        logits = logits - losses.softmax_cross_entropy(logits[None], np.array([1]))[1][0]
    fields = page.locator(".number").evaluate_all("nodes => nodes.map((n) => Number(n.value))")
    np.testing.assert_allclose(fields[:4], logits, atol=5e-4)
    np.testing.assert_allclose(sum(fields[:4]), 2.0, atol=1e-3)


def test_the_first_question_makes_all_classes_alike(show):
    page = show(EXPLORER)
    page.locator(".prompt").first.click()
    assert page.locator(".loss").text_content() == "loss −ln p₁ = 1.386 nats"  # ln 4


def test_keys_move_and_reset_one_slider(show):
    page = show(EXPLORER)
    slider = page.get_by_label("z₀ logit, exact value").locator("xpath=../..").locator("input[type=range]")
    slider.press("ArrowRight")
    moved = float(page.get_by_label("z₀ logit, exact value").input_value())
    assert 2 < moved < 2.2
    assert_shows(page, [moved, 1.0, 0.0, -1.0], 1)
    slider.press("Delete")
    assert_shows(page, [2.0, 1.0, 0.0, -1.0], 1)


def test_the_result_is_said_and_stands_in_a_table(show):
    page = show(EXPLORER)
    page.get_by_label("True class").select_option("0")
    said = page.get_by_role("status").text_content()
    assert said.startswith("loss 0.4402 nats; probabilities class 0, true: 0.644; class 1: 0.237")
    assert page.get_by_role("img").get_attribute("aria-label") == said
    rows = opened_table(page)
    assert rows[0] == ["class", "logit", "probability p", "target y", "p − y"]
    assert rows[1][:2] == ["0", "2"] and number(rows[1][4]) == pytest.approx(0.6439 - 1, abs=1e-4)
    page.locator("input[type=range]").nth(4).press("End")
    assert page.locator("tr").nth(1).locator("td").first.text_content() == "122"
