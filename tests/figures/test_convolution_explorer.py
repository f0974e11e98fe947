"""The convolution explorer: what Python makes of it, and what a real browser does with it."""

import re

import numpy as np
import pytest

from helpers.figures.explorers import ConvolutionExplorer
from helpers.figures.explorers.convolution import KERNELS, images
from helpers.figures.explorers.kit import as_javascript
from helpers.formulas.layers import conv2d_forward
from tests.figures.explorer_checks import message, number, typed

EXPLORER = ConvolutionExplorer()
CELL = "tools.root().querySelector('.cursor').getAttribute('aria-valuetext')"
NAMES = ["digit 3", "digit 0", "digit 7", "photograph: tower", "photograph: dahlia"]


def terms(html):
    """The written sum: its pixels, its weights and its result."""
    text = re.sub("<.*?>", "", re.search(r'<p class="terms">(.*?)</p>', html)[1])
    left, right = text.split(" = ")
    pairs = [re.fullmatch(r"(\S+?)·\(?([^)]+)\)?", term).groups() for term in left.split(" + ")]
    return *(np.array([number(x) for x in column]) for column in zip(*pairs, strict=True)), number(right)


def assert_shows(place, explorer):
    """The arithmetic, the chosen cell and the size of the map are the layer's, in a page or in print."""
    html = place if isinstance(place, str) else place.locator(".ex").inner_html()
    row, column = explorer.cell
    found = explorer.map()
    pixels, weights, total = terms(html)
    top, left = explorer.stride * row, explorer.stride * column
    window = np.pad(explorer.image(), explorer.padding)[top : top + 3, left : left + 3]
    np.testing.assert_array_equal(pixels, window.ravel())
    np.testing.assert_allclose(weights, explorer.kernel, rtol=1e-3)
    np.testing.assert_allclose([total, pixels @ weights], found[row, column], rtol=1e-3, atol=0.02)
    assert f'aria-valuetext="row {row}, column {column}: ' in html
    assert re.search(r">map (\d+) × (\d+)", html).groups() == (str(len(found)),) * 2


# ---- what Python makes ----


def test_images_are_real_and_of_seventeen_levels():
    assert list(images()) == NAMES
    for image in images().values():
        assert image.shape in ((8, 8), (24, 24)) and image.dtype.kind == "i"
        assert image.min() == 0 and image.max() == 16


def test_the_map_is_the_layer_of_the_book():
    explorer = ConvolutionExplorer("photograph: tower", range(9), stride=2, padding=1)
    x, weight = explorer.image()[None, None].astype(float), np.arange(9.0).reshape(1, 1, 3, 3)
    y, _ = conv2d_forward(x, weight, np.zeros(1), stride=2, padding=1)
    np.testing.assert_array_equal(explorer.map(), y[0, 0])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"picture": "cat"}, ValueError, "picture must be 'digit 3' or 'digit 0'"),
        ({"kernel": "magic"}, ValueError, "kernel must be 'left-right edges' or"),
        ({"kernel": [1.0] * 8}, ValueError, "kernel must have nine entries, got kernel="),
        ({"kernel": [float("nan")] * 9}, ValueError, r"kernel\[0\] must be finite"),
        ({"stride": 0}, ValueError, "stride must be positive, got stride=0"),
        ({"padding": -1}, ValueError, "padding must be zero or positive, got padding=-1"),
        (
            {"cell": (6, 0)},
            ValueError,
            r"cell must be a row and a column of the map, whose shape is \(6, 6\)",
        ),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        ConvolutionExplorer(**arguments)


def test_still_picture_draws_every_cell_once_and_writes_the_sum():
    still = EXPLORER.still()
    paths = re.findall(r'<path shape-rendering="crispEdges" style="([^"]*)" d="([^"]*)"', still)
    cells = {"rgb": 0, "study": 0, "rival": 0}
    for style, d in paths:
        cells[next(kind for kind in cells if kind in style)] += d.count("M")
    found = EXPLORER.map()
    # A level of 0 has no color, and is counted with the negative ones.
    faint = np.rint(16 * found / abs(found).max())
    assert cells == {"rgb": 64, "study": (faint > 0).sum(), "rival": (faint <= 0).sum()}
    assert f"<b>{int(found[2, 1])}</b>".replace("-", "−") in still


# ---- what a browser does with it ----


