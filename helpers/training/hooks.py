"""Pieces that hang on the loop: change the batch, clip the gradient, stop early, lower the rate.

:func:`helpers.training.fit` says when a hook is called. The averages (``averaging.EMA``,
``averaging.SWA``) and ``checkpoints.Checkpoints`` are hooks too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from helpers.core import checks
from helpers.formulas.schedules import ReduceOnPlateau
from helpers.training import processes
from helpers.training.batches import Data
from helpers.training.divergence import Diverged
from helpers.training.run import Run

__all__ = ["Augment", "ClipGradient", "EarlyStopping", "Plateau", "RecordNorms", "StopOnDivergence"]

METRICS = ("loss", "accuracy")


@dataclass(frozen=True)
class Augment:
    """Let a training see changed copies of its images.

    Its random numbers are its own, in each process others, and follow the seed of the training.

    Parameters
    ----------
    change : callable
        ``change(images, labels, generator) -> (images, labels)`` for each batch, as a
        :class:`helpers.training.augmentation.Augmentation`.
    """

    change: Callable[[Tensor, Tensor, torch.Generator], Data]
    generator: torch.Generator = field(default_factory=torch.Generator, init=False, repr=False, compare=False)

    def start(self, run: Run) -> None:
        """Draw a seed from the training's generator, which stays common to all processes."""
        seed = int(torch.randint(2**62, (), generator=run.batches.generator))
        self.generator.manual_seed(seed + processes.rank())

    def batch(self, images: Tensor, labels: Tensor) -> Data:
        """Return the changed batch."""
        return self.change(images, labels, self.generator)

    def state_dict(self) -> dict[str, Any]:
        """Return where the random numbers of each process stand."""
        return {"generators": processes.gather(self.generator.get_state())}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with the random numbers of this process."""
        self.generator.set_state(state["generators"][processes.rank()])


class RecordNorms:
    """Write the norm of every gradient into the history, which :class:`ClipGradient` does anyway."""

    def gradients(self, run: Run) -> None:
        """Measure the whole gradient."""
        run.recorder.add_norm(clip_grad_norm_(run.model.parameters(), math.inf))


@dataclass(frozen=True)
class ClipGradient:
    """Shorten a gradient that is too long, and write its norm before that into the history.

    Parameters
    ----------
    max_norm : float
        Largest norm of the whole gradient, above 0.

    Raises
    ------
    TypeError, ValueError
        If it is not fit.
    """

    max_norm: float

    def __post_init__(self) -> None:
        checks.positive("max_norm", self.max_norm)

    def gradients(self, run: Run) -> None:
        """Shorten the whole gradient to `max_norm`."""
        run.recorder.add_norm(clip_grad_norm_(run.model.parameters(), self.max_norm))


@dataclass(eq=False)
class EarlyStopping:
    """Stop a training whose validation has not improved for too many looks, and return to its best.

    Parameters
    ----------
    patience : int
        Looks without improvement that are borne; the one after them stops the training. Zero or above.
    metric : str
        ``"loss"``, which should fall, or ``"accuracy"``, which should rise.
    min_delta : float
        By how much a look must beat the best, zero or above.
    restore_best : bool
        Whether the model gets the weights (and batch-norm statistics) of its best look at the end,
        however the training ended.

    Attributes
    ----------
    best : float
        The best value seen.
    best_step : int
        Updates made when it was seen.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range; when the training starts, if it has no validation set.

    References
    ----------
    .. [1] L. Prechelt, "Early Stopping - But When?", in Neural Networks: Tricks of the Trade, 1998.

    Examples
    --------
    >>> EarlyStopping(patience=3, metric="accuracy")
    EarlyStopping(patience=3, metric='accuracy', min_delta=0.0, restore_best=True)
    """

    patience: int
    metric: str = "loss"
    min_delta: float = 0.0
    restore_best: bool = True

    def __post_init__(self) -> None:
        checks.index("patience", self.patience)
        checks.one_of(*METRICS)("metric", self.metric)
        checks.non_negative("min_delta", self.min_delta)
        checks.boolean("restore_best", self.restore_best)
        self.best, self.best_step, self.bad_looks, self.weights = math.nan, 0, 0, {}

    def start(self, run: Run) -> None:
        """Forget what another training has shown."""
        _check_validation(run, self.metric)
        self.__post_init__()

    def __call__(self, run: Run) -> None:
        if not run.ends_epoch:
            return
        value = run.validation[self.metric]
        gain = self.best - value if self.metric == "loss" else value - self.best
        # Nothing beats a best that is not a number yet; a value that is none never beats anything.
        if gain > self.min_delta or (math.isnan(self.best) and not math.isnan(value)):
            self.best, self.best_step, self.bad_looks = value, run.step, 0
            if self.restore_best:
                self.weights = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
            return
        self.bad_looks += 1
        if self.bad_looks > self.patience:
            run.stop()

    def finish(self, run: Run) -> None:
        """Put the best weights back."""
        if self.weights:
            run.model.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Any]:
        """Return what it remembers."""
        return {name: getattr(self, name) for name in ("best", "best_step", "bad_looks", "weights")}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Remember what `state` says."""
        vars(self).update(state)


