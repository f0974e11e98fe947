"""The softmax explorer: what Python makes of it, and what a real browser does with it."""

import re

import numpy as np
import pytest

from helpers.figures.explorers import SoftmaxExplorer
from helpers.formulas import losses
from tests.figures.explorer_checks import number, view

LOGITS = [2.0, 1.0, 0.0, -1.0]
EXPLORER = SoftmaxExplorer(LOGITS, label=1)


def bars(markup, kind):
    """Where the bars of a kind begin and how tall they are, in pixels."""
    read = rf'<rect x="[^"]*" y="([^"]*)" width="[^"]*" height="([^"]*)"[^>]* class="{kind}"'
    return np.array(re.findall(read, markup), float)


def assert_draws(markup, explorer):
    value, grad = explorer.loss()
    np.testing.assert_allclose(bars(markup, "probability")[:, 1] / 130, explorer.probabilities(), atol=1e-12)
    gradient = bars(markup, "gradient")
    signs = np.where(gradient[:, 0] == 302, -1, 1)
    np.testing.assert_allclose(signs * gradient[:, 1] / 50, grad, atol=1e-12)
    label, loss = re.search(r">loss −ln p(.) = (\S+) nats<", markup).groups()
    assert "₀₁₂₃₄₅".index(label) == explorer.label
    assert number(loss) == pytest.approx(value, rel=1e-3, abs=1e-4)
    assert re.findall(r">(?:class )?(\d) \(true\)<", markup) == [str(explorer.label)]


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


def test_the_page_computes_what_python_computes():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 4)) * 10 ** rng.uniform(-1, 3, size=(200, 1))
    shifts = rng.uniform(-500, 500, 200)
    logits = f"{rows.tolist()}.map((row, i) => formulas.logProbabilities(row, {shifts.tolist()}[i]))"
    found = EXPLORER.evaluate(logits)
    np.testing.assert_allclose(found, losses.log_softmax(rows + shifts[:, None]), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("n", [2, 3, 4, 6])
def test_any_number_of_classes_and_each_question_is_drawn(n):
    for label in range(n):
        explorer = SoftmaxExplorer([0.5 * k - 1 for k in range(n)], label)
        assert_draws(explorer.still(), explorer)
    for _, changes in explorer.questions:
        other = SoftmaxExplorer(**explorer.state() | changes)
        assert_draws(other.still(), other)
    alike = SoftmaxExplorer(**explorer.state() | explorer.questions[0][1])
    np.testing.assert_allclose(alike.loss()[0], np.log(n))


@pytest.mark.parametrize("shift", [-120.0, -30.0, 60.0, 100.0])
def test_a_shift_changes_nothing_but_what_overflows_without_the_maximum(shift):
    explorer = SoftmaxExplorer(LOGITS, 1, shift)
    assert_draws(explorer.still(), explorer)
    with np.errstate(all="ignore"):
        powers = np.exp(np.array(LOGITS, np.float32) + np.float32(shift))
        plain = powers / powers.sum()
    naive = re.search("The same without subtracting m[^:]*: ([^<]*)<", explorer.still())[1]
    assert ("NaN" in naive) == bool(np.isnan(plain).any()) == (abs(shift) > 90)


def test_the_table_has_logits_as_they_are_shifted():
    [rows] = view(SoftmaxExplorer(LOGITS, 0, 120.0), "numbers()")
    assert rows[0] == ["class", "logit", "probability p", "target y", "p − y"]
    assert rows[1][:2] == [0, "122"] and number(rows[1][4]) == pytest.approx(0.6439 - 1, abs=1e-4)


# ---- what a browser does with it ----


def test_the_true_class_can_be_chosen_and_a_step_downhill_follows_its_gradient(show):
    page, logits = show(EXPLORER), np.array(LOGITS)
    page.get_by_label("True class").select_option("3")
    assert "".join(page.locator(".equation").text_content().split()).startswith("lnp3=z3+c")
    for _ in range(3):
        page.get_by_role("button", name="One step downhill").click()
        logits = logits - losses.softmax_cross_entropy(logits[None], np.array([3]))[1][0]
    fields = page.locator(".number").evaluate_all("nodes => nodes.map((n) => Number(n.value))")
    np.testing.assert_allclose(fields[:4], logits, atol=5e-4)
    np.testing.assert_allclose(sum(fields[:4]), 2.0, atol=1e-3)
    assert_draws(page.locator(".chart").inner_html(), SoftmaxExplorer(fields[:4], 3))
