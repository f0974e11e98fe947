"""The explorer of codes: what Python makes of it, and what a real browser does with it."""

import re

import numpy as np
import pytest

from helpers.figures.explorers import CodeExplorer
from helpers.formulas import codes

EXPLORER = CodeExplorer()


def seen(page):
    """The rectangles that the picture draws: name, x, width and height, in pixels."""
    return page.evaluate(
        """() => tools.all('.chart rect', (bar) => [bar.getAttribute('class'),
            ...['x', 'width', 'height'].map((key) => Number(bar.getAttribute(key)))])"""
    )


def assert_shows(page, truth, belief, whole=False):
    """The areas are the book's numbers: widths are shares, heights bits, what is wasted above the best."""
    explorer = CodeExplorer(truth, belief, whole)
    shares, lengths = codes.shares(truth), explorer.lengths()
    best = [codes.code_length(share) for share in shares]
    top = 4 if max(*lengths, *best) <= 4 else 8
    across, bit = page.locator(".picture").bounding_box()["width"] - 62, 200 / top
    bars, sums = seen(page)[:-2], seen(page)[-2:]
    needed, extra = bars[::2], bars[1::2]
    np.testing.assert_allclose([bar[2] / across for bar in needed], shares, atol=1e-9)
    np.testing.assert_allclose([bar[3] / bit for bar in needed], np.minimum(lengths, best), atol=1e-9)
    apart = [bar[3] / bit * (1 if bar[0] == "wasted" else -1) for bar in extra]
    np.testing.assert_allclose(apart, np.subtract(lengths, best), atol=1e-9)
    in_all = [bar[2] / (across / top) for bar in sums]
    np.testing.assert_allclose(in_all, [explorer.entropy(), explorer.divergence()], atol=1e-9)
    area = sum(bar[2] / across * bar[3] / bit * (bar[0] != "saved") for bar in bars)
    np.testing.assert_allclose(area, explorer.cross_entropy(), atol=1e-9)
    words = page.locator(".total").text_content()
    assert float(words.split()[1]) == pytest.approx(explorer.cross_entropy(), rel=1e-3)


# ---- what Python makes ----


def test_what_is_shown_is_the_book_s_cross_entropy():
    explorer = CodeExplorer([5, 1, 1], [1, 2, 3])
    p, q = codes.shares([5, 1, 1]), codes.shares([1, 2, 3])
    assert explorer.cross_entropy() == codes.cross_entropy(p, q)
    assert explorer.entropy() == codes.entropy(p)
    assert explorer.divergence() == pytest.approx(codes.cross_entropy(p, q) - codes.entropy(p))


def test_whole_bits_are_huffman_s():
    explorer = CodeExplorer([8, 4, 2, 2], [61, 1, 1, 1], whole=True)
    assert explorer.words() == codes.huffman([61, 1, 1, 1])
    assert explorer.lengths() == [len(word) for word in explorer.words()]
    implied = [2.0**-length for length in explorer.lengths()]
    p = codes.shares([8, 4, 2, 2])
    assert explorer.cross_entropy() == pytest.approx(codes.cross_entropy(p, implied))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"truth": [1], "belief": [1]}, ValueError, r"truth must have 2 to 5 entries, got truth=\(1,\)"),
        ({"truth": [1] * 6, "belief": [1] * 6}, ValueError, "truth must have 2 to 5 entries"),
        ({"belief": [1, 2]}, ValueError, r"belief must have 4 entries, as truth has, got belief=\(1, 2\)"),
        ({"truth": [0, 1, 1, 1]}, ValueError, r"truth\[0\] must be positive, got truth\[0\]=0"),
        ({"belief": [1, 1, 1, 65]}, ValueError, r"belief\[3\] must be at most 64, got belief\[3\]=65"),
        ({"belief": [1, 1, 1, 0.5]}, TypeError, r"belief\[3\] must be a whole number"),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        CodeExplorer(**arguments)


def test_html_is_the_same_each_time_and_names_no_other_place():
    assert EXPLORER.html() == CodeExplorer().html()
    addresses = set(re.findall(r"https?://[^\"'\s<>)\\]+", EXPLORER.html()))
    assert addresses == {"http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML"}


