"""Draw the book's picture: one formula and its four readers.

``python -m tools.picture`` writes ``book/_static/one-formula.svg``, which the README and the introduction
show. Nothing on it is typed in: code, equation, JavaScript and curve are read from the same method.
"""

import inspect
import pathlib
import textwrap

import matplotlib
from matplotlib.figure import Figure

from helpers.core import symbolic
from helpers.formulas import schedules

ROOT = pathlib.Path(__file__).parents[1]
PICTURE = ROOT / "book" / "_static" / "one-formula.svg"
METHOD = schedules.CosineDecay(peak_lr=0.1, total_steps=1000)
BLUE, GREY = "#0072B2", "#595959"


def panel(figure, place, title):
    """Return an empty panel with its title."""
    axes = figure.add_axes(place)
    axes.set_axis_off()
    axes.text(0, 1.0, title, color=GREY, fontsize=10, va="bottom")
    return axes


def draw():
    """Return the picture as a matplotlib figure."""
    figure = Figure(figsize=(9, 4.2), facecolor="white")
    code = panel(figure, (0.03, 0.66, 0.94, 0.27), "written once")
    source = textwrap.dedent(inspect.getsource(type(METHOD).formula))
    code.text(0, 0.9, source, family="monospace", fontsize=10.5, va="top", linespacing=1.5)

    equation = panel(figure, (0.03, 0.37, 0.44, 0.20), "run on symbols: the equation")
    text = symbolic.latex(METHOD).replace(r"\text", r"\mathrm").replace(r"\frac{\left", r"\dfrac{\left")
    equation.text(0, 0.45, rf"$\eta_t = {text}$", fontsize=15, va="center")

    script = panel(figure, (0.03, 0.04, 0.44, 0.22), "translated: the slider's JavaScript")
    script.text(
        0,
        0.85,
        "\n".join(textwrap.wrap(symbolic.javascript(METHOD), 58)),
        family="monospace",
        fontsize=9,
        va="top",
        linespacing=1.4,
    )

    curve = figure.add_axes((0.60, 0.15, 0.37, 0.42))
    curve.plot(METHOD.rates(1001), color=BLUE, linewidth=2.2)
    curve.set_title("run on an array: the rates", color=GREY, fontsize=10, loc="left")
    curve.set_xlabel("step")
    curve.set_ylabel("learning rate")
    curve.spines[["top", "right"]].set_visible(False)
    curve.plot(500, METHOD(500), "o", color=BLUE)
    curve.annotate(
        f"run on a number: {METHOD(500):.2f}",
        (500, METHOD(500)),
        (10, 4),
        textcoords="offset points",
        fontsize=9.5,
    )
    return figure


def write(path=PICTURE):
    """Write the picture, the same bytes every time."""
    with matplotlib.rc_context({"svg.hashsalt": "one formula", "svg.fonttype": "path"}):
        draw().savefig(path, metadata={"Date": None, "Title": "One formula and its four readers"})


if __name__ == "__main__":
    write()
