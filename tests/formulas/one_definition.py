"""One formula, all its readers: number, NumPy array, torch tensor, SymPy and JavaScript."""

import dataclasses
import inspect
import itertools
import json

import mpmath
import numpy as np
import quickjs
import sympy
import torch

from helpers.core import symbolic, symbols


def digits(cls):
    """A function of symbols for mpmath, with all its digits."""
    return lambda *args: mpmath.mpmathify(sympy.N(cls(*map(sympy.sympify, args)), mpmath.mp.dps))


OURS = ("CountReached", "CyclesCompleted", "GeometricSum", "Remainder", "sigmoid", "softplus")
BY_MPMATH = [{name: digits(getattr(symbols, name)) for name in OURS}, "mpmath"]


def assert_readers_agree(method, of, grids):
    """Evaluate a formula at every combination of the arguments' values, by all readers."""
    points = list(itertools.product(*grids))
    formula = getattr(method, of)
    columns = [np.array(column) for column in zip(*points, strict=True)]
    numbers = [formula(*point) for point in points]
    readers = {
        "array": formula(*columns),
        "tensor": formula(*map(torch.from_numpy, columns)).numpy(),
        "SymPy": by_equation(method, points, of),
        "JavaScript": by_javascript(symbolic.javascript(method, of), points, method),
    }
    for reader, values in readers.items():
        np.testing.assert_allclose(
            values, numbers, rtol=1e-13, atol=1e-300, err_msg=f"{method} {of}: {reader}"
        )


def by_equation(method, points, of="formula"):
    """Return the values of the traced equation at points, with more digits than any formula loses."""
    expr, twin = symbolic.expression(method, of)
    arguments = [sympy.Symbol(name, real=True) for name in inspect.signature(getattr(method, of)).parameters]
    function = sympy.lambdify([*arguments, *twin.values], expr.doit(), BY_MPMATH)
    with mpmath.workdps(400):
        values = list(map(mpmath.mpf, twin.values.values()))
        return [float(function(*map(mpmath.mpf, point), *values)) for point in points]


def evaluated_at(method, *numbers, of="formula"):
    """Return the value of the traced equation at one point."""
    return by_equation(method, [numbers], of)[0]


def run(script, *arguments):
    """Return what a function in JavaScript returns."""
    return json.loads(quickjs.Context().eval(f"JSON.stringify(({script})(...{json.dumps(arguments)}))"))


def by_javascript(code, points, method):
    """Return what a page computes at the points."""
    script = f"(points, p) => points.map((point) => ({code})(...point, p))"
    return run(script, list(points), dataclasses.asdict(method))
