"""Schedules made of schedules: a part before, a part behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from helpers.core import checks
from helpers.core.hyperparameters import hyperparameter
from helpers.core.mathematics import time_since, where
from helpers.formulas.schedules.base import LibraryName, Schedule

__all__ = ["Warmup"]


@dataclass(frozen=True)
class Warmup(Schedule):
    """Climb to another schedule's base rate along a straight line, then follow that schedule.

    The inner schedule's clock starts when the climb ends. The whole is therefore
    ``warmup_steps + inner.total_steps`` long, which is what :attr:`total_steps` says.

    Parameters
    ----------
    inner : Schedule
        What follows the climb.
    warmup_steps : int
        Step at which the base rate is reached, above 0.
    start_lr : float
        Rate at step 0, zero or above. With 0 the first update changes nothing.

    Examples
    --------
    >>> from helpers.formulas.schedules import CosineDecay, Warmup
    >>> schedule = Warmup(CosineDecay(peak_lr=0.1, total_steps=900), warmup_steps=100)
    >>> schedule(50), schedule(100), schedule(1000), schedule.total_steps
    (0.05, 0.1, 0.0, 1000)

    References
    ----------
    .. [1] P. Goyal et al., "Accurate, large minibatch SGD: Training ImageNet in 1 hour",
       arXiv:1706.02677, 2017, section 2.2.
    """

    inner: Schedule
    warmup_steps: int = hyperparameter(
        "w", "warmup steps", checks.count, unit="steps", low=1, high=500, integer=True, example=100
    )
    start_lr: float = hyperparameter(
        r"\eta_{\text{start}}", "start learning rate", checks.non_negative, low=0.0, high=0.1, default=0.0
    )

    words = "warmup, then another schedule"
    lesson = 19
    torch_code = (
        "LambdaLR(optimizer, lambda t:"
        " ({start_lr} + ({base_lr} - {start_lr}) * t / {warmup_steps}) / {base_lr})"
    )
    library_names = (
        LibraryName("torch", "SequentialLR of LinearLR", "LinearLR refuses to start at 0"),
        LibraryName(
            "Keras", "CosineDecay(warmup_target, warmup_steps)", "its decay_steps leave the warmup out"
        ),
        LibraryName("Paddle", "LinearWarmup"),
        LibraryName("optax", "warmup_cosine_decay_schedule", "its decay_steps include the warmup"),
        LibraryName("timm", "warmup_t", "the inner clock runs during the warmup unless warmup_prefix is set"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.inner, Schedule):
            raise TypeError(f"inner must be a Schedule, got inner={self.inner!r}")

    @property
    def base_lr(self) -> Any:
        return self.inner.base_lr

    @property
    def total_steps(self) -> int:
        """The length of the whole, warmup included; an inner schedule without an end has none.

        Raises
        ------
        AttributeError
            If the inner schedule never ends.
        """
        return self.warmup_steps + self.inner.total_steps

    def torch_parts(self) -> list[tuple[int, str]]:
        behind = [(self.warmup_steps + start, line) for start, line in self.inner.torch_parts()]
        return [*super().torch_parts(), *behind]

    def formula(self, t: Any) -> Any:
        climb = self.start_lr + (self.base_lr - self.start_lr) * t / self.warmup_steps
        return where(t < self.warmup_steps, climb, self.inner.formula(time_since(self.warmup_steps, t)))
