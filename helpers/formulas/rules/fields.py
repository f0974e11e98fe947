"""The fields that many rules share, declared once."""

from __future__ import annotations

from typing import Any

from helpers.core import checks
from helpers.core.hyperparameters import hyperparameter

__all__ = ["decay", "epsilon", "momentum", "weight_decay"]


def momentum(default: float = 0.9) -> Any:
    """The part of a velocity that is kept."""
    return hyperparameter(r"\mu", "momentum", checks.fraction, low=0.0, high=0.99, default=default)


def decay(symbol: str, words: str, default: float) -> Any:
    """The part of a running mean that is kept."""
    return hyperparameter(symbol, words, checks.fraction, low=0.0, high=0.9999, default=default)


def epsilon(default: float = 1e-8) -> Any:
    """What keeps a denominator above 0."""
    return hyperparameter(
        r"\epsilon", "epsilon", checks.positive, low=1e-10, high=1e-2, log=True, default=default
    )


def weight_decay(**default: float) -> Any:
    """The part of the weight, times the rate, that every update takes off."""
    facts = {"low": 1e-4, "high": 1.0, "log": True, "example": 0.01}
    return hyperparameter(r"\lambda", "weight decay", checks.non_negative, **facts, **default)
