"""The explorer of Lipschitz rates: what Python makes of it, and what a real browser does with it."""

import re

import numpy as np
import pytest

from helpers.figures.explorers import LipschitzExplorer
from helpers.formulas import lipschitz
from tests.figures.explorer_checks import opened_table

EXPLORER = LipschitzExplorer()
NAMES = ("published", "bounded", "smooth", "limit")
SEEN = """async ([state]) => {
    const module = await tools.load(`${tools.told().esm}\\nexport { ratesOf, course };`);
    const rates = module.ratesOf(state);
    const entries = Object.keys(rates).map((name) => [name, module.course(state, rates[name])]);
    return [rates, Object.fromEntries(entries)];
}"""
STATES = [(1.0, 32), (0.02, 8), (10.0, 100), (70.0, 512)]


def drawn(page):
    return page.locator("svg.chart").inner_html()


# ---- what Python makes ----


@pytest.mark.parametrize(("scale", "batch_size"), STATES)
def test_rates_are_those_of_the_formulas(scale, batch_size):
    explorer = LipschitzExplorer(scale, batch_size)
    x, _ = explorer.data()
    rates = explorer.rates()
    assert rates["published"] == pytest.approx(1 / lipschitz.published_binary(x[:, None]))
    assert rates["bounded"] == pytest.approx(1 / lipschitz.binary_gradient_bound(x[:, None]))
    assert rates["smooth"] == pytest.approx(1 / lipschitz.binary_smoothness(x[:, None]))


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


def test_still_picture_draws_four_rates_and_three_courses():
    found = re.findall(r'class="curve"[^>]* d="M([^"]+)"', EXPLORER.still())
    assert len(found) == 7
    (at, rate) = map(float, found[0].split("L")[0].split())
    assert at == 54
    # At scale 0.01 the published rate is a hundred times as high; the axis has ten powers in 180 px.
    assert rate == pytest.approx(206 - 18 * (np.log10(100 * EXPLORER.rates()["published"]) + 4), abs=0.06)


# ---- what a browser does with it ----


@pytest.mark.parametrize(("scale", "batch_size"), STATES)
def test_the_page_computes_what_python_computes(show, scale, batch_size):
    explorer = LipschitzExplorer(scale, batch_size)
    rates, courses = show(explorer).evaluate(SEEN, [{"scale": scale, "batch_size": batch_size}])
    assert rates == pytest.approx(explorer.rates(), rel=1e-7)
    for name in NAMES[:-1]:  # above the limit a course is chaotic: rounding grows from step to step
        expected = explorer.course(explorer.rates()[name])
        np.testing.assert_allclose(courses[name][:16], expected[:16], rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_sliders_move_the_picture(show, scheme):
    page = show(EXPLORER, scheme=scheme)
    for i, key in enumerate(("End", "Home")):
        before = drawn(page)
        page.locator("input[type=range]").nth(i).press(key)
        assert drawn(page) != before
    said = page.get_by_role("img").get_attribute("aria-label")
    assert said.startswith("Scale 100, 8 examples: the stability limit is ")


def test_an_arrow_key_goes_to_the_next_batch_however_narrow_the_notches(show):
    page = show(EXPLORER)
    slider = page.locator("input[type=range]").nth(1)
    told = []
    for key in ("ArrowRight", "ArrowUp", "ArrowLeft", "Home", "ArrowLeft", "ArrowRight", "End", "ArrowLeft"):
        slider.press(key)
        told.append(int(slider.get_attribute("aria-valuetext")))
    assert told[:7] == [33, 34, 33, 8, 8, 9, 512] and 500 < told[7] < 512


def test_the_result_is_said_and_stands_in_a_table(show):
    page = show(EXPLORER)
    page.get_by_role("button", name="A large feature").click()
    said = page.get_by_role("status").text_content()
    assert "Scale 10, 32 examples" in said and page.locator("p.muted").text_content() in said
    rows = opened_table(page)
    assert [row[0] for row in rows] == [
        "rate", "published 1/L", "1/L, true bound", "1/smoothness", "stability limit"
    ]  # fmt: skip
    rates = LipschitzExplorer(10.0).rates()
    assert [float(row[1]) for row in rows[1:]] == pytest.approx([rates[name] for name in NAMES], rel=5e-3)
