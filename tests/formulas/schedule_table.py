"""What is known of every schedule: one row a class, read by all tests of schedules.

The points are computed by hand or are published numbers, never by the code under test.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from helpers.formulas.schedules import (
    Constant,
    CosineAnnealing,
    CosineDecay,
    CosineRestarts,
    CyclicPolynomialDecay,
    ExponentialDecay,
    ExpRange,
    InverseSquareRoot,
    InverseTimeDecay,
    Joined,
    Lambda,
    LinearDecay,
    MultiStepDecay,
    NaturalExponentialDecay,
    Noam,
    OneCycle,
    PiecewiseConstant,
    PolynomialDecay,
    Schedule,
    StepDecay,
    Triangular,
    Triangular2,
    Warmup,
    WarmupStableDecay,
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
        Whether torch's class goes another way after the end, or stops there.
    """

    points: dict[Schedule, dict[float, float]]
    refused: dict[str, tuple[Any, str]]
    bounds: Callable[[Any], tuple[float, float]] = lambda s: (0.0, s.base_lr)
    falls: bool = True
    torch_ends: bool = False


PEAK = {"peak_lr": (0.0, "peak_lr must be positive, got peak_lr=0.0")}
END = {"end_lr": (-0.1, "end_lr must be zero or positive, got end_lr=-0.1")}
TOTAL = {"total_steps": (0, "total_steps must be positive, got total_steps=0")}
MIN = {"min_lr": (-0.1, "min_lr must be zero or positive, got min_lr=-0.1")}
START = {"start_lr": (-0.1, "start_lr must be zero or positive, got start_lr=-0.1")}
WARMUP = {"warmup_steps": (0, "warmup_steps must be positive, got warmup_steps=0")}
TRIANGLE = {
    **{"up_steps": (0, "up_steps must be positive, got up_steps=0")},
    **{"down_steps": (2.5, "down_steps must be a whole number, got down_steps=2.5 of type float")},
}
GAMMA = {"gamma": (1.5, "gamma must be in (0, 1], got gamma=1.5")}
RATE = {"decay_rate": (-1, "decay_rate must be zero or positive, got decay_rate=-1")}


def between_peak_and_end(s):
    return min(s.end_lr, s.peak_lr), max(s.end_lr, s.peak_lr)


def between_peak_and_minimum(s):
    return min(s.min_lr, s.peak_lr), max(s.min_lr, s.peak_lr)


def between_start_peak_and_end(s):
    rates = (s.start_lr, s.peak_lr, s.end_lr)
    return min(rates), max(rates)


def falling(t):
    """A function with a name, for a schedule that can be pickled."""
    return 0.95**t


