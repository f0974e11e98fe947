"""What is known of every schedule: its rates by hand, and what its fields refuse.

The rates are computed by hand or are published numbers, never by the code under test.
"""

import math

from helpers.formulas import schedules as s


def falling(t):
    """A function with a name, for a schedule that can be pickled."""
    return 0.95**t


def slow_start(t):
    """One that rises."""
    return 1 - 0.9 * 2.0**-t


WARM_STEPS = s.Warmup(s.StepDecay(0.4, 2, 0.5), 4)
#: Schedule to its rates at some steps.
POINTS = {
    s.Constant(0.1): {0: 0.1, 1: 0.1, 10**9: 0.1},
    s.PiecewiseConstant((100, 200), (1.0, 0.5, 0.1)): {
        **{0: 1.0, 99: 1.0, 99.5: 1.0, 100: 0.5, 101: 0.5, 199: 0.5, 200: 0.1, 201: 0.1, 10**9: 0.1},
    },
    s.PiecewiseConstant((1,), (0.1, 0.3)): {0: 0.1, 1: 0.3, 2: 0.3},
    s.StepDecay(0.5, 30, 0.1): {0: 0.5, 29: 0.5, 30: 0.05, 31: 0.05, 59: 0.05, 60: 0.005, 90: 0.0005},
    s.StepDecay(0.5, 1, 1.0): {0: 0.5, 7: 0.5},
    s.MultiStepDecay(0.5, (30, 50), 0.1): {0: 0.5, 29: 0.5, 30: 0.05, 31: 0.05, 49: 0.05, 50: 0.005},
    s.ExponentialDecay(0.5, 0.95): {0: 0.5, 1: 0.475, 2: 0.45125},
    s.ExponentialDecay(1.0, 0.9): {44: 0.009697737297875244, 100: 2.6561398887587544e-05},
    s.ExponentialDecay(0.8, 0.25, decay_steps=10): {0: 0.8, 5: 0.4, 10: 0.2, 20: 0.05},
    s.NaturalExponentialDecay(1.0, 0.1): {0: 1.0, 10: 0.36787944117144233, 20: 0.1353352832366127},
    s.NaturalExponentialDecay(0.5, math.log(2) / 10): {10: 0.25, 20: 0.125, 30: 0.0625},
    s.NaturalExponentialDecay(0.5, 0): {0: 0.5, 100: 0.5},
    s.InverseTimeDecay(0.5, 0.01): {0: 0.5, 100: 0.25, 300: 0.125, 1900: 0.025},
    s.InverseTimeDecay(0.3, 1): {1: 0.15, 2: 0.1},
    s.InverseTimeDecay(0.3, 0): {0: 0.3, 100: 0.3},
    s.PolynomialDecay(1.0, 100, 0.2, power=2): {0: 1.0, 50: 0.4, 99: 0.20008, 100: 0.2, 101: 0.2},
    s.PolynomialDecay(1.0, 100, power=0.5): {0: 1.0, 75: 0.5, 99: 0.1, 100: 0.0, 1000: 0.0},
    s.PolynomialDecay(0.1, 1): {0: 0.1, 1: 0.0, 2: 0.0},
    s.PolynomialDecay(0.1, 10, 0.3, power=1): {0: 0.1, 5: 0.2, 10: 0.3},
    s.LinearDecay(0.1, 100, 0.02): {0: 0.1, 1: 0.0992, 25: 0.08, 99: 0.0208, 100: 0.02, 101: 0.02},
    s.LinearDecay(0.1, 1): {0: 0.1, 1: 0.0},
    s.LinearDecay(0.1, 4, 0.3): {0: 0.1, 2: 0.2, 4: 0.3, 5: 0.3},
    s.CosineDecay(1.0, 6): {0: 1.0, 1: (2 + 3**0.5) / 4, 2: 0.75, 3: 0.5, 4: 0.25, 6: 0.0, 7: 0.0},
    s.CosineDecay(0.5, 90, 0.1): {0: 0.5, 30: 0.4, 45: 0.3, 60: 0.2, 90: 0.1, 91: 0.1},
    s.CosineDecay(0.1, 1): {0: 0.1, 0.5: 0.05, 1: 0.0, 2: 0.0},
    s.CyclicPolynomialDecay(1.0, 10): {
        **{0: 1.0, 5: 0.5, 9: 0.1, 10: 0.0, 11: 0.45, 15: 0.25, 20: 0.0, 21: 0.3, 30: 0.0, 31: 0.225},
    },
    s.CyclicPolynomialDecay(1.0, 10, 0.2, power=2): {0: 1.0, 5: 0.4, 10: 0.2, 11: 0.362, 15: 0.25, 20: 0.2},
    s.CyclicPolynomialDecay(0.1, 1): {0: 0.1, 0.5: 0.05, 1: 0.0, 1.5: 0.025, 2: 0.0},
    s.CosineAnnealing(1.0, 6): {
        **{0: 1.0, 2: 0.75, 3: 0.5, 4: 0.25, 6: 0.0, 8: 0.25, 9: 0.5, 12: 1.0, 13: (2 + 3**0.5) / 4, 18: 0.0},
        **{24: 1.0, 600: 1.0, 606: 0.0},
    },
    s.CosineAnnealing(0.5, 90, 0.1): {0: 0.5, 30: 0.4, 45: 0.3, 60: 0.2, 90: 0.1, 120: 0.2, 180: 0.5},
    s.CosineAnnealing(0.1, 1): {0: 0.1, 0.5: 0.05, 1: 0.0, 2: 0.1, 3: 0.0},
    s.CosineRestarts(1.0, 4, 2): {
        **{0: 1.0, 2: 0.5, 3: (1 - 0.5**0.5) / 2, 4: 1.0, 6: (1 + 0.5**0.5) / 2, 8: 0.5, 12: 1.0, 20: 0.5},
        **{28: 1.0, 60: 1.0, 4 * (2**30 - 1): 1.0, 4 * (2**30 - 1) + 2**31: 0.5},
    },
    s.CosineRestarts(1.0, 4): {0: 1.0, 2: 0.5, 4: 1.0, 6: 0.5, 8: 1.0, 4 * 10**6: 1.0},
    s.CosineRestarts(1.0, 6, 3, 0.2): {0: 1.0, 2: 0.8, 3: 0.6, 4: 0.4, 6: 1.0, 15: 0.6, 24: 1.0, 78: 1.0},
    s.CosineRestarts(0.1, 1): {0: 0.1, 0.5: 0.05, 1: 0.1, 2: 0.1},
    s.InverseSquareRoot(0.1, 4): {0: 0.025, 1: 0.05, 2: 0.075, 3: 0.1, 15: 0.05, 35: 0.1 / 3, 399: 0.01},
    s.InverseSquareRoot(0.1, 1): {0: 0.1, 3: 0.05, 8: 0.1 / 3},
    s.Noam(4, 4): {0: 0.0625, 1: 0.125, 3: 0.25, 15: 0.125, 63: 0.0625},
    s.Noam(512, 4000): {3999: 2048000**-0.5},
    s.Noam(1, 1, scale=2.0): {0: 2.0, 3: 1.0},
    s.Triangular(0.5, 4, 4, 0.1): {0: 0.1, 2: 0.3, 4: 0.5, 6: 0.3, 8: 0.1, 12: 0.5, 16: 0.1},
    s.Triangular(1.0, 1, 3, 0.0): {0: 0.0, 0.5: 0.5, 1: 1.0, 2: 2 / 3, 3: 1 / 3, 4: 0.0, 5: 1.0, 4001: 1.0},
    s.Triangular2(0.5, 4, 4, 0.1): {
        **{0: 0.1, 2: 0.3, 4: 0.5, 6: 0.3, 8: 0.1, 10: 0.2, 12: 0.3, 16: 0.1, 20: 0.2, 28: 0.15, 10**9: 0.1},
    },
    s.Triangular2(1.0, 1, 3, 0.0): {1: 1.0, 3: 1 / 3, 5: 0.5, 7: 1 / 6, 9: 0.25},
    s.ExpRange(1.0, 2, 2, 0.0, gamma=0.5): {
        **{0: 0.0, 1: 0.25, 2: 0.25, 3: 0.0625, 4: 0.0, 6: 1 / 64, 10**9: 0.0},
    },
    s.ExpRange(0.5, 4, 4, 0.1, gamma=1.0): {0: 0.1, 4: 0.5, 8: 0.1, 12: 0.5},
    s.OneCycle(1.0, 10, 4, 0.2, 0.1): {
        **{0: 0.2, 1: 0.6 - 0.4 * 0.5**0.5, 2: 0.6, 4: 1.0, 5: 0.55 + 0.45 * 3**0.5 / 2, 7: 0.55, 10: 0.1},
        **{11: 0.1, 10**9: 0.1},
    },
    s.OneCycle(1.0, 10, 4, 0.2, 0.1, anneal="linear"): {
        **{0: 0.2, 1: 0.4, 3: 0.8, 4: 1.0, 5: 0.85, 7: 0.55, 9: 0.25, 10: 0.1, 11: 0.1},
    },
    s.OneCycle(0.1, 19, 5, 0.004, 4e-7): {0: 0.004, 5: 0.1, 19: 4e-7, 20: 4e-7},
    s.OneCycle(0.1, 2, 1, 0.004, 4e-7): {0: 0.004, 1: 0.1, 2: 4e-7, 3: 4e-7},
    s.WarmupStableDecay(0.1, 100, 10, 20, 0.01, 0.02): {
        **{0: 0.01, 5: 0.055, 9: 0.091, 10: 0.1, 11: 0.1, 79: 0.1, 80: 0.1, 81: 0.096, 90: 0.06, 99: 0.024},
        **{100: 0.02, 101: 0.02},
    },
    s.WarmupStableDecay(1.0, 4, 2, 2): {0: 0.0, 1: 0.5, 2: 1.0, 3: 0.5, 4: 0.0, 5: 0.0},
    s.Lambda(0.5, falling): {0: 0.5, 1: 0.475, 2: 0.45125},
    s.Warmup(s.Constant(0.1), 10, start_lr=0.01): {0: 0.01, 5: 0.055, 9: 0.091, 10: 0.1, 11: 0.1},
    s.Warmup(s.CosineDecay(0.5, 90), 10): {0: 0.0, 9: 0.45, 10: 0.5, 40: 0.375, 100: 0.0, 101: 0.0},
    s.Warmup(s.Joined((s.Constant(0.4), s.CosineRestarts(0.4, 4, 2)), (3,)), 2): {
        **{0: 0.0, 1: 0.2, 2: 0.4, 4: 0.4, 5: 0.4, 7: 0.2, 9: 0.4, 13: 0.2, 17: 0.4},
    },
    s.Warmup(s.StepDecay(0.5, 30, 0.1), 1): {0: 0.0, 1: 0.5, 30: 0.5, 31: 0.05},
    s.Warmup(s.Warmup(s.LinearDecay(0.4, 4), 2, start_lr=0.2), 2, start_lr=0.1): {
        **{0: 0.1, 1: 0.15, 2: 0.2, 3: 0.3, 4: 0.4, 6: 0.2, 8: 0.0, 9: 0.0},
    },
    s.Warmup(s.Noam(512, 4000), 100): {
        **{0: 0.0, 50: 0.5 / 512**0.5 / 4000**1.5, 100: 1 / 512**0.5 / 4000**1.5},
        **{4099: 1 / (512 * 4000) ** 0.5, 16099: 0.5 / (512 * 4000) ** 0.5},
    },
    s.Warmup(s.InverseSquareRoot(0.1, 4), 10, 0.005): {0: 0.005, 5: 0.015, 10: 0.025, 13: 0.1, 25: 0.05},
    s.Warmup(s.WarmupStableDecay(0.1, 100, 10, 20, 0.02), 4): {
        **{0: 0.0, 2: 0.01, 4: 0.02, 9: 0.06, 14: 0.1, 84: 0.1, 94: 0.05, 104: 0.0, 105: 0.0},
    },
    s.Warmup(s.OneCycle(0.1, 20, 10, 0.02, 0.01, "linear"), 4): {
        **{0: 0.0, 2: 0.01, 4: 0.02, 9: 0.06, 14: 0.1, 19: 0.055, 24: 0.01, 25: 0.01},
    },
    s.Warmup(s.Lambda(0.5, slow_start), 4): {0: 0.0, 2: 0.025, 4: 0.05, 5: 0.275, 6: 0.3875},
    s.Joined((s.Warmup(s.Constant(0.4), 10), s.InverseTimeDecay(0.4, 1.0)), (5,)): {
        **{0: 0.0, 2: 0.08, 4: 0.16, 5: 0.4, 6: 0.2, 8: 0.1, 10: 0.4 / 6, 14: 0.04},
    },
    s.Joined((s.LinearDecay(0.1, 10), s.CosineDecay(0.1, 10)), (10,)): {
        **{0: 0.1, 5: 0.05, 9: 0.01, 10: 0.1, 15: 0.05, 20: 0.0, 21: 0.0},
    },
    s.Joined(
        (s.Warmup(s.StepDecay(0.4, 2, 0.5), 4), s.ExponentialDecay(0.4, 0.5), s.Constant(0.4)), (7, 9)
    ): {
        **{0: 0.0, 2: 0.2, 4: 0.4, 5: 0.4, 6: 0.2, 7: 0.4, 8: 0.2, 9: 0.4, 10**9: 0.4},
    },
}

