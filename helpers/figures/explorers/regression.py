"""The regression explorer: a few readings, three losses, and the estimate that each of them prefers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from html import escape
from typing import Any, ClassVar

import numpy as np
import traitlets

from helpers.core import checks, symbolic
from helpers.core.hyperparameters import Hyperparameter
from helpers.figures.explorers.base import Explorer, as_javascript
from helpers.figures.explorers.facts import Facts, code, equation
from helpers.figures.explorers.pictures import ends, ghost, still_code, still_row
from helpers.formulas.losses import AbsoluteError, ElementwiseLoss, SmoothL1, SquaredError

__all__ = ["Readings", "RegressionExplorer"]

#: Five readings of a laser range finder, in meters; the target stands at 1 m.
LASER = (0.98, 0.99, 1.01, 1.02, 0.85)
#: The ends of the axis, in meters, and what of it the width of the parabola may take.
LOW, HIGH = 0.8, 1.1
WIDTHS = {"low": 0.002, "high": 0.5, "unit": "m"}
#: Place of a loss's curve in the picture: its class in explorer.css.
LOOKS = ("study", "pin1", "pin2")
#: LaTeX of the three losses of one error, in the order of the losses.
SYMBOLS = (r"\ell_2(e)", r"\ell_1(e)", r"\ell_{\beta}(e)")
HINT = "Drag a reading, or use arrow keys."
FIELD = '<span class="number ghost" style="width: 2.9rem">0</span>'
TORCH = "torch.nn.SmoothL1Loss(beta=p.beta)"


@dataclasses.dataclass(frozen=True)
class Readings:
    """A question to the reader, and the readings and width that answer it.

    Parameters
    ----------
    text : str
        The question.
    readings : tuple of float
        The readings that are shown, in meters.
    beta : float
        Width of the parabola of smooth L1, in meters.
    """

    text: str
    readings: tuple[float, ...] = LASER
    beta: float = 0.05


QUESTIONS = (
    Readings("Move the bad reading to 0.80: which estimates follow it?", (*LASER[:4], 0.8)),
    Readings("Widen the parabola: whose curve does smooth L1 become?", beta=0.5),
    Readings("Set β to 2 cm: is smooth L1 between the two?", beta=0.02),
    Readings("Take the bad reading away: where is the median of four?", LASER[:4]),
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
    target : float
        The true distance, in meters, from 0.8 to 1.1.
    prompts : sequence of Readings, optional
        What to try; without it, four questions.

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

    family = "regression"
    alt: ClassVar[str] = "Explorer of regression losses"

    readings = traitlets.List().tag(sync=True)
    beta = traitlets.Float().tag(sync=True)

    def __init__(
        self,
        readings: Sequence[float] = LASER,
        beta: float = 0.05,
        *,
        target: float = 1.0,
        prompts: Sequence[Readings] = QUESTIONS,
    ) -> None:
        _within("target", target)
        for shown in (Readings("", tuple(readings), beta), *prompts):
            checks.require(1 <= len(shown.readings) <= len(LASER), "be 1 to 5", "readings", shown.readings)
            for value in shown.readings:
                _within("readings", value)
            SmoothL1(shown.beta)
        self._target, self._prompts = float(target), tuple(prompts)
        super().__init__(readings=[float(value) for value in readings], beta=float(beta))

    @property
    def losses(self) -> tuple[ElementwiseLoss, ...]:
        """The three losses whose curves are shown; the last has the width that the slider says."""
        return SquaredError(), AbsoluteError(), SmoothL1(self.beta)

    @property
    def estimates(self) -> dict[str, float]:
        """The estimate that each loss prefers to all others, by the loss's words."""
        return {loss.words: minimizer(loss, self.readings) for loss in self.losses}

    # ---- what the module is told ----

    def constants(self) -> dict[str, str]:
        facts = Facts(resize=_in_meters)
        row = facts.rows(SmoothL1())[0]
        template, places = symbolic.latex_template(SmoothL1())
        told = {
            "fact": facts.told[row["fact"]],
            "words": [loss.words for loss in self.losses],
            "looks": LOOKS,
            "low": LOW,
            "high": HIGH,
            "target": self._target,
            "symbols": _equations(*map(symbolic.latex, self.losses)),
            "values": _equations(*map(symbolic.latex, self.losses[:2]), template),
            "places": places,
            "code": code(symbolic.twin(SmoothL1()).method, "losses"),
            "torch": TORCH,
            "prompts": [
                {"text": p.text, "state": {"readings": p.readings, "beta": p.beta}} for p in self._prompts
            ],
        }
        formulas = (
            f"{{ value: {symbolic.javascript(loss)}, slope: {symbolic.javascript(loss, of='derivative')} }}"
            for loss in self.losses
        )
        return {"catalog": as_javascript(told), "formulas": f"[{', '.join(formulas)}]"}

    # ---- the still picture ----

    def still(self) -> str:
        told = Facts(resize=_in_meters)
        fact = told.told[told.rows(SmoothL1())[0]["fact"]]
        prompts = "".join(f'<span class="prompt">{escape(prompt.text)}</span>' for prompt in self._prompts)
        lines = "".join(_equations(*map(symbolic.latex, self.losses)))
        torch = TORCH.replace("p.beta", repr(self.beta))
        fields = ghost("", "readings (m)") + len(self.readings) * FIELD
        return (
            f'<div class="prompts"><span class="muted">Try</span>{prompts}</div>'
            f'<div class="stage"><div><div class="picture" style="height: 400px">{self._picture()}</div>'
            f'<div class="pinning">{ghost("muted", HINT)}{ends()}</div></div>'
            f'<div><div class="controls">{still_row(fact, self.beta)}'
            f'<div class="bar"><span class="choice" style="flex-wrap: wrap">{fields}</span></div></div>'
            '<p class="message"></p></div></div>'
            f'<div class="formula"><div class="equation"><div>{lines}</div></div>'
            f"{ghost('check', 'with the present values')}</div>"
            f'<div class="codes">{still_code("in this book", code(self.losses[2], "losses"))}'
            f"{still_code('in torch', torch)}</div>{ghost('summary')}"
        )

    def _picture(self) -> str:
        x = _scale(LOW, HIGH, 54, 698)
        y = _scale(0, 1, 220, 28)
        ys = np.linspace(LOW, HIGH, 241)
        parts = [f'<path class="axis" d="M54 220H698M54 358H698M{x(self._target):.1f} 28V358"/>']
        parts += [_text(x(tick), 375, f"{tick:.2g}", "tick", "middle") for tick in (0.8, 0.9, 1, 1.1)]
        parts += [_text(698, 394, "estimate, reading (m)", "name", "end")]
        for i, (loss, estimate) in enumerate(zip(self.losses, self.estimates.values(), strict=True)):
            values = loss.formula(ys[:, None] - np.array(self.readings)).mean(1)
            heights = y(values / values.max())
            line = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x(ys), heights, strict=True))
            parts += [f'<path class="curve {LOOKS[i]}" d="M{line}"/>']
            parts += [_text(280, 45 + 18 * i, f"{loss.words}: {estimate:.3f}", f"label halo {LOOKS[i]}")]
        for i, value in enumerate(self.readings):
            place = f'r="7" cx="{x(value):.1f}" cy="{240 + 24 * i}"'
            parts += [f'<circle class="knob" style="stroke: var(--ink)" {place}/>']
            parts += [_text(x(value) + 12, 244 + 24 * i, f"{value:.4g}", "tick")]
        alt = _said(self.estimates)
        box = 'viewBox="0 0 720 400"'
        return f'<svg class="chart" {box} role="img" aria-label="{escape(alt)}">{"".join(parts)}</svg>'


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


def _within(name: str, value: float) -> None:
    checks.require(LOW <= value <= HIGH, f"be in [{LOW}, {HIGH}]", name, value)


def _in_meters(about: Hyperparameter) -> Hyperparameter:
    return dataclasses.replace(about, **WIDTHS)


def _equations(*formulas: str) -> list[str]:
    return [line for left, right in zip(SYMBOLS, formulas, strict=True) for line in equation(left, right)]


def _scale(low: float, high: float, start: float, end: float) -> Any:
    return lambda value: start + (value - low) * (end - start) / (high - low)


def _text(x: float, y: float, text: str, style: str, anchor: str = "start") -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _said(estimates: dict[str, float]) -> str:
    return "least loss at: " + ", ".join(f"{words} {y:.3f} m" for words, y in estimates.items())
