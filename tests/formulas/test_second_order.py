"""Second-order methods and line searches against hand-worked steps, SciPy and their own promises."""

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.formulas import line_search, second_order
from helpers.formulas.line_search import NoStepError, armijo_line_search, wolfe_line_search
from helpers.formulas.second_order import damped_newton, gauss_newton, lbfgs, levenberg_marquardt, newton
from helpers.formulas.surfaces import DoubleWell, Ravine, Rosenbrock, Saddle

VALLEY = Rosenbrock()
T = np.linspace(0, 3, 20)
READINGS = 2 * np.exp(-1.3 * T) + 0.5 + 0.05 * np.random.default_rng(0).standard_normal(20)


def decay(p):
    """Residuals of an exponential decay to a floor."""
    return p[0] * np.exp(-p[1] * T) + p[2] - READINGS


def decay_jacobian(p):
    fall = np.exp(-p[1] * T)
    return np.stack([fall, -p[0] * T * fall, np.ones_like(T)], axis=1)


def of_surface(method, surface, start, **options):
    """Run a method on a surface, with the derivatives that it wants."""
    derivatives = [surface.gradient] if method is lbfgs else [surface.gradient, surface.hessian]
    return method(surface, *derivatives, start, **options)


def valley_residuals(p):
    return np.array([10 * (p[1] - p[0] ** 2), 1 - p[0]])


def valley_jacobian(p):
    return np.array([[-20 * p[0], 10.0], [-1.0, 0.0]])


# Method: a run that it finishes, and where it ends
ROWS = {
    newton: (lambda **o: of_surface(newton, VALLEY, [-1.2, 1.0], **o), (1, 1)),
    damped_newton: (lambda **o: of_surface(damped_newton, VALLEY, [-1.2, 1.0], **o), (1, 1)),
    gauss_newton: (lambda **o: gauss_newton(valley_residuals, valley_jacobian, [-1.2, 1.0], **o), (1, 1)),
    levenberg_marquardt: (
        lambda **o: levenberg_marquardt(valley_residuals, valley_jacobian, [-1.2, 1.0], **o),
        (1, 1),
    ),
    lbfgs: (lambda **o: of_surface(lbfgs, VALLEY, [-1.2, 1.0], **o), (1, 1)),
}
EACH = [pytest.param(*row, id=method.__name__) for method, row in ROWS.items()]


def test_every_public_member_has_a_row():
    assert {method.__name__ for method in ROWS} == set(second_order.__all__) - {"Descent"}
    searches = {"NoStepError", "ROUNDING", "armijo_line_search", "wolfe_line_search"}
    assert set(line_search.__all__) == searches


# What a run says of itself


@pytest.mark.parametrize(("run", "end"), EACH)
def test_a_run_ends_at_the_minimum_and_says_so(run, end):
    found = run(tolerance=1e-9)
    assert isinstance(found, second_order.Descent)
    assert found.converged and found.reason == "the gradient's norm is at or below the tolerance"
    np.testing.assert_allclose(found.path[-1], end, atol=1e-7)
    assert found.path.shape == (len(found.values), 2) and found.path.dtype == found.values.dtype == float
    assert found.values[-1] < 1e-15 < found.values[0]


@pytest.mark.parametrize(("run", "end"), EACH)
def test_a_run_stops_after_the_steps_allowed(run, end):
    found = run(max_steps=1)
    assert len(found.path) == 2 and not found.converged and found.reason == "max_steps is reached"
    np.testing.assert_array_equal(found.path, run(max_steps=100).path[:2])


def test_evaluations_are_counted_and_starts_are_not_changed():
    calls, start = {"value": 0, "gradient": 0, "hessian": 0}, np.array([-1.2, 1.0])

    def counting(name, function):
        def counted(point):
            calls[name] += 1
            return function(point)

        return counted

    functions = [
        counting("value", VALLEY),
        counting("gradient", VALLEY.gradient),
        counting("hessian", VALLEY.hessian),
    ]
    found = damped_newton(*functions, start)
    assert found.evaluations == calls and start.tolist() == [-1.2, 1.0]
    assert calls["hessian"] == len(found.path) - 1 and calls["gradient"] == len(found.path)
    calls.update(value=0, gradient=0)
    del calls["hessian"]
    assert lbfgs(*functions[:2], start).evaluations == calls


def test_a_start_at_the_minimum_takes_no_step():
    for found in (of_surface(m, VALLEY, [1.0, 1.0]) for m in (newton, damped_newton, lbfgs)):
        assert found.converged and found.path.tolist() == [[1.0, 1.0]] and found.values.tolist() == [0.0]


# Newton


