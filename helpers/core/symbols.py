"""The SymPy side of :mod:`helpers.core.mathematics`: imported only when a symbol is in play.

The functions build expressions *unevaluated*, so that an equation is displayed in the order in
which its author wrote the code.
"""

from __future__ import annotations

import functools
from collections import Counter

import sympy
from sympy import ceiling as ceil
from sympy import cos, exp, floor, log, sign, sin, sqrt, tanh
from sympy.core.sympify import converter
from sympy.printing.precedence import PRECEDENCE

from helpers.core.constants import pi

__all__ = [
    "CountReached",
    "CyclesCompleted",
    "GeometricSum",
    "Named",
    "Remainder",
    "absolute",
    "ceil",
    "cos",
    "exp",
    "floor",
    "log",
    "log1p",
    "maximum",
    "minimum",
    "named",
    "shown",
    "sigmoid",
    "sign",
    "sin",
    "softplus",
    "split",
    "sqrt",
    "square",
    "tanh",
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

    def _pythoncode(self, printer):
        t, *thresholds = (printer.doprint(arg) for arg in self.args)
        return f"sum(m <= {t} for m in [{', '.join(thresholds)}])"


class Remainder(sympy.Function):
    """What is left of t after whole periods."""

    @classmethod
    def eval(cls, t, period):
        """Divide, once both arguments are numbers."""
        return t % period if t.is_number and period.is_number else None

    def _latex(self, printer, exp=None):
        t, period = (printer.parenthesize(arg, PRECEDENCE["Mul"]) for arg in self.args)
        text = rf"{t} \bmod {period}"
        return text if exp is None else rf"\left({text}\right)^{{{exp}}}"

    def _javascript(self, printer):
        t, period = (printer.doprint(arg) for arg in self.args)
        return f"(({t}) % ({period}))"

    _pythoncode = _javascript


class GeometricSum(sympy.Function):
    """The sum 1 + m + m^2 + ... of n terms."""

    @classmethod
    def eval(cls, ratio, n):
        """Add up, once both arguments are numbers."""
        return sum(ratio**j for j in range(int(n))) if ratio.is_number and n.is_number else None

    def _latex(self, printer, exp=None):
        ratio, n = (printer.doprint(arg) for arg in self.args)
        text = rf"\sum_{{j < {n}}} {printer.parenthesize_super(ratio)}^{{j}}"
        return text if exp is None else rf"\left({text}\right)^{{{exp}}}"

    def _javascript(self, printer):
        ratio, n = (printer.doprint(arg) for arg in self.args)
        return f"(({ratio}) === 1 ? {n} : (Math.pow({ratio}, {n}) - 1)/(({ratio}) - 1))"

    def _pythoncode(self, printer):
        ratio, n = (printer.doprint(arg) for arg in self.args)
        return f"({n} if ({ratio}) == 1 else (({ratio}) ** ({n}) - 1)/(({ratio}) - 1))"


class CyclesCompleted(sympy.Function):
    """The number of cycles over at t, each m times as long as the one before."""

    @classmethod
    def eval(cls, t, first, ratio):
        """Count, once every argument is a number."""
        if not all(arg.is_number for arg in (t, first, ratio)):
            return None
        n, end = 0, first
        while end <= t:
            n, end = n + 1, end + first * ratio ** (n + 1)
        return sympy.Integer(n)

    def _latex(self, printer, exp=None):
        t, first, ratio = (printer.doprint(arg) for arg in self.args)
        power = f"{printer.parenthesize_super(ratio)}^{{j}}"
        text = rf"\max\left\{{n : {first} \sum_{{j < n}} {power} \le {t}\right\}}"
        return text if exp is None else rf"{{{text}}}^{{{exp}}}"

    def _javascript(self, printer):
        t, first, ratio = (printer.doprint(arg) for arg in self.args)
        start = "first*(Math.pow(ratio, n) - 1)/(ratio - 1)"
        count = "Math.round(Math.log1p(t*(ratio - 1)/first)/Math.log(ratio))"
        inexact = f"((n) => n - ({start} > t))({count})"
        return f"((t, first, ratio) => ratio === 1 ? Math.floor(t/first) : {inexact})({t}, {first}, {ratio})"

    def _pythoncode(self, printer):
        t, first, ratio = (printer.doprint(arg) for arg in self.args)
        count = "round(math.log1p(t*(ratio - 1)/first)/math.log(ratio))"
        inexact = f"(lambda n: n - (first*(ratio**n - 1)/(ratio - 1) > t))({count})"
        return f"(lambda t, first, ratio: t//first if ratio == 1 else {inexact})({t}, {first}, {ratio})"


class Named(sympy.Function):
    """A value with a name: who prints it writes the name and says once what it is."""

    nargs = 2

    def doit(self, **hints):
        """Return the value."""
        return self.args[1].doit(**hints)


def named(name, value):
    """Give a value a name."""
    return Named(sympy.Symbol(name), value)


def split(expr):
    """Put a symbol in the place of each named value; values that share a name get primes.

    Returns
    -------
    sympy.Expr, dict
        The expression, and symbol to value, in terms of the symbols above it.
    """
    symbols, uses = {}, Counter()
    for part in sympy.postorder_traversal(expr):
        if isinstance(part, Named) and part not in symbols:
            name = part.args[0]
            symbols[part] = sympy.Symbol(name.name + "'" * uses[name])
            uses[name] += 1
    with sympy.evaluate(False):
        values = {symbol: part.args[1].xreplace(symbols) for part, symbol in symbols.items()}
        return expr.xreplace(symbols), values


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
