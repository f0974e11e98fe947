"""What is known of every schedule: one row a class, read by all tests of schedules.

The points are computed by hand or are published numbers, never by the code under test.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from helpers.formulas.schedules import (
    Constant,
    CosineDecay,
    ExponentialDecay,
    InverseTimeDecay,
    LinearDecay,
    MultiStepDecay,
    NaturalExponentialDecay,
    PiecewiseConstant,
    PolynomialDecay,
    Schedule,
    StepDecay,
    Warmup,
)


@dataclass(frozen=True)
class Row:
    """What is known of a class of schedules.

    Parameters
    ----------
    points : dict
        Schedule to its rates at some steps.
    refused : dict
        Field to a value that is not fit and the message about it.
    bounds : callable
        Schedule to the smallest and the largest rate it may give.
    falls : bool
        Whether the rate never rises (while no end rate is above the peak).
    torch_ends : bool
        Whether torch's class goes another way after the end.
    """

    points: dict[Schedule, dict[float, float]]
    refused: dict[str, tuple[Any, str]]
    bounds: Callable[[Any], tuple[float, float]] = lambda s: (0.0, s.base_lr)
    falls: bool = True
    torch_ends: bool = field(default=False)


PEAK = {"peak_lr": (0.0, "peak_lr must be positive, got peak_lr=0.0")}
END = {"end_lr": (-0.1, "end_lr must be zero or positive, got end_lr=-0.1")}
TOTAL = {"total_steps": (0, "total_steps must be positive, got total_steps=0")}
GAMMA = {"gamma": (1.5, "gamma must be in (0, 1], got gamma=1.5")}
RATE = {"decay_rate": (-1, "decay_rate must be zero or positive, got decay_rate=-1")}


def between_peak_and_end(s):
    return min(s.end_lr, s.peak_lr), max(s.end_lr, s.peak_lr)


ROWS = {
    Constant: Row(
        points={Constant(0.1): {0: 0.1, 1: 0.1, 10**9: 0.1}},
        refused={"lr": (-1.0, "lr must be positive, got lr=-1.0")},
    ),
    PiecewiseConstant: Row(
        points={
            PiecewiseConstant((100, 200), (1.0, 0.5, 0.1)): {
                **{0: 1.0, 99: 1.0, 99.5: 1.0, 100: 0.5, 101: 0.5},
                **{199: 0.5, 200: 0.1, 201: 0.1, 10**9: 0.1},
            },
            PiecewiseConstant((1,), (0.1, 0.3)): {0: 0.1, 1: 0.3, 2: 0.3},
        },
        refused={
            "boundaries": (
                (3, 3),
                "boundaries must increase from each entry to the next, got boundaries=(3, 3)",
            ),
            "values": (
                (1.0, 0.5),
                "values must have 3 entries, one more than boundaries, got values=(1.0, 0.5)",
            ),
        },
        bounds=lambda s: (min(s.values), max(s.values)),
        falls=False,
    ),
    StepDecay: Row(
        points={
            StepDecay(0.5, 30, 0.1): {0: 0.5, 29: 0.5, 30: 0.05, 31: 0.05, 59: 0.05, 60: 0.005, 90: 0.0005},
            StepDecay(0.5, 1, 1.0): {0: 0.5, 7: 0.5},
        },
        refused={**PEAK, **GAMMA, "step_size": (0, "step_size must be positive, got step_size=0")},
    ),
    MultiStepDecay: Row(
        points={
            MultiStepDecay(0.5, (30, 50), 0.1): {0: 0.5, 29: 0.5, 30: 0.05, 31: 0.05, 49: 0.05, 50: 0.005}
        },
        refused={
            **PEAK,
            **GAMMA,
            "milestones": ((0, 3), "milestones[0] must be positive, got milestones[0]=0"),
        },
    ),
    ExponentialDecay: Row(
        points={
            ExponentialDecay(0.5, 0.95): {0: 0.5, 1: 0.475, 2: 0.45125},
            ExponentialDecay(1.0, 0.9): {44: 0.009697737297875244, 100: 2.6561398887587544e-05},
            ExponentialDecay(0.8, 0.25, decay_steps=10): {0: 0.8, 5: 0.4, 10: 0.2, 20: 0.05},
        },
        refused={**PEAK, **GAMMA, "decay_steps": (0, "decay_steps must be positive, got decay_steps=0")},
    ),
    NaturalExponentialDecay: Row(
        points={
            NaturalExponentialDecay(1.0, 0.1): {0: 1.0, 10: 0.36787944117144233, 20: 0.1353352832366127},
            NaturalExponentialDecay(0.5, math.log(2) / 10): {10: 0.25, 20: 0.125, 30: 0.0625},
            NaturalExponentialDecay(0.5, 0): {0: 0.5, 100: 0.5},
        },
        refused={**PEAK, **RATE},
    ),
    InverseTimeDecay: Row(
        points={
            InverseTimeDecay(0.5, 0.01): {0: 0.5, 100: 0.25, 300: 0.125, 1900: 0.025},
            InverseTimeDecay(0.3, 1): {1: 0.15, 2: 0.1},
            InverseTimeDecay(0.3, 0): {0: 0.3, 100: 0.3},
        },
        refused={**PEAK, **RATE},
    ),
    PolynomialDecay: Row(
        points={
            PolynomialDecay(1.0, 100, 0.2, power=2): {0: 1.0, 50: 0.4, 99: 0.20008, 100: 0.2, 101: 0.2},
            PolynomialDecay(1.0, 100, power=0.5): {0: 1.0, 75: 0.5, 99: 0.1, 100: 0.0, 1000: 0.0},
            PolynomialDecay(0.1, 1): {0: 0.1, 1: 0.0, 2: 0.0},
            PolynomialDecay(0.1, 10, 0.3, power=1): {0: 0.1, 5: 0.2, 10: 0.3},
        },
        refused={**PEAK, **TOTAL, **END, "power": (0, "power must be positive, got power=0")},
        bounds=between_peak_and_end,
    ),
    LinearDecay: Row(
        points={
            LinearDecay(0.1, 100, 0.02): {0: 0.1, 1: 0.0992, 25: 0.08, 99: 0.0208, 100: 0.02, 101: 0.02},
            LinearDecay(0.1, 1): {0: 0.1, 1: 0.0},
            LinearDecay(0.1, 4, 0.3): {0: 0.1, 2: 0.2, 4: 0.3, 5: 0.3},
        },
        refused={**PEAK, **TOTAL, **END},
        bounds=between_peak_and_end,
    ),
    CosineDecay: Row(
        points={
            CosineDecay(1.0, 6): {0: 1.0, 1: (2 + 3**0.5) / 4, 2: 0.75, 3: 0.5, 4: 0.25, 6: 0.0, 7: 0.0},
            CosineDecay(0.5, 90, 0.1): {0: 0.5, 30: 0.4, 45: 0.3, 60: 0.2, 90: 0.1, 91: 0.1},
            CosineDecay(0.1, 1): {0: 0.1, 0.5: 0.05, 1: 0.0, 2: 0.0},
        },
        refused={**PEAK, **TOTAL, **END},
        bounds=between_peak_and_end,
        torch_ends=True,
    ),
    Warmup: Row(
        points={
            Warmup(Constant(0.1), 10, start_lr=0.01): {0: 0.01, 5: 0.055, 9: 0.091, 10: 0.1, 11: 0.1},
            Warmup(CosineDecay(0.5, 90), 10): {0: 0.0, 9: 0.45, 10: 0.5, 40: 0.375, 100: 0.0, 101: 0.0},
            Warmup(StepDecay(0.5, 30, 0.1), 1): {0: 0.0, 1: 0.5, 30: 0.5, 31: 0.05},
            Warmup(Warmup(LinearDecay(0.4, 4), 2, start_lr=0.2), 2, start_lr=0.1): {
                **{0: 0.1, 1: 0.25, 2: 0.2, 3: 0.3, 4: 0.4, 6: 0.2, 8: 0.0, 9: 0.0},
            },
        },
        refused={
            "inner": (0.1, "inner must be a Schedule, got inner=0.1"),
            "warmup_steps": (0, "warmup_steps must be positive, got warmup_steps=0"),
            "start_lr": (-0.1, "start_lr must be zero or positive, got start_lr=-0.1"),
        },
        bounds=lambda s: (0.0, max(s.start_lr, s.base_lr)),
        falls=False,
        torch_ends=True,
    ),
}

#: Every schedule with hand-computed points.
SCHEDULES = [schedule for row in ROWS.values() for schedule in row.points]
