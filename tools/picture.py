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


def panel(figure, place, title, *text, **style):
    """Draw a panel: its title, and a text at a height."""
    axes = figure.add_axes(place)
    axes.set_axis_off()
    axes.text(0, 1.0, title, color=GREY, fontsize=10, va="bottom")
    axes.text(0, *text, **style)


def draw():
    """Return the picture as a matplotlib figure."""
    figure = Figure(figsize=(9, 4.2), facecolor="white")
    code = {"family": "monospace", "va": "top"}
    source = textwrap.dedent(inspect.getsource(type(METHOD).formula))
    place = (0.03, 0.66, 0.94, 0.27)
    panel(figure, place, "written once", 0.9, source, fontsize=10.5, linespacing=1.5, **code)

    text = symbolic.latex(METHOD).replace(r"\text", r"\mathrm").replace(r"\frac{\left", r"\dfrac{\left")
    place, title = (0.03, 0.37, 0.44, 0.20), "run on symbols: the equation"
    panel(figure, place, title, 0.45, rf"$\eta_t = {text}$", fontsize=15, va="center")

    script = "\n".join(textwrap.wrap(symbolic.javascript(METHOD), 58))
    place, title = (0.03, 0.04, 0.44, 0.22), "translated: the slider's JavaScript"
    panel(figure, place, title, 0.85, script, fontsize=9, linespacing=1.4, **code)
    _curve(figure.add_axes((0.60, 0.15, 0.37, 0.42)))
    return figure


def _curve(axes):
    axes.plot(METHOD.rates(1001), color=BLUE, linewidth=2.2)
    axes.set_title("run on an array: the rates", color=GREY, fontsize=10, loc="left")
    axes.set(xlabel="step", ylabel="learning rate")
    axes.spines[["top", "right"]].set_visible(False)
    axes.plot(500, METHOD(500), "o", color=BLUE)
    words, place = f"run on a number: {METHOD(500):.2f}", (500, METHOD(500))
    axes.annotate(words, place, (10, 4), textcoords="offset points", fontsize=9.5)


def write(path=PICTURE):
    """Write the picture, the same bytes every time."""
    with matplotlib.rc_context({"svg.hashsalt": "one formula", "svg.fonttype": "path"}):
        draw().savefig(path, metadata={"Date": None, "Title": "One formula and its four readers"})


if __name__ == "__main__":
    write()
