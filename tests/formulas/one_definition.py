"""One formula, all its readers: number, NumPy array, torch tensor, SymPy and JavaScript in a browser."""

import dataclasses
import inspect
import itertools

import numpy as np
import sympy
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
        "SymPy": [evaluated_at(method, *point, of=of) for point in points],
        "JavaScript": in_browser(browser, symbolic.javascript(method, of), points, method),
    }
    for reader, values in readers.items():
        np.testing.assert_allclose(
            values, numbers, rtol=1e-13, atol=1e-300, err_msg=f"{method} {of}: {reader}"
        )


def evaluated_at(method, *numbers, of="formula"):
    """Return the value of the traced equation; a number given stays exact, for it may be an edge."""
    expr, twin = symbolic.expression(method, of)
    given = zip(inspect.signature(getattr(method, of)).parameters, numbers, strict=True)
    places = {sympy.Symbol(name, real=True): sympy.Rational(number) for name, number in given}
    for symbol, value in twin.values.items():
        places[symbol] = sympy.Integer(value) if isinstance(value, int) else sympy.Float(value, 30)
    return float(settled(expr, places).doit().xreplace(places).doit().evalf(20))


def settled(expr, places):
    """Keep of several cases the one that holds, before another is evaluated where it has no value."""
    if isinstance(expr, sympy.Piecewise):
        case = next(case for case, holds in expr.args if holds.xreplace(places) == sympy.true)
        return settled(case, places)
    if not expr.has(sympy.Piecewise):
        return expr
    with sympy.evaluate(False):
        return expr.func(*(settled(arg, places) for arg in expr.args))


def in_browser(browser, code, points, method):
    """Return what a page computes at the points."""
    page = browser.new_page()
    try:
        script = f"([points, p]) => points.map((point) => ({code})(...point, p))"
        return page.evaluate(script, [points, dataclasses.asdict(method)])
    finally:
        page.close()
