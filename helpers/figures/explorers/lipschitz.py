"""The explorer of Lipschitz rates: the scale of a feature, the size of the batch, and what they ask for."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import cache
from html import escape
from typing import Any, ClassVar

import numpy as np
import traitlets

from helpers.core import checks, symbolic
from helpers.core.hyperparameters import Hyperparameters, hyperparameter, hyperparameters
from helpers.core.mathematics import sqrt
from helpers.figures.explorers.base import Explorer, as_javascript
from helpers.figures.explorers.facts import Facts, equation
from helpers.figures.explorers.pictures import ends, ghost, still_row
from helpers.formulas.losses import BinaryCrossEntropy

__all__ = ["LipschitzExplorer"]

SMALLEST, SAMPLES, STEPS = 8, 512, 60
#: Name of a rate, its formula below, the left side of its equation, its color and dashes.
RATES = (
    ("published 1/L", "published", r"\frac{1}{L_{\text{published}}}", "rival", "8 4"),
    ("1/L, true bound", "bounded", r"\frac{1}{G}", "third", "2 3.5"),
    ("1/smoothness", "smooth", r"\frac{1}{L_s}", "study", "none"),
    ("stability limit", "limit", r"\eta_{\max}", "ink", "none"),
)


@dataclass(frozen=True)
class _Rates(Hyperparameters):
    """What can be moved, and the four rates of one weight under binary cross-entropy."""

    scale: float = hyperparameter(
        "s", "scale of the feature", checks.positive, low=0.01, high=100.0, default=1.0, log=True
    )
    batch_size: int = hyperparameter(
        "m",
        "examples in the batch",
        checks.count,
        low=SMALLEST,
        high=SAMPLES,
        default=32,
        log=True,
        integer=True,
    )

    argument_symbols: ClassVar = {"norm": r"{\lVert x\rVert}", "curvature": "h"}

    def published(self, norm: Any) -> Any:
        return 2 * self.batch_size / (self.scale * norm)

    def bounded(self, norm: Any) -> Any:
        return sqrt(self.batch_size) / (self.scale * norm)

    def smooth(self, norm: Any) -> Any:
        return 4 * self.batch_size / (self.scale**2 * norm**2)

    def limit(self, curvature: Any) -> Any:
        return 2 / (self.scale**2 * curvature)


QUESTIONS = (
    ("A small feature: who crawls?", {"scale": 0.03}),
    ("A large feature: who still comes down?", {"scale": 10.0}),
    ("Only a larger batch: who leaves the stable range?", {"batch_size": 512}),
    ("A batch of 8: who is closest to the limit?", {"batch_size": 8}),
)


def _data() -> tuple[np.ndarray, np.ndarray]:
    """Return features of about size 1, and labels that no weight separates."""
    rng = np.random.default_rng(3)
    x = np.round(rng.standard_normal(SAMPLES), 3)
    return x, (rng.random(SAMPLES) < 1 / (1 + np.exp(-1.5 * x))).astype(float)


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

    family = "lipschitz"
    alt: ClassVar[str] = "Explorer of learning rates from Lipschitz constants"

    scale = traitlets.Float().tag(sync=True)
    batch_size = traitlets.Int().tag(sync=True)

    def __init__(self, scale: float = 1.0, batch_size: int = 32) -> None:
        state = _Rates(scale, batch_size)
        for name, about in hyperparameters(state).items():
            value, low, high = getattr(state, name), about.low, about.high
            checks.require(low <= value <= high, f"be in [{low}, {high}]", name, value)
        super().__init__(scale=float(scale), batch_size=batch_size)

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the scaled feature and the label of each example, (m,) each."""
        x, y = _data()
        return self.scale * x[: self.batch_size], y[: self.batch_size]

    def rates(self) -> dict[str, float]:
        """Return the four rates: ``published``, ``bounded``, ``smooth`` and ``limit``."""
        norm, curvature, _ = map(float, _facts()[self.batch_size - SMALLEST])
        own = _Rates(self.scale, self.batch_size)
        found = {name: getattr(own, name)(norm) for name in ("published", "bounded", "smooth")}
        return found | {"limit": own.limit(curvature)}

    def course(self, rate: float) -> np.ndarray:
        """Return by how much the loss is above its minimum, at the start and after each step; shape (61,)."""
        (x, y), loss = self.data(), BinaryCrossEntropy()
        weight, above = 0.0, []
        for _ in range(STEPS + 1):
            above.append(loss.formula(weight * x, y).mean())
            weight -= rate * float((loss.derivative(weight * x, y) * x).mean())
        return np.array(above) - _facts()[self.batch_size - SMALLEST, 2]

    # ---- what the module is told ----

    def constants(self) -> dict[str, str]:
        facts = Facts()
        rows = facts.rows(_Rates(self.scale, self.batch_size))
        x, y = _data()
        catalog = {
            "rows": rows,
            "facts": facts.told,
            "x": x.tolist(),
            "y": y.astype(int).tolist(),
            "first": SMALLEST,
            "found": [[float(f"{number:.9g}") for number in row] for row in _facts()],
            "rates": [{"words": r[0], "name": r[1], "color": r[3], "dashes": r[4]} for r in RATES],
            "equations": _equations(),
            "prompts": _questions(),
        }
        loss, own = BinaryCrossEntropy(), _Rates()
        told = {name: symbolic.javascript(loss, of=name) for name in ("formula", "derivative")}
        told |= {name: symbolic.javascript(own, of=name) for _, name, *_ in RATES}
        formulas = ", ".join(f"{name}: {text}" for name, text in told.items())
        return {"catalog": as_javascript(catalog), "formulas": f"{{ {formulas} }}"}

    # ---- the still picture ----

    def still(self) -> str:
        facts = Facts()
        rows = facts.rows(_Rates(self.scale, self.batch_size))
        sliders = "".join(still_row(facts.told[r["fact"]], getattr(self, r["name"])) for r in rows)
        prompts = "".join(f'<span class="prompt">{escape(p["text"])}</span>' for p in _questions())
        return (
            f'<div class="prompts"><span class="muted">Try</span>{prompts}</div>'
            f'<div class="stage"><div><div class="picture" style="height: {HEIGHT}px">{self._picture()}</div>'
            f'<div class="pinning">{ends()}</div>'
            f'<p class="muted note"></p></div>'
            f'<div><div class="controls">{sliders}</div><p class="message"></p></div></div>'
            f'<div class="formula"><div class="equation"><div>{"".join(_equations())}</div></div></div>'
            f"{ghost('summary')}"
        )

    def _picture(self) -> str:
        rates, parts = self.rates(), []
        decades = np.array(SCALES)
        for row, (words, name, _, color, dashes) in enumerate(RATES):
            slope = 1 if name in ("published", "bounded") else 2
            values = np.log10(rates[name]) - slope * (decades - math.log10(self.scale))
            parts.append(_line(decades, values, PANELS[0], color, dashes))
            text = f"{words}: {rates[name]:.3g}"
            parts.append(_text(WIDTH - RIGHT, PANELS[0].top + 14 + 16 * row, text, "", "end"))
            if name != "limit":
                above = np.log10(np.maximum(self.course(rates[name]), 1e-30))
                parts.append(_line(np.arange(STEPS + 1), above, PANELS[1], color, dashes))
        for panel in PANELS:
            parts.append(f'<path class="axis" d="M{LEFT} {panel.base}H{WIDTH - RIGHT}"/>')
            parts.append(_text(0, panel.top - 11, panel.name, "name"))
            parts.append(_text(WIDTH - RIGHT, panel.base + 34, panel.along, "name", "end"))
            ends = ((panel.low, panel.base), (panel.high, panel.top))
            parts += [_text(LEFT - 8, at + 4, f"1e{end}", "tick", "end") for end, at in ends]
        alt = escape("; ".join(f"{words}: {rates[name]:.3g}" for words, name, *_ in RATES))
        box = f'viewBox="0 0 {WIDTH} {HEIGHT}"'
        return f'<svg class="chart" {box} role="img" aria-label="{alt}">{"".join(parts)}</svg>'


