"""The signal explorer: what Python makes of it, and what a real browser does with it."""

import re

import numpy as np
import pytest

from helpers.figures.explorers import SignalExplorer
from helpers.formulas.signals import LeakyReLU, Tanh, propagate
from tests.figures.explorer_checks import assert_all_is_shown, opened_table, typed

EXPLORER = SignalExplorer()
SEEN = "() => tools.all('path.theory', (path) => path.getAttribute('d'))"
RUN = """async ([name, state]) => {
    const names = 'activations, propagate, run, weights, SEEDS';
    const module = await tools.load(`${tools.told().esm}\\nexport { ${names} };`);
    const { formula, derivative } = module.activations[name];
    const activation = { formula: (x) => formula(x, state), derivative: (x) => derivative(x, state) };
    return {
        theory: module.propagate(activation, state),
        networks: module.SEEDS.map((seed) => module.run(seed, activation, state)),
        weights: module.SEEDS.map((seed) => Array.from({ length: state.depth + 1 }, (_, l) =>
            module.weights(seed, l)(state.width ** 2).slice(0, Math.max(state.width ** 2, 2 * state.width)))),
    };
}"""
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


def test_still_picture_draws_both_curves():
    explorer = SignalExplorer(gain=1.0, depth=21)
    found = re.findall(r'class="curve"[^>]* d="M([^"]+)"', explorer.still())
    heights = [[float(point.split()[1]) for point in line.split("L")] for line in found]
    for values, drawn, base in zip(explorer.signals(), heights, (182, 380), strict=True):
        # The axis goes from 1e-5 to 1e1, in 156 px.
        np.testing.assert_allclose(base - 156 * (np.log10(values) + 5) / 6, drawn, atol=0.06)


# ---- what a browser does with it ----


@pytest.mark.parametrize("activation", [LeakyReLU, Tanh], ids=lambda kind: kind.words)
def test_the_page_computes_what_python_computes(show, activation):
    page = show(EXPLORER)
    for state in STATES:
        own = activation(state["slope"]) if activation is LeakyReLU else activation()
        found = page.evaluate(RUN, [activation.words, state])
        explorer = SignalExplorer(activation.words, **state)
        np.testing.assert_allclose(np.array(found["theory"], dtype=float), explorer.signals(), rtol=1e-10)
        for weights, network in zip(found["weights"], found["networks"], strict=True):
            np.testing.assert_allclose(
                np.array(network, dtype=float), on_one_network(weights, own, state), rtol=1e-9
            )


def test_the_weights_of_the_page_are_standard_normal_and_different(show):
    found = show(EXPLORER).evaluate(RUN, ["leaky ReLU", {**STATES[0], "width": 48, "depth": 20}])
    rows = np.array([w for network in found["weights"] for w in network])
    deviations = 1 / np.sqrt(rows.size)
    assert abs(rows.mean()) < 4 * deviations and abs(rows.var() - 1) < 4 * 2**0.5 * deviations
    assert abs(np.mean(rows**4) - 3) < 4 * 96**0.5 * deviations
    correlations = np.corrcoef(rows)[np.triu_indices(len(rows), 1)]
    assert np.abs(correlations).max() < 6 / np.sqrt(rows.shape[1])


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


def test_a_bold_line_is_the_theory_and_thin_ones_are_networks(show):
    page = show(EXPLORER)
    choose(page, "Weights", "Glorot, LeCun")
    line = page.evaluate(SEEN)[0]
    heights = [float(point.split()[1]) for point in line[1:].split("L")]
    signal, _ = SignalExplorer(gain=1.0).signals()
    ratio = np.ptp(heights) / np.ptp(np.log10(signal))
    np.testing.assert_allclose(np.diff(heights), -ratio * np.diff(np.log10(signal)), atol=0.11)
    assert page.locator("path.network").count() == 12


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


def test_networks_that_have_died_are_drawn_and_said(show):
    page = show(SignalExplorer(width=4, depth=60))
    assert "signal at layer 60 is 0 to" in words(page)
    for line in page.locator("path.network").all():
        assert "NaN" not in line.get_attribute("d") and "Infinity" not in line.get_attribute("d")


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
    low, high = map(float, rows[2][2].split(" to "))
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
