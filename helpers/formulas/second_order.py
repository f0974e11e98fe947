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
from helpers.formulas.line_search import ROUNDING, NoStepError, armijo_line_search, wolfe_line_search

__all__ = ["Descent", "damped_newton", "gauss_newton", "lbfgs", "levenberg_marquardt", "newton"]

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
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
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
        return point + armijo_line_search(problem.value, point, direction, grad @ direction) * direction

    return _run(problem, advance, start, tolerance, max_steps)


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
            if gained > -ROUNDING * (r @ r):
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
    if moved @ turned > ROUNDING * (turned @ turned):
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
