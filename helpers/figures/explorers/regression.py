"""The regression explorer: a few readings, three losses, and the estimate that each of them prefers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from helpers.core import checks, symbolic
from helpers.core.hyperparameters import Hyperparameters, hyperparameter, hyperparameters
from helpers.figures.explorers.facts import code, equation
from helpers.figures.explorers.kit import Explorer
from helpers.formulas.losses import AbsoluteError, ElementwiseLoss, SmoothL1, SquaredError

__all__ = ["RegressionExplorer"]

#: Five readings of a laser range finder, in meters.
LASER = (0.98, 0.99, 1.01, 1.02, 0.85)
TARGET = 1.0  # m, the true distance
#: The axis, in meters.
HEIGHTS = checks.Interval(0.8, 1.1, "[]")
#: The width of the parabola, as SmoothL1 has it, for errors in meters.
WIDTH = vars(hyperparameters(SmoothL1)["beta"]) | {"low": 0.002, "high": 0.5, "unit": "m", "example": 0.05}
#: LaTeX of the three losses of one error, in the order of the losses.
SYMBOLS = (r"\ell_2(e)", r"\ell_1(e)", r"\ell_{\beta}(e)")


@dataclass(frozen=True)
class State(Hyperparameters):
    """The readings in meters, and the width of the parabola of smooth L1."""

    readings: tuple[float, ...] = hyperparameter(
        "x", "readings", checks.Each(HEIGHTS), low=HEIGHTS.low, high=HEIGHTS.high, default=LASER, unit="m"
    )
    beta: float = hyperparameter(**WIDTH, default=0.05)

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.require(len(self.readings) <= len(LASER), "have 1 to 5 entries", "readings", self.readings)


#: What to try, and how it differs from a `State` that nobody has moved.
QUESTIONS = (
    ("Move the bad reading to 0.80: which estimates follow it?", {"readings": (*LASER[:4], 0.8)}),
    ("Widen the parabola: whose curve does smooth L1 become?", {"beta": 0.5}),
    ("Set β to 2 cm: is smooth L1 between the two?", {"beta": 0.02}),
    ("Take the bad reading away: where is the median of four?", {"readings": LASER[:4]}),
)


class RegressionExplorer(Explorer):
    """Drag the readings, widen the parabola, and see which value each loss prefers.

    The curves are the mean losses of one estimate of all the readings. Each is drawn as a share of its
    own highest value in the picture, for their units differ (meters squared and meters).

    Parameters
    ----------
    readings : sequence of float
        One to five readings in meters, from 0.8 to 1.1.
    beta : float
        Width of the parabola of smooth L1, in meters.

    Raises
    ------
    ValueError
        If there are no readings or more than five, or if a number is out of its range.

    Examples
    --------
    >>> explorer = RegressionExplorer()
    >>> {name: round(y, 3) for name, y in explorer.estimates.items()}
    {'squared error': 0.97, 'absolute error': 0.99, 'smooth L1': 0.988}
    """

    family: ClassVar[str] = "regression"
    alt: ClassVar[str] = "Explorer of regression losses"
    questions: ClassVar[Sequence] = [(text, asdict(State()) | changes) for text, changes in QUESTIONS]

    def __init__(self, readings: Sequence[float] = LASER, beta: float = 0.05) -> None:
        super().__init__(State(tuple(readings), beta))

    @property
    def losses(self) -> tuple[ElementwiseLoss, ...]:
        """The three losses whose curves are shown; the last has the width that the slider says."""
        return SquaredError(), AbsoluteError(), SmoothL1(self.beta)

    @property
    def estimates(self) -> dict[str, float]:
        """The estimate that each loss prefers to all others, by the loss's words."""
        return {loss.words: minimizer(loss, self.readings) for loss in self.losses}

    def catalog(self) -> dict[str, Any]:
        template, places = symbolic.latex_template(SmoothL1())
        lines, values = (_equations(last) for last in (symbolic.latex(SmoothL1()), template))
        ours = code(symbolic.twin(SmoothL1()).method, "losses")
        torch = "torch.nn.SmoothL1Loss(beta=p.beta)"
        return {
            **{"low": HEIGHTS.low, "high": HEIGHTS.high, "target": TARGET},
            "equation": {"lines": lines, "values": values, "places": places},
            "codes": [("in this book", ours), ("in torch", torch)],
        }

    def formulas(self) -> dict[str, dict]:
        def traced(loss: ElementwiseLoss) -> dict[str, str]:
            return {"value": symbolic.javascript(loss), "slope": symbolic.javascript(loss, of="derivative")}

        return {"losses": {loss.words: traced(loss) for loss in self.losses}}


def minimizer(loss: ElementwiseLoss, readings: Sequence[float]) -> float:
    """Return the estimate whose mean loss over the readings is least: where the mean derivative changes sign.

    Where many are least, as between the two middle ones of four readings under the absolute error, it is
    the middle of them.

    Parameters
    ----------
    loss : ElementwiseLoss
        A convex loss.
    readings : sequence of float

    Returns
    -------
    float

    Examples
    --------
    >>> round(minimizer(AbsoluteError(), [0.98, 0.99, 1.01, 1.02]), 12)
    1.0
    """
    readings = np.asarray(readings, dtype=float)
    ends = []
    for is_above in (np.greater_equal, np.greater):  # the first least estimate, and the last
        low, high = readings.min(), readings.max()
        for _ in range(60):
            middle = (low + high) / 2
            above = is_above(loss.derivative(middle - readings).sum(), 0)
            low, high = (low, middle) if above else (middle, high)
        ends.append(high)
    return float(sum(ends) / 2)


def _equations(smooth: str) -> list[str]:
    lines = zip(SYMBOLS, (*map(symbolic.latex, (SquaredError(), AbsoluteError())), smooth), strict=True)
    return [part for left, right in lines for part in equation(left, right)]
