"""One schedule after another in the schedule explorer: formula and code with places for any two."""

from __future__ import annotations

import dataclasses
from typing import Any

import sympy

from helpers.core import checks, symbolic
from helpers.figures.explorers.facts import code
from helpers.formulas.schedules import Joined, Schedule, Warmup

__all__ = ["in_turn", "pair_code", "parts", "stages", "torch_code"]


def parts(schedule: Schedule) -> tuple[Schedule, ...]:
    """Return what follows one another: two schedules where they are joined, else one."""
    if not isinstance(schedule, Joined):
        return (schedule,)
    fits = len(schedule.schedules) == 2 and not isinstance(schedule.schedules[1], Warmup)
    checks.require(fits, "be joined of two, the second without a warmup", "schedule", schedule)
    return schedule.schedules


def in_turn() -> str:
    """Return the JavaScript of one schedule after another, of any two: `Joined`'s formula on their names.

    >>> in_turn()
    '(t, p, first, then) => ((t < p.milestones[0]) ? ( first(t) ) : ( then(-p.milestones[0] + t) ))'
    """
    named = [_Named(name) for name in ("first", "then")]
    formula = symbolic.trace(Joined.formula, _Pair(named), sympy.Symbol("t", real=True))
    text = sympy.jscode(formula, user_functions={part.name: part.name for part in named})
    return f"(t, p, first, then) => {' '.join(text.split())}"


@dataclasses.dataclass(frozen=True)
class _Named:
    """A schedule of which only the name is known."""

    name: str

    def formula(self, t: Any) -> Any:
        return sympy.Function(self.name)(t)


@dataclasses.dataclass(frozen=True)
class _Pair:
    """What `Joined.formula` asks for, of two such schedules."""

    schedules: list[_Named]
    milestones: tuple = (sympy.Symbol("p.milestones[0]", real=True),)


def pair_code(pair: Joined) -> str:
    """Return the Python that joins two schedules, with places for their own."""
    first, then = (code(part, "schedules") for part in pair.schedules)
    text = code(pair, "schedules").replace(str(pair.milestones), "(p.milestones[0],)")
    return text.replace(first, "p.first").replace(then, "p.then")


def stages(schedule: Schedule) -> dict[str, Any]:
    """Return the torch expression of each stretch with its first step, and an optimizer's first rate."""
    twin = symbolic.twin(schedule).method
    base = symbolic.one_line(sympy.sympify(twin.base_lr))
    return {"stages": [[str(start), line] for start, line in twin.torch_parts()], "base": base}


def torch_code(schedule: Schedule) -> str:
    """Return the torch expression of a schedule, or why there is none for two that are joined."""
    rates = [part.base_lr for part in parts(schedule)]
    if len(set(rates)) > 1:
        return f"# torch's SequentialLR needs one rate for both, not {' and '.join(map(repr, rates))}"
    return schedule.torch()
