'''Search for hyperparameters: the fields of the book's dataclasses are the space, Optuna does the rest.

A search is written into a file, which is all that a worker must know::

    """Peak rate of a cosine for the small network on the digits."""

    from functools import partial
    from helpers.formulas.schedules import CosineDecay
    from helpers.training import fit
    from helpers.training.search import Search, pruning

    def objective(trial, schedule):
        ...
        history = fit(model, train, val, schedule=schedule, hooks=[pruning(trial)], ...)
        return history.val_losses[-1]

    search = Search(objective, {"schedule": partial(CosineDecay, total_steps=400, end_lr=0.0)}, trials=60,
                    storage="rates.db")
    if __name__ == "__main__":
        print(search.run())

Whoever runs the file takes part: ``python rates.py`` in two terminals is two workers, of which the first one
makes the storage. What they share is a study of Optuna, so that its dashboard and its plots read it too.

>>> from functools import partial
>>> from helpers.formulas.schedules import CosineDecay
>>> cosine = partial(CosineDecay, total_steps=400, end_lr=0.0)
>>> search = Search(lambda trial, schedule: abs(schedule(0) - 0.01), {"schedule": cosine}, 5, sampler="grid")
>>> search.run().parts["schedule"](0)
0.01
'''

from __future__ import annotations

import inspect
import math
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from helpers.core import checks
from helpers.training.divergence import Diverged
from helpers.training.run import Run
from helpers.training.spaces import Axis, Space, axes_of, build

if TYPE_CHECKING:
    import optuna

__all__ = ["Result", "Search", "pruning"]

#: Seconds between two signs of life of a worker, and after which one without a sign is held for dead.
HEARTBEAT, GRACE = 10, 60
#: How often a trial is run again whose workers die: it may be the trial that kills them.
RETRIES = 3