def test_the_page_computes_what_python_computes():
    rng = np.random.default_rng(0)
    states = [
        [int(size), int(stride), int(padding), *rng.normal(size=(2, 9)).tolist()]
        for size, stride, padding in rng.integers([3, 1, 0], [30, 4, 3], size=(100, 3))
    ]
    found = EXPLORER.evaluate(
        f"{states}.map(([n, s, p, x, w]) => [formulas.steps(n, 3, s, p), formulas.cell(x, w)])"
    )
    for (size, stride, padding, x, w), (steps, value) in zip(states, found, strict=True):
        image, weight = np.zeros((1, 1, size, size)), np.reshape(w, (1, 1, 3, 3))
        assert conv2d_forward(image, weight, np.zeros(1), stride=stride, padding=padding)[0].shape[2] == steps
        np.testing.assert_allclose(value, np.dot(x, w), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_every_image_and_kernel_can_be_seen(name):
    for kernel, stride, padding in zip(KERNELS, (1, 2, 3, 1, 2, 3, 1), (0, 1, 2, 2, 0, 0, 1), strict=True):
        explorer = ConvolutionExplorer(name, kernel, stride=stride, padding=padding, cell=(1, 1))
        assert_shows(explorer.still(), explorer)
        values = explorer.evaluate(f"background({as_javascript(explorer.state())}, 720).values")
        np.testing.assert_allclose(values, explorer.map(), rtol=1e-12)


def test_choices_and_sliders_move_the_arithmetic(show):
    page = show(EXPLORER)
    page.locator("select").nth(0).select_option("photograph: dahlia")
    page.locator("select").nth(1).select_option("outline")
    assert_shows(page, ConvolutionExplorer("photograph: dahlia", "outline"))
    for i, key in ((0, "ArrowRight"), (1, "End")):
        page.locator("input[type=range]").nth(i).press(key)
    assert_shows(page, ConvolutionExplorer("photograph: dahlia", "outline", stride=2, padding=2))
    page.get_by_role("button", name="Reset").click()
    page.get_by_role("button", name="Half a turn", exact=True).click()
    assert_shows(page, ConvolutionExplorer(kernel=EXPLORER.kernel[::-1]))


def test_a_map_that_shrinks_keeps_a_cell_chosen():
    explorer = ConvolutionExplorer(cell=(5, 5))
    explorer.stride = 3
    assert_shows(explorer.still(), ConvolutionExplorer(stride=3, cell=(1, 1)))


def test_an_entry_of_the_kernel_can_be_written_over(show):
    page = show(EXPLORER)
    kernel = list(EXPLORER.kernel)
    for k, text in ((0, "2.5"), (8, "−3")):
        typed(page, f"kernel entry, row {k // 3}, column {k % 3}", text)
        kernel[k] = number(text)
        assert_shows(page, ConvolutionExplorer(kernel=kernel))
    assert page.locator("select").nth(1).input_value() == "your own"
    typed(page, "kernel entry, row 2, column 2", "much")
    words = "kernel entry, row 2, column 2 must be a number, got much; −3 stays."
    assert message(page) == words
    assert_shows(page, ConvolutionExplorer(kernel=kernel))


def test_the_mouse_chooses_a_cell_on_the_map_and_on_the_image(show):
    page = show(EXPLORER)
    box = page.locator(".cursor").bounding_box()
    u = box["width"] - 3
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(middle[0] + 2 * u, middle[1] + u)
    assert_shows(page, ConvolutionExplorer(cell=(3, 3)))
    eye = page.locator(".eye").first.bounding_box()
    page.mouse.move(eye["x"] + eye["width"] / 2 - u, eye["y"] + eye["height"] / 2)
    assert_shows(page, ConvolutionExplorer(cell=(3, 2)))


def test_a_finger_chooses_a_cell(show):
    page = show(EXPLORER, width=390, has_touch=True)
    box = page.locator(".cursor").bounding_box()
    page.touchscreen.tap(box["x"] + 2.5 * (box["width"] - 3), box["y"] + box["height"] / 2)
    assert page.evaluate(CELL).startswith("row 2, column 3: ")


def test_keys_step_to_the_neighbors_and_stop_at_the_border(show):
    page = show(EXPLORER)
    places = {"Down": (3, 1), "Right": (3, 2), "Up": (2, 2), "Left": (2, 1)}
    moves = [(f"Arrow{way}", place) for way, place in places.items()]
    moves += [("End", (2, 5)), ("ArrowRight", (2, 5)), ("Home", (2, 0)), ("ArrowLeft", (2, 0))]
    for key, place in moves:
        page.locator(".cursor").press(key)
        assert_shows(page, ConvolutionExplorer(cell=place))
