"""The SymPy side of :mod:`helpers.core.mathematics`: imported only when a symbol is in play.

The functions build expressions *unevaluated*, so that an equation is displayed in the order in
which its author wrote the code.
"""

from __future__ import annotations

import functools

import sympy
from sympy import ceiling as ceil
from sympy import cos, exp, floor, log, sign, sin, sqrt
from sympy.core.sympify import converter

from helpers.core.mathematics import pi

__all__ = [
    "CountReached",
    "absolute",
    "ceil",
    "cos",
    "exp",
    "floor",
    "log",
    "log1p",
    "maximum",
    "minimum",
    "shown",
    "sigmoid",
    "sign",
    "sin",
    "softplus",
    "sqrt",
    "square",
    "where",
]

converter[type(pi)] = lambda number: sympy.pi
absolute = sympy.Abs


def log1p(x):
    """Natural logarithm of one more than the value."""
    return log(1 + x)


def square(x):
    """Square."""
    return x**2


def minimum(a, b):
    """Smaller of two values."""
    return sympy.Min(a, b, evaluate=False)


def maximum(a, b):
    """Larger of two values."""
    return sympy.Max(a, b, evaluate=False)


def where(condition, a, b):
    """Cases; cases inside the second branch become further cases of the same brace."""
    rest = b.args if isinstance(b, sympy.Piecewise) else ((b, True),)
    return sympy.Piecewise((a, condition), *rest, evaluate=False)


class sigmoid(sympy.Function):
    """The logistic function, an equation's sigma(x)."""

    @classmethod
    def eval(cls, x):
        """Write a number's out."""
        return 1 / (1 + exp(-x)) if x.is_number else None

    def fdiff(self, argindex=1):
        """Return the derivative."""
        return self * sigmoid(-self.args[0])

    def _latex(self, printer, exp=None):
        text = rf"\sigma\left({printer.doprint(self.args[0])}\right)"
        return text if exp is None else rf"{text}^{{{exp}}}"

    def _javascript(self, printer):
        return f"(1 / (1 + Math.exp(-({printer.doprint(self.args[0])}))))"


class softplus(sympy.Function):
    """An equation's log(1 + e^x), in JavaScript without overflow or lost digits."""

    @classmethod
    def eval(cls, x):
        """Write a number's out."""
        return log(1 + exp(x)) if x.is_number else None

    def fdiff(self, argindex=1):
        """Return the derivative."""
        return sigmoid(self.args[0])

    def _latex(self, printer, exp=None):
        text = rf"\log\left(1 + e^{{{printer.doprint(self.args[0])}}}\right)"
        return text if exp is None else rf"{text}^{{{exp}}}"

    def _javascript(self, printer):
        x = printer.doprint(self.args[0])
        return f"(Math.max({x}, 0) + Math.log1p(Math.exp(-Math.abs({x}))))"


class CountReached(sympy.Function):
    """The number of thresholds at or below t: an equation's #{i : m_i <= t}."""

    @classmethod
    def eval(cls, t, *thresholds):
        """Count, once every argument is a number."""
        if all(arg.is_number for arg in (t, *thresholds)):
            return sympy.Integer(sum(bool(m <= t) for m in thresholds))
        return None

    def _latex(self, printer, exp=None):
        t, *thresholds = (printer.doprint(arg) for arg in self.args)
        text = rf"\#\left\{{m \in \{{{', '.join(thresholds)}\}} : m \le {t}\right\}}"
        return text if exp is None else rf"{{{text}}}^{{{exp}}}"

    def _javascript(self, printer):
        t, *thresholds = (printer.doprint(arg) for arg in self.args)
        return f"[{', '.join(thresholds)}].filter((m) => m <= {t}).length"


@functools.cache
def shown(template: str) -> type[sympy.Function]:
    """Return the function that prints as `template`, its argument in the place of ``#``."""

    class Shown(sympy.Function):
        def _latex(self, printer, exp=None):
            text = template.replace("#", printer.doprint(self.args[0]))
            return text if exp is None else rf"{{{text}}}^{{{exp}}}"

        def _javascript(self, printer):
            raise TypeError(f"{template} needs a whole array: it has no JavaScript for one number")

    return Shown
