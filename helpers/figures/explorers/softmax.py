"""The softmax explorer: logits become probabilities, a loss and its gradient."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, ClassVar

import numpy as np
import sympy
import traitlets

from helpers.core import checks, symbolic
from helpers.core.hyperparameters import Hyperparameters, hyperparameter
from helpers.core.mathematics import named
from helpers.figures.explorers.base import Explorer, as_javascript
from helpers.figures.explorers.facts import Facts, equation
from helpers.figures.explorers.pictures import ghost, still_row
from helpers.formulas import losses

__all__ = ["SoftmaxExplorer"]

FEWEST, MOST = 2, 6  # classes that a picture can show
LOGITS = (2.0, 1.0, 0.0, -1.0)


@dataclass(frozen=True)
class _Sliders(Hyperparameters):
    """What can be moved: the logits, and a number that is added to all of them."""

    logits: tuple[float, ...] = hyperparameter(
        "z", "logits", checks.each(checks.finite), low=-10.0, high=10.0, example=LOGITS, first_index=0
    )
    shift: float = hyperparameter("c", "added to all", checks.finite, low=-120.0, high=120.0, example=0.0)


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

    family = "softmax"
    alt: ClassVar[str] = "Explorer of softmax and its loss"

    logits = traitlets.List(traitlets.Float()).tag(sync=True)
    shift = traitlets.Float().tag(sync=True)
    label = traitlets.Int().tag(sync=True)

    def __init__(self, logits: Sequence[float] = LOGITS, label: int = 1, shift: float = 0.0) -> None:
        sliders = _Sliders(tuple(logits), shift)
        n = len(sliders.logits)
        checks.require(FEWEST <= n <= MOST, f"have {FEWEST} to {MOST} entries", "logits", sliders.logits)
        checks.index("label", label)
        checks.require(label < n, f"be below {n}, the number of classes", "label", label)
        super().__init__(logits=list(map(float, logits)), shift=float(shift), label=int(label))

    def _row(self) -> np.ndarray:
        return np.array([self.logits]) + self.shift

    def probabilities(self) -> np.ndarray:
        """Return the softmax of the present logits, shape (K,)."""
        return np.exp(losses.log_softmax(self._row()))[0]

    def loss(self) -> tuple[float, np.ndarray]:
        """Return minus the logarithm of the true class's probability, and its gradient, shape (K,)."""
        value, grad = losses.softmax_cross_entropy(self._row(), np.array([self.label]))
        return float(value), grad[0]

    def constants(self) -> dict[str, str]:
        facts, formulas = Facts(), _log_softmax(len(self.logits))
        rows = facts.rows(_Sliders(tuple(self.logits), self.shift))
        catalog = {"rows": rows, "facts": facts.told, "prompts": _questions(len(self.logits))}
        catalog["equations"] = [_equation(k, formula) for k, formula in enumerate(formulas)]
        texts = ", ".join(map(symbolic.one_line, formulas))
        return {"catalog": as_javascript(catalog), "logProbabilities": f"(z, c) => [{texts}]"}

    def still(self) -> str:
        facts, numbers = Facts(), [*self.logits, self.shift]
        rows = facts.rows(_Sliders(tuple(self.logits), self.shift))
        sliders = "".join(still_row(facts.told[r["fact"]], x) for r, x in zip(rows, numbers, strict=True))
        prompts = "".join(
            f'<span class="prompt">{escape(p["text"])}</span>' for p in _questions(len(numbers) - 1)
        )
        lines = "".join(_equation(self.label, _log_softmax(len(self.logits))[self.label]))
        return (
            f'<div class="prompts"><span class="muted">Try</span>{prompts}</div>'
            f'<div class="bar"><span class="choice">True class: {self.label}</span></div>'
            f'<div class="stage"><div><div class="picture" style="height: {HEIGHT}px">'
            f'{self._picture()}</div><div class="pinning"></div><p class="muted" style="{NOTE}"></p></div>'
            f'<div><div class="controls">{sliders}</div><p class="message"></p></div></div>'
            f'<div class="formula"><div class="equation"><div>{lines}</div></div></div>{ghost("summary")}'
        )

    def _picture(self) -> str:
        value, grad = self.loss()
        words = f"loss −ln p{_small(self.label)} = {value:.4g} nats"
        return _still_bars(self.probabilities(), grad, self.label, words)


# ---- the formula, read from the code that runs ----


class _Functions:
    """The array functions that `log_softmax` asks for, on symbols."""

    @staticmethod
    def isdtype(dtype: Any, kinds: Any) -> bool:
        return True

    @staticmethod
    def max(row: _Row, axis: int, keepdims: bool) -> _Row:
        return _Row(named("m", sympy.Max(*row.entries, evaluate=False)))

    @staticmethod
    def sum(row: _Row, axis: int, keepdims: bool) -> _Row:
        return _Row(named("S", sympy.Add(*row.entries, evaluate=False)))

    @staticmethod
    def exp(row: _Row) -> _Row:
        return _Row(*map(sympy.exp, row.entries))

    @staticmethod
    def log(row: _Row) -> _Row:
        return _Row(*map(sympy.log, row.entries))


