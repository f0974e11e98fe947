"""A search: what is tried, over which space, with how many trials, and where they are kept."""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from helpers.core import checks
from helpers.training.progress import someone_watches
from helpers.training.search.plans import Plan
from helpers.training.search.reports import Result
from helpers.training.search.spaces import Axis, Space, axes_of, fixed_of
from helpers.training.search.storages import check_storage, open_study
from helpers.training.search.tables import live_table
from helpers.training.search.workers import work

if TYPE_CHECKING:
    import optuna

__all__ = ["Search"]


@dataclass(eq=False)
class Search:
    """Look for the values of hyperparameters that make an objective best.

    Written into a file of its own, it is what every worker reads: see the package's own text.

    Parameters
    ----------
    objective : callable
        ``objective(trial, **parts) -> float`` with a :class:`Trial` and one instance for each part of the
        space, by its name. The value may be anything that orders the trials, such as the loss on the
        validation set. A training that diverges, and a value that is not finite, count as pruned.
    space : mapping
        Name of a part to a dataclass whose fields are declared by
        :func:`helpers.core.hyperparameters.hyperparameter`, or to a ``functools.partial`` of one: what
        has a value there stays as it is, everything else is searched.
    trials : int
        How many to run, those of all stages together.
    sampler : {"tpe", "random", "grid"}
        How values are proposed. ``"random"`` draws them evenly [1]_, ``"tpe"`` after ten random trials
        where good ones were more frequent [2]_; ``"grid"`` takes as many points on every axis as
        `trials` allow, ends included.
    stages : int
        Above 1, coarse to fine: each stage gets an equal part of the trials, and looks around the best
        of the stages before, in ranges `shrink` times as long, once their trials have ended.
    shrink : float
        In (0, 1].
    prune : bool
        Whether a trial ends that reports, at the same step, a value worse than the median of the trials
        before; the first five are never pruned.
    maximize : bool
        Whether larger values are better.
    seed : int
        Decides the random proposals: the k-th is the same with one worker as with many.
    ranges : mapping
        Name of an axis, such as ``"schedule.peak_lr"``, to ``(low, high)``, instead of the declared range.
    catch : tuple of exception types
        Errors of the objective that fail the trial and not the worker.
    storage : path or None
        A file ending in ``.journal`` or in ``.db`` (SQLite), which workers can share; None for the memory
        of this process.
    name : str
        Which study in the storage.
    heartbeat : float
        Seconds between two signs of life of a worker; after six missing ones its trial is run again.

    Raises
    ------
    TypeError, ValueError
        If an argument is not fit.

    References
    ----------
    .. [1] J. Bergstra and Y. Bengio, "Random search for hyper-parameter optimization", JMLR 13, 2012.
    .. [2] J. Bergstra, R. Bardenet, Y. Bengio and B. Kegl, "Algorithms for hyper-parameter optimization",
       NeurIPS 2011, section 4.

    Examples
    --------
    >>> from helpers.core.hyperparameters import Hyperparameters, hyperparameter
    >>> @dataclass(frozen=True)
    ... class Point(Hyperparameters):
    ...     x: float = hyperparameter("x", "place", checks.finite, low=-1.0, high=3.0, example=0.0)
    >>> search = Search(lambda trial, point: (point.x - 1) ** 2, {"point": Point}, trials=5, sampler="grid")
    >>> result = search.run()
    >>> result.best.value, result.chosen["point"]
    (0.0, Point(x=1.0))
    """

    objective: Callable[..., float]
    space: Space
    trials: int
    sampler: str = "tpe"
    stages: int = 1
    shrink: float = 0.25
    prune: bool = True
    maximize: bool = False
    seed: int = 0
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    catch: tuple[type[Exception], ...] = ()
    storage: str | os.PathLike | None = None
    name: str = "search"
    heartbeat: float = 10.0
    _study: Any = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        for name, check in (("trials", checks.count), ("stages", checks.count), ("seed", checks.index)):
            check(name, getattr(self, name))
        checks.one_of("tpe", "random", "grid")("sampler", self.sampler)
        checks.unit_interval("shrink", self.shrink)
        checks.positive("heartbeat", self.heartbeat)
        check_storage("storage", self.storage)
        checks.require(self.trials >= self.stages, "be at least one a stage", "trials", self.trials)
        _check_objective(self.objective, self.space)
        smallest = 2 ** len(self.axes) * self.stages
        if self.sampler == "grid" and self.trials < smallest:
            raise ValueError(
                f"trials must be at least {smallest} for a grid over {len(self.axes)} axes"
                f" in {self.stages} stages, got trials={self.trials}"
            )

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """What is searched."""
        return axes_of(self.space, self.ranges)

    @cached_property
    def grid_shape(self) -> tuple[int, ...]:
        """Points of a grid along each axis."""
        exact = (self.trials // self.stages) ** (1 / len(self.axes))
        n = math.floor(exact + 1e-9)  # 27 ** (1 / 3) falls short of 3
        return tuple(axis.count(n) for axis in self.axes)

    @property
    def stage_size(self) -> int:
        """Trials of one stage."""
        return math.prod(self.grid_shape) if self.sampler == "grid" else math.ceil(self.trials / self.stages)

    @property
    def total(self) -> int:
        """Trials of all stages."""
        return self.stage_size * self.stages if self.sampler == "grid" else self.trials

    def run(self, show: bool | None = None) -> Result:
        """Be a worker: run trials until all have ended, those of other workers included.

        Where trials are there already, it goes on after them.

        Parameters
        ----------
        show : bool, optional
            Whether to show a live table; by default where somebody watches.

        Returns
        -------
        Result
        """
        study = self.study()
        with live_table(someone_watches() if show is None else show) as draw:
            work(self, study, lambda plan: draw(str(Result(plan))))
        return self.result()

    def result(self) -> Result:
        """Return what is known so far.

        Raises
        ------
        StudyError
            If no worker has begun.
        """
        study = self.study(create=False)
        return Result(Plan(self, study.get_trials(deepcopy=False)))

    def study(self, create: bool = True) -> optuna.Study:
        """Return Optuna's study of this search, begun if it is new and `create` says so.

        Raises
        ------
        StudyError
            If it is not there, or was begun by a search that differs.
        """
        import optuna

        if self._study is None:
            self._study = open_study(self.storage, self.name, self.maximize, self._settings(), create)
            self._study.pruner = optuna.pruners.MedianPruner() if self.prune else optuna.pruners.NopPruner()
        return self._study

    def _settings(self) -> dict[str, Any]:
        """What cannot change while a study is under way. Where trials come one by one, more may be added."""
        settings = {
            "space": {axis.name: [axis.low, axis.high, axis.log, axis.integer] for axis in self.axes},
            "fixed": fixed_of(self.space),
            "sampler": self.sampler,
            "seed": self.seed,
            "maximize": self.maximize,
            "stages": self.stages,
        }
        in_parts = self.stages > 1 or self.sampler == "grid"
        return {**settings, "shrink": self.shrink, "trials": self.trials} if in_parts else settings


def _check_objective(objective: Any, space: Space) -> None:
    if not callable(objective):
        raise TypeError(f"objective must be callable as objective(trial, **parts), got {objective!r}")
    if not isinstance(space, Mapping):
        raise TypeError(f"space must map names of parts to dataclasses, got {space!r}")
    try:
        inspect.signature(objective).bind(None, **dict.fromkeys(space))
    except TypeError as error:
        wanted = ", ".join(["trial", *space])
        raise TypeError(f"objective must take ({wanted}), got {objective!r}: {error}") from None