class Plateau:
    """Let the validation lower the rate: a schedule, ``plateau.rate``, and the hook that feeds it.

    Parameters
    ----------
    schedule : ReduceOnPlateau
        Which rate to begin with, and when to lower it.
    metric : str
        ``"loss"`` or ``"accuracy"`` of the validation set; the schedule's ``mode`` says which way is better.

    Attributes
    ----------
    state : dict
        The schedule's present state.

    Raises
    ------
    TypeError, ValueError
        If an argument is not fit; when the training starts, if it has no validation set.

    Examples
    --------
    >>> plateau = Plateau(ReduceOnPlateau(lr=0.1, patience=2))
    >>> plateau.rate(0)  # fit(..., schedule=plateau.rate, hooks=[plateau])
    0.1
    """

    def __init__(self, schedule: ReduceOnPlateau, metric: str = "loss") -> None:
        if not isinstance(schedule, ReduceOnPlateau):
            raise TypeError(f"schedule must be a ReduceOnPlateau, got schedule={schedule!r}")
        checks.one_of(*METRICS)("metric", metric)
        wanted = "min" if metric == "loss" else "max"
        checks.require(schedule.mode == wanted, f"be {wanted!r} for the {metric}", "mode", schedule.mode)
        self.schedule, self.metric, self.state = schedule, metric, schedule.init()

    def rate(self, step: int) -> float:
        """Return the present rate, whatever the step."""
        return self.state["lr"]

    def start(self, run: Run) -> None:
        """Begin with the first rate."""
        _check_validation(run, self.metric)
        self.state = self.schedule.init()

    def __call__(self, run: Run) -> None:
        if run.ends_epoch:
            self.state = self.schedule.observe(self.state, run.validation[self.metric])

    def state_dict(self) -> dict[str, Any]:
        """Return the schedule's state."""
        return self.state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with the schedule's state."""
        self.state = state


class StopOnDivergence:
    r"""End a hopeless training soon, instead of at the end of its epoch.

    Parameters
    ----------
    every : int
        Updates between two looks; each makes a GPU wait.
    limit : float
        Largest mean loss over the updates since the last look; infinity lets only NaN and infinity stop
        the training.

    Raises
    ------
    TypeError, ValueError
        If an argument is not positive.

    Notes
    -----
    It raises :class:`helpers.training.divergence.Diverged`. For a classifier, a limit of several times
    :math:`\log K`, the loss of a guess among K classes, leaves a rough start alone.

    Examples
    --------
    >>> StopOnDivergence(every=10, limit=10.0)
    StopOnDivergence(every=10, limit=10.0)
    """

    def __init__(self, every: int = 10, limit: float = math.inf) -> None:
        checks.count("every", every)
        checks.real("limit", limit)
        checks.require(limit > 0, "be positive", "limit", limit)
        self.every, self.limit = every, limit

    def __repr__(self) -> str:
        return f"StopOnDivergence(every={self.every}, limit={self.limit})"

    def __call__(self, run: Run) -> None:
        if run.step % self.every:
            return
        run.fetch()
        recent = run.history.losses[-self.every :]
        mean = math.fsum(recent) / len(recent)
        if mean > self.limit:
            what = f"loss must stay below {self.limit}, got a mean of {mean:.4g}"
            raise Diverged(what, run.history, run.step - 1, run.checkpoint)


def _check_validation(run: Run, metric: str) -> None:
    if not run.validates:
        raise ValueError(f"val must be a validation set, as its {metric} decides, got val=None")