def test_newtons_step_by_hand():
    # x^4 / 4 - x^2 / 2 from 2: slope 6, curvature 11
    found = of_surface(newton, DoubleWell(tilt=0.0), [2.0], max_steps=1)
    assert found.path[1, 0] == pytest.approx(2 - 6 / 11, rel=1e-15)
    assert found.evaluations == {"value": 2, "gradient": 2, "hessian": 1}


@given(st.floats(1, 1e4), st.floats(-90, 90), st.floats(-5, 5), st.floats(-5, 5))
def test_newton_needs_one_step_on_a_quadratic(condition, angle, x, y):
    ravine = Ravine(condition, angle)
    for method in (newton, damped_newton):
        found = of_surface(method, ravine, [x, y], tolerance=1e-6)
        assert found.converged and len(found.path) <= 2


def test_newton_doubles_its_digits():
    errors = np.abs(of_surface(newton, DoubleWell(tilt=0.0), [1.5], tolerance=1e-15).path[:, 0] - 1)
    rates = errors[1:5] / errors[:4] ** 2  # the limit is |f'''| / (2 f'') = 6 / 4
    assert rates[-1] == pytest.approx(1.5, rel=0.02)


def test_newton_goes_to_saddle_points_and_damping_does_not():
    well = DoubleWell()
    plain, damped = (of_surface(method, well, [0.12]) for method in (newton, damped_newton))
    assert plain.converged and plain.path[-1, 0] == pytest.approx(HILL)
    assert damped.converged and min(abs(damped.path[-1] - p) for p in well.minimizers) < 1e-7
    assert of_surface(newton, Saddle(), [0.5, 0.1]).converged
    assert not of_surface(damped_newton, Saddle(), [0.5, 0.1]).converged


@given(st.floats(-2, 2), st.floats(-1, 3))
@settings(max_examples=25)
def test_damped_newton_always_goes_down(x, y):
    found = of_surface(damped_newton, VALLEY, [x, y])
    assert found.converged and (np.diff(found.values) <= 1e-15 * found.values[:-1]).all()
    derivatives = {"jac": VALLEY.gradient, "hess": VALLEY.hessian}
    theirs = scipy.optimize.minimize(VALLEY, [x, y], method="trust-exact", tol=1e-9, **derivatives)
    np.testing.assert_allclose(found.path[-1], theirs.x, atol=1e-6)


# Least squares


def test_gauss_newtons_step_by_hand():
    # residuals x - 1 and 2 x - 3: the least squares solution is 7 / 5 at once
    found = gauss_newton(
        lambda p: np.array([1.0, 2.0]) * p - [1, 3], lambda p: np.array([[1.0], [2.0]]), [9.0]
    )
    assert found.path[1, 0] == pytest.approx(1.4) and found.values[-1] == pytest.approx((0.16 + 0.04) / 2)
    assert found.converged and found.evaluations == {"residuals": 2, "jacobian": 2}


def test_marquardts_first_step_by_hand():
    # J'J = 5, so mu = 0.005; J'r = 7 * 0 - ... at 0 is -7
    found = levenberg_marquardt(
        lambda p: np.array([1.0, 2.0]) * p - [1, 3], lambda p: np.array([[1.0], [2.0]]), [0.0], max_steps=1
    )
    assert found.path[1, 0] == pytest.approx(7 / 5.005, rel=1e-14)


@pytest.mark.parametrize("start", [(1.0, 1.0, 0.0), (10.0, -3.0, 3.0), (1.0, 10.0, 0.0)])
def test_levenberg_marquardt_fits_what_scipy_fits(start):
    found = levenberg_marquardt(decay, decay_jacobian, start)
    near = [1.0, 1.0, 0.0]  # from the second start SciPy's runs away
    theirs = scipy.optimize.least_squares(decay, near, decay_jacobian, method="lm", xtol=1e-15, ftol=1e-15)
    assert found.converged and (np.diff(found.values) <= 1e-14).all()
    np.testing.assert_allclose(found.path[-1], theirs.x, rtol=1e-6)
    assert found.values[-1] == pytest.approx(theirs.cost, rel=1e-10)


def test_gauss_newton_agrees_where_it_starts_near():
    near = gauss_newton(decay, decay_jacobian, [1.0, 1.0, 0.0])
    np.testing.assert_allclose(
        near.path[-1], levenberg_marquardt(decay, decay_jacobian, [1, 1, 0]).path[-1], rtol=1e-6
    )


def test_levenberg_marquardt_takes_dependent_columns_and_fewer_residuals():
    row = np.array([[1.0, 2.0]])
    found = levenberg_marquardt(lambda p: row @ p - 5, lambda p: row, [0.0, 0.0])
    assert found.converged
    np.testing.assert_allclose(found.path[-1], [1, 2], rtol=1e-8)  # the shortest of all solutions


# L-BFGS