@dataclass(frozen=True, eq=False)
class Search:
    """Look for the values of hyperparameters that make an objective best.

    Parameters
    ----------
    objective : callable
        ``objective(trial, **parts) -> float`` with Optuna's trial and one instance for each part of the
        space, by its name. The value may be anything that orders the trials, such as the loss on the
        validation set. A training that diverges and a value that is not finite count as pruned.
    space : mapping
        As for :func:`.axes_of`.
    trials : int
        How many to run, those of all workers together. Several that run the last ones at the same moment
        may run a few more.
    sampler : {"tpe", "random", "grid"}
        How values are proposed. ``"random"`` draws them evenly [1]_, ``"tpe"`` after ten random trials
        where good ones were more frequent [2]_; ``"grid"`` takes as many points on every axis as
        `trials` allow, ends included.
    prune : bool
        Whether a trial ends that reports, at the same step, a value worse than the median of the trials
        before; the first five are never pruned.
    maximize : bool
        Whether larger values are better.
    seed : int
        Decides the proposals of a search in memory. Workers that share a file draw seeds of their own.
    ranges : mapping
        Name of an axis to ``(low, high)``, instead of the declared range. From coarse to fine: give the
        second search ``first.run().ranges(share=0.25)``.
    catch : tuple of exception types
        Errors of the objective that fail the trial and not the worker.
    storage : path or None
        A file ending in ``.db`` (SQLite, for workers on one machine: a trial whose worker died is run again)
        or in ``.journal`` (for a shared folder: another trial is run instead); None for memory.
    name : str
        Which study in the storage. A study keeps its trials: other ranges want another name.

    Raises
    ------
    TypeError, ValueError
        If an argument is not fit.

    References
    ----------
    .. [1] J. Bergstra and Y. Bengio, "Random search for hyper-parameter optimization", JMLR 13, 2012.
    .. [2] J. Bergstra, R. Bardenet, Y. Bengio and B. Kegl, "Algorithms for hyper-parameter optimization",
       NeurIPS 2011, section 4.
    """

    objective: Callable[..., float]
    space: Space
    trials: int
    sampler: str = "tpe"
    prune: bool = True
    maximize: bool = False
    seed: int = 0
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    catch: tuple[type[Exception], ...] = ()
    storage: str | os.PathLike | None = None
    name: str = "search"

    def __post_init__(self) -> None:
        checks.count("trials", self.trials)
        checks.index("seed", self.seed)
        checks.one_of("tpe", "random", "grid")("sampler", self.sampler)
        _check_objective(self.objective, self.space)
        if self.storage is not None:
            path = Path(self.storage)
            checks.require(path.suffix in (".db", ".journal"), "end in .db or .journal", "storage", str(path))
            there = path.absolute().parent.is_dir()
            checks.require(there, "lie in a folder that is there", "storage", str(path))
        fewest = 2 ** len(self.axes) if self.sampler == "grid" else 1
        checks.require(self.trials >= fewest, f"be at least {fewest} for this grid", "trials", self.trials)

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """What is searched."""
        return axes_of(self.space, self.ranges)

    @cached_property
    def grid(self) -> dict[str, list[float]]:
        """Points of a grid along each axis."""
        n = math.floor(self.trials ** (1 / len(self.axes)) + 1e-9)  # 27 ** (1 / 3) falls short of 3
        return {axis.name: axis.points(n) for axis in self.axes}

    @cached_property
    def study(self) -> optuna.Study:
        """Optuna's study of this search, begun if it is not there."""
        import optuna

        seed = self.seed if self.storage is None else None
        if self.sampler == "grid":
            sampler = optuna.samplers.GridSampler(self.grid, seed=seed)
        else:
            kinds = {"tpe": optuna.samplers.TPESampler, "random": optuna.samplers.RandomSampler}
            sampler = kinds[self.sampler](seed=seed)
        return optuna.create_study(
            storage=_storage(self.storage),
            study_name=self.name,
            direction="maximize" if self.maximize else "minimize",
            sampler=sampler,
            pruner=optuna.pruners.MedianPruner() if self.prune else optuna.pruners.NopPruner(),
            load_if_exists=True,
        )

    def run(self) -> Result:
        """Be a worker: run trials until as many as were asked for have ended, those of others included."""
        total = math.prod(map(len, self.grid.values())) if self.sampler == "grid" else self.trials
        while self._ended() < total:
            self.study.optimize(self._value, n_trials=1, catch=self.catch)
        return self.result()

    def result(self) -> Result:
        """Return what is known so far."""
        return Result(self, self.study.get_trials(deepcopy=False))

    def _ended(self) -> int:
        """Trials that are done with. What a worker left behind, dead or at an error, is not."""
        trials, ends = self.study.get_trials(deepcopy=False), ("COMPLETE", "PRUNED")
        return sum(trial.state.name in ends or "note" in trial.user_attrs for trial in trials)

    def _value(self, trial: optuna.Trial) -> float:
        """Return the objective's value for a trial of Optuna; what has none is pruned, with a note why."""
        try:
            parts = build(self.space, {axis.name: axis.suggest(trial) for axis in self.axes})
        except (TypeError, ValueError) as error:  # values that do not go together
            _prune(trial, str(error))
        try:
            value = float(self.objective(trial, **parts))
        except Diverged as error:
            _prune(trial, str(error))
        except self.catch as error:
            trial.set_user_attr("note", f"{type(error).__name__}: {error}")
            raise
        if not math.isfinite(value):
            _prune(trial, f"value {value}")
        return value


def pruning(trial: optuna.Trial, metric: str = "val_losses") -> Callable[[Run], None]:
    """Return a hook for ``fit`` that reports a trial's validation after every epoch, and ends it if hopeless.

    Parameters
    ----------
    trial : optuna.Trial
        What the objective was given.
    metric : str
        A field of the history: ``"val_losses"``, or ``"val_accuracies"`` where the search maximizes.
    """

    def report(run: Run) -> None:
        if run.ends_epoch and run.history.val_steps:
            trial.report(getattr(run.history, metric)[-1], run.epoch)
            if trial.should_prune():
                _prune(trial, f"pruned after epoch {run.epoch}")

    return report