def slow_start(t):
    """One that rises."""
    return 1 - 0.9 * 2.0**-t


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
    CyclicPolynomialDecay: Row(
        points={
            CyclicPolynomialDecay(1.0, 10): {
                **{0: 1.0, 5: 0.5, 9: 0.1, 10: 0.0, 11: 0.45, 15: 0.25, 20: 0.0, 21: 0.3, 30: 0.0, 31: 0.225},
            },
            CyclicPolynomialDecay(1.0, 10, 0.2, power=2): {
                0: 1.0,
                5: 0.4,
                10: 0.2,
                11: 0.362,
                15: 0.25,
                20: 0.2,
            },
            CyclicPolynomialDecay(0.1, 1): {0: 0.1, 0.5: 0.05, 1: 0.0, 1.5: 0.025, 2: 0.0},
        },
        refused={
            **PEAK,
            **END,
            "cycle_steps": (0, "cycle_steps must be positive, got cycle_steps=0"),
            "power": (0, "power must be positive, got power=0"),
        },
        bounds=between_peak_and_end,
        falls=False,
    ),
    CosineAnnealing: Row(
        points={
            CosineAnnealing(1.0, 6): {
                **{0: 1.0, 2: 0.75, 3: 0.5, 4: 0.25, 6: 0.0, 8: 0.25, 9: 0.5, 12: 1.0, 13: (2 + 3**0.5) / 4},
                **{18: 0.0, 24: 1.0, 600: 1.0, 606: 0.0},
            },
            CosineAnnealing(0.5, 90, 0.1): {0: 0.5, 30: 0.4, 45: 0.3, 60: 0.2, 90: 0.1, 120: 0.2, 180: 0.5},
            CosineAnnealing(0.1, 1): {0: 0.1, 0.5: 0.05, 1: 0.0, 2: 0.1, 3: 0.0},
        },
        refused={**PEAK, **MIN, "half_period": (0, "half_period must be positive, got half_period=0")},
        bounds=between_peak_and_minimum,
        falls=False,
    ),
    CosineRestarts: Row(
        points={
            CosineRestarts(1.0, 4, 2): {
                **{
                    0: 1.0,
                    2: 0.5,
                    3: (1 - 0.5**0.5) / 2,
                    4: 1.0,
                    6: (1 + 0.5**0.5) / 2,
                    8: 0.5,
                    12: 1.0,
                    20: 0.5,
                },
                **{28: 1.0, 60: 1.0, 4 * (2**30 - 1): 1.0, 4 * (2**30 - 1) + 2**31: 0.5},
            },
            CosineRestarts(1.0, 4): {0: 1.0, 2: 0.5, 4: 1.0, 6: 0.5, 8: 1.0, 4 * 10**6: 1.0},
            CosineRestarts(1.0, 6, 3, 0.2): {
                0: 1.0,
                2: 0.8,
                3: 0.6,
                4: 0.4,
                6: 1.0,
                15: 0.6,
                24: 1.0,
                78: 1.0,
            },
            CosineRestarts(0.1, 1): {0: 0.1, 0.5: 0.05, 1: 0.1, 2: 0.1},
        },
        refused={
            **PEAK,
            **MIN,
            "period": (0, "period must be positive, got period=0"),
            "period_factor": (0, "period_factor must be positive, got period_factor=0"),
        },
        bounds=between_peak_and_minimum,
        falls=False,
    ),
    InverseSquareRoot: Row(
        points={
            InverseSquareRoot(0.1, 4): {
                0: 0.025,
                1: 0.05,
                2: 0.075,
                3: 0.1,
                15: 0.05,
                35: 0.1 / 3,
                399: 0.01,
            },
            InverseSquareRoot(0.1, 1): {0: 0.1, 3: 0.05, 8: 0.1 / 3},
        },
        refused={**PEAK, **WARMUP},
        falls=False,
    ),
    Noam: Row(
        points={
            Noam(4, 4): {0: 0.0625, 1: 0.125, 3: 0.25, 15: 0.125, 63: 0.0625},
            Noam(512, 4000): {3999: 2048000**-0.5},
            Noam(1, 1, scale=2.0): {0: 2.0, 3: 1.0},
        },
        refused={
            **WARMUP,
            "d_model": (0, "d_model must be positive, got d_model=0"),
            "scale": (0.0, "scale must be positive, got scale=0.0"),
        },
        falls=False,
    ),
    Triangular: Row(
        points={
            Triangular(0.5, 4, 4, 0.1): {0: 0.1, 2: 0.3, 4: 0.5, 6: 0.3, 8: 0.1, 12: 0.5, 16: 0.1},
            Triangular(1.0, 1, 3, 0.0): {
                0: 0.0,
                0.5: 0.5,
                1: 1.0,
                2: 2 / 3,
                3: 1 / 3,
                4: 0.0,
                5: 1.0,
                4001: 1.0,
            },
        },
        refused={**PEAK, **MIN, **TRIANGLE},
        bounds=between_peak_and_minimum,
        falls=False,
    ),
    Triangular2: Row(
        points={
            Triangular2(0.5, 4, 4, 0.1): {
                **{0: 0.1, 2: 0.3, 4: 0.5, 6: 0.3, 8: 0.1, 10: 0.2, 12: 0.3, 16: 0.1, 20: 0.2, 28: 0.15},
                10**9: 0.1,
            },
            Triangular2(1.0, 1, 3, 0.0): {1: 1.0, 3: 1 / 3, 5: 0.5, 7: 1 / 6, 9: 0.25},
        },
        refused={**PEAK, **MIN, **TRIANGLE},
        bounds=between_peak_and_minimum,
        falls=False,
    ),
    ExpRange: Row(
        points={
            ExpRange(1.0, 2, 2, 0.0, gamma=0.5): {
                0: 0.0,
                1: 0.25,
                2: 0.25,
                3: 0.0625,
                4: 0.0,
                6: 1 / 64,
                10**9: 0.0,
            },
            ExpRange(0.5, 4, 4, 0.1, gamma=1.0): {0: 0.1, 4: 0.5, 8: 0.1, 12: 0.5},
        },
        refused={**PEAK, **MIN, **TRIANGLE, **GAMMA},
        bounds=between_peak_and_minimum,
        falls=False,
    ),
    OneCycle: Row(
        points={
            OneCycle(1.0, 10, 4, 0.2, 0.1): {
                **{0: 0.2, 1: 0.6 - 0.4 * 0.5**0.5, 2: 0.6, 4: 1.0, 5: 0.55 + 0.45 * 3**0.5 / 2, 7: 0.55},
                **{10: 0.1, 11: 0.1, 10**9: 0.1},
            },
            OneCycle(1.0, 10, 4, 0.2, 0.1, anneal="linear"): {
                **{0: 0.2, 1: 0.4, 3: 0.8, 4: 1.0, 5: 0.85, 7: 0.55, 9: 0.25, 10: 0.1, 11: 0.1},
            },
            OneCycle(0.1, 19, 5, 0.004, 4e-7): {0: 0.004, 5: 0.1, 19: 4e-7, 20: 4e-7},
            OneCycle(0.1, 2, 1, 0.004, 4e-7): {0: 0.004, 1: 0.1, 2: 4e-7, 3: 4e-7},
        },
        refused={
            **PEAK,
            **TOTAL,
            "warmup_steps": (10, "warmup_steps must be below total_steps=10, got warmup_steps=10"),
            "start_lr": (0, "start_lr must be positive, got start_lr=0"),
            "end_lr": (0, "end_lr must be positive, got end_lr=0"),
            "anneal": ("up", "anneal must be 'cos' or 'linear', got anneal='up'"),
        },
        bounds=between_start_peak_and_end,
        falls=False,
        torch_ends=True,
    ),
    WarmupStableDecay: Row(
        points={
            WarmupStableDecay(0.1, 100, 10, 20, 0.01, 0.02): {
                **{0: 0.01, 5: 0.055, 9: 0.091, 10: 0.1, 11: 0.1, 79: 0.1, 80: 0.1, 81: 0.096, 90: 0.06},
                **{99: 0.024, 100: 0.02, 101: 0.02},
            },
            WarmupStableDecay(1.0, 4, 2, 2): {0: 0.0, 1: 0.5, 2: 1.0, 3: 0.5, 4: 0.0, 5: 0.0},
        },
        refused={
            **PEAK,
            **TOTAL,
            **WARMUP,
            **START,
            **END,
            "decay_steps": (
                91,
                "warmup_steps + decay_steps must be at most total_steps=100, "
                "got warmup_steps + decay_steps=101",
            ),
        },
        bounds=between_start_peak_and_end,
        falls=False,
    ),
    Lambda: Row(
        points={Lambda(0.5, falling): {0: 0.5, 1: 0.475, 2: 0.45125}},
        refused={
            "lr": (0.0, "lr must be positive, got lr=0.0"),
            "function": (3, "function must be callable, got function=3"),
        },
    ),
    Warmup: Row(
        points={
            Warmup(Constant(0.1), 10, start_lr=0.01): {0: 0.01, 5: 0.055, 9: 0.091, 10: 0.1, 11: 0.1},
            Warmup(CosineDecay(0.5, 90), 10): {0: 0.0, 9: 0.45, 10: 0.5, 40: 0.375, 100: 0.0, 101: 0.0},
            Warmup(Joined((Constant(0.4), CosineRestarts(0.4, 4, 2)), (3,)), 2): {
                **{0: 0.0, 1: 0.2, 2: 0.4, 4: 0.4, 5: 0.4, 7: 0.2, 9: 0.4, 13: 0.2, 17: 0.4},
            },
            Warmup(StepDecay(0.5, 30, 0.1), 1): {0: 0.0, 1: 0.5, 30: 0.5, 31: 0.05},
            Warmup(Warmup(LinearDecay(0.4, 4), 2, start_lr=0.2), 2, start_lr=0.1): {
                **{0: 0.1, 1: 0.15, 2: 0.2, 3: 0.3, 4: 0.4, 6: 0.2, 8: 0.0, 9: 0.0},
            },
            Warmup(Noam(512, 4000), 100): {
                **{0: 0.0, 50: 0.5 / 512**0.5 / 4000**1.5, 100: 1 / 512**0.5 / 4000**1.5},
                **{4099: 1 / (512 * 4000) ** 0.5, 16099: 0.5 / (512 * 4000) ** 0.5},
            },
            Warmup(InverseSquareRoot(0.1, 4), 10, 0.005): {0: 0.005, 5: 0.015, 10: 0.025, 13: 0.1, 25: 0.05},
            Warmup(WarmupStableDecay(0.1, 100, 10, 20, 0.02), 4): {
                **{0: 0.0, 2: 0.01, 4: 0.02, 9: 0.06, 14: 0.1, 84: 0.1, 94: 0.05, 104: 0.0, 105: 0.0},
            },
            Warmup(OneCycle(0.1, 20, 10, 0.02, 0.01, "linear"), 4): {
                **{0: 0.0, 2: 0.01, 4: 0.02, 9: 0.06, 14: 0.1, 19: 0.055, 24: 0.01, 25: 0.01},
            },
            Warmup(Lambda(0.5, slow_start), 4): {0: 0.0, 2: 0.025, 4: 0.05, 5: 0.275, 6: 0.3875},
        },
        refused={
            "inner": (0.1, "inner must be a Schedule, got inner=0.1"),
            **WARMUP,
            **START,
        },
        bounds=lambda s: (0.0, max(s.start_lr, s.inner.first_lr)),
        falls=False,
        torch_ends=True,
    ),
    Joined: Row(
        points={
            Joined((Warmup(Constant(0.4), 10), InverseTimeDecay(0.4, 1.0)), (5,)): {
                **{0: 0.0, 2: 0.08, 4: 0.16, 5: 0.4, 6: 0.2, 8: 0.1, 10: 0.4 / 6, 14: 0.04},
            },
            Joined((LinearDecay(0.1, 10), CosineDecay(0.1, 10)), (10,)): {
                **{0: 0.1, 5: 0.05, 9: 0.01, 10: 0.1, 15: 0.05, 20: 0.0, 21: 0.0},
            },
            Joined((Warmup(StepDecay(0.4, 2, 0.5), 4), ExponentialDecay(0.4, 0.5), Constant(0.4)), (7, 9)): {
                **{0: 0.0, 2: 0.2, 4: 0.4, 5: 0.4, 6: 0.2, 7: 0.4, 8: 0.2, 9: 0.4, 10**9: 0.4},
            },
        },
        refused={
            "schedules": ((0.1,), "schedules[0] must be a Schedule, got schedules[0]=0.1"),
            "milestones": (
                (3, 3),
                "milestones must increase from each entry to the next, got milestones=(3, 3)",
            ),
        },
        bounds=lambda s: (0.0, max(part.base_lr for part in s.schedules)),
        falls=False,
        torch_ends=True,
    ),
}

#: Every schedule with hand-computed points.
SCHEDULES = [schedule for row in ROWS.values() for schedule in row.points]
