"""The signal explorer: what Python makes of it, and what a real browser does with it."""

import json
import re

import numpy as np
import pytest

from helpers.figures.explorers import SignalExplorer
from helpers.formulas.signals import LeakyReLU, Tanh, propagate
from tests.figures.explorer_checks import assert_all_is_shown, number, opened_table, points, typed

EXPLORER = SignalExplorer()
SEEN = "() => tools.all('path.theory', (path) => path.getAttribute('d'))"
RUN = """((state) => {
    const read = (of) => (x) => formulas[`${state.activation} ${of}`](x, state);
    const functions = [read("formula"), read("derivative")];
    const numbers = (seed) => Array.from({ length: state.depth + 1 }, (_, l) =>
        normals(1000 * seed + l, state.width ** 2).slice(0, Math.max(state.width, 2) * state.width));
    const networks = SEEDS.map((seed) => run(seed, functions, state));
    return { theory: propagate(functions, state), networks, weights: SEEDS.map(numbers) };
})(%s)"""
STATES = [
    {"gain": 1.4142, "slope": 0.0, "depth": 12, "width": 16},
    {"gain": 0.4, "slope": 0.3, "depth": 60, "width": 5},
    {"gain": 6.9, "slope": 1.0, "depth": 16, "width": 48},
]


def words(page):
    return page.locator("p.muted").text_content()


def choose(page, label, name):
    page.get_by_label(label).select_option(name)


def on_one_network(weights, activation, state):
    """Forwards and backwards through one network, written once more with NumPy."""
    n, factor = state["width"], state["gain"] / state["width"] ** 0.5
    ends = np.array(weights[0])
    x, delta = (part / np.sqrt(np.mean(part**2)) for part in (ends[:n], ends[n : 2 * n]))
    matrices = [factor * np.reshape(w[: n * n], (n, n)) for w in weights[1:]]
    signals, gradients = [], [delta]
    for matrix in matrices:
        signals.append(matrix @ x)
        x = activation.formula(signals[-1])
    for matrix, y in zip(matrices[:0:-1], signals[-2::-1], strict=True):
        gradients.append(activation.derivative(y) * (matrix.T @ gradients[-1]))
    return [[np.sqrt(np.mean(v**2)) for v in values] for values in (signals, gradients[::-1])]


# ---- what Python makes ----


def test_signals_are_those_of_the_book():
    explorer = SignalExplorer("tanh", gain=1.5, depth=7, width=9)
    forward, backward = propagate(explorer.layer, 7)
    np.testing.assert_allclose(explorer.signals(), [forward**0.5, backward**0.5])
    assert explorer.layer.activation == Tanh()
    explorer.activation, explorer.slope = "leaky ReLU", 0.25
    assert explorer.layer.activation == LeakyReLU(0.25)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"activation": "gelu"},
            ValueError,
            "activation must be 'leaky ReLU' or 'tanh', got activation='gelu'",
        ),
        ({"gain": 0.0}, ValueError, "gain must be positive, got gain=0.0"),
        ({"gain": 20.0}, ValueError, r"gain must be in \[0.1, 10.0\], got gain=20.0"),
        ({"slope": -0.5}, ValueError, r"slope must be in \[0.0, 1.0\], got slope=-0.5"),
        ({"depth": 1}, ValueError, r"depth must be in \[2, 60\], got depth=1"),
        ({"depth": 3.0}, TypeError, "depth must be a whole number, got depth=3.0"),
        ({"width": 49}, ValueError, r"width must be in \[4, 48\], got width=49"),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        SignalExplorer(**arguments)


@pytest.mark.parametrize("activation", [LeakyReLU, Tanh], ids=lambda kind: kind.words)
def test_the_page_computes_what_python_computes(activation):
    for state in STATES:
        own = activation(state["slope"]) if activation is LeakyReLU else activation()
        explorer = SignalExplorer(activation.words, **state)
        computed = explorer.evaluate(RUN % json.dumps(explorer.state()))
        np.testing.assert_allclose(np.array(computed["theory"], dtype=float), explorer.signals(), rtol=1e-10)
        for weights, network in zip(computed["weights"], computed["networks"], strict=True):
            np.testing.assert_allclose(
                np.array(network, dtype=float), on_one_network(weights, own, state), rtol=1e-9
            )


def test_the_weights_of_the_page_are_standard_normal_and_different():
    explorer = SignalExplorer(width=48, depth=20)
    networks = explorer.evaluate(RUN % json.dumps(explorer.state()))["weights"]
    rows = np.array([w for network in networks for w in network])
    deviations = 1 / np.sqrt(rows.size)
    assert abs(rows.mean()) < 4 * deviations and abs(rows.var() - 1) < 4 * 2**0.5 * deviations
    assert abs(np.mean(rows**4) - 3) < 4 * 96**0.5 * deviations
    correlations = np.corrcoef(rows)[np.triu_indices(len(rows), 1)]
    assert np.abs(correlations).max() < 6 / np.sqrt(rows.shape[1])


def test_lines_are_theory_and_networks_in_units_of_the_ticks():
    explorer = SignalExplorer(gain=1.0, depth=21)
    picture, computed = explorer.still(), explorer.evaluate(RUN % json.dumps(explorer.state()))
    ticks = re.findall(r'class="tick" x="46" y="([\d.]+)"[^>]*>([^<]+)<', picture)
    ticks = np.array([(float(y) - 4, np.log10(number(words))) for y, words in ticks])
    lines = re.findall(r'class="curve (\w+)" d="([^"]+)"', picture)
    for panel, theory in enumerate(explorer.signals()):
        axis = np.polyfit(ticks[(ticks[:, 0] > 200) == panel, 1], ticks[(ticks[:, 0] > 200) == panel, 0], 1)
        wanted = [*(own[panel] for own in computed["networks"]), theory]
        drawn = lines[7 * panel : 7 * panel + 7]
        assert [kind for kind, _ in drawn] == ["network"] * 6 + ["theory"]
        for (_, path), values in zip(drawn, wanted, strict=True):
            np.testing.assert_allclose(points(path)[:, 1], np.polyval(axis, np.log10(values)), atol=0.01)
    assert len(lines) == 14


