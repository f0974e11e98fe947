"""The explorer of Lipschitz rates: what Python makes of it, and what a real browser does with it."""

import json
import re

import numpy as np
import pytest

from helpers.figures.explorers import LipschitzExplorer
from helpers.formulas import lipschitz
from tests.figures.explorer_checks import number, points, view

EXPLORER = LipschitzExplorer()
NAMES = ("published", "bounded", "smooth", "limit")
STATES = [(1.0, 32), (0.02, 8), (10.0, 100), (70.0, 512)]


def curves(markup):
    """The points of each curve, in pixels: four rates, then three courses."""
    return [points(path) for path in re.findall(r'<path class="curve [^>]* d="([^"]+)"', markup)]


# ---- what Python makes ----


@pytest.mark.parametrize(("scale", "batch_size"), STATES)
def test_rates_are_those_of_the_formulas_and_stand_in_the_table(scale, batch_size):
    explorer = LipschitzExplorer(scale, batch_size)
    x, rates = explorer.data()[0][:, None], explorer.rates()
    assert rates["published"] == pytest.approx(1 / lipschitz.published_binary(x))
    assert rates["bounded"] == pytest.approx(1 / lipschitz.binary_gradient_bound(x))
    assert rates["smooth"] == pytest.approx(1 / lipschitz.binary_smoothness(x))
    [[_, *rows]] = view(explorer, "numbers()")
    assert [row[0] for row in rows] == ["published 1/L", "1/L, true bound", "1/smoothness", "stability limit"]
    assert [number(row[1]) for row in rows] == pytest.approx([rates[name] for name in NAMES], rel=5e-3)


@pytest.mark.parametrize(("scale", "batch_size"), STATES)
def test_the_limit_is_the_limit(scale, batch_size):
    explorer = LipschitzExplorer(scale, batch_size)
    limit = explorer.rates()["limit"]
    below, above = (explorer.course(share * limit) for share in (0.8, 1.1))
    assert abs(below[-1]) < 1e-7 and above[-1] > 1e-5
    assert below[0] == above[0] and below.min() > -1e-12


def test_no_smoothness_rate_raises_the_loss_and_every_one_is_half_the_limit_or_less():
    for scale, batch_size in STATES:
        explorer = LipschitzExplorer(scale, batch_size)
        rates = explorer.rates()
        assert rates["smooth"] <= rates["limit"] / 2
        assert np.diff(explorer.course(rates["smooth"])).max() < 1e-12


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"scale": 0.0}, ValueError, "scale must be positive, got scale=0.0"),
        ({"scale": 200.0}, ValueError, r"scale must be in \[0.01, 100.0\], got scale=200.0"),
        ({"batch_size": 7}, ValueError, r"batch_size must be in \[8, 512\], got batch_size=7"),
        ({"batch_size": 8.5}, TypeError, "batch_size must be a whole number, got batch_size=8.5"),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        LipschitzExplorer(**arguments)


def test_a_scale_that_is_a_whole_number_can_become_a_fraction():
    explorer = LipschitzExplorer(10)
    explorer.scale = 0.5
    assert explorer.rates() == LipschitzExplorer(0.5).rates()


# ---- what JavaScript makes of it ----


@pytest.mark.parametrize(("scale", "batch_size"), STATES)
def test_the_page_computes_what_python_computes(scale, batch_size):
    explorer = LipschitzExplorer(scale, batch_size)
    state, expected = json.dumps(explorer.state()), explorer.rates()
    assert EXPLORER.evaluate(f"ratesOf({state})") == pytest.approx(expected, rel=1e-11)
    for name in NAMES[:-1]:  # above the limit a course is chaotic: rounding grows from step to step
        course = EXPLORER.evaluate(f"course({state}, {expected[name]!r})")
        np.testing.assert_allclose(course[:16], explorer.course(expected[name])[:16], rtol=1e-6, atol=1e-11)
        assert len(course) == 61


@pytest.mark.parametrize(("scale", "batch_size"), STATES)
def test_four_rates_and_three_courses_are_drawn(scale, batch_size):
    explorer = LipschitzExplorer(scale, batch_size)
    drawn = curves(explorer.still())
    assert len(drawn) == 7
    for name, line in zip(NAMES, drawn, strict=False):
        np.testing.assert_allclose(line[:, 0], [54, 698])
        rates = [LipschitzExplorer(end, batch_size).rates()[name] for end in (0.01, 100.0)]
        # Ten powers of ten in 180 px.
        np.testing.assert_allclose(line[:, 1], 206 - 18 * (np.log10(rates) + 4), atol=0.01)
    for name, line in zip(NAMES[:-1], drawn[4:], strict=True):
        np.testing.assert_allclose(line[:, 0], 54 + 644 * np.arange(61) / 60, atol=0.01)
        above = np.clip(explorer.course(explorer.rates()[name])[:16], 1e-8, 1e4)
        # Twelve powers of ten in 156 px.
        np.testing.assert_allclose(line[:16, 1], 432 - 13 * (np.log10(above) + 8), atol=0.3)


# ---- what a browser does with it ----


def test_an_arrow_key_goes_to_the_next_batch_however_narrow_the_notches(show):
    page = show(EXPLORER)
    slider = page.locator("input[type=range]").nth(1)
    sizes = []
    for key in ("ArrowRight", "ArrowUp", "ArrowLeft", "Home", "ArrowLeft", "ArrowRight", "End", "ArrowLeft"):
        slider.press(key)
        sizes.append(int(slider.get_attribute("aria-valuetext")))
    assert sizes[:7] == [33, 34, 33, 8, 8, 9, 512] and 500 < sizes[7] < 512
