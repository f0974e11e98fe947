"""The explorer of Lipschitz rates: what Python makes of it, and what a real browser does with it."""

import re

import numpy as np
import pytest

from helpers.figures.explorers import LipschitzExplorer
from helpers.formulas import lipschitz

EXPLORER = LipschitzExplorer()
NAMES = ("published", "bounded", "smooth", "limit")
SEEN = """async ([state]) => {
    const module = await tools.load(`${tools.told().esm}\\nexport { ratesOf, course };`);
    const rates = module.ratesOf(state);
    const entries = Object.keys(rates).map((name) => [name, module.course(state, rates[name])]);
    return [rates, Object.fromEntries(entries)];
}"""
STATES = [(1.0, 32), (0.02, 8), (10.0, 100), (70.0, 512)]


def message(page):
    return page.locator(".message").text_content()


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


def test_html_is_the_same_each_time_and_names_no_other_place():
    assert EXPLORER.html() == LipschitzExplorer().html()
    addresses = set(re.findall(r"https?://[^\"'\s<>)\\]+", EXPLORER.html()))
    assert addresses == {"http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML"}


@pytest.mark.parametrize("word", ["innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "Function("])
def test_module_never_makes_markup_or_code_from_text(word):
    assert word not in EXPLORER._esm


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


def test_questions_set_the_stage_and_reset_clears_it(show):
    page = show(EXPLORER)
    start, seen = drawn(page), []
    for prompt in page.locator(".prompt").all():
        prompt.click()
        assert message(page) == prompt.text_content()
        seen.append(drawn(page))
    assert len(set(seen)) == 4
    page.get_by_role("button", name="Reset").click()
    assert drawn(page) == start


@pytest.mark.parametrize(
    ("label", "value", "refused"),
    [
        ("s scale of the feature", 0, "s scale of the feature must be positive, got 0; 1 stays."),
        (
            "s scale of the feature",
            1000,
            "s scale of the feature must be in [0.01, 100], got 1000; 1 stays.",
        ),
        ("m examples in the batch", 7, "m examples in the batch must be in [8, 512], got 7; 32 stays."),
    ],
)
def test_a_bad_number_is_refused_gently(show, label, value, refused):
    page = show(EXPLORER)
    before = drawn(page)
    field = page.get_by_label(f"{label}, exact value")
    field.fill(str(value))
    field.press("Enter")
    assert message(page) == refused
    assert drawn(page) == before


def test_the_result_is_said_and_stands_in_a_table(show):
    page = show(EXPLORER)
    page.get_by_role("button", name="A large feature").click()
    said = page.get_by_role("status").text_content()
    assert "Scale 10, 32 examples" in said and page.locator("p.muted").text_content() in said
    page.get_by_text("The numbers as a table").click()
    page.locator("tr").first.wait_for()
    rows = page.locator("tr").evaluate_all("rows => rows.map(r => [...r.cells].map(c => c.textContent))")
    assert [row[0] for row in rows] == [
        "rate", "published 1/L", "1/L, true bound", "1/smoothness", "stability limit"
    ]  # fmt: skip
    rates = LipschitzExplorer(10.0).rates()
    assert [float(row[1]) for row in rows[1:]] == pytest.approx([rates[name] for name in NAMES], rel=5e-3)


@pytest.mark.parametrize("width", [320, 390, 1200])
def test_every_width_shows_all_of_it(show, width):
    page = show(EXPLORER, width=width)
    page.get_by_text("The numbers as a table").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = page.locator("button:visible, input:visible, summary:visible, svg text")
    for name, tall, left, right in found.evaluate_all(
        """nodes => nodes.map((n) => [n, n.getBoundingClientRect()])
            .map(([n, r]) => [n.tagName, r.height, r.left, r.right])"""
    ):
        assert tall >= (24 if name in ("BUTTON", "SUMMARY") else 8), name
        assert left >= 0 and right <= width, name


@pytest.mark.parametrize("width", [320, 390, 760, 1200])
def test_the_page_does_not_jump_when_the_script_has_run(show, width):
    live = show(EXPLORER, width=width)
    still = show(EXPLORER, width=width, java_script_enabled=False, ready=False)
    heights = [page.locator(".explorer").bounding_box()["height"] for page in (live, still)]
    heights[1] -= still.locator("noscript").bounding_box()["height"]
    assert abs(heights[0] - heights[1]) <= 6


def test_in_print_the_picture_stands_alone(show):
    live = show(EXPLORER)
    live.emulate_media(media="print")
    assert live.locator(".chart:visible").count() == 1
    assert live.locator("button:visible, input:visible, details:visible").count() == 0


def test_two_explorers_do_not_disturb_each_other(show):
    page = show(EXPLORER, LipschitzExplorer(0.1))
    before = page.locator(".chart").nth(0).inner_html()
    page.locator(".explorer").nth(1).locator("input[type=range]").first.press("End")
    assert page.locator(".chart").nth(0).inner_html() == before


def test_an_update_takes_little_time(show):
    page = show(LipschitzExplorer(1.0, 512))
    times = page.evaluate(
        """() => {
            const slider = tools.root().querySelector('input[type=range]');
            return Array.from({ length: 60 }, (_, i) => {
                slider.value = 6 * i;
                const start = performance.now();
                slider.dispatchEvent(new Event('input'));
                return performance.now() - start;
            });
        }"""
    )
    assert np.median(times) < 30  # 92,000 sigmoids and logarithms