def test_networks_that_have_died_are_drawn_and_said():
    picture = SignalExplorer(width=4, depth=60).still()
    assert "signal at layer 60 is 0 to" in picture
    assert "NaN" not in picture and "Infinity" not in picture
    assert {len(points(path)) for path in re.findall(r'class="curve \w+" d="([^"]+)"', picture)} == {60}


@pytest.mark.parametrize("depth", [2, 3, 7])
def test_each_tick_is_a_layer(depth):
    ticks = re.findall(
        r'class="tick" [^>]*text-anchor="middle">([^<]+)<', SignalExplorer(depth=depth).still()
    )
    assert ticks == [str(layer + 1) for layer in range(depth)]


# ---- what a browser does with it ----


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_sliders_move_the_curves(show, scheme):
    page = show(EXPLORER, scheme=scheme)
    seen = [page.evaluate(SEEN)]
    for slider, key in ((0, "Home"), (1, "End"), (2, "Home"), (3, "End")):
        networks = page.locator("path.network").first.get_attribute("d")
        page.locator("input[type=range]").nth(slider).press(key)
        assert page.locator("path.network").first.get_attribute("d") != networks
        seen.append(page.evaluate(SEEN))
    assert seen[0] != seen[1] != seen[2] != seen[3]
    assert len(seen[0][0].split("L")) == 50 and len(seen[3][0].split("L")) == 2


def test_weights_by_name_set_the_gain(show):
    page = show(EXPLORER)
    field = page.get_by_label("g gain, exact value")
    for name, gain in (
        ("N(0, 1)", 32**0.5),
        ("Glorot, LeCun", 1),
        ("torch's layers", 3**-0.5),
        ("He", 2**0.5),
    ):
        choose(page, "Weights", name)
        assert float(field.input_value()) == pytest.approx(gain, rel=1e-4)
        std = page.locator("pre").text_content()
        expected = gain / 32**0.5
        assert float(re.fullmatch(r"init\.normal_\(layer\.weight, std=(.*)\)", std)[1]) == pytest.approx(
            expected, rel=5e-3
        )
    typed(page, "g gain, exact value", 1.234)
    assert page.get_by_label("Weights").locator("option:checked").text_content() == "of your own gain"


def test_nonlinearities_by_name(show):
    page = show(EXPLORER)
    slope = page.get_by_label("a slope below 0, exact value")
    for name, value in (("leaky ReLU", "0.1"), ("linear", "1"), ("ReLU", "0")):
        choose(page, "Nonlinearity", name)
        assert slope.input_value() == value and slope.is_visible()
        assert "tanh" not in page.locator(".equation").text_content()
    choose(page, "Nonlinearity", "tanh")
    assert "tanh" in page.locator(".equation").text_content()
    assert not slope.is_visible()
    typed(page, "g gain, exact value", 2)
    signal, _ = SignalExplorer("tanh", gain=2.0).signals()
    said = [float(x) for x in re.findall(r"by ([\d.]+),", words(page))]
    assert said == pytest.approx([signal[-1] / signal[-2]], rel=0.01)
    assert page.locator(".end").first.text_content() == f"layer 50: {signal[-1]:.3g}"


def test_the_axis_shows_where_single_precision_ends(show):
    page = show(EXPLORER)
    assert page.get_by_text("float32:").count() == 0
    page.locator(".prompt").first.click()
    assert page.get_by_text("float32: infinite").count() == 2
    signal, _ = SignalExplorer(gain=6.9282, depth=60, width=48).signals()
    assert signal[-1] > np.finfo(np.float32).max > signal[-10]


def test_keys_move_and_reset_one_slider(show):
    page = show(EXPLORER)
    slider, field = page.locator("input[type=range]").nth(2), page.get_by_label("L layers, exact value")
    slider.press("ArrowLeft")
    assert field.input_value() == "49"
    slider.press("Delete")
    assert field.input_value() == "50"


def test_the_result_is_said_and_stands_in_a_table(show):
    page = show(EXPLORER)
    choose(page, "Weights", "Glorot, LeCun")
    said = page.get_by_role("status").text_content()
    assert said == words(page) == page.get_by_role("img").get_attribute("aria-label")
    assert said.startswith("In an endlessly wide network layer 50 multiplies the signal by 0.707")
    rows = opened_table(page)
    assert len(rows) == 51 and rows[0][0] == "layer"
    assert rows[1][:2] == ["1", "1"] and rows[50][3] == "1"
    low, high = map(number, rows[2][2].split(" to "))
    assert low < 2**-0.5 < high


@pytest.mark.parametrize("width", [320, 390, 760, 1200])
def test_no_question_changes_the_height_or_juts_out(show, width):
    page = show(EXPLORER, width=width)
    height = page.locator(".explorer").bounding_box()["height"]
    for prompt in page.locator(".prompt").all():
        prompt.click()
        assert page.locator(".explorer").bounding_box()["height"] == pytest.approx(height, abs=6)
    page.locator(".prompt").first.click()  # where the numbers leave single precision
    assert_all_is_shown(page, width)
