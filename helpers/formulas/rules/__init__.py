"""Update rules: frozen dataclasses, each one formula from a gradient to a step.

>>> from helpers.formulas import rules
>>> rule = rules.Momentum(momentum=0.9)
>>> param, state = 1.0, rule.init(1.0)
>>> for _ in range(2):
...     param, state = rule.update(param, 2 * param, state, lr=0.1)
>>> round(param, 12), round(state["velocity"], 12)
(0.46, 3.4)
"""

from helpers.formulas.rules.adaptive import Adagrad, Adam, AdamW, AMSGrad, RMSprop
from helpers.formulas.rules.base import Rule, descend
from helpers.formulas.rules.composition import Clipped, WithL2, WithWeightDecay
from helpers.formulas.rules.momentum import (
    SGD,
    EMAMomentum,
    HeavyBall,
    LookAheadNesterov,
    Momentum,
    Nesterov,
    StoredAheadNesterov,
)

#: Every rule that stands on its own, in the order of the book.
METHODS = (
    SGD,
    Momentum,
    EMAMomentum,
    HeavyBall,
    Nesterov,
    LookAheadNesterov,
    StoredAheadNesterov,
    Adagrad,
    RMSprop,
    Adam,
    AMSGrad,
    AdamW,
)

#: Every rule that changes what another one is given or gives.
WRAPPERS = (Clipped, WithL2, WithWeightDecay)

__all__ = ["METHODS", "WRAPPERS", "Rule", "descend", *(method.__name__ for method in (*METHODS, *WRAPPERS))]
