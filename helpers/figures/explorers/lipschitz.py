"""The explorer of Lipschitz rates: the scale of a feature, the size of the batch, and what they ask for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
import sympy

from helpers.core import checks, symbolic
from helpers.core.hyperparameters import Hyperparameters, hyperparameter
from helpers.core.mathematics import sqrt
from helpers.figures.explorers.facts import equation
from helpers.figures.explorers.kit import Explorer
from helpers.formulas.losses import BinaryCrossEntropy

__all__ = ["LipschitzExplorer"]

SMALLEST, SAMPLES, STEPS = 8, 512, 60
SCALES = {"low": 0.01, "high": 100.0, "default": 1.0, "log": True}
SIZES = {"low": SMALLEST, "high": SAMPLES, "default": 32, "log": True}
LOSS = BinaryCrossEntropy()
#: The formulas of `State`, and the left sides of their equations.
RATES = {"published": r"\frac{1}{L_{\text{published}}}", "bounded": r"\frac{1}{G}"}
RATES |= {"smooth": r"\frac{1}{L_s}", "limit": r"\eta_{\max}"}


@dataclass(frozen=True)
class State(Hyperparameters):
    """What can be moved, and the four rates of one weight under binary cross-entropy."""

    scale: float = hyperparameter("s", "scale of the feature", checks.positive, **SCALES)
    batch_size: int = hyperparameter("m", "examples in the batch", checks.count, **SIZES)

    argument_symbols: ClassVar = {"norm": r"{\lVert x\rVert}", "curvature": "h"}

    def published(self, norm: Any) -> Any:
        return 2 * self.batch_size / (self.scale * norm)

    def bounded(self, norm: Any) -> Any:
        return sqrt(self.batch_size) / (self.scale * norm)

    def smooth(self, norm: Any) -> Any:
        return 4 * self.batch_size / (self.scale**2 * norm**2)

    def limit(self, curvature: Any) -> Any:
        return 2 / (self.scale**2 * curvature)


class LipschitzExplorer(Explorer):
    """Move the scale of a feature and the size of the batch, and see which rates go with it.

    One weight, one feature, binary cross-entropy on noisy labels. In a live notebook the traits are what the
    reader sees; :meth:`rates` and :meth:`course` follow them.

    Parameters
    ----------
    scale : float
        The feature is multiplied by it; 0.01 to 100.
    batch_size : int
        How many of the 512 examples are used; 8 to 512.

    Raises
    ------
    TypeError, ValueError
        If one is not fit or out of its range.

    Examples
    --------
    >>> explorer = LipschitzExplorer(scale=10.0)
    >>> rates = explorer.rates()
    >>> rates["smooth"] < rates["limit"] < rates["published"]
    True
    """

    family: ClassVar[str] = "lipschitz"
    alt: ClassVar[str] = "Explorer of learning rates from Lipschitz constants"
    limited: ClassVar = ("scale", "batch_size")
    questions: ClassVar = (
        ("A small feature: who crawls?", {"scale": 0.03, "batch_size": 32}),
        ("A large feature: who still comes down?", {"scale": 10.0, "batch_size": 32}),
        ("Only a larger batch: who leaves the stable range?", {"scale": 1.0, "batch_size": 512}),
        ("A batch of 8: who is closest to the limit?", {"scale": 1.0, "batch_size": 8}),
    )

    def __init__(self, scale: float = 1.0, batch_size: int = 32) -> None:
        super().__init__(State(scale, batch_size))

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the scaled feature and the label of each example, (m,) each."""
        x, y = _data()
        return self.scale * x[: self.batch_size], y[: self.batch_size]

    def rates(self) -> dict[str, float]:
        """Return the four rates: ``published``, ``bounded``, ``smooth`` and ``limit``."""
        norm, curvature, _ = map(float, _batches()[self.batch_size - SMALLEST])
        state = State(self.scale, self.batch_size)
        return {name: getattr(state, name)(curvature if name == "limit" else norm) for name in RATES}

    def course(self, rate: float) -> np.ndarray:
        """Return by how much the loss is above its minimum, at the start and after each step; shape (61,)."""
        x, y = self.data()
        weight, above = 0.0, []
        for _ in range(STEPS + 1):
            above.append(LOSS.formula(weight * x, y).mean())
            weight -= rate * float((LOSS.derivative(weight * x, y) * x).mean())
        return np.array(above) - _batches()[self.batch_size - SMALLEST, 2]

    def catalog(self) -> dict[str, Any]:
        """Return what is known of each batch size, and features for which every label would be 1."""
        x, y = _data()
        batches = [[float(f"{number:.12g}") for number in row] for row in _batches()]
        equations = [equation(left, symbolic.latex(State(), of=name))[0] for name, left in RATES.items()]
        known = {"steps": STEPS, "batches": [None] * SMALLEST + batches, "equations": equations}
        return known | {"features": np.where(y, x, -x).tolist()}

    def formulas(self) -> dict[str, str]:
        """Return the rates, and the loss of a positive example with its derivative."""
        logit = sympy.Symbol("z", real=True)
        of_positive = {"loss": LOSS.formula(logit, 1), "slope": LOSS.derivative(logit, 1)}
        rates = {name: symbolic.javascript(State(), of=name) for name in RATES}
        return rates | {name: f"(z) => {symbolic.one_line(part)}" for name, part in of_positive.items()}


def _data() -> tuple[np.ndarray, np.ndarray]:
    """Return features of about size 1, and labels that no weight separates."""
    rng = np.random.default_rng(3)
    x = np.round(rng.standard_normal(SAMPLES), 3)
    return x, (rng.random(SAMPLES) < 1 / (1 + np.exp(-1.5 * x))).astype(float)


@cache
def _batches() -> np.ndarray:
    """Return norm of the feature, curvature and loss at the best weight, for each batch size; (505, 3)."""
    x, y = _data()
    sizes = np.arange(SMALLEST, SAMPLES + 1)
    used = (np.arange(SAMPLES) < sizes[:, None]) / sizes[:, None]
    weights = np.zeros((len(sizes), 1))
    for _ in range(12):  # of Newton's steps, which arrive in 6
        p = LOSS.derivative(weights * x, np.zeros_like(y))
        curvature = (used * x**2 * p * (1 - p)).sum(1)
        weights -= ((used * x * (p - y)).sum(1) / curvature)[:, None]
    lowest = (used * LOSS.formula(weights * x, np.broadcast_to(y, used.shape))).sum(1)
    return np.stack([np.sqrt(np.cumsum(x**2))[SMALLEST - 1 :], curvature, lowest], 1)