class _Row:
    """An array of shape (1, K) that holds symbols."""

    dtype = None

    def __init__(self, *entries: sympy.Expr) -> None:
        self.entries = entries
        self.shape = (1, len(entries))

    def __array_namespace__(self, api_version: str | None = None) -> type:
        return _Functions

    def __sub__(self, other: _Row) -> _Row:
        return _Row(*(entry - other.entries[0] for entry in self.entries))


def _log_softmax(n: int) -> tuple[sympy.Expr, ...]:
    """The log-probability of each class, in terms of the logits z[k] and the shift c."""
    shift = sympy.Symbol("c", real=True)
    logits = [sympy.Symbol(f"z[{k}]", real=True) for k in range(n)]

    def run() -> _Row:
        return losses.log_softmax(_Row(*(logit + shift for logit in logits)))

    return symbolic.trace(run).entries


def _equation(k: int, formula: sympy.Expr) -> list[str]:
    names = {s: s.name.replace("[", "_{").replace("]", "}") for s in formula.free_symbols}
    text = symbolic.printed(formula, names).replace(r"\log", r"\ln")
    for _ in range(2):  # (z + c) - m needs no parentheses
        text = re.sub(r"\\left\((z_\{\d\} \+ c(?: - m)?)\\right\)", r"\1", text)
    return equation(rf"\ln p_{{{k}}}", text)


def _questions(n: int) -> list[dict[str, Any]]:
    """What to try: a question, and the state that answers it."""
    sure, even = [8.0, -2.0, *[0.0] * (n - 2)], [0.0] * n
    told = (
        ("A network before training: all logits alike", {"logits": even, "label": 1, "shift": 0.0}),
        ("Sure and wrong: how hard is the pull?", {"logits": sure, "label": 1, "shift": 0.0}),
        ("Sure and right: what is left to learn?", {"logits": sure, "label": 0, "shift": 0.0}),
        (
            "100 more for every logit: what changes?",
            {"logits": [*LOGITS, 0, 0][:n], "label": 1, "shift": 100.0},
        ),
    )
    return [{"text": text, "state": state} for text, state in told]


# ---- the still picture, with the measures of softmax.js ----

WIDTH, HEIGHT, LEFT, RIGHT = 720, 376, 54, 22
#: Where 0 lies in the upper and the lower picture, and the height of 1.
PROBABILITY, GRADIENT = (170, 130), (302, 50)


#: Room for the sentence below the picture, on a phone too.
NOTE = "min-height: 2.9em; margin-top: 4px"


def _small(k: int) -> str:
    return chr(ord("₀") + k)


def _text(x: float, y: float, text: str, style: str = "", anchor: str = "middle") -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _still_bars(probabilities: np.ndarray, grad: np.ndarray, label: int, words: str) -> str:
    slot = (WIDTH - LEFT - RIGHT) / len(grad)
    wide = min(64, 0.6 * slot)
    parts = [_text(0, 13, "probability", "name", "start"), _text(WIDTH - RIGHT, 13, words, "", "end")]
    parts.append(_text(0, 228, "gradient p − y", "name", "start"))
    for k, (p, g) in enumerate(zip(probabilities, grad, strict=True)):
        x = LEFT + (k + 0.5) * slot
        parts.append(_text(x, 188, f"class {k}" + " (true)" * (k == label)))
        for number, (zero, unit), color in ((p, PROBABILITY, "study"), (g, GRADIENT, "third")):
            top, tall = zero - unit * max(number, 0), unit * abs(number)
            box = f'x="{x - wide / 2:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{tall:.1f}"'
            parts.append(f'<rect {box} style="fill: var(--{color})"/>')
            parts.append(
                _text(
                    x, top - 5 if number >= 0 else zero + tall + 14, f"{number:.3g}".replace("-", "−"), "halo"
                )
            )
        if k == label:
            box = f'x="{x - wide / 2:.1f}" y="{PROBABILITY[0] - PROBABILITY[1]}" width="{wide:.1f}"'
            style = "fill: none; stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 4 3"
            parts.append(f'<rect {box} height="{PROBABILITY[1]}" style="{style}"/>')
    for zero, _ in (PROBABILITY, GRADIENT):
        parts.append(f'<path class="axis" d="M{LEFT} {zero}H{WIDTH - RIGHT}"/>')
    numbers = ", ".join(f"class {k} {p:.3g}" for k, p in enumerate(probabilities))
    alt = escape(f"Probabilities: {numbers}; true class {label}, {words}")
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}"'
    return f'<svg class="chart" {box} role="img" aria-label="{alt}">{"".join(parts)}</svg>'