#: Field, perhaps of one class, to a value that is not fit and what is required of it.
REFUSED = {
    "lr": (-1.0, "positive"),
    "peak_lr": (0.0, "positive"),
    "start_lr": (-0.1, "zero or positive"),
    "min_lr": (-0.1, "zero or positive"),
    "end_lr": (-0.1, "zero or positive"),
    "OneCycle.start_lr": (0, "positive"),
    "OneCycle.end_lr": (0, "positive"),
    "total_steps": (0, "positive"),
    "warmup_steps": (0, "positive"),
    "OneCycle.warmup_steps": (10, "below total_steps=10"),
    "decay_steps": (0, "positive"),
    "WarmupStableDecay.decay_steps": (
        91,
        "warmup_steps + decay_steps must be at most total_steps=100, got w",
    ),
    "cycle_steps": (0, "positive"),
    "half_period": (0, "positive"),
    "period": (0, "positive"),
    "period_factor": (0, "positive"),
    "step_size": (0, "positive"),
    "up_steps": (0, "positive"),
    "down_steps": (2.5, "a whole number"),
    "d_model": (0, "positive"),
    "scale": (0.0, "positive"),
    "power": (0, "positive"),
    "gamma": (1.5, "in (0, 1]"),
    "decay_rate": (-1, "zero or positive"),
    "anneal": ("up", "'cos' or 'linear'"),
    "function": (3, "callable"),
    "inner": (0.1, "a Schedule"),
    "schedules": ((0.1,), "schedules[0] must be a Schedule, got schedules[0]=0.1"),
    "milestones": ((3, 3), "milestones must increase from each entry to the next, got milestones=(3, 3)"),
    "MultiStepDecay.milestones": ((0, 3), "milestones[0] must be positive, got milestones[0]=0"),
    "boundaries": ((3, 3), "boundaries must increase from each entry to the next, got boundaries=(3, 3)"),
    "values": ((1.0, 0.5), "values must have 3 entries, one more than boundaries, got values=(1.0, 0.5)"),
}

CLASSES = dict.fromkeys(map(type, POINTS))
#: Those whose rate never rises while no end rate is above the peak.
FALLS = {
    *(s.Constant, s.StepDecay, s.MultiStepDecay, s.ExponentialDecay, s.NaturalExponentialDecay, s.Lambda),
    *(s.InverseTimeDecay, s.PolynomialDecay, s.LinearDecay, s.CosineDecay),
}
#: Those whose torch class goes another way after the end, or stops there.
TORCH_ENDS = {s.CosineDecay, s.OneCycle, s.Warmup, s.Joined}
