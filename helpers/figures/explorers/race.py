"""The explorer of the race: any two schedules at any length, their rates, losses, final scores and tuning."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from html import escape
from typing import Any, ClassVar

import numpy as np
import traitlets

from helpers.core import checks, symbolic
from helpers.core.hyperparameters import Hyperparameters, hyperparameter
from helpers.figures.explorers.base import Explorer, as_javascript
from helpers.figures.explorers.facts import Facts
from helpers.figures.explorers.pictures import ends, ghost, still_row
from helpers.formulas.comparison import student_quantile
from helpers.formulas.schedules import Schedule
from helpers.recipes import records
from helpers.recipes.schedule_race import CONTESTANTS

__all__ = ["RaceExplorer"]


def _percent(name: str, value: Any) -> None:
    checks.count(name, value)
    checks.require(value <= 100, "be at most 100", name, value)


@dataclass(frozen=True)
class _Sliders(Hyperparameters):
    """What can be moved: where in the training the numbers are read."""

    part: int = hyperparameter(
        "t/T", "part of the training", _percent, unit="%", low=5, high=100, integer=True, default=100
    )


QUESTIONS = (
    ("Cosine or a constant rate: when do they cross?", "cosine", "constant", -1, 50),
    ("The same with few steps: does the order hold?", "cosine", "constant", 0, 100),
    ("Linear or cosine: can the seeds tell them apart?", "linear", "cosine", -1, 100),
    ("One-cycle: does it bear a higher peak than a constant rate?", "one-cycle", "constant", 1, 30),
    ("Cosine restarts: what does a restart cost?", "cosine restarts", "cosine", -1, 30),
)


class RaceExplorer(Explorer):
    """Choose two schedules and a length, and see how they ran: rates, losses, test results, tuning.

    Everything is read from a record of :mod:`helpers.recipes.schedule_race`; the rates are computed from the
    schedules that it names. In a live notebook the traits are what the reader sees; :meth:`difference`
    follows them.

    Parameters
    ----------
    first, second : str
        Names of contestants.
    steps : int, optional
        Length of the training, one of the record's; by default the longest.
    part : int
        Where the numbers are read, in percent of the training, 1 to 100.
    training : bool
        Whether the training loss is drawn in place of the validation loss.
    record : dict, optional
        What :func:`helpers.recipes.records.read` returned; by default the record that comes with the book.

    Raises
    ------
    TypeError, ValueError
        If a name, the length or the part is not one that there is.
    """

    family = "race"
    alt: ClassVar[str] = "Explorer of the race of schedules"

    first = traitlets.Unicode().tag(sync=True)
    second = traitlets.Unicode().tag(sync=True)
    steps = traitlets.Int().tag(sync=True)
    part = traitlets.Int().tag(sync=True)
    training = traitlets.Bool().tag(sync=True)

    def __init__(
        self,
        first: str = "cosine",
        second: str = "constant",
        steps: int | None = None,
        *,
        part: int = 100,
        training: bool = False,
        record: dict[str, Any] | None = None,
    ) -> None:
        self._record = records.kept("schedule-race") if record is None else record
        self._lengths = tuple(self._record["settings"]["lengths"])
        self._results = _results(self._record)
        steps = self._lengths[-1] if steps is None else steps
        for name, value in (("first", first), ("second", second)):
            checks.one_of(*self._results)(name, value)
        checks.one_of(*self._lengths)("steps", steps)
        _Sliders(part)
        super().__init__(first=first, second=second, steps=steps, part=part, training=bool(training))

    def schedule(self, name: str) -> Any:
        """Return a contestant as it ran: with the peak rate that was chosen for the present length."""
        return CONTESTANTS[name](self._results[name][str(self.steps)]["peak"], self.steps)

    def difference(self, what: str = "accuracy") -> tuple[float, float, int]:
        """Return by how much the first is above the second, seed by seed.

        Parameters
        ----------
        what : str
            ``"accuracy"`` (in percent) or ``"loss"`` (in nats), both on the test set.

        Returns
        -------
        mean, std : float
            Of the differences; the sample standard deviation.
        agreeing : int
            How many of the differences have the sign of their mean.
        """
        checks.one_of("accuracy", "loss")("what", what)
        a, b = (self._results[name][str(self.steps)][what] for name in (self.first, self.second))
        apart = np.array(a, dtype=float) - np.array(b, dtype=float)
        return float(apart.mean()), float(apart.std(ddof=1)), int((apart * apart.mean() > 0).sum())

    # ---- what the module is told ----

    def constants(self) -> dict[str, str]:
        facts, settings = Facts(), self._record["settings"]
        (row,) = facts.rows(_Sliders(self.part))
        catalog = {
            "results": self._results,
            "lengths": self._lengths,
            "seeds": settings["seeds"],
            "peaks": settings["peaks"],
            "looks": settings["looks"],
            "student": student_quantile(len(settings["seeds"])),
            "fact": facts.told[row["fact"]],
            "prompts": self._questions(),
        }
        known = {name: self.schedule(name) for name in self._results}
        told = (
            f"{as_javascript(name)}: {symbolic.javascript(schedule)}"
            for name, schedule in known.items()
            if isinstance(schedule, Schedule)
        )
        return {"catalog": as_javascript(catalog), "formulas": "{\n" + ",\n".join(told) + "\n}"}

    def _questions(self) -> list[dict[str, Any]]:
        """What to try: a question, and the state that answers it; none about who did not run."""
        told = []
        for text, first, second, length, part in QUESTIONS:
            if {first, second} <= set(self._results) and length < len(self._lengths):
                state = {"first": first, "second": second, "steps": self._lengths[length], "part": part}
                told.append({"text": text, "state": {**state, "training": False}})
        return told

    # ---- the still picture ----

    def still(self) -> str:
        facts = Facts()
        (row,) = facts.rows(_Sliders(self.part))
        prompts = "".join(f'<span class="prompt">{escape(p["text"])}</span>' for p in self._questions())
        choices = ((self.first, "First"), (self.second, "Second"), (str(self.steps), "Steps"))
        bars = "".join(f'<span class="choice">{words}: {escape(name)}</span>' for name, words in choices)
        return (
            f'<div class="prompts"><span class="muted">Try</span>{prompts}</div>'
            f'<div class="bar">{bars}<span class="check">training loss</span></div>'
            f'<div class="stage"><div><div class="picture" style="height: {HEIGHT}px">{self._courses()}</div>'
            f'<div class="controls">{still_row(facts.told[row["fact"]], self.part)}</div></div>'
            f'<div><div class="picture" style="height: {HEIGHT}px">{self._ends()}</div>'
            f'<div class="pinning">{ends()}</div></div></div>'
            f'<p class="message"></p><p class="muted note" style="--more: 3em">{escape(self._words())}</p>'
            f"{ghost('summary')}"
        )

    def _words(self) -> str:
        mean, std, agreeing = self.difference()
        n, word = len(self._record["settings"]["seeds"]), "above" if mean >= 0 else "below"
        told = (
            f"{self.first} ends {word} {self.second} by {abs(mean):.2f} ± {std:.2f} points of test accuracy"
        )
        return f"After {self.steps} steps {told}, in {agreeing} of {n} seeds."

    def _pair(self) -> list[dict[str, Any]]:
        return [self._results[name][str(self.steps)] for name in (self.first, self.second)]

    def _courses(self) -> str:
        """Rates and validation losses, means of the seeds."""
        parts, pair, steps = [], self._pair(), np.arange(self.steps)
        names, top = (self.first, self.second), max(result["peak"] for result in pair)
        for name, result, look in zip(names, pair, LOOKS, strict=True):
            each = result.get("rates")
            rates = self.schedule(name).rates(steps) if each is None else _stairs(each, self.steps)
            losses = np.array(result["val"], dtype=float).mean(0)
            at = np.arange(1, len(losses) + 1) / len(losses)
            parts.append(_curve(steps / self.steps, rates / top, RATE, look))
            parts.append(_curve(at, _height(losses), LOSS, look))
        return _picture(
            parts, ((RATE, "learning rate", "step"), (LOSS, "validation loss", "step")), self._words()
        )

    def _ends(self) -> str:
        """Accuracies and losses on the test set, and the mean losses of the peak rates that were tried."""
        parts, pair = [], self._pair()
        for what, panel in (("accuracy", ACCURACY), ("loss", TEST_LOSS)):
            low, high = (f(f(result[what]) for result in pair) for f in (min, max))
            for result, color, row in zip(pair, COLORS, (16, 40), strict=True):
                xs = (np.array(result[what]) - low) / max(high - low, 1e-9)
                parts += [_dot(x, panel.top + row, color) for x in xs]
        for result, look in zip(pair, LOOKS, strict=True):
            losses = np.array(result["tried"], dtype=float).mean(1)
            xs = np.linspace(0, 1, len(losses))
            parts.append(_curve(xs, _height(losses), TUNING, look))
        names = ((ACCURACY, "test accuracy", "%"), (TEST_LOSS, "test loss", "nats"))
        return _picture(
            parts, (*names, (TUNING, "validation loss in the tuning", "peak rate")), self._words()
        )


def _results(record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the page is told: for each contestant and length the choice of the peak, and the runs."""
    names = dict.fromkeys(run["schedule"] for run in record["runs"])
    lengths = record["settings"]["lengths"]
    return {name: {str(steps): _result(record, name, steps) for steps in lengths} for name in names}


