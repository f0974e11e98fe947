r"""Surfaces to descend: each one formula; value, gradient, Hessian and JavaScript come from it.

The value runs the formula itself. The gradient and the Hessian are SymPy's exact derivatives of the
same lines, found and compiled once a surface, the first time that one is asked for.

>>> import numpy as np
>>> ravine = Ravine(condition=100.0, angle=0.0)
>>> float(ravine(np.array([1.0, 1.0]))), ravine.gradient(np.array([1.0, 1.0]))
(50.5, array([  1., 100.]))
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from array_api_compat import array_namespace, is_array_api_obj

from helpers.core import checks, mathematics
from helpers.core.checks import Interval
from helpers.core.hyperparameters import example, hyperparameter
from helpers.core.mathematics import cos, pi, sin
from helpers.core.methods import Method


class Surface(Method, ABC):
    """A function of one or two numbers to be made small.

    Points are arrays whose last axis holds the coordinates, so that a whole grid is one call.
    """

    #: For each coordinate the range worth drawing.
    window: ClassVar[tuple[tuple[float, float], ...]]
    #: The points of the local minima, lowest first.
    minimizers: ClassVar[tuple[tuple[float, ...], ...]]

    @abstractmethod
    def formula(self, *coordinates: Any) -> Any:
        """The value at a point, written once for numbers, arrays and symbols."""

    def __call__(self, points: Any) -> Any:
        """Return the values at points.

        Parameters
        ----------
        points : array, shape (..., D)
            D is the number of coordinates.

        Returns
        -------
        array, shape (...)

        Raises
        ------
        ValueError
            If the last axis has another length.
        """
        return self.formula(*self._coordinates(points))

    def gradient(self, points: Any) -> Any:
        """Return the gradients at points of shape (..., D), in the same shape."""
        return self._derivative("gradient", points)

    def hessian(self, points: Any) -> Any:
        """Return the Hessians at points of shape (..., D), in the shape (..., D, D)."""
        flat = self._derivative("hessian", points)
        return flat.reshape((*flat.shape[:-1], len(self.window), len(self.window)))

    def _coordinates(self, points: Any) -> tuple:
        points = points if is_array_api_obj(points) else np.asarray(points, dtype=float)
        shape = tuple(points.shape)
        if not shape or shape[-1] != len(self.window):
            raise ValueError(f"points must have shape (..., {len(self.window)}), got {shape}")
        return tuple(points[..., i] for i in range(shape[-1]))

    def _derivative(self, order: str, points: Any) -> Any:
        coordinates = self._coordinates(points)
        entries = _compiled(type(self), order)(*coordinates, *dataclasses.astuple(self))
        zeros = mathematics.zeros_like(coordinates[0])  # what an entry that is constant becomes an array with
        return array_namespace(zeros).stack([zeros + entry for entry in entries], axis=-1)


@functools.cache
def _expressions(kind: type[Surface]) -> tuple[dict[str, list], list]:
    """Expressions of value, gradient and Hessian (row by row), and the symbols of coordinates and fields."""
    import sympy  # takes a second: only when a derivative is wanted

    from helpers.core import symbolic

    expr, twin = symbolic.expression(example(kind))
    names = inspect.signature(twin.method.formula).parameters
    coordinates, value = [sympy.Symbol(name, real=True) for name in names], expr.doit()
    gradient = [value.diff(x) for x in coordinates]
    hessian = [slope.diff(x) for slope in gradient for x in coordinates]
    return {"value": [value], "gradient": gradient, "hessian": hessian}, [*coordinates, *twin.values]


@functools.cache
def _compiled(kind: type[Surface], order: str) -> Callable:
    import sympy

    expressions, symbols = _expressions(kind)
    return sympy.lambdify(symbols, expressions[order], modules=[mathematics], cse=True)


def javascript(surface: Surface) -> dict[str, str]:
    """Return the JavaScript functions of a surface's value, gradient and Hessian.

    Parameters
    ----------
    surface : Surface

    Returns
    -------
    dict of str
        ``"value"``, ``"gradient"`` and ``"hessian"``: functions ``(x, y, p) => ...``, where `p` is an
        object with the surface's fields. The last two return flat lists, the Hessian's row by row.
    """
    from helpers.core import symbolic

    expressions, symbols = _expressions(type(surface))
    head = f"({', '.join(symbol.name for symbol in symbols[: len(surface.window)])}, p) =>"
    code = {order: ", ".join(map(symbolic.one_line, entries)) for order, entries in expressions.items()}
    return {"value": f"{head} {code.pop('value')}"} | {key: f"{head} [{text}]" for key, text in code.items()}


def _turned(angle: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """The coordinates along axes that are turned by `angle` degrees."""
    c, s = cos(angle * pi / 180), sin(angle * pi / 180)
    return c * x + s * y, c * y - s * x


def _angle() -> Any:
    return hyperparameter(
        r"\alpha", "angle of the axes", checks.finite, unit="degrees", low=0.0, high=90.0, default=0.0
    )


_STEEPEST_TILT = 2 / (3 * math.sqrt(3))


@dataclass(frozen=True)
class DoubleWell(Surface):
    r"""Two wells with a hill between them, on one coordinate: :math:`x^4/4 - x^2/2 + cx`.

    Parameters
    ----------
    tilt : float
        :math:`c`, between :math:`\pm 2/(3\sqrt 3)`, where there are two wells. Above 0 the left one
        is the deeper.
    """

    tilt: float = hyperparameter(
        "c", "tilt", Interval(-_STEEPEST_TILT, _STEEPEST_TILT), low=-0.38, high=0.38, default=0.1
    )

    words = "double well"
    lesson = 13
    window = ((-2.0, 2.0),)

    def formula(self, x: Any) -> Any:
        return x**4 / 4 - x**2 / 2 + self.tilt * x

    @property
    def minimizers(self) -> tuple[tuple[float, ...], ...]:
        """The outer roots of the slope's cubic, by Viète's cosine."""
        third = math.acos(-self.tilt / _STEEPEST_TILT) / 3
        right, left = (2 / math.sqrt(3) * math.cos(third - 2 * math.pi * k / 3) for k in (0, 2))
        return ((left,), (right,)) if self.tilt > 0 else ((right,), (left,))


@dataclass(frozen=True)
class Ravine(Surface):
    """A long narrow quadratic valley; turned, it lies across the axes.

    Parameters
    ----------
    condition : float
        Curvature across the valley over that along it, which is 1; at least 1.
    angle : float
        Degrees by which the valley is turned from the first axis.
    """

    condition: float = hyperparameter(
        r"\kappa", "condition number", checks.at_least_one, low=1.0, high=1000.0, log=True, default=25.0
    )
    angle: float = _angle()

    words = "ravine"
    lesson = 13
    window = ((-2.0, 2.0), (-2.0, 2.0))
    minimizers = ((0.0, 0.0),)

    def formula(self, x: Any, y: Any) -> Any:
        along, across = _turned(self.angle, x, y)
        return (along**2 + self.condition * across**2) / 2


@dataclass(frozen=True)
class Saddle(Surface):
    """Up along one axis, down along the other, without end: a saddle point at 0 and no minimum.

    Parameters
    ----------
    drop : float
        Curvature of the way down, its sign left out, over that of the way up, which is 1; above 0.
    angle : float
        Degrees by which the way up is turned from the first axis.
    """

    drop: float = hyperparameter(
        r"\kappa", "curvature of the way down", checks.positive, low=0.01, high=10.0, log=True, default=0.1
    )
    angle: float = _angle()

    words = "saddle"
    lesson = 14
    window = ((-2.0, 2.0), (-2.0, 2.0))
    minimizers = ()

    def formula(self, x: Any, y: Any) -> Any:
        up, down = _turned(self.angle, x, y)
        return (up**2 - self.drop * down**2) / 2


@dataclass(frozen=True)
class Rosenbrock(Surface):
    """A flat valley along a parabola: easy to enter, slow to follow.

    Parameters
    ----------
    steepness : float
        How steep the valley's walls are, above 0.

    References
    ----------
    .. [1] H. H. Rosenbrock, "An automatic method for finding the greatest or least value", 1960.
    """

    steepness: float = hyperparameter(
        "b", "steepness", checks.positive, low=1.0, high=1000.0, log=True, default=100.0
    )

    words = "Rosenbrock's valley"
    lesson = 16
    window = ((-2.0, 2.0), (-1.0, 3.0))
    minimizers = ((1.0, 1.0),)

    def formula(self, x: Any, y: Any) -> Any:
        return (1 - x) ** 2 + self.steepness * (y - x**2) ** 2


@dataclass(frozen=True)
class NoisyQuadratic(Surface):
    r"""A quadratic bowl whose gradient is seen through noise: the smallest model of mini-batches.

    The formula and its derivatives are the expectation; :meth:`sampled_gradient` is what training sees.

    Parameters
    ----------
    curvature_x, curvature_y : float
        :math:`h` along each axis, above 0.
    noise : float
        Standard deviation :math:`\sigma` of each entry of one example's gradient, zero or above.

    Notes
    -----
    Gradient descent with the constant rate :math:`\eta` ends in a cloud around 0 whose variance along an
    axis is :math:`\frac{\eta \sigma^2}{B h (2 - \eta h)}` for batches of :math:`B`.

    References
    ----------
    .. [1] G. Zhang et al., "Which algorithmic choices matter at which batch sizes? Insights from a noisy
       quadratic model", NeurIPS 2019.
    """

    curvature_x: float = hyperparameter(
        "h_x", "curvature along x", checks.positive, low=0.1, high=10.0, log=True, default=1.0
    )
    curvature_y: float = hyperparameter(
        "h_y", "curvature along y", checks.positive, low=0.1, high=10.0, log=True, default=1.0
    )
    noise: float = hyperparameter(
        r"\sigma", "noise of one example", checks.non_negative, low=0.0, high=10.0, default=1.0
    )

    words = "noisy quadratic"
    lesson = 12
    window = ((-2.0, 2.0), (-2.0, 2.0))
    minimizers = ((0.0, 0.0),)

    def formula(self, x: Any, y: Any) -> Any:
        return (self.curvature_x * x**2 + self.curvature_y * y**2) / 2

    def sampled_gradient(self, generator: np.random.Generator, batch_size: int = 1) -> Callable:
        """Return a function of a point: the gradient of one mini-batch after the other.

        Parameters
        ----------
        generator : numpy.random.Generator
            Where the noise is drawn from.
        batch_size : int
            Examples over which the noise is averaged, above 0.
        """
        checks.count("batch_size", batch_size)
        scale = self.noise / math.sqrt(batch_size)
        return lambda point: self.gradient(point) + scale * generator.standard_normal(np.shape(point))


#: Every surface, in the order of the book.
METHODS = (NoisyQuadratic, DoubleWell, Ravine, Saddle, Rosenbrock)

__all__ = ["METHODS", "Surface", "javascript", *(method.__name__ for method in METHODS)]
