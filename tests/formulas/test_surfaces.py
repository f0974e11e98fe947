"""Every surface against numbers worked out by hand, central differences, all its readers and its promises."""

import dataclasses
import itertools
import math
import re
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from helpers.core import symbolic
from helpers.core.gradcheck import numerical_gradient
from helpers.core.hyperparameters import example, hyperparameters
from helpers.formulas import rules, surfaces
from tests.formulas.one_definition import assert_readers_agree, by_javascript


@dataclass(frozen=True)
class Row:
    """A surface; at one point its value, gradient and Hessian by hand; a setting out of range."""

    surface: surfaces.Surface
    point: tuple
    value: float
    gradient: tuple
    hessian: tuple
    bad: dict
    message: str


C, S = math.cos(math.pi / 6), 0.5  # a turn of 30 degrees

ROWS = {
    surfaces.NoisyQuadratic: Row(
        surfaces.NoisyQuadratic(curvature_x=2.0, curvature_y=3.0, noise=0.5),
        *((1.0, 2.0), 7.0, (2.0, 6.0), ((2, 0), (0, 3))),
        *({"noise": -1.0}, "noise must be zero or positive, got noise=-1.0"),
    ),
    surfaces.DoubleWell: Row(
        surfaces.DoubleWell(tilt=0.25),
        *((2.0,), 4 - 2 + 0.5, (8 - 2 + 0.25,), ((11,),)),
        *({"tilt": 0.385}, "tilt must be between -0.3849 and 0.3849, got tilt=0.385"),
    ),
    # along the valley at its curvature of 1: the point (C, S) is one step along it
    surfaces.Ravine: Row(
        surfaces.Ravine(condition=9.0, angle=30.0),
        *((C, S), 0.5, (C, S), ((0.75 + 9 / 4, -8 * C * S), (-8 * C * S, 0.25 + 27 / 4))),
        *({"condition": 0.5}, "condition must be at least 1, got condition=0.5"),
    ),
    # straight down: the point (-S, C) is one step along the way down
    surfaces.Saddle: Row(
        surfaces.Saddle(drop=2.0, angle=30.0),
        *((-S, C), -1.0, (2 * S, -2 * C), ((0.75 - 0.5, 3 * C * S), (3 * C * S, 0.25 - 1.5))),
        *({"drop": 0.0}, "drop must be positive, got drop=0.0"),
    ),
    # the classical start: 4 + 100 * 0
    surfaces.Rosenbrock: Row(
        surfaces.Rosenbrock(),
        *((-1.0, 1.0), 4.0, (-4.0, 0.0), ((802, 400), (400, 200))),
        *({"steepness": 0.0}, "steepness must be positive, got steepness=0.0"),
    ),
}
EACH = [pytest.param(row, id=kind.__name__) for kind, row in ROWS.items()]
points = st.floats(-2, 2)


def test_every_public_member_has_a_row():
    assert set(ROWS) == set(surfaces.METHODS)
    named = set(surfaces.__all__) - {"METHODS", "Surface", "javascript"}
    assert named == {kind.__name__ for kind in ROWS}


