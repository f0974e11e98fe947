"""The normalization explorer: the values of a channel before and after batch normalization."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from html import escape
from typing import Any, ClassVar, NamedTuple

import numpy as np
import sympy
import traitlets

from helpers.core import arrays, checks, symbolic
from helpers.core.hyperparameters import Hyperparameters, hyperparameter
from helpers.figures.explorers.base import Explorer, as_javascript
from helpers.figures.explorers.facts import Facts, mathml
from helpers.figures.explorers.pictures import ends, ghost, still_code, still_row
from helpers.formulas import layers
from helpers.formulas.layers.normalization import batch_norm_line, batch_norm_running

__all__ = ["NormalizationExplorer"]

BATCHES, VALUES = 60, 32  # most batches seen, and most values in one


class _Library(NamedTuple):
    """A library's defaults and its line of code; its momentum may be the weight of the old value."""

    momentum: float
    epsilon: float
    unbiased: bool
    code: str


LIBRARIES = {
    "torch": _Library(0.1, 1e-5, True, "torch.nn.BatchNorm2d(C, eps=p.epsilon, momentum=p.momentum)"),
    "Keras": _Library(
        0.01, 1e-3, False, "keras.layers.BatchNormalization(epsilon=p.epsilon, momentum=p.kept)"
    ),
    "Paddle": _Library(0.1, 1e-5, False, "paddle.nn.BatchNorm2D(C, epsilon=p.epsilon, momentum=p.kept)"),
}


def _between(check: Callable, low: int, high: int) -> Callable:
    def limited(name: str, value: Any) -> None:
        check(name, value)
        checks.require(low <= value <= high, f"be {low} to {high}", name, value)

    return limited


def _number(symbol: str, words: str, check: Callable, low: float, high: float, start: float, **facts) -> Any:
    return hyperparameter(symbol, words, check, low=low, high=high, default=start, **facts)


@dataclass(frozen=True)
class _Sliders(Hyperparameters):
    """What can be moved: the input, the layer, and how many batches it has seen."""

    shift: float = _number("c", "added to the input", checks.finite, -5.0, 5.0, 4.0)
    scale: float = _number("k", "times the input", checks.positive, 0.1, 3.0, 0.5, log=True)
    batch_size: int = _number(
        "m", "values in the batch", _between(checks.count, 2, VALUES), 2, VALUES, 16, integer=True
    )
    weight: float = _number(r"\gamma", "new spread", checks.finite, -2.0, 3.0, 1.0)
    bias: float = _number(r"\beta", "new mean", checks.finite, -4.0, 4.0, 0.0)
    epsilon: float = _number(r"\epsilon", "in the root", checks.positive, 1e-8, 1.0, 1e-5, log=True)
    momentum: float = _number("a", "weight of the new", checks.unit_interval, 1e-3, 1.0, 0.1, log=True)
    batches: int = _number(
        "n", "batches seen", _between(checks.index, 0, BATCHES), 0, BATCHES, 5, integer=True
    )