@cache
def _facts() -> np.ndarray:
    """Return norm of the feature, curvature and loss at the best weight, for each batch size; (505, 3)."""
    (x, y), loss = _data(), BinaryCrossEntropy()
    sizes = np.arange(SMALLEST, SAMPLES + 1)
    used = (np.arange(SAMPLES) < sizes[:, None]) / sizes[:, None]
    weights = np.zeros((len(sizes), 1))
    for _ in range(12):  # of Newton's steps, which arrive in 6
        p = loss.derivative(weights * x, np.zeros_like(y))
        curvature = (used * x**2 * p * (1 - p)).sum(1)
        weights -= ((used * x * (p - y)).sum(1) / curvature)[:, None]
    lowest = (used * loss.formula(weights * x, np.broadcast_to(y, used.shape))).sum(1)
    return np.stack([np.sqrt(np.cumsum(x**2))[SMALLEST - 1 :], curvature, lowest], 1)


def _equations() -> list[str]:
    own = _Rates()
    return [line for _, name, left, *_ in RATES for line in equation(left, symbolic.latex(own, of=name))]


def _questions() -> list[dict[str, Any]]:
    return [{"text": text, "state": asdict(_Rates()) | state} for text, state in QUESTIONS]


# ---- the measures of lipschitz.js ----

WIDTH, HEIGHT, LEFT, RIGHT = 720, 470, 54, 22
SCALES = (-2, 2)  # powers of ten


@dataclass(frozen=True)
class _Panel:
    """A picture: where it lies, the powers of ten at its ends, its names."""

    top: int
    base: int
    low: int
    high: int
    start: float
    end: float
    name: str
    along: str


PANELS = (
    _Panel(26, 206, -4, 6, *SCALES, "learning rate", "scale of the feature"),
    _Panel(276, 432, -8, 4, 0, STEPS, "loss above its minimum (nats)", "step"),
)
#: Room for the sentence below the picture, on a phone too.


def _line(x: np.ndarray, y: np.ndarray, panel: _Panel, color: str, dashes: str) -> str:
    column = LEFT + (WIDTH - LEFT - RIGHT) * (x - panel.start) / (panel.end - panel.start)
    height = (panel.base - panel.top) / (panel.high - panel.low)
    row = np.clip(panel.base - height * (y - panel.low), panel.top, panel.base)
    path = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(column, row, strict=True))
    style = f"stroke: var(--{color}); stroke-dasharray: {dashes}; stroke-width: 2"
    return f'<path class="curve" style="{style}" d="M{path}"/>'


def _text(x: float, y: float, text: str, style: str, anchor: str = "start") -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
