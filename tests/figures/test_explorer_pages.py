"""Explorers where readers meet them: on the pages of the built book, with the network closed."""

import re

import pytest

from tests.conftest import BOOK
from tests.figures.conftest import started

MOVE = """node => {
    const root = node.lastElementChild.shadowRoot;
    // Shapes, and the numbers written by them: adding one number to all logits must move nothing else.
    const drawn = () => [...root.querySelectorAll('svg path, svg circle, svg rect, svg line, svg text, p')]
        .map((shape) => shape.outerHTML).join('');
    return [...root.querySelectorAll('input[type=range]')].map((slider) => {
        const before = drawn();
        slider.value = slider.value === slider.max ? slider.min : slider.max;
        slider.dispatchEvent(new Event('input', { bubbles: true }));
        return [slider.getAttribute('aria-valuetext'), before !== drawn()];
    });
}"""
SEEN = "node => getComputedStyle(node.closest('.text_html') ?? node).backgroundColor"


def pages():
    """Return the built pages that hold an explorer."""
    found = (path for path in BOOK.rglob("*.html") if "_static" not in path.parts)
    return sorted(p.relative_to(BOOK).as_posix() for p in found if 'class="explorer"' in p.read_text("utf-8"))


@pytest.mark.pages
def test_the_book_has_explorers(book):
    assert pages()


@pytest.mark.pages
@pytest.mark.parametrize("scheme", ["http", "file"])
@pytest.mark.parametrize("name", pages() or ["index.html"])
def test_every_explorer_starts_and_its_sliders_move_the_picture(name, scheme, book, closed_page):
    page = closed_page(base=book.as_uri() if scheme == "file" else None)
    page.goto(name)
    started(page)
    for explorer in page.locator(".explorer").all():
        moved = explorer.evaluate(MOVE)
        follows = any if "networks that learn" in explorer.get_attribute("aria-label") else all  # with a step
        assert moved and follows(changed for _, changed in moved), moved
    assert page.third_party == []


@pytest.mark.pages
@pytest.mark.parametrize("name", pages() or ["index.html"])
def test_a_page_holds_each_explorer_once(name, book):
    text = (book / name).read_text("utf-8")
    files = re.findall(r'"src":"([^"]+)"', text)
    assert len(files) == text.count('<div class="explorer"')
    assert all("const catalog = " in (book / name).parent.joinpath(file).read_text("utf-8") for file in files)
    assert not re.search("const catalog = |data-kit=|vnd.jupyter.widget-state", text)


@pytest.mark.pages
@pytest.mark.parametrize("name", pages() or ["index.html"])
def test_explorers_stand_on_the_page_itself_in_the_dark_theme(name, closed_page):
    page = closed_page(theme="dark")
    page.goto(name)
    started(page)
    for explorer in page.locator(".explorer").all():
        assert explorer.evaluate(SEEN) == "rgba(0, 0, 0, 0)"
        assert explorer.locator("[data-dark]").count() == 1


@pytest.mark.pages
@pytest.mark.parametrize("name", pages() or ["index.html"])
def test_a_mouse_moves_the_first_slider_of_a_page(name, closed_page):
    page = closed_page(width=390)
    page.goto(name)
    started(page)
    slider = page.locator(".explorer input[type=range]").first
    slider.scroll_into_view_if_needed()
    before, box = slider.input_value(), slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.5, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, middle, steps=4)
    page.mouse.up()
    assert slider.input_value() != before