START = {**asdict(_Sliders()), "train": True, "library": "torch"}
#: What to try, and how the state that answers it differs from the start.
QUESTIONS = (
    ("Far off and narrow: what comes out?", {"shift": -5.0, "scale": 0.2}),
    ("The same layer in evaluation, after 5 batches", {"train": False}),
    (
        "Keras's defaults: are 60 batches enough?",
        {"library": "Keras", "momentum": 0.01, "epsilon": 1e-3, "train": False, "batches": 60},
    ),
    ("A batch of two: what is left of the values?", {"batch_size": 2}),
)


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
    **sliders
        ``shift``, ``scale`` (of the input), ``batch_size``, ``weight``, ``bias``, ``epsilon``,
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

    family = "normalization"
    alt: ClassVar[str] = "Explorer of batch normalization"

    shift = traitlets.Float().tag(sync=True)
    scale = traitlets.Float().tag(sync=True)
    batch_size = traitlets.Int().tag(sync=True)
    weight = traitlets.Float().tag(sync=True)
    bias = traitlets.Float().tag(sync=True)
    epsilon = traitlets.Float().tag(sync=True)
    momentum = traitlets.Float().tag(sync=True)
    batches = traitlets.Int().tag(sync=True)
    train = traitlets.Bool().tag(sync=True)
    library = traitlets.Unicode().tag(sync=True)

    def __init__(
        self, values: np.ndarray | None = None, *, train: bool = True, library: str = "torch", **sliders: Any
    ) -> None:
        checks.one_of(*LIBRARIES)("library", library)
        if values is None:
            values = np.random.default_rng(3).standard_normal((BATCHES + 1, VALUES))
        arrays.floats("values", values, (BATCHES + 1, VALUES))
        self._values = np.round(np.asarray(values, dtype=np.float64), 3)
        super().__init__(train=bool(train), library=library, **asdict(_Sliders(**sliders)))

    # ---- what the layer of the book makes of it ----

    def input(self, batch: int | None = None) -> np.ndarray:
        """Return the values of a batch, by default those of the one shown; shape (m,)."""
        values = self._values[self.batches if batch is None else batch, : self.batch_size]
        return _input(values, self.scale, self.shift)

    def running(self, batches: int | None = None) -> tuple[float, float]:
        """Return running mean and variance after so many batches, by default those that were seen."""
        running = np.zeros(1), np.ones(1)
        for batch in range(self.batches if batches is None else batches):
            running = self._layer(self.input(batch), running, True)[2]
        return float(running[0][0]), float(running[1][0])

    def output(self) -> np.ndarray:
        """Return what the layer makes of the batch shown, shape (m,)."""
        running = tuple(np.array([number]) for number in self.running())
        return self._layer(self.input(), running, self.train)[0][:, 0]

    def _layer(self, x: np.ndarray, running: tuple, train: bool) -> tuple:
        options = {"momentum": self.momentum, "epsilon": self.epsilon}
        unbiased = LIBRARIES[self.library].unbiased
        params = np.array([self.weight]), np.array([self.bias])
        return layers.batch_norm_forward(
            x[:, None], *params, running, train=train, unbiased=unbiased, **options
        )

    # ---- what the module is told ----

    def constants(self) -> dict[str, str]:
        facts = Facts()
        rows = facts.rows(_Sliders())
        told = {
            "values": self._values.tolist(),
            "rows": rows,
            "facts": facts.told,
            "libraries": {name: library._asdict() for name, library in LIBRARIES.items()},
            "prompts": [{"text": text, "state": START | state} for text, state in QUESTIONS],
            "equations": {
                name: {str(train).lower(): _equations(train, library.unbiased) for train in (True, False)}
                for name, library in LIBRARIES.items()
            },
        }
        return {"catalog": as_javascript(told), "formulas": _formulas()}

    # ---- the still picture, with the measures of normalization.js ----

    def still(self) -> str:
        facts, library = Facts(), LIBRARIES[self.library]
        rows = facts.rows(_Sliders())
        sliders = "".join(still_row(facts.told[r["fact"]], getattr(self, r["name"])) for r in rows)
        prompts = "".join(f'<span class="prompt">{escape(text)}</span>' for text, _ in QUESTIONS)
        numbers = {"epsilon": self.epsilon, "momentum": self.momentum, "kept": round(1 - self.momentum, 12)}
        code = library.code
        for name, number in numbers.items():
            code = code.replace(f"p.{name}", repr(number))
        return (
            f'<div class="prompts"><span class="muted">Try</span>{prompts}</div>'
            f'<div class="bar"><span class="choice">Library: {self.library}</span>'
            f"{ghost('check', 'evaluation: use the running statistics')}</div>"
            f'<div class="stage"><div><div class="picture" style="height: {HEIGHT}px">{self._picture()}</div>'
            f'<div class="pinning">{ends()}</div></div>'
            f'<div><div class="controls">{sliders}</div><p class="message"></p></div></div>'
            f'<div class="formula"><div class="equation"><div>'
            f"{''.join(_equations(self.train, library.unbiased))}</div></div></div>"
            f'<div class="codes">{still_code("as code", code)}</div>{ghost("summary")}'
        )

    def _picture(self) -> str:
        x, y, (mean, variance) = self.input(), self.output(), self.running()
        parts = [_text(0, 13, "input x", "name"), _text(0, OUTPUT + 13, "output y", "name")]
        for values, top, color in ((x, 0, "helper"), (y, OUTPUT, "study")):
            parts += [_dot(value, top + DOTS + 7 * (i % 6), color) for i, value in enumerate(values)]
            parts += [_bar(values.mean(), values.std(), top + BARS, "study")]
            parts += [f'<path class="axis" d="M{LEFT} {top + AXIS}H{WIDTH - RIGHT}"/>']
            parts += [_text(_place(t), top + AXIS + 15, f"{t}", "tick", "middle") for t in range(-10, 11, 5)]
        parts += [_bar(mean, variance**0.5, BARS + 12, "rival")]
        parts += [_text(WIDTH - RIGHT, 13, f"batch: {_said(x.mean(), x.std())}", "", "end")]
        parts += [_text(WIDTH - RIGHT, 30, f"running: {_said(mean, variance**0.5)}", "", "end")]
        said = _said(y.mean(), y.std())
        parts += [_text(WIDTH - RIGHT, OUTPUT + 13, said, "", "end"), *self._course()]
        alt = f"Output of {len(x)} values: {said}"
        box = f'viewBox="0 0 {WIDTH} {HEIGHT}"'
        return f'<svg class="chart" {box} role="img" aria-label="{alt}">{"".join(parts)}</svg>'

    def _course(self) -> list[str]:
        course = np.array([self.running(n) for n in range(BATCHES + 1)])
        column = LEFT + (WIDTH - LEFT - RIGHT) * np.arange(BATCHES + 1) / BATCHES
        parts = [_text(0, COURSE + 13, "running statistics", "name")]
        parts += [_text(WIDTH - RIGHT, HEIGHT - 6, "batches seen", "name", "end")]
        for values, style in ((course[:, 0], ""), (course[:, 1] ** 0.5, "stroke-dasharray: 6 3")):
            rows = ZERO - UNIT * np.clip(values, -6, 6)
            line = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(column, rows, strict=True))
            parts += [f'<path class="curve rival" style="stroke: var(--rival); {style}" d="M{line}"/>']
        return [*parts, f'<path class="axis" d="M{LEFT} {ZERO}H{WIDTH - RIGHT}"/>']


