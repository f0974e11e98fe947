"""The explorer of codes: what Python makes of it, and what a real browser does with it."""

import re

import numpy as np
import pytest

from helpers.figures.explorers import CodeExplorer
from helpers.formulas import codes
from tests.figures.explorer_checks import number, view

EXPLORER = CodeExplorer()


def assert_draws(markup, width, explorer):
    """The areas are the book's numbers: widths are shares, heights bits, what is wasted above the best."""
    rects = [dict(re.findall(r'(\w+)="([^"]*)"', rect)) for rect in re.findall("<rect [^>]*>", markup)]
    kinds = np.array([rect["class"] for rect in rects])
    across, tall = (np.array([float(rect[side]) for rect in rects]) for side in ("width", "height"))
    shares, lengths = codes.shares(explorer.truth), explorer.lengths()
    best = [codes.code_length(share) for share in shares]
    top = 4 if max(*lengths, *best) <= 4 else 8
    across, tall = across / (width - 62), tall * top / 200
    needed, (entropy, waste) = np.arange(0, 2 * len(shares), 2), top * across[-2:]
    assert set(kinds[needed]) == {"needed"} and len(rects) == 2 * len(shares) + 2
    np.testing.assert_allclose(across[needed], shares, atol=1e-9)
    np.testing.assert_allclose(tall[needed], np.minimum(lengths, best), atol=1e-9)
    apart = np.where(kinds[needed + 1] == "wasted", 1, -1) * tall[needed + 1]
    np.testing.assert_allclose(apart, np.subtract(lengths, best), atol=1e-9)
    np.testing.assert_allclose([entropy, waste], [explorer.entropy(), explorer.divergence()], atol=1e-9)
    area = (across * tall)[:-2][kinds[:-2] != "saved"].sum()
    np.testing.assert_allclose(area, explorer.cross_entropy(), atol=1e-9)
    total = re.search(r">cross-entropy (\S+) bits a symbol</text>", markup)[1]
    assert number(total) == pytest.approx(explorer.cross_entropy(), rel=1e-3)


def equation(page):
    return "".join(page.locator(".equation").text_content().split())


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
        ({"belief": [1, 1, 1, 65]}, ValueError, r"belief\[3\] must be in \[1, 64\], got belief\[3\]=65"),
        ({"belief": [1, 1, 1, 0.5]}, TypeError, r"belief\[3\] must be a whole number"),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        CodeExplorer(**arguments)


# ---- what JavaScript makes of it ----


def test_the_page_computes_what_python_computes():
    rng = np.random.default_rng(0)
    rows = rng.integers(1, 65, (200, 4))
    rows[:50] = rng.integers(1, 4, (50, 4))  # many of equal size
    each = "[formulas.shares(row), formulas.shares(row).map((q) => formulas.codeLength(q)), huffman(row)]"
    results = EXPLORER.evaluate(f"{rows.tolist()}.map((row) => {each})")
    means = EXPLORER.evaluate(
        f"{[[p, bits] for p, bits, _ in results]}.map((r) => formulas.meanLength(...r))"
    )
    for row, (p, _, words), mean in zip(rows.tolist(), results, means, strict=True):
        np.testing.assert_allclose(p, codes.shares(row), rtol=1e-13)
        np.testing.assert_allclose(mean, codes.entropy(p), rtol=1e-12)
        assert words == codes.huffman(row)


@pytest.mark.parametrize("n", [2, 3, 4, 5])
@pytest.mark.parametrize("whole", [True, False])
def test_any_number_of_symbols_and_each_question_is_drawn(n, whole):
    explorer = CodeExplorer([*range(1, n + 1)], [64, *range(n, 1, -1)], whole)
    assert_draws(explorer.still(), 720, explorer)
    assert len(explorer.questions) == 5
    for _, state in explorer.questions:
        assert_draws(CodeExplorer(**state).still(), 720, CodeExplorer(**state))


def test_words_of_whole_bits_are_shown():
    explorer = CodeExplorer(whole=True)
    words = codes.huffman([2, 2, 4, 8])
    assert re.findall(">word ([01]+)<", explorer.still()) == words
    [rows] = view(explorer, "numbers()")
    assert rows[0] == ["symbol", "share p", "expected q", "word", "best bits", "bits"]
    assert [*map(str, rows[4])] == ["D", "0.125", "0.5", words[3], "3", "1"]


# ---- what a browser does with it ----


def test_choices_move_the_picture_and_the_equation(show):
    page = show(EXPLORER)
    assert equation(page) == "H(p,q)=pAℓA+pBℓB+pCℓC+pDℓD=0.5·3+0.25·3+0.125·2+0.125·1=2.625"
    page.get_by_role("button", name="Expect what comes", exact=True).click()
    assert equation(page).endswith("=0.5·1+0.25·2+0.125·3+0.125·3=1.75")
    page.locator("input[type=range]").first.press("End")
    page.get_by_role("button", name="Expect what comes", exact=True).click()
    assert page.locator(".parts").text_content().endswith("+ KL divergence 0")
    page.get_by_label("Words of whole bits").check()
    width = page.locator(".picture").bounding_box()["width"]
    shown = CodeExplorer([64, 4, 2, 2], [64, 4, 2, 2], whole=True)
    assert_draws(page.locator(".chart").inner_html(), width, shown)
