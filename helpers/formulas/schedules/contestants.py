"""The schedules that the race compares, each with the shape that it was given beforehand.

>>> CONTESTANTS["cosine"](0.1, 100)
CosineDecay(peak_lr=0.1, total_steps=100, end_lr=0.0)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from helpers.formulas import schedules

__all__ = ["CONTESTANTS"]

#: Each contestant as a function of its peak rate and of the number of steps.
CONTESTANTS: dict[str, Callable[[float, int], Any]] = {
    "constant": lambda lr, T: schedules.Constant(lr),
    "piecewise constant": lambda lr, T: schedules.PiecewiseConstant(
        (3 * T // 10, 6 * T // 10, 8 * T // 10), tuple(lr * 0.2**k for k in range(4))
    ),
    "step": lambda lr, T: schedules.StepDecay(lr, T // 4, 0.3),
    "multi-step": lambda lr, T: schedules.MultiStepDecay(lr, (T // 2, 3 * T // 4), 0.1),
    "exponential": lambda lr, T: schedules.ExponentialDecay(lr, 0.01, T),
    "inverse time": lambda lr, T: schedules.InverseTimeDecay(lr, 10 / T),
    "linear": lambda lr, T: schedules.LinearDecay(lr, T),
    "polynomial": lambda lr, T: schedules.PolynomialDecay(lr, T, power=2.0),
    "polynomial in cycles": lambda lr, T: schedules.CyclicPolynomialDecay(lr, T // 4),
    "cosine": lambda lr, T: schedules.CosineDecay(lr, T),
    "cosine up again": lambda lr, T: schedules.CosineAnnealing(lr, T // 5),
    "inverse square root": lambda lr, T: schedules.InverseSquareRoot(lr, T // 10),
    "warmup + cosine": lambda lr, T: schedules.Warmup(schedules.CosineDecay(lr, T - T // 10), T // 10),
    "cosine restarts": lambda lr, T: schedules.CosineRestarts(lr, T // 4, 3),
    "triangular": lambda lr, T: schedules.Triangular(lr, T // 4, T // 4, lr / 4),
    "triangular, halved": lambda lr, T: schedules.Triangular2(lr, T // 4, T // 4, lr / 4),
    "triangular, shrinking": lambda lr, T: schedules.ExpRange(lr, T // 4, T // 4, lr / 4, 0.1 ** (1 / T)),
    "one-cycle": lambda lr, T: schedules.OneCycle(lr, T, 3 * T // 10, lr / 25, lr / 25e4),
    "warmup-stable-decay": lambda lr, T: schedules.WarmupStableDecay(lr, T, T // 10, T // 5),
    "plateau": lambda lr, T: schedules.ReduceOnPlateau(lr, factor=0.3, patience=2),
}
