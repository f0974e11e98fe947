"""The fields that many schedules share, declared once."""

from __future__ import annotations

from typing import Any

from helpers.core import checks
from helpers.core.hyperparameters import hyperparameter

__all__ = ["end_lr", "factor", "min_lr", "peak_lr", "power", "start_lr", "total_steps", "warmup_steps"]


def peak_lr(symbol: str = r"\eta_0") -> Any:
    """The highest rate; the symbol is that of a decay, which starts with it."""
    return hyperparameter(
        symbol, "peak learning rate", checks.positive, low=1e-4, high=1.0, log=True, example=0.1
    )


def start_lr() -> Any:
    """The rate at step 0, from which a climb starts."""
    return hyperparameter(
        r"\eta_{\text{start}}", "start learning rate", checks.non_negative, low=0.0, high=0.1, default=0.0
    )


def min_lr(**value: float) -> Any:
    """The lowest rate: with a ``default``, or with an ``example`` where it must be given."""
    return hyperparameter(
        r"\eta_{\text{min}}", "minimum learning rate", checks.non_negative, low=0.0, high=0.1, **value
    )


def end_lr() -> Any:
    """The rate that holds at the last step and after it."""
    return hyperparameter(
        r"\eta_{\text{end}}", "end learning rate", checks.non_negative, low=0.0, high=0.1, default=0.0
    )


def total_steps() -> Any:
    """The length of the whole schedule."""
    return hyperparameter("T", "total steps", checks.count, unit="steps", low=10, high=1000, example=1000)


def warmup_steps() -> Any:
    """The length of the climb."""
    return hyperparameter("w", "warmup steps", checks.count, unit="steps", low=1, high=500, example=100)


def power() -> Any:
    """The exponent of a polynomial decay."""
    return hyperparameter("p", "power", checks.positive, low=0.25, high=4.0, default=1.0, example=2.0)


def factor(default: float) -> Any:
    """What the rate is multiplied by."""
    return hyperparameter(
        r"\gamma", "decay factor", checks.unit_interval, low=0.01, high=1.0, default=default
    )
