"""Learning-rate schedules: frozen dataclasses, each one formula from the step to the rate.

>>> from helpers.formulas import schedules
>>> schedule = schedules.CosineDecay(peak_lr=0.1, total_steps=1000)
>>> schedule(0), round(schedule(500), 12), schedule(1000)
(0.1, 0.05, 0.0)
"""

from helpers.formulas.schedules.base import LibraryName, Schedule
from helpers.formulas.schedules.composition import Warmup
from helpers.formulas.schedules.decays import (
    Constant,
    CosineDecay,
    ExponentialDecay,
    InverseTimeDecay,
    LinearDecay,
    MultiStepDecay,
    NaturalExponentialDecay,
    PiecewiseConstant,
    PolynomialDecay,
    StepDecay,
)

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
    LinearDecay,
    CosineDecay,
)

__all__ = [
    "METHODS",
    "LibraryName",
    "Schedule",
    "Warmup",
    *(method.__name__ for method in METHODS),
]
