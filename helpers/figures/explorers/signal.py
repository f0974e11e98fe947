"""The signal explorer: how large activations and gradients are at each layer of a random network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import Any, ClassVar

import numpy as np
import traitlets

from helpers.core import checks, symbolic
from helpers.core.hyperparameters import Hyperparameters, hyperparameter, hyperparameters
from helpers.figures.explorers.base import Explorer, as_javascript
from helpers.figures.explorers.facts import Facts, equation
from helpers.figures.explorers.pictures import ghost, still_code, still_row
from helpers.formulas.signals import NODES, WEIGHTS, Activation, Layer, LeakyReLU, Tanh, propagate

__all__ = ["SignalExplorer"]

#: The root of 2, with as many digits as a field shows.
HE = 1.4142
#: Name of an initializer, its gain, and whether that is meant times the root of the width.
INITIALIZERS = (
    ("N(0, 1)", 1.0, True),
    ("N(0, 0.01²)", 0.01, True),
    ("Glorot, LeCun", 1.0, False),
    ("He", HE, False),
    ("torch's layers", 0.57735, False),
)
#: Choices of the menu: an activation, and the slope that it stands for.
CHOICES = (("ReLU", "leaky ReLU", 0.0), ("leaky ReLU", "leaky ReLU", 0.1), ("linear", "leaky ReLU", 1.0))
CHOICES = (*CHOICES, ("tanh", "tanh", None))


@dataclass(frozen=True)
class _Network(Hyperparameters):
    """What can be moved: the layer's own numbers, and how many layers of how many units."""

    gain: float = hyperparameter(**vars(hyperparameters(Layer)["gain"]))
    slope: float = hyperparameter(**vars(hyperparameters(LeakyReLU)["slope"]))
    depth: int = hyperparameter("L", "layers", checks.count, low=2, high=60, example=50, integer=True)
    width: int = hyperparameter("n", "units a layer", checks.count, low=4, high=48, example=32, integer=True)


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

    family = "signal"
    alt: ClassVar[str] = "Explorer of signals and gradients in a random network"

    activation = traitlets.Unicode().tag(sync=True)
    slope = traitlets.Float().tag(sync=True)
    gain = traitlets.Float().tag(sync=True)
    depth = traitlets.Int().tag(sync=True)
    width = traitlets.Int().tag(sync=True)

    def __init__(
        self,
        activation: str = "leaky ReLU",
        slope: float = 0.0,
        gain: float = HE,
        depth: int = 50,
        width: int = 32,
    ) -> None:
        checks.one_of(LeakyReLU.words, Tanh.words)("activation", activation)
        network = _Network(gain, slope, depth, width)
        for name, about in hyperparameters(network).items():
            value, low, high = getattr(network, name), about.low, about.high
            checks.require(low <= value <= high, f"be in [{low}, {high}]", name, value)
        state = {"gain": float(gain), "slope": float(slope), "depth": depth, "width": width}
        super().__init__(activation=activation, **state)

    @property
    def layer(self) -> Layer:
        """The layer of which the network is made."""
        return Layer(self.gain, Tanh() if self.activation == Tanh.words else LeakyReLU(self.slope))

    def signals(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the standard deviations of signal and gradient at each layer, (depth,) each."""
        forward, backward = propagate(self.layer, self.depth)
        return np.sqrt(forward), np.sqrt(backward)

    # ---- what the module is told ----

    def constants(self) -> dict[str, str]:
        facts = Facts()
        rows = facts.rows(_Network(self.gain, self.slope, self.depth, self.width))
        half = len(NODES) // 2
        catalog = {
            "rows": rows,
            "facts": facts.told,
            "nodes": [*zip(NODES[half:].tolist(), WEIGHTS[half:].tolist(), strict=True)],
            "choices": CHOICES,
            "initializers": INITIALIZERS,
            "equations": {a.words: _equations(Layer(1.0, a)) for a in (LeakyReLU(), Tanh())},
            "prompts": _questions(),
        }
        formulas = ", ".join(f"{as_javascript(a.words)}: {_formulas(a)}" for a in (LeakyReLU(), Tanh()))
        return {"catalog": as_javascript(catalog), "activations": f"{{ {formulas} }}"}

    # ---- the still picture ----

    def still(self) -> str:
        facts = Facts()
        rows = facts.rows(_Network(self.gain, self.slope, self.depth, self.width))
        sliders = "".join(still_row(facts.told[r["fact"]], getattr(self, r["name"])) for r in rows)
        prompts = "".join(f'<span class="prompt">{escape(p["text"])}</span>' for p in _questions())
        lines = "".join(_equations(self.layer))
        std = repr(float(f"{self.gain / math.sqrt(self.width):.3g}"))
        return (
            f'<div class="prompts"><span class="muted">Try</span>{prompts}</div>'
            f'<div class="bar"><span class="choice">{self.activation}</span>{ghost("choice")}</div>'
            f'<div class="stage"><div><div class="picture" style="height: {HEIGHT}px">{self._picture()}</div>'
            f'<div class="pinning"></div><p class="muted note"></p></div>'
            f'<div><div class="controls">{sliders}</div><p class="message"></p></div></div>'
            f'<div class="formula"><div class="equation"><div>{lines}</div></div></div>'
            f'<div class="codes">{still_code("in torch", f"init.normal_(layer.weight, std={std})")}'
            f"</div>{ghost('summary')}"
        )

    def _picture(self) -> str:
        signal, gradient = self.signals()
        ends = f"layer {self.depth}: {signal[-1]:.3g}", f"layer 1: {gradient[0]:.3g}"
        logarithms = np.log10([signal, gradient])
        low, high = -_reach(-logarithms.min()), _reach(logarithms.max())
        x = np.linspace(LEFT, WIDTH - RIGHT, self.depth)
        parts = []
        for (top, base, name, color), values, end in zip(PANELS, logarithms, ends, strict=True):
            y = base - (base - top) * (values - low) / (high - low)
            line = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))
            parts += [
                f'<path class="axis" d="M{LEFT} {base}H{WIDTH - RIGHT}"/>',
                _text(0, top - 13, name, "name"),
            ]
            parts += [f'<path class="curve" style="stroke: var(--{color}); stroke-width: 2.5" d="M{line}"/>']
            parts += [_text(WIDTH - RIGHT, top - 13, end, "", "end")]
            parts += [
                _text(LEFT - 8, base + 4, f"1e{low}", "tick", "end"),
                _text(LEFT - 8, top + 4, f"1e{high}", "tick", "end"),
            ]
        parts.append(_text(WIDTH - RIGHT, HEIGHT - 4, f"layers 1 to {self.depth}", "name", "end"))
        alt = escape(f"Standard deviations in a wide network: signal at {ends[0]}, gradient at {ends[1]}")
        box = f'viewBox="0 0 {WIDTH} {HEIGHT}"'
        return f'<svg class="chart" {box} role="img" aria-label="{alt}">{"".join(parts)}</svg>'


def _formulas(activation: Activation) -> str:
    value, slope = (symbolic.javascript(activation, of=name) for name in ("formula", "derivative"))
    return f"{{ formula: {value}, derivative: {slope} }}"


def _equations(layer: Layer) -> list[str]:
    left = {"forward": "q_{l+1}", "backward": r"\frac{p_l}{p_{l+1}}"}
    return [line for of, text in left.items() for line in equation(text, symbolic.latex(layer, of=of))]


def _questions() -> list[dict[str, Any]]:
    """What to try: a question, and the state that answers it."""
    start = {"activation": "leaky ReLU", "slope": 0.0, "gain": HE, "depth": 50, "width": 32}
    told = (
        ("N(0, 1): when does float32 overflow?", {"gain": 6.9282, "depth": 60, "width": 48}),
        ("Glorot's before a ReLU: what is lost?", {"gain": 1.0}),
        ("He's in a narrow network: still level?", {"width": 8}),
        ("tanh at gain 1: where does the signal go?", {"activation": "tanh", "gain": 1.0}),
        ("tanh at gain 3: what does the gradient do?", {"activation": "tanh", "gain": 3.0}),
    )
    return [{"text": text, "state": {**start, **state}} for text, state in told]


# ---- the measures of signal.js ----

WIDTH, HEIGHT, LEFT, RIGHT = 720, 416, 54, 22
#: Top, base, name and color of each picture.
PANELS = (
    (26, 182, "signal y: standard deviation", "study"),
    (224, 380, "gradient ∂loss/∂y: standard deviation", "third"),
)
#: Room for the sentence below the picture, on a phone too.
#: How many powers of ten an axis may reach up or down.
DECADES = (1, 2, 3, 5, 10, 20, 30, 50, 100, 200)


def _reach(most: float) -> int:
    return next(k for k in DECADES if most <= k)


def _text(x: float, y: float, text: str, style: str, anchor: str = "start") -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