def bfgs_matrix(pairs, size):
    """The inverse Hessian of BFGS, as a matrix, from the scaled identity that L-BFGS starts with."""
    moved, turned = pairs[-1]
    inverse = np.eye(size) * (moved @ turned) / (turned @ turned)
    for s, y in pairs:
        left = np.eye(size) - np.outer(s, y) / (s @ y)
        inverse = left @ inverse @ left.T + np.outer(s, s) / (s @ y)
    return inverse


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_two_loops_are_the_matrix_of_bfgs(seed, n):
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((5, 5))
    pairs = [(s, (root @ root.T + np.eye(5)) @ s) for s in rng.standard_normal((n, 5))]
    grad = rng.standard_normal(5)
    expected = bfgs_matrix(pairs, 5) @ grad
    ours = second_order._two_loops(pairs, grad)
    np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-8 * np.abs(expected).max())


def chain(x):
    return float(np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))


def chain_gradient(x):
    return scipy.optimize.rosen_der(x)


@pytest.mark.parametrize("memory", [1, 3, 10])
def test_lbfgs_agrees_with_scipy_on_a_long_chain(memory):
    start = np.tile([-1.2, 1.0], 25)
    found = lbfgs(chain, chain_gradient, start, memory=memory, tolerance=1e-7)
    options = {"maxcor": memory, "ftol": 0, "gtol": 1e-8, "maxiter": 10_000, "maxfun": 100_000}
    theirs = scipy.optimize.minimize(chain, start, jac=chain_gradient, method="L-BFGS-B", options=options)
    assert found.converged and (np.diff(found.values) <= 1e-14 * found.values[:-1]).all()
    np.testing.assert_allclose(found.path[-1], theirs.x, atol=1e-6)
    assert found.evaluations["gradient"] < 2 * theirs.nfev


def test_lbfgs_says_why_it_stopped():
    found = of_surface(lbfgs, Saddle(), [0.5, 0.1])
    assert not found.converged and found.reason == "no step satisfies the Wolfe conditions in 40 trials"


def entropy(p):
    return p[0] * np.log(p[0])  # is not a number below 0


def entropy_slope(p):
    return np.log(p) + 1


def test_a_value_that_is_not_finite_stops_newton_and_bounds_a_line_search():
    found = newton(entropy, entropy_slope, lambda p: 1 / p[:, None], [3.0])
    assert not found.converged and found.reason == "the value or the gradient is not finite"
    assert found.path[1, 0] == pytest.approx(-3 * np.log(3)) and np.isnan(found.values[-1])
    damped = damped_newton(entropy, entropy_slope, lambda p: 1 / p[:, None], [3.0])
    for found in (damped, lbfgs(entropy, entropy_slope, [3.0])):
        assert found.converged and found.path[-1, 0] == pytest.approx(np.exp(-1), rel=1e-7)
    cliff = lbfgs(lambda p: np.log(p[0]), lambda p: 1 / p, [1.0], max_steps=20)  # no minimum, -inf at 0
    assert not cliff.converged and (cliff.path > 0).all() and np.isfinite(cliff.values).all()


# Line searches


@st.composite
def descents(draw):
    surface = draw(st.sampled_from([Rosenbrock(), Ravine(100.0, 20.0)]))
    point = np.array([draw(st.floats(-2, 2)), draw(st.floats(-2, 2))])
    gradient = surface.gradient(point)
    return surface, point, -gradient * draw(st.floats(1e-3, 1e3)), float(np.linalg.norm(gradient))


@given(
    descents(), st.sampled_from([(1e-4, 0.9), (1e-4, 0.1), (0.1, 0.3)]), st.sampled_from([1e-4, 1.0, 50.0])
)
@settings(max_examples=100)
def test_wolfe_steps_satisfy_both_conditions(descent, constants, first_step):
    surface, point, direction, size = descent
    if size < 1e-6:
        return
    c1, c2 = constants
    assert_wolfe(surface, point, direction, first_step, c1, c2)


def assert_wolfe(surface, point, direction, first_step, c1, c2):
    step = wolfe_line_search(
        surface, surface.gradient, point, direction, first_step=first_step, decrease=c1, curvature=c2
    )
    before, slope = surface(point), surface.gradient(point) @ direction
    end = point + step * direction
    assert surface(end) <= before + c1 * step * slope + 1e-15 * abs(before)
    assert abs(surface.gradient(end) @ direction) <= c2 * abs(slope)
    return end


HILL = sorted(np.roots([1, 0, -1, DoubleWell().tilt]))[1]  # of the slope of x^4 / 4 - x^2 / 2 + tilt x


