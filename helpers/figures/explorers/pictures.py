"""Still pictures of explorers, drawn by Python: before the script, without it, and in print."""

from __future__ import annotations

import math
from html import escape
from typing import Any

import numpy as np

__all__ = ["ghost", "still_chart", "still_code", "still_row"]

WIDTH, HEIGHT = 720, 330
LEFT, RIGHT, TOP, BOTTOM = 54, 22, 28, 42
ROUND = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)


def _ceiling(x: float) -> float:
    """Smallest round number that is not below `x`, as in explorer.js."""
    power = 10.0 ** math.floor(math.log10(x))
    return power * next(r for r in ROUND if r * power >= x * (1 - 1e-9))


def _ticks(high: float, count: int) -> np.ndarray:
    power = 10.0 ** math.floor(math.log10(high / count))
    step = power * next(r for r in (1, 2, 5, 10) if r * power >= high / count * (1 - 1e-9))
    return np.arange(math.floor(high / step + 1e-9) + 1) * step


def _text(x: float, y: float, text: str, style: str, anchor: str = "start") -> str:
    return f'<text class="{style}" x="{x:.4g}" y="{y:.4g}" text-anchor="{anchor}">{escape(text)}</text>'


def still_chart(xs: np.ndarray, ys: np.ndarray, names: tuple[str, str], label: str, alt: str) -> str:
    """Return an SVG of one curve in the look of the explorers.

    Parameters
    ----------
    xs, ys : ndarray of one shape
        The curve; `xs` begin at 0, `ys` are zero or positive and not all zero.
    names : tuple of str
        The names of the axes.
    label : str
        What stands at the curve.
    alt : str
        What the picture shows, in words.

    Returns
    -------
    str
    """
    top = _ceiling(float(np.max(ys)))
    base = HEIGHT - BOTTOM
    x = LEFT + (WIDTH - LEFT - RIGHT) * np.asarray(xs) / xs[-1]
    y = base - (base - TOP) * np.asarray(ys) / top
    line = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))
    rows = [(v, base - (base - TOP) * v / top) for v in _ticks(top, 5)]
    columns = [(v, LEFT + (WIDTH - LEFT - RIGHT) * v / xs[-1]) for v in _ticks(float(xs[-1]), 8)]
    middle = len(x) // 2
    parts = [
        *(f'<path class="grid" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/>' for _, at in rows),
        *(_text(LEFT - 8, at + 4, f"{v:.4g}", "tick", "end") for v, at in rows),
        *(_text(at, base + 17, f"{v:.4g}", "tick", "middle") for v, at in columns),
        f'<path class="axis" d="M{LEFT} {base}H{WIDTH - RIGHT}"/>',
        _text(0, 13, names[1], "name"),
        _text(WIDTH - RIGHT, HEIGHT - 6, names[0], "name", "end"),
        f'<path class="area" d="M{line}L{x[-1]:.1f} {base}L{x[0]:.1f} {base}Z"/>',
        f'<path class="curve study" d="M{line}"/>',
        _text(x[middle] + 8, max(y[middle] - 12, TOP + 12), label, "label halo study"),
    ]
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}"'
    return f'<svg class="chart" {box} role="img" aria-label="{escape(alt)}">{"".join(parts)}</svg>'


def still_row(fact: dict[str, Any], number: float) -> str:
    """Return the row of one parameter: symbol, name, value, unit, and room for the slider."""
    return (
        f'<div class="row"><span><span>{fact["symbol"]}</span><span>{escape(fact["words"])}</span></span>'
        f'{ghost("range")}<span class="value"><span class="number">{number:.4g}</span>'
        f'<span class="unit">{fact["unit"]}</span></span></div>'
    )


def still_code(words: str, text: str) -> str:
    """Return a line of code, with room for the button that copies it."""
    code = f"<pre><code>{escape(text)}</code></pre>"
    return f'<div class="code"><span class="muted">{words}</span>{ghost("button", "copy")}{code}</div>'


def ghost(style: str, text: str = "") -> str:
    """Return the room that a control will take."""
    return f'<span class="{style} ghost">{text}</span>'