@pytest.mark.parametrize("row", EACH)
def test_by_hand(row):
    surface, point = row.surface, np.array(row.point)
    assert surface(point) == pytest.approx(row.value, rel=1e-14)
    np.testing.assert_allclose(surface.gradient(point), row.gradient, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(surface.hessian(point), row.hessian, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("row", EACH)
def test_derivatives_against_central_differences(row):
    surface = row.surface
    for point in np.random.default_rng(0).uniform(-2, 2, (20, len(row.point))):
        slope = numerical_gradient(surface, point, step=1e-6)
        np.testing.assert_allclose(surface.gradient(point), slope, rtol=1e-6, atol=1e-5)
        for i, curvatures in enumerate(surface.hessian(point)):
            slope = numerical_gradient(lambda p, i=i: surface.gradient(p)[i], point, step=1e-6)
            np.testing.assert_allclose(curvatures, slope, rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("row", EACH)
def test_minimizers_are_minima_within_the_window(row):
    for point in row.surface.minimizers:
        np.testing.assert_allclose(row.surface.gradient(point), 0, atol=1e-14)
        assert (np.linalg.eigvalsh(row.surface.hessian(point)) > 0).all()
        assert all(low <= x <= high for x, (low, high) in zip(point, row.surface.window, strict=True))
    values = [row.surface(point) for point in row.surface.minimizers]
    assert values == sorted(values)


@pytest.mark.parametrize("tilt", [-0.38, -0.1, 0.0, 1e-9, 0.3, 0.384])
def test_the_double_wells_minima_lie_on_both_sides_the_deeper_first(tilt):
    well = surfaces.DoubleWell(tilt)
    (deep,), (shallow,) = well.minimizers
    assert deep * shallow < 0 and (deep < 0) == (tilt > 0)
    assert np.abs(well.gradient(np.array(well.minimizers))).max() < 1e-13
    assert well([deep]) <= well([shallow])


@given(st.floats(1, 1000), st.floats(-360, 360))
def test_turning_a_ravine_keeps_its_curvatures(condition, angle):
    curvatures, axes = np.linalg.eigh(surfaces.Ravine(condition, angle).hessian([0.3, -0.7]))
    np.testing.assert_allclose(curvatures, [1, condition], rtol=1e-11)
    along = np.array([math.cos(math.radians(angle)), math.sin(math.radians(angle))])
    assert condition < 1.01 or abs(axes[:, 0] @ along) == pytest.approx(1, rel=1e-9)


# One formula, all readers


@pytest.mark.parametrize("row", EACH)
def test_number_array_tensor_symbols_and_javascript_agree(row):
    grid = [-1.5, -0.3, 0.0, 0.7, 2.0]
    assert_readers_agree(row.surface, "formula", [grid] * len(row.point))


@pytest.mark.parametrize("row", EACH)
def test_javascript_of_the_derivatives_agrees(row):
    grid = np.array(list(itertools.product([-1.5, 0.0, 0.7], repeat=len(row.point))))
    codes, surface = surfaces.javascript(row.surface), row.surface
    for what, ours in (("value", surface), ("gradient", surface.gradient), ("hessian", surface.hessian)):
        found = np.reshape(by_javascript(codes[what], grid.tolist(), surface), ours(grid).shape)
        np.testing.assert_allclose(found, ours(grid), rtol=1e-12, atol=1e-13, err_msg=what)


@pytest.mark.parametrize("row", EACH)
@settings(max_examples=20)
@given(data=st.data())
def test_a_grid_is_many_points_of_its_own_dtype_and_is_not_changed(row, data):
    d = len(row.point)
    shape = (*data.draw(hnp.array_shapes(min_dims=1, max_dims=2, max_side=3)), d)
    dtype = data.draw(st.sampled_from([np.float32, np.float64]))
    grid = data.draw(hnp.arrays(dtype, shape, elements=st.floats(-2, 2, width=32)))
    before, surface = grid.copy(), row.surface
    results = surface(grid), surface.gradient(grid), surface.hessian(grid)
    assert [result.shape for result in results] == [shape[:-1], shape, (*shape, d)]
    assert all(result.dtype == dtype for result in results) and np.array_equal(grid, before)
    for index in np.ndindex(shape[:-1]):
        one = surface(grid[index]), surface.gradient(grid[index]), surface.hessian(grid[index])
        for whole, single in zip(results, one, strict=True):
            np.testing.assert_allclose(whole[index], single, rtol=1e-5, atol=1e-5)
    tensor = torch.from_numpy(grid)
    np.testing.assert_allclose(surface.hessian(tensor).numpy(), results[2], rtol=1e-5, atol=1e-5)


def test_the_equation_is_the_formula():
    assert symbolic.latex(surfaces.Rosenbrock()) == r"\left(1 - x\right)^{2} + b \left(y - x^{2}\right)^{2}"
    assert r"\frac{\alpha \pi}{180}" in symbolic.latex(surfaces.Ravine())


def test_sympy_is_imported_for_derivatives_alone():
    code = (
        "import sys; from helpers.formulas.surfaces import Rosenbrock; "
        "Rosenbrock()([0.0, 0.0]); early = 'sympy' in sys.modules; Rosenbrock().gradient([0.0, 0.0]); "
        "print(early, 'sympy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


# Noise


def test_sampled_gradients_repeat_and_average_to_the_gradient():
    bowl, point = surfaces.NoisyQuadratic(2.0, 3.0, noise=0.5), np.array([1.0, -1.0])
    draws = [bowl.sampled_gradient(np.random.default_rng(seed), batch_size=4) for seed in (1, 1, 2)]
    first, again, other = (np.array([draw(point) for _ in range(5000)]) for draw in draws)
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    np.testing.assert_allclose(first.mean(axis=0), bowl.gradient(point), atol=5 * 0.25 / math.sqrt(5000))
    np.testing.assert_allclose(first.std(axis=0), 0.5 / math.sqrt(4), rtol=0.05)
    silent = surfaces.NoisyQuadratic(noise=0.0).sampled_gradient(np.random.default_rng(0))
    assert np.array_equal(silent(point), [1.0, -1.0])


def test_the_cloud_of_gradient_descent_has_the_variance_of_the_notes():
    bowl, lr, batch = surfaces.NoisyQuadratic(1.0, 0.5, noise=2.0), 0.3, 2
    gradient = bowl.sampled_gradient(np.random.default_rng(5), batch)
    path = rules.descend(rules.SGD(), gradient, np.zeros((2000, 2)), lambda t: lr, 100)
    expected = [lr * 2.0**2 / (batch * h * (2 - lr * h)) for h in (1.0, 0.5)]
    np.testing.assert_allclose(path[-1].var(axis=0), expected, rtol=0.1)


# Errors


@pytest.mark.parametrize("row", EACH)
def test_settings_out_of_range_are_named(row):
    with pytest.raises(ValueError, match=re.escape(row.message)):
        dataclasses.replace(row.surface, **row.bad)
    for name, about in hyperparameters(row.surface).items():
        assert about.low <= about.example <= about.high
        with pytest.raises(TypeError, match=f"{name} must be a real number, got {name}='1'"):
            example(type(row.surface), **{name: "1"})


@pytest.mark.parametrize("row", EACH)
def test_points_of_another_dimension_are_named(row):
    d = len(row.point)
    for ask in (row.surface, row.surface.gradient, row.surface.hessian):
        with pytest.raises(ValueError, match=re.escape(f"points must have shape (..., {d}), got (4, 3)")):
            ask(np.zeros((4, 3)))
        with pytest.raises(ValueError, match=re.escape(f"points must have shape (..., {d}), got ()")):
            ask(np.float64(1.0))
