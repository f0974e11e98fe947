"""Learning-rate schedules: frozen dataclasses, each one formula from the step to the rate.

>>> from helpers.formulas import schedules
>>> schedule = schedules.CosineDecay(peak_lr=0.1, total_steps=1000)
>>> schedule(0), round(schedule(500), 12), schedule(1000)
(0.1, 0.05, 0.0)
"""

from helpers.formulas.schedules.base import Schedule
from helpers.formulas.schedules.composition import Joined, Lambda, Warmup
from helpers.formulas.schedules.cycles import (
    CosineAnnealing,
    CosineRestarts,
    CyclicPolynomialDecay,
    ExpRange,
    Triangular,
    Triangular2,
)
from helpers.formulas.schedules.decays import (
    CosineDecay,
    ExponentialDecay,
    InverseTimeDecay,
    LinearDecay,
    NaturalExponentialDecay,
    PolynomialDecay,
)
from helpers.formulas.schedules.plateau import ReduceOnPlateau
from helpers.formulas.schedules.stairs import Constant, MultiStepDecay, PiecewiseConstant, StepDecay
from helpers.formulas.schedules.warmups import InverseSquareRoot, Noam, OneCycle, WarmupStableDecay

#: Every schedule that stands on its own, in the order of the book.
METHODS = (
    Constant,
    PiecewiseConstant,
    StepDecay,
    MultiStepDecay,
    ExponentialDecay,
    NaturalExponentialDecay,
    InverseTimeDecay,
    PolynomialDecay,
    CyclicPolynomialDecay,
    LinearDecay,
    CosineDecay,
    CosineAnnealing,
    InverseSquareRoot,
    Noam,
    CosineRestarts,
    Triangular,
    Triangular2,
    ExpRange,
    OneCycle,
    WarmupStableDecay,
)

#: Those made of functions and of other schedules.
COMPOSITIONS = (Lambda, Warmup, Joined)

__all__ = [
    "COMPOSITIONS",
    "METHODS",
    "ReduceOnPlateau",
    "Schedule",
    *(method.__name__ for method in METHODS + COMPOSITIONS),
]