def _result(record: dict[str, Any], name: str, steps: int) -> dict[str, Any]:
    runs, tried = (
        [one for one in record[key] if (one["schedule"], one["steps"]) == (name, steps)]
        for key in ("runs", "candidates")
    )
    result = {"peak": runs[0]["peak_lr"], "tried": [_short(one["losses"]) for one in tried]}
    result |= {"accuracy": [round(100 * run["accuracy"], 2) for run in runs]}
    result |= {"loss": [run["loss"] for run in runs]}
    result |= {"train": [_short(run["train_losses"]) for run in runs]}
    result |= {"val": [_short(run["val_losses"]) for run in runs]}
    if "rates" in runs[0]:
        return result | {"rates": [run["rates"] for run in runs]}
    return result | {"p": dataclasses.asdict(CONTESTANTS[name](result["peak"], steps))}


def _short(losses: list[float | None]) -> list[float | None]:
    """Three decimals: more than a picture shows."""
    return [None if loss is None else round(loss, 3) for loss in losses]


# ---- the still pictures, with the measures of race.js ----

WIDTH, HEIGHT, LEFT, RIGHT = 720, 400, 54, 22
LOSSES = (0.4, 2.5)  # the ends of the logarithmic axis of losses
LOOKS, COLORS = ("study", "pin1"), ("study", "rival")


