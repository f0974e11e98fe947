"""Figures of training: many seeds behind their mean, schedules.

Every function draws into `ax`, or into a new figure, and returns where it drew. Colors and dashes
have a fixed order: the method under study first, its rival second, then what else is compared.

>>> ax = seeds(range(4), {"cosine": [[1, 2, 3, 4], [3, 2, 1, 0]]}, ylabel="loss")
>>> [line.get_ydata().tolist() for line in ax.get_lines()][-1]
[2.0, 2.0, 2.0, 2.0]
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from helpers.core import checks

__all__ = ["dots", "label_lines", "running_mean", "schedules", "seeds", "use_style"]

POINTS = 120  # of a smooth line: more would be seen in the file's size alone
FAINT = {"linewidth": 0.8, "alpha": 0.35, "linestyle": "-"}


def use_style(figure_format: str = "svg") -> None:
    """Give all figures from here on the style of the book, and draw them in notebooks as SVG.

    The style is that of ``lessons/matplotlibrc`` in a checkout, else of the copy in the installed
    package; settings made before are forgotten.

    Parameters
    ----------
    figure_format : str
        For notebooks: ``"svg"``, or ``"retina"`` (PNG in twice the resolution) for pages whose figures
        have very many points.

    Raises
    ------
    FileNotFoundError
        If neither file is there.
    """
    here = Path(__file__).resolve()
    places = [here.parents[2] / "lessons" / "matplotlibrc", here.with_name("matplotlibrc")]
    style = next((place for place in places if place.is_file()), None)
    if style is None:
        raise FileNotFoundError(f"the style must be at one of {[str(place) for place in places]}")
    matplotlib.rc_file(style)
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if hasattr(shell, "kernel"):
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        # The whole canvas, so that figures are equally wide; no date, so that they are equal at all.
        set_matplotlib_formats(figure_format, bbox_inches=None, metadata={"Date": None})


def seeds(
    x: Any,
    runs: Mapping[str, Any],
    *,
    ylabel: str,
    xlabel: str = "step",
    window: int = 1,
    percent: bool = False,
    ax: Axes | None = None,
    **settings: Any,
) -> Axes:
    """Draw every seed as a faint line behind the mean of all seeds, for each of several methods.

    Parameters
    ----------
    x : array_like of shape (T,)
        Where the values belong, such as ``history.val_steps``.
    runs : mapping
        Name of a method to its values, array_like of shape (R, T): R seeds, T values each. The name
        stands at the end of the mean.
    ylabel, xlabel : str
        What the axes show, with the unit.
    window : int
        Values that a running mean takes together, for noisy ones such as the loss of every step.
    percent : bool
        Whether the values are shares of one, to be read in percent.
    ax : Axes, optional
        Where to draw; by default a new figure.
    **settings
        For ``ax.set``, such as ``ylim=(0.8, 1)`` or ``yscale="log"``.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the values of a method do not have the shape (R, T).
    """
    ax = _axes(ax)
    for i, (name, values) in enumerate(runs.items()):
        values = np.asarray(values, dtype=float)
        checks.shape(f"runs[{name!r}]", values, "R T", T=len(x))
        at, means = running_mean(values, window, x)
        ax.plot(at, means.T, **FAINT, color=_style(i)["color"])
        ax.plot(at, means.mean(axis=0), **_style(i), label=name)
    if percent:
        ax.yaxis.set_major_formatter(_percent)
    ax.set(xlabel=xlabel, ylabel=ylabel, **settings)
    return label_lines(ax)


def dots(
    runs: Mapping[str, Sequence[float]],
    *,
    xlabel: str,
    percent: bool = False,
    ax: Axes | None = None,
    **settings: Any,
) -> Axes:
    """Draw one number of every seed as a faint dot, and their mean as a bar: a row for each method.

    Parameters
    ----------
    runs : mapping
        Name of a method to one number a seed, such as its last accuracy.
    xlabel, percent, ax, **settings
        As for :func:`seeds`.

    Returns
    -------
    Axes
    """
    ax = _axes(ax)
    for i, values in enumerate(runs.values()):
        color = _style(i)["color"]
        ax.plot(values, [i] * len(values), "o", color=color, alpha=0.4, markersize=7, markeredgewidth=0)
        ax.plot(np.mean(values), i, "|", color=color, markersize=24, markeredgewidth=2.5)
    if percent:
        ax.xaxis.set_major_formatter(_percent)
    ax.set(xlabel=xlabel, yticks=range(len(runs)), yticklabels=runs, ylim=(len(runs) - 0.5, -0.5), **settings)
    ax.grid(axis="y", visible=False)
    return ax


def schedules(
    choices: Mapping[str, Callable[[int], float]], steps: int, *, ax: Axes | None = None, **settings: Any
) -> Axes:
    """Draw the learning rate of every step.

    Parameters
    ----------
    choices : mapping
        Name to schedule; ``schedule(step)`` is the rate.
    steps : int
        How many steps to draw, from 0.
    ax, **settings
        As for :func:`seeds`.

    Returns
    -------
    Axes
    """
    checks.count("steps", steps)
    ax = _axes(ax)
    for i, (name, schedule) in enumerate(choices.items()):
        ax.plot(range(steps), [schedule(step) for step in range(steps)], **_style(i), label=name)
    ax.set(xlabel="step", ylabel="learning rate", **settings)
    return label_lines(ax)


def label_lines(ax: Axes) -> Axes:
    """Write the name of every labeled line at its right end, in its color, and none over another.

    To be called last: the names do not follow when the limits change.
    """
    lines = [line for line in ax.get_lines() if not line.get_label().startswith("_")]
    lines = sorted(lines, key=_right_end)
    height = ax.get_window_extent().height / ax.get_figure().dpi * 72
    heights = _spread([_right_end(line) for line in lines], 1.25 * plt.rcParams["font.size"] / height)
    for line, y in zip(lines, heights, strict=True):
        place = dict(xycoords="axes fraction", textcoords="offset points", verticalalignment="center")
        ax.annotate(line.get_label(), (1, y), (8, 0), color=line.get_color(), annotation_clip=False, **place)
    return ax


def running_mean(values: Any, window: int, x: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of every `window` values in a row, at the middle of the window.

    Where there would be more than a picture can show, only every k-th is returned. Fewer values than
    the window are one window.

    Parameters
    ----------
    values : array_like of shape (..., T)
    window : int
        Values taken together, above 0.
    x : array_like of shape (T,), optional
        Where the values belong; by default 0 to T - 1.

    Returns
    -------
    x, means : ndarray of shape (S,), ndarray of shape (..., S)

    Examples
    --------
    >>> running_mean([1.0, 2.0, 6.0, 1.0], window=3)
    (array([1., 2.]), array([3., 3.]))
    """
    checks.count("window", window)
    values = np.asarray(values, dtype=float)
    x = np.asarray(range(values.shape[-1]) if x is None else x, dtype=float)
    window = min(window, len(x))
    every = max(1, min(window, len(x) // POINTS))
    windows = [np.lib.stride_tricks.sliding_window_view(array, window, -1) for array in (x, values)]
    return tuple(array[..., ::every, :].mean(axis=-1) for array in windows)


def _percent(share: float, position: int) -> str:
    return f"{100 * share:.4g}%"


def _axes(ax: Axes | None) -> Axes:
    return plt.subplots()[1] if ax is None else ax


def _style(i: int) -> dict[str, Any]:
    """Color and dashes of the i-th method; after the last the first comes again."""
    return next(itertools.islice(plt.rcParams["axes.prop_cycle"](), i, None))


def _right_end(line: Line2D) -> float:
    """Height at which a line ends, from 0 at the bottom of the axes to 1 at the top."""
    ax, points = line.axes, line.get_xydata()
    ax.get_xlim(), ax.get_ylim()  # settles limits that still wait for it
    visible = points[np.isfinite(points).all(axis=1)]
    if len(visible) == 0:
        return 0.5
    return float(np.clip((ax.transData - ax.transAxes).transform(visible[-1])[1], 0, 1))


def _spread(values: list[float], gap: float) -> list[float]:
    """Move increasing values as little as it takes to keep a gap between neighbors."""
    blocks = []  # of neighbors that touch: their mean place without the gaps, and their number
    for i, value in enumerate(values):
        blocks.append((value - i * gap, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, n), (b, m) = blocks[-2:]
            blocks[-2:] = [((a * n + b * m) / (n + m), n + m)]
    places = [place for place, n in blocks for _ in range(n)]
    return [place + i * gap for i, place in enumerate(places)]
