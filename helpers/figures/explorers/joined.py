"""One schedule after another in the schedule explorer: formula and code with places for any two."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import sympy

from helpers.core import checks, symbolic
from helpers.figures.explorers.facts import code
from helpers.formulas.schedules import Joined, Schedule, Warmup

__all__ = ["in_turn", "pair_code", "parts", "scripts", "stages", "torch_code"]


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
    """Return torch's expression of each stretch and its first step, an optimizer's rate, the formula."""
    twin = symbolic.twin(schedule).method
    base = symbolic.one_line(sympy.sympify(twin.base_lr))
    told = {"stages": [[str(start), line] for start, line in twin.torch_parts()], "base": base}
    return told | {"python": symbolic.python(symbolic.expression(schedule)[0])}


def scripts(form: str, schedule: Schedule) -> str:
    """Return the JavaScript of a form of a schedule, and of where torch's line agrees, if not everywhere."""
    agrees, _ = symbolic.expression(schedule, of="torch_agrees")
    texts = [f"{form}: {symbolic.javascript(schedule)}"]
    if agrees != sympy.true:
        texts.append(f"{form}Torch: {symbolic.javascript(schedule, of='torch_agrees')}")
    return ", ".join(texts)


def torch_code(schedule: Schedule, total_steps: int) -> str:
    """Return a torch expression with a schedule's rates in a run: torch's classes, or else the formula."""
    first, *others = parts(schedule)
    if schedule.torch_agrees(total_steps) and all(part.base_lr == first.base_lr for part in others):
        return schedule.torch()
    if not first.base_lr:
        return "# torch multiplies the optimizer's rate, and it would be 0"
    rates = _in_python(first)
    for then in others:
        step = schedule.milestones[0]
        rates = f"{rates} if t < {step} else (lambda t: {_in_python(then)})(t - {step})"
    return f"LambdaLR(optimizer, lambda t: ({rates}) / {first.base_lr})"


def _in_python(schedule: Schedule) -> str:
    """The formula of the rate at step t, with the present values."""
    expr, found = symbolic.expression(schedule)
    values = {symbol.name: repr(value) for symbol, value in found.values.items()}
    return re.sub(r"\bp(?:\.\w+|\[\d+\])+", lambda place: values[place[0]], symbolic.python(expr))