def _prune(trial: optuna.Trial, note: str) -> NoReturn:
    import optuna

    trial.set_user_attr("note", note)
    raise optuna.TrialPruned(note)


def _storage(path: str | os.PathLike | None) -> optuna.storages.BaseStorage | None:
    """Open what workers share. Of SQLite alone Optuna knows signs of life, and who has lost a worker."""
    from optuna import exceptions, storages

    if path is None:
        return None
    path = Path(path).absolute()
    if path.suffix == ".journal":
        return storages.JournalStorage(storages.journal.JournalFileBackend(str(path)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", exceptions.ExperimentalWarning)
        return storages.RDBStorage(
            f"sqlite:///{path}",
            heartbeat_interval=HEARTBEAT,
            grace_period=GRACE,
            heartbeat_stale_trial_callback=storages.RetryHeartbeatStaleTrialCallback(max_retry=RETRIES),
        )


def _check_objective(objective: Any, space: Space) -> None:
    if not isinstance(space, Mapping):
        raise TypeError(f"space must map names of parts to dataclasses, got {space!r}")
    arguments = ", ".join(["trial", *space])
    if not callable(objective):
        raise TypeError(f"objective must be callable as objective({arguments}), got {objective!r}")
    try:
        inspect.signature(objective).bind(None, **dict.fromkeys(space))
    except TypeError as error:
        raise TypeError(f"objective must take ({arguments}), got {objective!r}: {error}") from None


# ---- what came of it ----


class Result:
    """What a search found so far; printed, it is a summary and the ten best trials.

    Parameters
    ----------
    search : Search
        The search.
    trials : list of optuna.trial.FrozenTrial
        All that its study knows, in the order of their numbers.
    """

    def __init__(self, search: Search, trials: list[optuna.trial.FrozenTrial]) -> None:
        self.search, self.trials = search, trials
        sign = -1 if search.maximize else 1
        finished = (trial for trial in trials if trial.state.name == "COMPLETE")
        self._ranked = sorted(finished, key=lambda trial: sign * trial.value)

    @property
    def best(self) -> optuna.trial.FrozenTrial:
        """The finished trial with the best value.

        Raises
        ------
        ValueError
            If no trial has finished.
        """
        if not self._ranked:
            raise ValueError(f"a trial must have finished, got {self._counts()}")
        return self._ranked[0]

    @property
    def parts(self) -> dict[str, Any]:
        """The parts of the space at their best values, ready for the last training."""
        return build(self.search.space, self.best.params)

    @property
    def borders(self) -> list[str]:
        """A sentence for every best value on the border of its range."""
        places = [(a, a.border(self.best.params[a.name])) for a in self.search.axes if self._ranked]
        return [
            f"{axis.name} = {self.best.params[axis.name]:.4g} lies on the {side} border of {axis.low:.4g} to"
            f" {axis.high:.4g}: better values may lie {'below' if side == 'lower' else 'above'}."
            for axis, side in places
            if side
        ]

    def ranges(self, share: float) -> dict[str, tuple[float, float]]:
        """Return ranges around the best values, as many times as long as before, for a finer search."""
        fine = (axis.narrowed(self.best.params[axis.name], share) for axis in self.search.axes)
        return {axis.name: (axis.low, axis.high) for axis in fine}

    def __repr__(self) -> str:
        lines = [f"{self.search.name}: {self._counts()}", *self.borders]
        for trial in self._ranked[:10]:
            values = ", ".join(f"{name} = {value:.4g}" for name, value in trial.params.items())
            lines.append(f"trial {trial.number:4}: {trial.value:<10.6g} {values}")
        return "\n".join(lines)

    def _counts(self) -> str:
        states = [trial.state.name.lower() for trial in self.trials]
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        return f"{counts or 'nothing'} of {self.search.trials} trials"
