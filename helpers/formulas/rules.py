r"""Update rules: how a gradient becomes a step.

A rule is a frozen dataclass with two methods. ``init(param)`` returns the state before the first
update, ``update(param, grad, state, lr)`` returns the new parameter and the new state; neither
changes what it is given. The learning rate is an argument, for it is the schedule's business.
Parameters and gradients are numbers, arrays, tensors or symbols.

>>> rule = Momentum(momentum=0.9)
>>> param, state = 1.0, rule.init(1.0)
>>> for _ in range(2):
...     param, state = rule.update(param, 2 * param, state, lr=0.1)
>>> round(param, 12), round(state["velocity"], 12)
(0.46, 3.4)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from helpers.core import checks
from helpers.core.hyperparameters import Hyperparameters, hyperparameter
from helpers.core.mathematics import sqrt, zeros_like

__all__ = ["SGD", "Adam", "Momentum", "Rule"]


class Rule(Hyperparameters, ABC):
    """How a gradient becomes a step."""

    #: One phrase for menus and tables.
    words: ClassVar[str]
    #: The lesson that derives it.
    lesson: ClassVar[int]
    #: LaTeX of the state's entries, where it is not their name.
    state_symbols: ClassVar[dict[str, str]] = {}

    def init(self, param: Any) -> dict[str, Any]:
        """Return the state before the first update."""
        return {}

    @abstractmethod
    def update(self, param: Any, grad: Any, state: dict[str, Any], lr: Any) -> tuple[Any, dict[str, Any]]:
        """Return the parameter and the state after one update.

        Parameters
        ----------
        param, grad : number, array or symbol of one shape
        state : dict
            What :meth:`init` or the update before returned.
        lr : float
            The learning rate of this step.

        Returns
        -------
        param, state
        """


@dataclass(frozen=True)
class SGD(Rule):
    """Gradient descent: a step against the gradient."""

    words = "gradient descent"
    lesson = 12

    def update(self, param: Any, grad: Any, state: dict[str, Any], lr: Any) -> tuple[Any, dict[str, Any]]:
        return param - lr * grad, {}


@dataclass(frozen=True)
class Momentum(Rule):
    """Gradient descent with a velocity, in torch's form: the rate stands outside the velocity.

    Parameters
    ----------
    momentum : float
        Part of the velocity that is kept, in [0, 1).

    References
    ----------
    .. [1] B. T. Polyak, "Some methods of speeding up the convergence of iteration methods", USSR
       Computational Mathematics and Mathematical Physics 4(5), 1964.
    """

    momentum: float = hyperparameter(r"\mu", "momentum", checks.fraction, low=0.0, high=0.99, default=0.9)

    words = "momentum"
    lesson = 13
    state_symbols: ClassVar = {"velocity": "v"}

    def init(self, param: Any) -> dict[str, Any]:
        return {"velocity": zeros_like(param)}

    def update(self, param: Any, grad: Any, state: dict[str, Any], lr: Any) -> tuple[Any, dict[str, Any]]:
        velocity = self.momentum * state["velocity"] + grad
        return param - lr * velocity, {"velocity": velocity}


@dataclass(frozen=True)
class Adam(Rule):
    """A step of the size of the rate for every weight: the mean gradient over its root mean square.

    Parameters
    ----------
    beta1 : float
        Part of the mean gradient that is kept, in [0, 1).
    beta2 : float
        Part of the mean squared gradient that is kept, in [0, 1).
    epsilon : float
        What keeps the denominator above 0; above 0.

    References
    ----------
    .. [1] D. P. Kingma and J. Ba, "Adam: A method for stochastic optimization", ICLR 2015, algorithm 1.
    """

    beta1: float = hyperparameter(
        r"\beta_1", "decay of the mean", checks.fraction, low=0.0, high=0.99, default=0.9
    )
    beta2: float = hyperparameter(
        r"\beta_2", "decay of the square", checks.fraction, low=0.5, high=0.9999, default=0.999
    )
    epsilon: float = hyperparameter(
        r"\epsilon", "epsilon", checks.positive, low=1e-10, high=1e-2, log=True, default=1e-8
    )

    words = "Adam"
    lesson = 15

    def init(self, param: Any) -> dict[str, Any]:
        return {"step": 0, "m": zeros_like(param), "v": zeros_like(param)}

    def update(self, param: Any, grad: Any, state: dict[str, Any], lr: Any) -> tuple[Any, dict[str, Any]]:
        step = state["step"] + 1
        m = self.beta1 * state["m"] + (1 - self.beta1) * grad
        v = self.beta2 * state["v"] + (1 - self.beta2) * grad**2
        m_hat = m / (1 - self.beta1**step)
        v_hat = v / (1 - self.beta2**step)
        return param - lr * m_hat / (sqrt(v_hat) + self.epsilon), {"step": step, "m": m, "v": v}
