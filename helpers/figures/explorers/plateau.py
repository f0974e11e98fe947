"""The plateau explorer: a loss curve to draw, and the state machine that lowers the rate when it stalls."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import sympy

from helpers.core import checks, symbolic
from helpers.figures.explorers.facts import Facts, code, equation
from helpers.figures.explorers.kit import Explorer
from helpers.formulas.schedules import ReduceOnPlateau

__all__ = ["PlateauExplorer", "PlateauQuestion"]

#: The sliders, in this order, and where they end before their field's range does.
SLIDERS = ("patience", "threshold", "cooldown", "factor", "min_lr")
ENDS = {"patience": {"high": 10}, "cooldown": {"high": 10}, "factor": {"low": 0.05}}
#: What a curve may have of checks: enough for a story, few enough for a finger.
FEWEST, MOST = 2, 100
#: Of each pair of modes one: they decide which formulas there are, the numbers do not.
VARIANTS = {
    mode + kind: ReduceOnPlateau(0.1, mode=mode, threshold_mode=kind)
    for mode, kind in itertools.product(("min", "max"), ("rel", "abs"))
}
#: LaTeX of a state before and after a check, and of the question between them.
SYMBOLS = {"lr": r"\eta", "best": "b", "bad_checks": "n", "cooldown": "w"}
BETTER = r"\text{better}"


@dataclasses.dataclass(frozen=True)
class PlateauQuestion:
    """A question to the reader, and the curve and the settings that answer it.

    Parameters
    ----------
    text : str
        The question.
    curve : str
        Which of the explorer's curves is shown.
    schedule : ReduceOnPlateau
        Which settings are shown.
    """

    text: str
    curve: str
    schedule: ReduceOnPlateau


@dataclasses.dataclass(frozen=True)
class _State(ReduceOnPlateau):
    """The settings, a curve (None is NaN), the ends of its axis, and the check that is told about."""

    losses: Sequence[float | None] = ()
    span: Sequence[float] = ()
    check: int = 1


class PlateauExplorer(Explorer):
    """Draw a loss curve, and see check by check what reduce on plateau makes of it.

    The page runs the formulas of :class:`~helpers.formulas.schedules.ReduceOnPlateau` themselves, translated.
    In a live notebook :attr:`schedule` is what the sliders show and ``losses`` what was drawn (None is
    NaN); :meth:`states` runs the one on the other.

    Parameters
    ----------
    curves : mapping
        Name to the metrics of 2 to 100 checks, not all of them NaN; the first is shown.
    schedule : ReduceOnPlateau
        The settings at the start.
    questions : sequence of PlateauQuestion
        What to try.

    Raises
    ------
    TypeError, ValueError
        If a curve or a setting is not fit, or a question's curve is not among the curves.

    Examples
    --------
    >>> explorer = PlateauExplorer({"stalls": [1.0, 0.8, 0.8, 0.8]}, ReduceOnPlateau(0.1, patience=1))
    >>> [round(state["lr"], 3) for state in explorer.states()]
    [0.1, 0.1, 0.1, 0.1, 0.01]
    """

    family: ClassVar[str] = "plateau"
    alt: ClassVar[str] = "Explorer of reduce on plateau"

    def __init__(
        self,
        curves: Mapping[str, Sequence[float]],
        schedule: ReduceOnPlateau,
        questions: Sequence[PlateauQuestion] = (),
    ) -> None:
        checks.require(len(curves) > 0, "hold a curve", "curves", curves)
        self._curves = {name: _curve(name, values) for name, values in curves.items()}
        for question in questions:
            checks.one_of(*curves)("curve", question.curve)
        self.questions = [(q.text, self._curves[q.curve] | vars(q.schedule)) for q in questions]
        super().__init__(_State(**next(iter(self._curves.values())), **vars(schedule)))

    @property
    def schedule(self) -> ReduceOnPlateau:
        """What the sliders show."""
        return ReduceOnPlateau(**{f.name: getattr(self, f.name) for f in dataclasses.fields(ReduceOnPlateau)})

    def states(self) -> list[dict[str, Any]]:
        """Return the state before the first check, and after each."""
        metrics = (math.nan if loss is None else loss for loss in self.losses)
        return list(itertools.accumulate(metrics, self.schedule.observe, initial=self.schedule.init()))

    def rows(self, facts: Facts) -> list[dict]:
        rows = {row["path"][0]: row for row in super().rows(facts)}
        for name, ends in (ENDS | {"min_lr": {"high": self.lr}}).items():
            facts.entries[rows[name]["fact"]] |= ends
        return [rows[name] for name in SLIDERS]

    def catalog(self) -> dict[str, Any]:
        variants = {name: _variant(method) for name, method in VARIANTS.items()}
        return {"curves": list(self._curves.items()), "variants": variants}

    def formulas(self) -> dict[str, str]:
        return {name: _machine(method) for name, method in VARIANTS.items()}


def _curve(name: str, values: Sequence[float]) -> dict[str, Any]:
    """The state that shows a curve: its checks, the ends of the axis, and the check that is told about."""
    name = f"curves[{name!r}]"
    checks.require(FEWEST <= len(values) <= MOST, f"have {FEWEST} to {MOST} checks", name, values)
    numbers = [float(value) for value in values]
    finite = [value for value in numbers if math.isfinite(value)]
    checks.require(bool(finite), "have a finite check", name, values)
    width = max(finite) - min(finite) or 1.0
    step = 10 ** math.floor(math.log10(width))
    ends = [math.floor(min(finite) / step - 0.2) * step, math.ceil(max(finite) / step + 0.2) * step]
    ends = [round(max(ends[0], 0.0) if min(finite) >= 0 else ends[0], 9), round(ends[1], 9)]
    losses = [float(f"{value:.4g}") if math.isfinite(value) else None for value in numbers]
    return {"losses": losses, "span": ends, "check": 1 + len(losses) // 2}


# ---- the formulas, read from the code that runs ----


def _traced(method: ReduceOnPlateau) -> tuple[dict[str, Any], dict]:
    """The next state as expressions, and the LaTeX of every symbol in them."""
    letters = symbolic.twin(method)
    old = {key: sympy.Symbol(f"state.{key}", real=True) for key in method.init()}
    metric, better = sympy.Symbol("metric", real=True), sympy.Symbol("better")
    state = symbolic.trace(letters.method.transition, old, metric, better)
    names = {symbol: SYMBOLS[key] for key, symbol in old.items()}
    return state, {**letters.names, **names, metric: "m", better: BETTER}


def _machine(method: ReduceOnPlateau) -> str:
    """JavaScript of the three formulas of one variant."""
    state, _ = _traced(method)
    entries = ", ".join(f"{key}: {symbolic.one_line(expr)}" for key, expr in state.items())
    goal, improves = (symbolic.javascript(method, of=name) for name in ("goal", "improves"))
    transition = f"(state, metric, better, p) => ({{ {entries} }})"
    return f"{{ goal: {goal}, improves: {improves}, transition: {transition} }}"


def _variant(method: ReduceOnPlateau) -> dict[str, Any]:
    """The equations and the code of one variant, with places for the values."""
    state, names = _traced(method)
    lines = equation(BETTER, symbolic.latex(method, of="improves"))
    for key, expr in state.items():
        lines += equation(f"{SYMBOLS[key]}'", symbolic.printed(expr, names))
    twin = symbolic.twin(method).method
    return {"equations": lines, "code": code(twin, "schedules"), "torch": twin.torch()}
