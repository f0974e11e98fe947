"""Line searches: how far to go along a direction that leads downhill."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from helpers.core import checks

__all__ = ["ROUNDING", "NoStepError", "armijo_line_search", "wolfe_line_search"]

#: What rounding alone may change of a value, over the value.
ROUNDING = 4 * np.finfo(float).eps


class NoStepError(RuntimeError):
    """No step along a direction does what is asked of it."""


def armijo_line_search(value: Callable, point: np.ndarray, direction: np.ndarray, slope: float) -> float:
    r"""Return the first of the steps 1, 1/2, 1/4, ... that lowers the value enough.

    Enough is :math:`10^{-4}` of what the slope promises. Values that are not finite count as too far; what
    rounding may have changed of a value counts as no change.

    Parameters
    ----------
    value : callable
        Of a point of shape (D,).
    point, direction : ndarray, shape (D,)
    slope : float
        The gradient at the point times the direction; below 0.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the slope is not negative.
    NoStepError
        If no step above :math:`10^{-18}` will do.

    References
    ----------
    .. [1] L. Armijo, "Minimization of functions having Lipschitz continuous first partial derivatives",
       Pacific Journal of Mathematics 16(1), 1966.
    """
    _require_downhill(slope)
    before = float(value(point))
    for step in 0.5 ** np.arange(60.0):
        height = float(value(point + step * direction))
        if np.isfinite(height) and height <= before + 1e-4 * step * slope + ROUNDING * abs(before):
            return float(step)
    raise NoStepError("no step along the direction lowers the value")


def _require_downhill(slope: float) -> None:
    if not slope < 0:
        raise ValueError(f"direction must lead downhill, got slope={slope}")


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
    as too far; what rounding may have changed of a value counts as no change. Where values differ by no
    more, the slope must say that it falls enough: it is at most :math:`(2 c_1 - 1) \varphi'(0)`, as on a
    parabola that does (the approximate Wolfe condition).

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
    .. [3] W. W. Hager and H. Zhang, "A new conjugate gradient method with guaranteed descent and an
       efficient line search", SIAM Journal on Optimization 16(1), 2005, equation 4.1.
    """
    checks.positive("first_step", first_step)
    checks.count("max_trials", max_trials)
    checks.require(0 < decrease < curvature, f"be between 0 and curvature={curvature}", "decrease", decrease)
    checks.require(curvature < 1, "be below 1", "curvature", curvature)
    start, grad = float(value(point)), gradient(point)
    downhill, step = float(grad @ direction), float(first_step)
    _require_downhill(downhill)
    shift = np.abs(grad) @ np.abs(point)  # times a relative change of the point, that of the value
    low, high = (0.0, start, downhill), (np.inf, np.inf, np.nan)
    for _ in range(max_trials):
        height = float(value(point + step * direction))
        rounding = ROUNDING * (shift + max(abs(start), abs(low[1])))
        allowed = min(start + decrease * step * downhill, low[1]) + rounding
        if not (np.isfinite(height) and height <= allowed):
            high = (step, height, np.nan)
        else:
            slope = float(gradient(point + step * direction) @ direction)
            enough = start - height > rounding or slope <= (2 * decrease - 1) * downhill
            if enough and abs(slope) <= -curvature * downhill:
                return step
            high = low if slope * (high[0] - low[0]) >= 0 else high
            low = (step, height, slope)
        step = 4 * low[0] if np.isinf(high[0]) else _between(low, high)
    raise NoStepError(f"no step satisfies the Wolfe conditions in {max_trials} trials")


def _between(low: tuple[float, float, float], high: tuple[float, float, float]) -> float:
    """Return where the parabola through both ends is flat, kept off the ends, or else the middle.

    It has the slopes of both ends, which rounding leaves alone; or the heights, where one is too high.
    """
    width = high[0] - low[0]
    turn = high[2] - low[2] if np.isfinite(high[2]) else 2 * ((high[1] - low[1]) / width - low[2])
    share = -low[2] / turn if np.isfinite(turn) and turn * width > 0 else 0.5
    return low[0] + width * min(max(share, 0.1), 0.9)
