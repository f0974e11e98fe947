"""The signal explorer: how large activations and gradients are at each layer of a random network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from helpers.core import checks, symbolic
from helpers.core.hyperparameters import Hyperparameters, hyperparameter, hyperparameters
from helpers.figures.explorers.facts import equation
from helpers.figures.explorers.kit import Explorer
from helpers.formulas.signals import NODES, WEIGHTS, Activation, Layer, LeakyReLU, Tanh, propagate

__all__ = ["SignalExplorer"]

#: The root of 2, with as many digits as a field shows.
HE = 1.4142
ACTIVATIONS = (LeakyReLU(), Tanh())
#: Name of an initializer, a factor, and the power of the width that makes the gain of it.
INITIALIZERS = (
    ("N(0, 1)", 1.0, 0.5),
    ("N(0, 0.01²)", 0.01, 0.5),
    ("Glorot, LeCun", 1.0, 0),
    ("He", HE, 0),
    ("torch's layers", 0.57735, 0),
)
#: The choices of a nonlinearity, and what they stand for.
NONLINEARITIES = {
    "ReLU": {"activation": LeakyReLU.words, "slope": 0.0},
    "leaky ReLU": {"activation": LeakyReLU.words, "slope": 0.1},
    "linear": {"activation": LeakyReLU.words, "slope": 1.0},
    "tanh": {"activation": Tanh.words},
}
#: What to try, and how it differs from a `_State` that nobody has moved.
QUESTIONS = (
    ("N(0, 1): when does float32 overflow?", {"gain": 6.9282, "depth": 60, "width": 48}),
    ("Glorot's before a ReLU: what is lost?", {"gain": 1.0}),
    ("He's in a narrow network: still level?", {"width": 8}),
    ("tanh at gain 1: where does the signal go?", {"activation": Tanh.words, "gain": 1.0}),
    ("tanh at gain 3: what does the gradient do?", {"activation": Tanh.words, "gain": 3.0}),
)


@dataclass(frozen=True)
class _State(Hyperparameters):
    """What can be moved: the layer's own numbers, and how many layers of how many units."""

    gain: float = hyperparameter(**vars(hyperparameters(Layer)["gain"]), default=HE)
    slope: float = hyperparameter(**vars(hyperparameters(LeakyReLU)["slope"]), default=0.0)
    depth: int = hyperparameter("L", "layers", checks.count, low=2, high=60, default=50)
    width: int = hyperparameter("n", "units a layer", checks.count, low=4, high=48, default=32)
    activation: str = LeakyReLU.words

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.one_of(LeakyReLU.words, Tanh.words)("activation", self.activation)


class SignalExplorer(Explorer):
    """Choose depth, gain and nonlinearity, and see how large the signal and the gradient are at each layer.

    The bold curves are those of a network of endless width, :func:`helpers.formulas.signals.propagate`;
    the thin ones are six networks of the chosen width, whose weights are drawn in the page, always the
    same. In a live notebook the traits are what the reader sees; :meth:`signals` follows them.

    Parameters
    ----------
    activation : {"leaky ReLU", "tanh"}
        What stands between the layers.
    slope : float
        The leaky ReLU's slope below 0: 0 is the ReLU, 1 no nonlinearity at all.
    gain : float
        Root of the weights' variance times the width; 0.1 to 10.
    depth : int
        Layers, 2 to 60.
    width : int
        Units a layer, 4 to 48.

    Raises
    ------
    TypeError, ValueError
        If one is not fit or out of its range.

    Examples
    --------
    >>> signal, gradient = SignalExplorer(gain=1.0, depth=21).signals()
    >>> print(f"{signal[-1] / signal[0]:.6f} {gradient[0]:.6f}")
    0.000977 0.000977
    """

    family: ClassVar[str] = "signal"
    alt: ClassVar[str] = "Explorer of signals and gradients in a random network"
    limited: ClassVar[tuple[str, ...]] = ("gain", "slope", "depth", "width")
    questions: ClassVar[Sequence[tuple]] = [(text, asdict(_State()) | changes) for text, changes in QUESTIONS]

    def __init__(self, activation: str = LeakyReLU.words, **state: float) -> None:
        super().__init__(_State(activation=activation, **state))

    @property
    def layer(self) -> Layer:
        """The layer of which the network is made."""
        return Layer(self.gain, Tanh() if self.activation == Tanh.words else LeakyReLU(self.slope))

    def signals(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the standard deviations of signal and gradient at each layer, (depth,) each."""
        forward, backward = propagate(self.layer, self.depth)
        return np.sqrt(forward), np.sqrt(backward)

    def catalog(self) -> dict[str, Any]:
        half = len(NODES) // 2
        return {
            "nodes": [*zip(NODES[half:].tolist(), WEIGHTS[half:].tolist(), strict=True)],
            "nonlinearities": NONLINEARITIES,
            "initializers": INITIALIZERS,
            "equations": {activation.words: _equations(activation) for activation in ACTIVATIONS},
        }

    def formulas(self) -> dict[str, Any]:
        return {
            a.words: {of: symbolic.javascript(a, of=of) for of in ("formula", "derivative")}
            for a in ACTIVATIONS
        }


def _equations(activation: Activation) -> list[str]:
    left = {"forward": "q_{l+1}", "backward": r"\frac{p_l}{p_{l+1}}"}
    right = {of: symbolic.latex(Layer(1.0, activation), of=of) for of in left}
    return [line for of, text in left.items() for line in equation(text, right[of])]
