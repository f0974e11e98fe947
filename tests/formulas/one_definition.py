"""One formula, all its readers: number, NumPy array, torch tensor, SymPy and JavaScript in a browser."""

import dataclasses
import itertools

import numpy as np
import torch

from helpers.core import symbolic


def assert_readers_agree(browser, method, of, grids):
    """Evaluate a formula at every combination of the arguments' values, by all readers."""
    points = list(itertools.product(*grids))
    formula = getattr(method, of)
    columns = [np.array(column) for column in zip(*points, strict=True)]
    numbers = [formula(*point) for point in points]
    readers = {
        "array": formula(*columns),
        "tensor": formula(*map(torch.from_numpy, columns)).numpy(),
        "SymPy": [symbolic.evaluated_at(method, *point, of=of) for point in points],
        "JavaScript": in_browser(browser, symbolic.javascript(method, of), points, method),
    }
    for reader, values in readers.items():
        np.testing.assert_allclose(
            values, numbers, rtol=1e-13, atol=1e-300, err_msg=f"{method} {of}: {reader}"
        )


def in_browser(browser, code, points, method):
    """Return what a page computes at the points."""
    page = browser.new_page()
    try:
        script = f"([points, p]) => points.map((point) => ({code})(...point, p))"
        return page.evaluate(script, [points, dataclasses.asdict(method)])
    finally:
        page.close()
