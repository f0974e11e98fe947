"""The explorer of codes: what Python makes of it, and what a real browser does with it."""

import re

import numpy as np
import pytest

from helpers.figures.explorers import CodeExplorer
from helpers.formulas import codes
from tests.figures.explorer_checks import opened_table

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
    assert text == "H(p,q)=pAℓA+pBℓB+pCℓC+pDℓD=0.5·3+0.25·3+0.125·2+0.125·1=2.625"
    page.get_by_role("button", name="Expect what comes", exact=True).click()
    text = "".join(page.locator(".equation").text_content().split())
    assert text.endswith("=0.5·1+0.25·2+0.125·3+0.125·3=1.75")


def test_keys_move_and_reset_one_slider(show):
    page = show(EXPLORER)
    slider = page.locator("input[type=range]").first
    slider.press("ArrowRight")
    assert_shows(page, [9, 4, 2, 2], [2, 2, 4, 8])
    slider.press("Delete")
    assert_shows(page, [8, 4, 2, 2], [2, 2, 4, 8])


def test_the_result_is_said_and_stands_in_a_table(show):
    page = show(EXPLORER)
    page.get_by_label("Words of whole bits").check()
    said = page.get_by_role("status").text_content()
    assert said.startswith(
        "cross-entropy 2.625 bits a symbol, entropy 1.75, divergence 0.875; bits of each: A 3"
    )
    assert page.get_by_role("img").get_attribute("aria-label") == said
    rows = opened_table(page)
    assert rows[0] == ["symbol", "share p", "expected q", "word", "best bits", "bits"]
    assert rows[4] == ["D", "0.125", "0.5", codes.huffman([2, 2, 4, 8])[3], "3", "1"]