@dataclass(frozen=True)
class _Panel:
    """Where a picture lies."""

    top: int
    base: int


RATE, LOSS = _Panel(40, 130), _Panel(196, 358)
ACCURACY, TEST_LOSS, TUNING = _Panel(26, 78), _Panel(134, 186), _Panel(250, 358)


def _height(losses: np.ndarray) -> np.ndarray:
    low, high = np.log(LOSSES)
    return np.clip((np.log(losses) - low) / (high - low), 0, 1)


def _stairs(rates: list[list[float]], steps: int) -> np.ndarray:
    """Plateau's mean rate at every step, from the rates before each look."""
    mean = np.mean(rates, 0)
    return np.repeat(mean, steps // len(mean))


def _across(x: Any) -> Any:
    return LEFT + (WIDTH - LEFT - RIGHT) * x


def _curve(xs: np.ndarray, heights: np.ndarray, panel: _Panel, look: str) -> str:
    few = slice(None, None, max(1, len(xs) // 200))
    ys = panel.base - (panel.base - panel.top) * heights
    seen = [(_across(x), y) for x, y in zip(xs[few], ys[few], strict=True) if math.isfinite(y)]
    points = "L".join(f"{x:.1f} {y:.1f}" for x, y in seen)
    return f'<path class="curve {look}" d="M{points}"/>' if seen else ""


def _dot(x: float, y: float, color: str) -> str:
    return f'<circle cx="{_across(x):.1f}" cy="{y}" r="4" style="fill: var(--{color})"/>'


def _text(x: float, y: float, text: str, style: str, anchor: str = "start") -> str:
    return f'<text class="{style}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


def _picture(parts: list[str], panels: tuple, alt: str) -> str:
    for panel, name, along in panels:
        parts.append(f'<path class="axis" d="M{LEFT} {panel.base}H{WIDTH - RIGHT}"/>')
        parts.append(_text(0, panel.top - 13, name, "name"))
        parts.append(_text(WIDTH - RIGHT, panel.base + 34, along, "name", "end"))
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}"'
    return f'<svg class="chart" {box} role="img" aria-label="{escape(alt)}">{"".join(parts)}</svg>'
