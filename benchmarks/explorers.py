"""What one move of a slider costs in the browser: milliseconds of script, the median of a hundred moves.

Each family of explorers is measured where it is slowest. The goal is one frame of a screen that shows 60 a
second: 16.7 ms.
"""

import statistics

from playwright.sync_api import sync_playwright

from benchmarks._timing import table
from tests.browser import launch
from tests.figures.conftest import TOOLS
from tests.figures.test_every_explorer import FAMILIES, SLID

FRAME = 1000 / 60  # ms
TIMES = """(text) => {
    const move = eval(text);
    return Array.from({ length: 100 }, (_, i) => {
        const start = performance.now();
        move(i);
        return performance.now() - start;
    });
}"""


def script_time(browser, family):
    """Return the milliseconds of one move."""
    page = browser.new_page(viewport={"width": 760, "height": 900})
    page.set_content((family.slowest or family.make)().html())
    page.wait_for_selector(".explorer[data-ready]")
    page.evaluate(TOOLS)
    times = page.evaluate(TIMES, SLID % family.slider)
    page.close()
    return statistics.median(times)


def main():
    """Print the table."""
    rows = [("explorer", "ms a move", "frames", "goal")]
    with sync_playwright() as playwright, launch(playwright) as browser:
        for family in FAMILIES:
            frames = script_time(browser, family) / FRAME
            rows.append((family.name, frames * FRAME, frames, "met" if frames <= 1 else "MISSED"))
    table("Script of one move of a slider", rows)


if __name__ == "__main__":
    main()