@pytest.mark.parametrize("word", ["innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "Function("])
def test_module_never_makes_markup_or_code_from_text(word):
    assert word not in EXPLORER._esm


def test_still_picture_draws_shares_and_bits():
    bars = re.findall(r'width="([\d.]+)" height="([\d.]+)" style="fill: (\S+?)[;"]', EXPLORER.still())
    wide, tall = np.array([[float(w), float(t)] for w, t, _ in bars[:8:2]]).T
    np.testing.assert_allclose(wide / 658, codes.shares(EXPLORER.truth), atol=1e-3)
    np.testing.assert_allclose(tall / 50, [1, 2, 2, 1], atol=1e-3)
    np.testing.assert_allclose([float(w) for w, _, _ in bars[8:]], [1.75 * 164.5, 0.875 * 164.5], atol=0.01)
    assert [color for *_, color in bars[1:8:2]] == ["var(--rival)", "var(--rival)", "none", "none"]


# ---- what a browser does with it ----


def test_the_page_computes_what_python_computes(show):
    rng = np.random.default_rng(0)
    rows = rng.integers(1, 65, (200, 4))
    rows[:50] = rng.integers(1, 4, (50, 4))  # many of equal size
    page = show(EXPLORER)
    found = page.evaluate(
        """async (rows) => {
            const names = 'shares, codeLength, meanLength, huffman';
            const m = await tools.load(`${tools.told().esm}\\nexport { ${names} };`);
            return rows.map((row) => {
                const p = m.shares(row);
                return [p, m.meanLength(p, p.map(m.codeLength)), m.huffman(row)];
            });
        }""",
        rows.tolist(),
    )
    for row, (p, mean, words) in zip(rows.tolist(), found, strict=True):
        np.testing.assert_allclose(p, codes.shares(row), rtol=1e-13)
        np.testing.assert_allclose(mean, codes.entropy(p), rtol=1e-12)
        assert words == codes.huffman(row)


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_sliders_move_widths_and_heights(show, scheme):
    page = show(EXPLORER, scheme=scheme)
    state = {"truth": [8, 4, 2, 2], "belief": [2, 2, 4, 8]}
    assert_shows(page, **state)
    for i, key, value in ((0, "Home", 1), (3, "End", 64), (4, "End", 64), (7, "Home", 1)):
        page.locator("input[type=range]").nth(i).press(key)
        state["truth" if i < 4 else "belief"][i % 4] = value
        assert_shows(page, **state)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_any_number_of_symbols(show, n):
    page = show(CodeExplorer([*range(1, n + 1)], [*range(n, 0, -1)]), width=390)
    assert_shows(page, [*range(1, n + 1)], [*range(n, 0, -1)])
    for prompt in page.locator(".prompt").all():
        prompt.click()
    assert page.locator("rect.needed").count() == n


def test_whole_bits_show_words(show):
    page = show(EXPLORER)
    page.get_by_label("Words of whole bits").check()
    assert_shows(page, [8, 4, 2, 2], [2, 2, 4, 8], whole=True)
    words = codes.huffman([2, 2, 4, 8])
    assert [w for w in page.locator("svg text").all_text_contents() if w.startswith("word")] == [
        f"word {word}" for word in words
    ]


def test_expecting_what_comes_wastes_nothing(show):
    page = show(EXPLORER)
    page.locator("input[type=range]").first.press("End")
    page.get_by_role("button", name="Expect what comes", exact=True).click()
    assert_shows(page, [64, 4, 2, 2], [64, 4, 2, 2])
    assert page.locator(".parts").text_content().endswith("+ KL divergence 0")


def test_the_equation_holds_the_present_numbers(show):
    page = show(EXPLORER)
    text = "".join(page.locator(".equation").text_content().split())
    assert text == "H(p,q)=pAℓA+pBℓB+pCℓC+pDℓDH(p,q)=0.5·3+0.25·3+0.125·2+0.125·1=2.625"
    page.get_by_role("button", name="Expect what comes", exact=True).click()
    text = "".join(page.locator(".equation").text_content().split())
    assert text.endswith("=0.5·1+0.25·2+0.125·3+0.125·3=1.75")


def test_prompts_set_the_stage_and_reset_clears_it(show):
    page = show(EXPLORER)
    values = []
    for prompt in page.locator(".prompt").all():
        prompt.click()
        assert page.locator(".message").text_content() == prompt.text_content()
        values.append(page.locator(".parts").text_content())
    assert len(set(values)) == 5
    page.get_by_role("button", name="Reset").click()
    assert_shows(page, [8, 4, 2, 2], [2, 2, 4, 8])


def test_keys_move_and_reset_one_slider(show):
    page = show(EXPLORER)
    slider = page.locator("input[type=range]").first
    slider.press("ArrowRight")
    assert_shows(page, [9, 4, 2, 2], [2, 2, 4, 8])
    slider.press("Delete")
    assert_shows(page, [8, 4, 2, 2], [2, 2, 4, 8])


@pytest.mark.parametrize("wish", ["much", "0", "2.5"])
def test_a_bad_number_is_refused_gently(show, wish):
    page = show(EXPLORER)
    field = page.get_by_label("n C: how often C comes, exact value")
    field.fill(wish)
    field.press("Enter")
    assert page.locator(".message").text_content().endswith(f", got {wish}; 2 stays.")
    assert_shows(page, [8, 4, 2, 2], [2, 2, 4, 8])


def test_the_result_is_said_and_stands_in_a_table(show):
    page = show(EXPLORER)
    page.get_by_label("Words of whole bits").check()
    said = page.get_by_role("status").text_content()
    assert said.startswith(
        "cross-entropy 2.625 bits a symbol, entropy 1.75, divergence 0.875; bits of each: A 3"
    )
    assert page.get_by_role("img").get_attribute("aria-label") == said
    page.get_by_text("The numbers as a table").click()
    page.locator("tr").first.wait_for()  # the table is filled when it has opened
    rows = page.locator("tr").evaluate_all("rows => rows.map(r => [...r.cells].map(c => c.textContent))")
    assert rows[0] == ["symbol", "share p", "expected q", "word", "best bits", "bits"]
    assert rows[4] == ["D", "0.125", "0.5", codes.huffman([2, 2, 4, 8])[3], "3", "1"]


def test_two_explorers_do_not_disturb_each_other(show):
    page = show(EXPLORER, CodeExplorer([1, 1], [1, 1]))
    page.locator(".explorer").nth(1).locator("input[type=range]").first.press("End")
    words = page.locator(".explorer").nth(0).locator(".total").text_content()
    assert words == "cross-entropy 2.625 bits a symbol"


@pytest.mark.parametrize("width", [320, 390, 1200])
def test_every_width_shows_all_of_it(show, width):
    page = show(EXPLORER, width=width)
    page.get_by_text("The numbers as a table").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = page.locator("button:visible, select:visible, input:visible, summary:visible, svg text")
    for name, tall, left, right in found.evaluate_all(
        """nodes => nodes.filter((n) => n.type !== 'checkbox').map((n) => [n, n.getBoundingClientRect()])
            .map(([n, r]) => [n.tagName, r.height, r.left, r.right])"""
    ):
        assert tall >= (24 if name in ("BUTTON", "INPUT", "SUMMARY") else 8), name
        assert left >= 0 and right <= width, name


@pytest.mark.parametrize("width", [320, 390, 760, 1200])
def test_the_page_does_not_jump_when_the_script_has_run(show, width):
    live = show(EXPLORER, width=width)
    still = show(EXPLORER, width=width, java_script_enabled=False, ready=False)
    heights = [page.locator(".explorer").bounding_box()["height"] for page in (live, still)]
    heights[1] -= still.locator("noscript").bounding_box()["height"]
    assert abs(heights[0] - heights[1]) <= 6


def test_without_a_script_and_in_print_a_picture_stands_there(show):
    page = show(EXPLORER, java_script_enabled=False, ready=False)
    label = page.get_by_role("img").get_attribute("aria-label")
    assert label == "cross-entropy 2.625 bits = entropy 1.75 + KL 0.875"
    live = show(EXPLORER)
    live.emulate_media(media="print")
    assert live.locator(".chart:visible").count() == 1
    assert live.locator("button:visible, input:visible, details:visible").count() == 0


@pytest.mark.parametrize(("theme", "blue"), [("light", "rgb(0, 114, 178)"), ("dark", "rgb(86, 180, 233)")])
def test_bars_have_the_colors_of_the_theme(show, theme, blue):
    page = show(EXPLORER, theme=theme)
    fill = "nodes => [...new Set(nodes.map((node) => getComputedStyle(node).fill))]"
    assert page.locator("rect.needed").evaluate_all(fill) == [blue]
    line = page.locator("path.best").evaluate("node => getComputedStyle(node).stroke")
    assert line == {"light": "rgb(50, 50, 50)", "dark": "rgb(206, 214, 221)"}[theme]


def test_an_update_takes_little_time(show):
    page = show(EXPLORER)
    times = page.evaluate(
        """() => {
            const slider = tools.root().querySelector('input[type=range]');
            return Array.from({ length: 100 }, (_, i) => {
                slider.value = 1 + (i % 64);
                const start = performance.now();
                slider.dispatchEvent(new Event('input'));
                return performance.now() - start;
            });
        }"""
    )
    assert np.median(times) < 16
