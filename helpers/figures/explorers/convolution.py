"""The convolution explorer: a kernel steps over a real image, and one cell's arithmetic is written out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
import sympy

from helpers.core import checks, symbolic
from helpers.core.hyperparameters import Hyperparameters, hyperparameter
from helpers.figures.explorers.facts import equation, mathml
from helpers.figures.explorers.kit import Explorer
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
EDGES, BLUR = KERNELS["left-right edges"], KERNELS["blur"]
#: What to try: the image, the kernel, and what else is other than at the start.
QUESTIONS = (
    ("Where the 0 begins and ends: which sign has the map?", "digit 0", EDGES, {}),
    ("Half a turn of the kernel: what becomes of each number?", "digit 0", EDGES[::-1], {}),
    ("Stride 2: how much of the map is left?", "photograph: dahlia", KERNELS["up-down edges"], {"stride": 2}),
    ("Padding 2: where does the frame around the map come from?", "photograph: tower", BLUR, {"padding": 2}),
)
#: Digits of the data set, and pieces of photographs: file, top, left and side in pixels.
DIGITS = (3, 0, 7)
PHOTOGRAPHS = {
    "photograph: tower": ("china.jpg", 10, 60, 312),
    "photograph: dahlia": ("flower.jpg", 40, 130, 336),
}
#: Cells along a photograph's side, and the gray level of white; black is 0.
CELLS, WHITE = 24, 16


@dataclass(frozen=True)
class _State(Hyperparameters):
    """The kernel, how it moves and how wide a border of zeros it finds, the image, and the cell on show."""

    kernel: tuple[float, ...] = hyperparameter(
        "w", "kernel entry", checks.Each(checks.finite), low=-8.0, high=8.0, example=()
    )
    stride: int = hyperparameter("s", "stride", checks.count, low=1, high=3, default=1, unit="px")
    padding: int = hyperparameter("p", "padding", checks.index, low=0, high=2, default=0, unit="px")
    picture: str = "digit 3"
    cell: tuple[int, int] = (2, 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.require(len(self.kernel) == SIZE**2, "have nine entries", "kernel", self.kernel)
        checks.one_of(*images())("picture", self.picture)


@cache
def images() -> dict[str, np.ndarray]:
    """Return what the explorer shows, by name: gray levels from 0, black, to 16, white, of shape (H, W).

    Three digits, and a piece of each photograph that comes with scikit-learn, made gray and 24x24. (Both
    are from Flickr, by danielbuechele and vultilion, under CC BY 2.0.)

    >>> images()["digit 3"].shape, images()["photograph: tower"].shape
    ((8, 8), (24, 24))
    """
    train = data.digits().train
    digits = {f"digit {k}": _levels(train.images[train.labels == k][0, 0] / 255) for k in DIGITS}
    return digits | {name: _photograph(*place) for name, place in PHOTOGRAPHS.items()}


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
        One of the names of :func:`.images`.
    kernel : str or sequence of float
        One of :data:`.KERNELS`, or nine numbers, row by row.
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

    family: ClassVar[str] = "convolution"
    alt: ClassVar[str] = "Explorer of a convolution"
    limited: ClassVar[Collection[str]] = ("padding",)
    questions: ClassVar[Collection[tuple[str, dict[str, Any]]]] = [
        (text, {"picture": picture, "kernel": kernel, **changes})
        for text, picture, kernel, changes in QUESTIONS
    ]

    def __init__(
        self,
        picture: str = "digit 3",
        kernel: str | Sequence[float] = "left-right edges",
        *,
        stride: int = 1,
        padding: int = 0,
        cell: tuple[int, int] = (2, 1),
    ) -> None:
        if isinstance(kernel, str):
            checks.one_of(*KERNELS)("kernel", kernel)
            kernel = KERNELS[kernel]
        super().__init__(_State(tuple(map(float, kernel)), stride, padding, picture, tuple(cell)))
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

    def catalog(self) -> dict[str, Any]:
        levels = {name: image.tolist() for name, image in images().items()}
        return {"images": levels, "kernels": KERNELS, "white": WHITE, "equation": _equation()}

    def formulas(self) -> dict[str, str]:
        cell, steps = map(symbolic.one_line, (_cell_formula(), _size_formula()))
        return {"cell": f"(x, w) => {cell}", "steps": f"(n, k, s, p) => {steps}"}


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
