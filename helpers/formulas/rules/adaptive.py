r"""Rules that give every weight a rate of its own, from the size of its past gradients.

In all of them :math:`\epsilon` stands outside the root and, in Adam's family, behind the bias
correction: the denominator is :math:`\sqrt{\hat v_t} + \epsilon`, as in the papers and in torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from helpers.core import checks
from helpers.core.hyperparameters import hyperparameter
from helpers.core.mathematics import maximum, sqrt
from helpers.formulas.rules import fields
from helpers.formulas.rules.base import Rule

__all__ = ["AMSGrad", "Adagrad", "Adam", "AdamW", "RMSprop"]


@dataclass(frozen=True)
class Adagrad(Rule):
    """Divide every gradient by the root of the sum of its squares so far: the steps only shrink.

    Parameters
    ----------
    epsilon : float
        What keeps the denominator above 0; above 0.
    initial : float
        Where the sum starts, zero or above.

    References
    ----------
    .. [1] J. Duchi, E. Hazan and Y. Singer, "Adaptive subgradient methods for online learning and
       stochastic optimization", JMLR 12, 2011.
    """

    epsilon: float = fields.epsilon(1e-10)
    initial: float = hyperparameter(
        "s_0", "start of the sum", checks.non_negative, low=0.0, high=1.0, default=0.0
    )

    words = "Adagrad"
    lesson = 14
    state_symbols: ClassVar = {"total": "s"}

    def init(self, param: Any) -> dict[str, Any]:
        return {"total": super().init(param)["total"] + self.initial}

    def update(self, param: Any, grad: Any, state: dict[str, Any], lr: Any) -> tuple[Any, dict[str, Any]]:
        total = state["total"] + grad**2
        return param - lr * grad / (sqrt(total) + self.epsilon), {"total": total}


@dataclass(frozen=True)
class RMSprop(Rule):
    """Divide every gradient by the root of the running mean of its squares.

    Parameters
    ----------
    decay : float
        Part of the mean that is kept, in [0, 1).
    epsilon : float
        What keeps the denominator above 0; above 0.
    centered : bool
        Whether the square of the mean gradient is taken off, which leaves the variance.

    Notes
    -----
    The centered form's variance goes to 0 where the gradient hardly changes, and the step grows up to
    ``lr * grad / epsilon``. Rounding can make the difference negative; it then counts as 0.

    References
    ----------
    .. [1] T. Tieleman and G. Hinton, "Lecture 6.5: RMSProp", Coursera: Neural Networks for Machine
       Learning, 2012.
    .. [2] A. Graves, "Generating sequences with recurrent neural networks", arXiv:1308.0850, 2013,
       equations 38 to 45: centered, with momentum, epsilon inside the root.
    """

    decay: float = fields.decay(r"\rho", "decay of the square", default=0.99)
    epsilon: float = fields.epsilon()
    centered: bool = False

    words = "RMSprop"
    lesson = 14

    @property
    def state_symbols(self) -> dict[str, str]:
        return {"v": "v", "m": "m"} if self.centered else {"v": "v"}

    def update(self, param: Any, grad: Any, state: dict[str, Any], lr: Any) -> tuple[Any, dict[str, Any]]:
        v = self.decay * state["v"] + (1 - self.decay) * grad**2
        if not self.centered:
            return param - lr * (grad / (sqrt(v) + self.epsilon)), {"v": v}
        m = self.decay * state["m"] + (1 - self.decay) * grad
        return param - lr * (grad / (sqrt(maximum(v - m**2, 0)) + self.epsilon)), {"v": v, "m": m}


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

    beta1: float = fields.decay(r"\beta_1", "decay of the mean", default=0.9)
    beta2: float = fields.decay(r"\beta_2", "decay of the square", default=0.999)
    epsilon: float = fields.epsilon()

    words = "Adam"
    lesson = 15
    state_symbols: ClassVar = {"step": "t", "m": "m", "v": "v"}

    def update(self, param: Any, grad: Any, state: dict[str, Any], lr: Any) -> tuple[Any, dict[str, Any]]:
        step = state["step"] + 1
        m = self.beta1 * state["m"] + (1 - self.beta1) * grad
        v = self.beta2 * state["v"] + (1 - self.beta2) * grad**2
        m_hat = m / (1 - self.beta1**step)
        v_hat = v / (1 - self.beta2**step)
        return param - lr * m_hat / (sqrt(v_hat) + self.epsilon), {"step": step, "m": m, "v": v}


@dataclass(frozen=True)
class AMSGrad(Adam):
    """Adam whose mean square never falls, so that a rare large gradient is not forgotten.

    Parameters
    ----------
    beta1, beta2, epsilon
        See :class:`Adam`.

    Notes
    -----
    The published algorithm corrects no bias. As torch does, the largest mean square is kept as it is
    and corrected afterwards.

    References
    ----------
    .. [1] S. J. Reddi, S. Kale and S. Kumar, "On the convergence of Adam and beyond", ICLR 2018,
       algorithm 2.
    """

    words = "AMSGrad"
    state_symbols: ClassVar = {**Adam.state_symbols, "v_max": r"v^{\max}"}

    def update(self, param: Any, grad: Any, state: dict[str, Any], lr: Any) -> tuple[Any, dict[str, Any]]:
        step = state["step"] + 1
        m = self.beta1 * state["m"] + (1 - self.beta1) * grad
        v = self.beta2 * state["v"] + (1 - self.beta2) * grad**2
        v_max = maximum(state["v_max"], v)
        m_hat = m / (1 - self.beta1**step)
        v_hat = v_max / (1 - self.beta2**step)
        step_size = lr * m_hat / (sqrt(v_hat) + self.epsilon)
        return param - step_size, {"step": step, "m": m, "v": v, "v_max": v_max}


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay: the published name of ``WithWeightDecay(Adam(), weight_decay)``.

    Parameters
    ----------
    beta1, beta2, epsilon
        See :class:`Adam`.
    weight_decay : float
        Part of the weight, times the rate, that every update takes off; zero or above.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2.
       Its decay is multiplied by the schedule alone; ours, like torch's, by the rate.
    """

    weight_decay: float = fields.weight_decay(default=0.01)

    words = "AdamW"

    def update(self, param: Any, grad: Any, state: dict[str, Any], lr: Any) -> tuple[Any, dict[str, Any]]:
        stepped, state = super().update(param, grad, state, lr)
        return stepped - lr * self.weight_decay * param, state
