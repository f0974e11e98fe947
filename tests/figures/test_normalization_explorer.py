"""The normalization explorer: what Python makes of it, and what a real browser does with it."""

import re

import numpy as np
import pytest

from helpers.figures.explorers import NormalizationExplorer
from helpers.formulas import layers
from tests.figures.explorer_checks import opened_table, typed

EXPLORER = NormalizationExplorer()
SLIDERS = ("shift", "scale", "batch_size", "weight", "bias", "epsilon", "momentum", "batches")
EDGE = 12


def places(page, color, width):
    """The values that the dots of a color stand for, those beyond the edge at the edge."""
    dots = page.locator(f"circle.dot.{color}").evaluate_all("nodes => nodes.map((n) => n.getAttribute('cx'))")
    left, right = 54, width - 22
    return (np.array(dots, dtype=float) - (left + right) / 2) * 2 * EDGE / (right - left)


def assert_shows(page, explorer):
    """Dots, curves and words are those of the layer in NumPy."""
    width = chart_width(page)
    for color, values in (("helper", explorer.input()), ("study", explorer.output())):
        np.testing.assert_allclose(places(page, color, width), np.clip(values, -EDGE, EDGE), atol=1e-9)
    course = np.array([explorer.running(n) for n in range(61)])
    for name, values in (("mean", course[:, 0]), ("spread", np.sqrt(course[:, 1]))):
        path = page.locator(f".running-{name}").get_attribute("d")
        rows = np.array([pair.split()[1] for pair in path[1:].split("L")], dtype=float)
        np.testing.assert_allclose((368 - rows) / 7, np.clip(values, -6, 6), atol=1e-3)
    words = page.locator("text.output").text_content().replace("−", "-")
    mean, spread = map(float, re.fullmatch(r"mean (\S+), spread (\S+)", words).groups())
    assert mean == pytest.approx(explorer.output().mean(), rel=5e-3, abs=1e-6)
    assert spread == pytest.approx(explorer.output().std(), rel=5e-3, abs=1e-6)


def chart_width(page):
    return page.locator("svg.chart").evaluate("node => node.viewBox.baseVal.width")


# ---- what Python makes ----


def test_what_is_shown_is_the_layer_of_the_book():
    values = np.random.default_rng(0).standard_normal((61, 32)).round(3)
    explorer = NormalizationExplorer(values, batch_size=8, weight=2.0, bias=-1.0, batches=3, library="Keras")
    running = np.zeros(1), np.ones(1)
    for i in range(3):
        x = 0.5 * values[i, :8, None] + 4
        *_, running = layers.batch_norm_forward(
            x, np.ones(1), np.zeros(1), running, momentum=0.1, unbiased=False
        )
    np.testing.assert_allclose(explorer.running(), np.concatenate(running))
    np.testing.assert_allclose([explorer.output().mean(), explorer.output().std()], [-1, 2], rtol=1e-4)
    explorer.train = False
    x = 0.5 * values[3, :8] + 4
    expected = 2 * (x - running[0]) / np.sqrt(running[1] + 1e-5) - 1
    np.testing.assert_allclose(explorer.output(), expected)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"batch_size": 1}, ValueError, "batch_size must be 2 to 32, got batch_size=1"),
        ({"batch_size": 33}, ValueError, "batch_size must be 2 to 32, got batch_size=33"),
        ({"batches": 61}, ValueError, "batches must be 0 to 60, got batches=61"),
        ({"batches": 2.5}, TypeError, "batches must be a whole number"),
        ({"epsilon": 0.0}, ValueError, "epsilon must be positive, got epsilon=0.0"),
        ({"momentum": 0.0}, ValueError, r"momentum must be in \(0, 1\], got momentum=0.0"),
        ({"library": "JAX"}, ValueError, "library must be 'torch' or 'Keras' or 'Paddle', got library='JAX'"),
        ({"values": np.zeros((5, 32))}, ValueError, r"values must have shape \(61, 32\), got \(5, 32\)"),
        ({"speed": 1.0}, TypeError, "speed"),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        NormalizationExplorer(**arguments)


