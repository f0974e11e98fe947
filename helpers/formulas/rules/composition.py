"""Rules made of rules: what another one is given is clipped or penalized, what it gives is decayed.

The outermost acts on the gradient first: ``Clipped(WithL2(rule, l2), max_norm)`` clips the loss's
gradient and adds the penalty's unclipped, ``WithL2(Clipped(rule, max_norm), l2)`` clips their sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from helpers.core import checks
from helpers.core.hyperparameters import hyperparameter
from helpers.core.mathematics import maximum, norm
from helpers.formulas.rules import fields
from helpers.formulas.rules.base import Rule

__all__ = ["Clipped", "WithL2", "WithWeightDecay", "Wrapper"]


@dataclass(frozen=True)
class Wrapper(Rule):
    """A rule around another: its state, and where it wants the gradient, are the other's."""

    rule: Rule

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.rule, Rule):
            raise TypeError(f"rule must be a Rule, got rule={self.rule!r}")

    @property
    def elementwise(self) -> bool:
        return self.rule.elementwise

    @property
    def looks_ahead(self) -> bool:
        return self.rule.looks_ahead

    @property
    def state_symbols(self) -> dict[str, str]:
        return self.rule.state_symbols

    def init(self, param: Any) -> dict[str, Any]:
        return self.rule.init(param)

    def gradient_point(self, param: Any, state: dict[str, Any]) -> Any:
        return self.rule.gradient_point(param, state)


@dataclass(frozen=True)
class Clipped(Wrapper):
    """Shorten a gradient that is longer than allowed; its direction stays.

    The length is that of the one array given to :meth:`~Rule.update`. Clipping by the common length of all
    parameters of a network, as training loops do, is done before any rule is asked.

    Parameters
    ----------
    rule : Rule
        What is given the shortened gradient.
    max_norm : float
        Largest Euclidean norm, above 0.

    References
    ----------
    .. [1] R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural
       networks", ICML 2013, algorithm 1.
    """

    max_norm: float = hyperparameter(
        "c", "largest norm", checks.positive, low=0.01, high=100.0, log=True, example=1.0
    )

    words = "clipping by norm"
    lesson = 12
    elementwise = False

    def update(self, param: Any, grad: Any, state: dict[str, Any], lr: Any) -> tuple[Any, dict[str, Any]]:
        short = grad * (self.max_norm / maximum(norm(grad), self.max_norm))
        return self.rule.update(param, short, state, lr)


@dataclass(frozen=True)
class WithL2(Wrapper):
    r"""Add the gradient of the penalty :math:`\frac{\lambda}{2}\lVert\theta\rVert^2` before the rule.

    Under SGD this is weight decay; a rule that rescales gradients rescales the penalty with them.

    Parameters
    ----------
    rule : Rule
        What is given the sum.
    l2 : float
        The penalty's factor, zero or above.
    """

    l2: float = hyperparameter(
        r"\lambda", "L2 factor", checks.non_negative, low=1e-6, high=0.1, log=True, example=1e-4
    )

    words = "L2 penalty"
    lesson = 9

    def update(self, param: Any, grad: Any, state: dict[str, Any], lr: Any) -> tuple[Any, dict[str, Any]]:
        return self.rule.update(param, grad + self.l2 * param, state, lr)


@dataclass(frozen=True)
class WithWeightDecay(Wrapper):
    """Shrink the weights beside the rule: decoupled weight decay, which no rule rescales.

    Parameters
    ----------
    rule : Rule
        What makes the step, from the gradient alone.
    weight_decay : float
        Part of the weight, times the rate, that every update takes off; zero or above.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 1.
       Its decay is multiplied by the schedule alone; ours, like torch's, by the rate.
    """

    weight_decay: float = fields.weight_decay()

    words = "decoupled weight decay"
    lesson = 9

    def update(self, param: Any, grad: Any, state: dict[str, Any], lr: Any) -> tuple[Any, dict[str, Any]]:
        stepped, state = self.rule.update(param, grad, state, lr)
        return stepped - lr * self.weight_decay * param, state