# ---- the formulas, read from the code that runs ----


def _input(value: Any, scale: Any, shift: Any) -> Any:
    return scale * value + shift


def _output(x: Any, *statistics_and_params: Any) -> Any:
    slope, shift = batch_norm_line(*statistics_and_params)
    return slope * x + shift


def _symbols(*names: str) -> list[sympy.Symbol]:
    return [sympy.Symbol(name, real=True) for name in names]


def _formulas() -> str:
    """The JavaScript of the input, of the output, and of the running statistics by either variance."""
    value, x, mean, variance, old = _symbols("value", "x", "mean", "variance", "old")
    scale, shift, size, momentum = _symbols("p.scale", "p.shift", "p.batch_size", "p.momentum")
    params = _symbols("p.weight", "p.bias", "p.epsilon")
    running = partial(symbolic.trace, batch_norm_running, (old, old), (mean, variance), size, momentum)
    texts = {
        "input": ("value, p", symbolic.trace(_input, value, scale, shift)),
        "output": ("x, mean, variance, p", symbolic.trace(_output, x, mean, variance, *params)),
        "mean": ("old, mean, p", running(True)[0]),
        "biased": ("old, variance, p", running(False)[1]),
        "unbiased": ("old, variance, p", running(True)[1]),
    }
    inner = (f"{name}: ({args}) => {symbolic.one_line(formula)}" for name, (args, formula) in texts.items())
    return f"{{ {', '.join(inner)} }}"


def _equations(train: bool, unbiased: bool) -> list[str]:
    """The line that the layer is, by the statistics in use, and how the running ones move."""
    mean, variance, weight, bias, epsilon = _symbols("mean", "variance", "weight", "bias", "epsilon")
    old, size, momentum = _symbols("old", "size", "momentum")
    mark = "B" if train else "r"
    names = {mean: rf"\mu_{mark}", variance: rf"\sigma_{mark}^2", weight: r"\gamma", bias: r"\beta"}
    names |= {epsilon: r"\epsilon", size: "m", momentum: "a"}
    slope, shift = symbolic.trace(batch_norm_line, mean, variance, weight, bias, epsilon)
    batch = names | {mean: r"\mu_B", variance: r"\sigma_B^2"}
    moved = symbolic.trace(batch_norm_running, (old, old), (mean, variance), size, momentum, unbiased)
    # Each is printed with what f stands for behind it.
    slope, shift = (symbolic.printed(formula, names).split(r", \quad ") for formula in (slope, shift))
    lines = [
        "y = f x + t",
        slope[1],
        f"t = {shift[0]}",
        *(
            rf"{left} \leftarrow {symbolic.printed(formula, batch | {old: left})}"
            for left, formula in zip((r"\mu_r", r"\sigma_r^2"), moved, strict=True)
        ),
    ]
    return [mathml(line) for line in lines]


# ---- pieces of the still picture ----

WIDTH, HEIGHT, LEFT, RIGHT = 720, 452, 54, 22
#: Where the dots, the bars and the axis of the input lie; the output lies below by OUTPUT.
DOTS, BARS, AXIS, OUTPUT = 46, 96, 116, 158
#: Where the course of the running statistics begins, where its zero lies, and the height of 1.
COURSE, ZERO, UNIT = 310, 368, 7
EDGE = 12  # values beyond are drawn at the edge


def _place(value: float) -> float:
    middle, half = (LEFT + WIDTH - RIGHT) / 2, (WIDTH - LEFT - RIGHT) / 2
    return middle + half * float(np.clip(value, -EDGE, EDGE)) / EDGE


def _said(mean: float, spread: float) -> str:
    mean, spread = (0.0 if abs(number) < 5e-7 else number for number in (mean, spread))
    return f"mean {mean:.3g}, spread {spread:.3g}".replace("-", "−")


def _dot(value: float, y: float, color: str) -> str:
    return f'<circle cx="{_place(value):.1f}" cy="{y}" r="3" style="fill: var(--{color})"/>'


def _bar(mean: float, spread: float, y: float, color: str) -> str:
    line = f"M{_place(mean - spread):.1f} {y}H{_place(mean + spread):.1f}"
    knob = f'<circle cx="{_place(mean):.1f}" cy="{y}" r="4.5" style="fill: var(--{color})"/>'
    return f'<path style="stroke: var(--{color}); stroke-width: 2.5" d="{line}"/>{knob}'


def _text(x: float, y: float, text: str, style: str, anchor: str = "start") -> str:
    words = escape(text.replace("-", "−"))
    return f'<text class="{style}" x="{x:.1f}" y="{y}" text-anchor="{anchor}">{words}</text>'
