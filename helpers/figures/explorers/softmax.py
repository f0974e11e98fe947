"""The softmax explorer: logits become probabilities, a loss and its gradient."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import sympy

from helpers.core import checks, symbolic
from helpers.core.hyperparameters import Hyperparameters, hyperparameter
from helpers.core.mathematics import named
from helpers.core.symbols import split
from helpers.figures.explorers.facts import equation
from helpers.figures.explorers.kit import Explorer
from helpers.formulas import losses

__all__ = ["SoftmaxExplorer"]

FEWEST, MOST = 2, 6  # classes that a picture can show
LOGITS = (2.0, 1.0, 0.0, -1.0)


@dataclass(frozen=True)
class State(Hyperparameters):
    """The logits, a number that is added to all of them, and the true class."""

    logits: tuple[float, ...] = hyperparameter(
        "z", "logits", checks.Each(checks.finite), low=-10.0, high=10.0, example=LOGITS, first_index=0
    )
    shift: float = hyperparameter("c", "added to all", checks.finite, low=-120.0, high=120.0, example=0.0)
    label: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        n = len(self.logits)
        checks.require(FEWEST <= n <= MOST, f"have {FEWEST} to {MOST} entries", "logits", self.logits)
        checks.index("label", self.label)
        checks.require(self.label < n, f"be below {n}, the number of classes", "label", self.label)


class SoftmaxExplorer(Explorer):
    """Move the logits of one image and see its probabilities, its loss and the gradient of the loss.

    In a live notebook the traits ``logits``, ``shift`` and ``label`` are what the reader sees;
    :meth:`loss` and :meth:`probabilities` follow them.

    Parameters
    ----------
    logits : sequence of float
        One a class, 2 to 6 of them.
    label : int
        The true class, from 0.
    shift : float
        Added to every logit; it changes no probability.

    Raises
    ------
    TypeError, ValueError
        If a logit or the shift is not finite, there are too few or too many, or `label` is no class.

    Examples
    --------
    >>> explorer = SoftmaxExplorer(logits=[0.0, 0.0, 0.0, 0.0], label=1)
    >>> explorer.probabilities()
    array([0.25, 0.25, 0.25, 0.25])
    >>> round(explorer.loss()[0], 4), explorer.loss()[1]
    (1.3863, array([ 0.25, -0.75,  0.25,  0.25]))
    """

    family: ClassVar[str] = "softmax"
    alt: ClassVar[str] = "Explorer of softmax and its loss"

    def __init__(self, logits: Sequence[float] = LOGITS, label: int = 1, shift: float = 0.0) -> None:
        n = len(logits)
        even, sure = [0.0] * n, [8.0, -2.0, *[0.0] * (n - 2)]
        self.questions = (
            ("A network before training: all logits alike", {"logits": even, "label": 1, "shift": 0.0}),
            ("Sure and wrong: how hard is the pull?", {"logits": sure, "label": 1, "shift": 0.0}),
            ("Sure and right: what is left to learn?", {"logits": sure, "label": 0, "shift": 0.0}),
            (
                "100 more for every logit: what changes?",
                {"logits": [*LOGITS, 0.0, 0.0][:n], "label": 1, "shift": 100.0},
            ),
        )
        super().__init__(State(tuple(logits), shift, label))

    def _row(self) -> np.ndarray:
        return np.array([self.logits]) + self.shift

    def probabilities(self) -> np.ndarray:
        """Return the softmax of the present logits, shape (K,)."""
        return np.exp(losses.log_softmax(self._row()))[0]

    def loss(self) -> tuple[float, np.ndarray]:
        """Return minus the logarithm of the true class's probability, and its gradient, shape (K,)."""
        value, grad = losses.softmax_cross_entropy(self._row(), np.array([self.label]))
        return float(value), grad[0]

    def catalog(self) -> dict[str, Any]:
        formulas = enumerate(_log_softmax(len(self.logits)))
        return {"equations": [_equation(k, formula) for k, formula in formulas]}

    def formulas(self) -> dict[str, str]:
        return {"logProbabilities": log_softmax_javascript(len(self.logits))}


# ---- the formula, read from the code that runs ----


def _each(function: Callable) -> Callable:
    return lambda row: _Row(*map(function, row.entries))


def _whole(name: str, function: Callable) -> Callable:
    return lambda row, axis, keepdims: _Row(named(name, function(*row.entries, evaluate=False)))


#: The array functions that `log_softmax` asks for, on symbols.
FUNCTIONS = SimpleNamespace(
    __name__="rows",
    isdtype=lambda dtype, kinds: True,
    max=_whole("m", sympy.Max),
    sum=_whole("S", sympy.Add),
    exp=_each(sympy.exp),
    log=_each(sympy.log),
)


class _Row:
    """An array of shape (1, K) that holds symbols."""

    dtype = None

    def __init__(self, *entries: sympy.Expr) -> None:
        self.entries = entries
        self.shape = (1, len(entries))

    def __array_namespace__(self, api_version: str | None = None) -> SimpleNamespace:
        return FUNCTIONS

    def __sub__(self, other: _Row) -> _Row:
        return _Row(*(entry - other.entries[0] for entry in self.entries))


def _log_softmax(n: int) -> tuple[sympy.Expr, ...]:
    """The log-probability of each class, in terms of the logits z[k] and the shift c."""
    shift = sympy.Symbol("c", real=True)
    logits = [sympy.Symbol(f"z[{k}]", real=True) for k in range(n)]

    def run() -> _Row:
        return losses.log_softmax(_Row(*(logit + shift for logit in logits)))

    return symbolic.trace(run).entries


def log_softmax_javascript(n: int) -> str:
    """Return the JavaScript ``(z, c) => [...]`` of the log-probabilities of `n` logits, c added to each."""
    rows, values = zip(*map(split, _log_softmax(n)), strict=True)
    lines = [f"const {symbol} = {symbolic.one_line(value)};" for symbol, value in values[0].items()]
    return f"(z, c) => {{ {' '.join(lines)} return [{', '.join(map(symbolic.one_line, rows))}]; }}"


def _equation(k: int, formula: sympy.Expr) -> list[str]:
    names = {s: s.name.replace("[", "_{").replace("]", "}") for s in formula.free_symbols}
    text = symbolic.printed(formula, names).replace(r"\log", r"\ln")
    for _ in range(2):  # (z + c) - m needs no parentheses
        text = re.sub(r"\\left\((z_\{\d\} \+ c(?: - m)?)\\right\)", r"\1", text)
    return equation(rf"\ln p_{{{k}}}", text)
