"""The normalization explorer: the values of a channel before and after batch normalization."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np

from helpers.core import arrays, checks, symbolic
from helpers.core.hyperparameters import Hyperparameters, hyperparameter
from helpers.core.mathematics import named
from helpers.figures.explorers.facts import equation, mathml
from helpers.figures.explorers.kit import Explorer
from helpers.formulas.layers.normalization import batch_norm_line, batch_norm_running

__all__ = ["NormalizationExplorer"]

BATCHES, VALUES = 60, 32  # most batches seen, and most values in one
DEFAULTS = {
    "torch": {"momentum": 0.1, "epsilon": 1e-5},
    "Keras": {"momentum": 0.01, "epsilon": 1e-3},
    "Paddle": {"momentum": 0.1, "epsilon": 1e-5},
}
KERAS = {"library": "Keras", **DEFAULTS["Keras"]}
#: Each library's line; its momentum may be the weight of the old value, which is `kept`.
CODE = {
    "torch": "torch.nn.BatchNorm2d(C, eps=p.epsilon, momentum=p.momentum)",
    "Keras": "keras.layers.BatchNormalization(epsilon=p.epsilon, momentum=p.kept)",
    "Paddle": "paddle.nn.BatchNorm2D(C, epsilon=p.epsilon, momentum=p.kept)",
}


def _number(symbol: str, words: str, check: Any, low: float, high: float, start: float, **facts: Any) -> Any:
    return hyperparameter(symbol, words, check, low=low, high=high, default=start, **facts)


@dataclass(frozen=True)
class State(Hyperparameters):
    """The input, the layer, and how many batches it has seen; their formulas, for numbers and symbols."""

    shift: float = _number("c", "added to the input", checks.finite, -5.0, 5.0, 4.0)
    scale: float = _number("k", "times the input", checks.positive, 0.1, 3.0, 0.5, log=True)
    batch_size: int = _number("m", "values in the batch", checks.count, 2, VALUES, 16)
    weight: float = _number(r"\gamma", "new spread", checks.finite, -2.0, 3.0, 1.0)
    bias: float = _number(r"\beta", "new mean", checks.finite, -4.0, 4.0, 0.0)
    epsilon: float = _number(r"\epsilon", "in the root", checks.positive, 1e-8, 1.0, 1e-5, log=True)
    momentum: float = _number("a", "weight of the new", checks.unit_interval, 1e-3, 1.0, 0.1, log=True)
    batches: int = _number("n", "batches seen", checks.index, 0, BATCHES, 5)
    train: bool = True
    library: str = "torch"

    #: S stands for the statistics in use, those of the batch (B) or the running ones (r).
    argument_symbols: ClassVar[dict[str, str]] = {
        **{"mean": r"\mu_S", "batch_mean": r"\mu_B", "old_mean": r"\mu_r"},
        **{"variance": r"\sigma_S^2", "batch_variance": r"\sigma_B^2", "old_variance": r"\sigma_r^2"},
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.one_of(*DEFAULTS)("library", self.library)

    def input(self, value: Any) -> Any:
        return self.scale * value + self.shift

    def output(self, x: Any, mean: Any, variance: Any) -> Any:
        slope, shift = batch_norm_line(mean, variance, self.weight, self.bias, self.epsilon)
        return slope * x + named("t", shift)

    def running(self, old: tuple, batch: tuple) -> tuple[Any, Any]:
        return batch_norm_running(old, batch, self.batch_size, self.momentum, self.library == "torch")

    def mean(self, old_mean: Any, batch_mean: Any) -> Any:
        return self.running((old_mean, old_mean), (batch_mean, batch_mean))[0]

    def variance(self, old_variance: Any, batch_variance: Any) -> Any:
        return self.running((old_variance, old_variance), (batch_variance, batch_variance))[1]


class NormalizationExplorer(Explorer):
    """Move the values of a channel, and see what batch normalization makes of them.

    In a live notebook the traits are what the reader sees; :meth:`input`, :meth:`running` and
    :meth:`output` follow them.

    Parameters
    ----------
    values : ndarray of floats, shape (61, 32), optional
        Values of one channel, of mean 0 and variance 1: 61 batches, of which the first `batches` have
        been seen and the next one is shown. Kept to three decimals. By default, normal numbers.
    train : bool
        Whether the layer uses the batch's statistics, or the running ones.
    library : str
        ``"torch"``, ``"Keras"`` or ``"Paddle"``: which variance is collected.
    **state
        The sliders: ``shift``, ``scale`` (of the input), ``batch_size``, ``weight``, ``bias``, ``epsilon``,
        ``momentum`` (weight of the new statistics, whatever the library calls so), ``batches`` (seen).

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range, there is no such library, or `values` has another shape.

    Examples
    --------
    >>> explorer = NormalizationExplorer(shift=4.0, scale=0.5, batch_size=32)
    >>> round(float(explorer.output().std()), 3)
    1.0
    >>> explorer.train = False
    >>> round(float(explorer.output().mean()), 1)  # after five batches
    3.1
    """

    family: ClassVar[str] = "normalization"
    alt: ClassVar[str] = "Explorer of batch normalization"
    limited: ClassVar[tuple] = ("batch_size", "batches")
    questions: ClassVar[tuple] = (
        ("Far off and narrow: what comes out?", {"shift": -5.0, "scale": 0.2}),
        ("The same layer in evaluation, after 5 batches", {"train": False, "batches": 5}),
        ("Keras's defaults: are 60 batches enough?", KERAS | {"train": False, "batches": 60}),
        ("A batch of two: what is left of the values?", {"batch_size": 2}),
    )

    def __init__(self, values: np.ndarray | None = None, **state: Any) -> None:
        if values is None:
            values = np.random.default_rng(3).standard_normal((BATCHES + 1, VALUES))
        arrays.floats("values", values, (BATCHES + 1, VALUES))
        self._values = np.round(np.asarray(values, dtype=np.float64), 3)
        super().__init__(State(**state))

    def input(self, batch: int | None = None) -> np.ndarray:
        """Return the values of a batch, by default those of the one shown; shape (m,)."""
        values = self._values[self.batches if batch is None else batch, : self.batch_size]
        return State(**self.state()).input(values)

    def running(self, batches: int | None = None) -> tuple[float, float]:
        """Return running mean and variance after so many batches, by default those that were seen."""
        running = 0.0, 1.0
        for batch in range(self.batches if batches is None else batches):
            running = State(**self.state()).running(running, _moments(self.input(batch)))
        return running

    def output(self) -> np.ndarray:
        """Return what the layer makes of the batch shown, shape (m,)."""
        x = self.input()
        return State(**self.state()).output(x, *(_moments(x) if self.train else self.running()))

    def catalog(self) -> dict[str, Any]:
        equations = {library: _equations(State(library=library)) for library in DEFAULTS}
        values = self._values.tolist()
        return {"values": values, "defaults": DEFAULTS, "code": CODE, "equations": equations}

    def formulas(self) -> dict[str, str]:
        texts = {name: symbolic.javascript(State(), of=name) for name in ("input", "output", "mean")}
        variance = partial(symbolic.javascript, of="variance")
        return texts | {library: variance(State(library=library)) for library in DEFAULTS}


def _moments(x: np.ndarray) -> tuple[float, float]:
    return float(x.mean()), float(x.var())


def _equations(state: State) -> list[str]:
    """The line that the layer is, and how the running statistics move."""
    moved = ((r"\mu_r", "mean"), (r"\sigma_r^2", "variance"))
    lines = [mathml(rf"{left} \leftarrow {symbolic.latex(state, of=name)}") for left, name in moved]
    return [*equation("y", symbolic.latex(state, of="output")), *lines]
