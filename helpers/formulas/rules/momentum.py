r"""Gradient descent and its velocities: the forms of momentum, and how one becomes another.

With a constant rate :math:`\eta` and a velocity that starts at 0, these walk the same path:

- ``HeavyBall(mu)`` at :math:`\eta` and ``Momentum(mu)`` at :math:`\eta`;
- ``EMAMomentum(mu)`` at :math:`\eta` and ``Momentum(mu)`` at :math:`(1-\mu)\eta`;
- ``Nesterov(mu)``, ``StoredAheadNesterov(mu)`` and the look-ahead points of ``LookAheadNesterov(mu)``.

When the rate changes, a rule with the rate inside its velocity (heavy ball, look-ahead, stored ahead)
goes on for a while at the old rates; one with the rate outside takes the new rate for all it remembers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from helpers.formulas.rules import fields
from helpers.formulas.rules.base import Rule

__all__ = [
    "SGD",
    "EMAMomentum",
    "HeavyBall",
    "LookAheadNesterov",
    "Momentum",
    "Nesterov",
    "StoredAheadNesterov",
]


@dataclass(frozen=True)
class SGD(Rule):
    """Gradient descent: a step against the gradient.

    References
    ----------
    .. [1] A. Cauchy, "Méthode générale pour la résolution des systèmes d'équations simultanées",
       Comptes rendus 25, 1847.
    """

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

    momentum: float = fields.momentum()

    words = "momentum"
    lesson = 13
    state_symbols: ClassVar = {"velocity": "v"}

    def update(self, param: Any, grad: Any, state: dict[str, Any], lr: Any) -> tuple[Any, dict[str, Any]]:
        velocity = self.momentum * state["velocity"] + grad
        return param - lr * velocity, {"velocity": velocity}


@dataclass(frozen=True)
class EMAMomentum(Rule):
    """Steps along the exponential moving average of the gradients: a mean, not a sum.

    Parameters
    ----------
    beta : float
        Part of the average that is kept, in [0, 1).
    """

    beta: float = fields.decay(r"\beta", "decay of the mean", default=0.9)

    words = "momentum as a moving average"
    lesson = 13
    state_symbols: ClassVar = {"m": "m"}

    def update(self, param: Any, grad: Any, state: dict[str, Any], lr: Any) -> tuple[Any, dict[str, Any]]:
        m = self.beta * state["m"] + (1 - self.beta) * grad
        return param - lr * m, {"m": m}


@dataclass(frozen=True)
class HeavyBall(Momentum):
    """Momentum as a ball that rolls: the velocity is the last step, the rate stands inside it.

    References
    ----------
    .. [1] B. T. Polyak, 1964, as cited by :class:`Momentum`, equation 9.
    """

    words = "heavy ball"

    def update(self, param: Any, grad: Any, state: dict[str, Any], lr: Any) -> tuple[Any, dict[str, Any]]:
        velocity = self.momentum * state["velocity"] - lr * grad
        return param + velocity, {"velocity": velocity}


@dataclass(frozen=True)
class Nesterov(Momentum):
    """Nesterov's momentum in torch's form: a step along the velocity that is about to be.

    References
    ----------
    .. [1] Y. Nesterov, "A method of solving a convex programming problem with convergence rate
       O(1/k^2)", Soviet Mathematics Doklady 27(2), 1983.
    """

    words = "Nesterov momentum"

    def update(self, param: Any, grad: Any, state: dict[str, Any], lr: Any) -> tuple[Any, dict[str, Any]]:
        velocity = self.momentum * state["velocity"] + grad
        return param - lr * (grad + self.momentum * velocity), {"velocity": velocity}


@dataclass(frozen=True)
class LookAheadNesterov(HeavyBall):
    """Nesterov's momentum as derived: the gradient is taken where the velocity is about to lead.

    The gradient given to :meth:`~Rule.update` must be that at :meth:`~Rule.gradient_point`.

    References
    ----------
    .. [1] I. Sutskever, J. Martens, G. Dahl and G. Hinton, "On the importance of initialization and
       momentum in deep learning", ICML 2013, equations 3 and 4.
    """

    words = "Nesterov momentum, looking ahead"
    looks_ahead = True

    def gradient_point(self, param: Any, state: dict[str, Any]) -> Any:
        return param + self.momentum * state["velocity"]


@dataclass(frozen=True)
class StoredAheadNesterov(Momentum):
    """Nesterov's momentum with the look-ahead point as the parameter, so that the gradient is taken there.

    References
    ----------
    .. [1] Y. Bengio, N. Boulanger-Lewandowski and R. Pascanu, "Advances in optimizing recurrent
       networks", ICASSP 2013, equations 6 and 7.
    """

    words = "Nesterov momentum, stored ahead"

    def update(self, param: Any, grad: Any, state: dict[str, Any], lr: Any) -> tuple[Any, dict[str, Any]]:
        velocity = self.momentum * state["velocity"] - lr * grad
        ahead = param - self.momentum * state["velocity"] + (1 + self.momentum) * velocity
        return ahead, {"velocity": velocity}
