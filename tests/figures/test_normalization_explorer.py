"""The normalization explorer: what Python makes of it, and what a real browser does with it."""

import re

import numpy as np
import pytest

from helpers.figures.explorers import NormalizationExplorer
from helpers.formulas import layers
from tests.figures.explorer_checks import number, points, view

EXPLORER = NormalizationExplorer()
EDGE = 12


def assert_draws(explorer, markup):
    """Dots, curves and words are those of the layer in NumPy."""
    x, y, (mean, variance) = explorer.input(), explorer.output(), explorer.running()
    dots = np.array(re.findall(r'cx="([-\d.]+)" cy="(\d+)" r="3"', markup), float)
    for drawn, values in ((dots[: len(x)], x), (dots[len(x) :], y)):
        np.testing.assert_allclose((drawn[:, 0] - 376) / 322 * EDGE, np.clip(values, -EDGE, EDGE), atol=2e-4)
    assert dots[: len(x), 1].max() < 116 < 158 < dots[len(x) :, 1].min()
    course = np.array([explorer.running(n) for n in range(61)])
    paths = re.findall(r'<path class="curve pin1" d="([^"]+)"', markup)
    for path, values in zip(paths, (course[:, 0], np.sqrt(course[:, 1])), strict=True):
        np.testing.assert_allclose((368 - points(path)[:, 1]) / 7, np.clip(values, -6, 6), atol=1e-3)
    words = re.findall(r">(batch|running|output|wanted): mean (\S+), spread ([^\s<,]+)(, used)?<", markup)
    expected = [
        ("batch", x.mean(), x.std(), explorer.train),
        ("running", mean, variance**0.5, not explorer.train),
        ("output", y.mean(), y.std(), False),
        ("wanted", explorer.bias, abs(explorer.weight), False),
    ]
    for (name, mean, spread, used), (key, *numbers, is_used) in zip(words, expected, strict=True):
        assert (name, bool(used)) == (key, is_used)
        assert [number(mean), number(spread)] == pytest.approx(numbers, rel=5e-3, abs=1e-6)


# ---- what Python makes ----


def test_what_is_shown_is_the_layer_of_the_book():
    values = np.random.default_rng(0).standard_normal((61, 32)).round(3)
    explorer = NormalizationExplorer(values, batch_size=8, weight=2.0, bias=-1.0, batches=3, library="Keras")
    running = np.zeros(1), np.ones(1)
    for i in range(4):
        explorer.train = i < 3
        explorer.batches = min(i, 3)
        x = 0.5 * values[i, :8, None] + 4
        y, _, new = layers.batch_norm_forward(
            x, np.full(1, 2.0), np.full(1, -1.0), running, train=i < 3, momentum=0.1, unbiased=False
        )
        np.testing.assert_allclose(explorer.output(), y[:, 0], rtol=1e-9)
        np.testing.assert_allclose(explorer.running(), np.concatenate(running))
        running = new
    explorer.train = True
    np.testing.assert_allclose([explorer.output().mean(), explorer.output().std()], [-1, 2], rtol=1e-4)


def test_torch_collects_the_unbiased_variance():
    biased, unbiased = (NormalizationExplorer(library=name).running(1)[1] for name in ("Paddle", "torch"))
    variance = EXPLORER.input(0).var()
    np.testing.assert_allclose([biased, unbiased], [0.9 + 0.1 * variance, 0.9 + 0.1 * variance * 16 / 15])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"batch_size": 1}, ValueError, r"batch_size must be in \[2, 32\], got batch_size=1"),
        ({"batch_size": 33}, ValueError, r"batch_size must be in \[2, 32\], got batch_size=33"),
        ({"batches": 61}, ValueError, r"batches must be in \[0, 60\], got batches=61"),
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


@pytest.mark.parametrize("library", ["torch", "Keras", "Paddle"])
@pytest.mark.parametrize("train", [True, False])
def test_the_picture_shows_what_python_computes(train, library):
    rng = np.random.default_rng(5)
    for _ in range(5):
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
        assert_draws(explorer, explorer.still())


def test_a_batch_of_two_leaves_signs():
    explorer = NormalizationExplorer(batch_size=2)
    np.testing.assert_allclose(sorted(explorer.output()), [-1, 1], atol=1e-3)
    assert_draws(explorer, explorer.still())


def test_the_table_has_the_running_statistics_and_every_value():
    rows, values = view(EXPLORER, "numbers()")
    assert rows[0] == ["statistics", "mean", "variance"] and len(rows) == 4
    assert [row[0] for row in values[1:]] == [*range(1, 17)]
    assert [number(str(text)) for text in rows[2][1:]] == pytest.approx([*EXPLORER.running()], rel=5e-3)


# ---- what a browser does with it ----


def test_evaluation_uses_the_running_statistics(show):
    page = show(EXPLORER)
    assert "t=β−μBf" in page.locator(".equation").text_content()
    page.get_by_label("evaluation").check()
    said = page.get_by_role("img").get_attribute("aria-label")
    assert said.startswith("output: mean 3, spread 0.54") and "evaluation, by the running statistics" in said
    assert "t=β−μrf" in page.locator(".equation").text_content()


def test_a_library_brings_its_defaults_its_line_and_its_variance(show):
    page = show(EXPLORER, width=744)
    lines = {
        "Keras": "keras.layers.BatchNormalization(epsilon=0.001, momentum=0.99)",
        "Paddle": "paddle.nn.BatchNorm2D(C, epsilon=1e-05, momentum=0.9)",
        "torch": "torch.nn.BatchNorm2d(C, eps=1e-05, momentum=0.1)",
    }
    for name, line in lines.items():
        page.get_by_label("Library").select_option(name)
        assert page.locator("code").text_content() == line
        assert page.locator(".equation").text_content().endswith("mm−1") == (name == "torch")
        options = {"momentum": 0.01, "epsilon": 1e-3} if name == "Keras" else {}
        assert_draws(NormalizationExplorer(library=name, **options), page.locator(".picture").inner_html())