class Beale:
    """A valley that leads far out: the sum of (a - x + x y^k)^2 over k = 1, 2, 3."""

    POWERS, TARGETS = np.arange(1, 4), np.array([1.5, 2.25, 2.625])

    def __call__(self, point):
        x, y = point
        return float(((self.TARGETS - x + x * y**self.POWERS) ** 2).sum())

    def gradient(self, point):
        x, y = point
        residuals = self.TARGETS - x + x * y**self.POWERS
        along = residuals @ (y**self.POWERS - 1), residuals @ (x * self.POWERS * y ** (self.POWERS - 1))
        return 2 * np.array(along)


FLAT = {
    "the hill is flat to rounding": (DoubleWell(), [HILL - 3.3e-8], 20.0, 1.0, 0.1),
    "the point is rounded": (Rosenbrock(), [1.0, 1.0000000000012785], 1e-3, 1e-4, 0.9),
    "the minimum is far": (Beale(), [0.0, 0.9996785362109085], 8.6e-3, 1e-4, 0.3),
}


@pytest.mark.parametrize(("surface", "point", "scale", "first_step", "c2"), FLAT.values(), ids=FLAT)
def test_wolfe_finds_a_step_from_where_the_values_are_flat(surface, point, scale, first_step, c2):
    point = np.array(point)
    end = assert_wolfe(surface, point, -scale * surface.gradient(point), first_step, 1e-4, c2)
    assert surface(end) < surface(point)


@st.composite
def flat_descents(draw):
    surface, place = draw(
        st.sampled_from(
            [(DoubleWell(), (HILL,)), *((s, s.minimizers[0]) for s in (DoubleWell(), Rosenbrock()))]
        )
    )
    away = [draw(st.sampled_from([-1, 1])) * 10 ** draw(st.floats(-8, -1)) for _ in place]
    return surface, np.add(place, away), 10 ** draw(st.floats(-3, 3))


@given(flat_descents(), st.sampled_from([0.1, 0.3, 0.9]), st.sampled_from([1e-4, 1.0, 50.0]))
@settings(max_examples=100)
def test_wolfe_steps_near_stationary_points_satisfy_both_conditions(descent, c2, first_step):
    surface, point, scale = descent
    assert_wolfe(surface, point, -scale * surface.gradient(point), first_step, 1e-4, c2)


@given(st.floats(1e-3, 1e3), st.floats(0.05, 0.45), st.floats(0.46, 0.95), st.floats(1e-3, 1e3))
def test_wolfe_steps_of_a_parabola_that_rounding_hides(start, c1, c2, first_step):
    def hidden(p):
        return 1e30 + float(p @ p) / 2

    step = wolfe_line_search(
        hidden,
        lambda p: p,
        np.array([start]),
        np.array([-start]),
        first_step=first_step,
        decrease=c1,
        curvature=c2,
    )
    # of (1 - t)^2 / 2 itself: it falls enough up to t = 2 (1 - c1), and is flat enough around 1
    assert step <= 2 * (1 - c1) + 1e-12 and abs(1 - step) <= c2 + 1e-12


def test_lbfgs_leaves_a_hill_that_is_flat_to_rounding():
    well = DoubleWell()
    for away in (-4.7e-8, -5.3e-8, 4.1e-8, 1.45e-7):
        found = lbfgs(well, well.gradient, [HILL + away], tolerance=1e-12)
        assert found.converged and any(abs(found.path[-1] - p) < 1e-9 for p in well.minimizers), away


def test_wolfe_agrees_with_scipy_where_the_first_step_will_do():
    point = np.array([-1.2, 1.0])
    direction = -np.linalg.solve(VALLEY.hessian(point), VALLEY.gradient(point))
    theirs = scipy.optimize.line_search(VALLEY, VALLEY.gradient, point, direction)[0]
    assert wolfe_line_search(VALLEY, VALLEY.gradient, point, direction) == theirs == 1.0


def test_wolfe_finds_the_minimum_of_a_parabola_in_two_trials():
    calls = []

    def value(p):
        calls.append(p)
        return float(p @ p)

    step = wolfe_line_search(
        value, lambda p: 2 * p, np.array([1.0]), np.array([-1.0]), first_step=3.0, curvature=1e-3
    )
    assert step == pytest.approx(1.0, rel=1e-15) and len(calls) == 3


def test_armijo_halves_until_the_value_falls():
    def bowl(p):
        return float(p @ p)

    assert armijo_line_search(bowl, np.array([1.0]), np.array([-1.0]), -2.0) == 1.0
    # from 1 along -5: 1 - 5 t is nearer to 0 from t = 1/4 on
    assert armijo_line_search(bowl, np.array([1.0]), np.array([-5.0]), -10.0) == 0.25
    with pytest.raises(NoStepError, match="no step along the direction lowers the value"):
        armijo_line_search(lambda p: float(abs(p[0])), np.array([0.0]), np.array([1.0]), -1.0)
