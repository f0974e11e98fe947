"""The convolution explorer: a kernel steps over a real image, and one cell's arithmetic is written out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Any, ClassVar

import numpy as np
import sympy
import traitlets

from helpers.core import checks, symbolic
from helpers.core.hyperparameters import Hyperparameters, hyperparameter, hyperparameters
from helpers.figures.explorers.base import Explorer, as_javascript
from helpers.figures.explorers.facts import Facts, equation, mathml
from helpers.figures.explorers.pictures import ghost, still_row
from helpers.formulas.layers.convolution import conv2d_forward, correlate
from helpers.formulas.layers.windows import Window, steps_along
from helpers.training import data

__all__ = ["KERNELS", "ConvolutionExplorer", "images"]

#: Height and width of a kernel.
SIZE = 3
#: Kernels by name, row by row.
KERNELS = {
    "left-right edges": (-1, 0, 1, -2, 0, 2, -1, 0, 1),
    "up-down edges": (-1, -2, -1, 0, 0, 0, 1, 2, 1),
    "outline": (-1, -1, -1, -1, 8, -1, -1, -1, -1),
    "sharpen": (0, -1, 0, -1, 5, -1, 0, -1, 0),
    "blur": (1, 1, 1, 1, 1, 1, 1, 1, 1),
    "one pixel to the left": (0, 0, 0, 0, 0, 1, 0, 0, 0),
    "no change": (0, 0, 0, 0, 1, 0, 0, 0, 0),
}
#: Digits of the data set, and pieces of photographs: file, top, left and side in pixels.
DIGITS = (3, 0, 7)
PHOTOGRAPHS = {
    "photograph: tower": ("china.jpg", 10, 60, 312),
    "photograph: dahlia": ("flower.jpg", 40, 130, 336),
}
#: Cells along a photograph's side, and the gray level of white; black is 0.
CELLS, WHITE = 24, 16


@dataclass(frozen=True)
class _Sliders(Hyperparameters):
    """How the kernel moves, and how wide a border of zeros it finds; and one number of the kernel."""

    stride: int = hyperparameter(
        "s", "stride", checks.count, low=1, high=3, integer=True, default=1, unit="px"
    )
    padding: int = hyperparameter(
        "p", "padding", checks.index, low=0, high=2, integer=True, default=0, unit="px"
    )
    weight: float = hyperparameter("w", "kernel entry", checks.finite, low=-8.0, high=8.0, default=1.0)


WIDEST = hyperparameters(_Sliders)["padding"].high


@cache
def images() -> dict[str, np.ndarray]:
    """Return what the explorer shows, by name: gray levels from 0, black, to 16, white, of shape (H, W).

    Three digits, and a piece of each photograph that comes with scikit-learn, made gray and 24x24. (Both
    are from Flickr, by danielbuechele and vultilion, under CC BY 2.0.)

    >>> images()["digit 3"].shape, images()["photograph: tower"].shape
    ((8, 8), (24, 24))
    """
    train = data.digits().train
    found = {f"digit {k}": _levels(train.images[train.labels == k][0, 0] / 255) for k in DIGITS}
    return found | {name: _photograph(*place) for name, place in PHOTOGRAPHS.items()}


def _photograph(file: str, top: int, left: int, side: int) -> np.ndarray:
    from sklearn.datasets import load_sample_image  # takes a second to import

    gray = load_sample_image(file)[top : top + side, left : left + side] @ np.array([0.299, 0.587, 0.114])
    cells = gray.reshape(CELLS, side // CELLS, CELLS, side // CELLS).mean(axis=(1, 3))
    return _levels((cells - cells.min()) / np.ptp(cells))


def _levels(image: np.ndarray) -> np.ndarray:
    return np.rint(image * WHITE).astype(int)


class ConvolutionExplorer(Explorer):
    """Step a 3x3 kernel over an image and read the sum of products of the cell that is chosen.

    In a live notebook the traits ``picture``, ``kernel``, ``stride``, ``padding`` and ``cell`` are what
    the reader sees; :meth:`map` follows them.

    Parameters
    ----------
    picture : str
        One of the names of :func:`images`.
    kernel : str or sequence of float
        One of :data:`KERNELS`, or nine numbers, row by row.
    stride, padding : int
        As for :func:`helpers.formulas.layers.conv2d_forward`.
    cell : (int, int)
        Row and column of the map whose arithmetic is shown first, from 0.

    Raises
    ------
    TypeError, ValueError
        If a name is not known, a number is not fit, or the map has no such cell.

    Examples
    --------
    >>> ConvolutionExplorer("digit 3", "blur", stride=2).map()
    array([[15., 88., 71.],
           [ 0., 51., 63.],
           [ 4., 32., 87.]])
    """

    family = "convolution"
    alt: ClassVar[str] = "Explorer of a convolution"

    picture = traitlets.Unicode().tag(sync=True)
    kernel = traitlets.List().tag(sync=True)
    stride = traitlets.Int().tag(sync=True)
    padding = traitlets.Int().tag(sync=True)
    cell = traitlets.List().tag(sync=True)

    def __init__(
        self,
        picture: str = "digit 3",
        kernel: str | Sequence[float] = "left-right edges",
        *,
        stride: int = 1,
        padding: int = 0,
        cell: tuple[int, int] = (2, 1),
    ) -> None:
        checks.one_of(*images())("picture", picture)
        if isinstance(kernel, str):
            checks.one_of(*KERNELS)("kernel", kernel)
            kernel = KERNELS[kernel]
        checks.each(checks.finite)("kernel", tuple(kernel))
        checks.require(len(kernel) == SIZE**2, "have nine entries", "kernel", tuple(kernel))
        _Sliders(stride, padding)
        entries = [float(weight) for weight in kernel]
        super().__init__(picture=picture, kernel=entries, stride=stride, padding=padding, cell=list(cell))
        shape = self.map().shape
        fits = len(cell) == 2 and all(0 <= place < n for place, n in zip(cell, shape, strict=True))
        checks.require(fits, f"be a row and a column of the map, whose shape is {shape}", "cell", cell)

    def image(self) -> np.ndarray:
        """Return the image, shape (H, W): whole numbers from 0, black, to 16, white."""
        return images()[self.picture]

    def map(self) -> np.ndarray:
        """Return what the kernel makes of the image, shape (H_out, W_out)."""
        x, weight = self.image()[None, None] * 1.0, np.reshape(self.kernel, (1, 1, SIZE, SIZE))
        return conv2d_forward(x, weight, np.zeros(1), stride=self.stride, padding=self.padding)[0][0, 0]

    def constants(self) -> dict[str, str]:
        facts = Facts()
        *rows, entry = facts.rows(_Sliders())
        told = {
            "images": {name: image.tolist() for name, image in images().items()},
            "kernels": KERNELS,
            "white": WHITE,
            "widest": WIDEST,
            "facts": facts.told,
            "rows": rows,
            "entry": facts.told[entry["fact"]],
            "equation": _equation(),
            "prompts": QUESTIONS,
        }
        return {
            "catalog": as_javascript(told),
            "cellOf": f"(x, w) => {symbolic.one_line(_cell_formula())}",
            "stepsAlong": f"(n, k, s, p) => {symbolic.one_line(_size_formula())}",
        }

    def still(self) -> str:
        facts = Facts()
        rows = zip(facts.rows(_Sliders())[:2], (self.stride, self.padding), strict=True)
        sliders = "".join(still_row(facts.told[row["fact"]], value) for row, value in rows)
        prompts = "".join(f'<span class="prompt">{escape(p["text"])}</span>' for p in QUESTIONS)
        kernel = next((name for name, w in KERNELS.items() if [*w] == self.kernel), "your own")
        choices = (f"Image: {self.picture}", f"Kernel: {kernel}")
        return (
            f'<div class="prompts"><span class="muted">Try</span>{prompts}</div>'
            f'<div class="bar">{"".join(f"<span class=choice>{escape(c)}</span>" for c in choices)}'
            f"{ghost('button', 'Half a turn')}</div>"
            f'<div class="picture pair">{_pair(self)}</div>{_arithmetic(self)}'
            f'<div class="controls">{sliders}</div><div class="pinning"></div><p class="message"></p>'
            f'<div class="formula"><div class="equation"><div>{"".join(_equation())}</div></div></div>'
        )


# ---- the formulas, read from the code that runs ----


def _cell_formula() -> sympy.Expr:
    """What a convolution makes of the nine pixels of one window and nine weights."""
    x, w = ([sympy.Symbol(f"{name}[{i}]", real=True) for i in range(SIZE**2)] for name in "xw")
    x, w = (np.reshape(symbols, (1, 1, SIZE, SIZE)) for symbols in (x, w))
    return correlate(x, w, np.array([sympy.Integer(0)]), Window.of(SIZE, 1, 0)).item()


def _size_formula() -> sympy.Expr:
    return symbolic.trace(steps_along, *sympy.symbols("n k s p", integer=True, positive=True))


def _equation() -> list[str]:
    """The sum, a line for each row of the kernel, and the size of the map."""
    total = _cell_formula()
    names = {s: "{}_{{{}{}}}".format(s.name[0], *divmod(int(s.name[2:-1]), SIZE)) for s in total.free_symbols}
    products = [symbolic.printed(product, names) for product in total.args]
    rows = [" + ".join(products[i : i + SIZE]) for i in range(0, len(products), SIZE)]
    size = symbolic.printed(_size_formula(), {}).replace(r"\left(n + 2 p\right)", "n + 2 p")
    further = [mathml(f"{{}} + {row}") for row in rows[1:]]
    return [*equation("y", rows[0]), *further, *equation(r"n_{\text{map}}", size)]


def _question(text: str, picture: str, kernel: str, turned: bool = False, **changes: int) -> dict[str, Any]:
    weights = KERNELS[kernel][:: -1 if turned else 1]
    state = {"picture": picture, "kernel": weights, "stride": 1, "padding": 0, "cell": (2, 1), **changes}
    return {"text": text, "state": state}


#: What to try, and the state that answers it.
QUESTIONS = (
    _question("Where the 0 begins and ends: which sign has the map?", "digit 0", "left-right edges"),
    _question("Half a turn of the kernel: what becomes of each number?", "digit 0", "left-right edges", True),
    _question("Stride 2: how much of the map is left?", "photograph: dahlia", "up-down edges", stride=2),
    _question(
        "Padding 2: where does the frame around the map come from?", "photograph: tower", "blur", padding=2
    ),
)


# ---- the still picture, with the measures of convolution.js ----

PANEL, GAP, TOP, BOTTOM = 348, 24, 22, 4


def _pair(explorer: ConvolutionExplorer) -> str:
    image, found, cell = explorer.image(), explorer.map(), np.array(explorer.cell)
    n, u = len(image), PANEL / (len(image) + 2 * WIDEST)
    corner, right = (PANEL - u * n) / 2, PANEL + GAP + (PANEL - u * len(found)) / 2
    down = (PANEL - u * len(found)) / 2
    border = corner - u * explorer.padding
    v, h = border + u * explorer.stride * cell
    largest = max(np.abs(found).max(), 1e-9)
    parts = [
        _text(0, 13, f"image {n} × {n}"),
        _text(PANEL + GAP, 13, "map {} × {}, from {} to {}".format(*found.shape, *_ends(found))),
        _square(border, border, u * (n + 2 * explorer.padding), "border"),
        *_paint(image, corner, corner, u, lambda level: f"fill: rgb({', '.join([str(_gray(level))] * 3)})"),
        *_paint(np.rint(WHITE * found / largest), right, down, u, _signed),
        _square(h, v, SIZE * u, "eye"),
        _square(right + u * cell[1], down + u * cell[0], u, "eye"),
    ]
    alt = f"{explorer.picture} and the map that the kernel makes of it; {_said(explorer)}"
    box = f'viewBox="0 0 {2 * PANEL + GAP} {TOP + PANEL + BOTTOM}"'
    return f'<svg class="chart" {box} role="img" aria-label="{escape(alt)}">{"".join(parts)}</svg>'


def _gray(level: float) -> int:
    return round(255 * level / WHITE)


def _signed(level: float) -> str:
    return f"fill: var(--{'study' if level > 0 else 'rival'}); opacity: {abs(level) / WHITE:.3g}"


def _paint(values: np.ndarray, left: float, top: float, u: float, style: Any) -> list[str]:
    """One path for all cells of one level."""
    parts = []
    for level in np.unique(values):
        places = zip(*np.nonzero(values == level), strict=True)
        cells = "".join(_cell(left + u * c, TOP + top + u * r, u) for r, c in places)
        parts.append(f'<path shape-rendering="crispEdges" style="{style(level)}" d="{cells}"/>')
    return parts


def _cell(x: float, y: float, u: float) -> str:
    return f"M{x:.2f} {y:.2f}H{x + u:.2f}V{y + u:.2f}H{x:.2f}z"


def _square(left: float, top: float, side: float, style: str) -> str:
    place = f'x="{left:.1f}" y="{TOP + top:.1f}" width="{side:.1f}" height="{side:.1f}"'
    return f'<rect class="{style}" {place}/>'


def _text(x: float, y: float, text: str) -> str:
    return f'<text class="name" x="{x}" y="{y}">{escape(text)}</text>'


def _number(x: float) -> str:
    return f"{x + 0.0:.4g}".replace("-", "−")


def _ends(found: np.ndarray) -> tuple[str, str]:
    return _number(found.min()), _number(found.max())


def _said(explorer: ConvolutionExplorer) -> str:
    row, column = explorer.cell
    return f"row {row}, column {column}: {_number(explorer.map()[row, column])}"


def _arithmetic(explorer: ConvolutionExplorer) -> str:
    top, left = explorer.stride * np.array(explorer.cell)
    window = np.pad(explorer.image(), explorer.padding)[top : top + SIZE, left : left + SIZE].ravel()
    image, kernel, products = (
        f'<span class="nine">{"".join(f"<span>{_number(x)}</span>" for x in numbers)}</span>'
        for numbers in (window, explorer.kernel, window * explorer.kernel)
    )
    signs = '<span class="sign">×</span>', '<span class="sign">→</span>'
    terms = " + ".join(_term(x, w) for x, w in zip(window, explorer.kernel, strict=True))
    total = _number(explorer.map()[tuple(explorer.cell)])
    return (
        f'<div class="nines">{image}{signs[0]}{kernel}{signs[1]}{products}</div>'
        f'<p class="terms">{terms} = <b>{total}</b></p>'
    )


def _term(x: float, w: float) -> str:
    return f"{_number(x)}·({_number(w)})" if w < 0 else f"{_number(x)}·{_number(w)}"
