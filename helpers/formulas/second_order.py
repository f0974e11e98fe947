r"""Second-order methods for small problems: Newton's, least squares, L-BFGS.

Each takes functions of a point of shape (D,) and returns a :class:`Descent`: its path, what it cost and
why it stopped. It has converged when the gradient's norm is at or below the tolerance, as at a saddle
point, too.

>>> from helpers.formulas.surfaces import Rosenbrock
>>> valley = Rosenbrock()
>>> run = newton(valley, valley.gradient, valley.hessian, [-1.2, 1.0])
>>> run.converged, run.path[-1], run.evaluations
(True, array([1., 1.]), {'value': 7, 'gradient': 7, 'hessian': 6})
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from helpers.core import checks

__all__ = [
    "Descent",
    "NoStepError",
    "damped_newton",
    "gauss_newton",
    "lbfgs",
    "levenberg_marquardt",
    "newton",
    "wolfe_line_search",
]

#: What rounding alone may change of a value, over the value.
_ROUNDING = 4 * np.finfo(float).eps
_CONVERGED = "the gradient's norm is at or below the tolerance"


@dataclass(frozen=True)
class Descent:
    """What a method did.

    Parameters
    ----------
    path : ndarray, shape (n + 1, D)
        The start and the point after each step.
    values : ndarray, shape (n + 1,)
        The value at each of them.
    evaluations : dict
        How often each function was computed; asking twice in a row for one point counts once.
    converged : bool
        Whether the gradient's norm came to the tolerance.
    reason : str
        Why the method stopped.
    """

    path: np.ndarray
    values: np.ndarray
    evaluations: dict[str, int]
    converged: bool
    reason: str


class NoStepError(RuntimeError):
    """No step along a direction does what is asked of it."""


class _Counted:
    """A function of a point that checks its shape, counts its calls and remembers the last one."""

    def __init__(self, name: str, function: Callable, axes: str) -> None:
        self.name, self.function, self.axes = name, function, axes
        self.calls, self.point, self.result = 0, None, None

    def __call__(self, point: np.ndarray) -> np.ndarray:
        if self.point is None or not np.array_equal(point, self.point):
            self.calls, self.point = self.calls + 1, point.copy()
            self.result = np.array(self.function(point), dtype=float)
            checks.shape(f"{self.name}(point)", self.result, self.axes, D=point.size)
        return self.result


class _Problem(NamedTuple):
    value: Callable
    gradient: Callable
    counted: tuple[_Counted, ...]


def _smooth(value: Callable, gradient: Callable, *hessian: Callable) -> _Problem:
    first = _Counted("value", value, ""), _Counted("gradient", gradient, "D")
    return _Problem(*first, (*first, *(_Counted("hessian", function, "D D") for function in hessian)))


def _squares(residuals: Callable, jacobian: Callable) -> _Problem:
    r, j = _Counted("residuals", residuals, "M"), _Counted("jacobian", jacobian, "M D")
    return _Problem(lambda point: r(point) @ r(point) / 2, lambda point: j(point).T @ r(point), (r, j))


def _run(problem: _Problem, advance: Callable, start: Any, tolerance: float, max_steps: int) -> Descent:
    """Advance until the gradient vanishes, a number is not finite, no step is found or steps run out."""
    checks.positive("tolerance", tolerance)
    checks.count("max_steps", max_steps)
    point = np.array(start, dtype=float)
    checks.shape("start", point, "D")
    path, values = [point], [float(problem.value(point))]
    with np.errstate(over="ignore", invalid="ignore"):
        while not (reason := _reason_to_stop(values, problem.gradient(point), tolerance, max_steps)):
            try:
                point = advance(point, problem.gradient(point))
            except NoStepError as error:
                reason = str(error)
                break
            path.append(point)
            values.append(float(problem.value(point)))
    evaluations = {function.name: function.calls for function in problem.counted}
    return Descent(np.stack(path), np.array(values), evaluations, reason == _CONVERGED, reason)


def _reason_to_stop(values: list[float], grad: np.ndarray, tolerance: float, max_steps: int) -> str:
    if not (np.isfinite(values[-1]) and np.isfinite(grad).all()):
        return "the value or the gradient is not finite"
    if np.linalg.norm(grad) <= tolerance:
        return _CONVERGED
    return "max_steps is reached" if len(values) > max_steps else ""


def newton(
    value: Callable,
    gradient: Callable,
    hessian: Callable,
    start: Any,
    *,
    tolerance: float = 1e-8,
    max_steps: int = 100,
) -> Descent:
    """Go to where the local quadratic is flat: towards a minimum, a maximum or a saddle point.

    Parameters
    ----------
    value, gradient, hessian : callable
        Of a point of shape (D,); of shape (), (D,) and (D, D).
    start : array_like, shape (D,)
    tolerance : float
        The gradient's norm at which the run has converged, above 0.
    max_steps : int
        Largest number of steps, above 0.

    Returns
    -------
    Descent

    Raises
    ------
    ValueError
        If a Hessian on the way is singular.
    """
    problem = _smooth(value, gradient, hessian)

    def advance(point: np.ndarray, grad: np.ndarray) -> np.ndarray:
        curvature = problem.counted[2](point)
        if np.linalg.cond(curvature) * np.finfo(float).eps > 1:
            raise ValueError(f"hessian must be invertible, got a singular one at point={point.tolist()}")
        return point - np.linalg.solve(curvature, grad)

    return _run(problem, advance, start, tolerance, max_steps)


def damped_newton(
    value: Callable,
    gradient: Callable,
    hessian: Callable,
    start: Any,
    *,
    tolerance: float = 1e-8,
    max_steps: int = 100,
) -> Descent:
    r"""Newton's step, made to lead downhill and halved until the value falls enough.

    The Hessian's eigenvalues count by their size, at least :math:`10^{-8}` of the largest, so that a
    saddle point repels. The value has to fall by :math:`10^{-4}` of what the slope promises (Armijo).

    Parameters
    ----------
    value, gradient, hessian, start, tolerance, max_steps
        See :func:`newton`.

    Returns
    -------
    Descent

    References
    ----------
    .. [1] Y. Dauphin et al., "Identifying and attacking the saddle point problem in high-dimensional
       non-convex optimization", NeurIPS 2014: the eigenvalues' sizes.
    """
    problem = _smooth(value, gradient, hessian)

    def advance(point: np.ndarray, grad: np.ndarray) -> np.ndarray:
        curvatures, axes = np.linalg.eigh(problem.counted[2](point))
        sizes = np.maximum(np.abs(curvatures), 1e-8 * np.abs(curvatures).max() or 1.0)
        direction = -axes @ (axes.T @ grad / sizes)
        return point + _halved_step(problem.value, point, direction, grad @ direction) * direction

    return _run(problem, advance, start, tolerance, max_steps)


def _halved_step(value: Callable, point: np.ndarray, direction: np.ndarray, slope: float) -> float:
    before = float(value(point))
    for step in 0.5 ** np.arange(60):
        if value(point + step * direction) <= before + 1e-4 * step * slope + _ROUNDING * abs(before):
            return step
    raise NoStepError("no step along Newton's direction lowers the value")


def gauss_newton(
    residuals: Callable, jacobian: Callable, start: Any, *, tolerance: float = 1e-8, max_steps: int = 100
) -> Descent:
    r"""Minimize :math:`\frac12\lVert r\rVert^2` through linearized least squares, by first derivatives alone.

    Parameters
    ----------
    residuals, jacobian : callable
        Of a point of shape (D,); of shape (M,) and (M, D), with M at least D.
    start, tolerance, max_steps
        See :func:`newton`.

    Returns
    -------
    Descent

    Raises
    ------
    ValueError
        If a Jacobian on the way has dependent columns.
    """
    problem = _squares(residuals, jacobian)

    def advance(point: np.ndarray, grad: np.ndarray) -> np.ndarray:
        r, j = (function(point) for function in problem.counted)
        step, _, rank, _ = np.linalg.lstsq(j, -r, rcond=None)
        if rank < point.size:
            need = f"jacobian must have independent columns, rank {point.size}"
            raise ValueError(f"{need}, got rank {rank} at point={point.tolist()}")
        return point + step

    return _run(problem, advance, start, tolerance, max_steps)


def levenberg_marquardt(
    residuals: Callable, jacobian: Callable, start: Any, *, tolerance: float = 1e-8, max_steps: int = 100
) -> Descent:
    r"""Gauss-Newton with :math:`J^\top J + \mu I`: short steps downhill far off, Gauss-Newton's at the end.

    The damping :math:`\mu` falls when the value falls as the linearization promised, and rises until it
    does. Jacobians may have dependent columns.

    Parameters
    ----------
    residuals, jacobian : callable
        See :func:`gauss_newton`; M may be smaller than D.
    start, tolerance, max_steps
        See :func:`newton`.

    Returns
    -------
    Descent

    References
    ----------
    .. [1] D. W. Marquardt, "An algorithm for least-squares estimation of nonlinear parameters", Journal
       of the Society for Industrial and Applied Mathematics 11(2), 1963.
    .. [2] K. Madsen, H. B. Nielsen and O. Tingleff, "Methods for non-linear least squares problems",
       2nd edition, DTU, 2004, algorithm 3.16: how the damping changes.
    """
    problem, damping = _squares(residuals, jacobian), []

    def advance(point: np.ndarray, grad: np.ndarray) -> np.ndarray:
        r, j = (function(point) for function in problem.counted)
        mu, growth = damping.pop() if damping else 1e-3 * (j**2).sum(axis=0).max(), 2.0
        for _ in range(60):
            step = _damped_step(r, j, mu)
            promised = step @ (mu * step - grad) / 2
            gained = r @ r / 2 - problem.value(point + step)
            if gained > -_ROUNDING * (r @ r):
                damping.append(mu * max(1 / 3, 1 - (2 * gained / promised - 1) ** 3))
                return point + step
            mu, growth = mu * growth, 2 * growth
        raise NoStepError("no damping lowers the value")

    return _run(problem, advance, start, tolerance, max_steps)


def _damped_step(residuals: np.ndarray, jacobian: np.ndarray, mu: float) -> np.ndarray:
    """Solve ``(J'J + mu I) step = -J'r`` as least squares, which squares no condition number."""
    columns = jacobian.shape[1]
    stacked = np.vstack([jacobian, np.sqrt(mu) * np.eye(columns)])
    return np.linalg.lstsq(stacked, np.concatenate([-residuals, np.zeros(columns)]), rcond=None)[0]


def lbfgs(
    value: Callable,
    gradient: Callable,
    start: Any,
    *,
    memory: int = 10,
    tolerance: float = 1e-8,
    max_steps: int = 1000,
) -> Descent:
    r"""Newton's direction from the last few steps and changes of gradient, then a Wolfe line search.

    It holds no matrix: twice `memory` vectors instead of :math:`D^2` numbers.

    Parameters
    ----------
    value, gradient, start, tolerance, max_steps
        See :func:`newton`.
    memory : int
        Number of steps remembered, above 0.

    Returns
    -------
    Descent

    References
    ----------
    .. [1] J. Nocedal, "Updating quasi-Newton matrices with limited storage", Mathematics of Computation
       35, 1980.
    """
    checks.count("memory", memory)
    problem, pairs, last = _smooth(value, gradient), deque(maxlen=memory), []

    def advance(point: np.ndarray, grad: np.ndarray) -> np.ndarray:
        if last:
            _remember(pairs, point - last[0], grad - last[1])
        last[:] = point, grad
        direction = -_two_loops(pairs, grad)
        first = 1.0 if pairs else min(1.0, 1 / np.abs(grad).sum())
        step = wolfe_line_search(problem.value, problem.gradient, point, direction, first_step=first)
        return point + step * direction

    return _run(problem, advance, start, tolerance, max_steps)


def _remember(pairs: deque, moved: np.ndarray, turned: np.ndarray) -> None:
    """Keep a step and its change of gradient, unless the curvature along it is not positive."""
    if moved @ turned > _ROUNDING * (turned @ turned):
        pairs.append((moved, turned))


def _two_loops(pairs: deque, grad: np.ndarray) -> np.ndarray:
    """Return the inverse Hessian that the pairs imply, times the gradient."""
    product, weights = grad.copy(), []
    for moved, turned in reversed(pairs):
        weights.append((moved @ product) / (moved @ turned))
        product -= weights[-1] * turned
    if pairs:
        moved, turned = pairs[-1]
        product *= (moved @ turned) / (turned @ turned)
    for (moved, turned), weight in zip(pairs, reversed(weights), strict=True):
        product += (weight - (turned @ product) / (moved @ turned)) * moved
    return product


def wolfe_line_search(
    value: Callable,
    gradient: Callable,
    point: np.ndarray,
    direction: np.ndarray,
    *,
    first_step: float = 1.0,
    decrease: float = 1e-4,
    curvature: float = 0.9,
    max_trials: int = 40,
) -> float:
    r"""Return a step :math:`t` along a direction that satisfies the strong Wolfe conditions.

    With :math:`\varphi(t)` the value along the direction: it falls enough,
    :math:`\varphi(t) \le \varphi(0) + c_1 t \varphi'(0)`, and the slope has flattened,
    :math:`\lvert\varphi'(t)\rvert \le c_2 \lvert\varphi'(0)\rvert`. Values that are not finite count
    as too far; what rounding may have changed of a value counts as no change.

    Parameters
    ----------
    value, gradient : callable
        Of a point of shape (D,).
    point, direction : ndarray, shape (D,)
    first_step : float
        The step tried first, above 0.
    decrease, curvature : float
        :math:`c_1` and :math:`c_2`, with 0 < c1 < c2 < 1.
    max_trials : int
        Largest number of steps tried, above 0.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the direction does not lead downhill, or an argument is out of its range.
    NoStepError
        If no step tried satisfies both conditions, as when the value falls without end.

    References
    ----------
    .. [1] P. Wolfe, "Convergence conditions for ascent methods", SIAM Review 11(2), 1969.
    .. [2] J. Nocedal and S. J. Wright, "Numerical optimization", 2nd edition, Springer, 2006,
       algorithms 3.5 and 3.6.
    """
    checks.positive("first_step", first_step)
    checks.count("max_trials", max_trials)
    checks.require(0 < decrease < curvature, f"be between 0 and curvature={curvature}", "decrease", decrease)
    checks.require(curvature < 1, "be below 1", "curvature", curvature)
    start, downhill = float(value(point)), float(gradient(point) @ direction)
    if not downhill < 0:
        raise ValueError(f"direction must lead downhill, got a slope of {downhill}")
    rounding, step = _ROUNDING * abs(start), float(first_step)
    low, high = (0.0, start, downhill), (np.inf, np.inf)
    for _ in range(max_trials):
        height = float(value(point + step * direction))
        if not height <= min(start + decrease * step * downhill, low[1]) + rounding:
            high = (step, height)
        else:
            slope = float(gradient(point + step * direction) @ direction)
            if abs(slope) <= -curvature * downhill:
                return step
            high = low[:2] if slope * (high[0] - low[0]) >= 0 else high
            low = (step, height, slope)
        step = 2 * low[0] if np.isinf(high[0]) else _between(low, high)
    raise NoStepError(f"no step satisfies the Wolfe conditions in {max_trials} trials")


def _between(low: tuple[float, float, float], high: tuple[float, float]) -> float:
    """Return the minimizer of the parabola through both ends, kept off the ends, or else the middle."""
    width = high[0] - low[0]
    bend = high[1] - low[1] - low[2] * width
    share = -low[2] * width / (2 * bend) if np.isfinite(bend) and bend > 0 else 0.5
    return low[0] + width * min(max(share, 0.1), 0.9)
