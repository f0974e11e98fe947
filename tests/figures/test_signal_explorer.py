"""The signal explorer: what Python makes of it, and what a real browser does with it."""

import json
import re

import numpy as np
import pytest

from helpers.figures.explorers import SignalExplorer
from helpers.formulas.signals import LeakyReLU, Tanh, propagate
from tests.figures.explorer_checks import number, points, typed, view

EXPLORER = SignalExplorer()
RUN = """((state) => {
    const read = (of) => (x) => formulas[state.activation][of](x, state);
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


def test_the_axis_shows_where_single_precision_ends():
    changes = EXPLORER.questions[0][1]
    infinite = SignalExplorer(**EXPLORER.state() | changes)
    assert infinite.still().count("float32: infinite") == 2 and "float32:" not in EXPLORER.still()
    signal, _ = infinite.signals()
    assert signal[-1] > np.finfo(np.float32).max > signal[-10]


def test_the_table_has_a_row_for_each_layer():
    explorer = SignalExplorer(gain=1.0)
    assert "layer 50 multiplies the signal by 0.707" in view(explorer, "summary")
    [rows] = view(explorer, "numbers()")
    assert len(rows) == 51 and rows[0][0] == "layer"
    assert [*map(str, rows[1][:2])] == ["1", "1"] and str(rows[50][3]) == "1"
    low, high = map(number, rows[2][2].split(" to "))
    assert low < 2**-0.5 < high


# ---- what a browser does with it ----


def test_weights_by_name_set_the_gain(show):
    page = show(EXPLORER)
    field, weights = page.get_by_label("g gain, exact value"), page.get_by_label("Weights")
    gains = {"N(0, 1)": 32**0.5, "Glorot, LeCun": 1, "torch's layers": 3**-0.5, "He": 2**0.5}
    for name, gain in gains.items():
        weights.select_option(name)
        assert float(field.input_value()) == pytest.approx(gain, rel=1e-4)
        [std] = re.findall(r"^init\.normal_\(layer\.weight, std=(.*)\)$", page.locator("pre").text_content())
        assert float(std) == pytest.approx(gain / 32**0.5, rel=5e-3)
    typed(page, "g gain, exact value", 1.234)
    assert weights.locator("option:checked").text_content() == "of your own gain"


def test_nonlinearities_by_name(show):
    page = show(EXPLORER)
    slope, menu = page.get_by_label("a slope below 0, exact value"), page.get_by_label("Nonlinearity")
    for name, value in (("leaky ReLU", "0.1"), ("linear", "1"), ("ReLU", "0")):
        menu.select_option(name)
        assert slope.input_value() == value and slope.is_visible()
        assert "tanh" not in page.locator(".equation").text_content()
    menu.select_option("tanh")
    assert "tanh" in page.locator(".equation").text_content()
    assert not slope.is_visible()
    typed(page, "g gain, exact value", 2)
    signal, _ = SignalExplorer("tanh", gain=2.0).signals()
    said = re.findall(r"by ([\d.]+),", page.locator("p.muted").text_content())
    assert [*map(float, said)] == pytest.approx([signal[-1] / signal[-2]], rel=0.01)
    assert page.locator(".end").first.text_content() == f"layer 50: {signal[-1]:.3g}"