def test_still_picture_draws_input_and_output():
    dots = re.findall(r'cx="([\d.]+)" cy="\d+" r="3" style="fill: var\(--(helper|study)\)"', EXPLORER.still())
    for color, values in (("helper", EXPLORER.input()), ("study", EXPLORER.output())):
        at = np.array([float(x) for x, c in dots if c == color])
        np.testing.assert_allclose((at - 376) / 322 * EDGE, values, atol=0.002)


# ---- what a browser does with it ----


@pytest.mark.parametrize("library", ["torch", "Keras", "Paddle"])
@pytest.mark.parametrize("train", [True, False])
def test_the_page_shows_what_python_computes(show, train, library):
    rng = np.random.default_rng(5)
    for _ in range(3):
        state = {
            "shift": rng.uniform(-5, 5),
            "scale": 10 ** rng.uniform(-1, 0.4),
            "batch_size": int(rng.integers(2, 33)),
            "weight": rng.uniform(-2, 3),
            "bias": rng.uniform(-4, 4),
            "epsilon": 10 ** rng.uniform(-8, 0),
            "momentum": 10 ** rng.uniform(-3, 0),
            "batches": int(rng.integers(0, 61)),
        }
        explorer = NormalizationExplorer(train=train, library=library, **state)
        assert_shows(show(explorer), explorer)


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_sliders_move_the_picture(show, scheme):
    page = show(EXPLORER, scheme=scheme)
    ends = (
        ("End", 5.0),
        ("Home", 0.1),
        ("End", 32),
        ("Home", -2.0),
        ("End", 4.0),
        ("End", 1.0),
        ("End", 1.0),
        ("End", 60),
    )
    state = {}
    for i, (name, (key, value)) in enumerate(zip(SLIDERS, ends, strict=True)):
        page.locator("input[type=range]").nth(i).press(key)
        state[name] = value
        assert_shows(page, NormalizationExplorer(**state))


def test_evaluation_uses_the_running_statistics(show):
    page = show(EXPLORER)
    before = page.locator(".equation").text_content()
    page.get_by_label("evaluation").check()
    assert_shows(page, NormalizationExplorer(train=False))
    assert page.locator(".equation").text_content() != before
    assert "used" in page.locator("svg text.pin1").first.text_content()


def test_a_library_brings_its_defaults_and_its_line(show):
    page = show(EXPLORER)
    lines = {
        "Keras": "keras.layers.BatchNormalization(epsilon=0.001, momentum=0.99)",
        "Paddle": "paddle.nn.BatchNorm2D(C, epsilon=1e-05, momentum=0.9)",
        "torch": "torch.nn.BatchNorm2d(C, eps=1e-05, momentum=0.1)",
    }
    for name, line in lines.items():
        page.get_by_label("Library").select_option(name)
        assert page.locator("code").text_content() == line
        options = {"momentum": 0.01, "epsilon": 1e-3} if name == "Keras" else {}
        assert_shows(page, NormalizationExplorer(library=name, **options))


def test_a_batch_of_two_leaves_signs(show):
    page = show(EXPLORER)
    typed(page, "m values in the batch, exact value", 2)
    np.testing.assert_allclose(sorted(places(page, "study", chart_width(page))), [-1, 1], atol=1e-3)
    page.locator(".prompt").last.click()
    assert_shows(page, NormalizationExplorer(batch_size=2))


def test_keys_move_and_reset_one_slider(show):
    page = show(EXPLORER)
    slider = page.locator("input[type=range]").first
    slider.press("ArrowLeft")
    moved = float(page.get_by_label("c added to the input, exact value").input_value())
    assert 3.9 < moved < 4
    assert_shows(page, NormalizationExplorer(shift=moved))
    slider.press("Delete")
    assert_shows(page, EXPLORER)


def test_the_result_is_said_and_stands_in_a_table(show):
    page = show(EXPLORER)
    page.get_by_label("evaluation").check()
    said = page.get_by_role("status").text_content()
    assert said.startswith("output: mean 3, spread 0.54") and "evaluation, by the running statistics" in said
    assert page.get_by_role("img").get_attribute("aria-label") == said
    rows = opened_table(page)
    mean, variance = NormalizationExplorer().running()
    assert rows[0] == ["statistics", "mean", "variance"]
    assert [float(text) for text in rows[2][1:]] == pytest.approx([mean, variance], rel=5e-3)
    assert len(rows) == 4 + 1 + 16
