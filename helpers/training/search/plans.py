"""What the trials so far mean: which belong to the search, which stage they are of, what comes next.

Every worker reads the same list of trials and comes to the same conclusions, so that no worker leads
and none has to be told anything. A trial whose worker was lost is run again as a new trial that knows
its origin; all trials of one origin count as one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from helpers.training.search.searches import Search
    from helpers.training.search.spaces import Axis

__all__ = ["Plan", "origin"]

UNFINISHED = ("RUNNING", "WAITING")


def origin(trial: FrozenTrial) -> int:
    """Return the number of the trial that this one runs again, its own if it is the first."""
    return trial.user_attrs.get("origin", trial.number)


@dataclass(frozen=True, eq=False)
class Plan:
    """A search and the trials of it so far.

    Parameters
    ----------
    search : Search
        What is searched, how, and with how many trials.
    trials : sequence of optuna.trial.FrozenTrial
        In the order of their numbers.
    """

    search: Search
    trials: Sequence[FrozenTrial]

    @cached_property
    def ranks(self) -> dict[int, int]:
        """Number of every first run to its place among them, from 0."""
        firsts = (trial.number for trial in self.trials if origin(trial) == trial.number)
        return {number: rank for rank, number in enumerate(firsts)}

    @property
    def unfinished(self) -> list[FrozenTrial]:
        """The trials of the search that are running or wait for a worker."""
        return [trial for trial in self.trials if trial.state.name in UNFINISHED and self.counts(trial)]

    @property
    def has_work(self) -> bool:
        """Whether a worker finds a trial to run: one that waits, or a new one."""
        waiting = any(trial.state.name == "WAITING" for trial in self.trials)
        return waiting or len(self.ranks) < self.search.total

    @property
    def is_complete(self) -> bool:
        """Whether every trial of the search was started and has ended."""
        return len(self.ranks) >= self.search.total and not self.unfinished

    def rank(self, trial: FrozenTrial) -> int:
        """Return the place of a trial among all trials of the search, from 0."""
        return self.ranks[origin(trial)]

    def counts(self, trial: FrozenTrial) -> bool:
        """Tell whether a trial is one of the search, and not one more than it asked for.

        Two workers that begin the last trial at the same moment begin one too many.
        """
        return self.rank(trial) < self.search.total

    def stage(self, trial: FrozenTrial) -> int:
        """Return the stage that a trial belongs to, from 0."""
        return self.rank(trial) // self.search.stage_size

    def waits(self, stage: int) -> bool:
        """Tell whether trials of earlier stages are still running, which decide where this one looks."""
        return any(t.state.name == "RUNNING" and self.stage(t) < stage for t in self.unfinished)

    def best(self, before_stage: float = math.inf) -> FrozenTrial | None:
        """Return the best finished trial of the stages before a given one, None where there is none."""
        finished = [
            trial
            for trial in self.trials
            if trial.state.name == "COMPLETE" and self.counts(trial) and self.stage(trial) < before_stage
        ]
        sign = -1 if self.search.maximize else 1
        return min(finished, key=lambda trial: sign * trial.value, default=None)

    def axes(self, stage: int) -> tuple[Axis, ...]:
        """Return the axes of a stage: those of the search, cut down around the best of the stages before."""
        best = self.best(before_stage=stage)
        if stage == 0 or best is None:
            return self.search.axes
        share = self.search.shrink**stage
        return tuple(axis.narrowed(best.params[axis.name], share) for axis in self.search.axes)

    def grid_point(self, trial: FrozenTrial) -> dict[str, Any]:
        """Return the point of its stage's grid that is a trial's, as axis name to value."""
        place, point = self.rank(trial) % self.search.stage_size, {}
        for axis, n in zip(self.axes(self.stage(trial)), self.search.grid_shape, strict=True):
            place, i = divmod(place, n)
            point[axis.name] = axis.points(n)[i]
        return point
