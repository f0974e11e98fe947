"""The one schedule that looks at the training: it lowers the rate when a metric has stopped to improve."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from helpers.core import checks
from helpers.core.hyperparameters import hyperparameter
from helpers.core.mathematics import absolute, maximum, where
from helpers.core.methods import Method
from helpers.formulas.schedules import fields
from helpers.formulas.schedules.base import Schedule, torch_line

__all__ = ["ReduceOnPlateau"]


@dataclass(frozen=True)
class ReduceOnPlateau(Method):
    r"""Multiply the rate by a factor once the metric has not improved for too many checks.

    The schedule remembers nothing itself: :meth:`init` gives the state before training, :meth:`observe`
    the state after a metric. A state is a dict with ``lr``, the rate to train with from now on; ``best``,
    the best metric so far; ``bad_checks``, the checks without improvement; and ``cooldown``, the checks that
    are yet to be forgiven.

    Parameters
    ----------
    lr : float
        Rate at the start, above 0.
    factor : float
        What the rate is multiplied by, in (0, 1].
    patience : int
        Bad checks that are borne; the one after them lowers the rate. Zero or above.
    threshold : float
        By how much a metric must beat the best, zero or above.
    threshold_mode : str
        ``"rel"``: the threshold is a part of the best metric's size; ``"abs"``: it is in the metric's unit.
    mode : str
        ``"min"`` for a metric that should fall, such as a loss; ``"max"`` for one that should rise.
    cooldown : int
        Checks after a reduction in which none counts as bad; the best is still kept. Zero or above.
    min_lr : float
        Rate below which it never goes, from 0 to `lr`.

    Notes
    -----
    A metric that is NaN is a bad check, at the start too, and is never the best. The relative threshold is
    taken from the *size* of the best metric. Torch, Paddle and optax multiply the best itself, which turns
    the threshold round for negative metrics: there a slightly worse value counts as better.

    Examples
    --------
    >>> schedule = ReduceOnPlateau(lr=0.1, factor=0.5, patience=1)
    >>> state = schedule.init()
    >>> for loss in (1.0, 0.8, 0.9, 0.85, 0.7):
    ...     state = schedule.observe(state, loss)
    ...     print(state["lr"], state["best"], state["bad_checks"])
    0.1 1.0 0
    0.1 0.8 0
    0.1 0.8 1
    0.05 0.8 0
    0.05 0.7 0
    """

    lr: float = hyperparameter(
        r"\eta_0", "start learning rate", checks.positive, low=1e-4, high=1.0, log=True, example=0.1
    )
    factor: float = fields.factor(default=0.1)
    patience: int = hyperparameter("P", "patience", checks.index, unit="checks", low=0, high=20, default=10)
    threshold: float = hyperparameter(
        r"\tau", "threshold", checks.non_negative, low=0.0, high=0.1, default=1e-4
    )
    threshold_mode: str = "rel"
    mode: str = "min"
    cooldown: int = hyperparameter("c", "cool-down", checks.index, unit="checks", low=0, high=20, default=0)
    min_lr: float = fields.min_lr(default=0.0)

    words = "reduce on plateau"
    argument_symbols: ClassVar[dict[str, str]] = {"metric": "m", "best": "b"}
    lesson = 20
    libraries = Schedule.libraries

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.one_of("rel", "abs")("threshold_mode", self.threshold_mode)
        checks.one_of("min", "max")("mode", self.mode)
        checks.require(self.min_lr <= self.lr, f"be at most lr={self.lr}", "min_lr", self.min_lr)

    @property
    def base_lr(self) -> float:
        """The rate with which an optimizer of another library is made."""
        return self.lr

    def init(self) -> dict[str, Any]:
        """Return the state before training: any number is better than the best metric so far."""
        worst = math.inf if self.mode == "min" else -math.inf
        return {"lr": self.lr, "best": worst, "bad_checks": 0, "cooldown": 0}

    def observe(self, state: dict[str, Any], metric: float) -> dict[str, Any]:
        """Return the state after a metric; the one before is not changed.

        Parameters
        ----------
        state : dict
            What :meth:`init` or the observation before returned.
        metric : float or array of shape ()
            The newest value, such as the validation loss; NaN is allowed.

        Returns
        -------
        dict

        Raises
        ------
        TypeError
            If `metric` is not a real number.
        """
        metric = metric.item() if getattr(metric, "shape", None) == () else metric
        checks.real("metric", metric)
        metric = float(metric)
        return self.transition(state, metric, self.improves(metric, state["best"]))

    def goal(self, best: Any) -> Any:
        """Return what a metric has to beat: the best, and the threshold beyond it."""
        margin = self.threshold
        if self.threshold_mode == "rel":
            # Before the first metric the best is infinite, and infinity less infinity would be no number.
            margin = margin * where(absolute(best) < math.inf, absolute(best), 0)
        return best - margin if self.mode == "min" else best + margin

    def improves(self, metric: Any, best: Any) -> Any:
        """Tell whether a metric beats the best by more than the threshold; NaN never does."""
        return metric < self.goal(best) if self.mode == "min" else metric > self.goal(best)

    def transition(self, state: dict[str, Any], metric: Any, better: Any) -> dict[str, Any]:
        """Return the state after a metric that is better than the best or not; it works on symbols too.

        There are three cases: the check is no bad one, it is one too many, or it is counted.
        """
        forgiven, enough = better | (state["cooldown"] > 0), state["bad_checks"] + 1 > self.patience

        def cases(good: Any, last: Any, bad: Any) -> Any:
            return where(forgiven, good, where(enough, last, bad))

        lr, lower = state["lr"], maximum(state["lr"] * self.factor, self.min_lr)
        return {
            "lr": cases(lr, lower, lr),
            "best": where(better, metric, state["best"]),
            "bad_checks": cases(0, 0, state["bad_checks"] + 1),
            "cooldown": cases(maximum(state["cooldown"] - 1, 0), self.cooldown, 0),
        }

    def torch(self) -> str:
        """Return the torch expression that does the same, for an `optimizer` made with `base_lr`."""
        return torch_line(self)
