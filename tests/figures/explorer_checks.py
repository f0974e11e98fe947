"""The hands and eyes of the explorers' tests: what a reader does with a page, and what stands there then."""

import re

import numpy as np

from helpers.figures.explorers.kit import as_javascript

# What a view needs besides the state.
UI = """{ ...START, widths: [720, 720], width: 720, heights: [330, 330], wide: (text) => 6.6 * text.length,
    local: {}, memory: {}, set: () => {}, look: () => {}, link: () => ({}) }"""


def view(explorer, part):
    """What the view of an explorer's state has: its ``summary``, ``codes``, ``numbers()``; by QuickJS."""
    return explorer.evaluate(f"family.family.view({as_javascript(explorer.state())}, {UI}).{part}")


def typed(page, label, text):
    """The field of this name, after a reader has typed into it."""
    field = page.get_by_label(label)
    field.fill(str(text))
    field.press("Enter")
    return field


def message(page):
    """What the explorer says below its controls."""
    return page.locator(".message").text_content()


def number(words):
    """The number that is shown as "−1.2", "6.21·10⁻⁵" or "10⁶"."""
    plain = words.replace("−", "-").translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    if words[-1].isascii():
        return float(plain)
    factor, _, power = plain.rpartition("10") if "·" in words else re.match(r"(-?)(10)(.*)", plain).groups()
    return float(f"{factor.removesuffix('·') if '·' in words else factor + '1'}e{power}")


CELLS = "rows => rows.map((row) => [...row.cells].map((cell) => cell.textContent))"


def opened_table(page):
    """The numbers as a table, row by row, once a reader has opened it."""
    page.locator("summary").click()
    page.locator("tr").first.wait_for()  # it is filled when it has opened
    return page.locator("tr").evaluate_all(CELLS)


def points(path):
    """The points of a path of straight lines, in pixels; shape (N, 2)."""
    return np.array(path[1:].replace("L", " ").split(), float).reshape(-1, 2)


def seen(page, i=0):
    """All that a reader sees of an explorer, but for the last message: compare it with ``==``."""
    return page.evaluate("(i) => tools.seen(tools.root(i))", i)


def heard(page, move, times):
    """What is said, and when by the page's clock, while the JavaScript ``move(i)`` is called every 20 ms."""
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    page.evaluate(
        """(text) => {
            const status = tools.root().querySelector('[role=status]');
            const hear = () => tools.heard.push([performance.now(), status.textContent]);
            Object.assign(tools, { move: eval(text), heard: [] });
            new MutationObserver(hear).observe(status, { childList: true });
        }""",
        move,
    )
    for i in range(times):
        page.evaluate("(i) => tools.move(i)", i)
        page.clock.run_for(20)
    page.clock.run_for(1000)
    page.is_spent = True
    return zip(*page.evaluate("tools.heard"), strict=True)


def resized(page, width):
    """Give the page another width, and wait until it has drawn what it shows there."""
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def layouts(page, move, times=100):
    """How often the page is laid out while the JavaScript ``move(i)`` is called in one go."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def count():
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(metric["value"] for metric in metrics if metric["name"] == "LayoutCount")

    before = count()
    page.evaluate(
        "([text, times]) => { const move = eval(text); for (let i = 0; i < times; i++) move(i); }",
        [move, times],
    )
    return count() - before


CONTROLS = "button:visible, select:visible, input:visible, summary:visible"
# A box to tick is as large as its label.
PLACES = """nodes => nodes.filter((node) => node.textContent || node.tagName === 'INPUT')
    .map((node) => [node, (node.type === 'checkbox' ? node.parentNode : node).getBoundingClientRect()])
    .map(([node, r]) => [node.textContent || node.type, r.width, r.height, r.left, r.right])"""
# What holds more than it shows; a table of numbers may.
CLIPS = """nodes => nodes.filter((node) => !node.closest('svg, math, .rates, .unseen'))
    .filter((node) => node.clientWidth && node.scrollWidth > node.clientWidth + 1)
    .map((node) => `${node.tagName} ${node.className}: ${node.scrollWidth} in ${node.clientWidth}`)"""
LANES = "knobs => knobs.map((knob) => Number(knob.getAttribute('cy')))"


def assert_all_is_shown(page, width):
    """Nothing juts out or is clipped, words can be read, and what can be pressed is large enough."""
    for part in page.locator("details:not([open]) > summary").all():
        part.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".ex *").evaluate_all(CLIPS) == []
    words = page.locator("svg text, .nine > *").evaluate_all(PLACES)
    controls = page.locator(CONTROLS).evaluate_all(PLACES)
    for name, _, _, left, right in words + controls:
        assert left >= 0 and right <= width, name
    for name, _, tall, *_ in words:
        assert tall >= 8, name
    for name, wide, tall, *_ in controls:
        assert min(wide, tall) >= 24, name
    assert all(np.diff(page.locator("circle.knob:visible").evaluate_all(LANES)) >= 24)
