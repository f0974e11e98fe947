"""What a search found so far, as numbers and in words."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from helpers.training.search.plans import Plan, origin
from helpers.training.search.spaces import Axis, allows, build
from helpers.training.search.tables import columns

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["Record", "Result"]

WORDS = {
    "COMPLETE": "finished",
    "PRUNED": "pruned",
    "FAIL": "failed",
    "RUNNING": "running",
    "WAITING": "waiting",
}


@dataclass(frozen=True)
class Record:
    """One trial.

    Parameters
    ----------
    number : int
        Its number in the study.
    stage : int
        Its stage, from 0.
    state : str
        ``"finished"``, ``"pruned"``, ``"failed"``, ``"lost"`` (its worker died; it is run again under
        another number, or was, as often as it may), ``"running"`` or ``"waiting"``.
    value : float or None
        What the objective returned; of a pruned trial, what it reported last.
    values : dict
        Name of an axis to the value tried.
    seconds : float or None
        How long it took, or has taken so far.
    note : str
        Why it ended before its time.
    """

    number: int
    stage: int
    state: str
    value: float | None
    values: dict[str, Any]
    seconds: float | None
    note: str


class Result:
    """What a search found so far. Shown in a notebook or printed, it is a table.

    Parameters
    ----------
    plan : Plan
        The search and its trials.

    Attributes
    ----------
    records : list of Record
        All trials, in the order of their numbers.
    complete : bool
        Whether all trials that were asked for have ended.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.complete = plan.is_complete
        self.records = [_record(plan, trial) for trial in plan.trials if plan.counts(trial)]

    @property
    def best(self) -> Record:
        """The finished trial with the best value.

        Raises
        ------
        ValueError
            If no trial has finished.
        """
        best = self._plan.best()
        if best is None:
            raise ValueError(f"a trial must have finished, got {self._counts()}")
        return _record(self._plan, best)

    @property
    def chosen(self) -> dict[str, Any]:
        """The parts of the space at their best values, ready for the last training."""
        return build(self._plan.search.space, self.best.values)

    @property
    def borders(self) -> list[str]:
        """A sentence for every best value on the border of the range it was taken from."""
        if self._plan.best() is None:
            return []
        best = self.best
        ends = [(axis, axis.border(best.values[axis.name])) for axis in self._plan.axes(best.stage)]
        return [self._on_border(axis, side, best) for axis, side in ends if side]

    def _on_border(self, axis: Axis, side: str, best: Record) -> str:
        place = "below" if side == "lower" else "above"
        allowed = allows(self._plan.search.space, axis.name, axis.beyond(side))
        return (
            f"{axis.name} = {best.values[axis.name]:.4g} lies on the {side} border of {axis.low:.4g} to"
            f" {axis.high:.4g}{self._of_stage(best.stage)}: "
            + (f"better values may lie {place}." if allowed else f"no value {place} is allowed.")
        )

    def table(self, rows: int = 10) -> str:
        """Return the best trials, and after them those that run, wait or did not finish, as text.

        Parameters
        ----------
        rows : int
            At most so many of each.
        """
        order = {state: i for i, state in enumerate(("running", "waiting", "lost", "failed", "pruned"))}
        sign = -1 if self._plan.search.maximize else 1
        finished = [record for record in self.records if record.state == "finished"]
        others = [record for record in self.records if record.state != "finished"]
        finished.sort(key=lambda record: sign * record.value)
        others.sort(key=lambda record: (order[record.state], -record.number))
        shown = finished[:rows] + others[:rows]
        names = [axis.name for axis in self._plan.search.axes]
        head = ["trial", "state", "value", *names, "seconds", "note"]
        lines = [
            [r.number, r.state, r.value, *(r.values.get(name) for name in names), r.seconds, r.note]
            for r in shown
        ]
        left_out = len(self.records) - len(shown)
        return columns(head, lines) + (f"\nand {left_out} more" if left_out else "")

    @property
    def summary(self) -> str:
        """How far the search is, and the best trial, in a line or two."""
        said = f"{self._plan.search.name}: {self._counts()}"
        if self._plan.best() is None:
            return said
        values = ", ".join(f"{name} = {value:.4g}" for name, value in self.best.values.items())
        return f"{said}\nbest {self.best.value:.6g} by trial {self.best.number}: {values}"

    def __repr__(self) -> str:
        head = "\n".join([self.summary, *self.borders])
        return f"{head}\n\n{self.table()}" if self.records else head

    def _counts(self) -> str:
        search, states = self._plan.search, [record.state for record in self.records]
        ended = sum(states.count(state) for state in ("finished", "pruned", "failed"))
        said = [f"{states.count(state)} {state}" for state in dict.fromkeys(states)]
        stage = min(len(self._plan.ranks) // search.stage_size, search.stages - 1)
        return f"{ended} of {search.total} trials{self._of_stage(stage)}" + (
            f": {', '.join(said)}" if said else ""
        )

    def _of_stage(self, stage: int) -> str:
        stages = self._plan.search.stages
        return f" in stage {stage + 1} of {stages}" if stages > 1 else ""


def _record(plan: Plan, trial: FrozenTrial) -> Record:
    note = trial.user_attrs.get("note", "")
    state = WORDS[trial.state.name]
    if state == "failed" and not note:
        state = "lost"
    if origin(trial) != trial.number and not note:
        note = f"trial {origin(trial)} again"
    if state == "running" and "beat" in trial.user_attrs:
        note = f"last sign of life {max(0.0, time.time() - trial.user_attrs['beat']):.0f} s ago"
    value = trial.value if trial.state.name in ("COMPLETE", "PRUNED") else None
    value = None if value is None or math.isnan(value) else value
    return Record(trial.number, plan.stage(trial), state, value, dict(trial.params), _seconds(trial), note)


def _seconds(trial: FrozenTrial) -> float | None:
    if trial.datetime_start is None:
        return None
    return ((trial.datetime_complete or datetime.now()) - trial.datetime_start).total_seconds()
