"""Every built page, in a real browser with the network closed: over http and from disk, in both themes."""

import re

import pytest

from tests.conftest import BOOK

# A page is seen three ways; between them are both themes, both ways to open it and two sizes of phone.
VIEWS = {
    "desktop": (1280, "light", "http"),
    "phone": (390, "dark", "http"),
    "small phone, from disk": (320, "light", "file"),
}

SETTLED = """async () => {
    await document.fonts.ready;
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""
IMAGES = "nodes => nodes.map(n => [n.getAttribute('src').slice(0, 80), n.getAttribute('alt')])"
# What a cell draws has a caption; an explorer, which is markup of its own, has what it needs inside.
DRAWN = "article .cell_output img:not(.text_html img)"
UNNAMED = "nodes => nodes.filter(n => !n.closest('figure')?.querySelector('figcaption')).map(n => n.alt)"
FORMULAS = "nodes => nodes.filter(n => !n.querySelector('.katex math')).map(n => n.textContent)"
# When the page scrolls sideways: the boxes that reach past the window, less those that scroll by themselves.
TOO_WIDE = """() => {
    if (document.documentElement.scrollWidth <= innerWidth) return [];
    const scrolls = n => n
        && (/auto|scroll|hidden/.test(getComputedStyle(n).overflowX) || scrolls(n.parentElement));
    return [...document.querySelectorAll('article *')]
        .filter(n => n.getBoundingClientRect().right > innerWidth + 1 && !scrolls(n.parentElement))
        .map(n => `${n.tagName} ${n.className}`).slice(0, 5).concat('the page');
}"""


def built_pages():
    """Return the pages of the book, without those that only lead to another."""
    pages = (path for path in BOOK.rglob("*.html") if "_static" not in path.parts)
    leads_on = 'http-equiv="Refresh"'
    return sorted(p.relative_to(BOOK).as_posix() for p in pages if leads_on not in p.read_text("utf-8"))


def is_real_alt(text):
    """Tell an alternative in words from an empty one, a file's name and a path."""
    return bool(text and " " in text.strip() and not re.search(r"\.(png|svg|jpe?g|gif)$", text))


def faults(page, theme):
    """Return what is wrong with an open page, ``{rule: evidence}``, empty evidence where all is well."""
    page.evaluate(SETTLED)
    images = page.locator("article img").evaluate_all(IMAGES)
    shown = page.evaluate("document.documentElement.dataset.theme")
    descriptions = page.locator("head meta[name=description]").evaluate_all("n => n.map(m => m.content)")
    return {
        "console": page.problems,
        "third party": page.third_party,
        "theme": [shown] if shown != theme else [],
        "sideways": page.evaluate(TOO_WIDE),
        "images without an alternative": [src for src, alt in images if not is_real_alt(alt)],
        "figures without a caption": page.locator(DRAWN).evaluate_all(UNNAMED),
        "formulas not drawn": page.locator("article .math").evaluate_all(FORMULAS),
        "errors in formulas": page.locator(".math > code, .katex-error").all_text_contents(),
        "title": [] if page.title().strip() else ["none"],
        "description": [d for d in descriptions or [""] if len(d) < 10 or "\\" in d],
    }


@pytest.mark.pages
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", built_pages() or ["index.html"])
def test_page(name, view, book, closed_page):
    width, theme, scheme = VIEWS[view]
    page = closed_page(width=width, theme=theme, base=book.as_uri() if scheme == "file" else None)
    page.goto(name)
    assert {rule: evidence for rule, evidence in faults(page, theme).items() if evidence} == {}


@pytest.mark.pages
def test_index_leads_to_the_introduction(closed_page):
    page = closed_page()
    page.goto("index.html")
    page.wait_for_url("**/book/intro.html")
    assert page.locator("article h1").count() == 1


def test_every_rule_finds_a_page_that_breaks_it(closed_page, tmp_path):
    (tmp_path / "bad.html").write_text(
        """<meta name="description" content="\\alpha is the rate, and this is no sentence">
        <article><p class="cell_output"><img src="https://example.invalid/a.png" alt="../_images/a.png"></p>
        <span class="math"><code>\\x</code></span><p style="width: 50rem">wide</p></article>
        <script>throw new Error("broken")</script>"""
    )
    page = closed_page(width=320, base=tmp_path.as_uri())
    page.goto("bad.html")
    assert [rule for rule, evidence in faults(page, "light").items() if not evidence] == []


@pytest.mark.parametrize("text", [None, "", "fig.png", "../_images/abc def.png", "image"])
def test_an_empty_alternative_or_a_path_is_found_out(text):
    assert not is_real_alt(text)
