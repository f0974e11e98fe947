"""The plateau explorer: a loss curve to draw, and the state machine that lowers the rate when it stalls."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, ClassVar

import numpy as np
import sympy
import traitlets

from helpers.core import checks, symbolic
from helpers.core.hyperparameters import Hyperparameter, hyperparameters
from helpers.figures.explorers.base import Explorer, as_javascript
from helpers.figures.explorers.facts import Facts, code, equation
from helpers.figures.explorers.pictures import ends, ghost, still_code, still_row
from helpers.formulas.schedules import ReduceOnPlateau

__all__ = ["PlateauExplorer", "PlateauQuestion"]

#: The sliders, in this order, and what of a field's range they show.
SLIDERS = {
    "patience": {"high": 10},
    "threshold": {},
    "cooldown": {"high": 10},
    "factor": {"low": 0.05},
    "min_lr": {},
}
MODES = ("min", "max")
THRESHOLD_MODES = ("rel", "abs")
#: What a curve may have of checks: enough for a story, few enough for a finger.
FEWEST, MOST = 2, 100
#: LaTeX of a state before and after a check, and of the question between them.
SYMBOLS = {"lr": r"\eta", "best": "b", "bad_checks": "n", "cooldown": "w"}
BETTER = r"\text{better}"


@dataclasses.dataclass(frozen=True)
class PlateauQuestion:
    """A question to the reader, and the curve and the settings that answer it.

    Parameters
    ----------
    text : str
        The question.
    curve : str
        Which of the explorer's curves is shown.
    schedule : ReduceOnPlateau
        Which settings are shown.
    """

    text: str
    curve: str
    schedule: ReduceOnPlateau


class PlateauExplorer(Explorer):
    """Draw a loss curve, and see check by check what reduce on plateau makes of it.

    The page runs the formulas of :class:`~helpers.formulas.schedules.ReduceOnPlateau` themselves, translated.
    In a live notebook :attr:`schedule` is what the sliders show and ``losses`` what was drawn (None is
    NaN); :meth:`states` runs the one on the other.

    Parameters
    ----------
    curves : mapping
        Name to the metrics of 2 to 100 checks, not all of them NaN; the first is shown.
    schedule : ReduceOnPlateau
        The settings at the start.
    questions : sequence of PlateauQuestion
        What to try.

    Raises
    ------
    TypeError, ValueError
        If a curve or a setting is not fit, or a question's curve is not among the curves.

    Examples
    --------
    >>> explorer = PlateauExplorer({"stalls": [1.0, 0.8, 0.8, 0.8]}, ReduceOnPlateau(0.1, patience=1))
    >>> [round(state["lr"], 3) for state in explorer.states()]
    [0.1, 0.1, 0.1, 0.1, 0.01]
    """

    family = "plateau"
    alt: ClassVar[str] = "Explorer of reduce on plateau"

    losses = traitlets.List().tag(sync=True)
    span = traitlets.List(traitlets.Float()).tag(sync=True)
    check = traitlets.Int().tag(sync=True)
    mode = traitlets.Enum(MODES).tag(sync=True)
    threshold_mode = traitlets.Enum(THRESHOLD_MODES).tag(sync=True)
    lr = traitlets.Float().tag(sync=True)
    factor = traitlets.Float().tag(sync=True)
    patience = traitlets.Int().tag(sync=True)
    threshold = traitlets.Float().tag(sync=True)
    cooldown = traitlets.Int().tag(sync=True)
    min_lr = traitlets.Float().tag(sync=True)

    def __init__(
        self,
        curves: Mapping[str, Sequence[float]],
        schedule: ReduceOnPlateau,
        questions: Sequence[PlateauQuestion] = (),
    ) -> None:
        checks.require(len(curves) > 0, "hold a curve", "curves", curves)
        self._curves = {name: _curve(name, values) for name, values in curves.items()}
        for question in questions:
            checks.one_of(*curves)("curve", question.curve)
        self._questions = tuple(questions)
        super().__init__(**next(iter(self._curves.values())), **_settings(schedule))

    @property
    def schedule(self) -> ReduceOnPlateau:
        """What the sliders show."""
        return ReduceOnPlateau(**{f.name: getattr(self, f.name) for f in dataclasses.fields(ReduceOnPlateau)})

    def states(self) -> list[dict[str, Any]]:
        """Return the state before the first check, and after each."""
        schedule = self.schedule
        states = [schedule.init()]
        for loss in self.losses:
            states.append(schedule.observe(states[-1], math.nan if loss is None else loss))
        return states

    # ---- what the module is told ----

    def constants(self) -> dict[str, str]:
        facts = Facts(resize=self._resized)
        catalog = {
            "rows": _rows(facts, self.schedule),
            "facts": facts.told,
            "curves": list(self._curves.items()),
            "variants": {name: _told(method) for name, method in self._variants().items()},
            "prompts": [
                {"text": q.text, "state": {**self._curves[q.curve], **_settings(q.schedule)}}
                for q in self._questions
            ],
        }
        machines = ", ".join(f"{name}: {_machine(method)}" for name, method in self._variants().items())
        return {"catalog": as_javascript(catalog), "machines": f"{{ {machines} }}"}

    def _variants(self) -> dict[str, ReduceOnPlateau]:
        """Of each pair of modes one: they decide which formulas there are, the numbers do not."""
        return {
            mode + kind: self.schedule.replace(mode=mode, threshold_mode=kind)
            for mode in MODES
            for kind in THRESHOLD_MODES
        }

    def _resized(self, about: Hyperparameter) -> Hyperparameter:
        name = next(
            name for name, field in hyperparameters(ReduceOnPlateau).items() if field.symbol == about.symbol
        )
        return dataclasses.replace(
            about, **SLIDERS.get(name, {}), **({"high": self.lr} if name == "min_lr" else {})
        )

    # ---- the still picture ----

    def still(self) -> str:
        facts, schedule = Facts(resize=self._resized), self.schedule
        rows = _rows(facts, schedule)
        sliders = "".join(still_row(facts.told[r["fact"]], getattr(self, r["name"])) for r in rows)
        prompts = "".join(f'<span class="prompt">{escape(q.text)}</span>' for q in self._questions)
        choices = "".join(
            f'<span class="choice">{ghost("button", name)}</span>'
            for name in ("curve", "metric", "threshold")
        )
        lines = "".join(f"<span>{line}</span>" for line in _equations(schedule))
        name = ghost("muted", f"value of check {self.check} (a number or NaN)")
        field = f'<div class="bar">{name}{ghost("number", "0")}</div>'
        return (
            f'<div class="prompts"><span class="muted">Try</span>{prompts}</div>'
            f'<div class="bar">{choices}</div>'
            f'<div class="stage"><div><div class="picture" style="height: {HEIGHT}px">{self._picture()}</div>'
            f'<div class="pinning">{LEGEND}{ends()}</div>'
            f'<p class="muted note"></p></div>'
            f'<div><div class="controls">{sliders}{field}</div><p class="message"></p></div></div>'
            f'<div class="formula"><div class="equation"><div>{lines}</div></div></div>'
            f'<div class="codes">{still_code("in this book", code(schedule, "schedules"))}'
            f"{still_code('in torch', schedule.torch())}</div>{ghost('summary')}"
        )

    def _picture(self) -> str:
        losses = np.array([math.nan if loss is None else loss for loss in self.losses])
        rates = np.array([state["lr"] for state in self.states()])
        x = LEFT + (WIDTH - LEFT - RIGHT) * (np.arange(len(losses)) + 0.5) / len(losses)
        (top, base), (high, low) = PANELS["loss"], PANELS["rate"]
        y = base - (base - top) * (losses - self.span[0]) / (self.span[1] - self.span[0])
        points = [f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True) if math.isfinite(b)]
        decades = max(1, math.ceil(math.log10(rates.max() / max(rates.min(), 1e-12)) - 1e-9))
        down = high + (low - high) * np.log10(rates.max() / np.maximum(rates, 1e-12)) / decades
        edges = np.linspace(LEFT, WIDTH - RIGHT, len(losses) + 1)[1:]
        stairs = "".join(f"V{b:.1f}H{a:.1f}" for a, b in zip(edges, down, strict=False))
        drops = int((np.diff(rates) < 0).sum())
        alt = f"{len(losses)} checks; the rate falls {drops} times, from {rates[0]:.3g} to {rates[-1]:.3g}"
        parts = [
            _text(0, top - 13, "loss at each check", "name"),
            _text(0, high - 13, "learning rate", "name"),
        ]
        parts += [f'<path class="axis" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>' for y in (base, low)]
        parts += [f'<path class="curve study" d="M{"L".join(points)}"/>']
        parts += [f'<path class="curve study" d="M{LEFT} {down[0]:.1f}{stairs}"/>']
        parts += [_text(WIDTH - RIGHT, high - 13, f"{rates[-1]:.3g} at the end", "", "end")]
        box = f'viewBox="0 0 {WIDTH} {HEIGHT}"'
        return f'<svg class="chart" {box} role="img" aria-label="{escape(alt)}">{"".join(parts)}</svg>'


def _curve(name: str, values: Sequence[float]) -> dict[str, Any]:
    """The state that shows a curve: its checks, the ends of the axis, and the check that is told about."""
    checks.require(
        FEWEST <= len(values) <= MOST, f"have {FEWEST} to {MOST} checks", f"curves[{name!r}]", values
    )
    numbers = [float(value) for value in values]
    finite = [value for value in numbers if math.isfinite(value)]
    checks.require(bool(finite), "have a finite check", f"curves[{name!r}]", values)
    width = max(finite) - min(finite) or 1.0
    step = 10 ** math.floor(math.log10(width))
    ends = [math.floor(min(finite) / step - 0.2) * step, math.ceil(max(finite) / step + 0.2) * step]
    ends = [round(max(ends[0], 0.0) if min(finite) >= 0 else ends[0], 9), round(ends[1], 9)]
    losses = [float(f"{value:.4g}") if math.isfinite(value) else None for value in numbers]
    return {"losses": losses, "span": ends, "check": 1 + len(losses) // 2}


def _settings(schedule: ReduceOnPlateau) -> dict[str, Any]:
    told = {field.name: getattr(schedule, field.name) for field in dataclasses.fields(schedule)}
    return {
        name: float(x) if name in ("lr", "factor", "threshold", "min_lr") else x for name, x in told.items()
    }


def _rows(facts: Facts, schedule: ReduceOnPlateau) -> list[dict]:
    rows = {row["name"]: row for row in facts.rows(schedule)}
    return [rows[name] for name in SLIDERS]


# ---- the formulas, read from the code that runs ----


def _traced(method: ReduceOnPlateau) -> tuple[dict[str, Any], dict]:
    """The next state as expressions, and the LaTeX of every symbol in them."""
    found = symbolic.twin(method)
    old = {key: sympy.Symbol(f"state.{key}", real=True) for key in method.init()}
    metric, better = sympy.Symbol("metric", real=True), sympy.Symbol("better")
    state = symbolic.trace(found.method.transition, old, metric, better)
    names = {symbol: SYMBOLS[key] for key, symbol in old.items()}
    return state, {**found.names, **names, metric: "m", better: BETTER}


def _machine(method: ReduceOnPlateau) -> str:
    """JavaScript of the three formulas of one variant."""
    state, _ = _traced(method)
    entries = ", ".join(f"{key}: {symbolic.one_line(expr)}" for key, expr in state.items())
    formulas = {name: symbolic.javascript(method, of=name) for name in ("goal", "improves")}
    formulas["transition"] = f"(state, metric, better, p) => ({{ {entries} }})"
    return "{ " + ", ".join(f"{name}: {text}" for name, text in formulas.items()) + " }"


def _equations(method: ReduceOnPlateau) -> list[str]:
    state, names = _traced(method)
    lines = equation(BETTER, symbolic.latex(method, of="improves"))
    for key, expr in state.items():
        lines += equation(f"{SYMBOLS[key]}'", symbolic.printed(expr, names))
    return lines


def _told(method: ReduceOnPlateau) -> dict[str, Any]:
    twin = symbolic.twin(method).method
    return {"equations": _equations(method), "code": code(twin, "schedules"), "torch": twin.torch()}


# ---- the measures of plateau.js ----

WIDTH, HEIGHT, LEFT, RIGHT = 720, 476, 54, 22
PANELS = {"loss": (26, 240), "bad": (276, 336), "rate": (372, 440)}
#: Room for the sentence below the picture, on a phone too.
LEGEND = '<span class="muted ghost">● new best ○ bad ● one too many ○ forgiven</span>'
LEGEND += '<span class="muted ghost">Draw over the losses; arrow keys move one.</span>'


def _text(x: float, y: float, text: str, style: str, anchor: str = "start") -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
