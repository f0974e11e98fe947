"""Figures show what they are given: every seed, every name, every axis; and are the same each time."""

import itertools
import re

import matplotlib
import nbformat
import numpy as np
import pytest
from matplotlib import pyplot as plt
from nbclient import NotebookClient

from helpers.figures import plots
from helpers.formulas.schedules import Constant, CosineDecay


@pytest.fixture(autouse=True)
def style():
    """The style of the book for one test; a figure that cannot be drawn fails it."""
    with matplotlib.rc_context():
        plots.use_style()
        yield
        for number in plt.get_fignums():
            plt.figure(number).canvas.draw()
        plt.close("all")


def texts(ax):
    return [text.get_text() for text in ax.texts]


def labels(ax):
    return ax.get_xlabel(), ax.get_ylabel()


def ticks(axis):
    axis.axes.get_figure().canvas.draw()
    return [tick.get_text() for tick in axis.get_ticklabels()]


def test_seeds_show_every_seed_behind_the_mean():
    runs = {"cosine": [[0.9, 0.7, 0.5], [0.7, 0.5, 0.1]], "constant": np.full((3, 3), 0.6)}
    ax = plots.seeds([10, 20, 30], runs, ylabel="training loss (nats)")
    assert [line.get_ydata().tolist() for line in ax.get_lines()[:2]] == runs["cosine"]
    means = [line for line in ax.get_lines() if not line.get_label().startswith("_")]
    assert len(ax.get_lines()) == 2 + 3 + len(means)
    assert [line.get_label() for line in means] == ["cosine", "constant"]
    assert means[0].get_ydata() == pytest.approx([0.8, 0.6, 0.3])
    assert means[0].get_xdata().tolist() == [10, 20, 30]
    assert texts(ax) == ["cosine", "constant"]
    assert labels(ax) == ("step", "training loss (nats)")
    assert runs["cosine"] == [[0.9, 0.7, 0.5], [0.7, 0.5, 0.1]]


def test_the_method_is_blue_and_its_rival_vermilion_and_dashed():
    ax = plots.seeds([0, 1], {"ours": [[0, 1]], "theirs": [[1, 0]]}, ylabel="y")
    ours, theirs = (line for line in ax.get_lines() if not line.get_label().startswith("_"))
    assert [ours.get_color(), theirs.get_color()] == ["#0072B2", "#D55E00"]
    assert ours.get_linestyle() == "-"
    assert theirs.get_linestyle() == "--"
    faint = [line for line in ax.get_lines() if line.get_label().startswith("_")]
    assert [line.get_color() for line in faint] == ["#0072B2", "#D55E00"]
    assert all(line.get_linestyle() == "-" and line.get_alpha() < 0.5 for line in faint)
    assert {text.get_text(): text.get_color() for text in ax.texts} == {
        "ours": "#0072B2",
        "theirs": "#D55E00",
    }


def test_seeds_take_a_running_mean_shares_and_settings_of_the_axes():
    values = np.tile(np.arange(6) / 10, (2, 1))
    ax = plots.seeds(range(6), {"a": values}, ylabel="accuracy", window=3, percent=True, ylim=(0, 0.5))
    assert ax.get_lines()[0].get_xdata().tolist() == [1, 2, 3, 4]
    assert ax.get_lines()[0].get_ydata() == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert ax.get_ylim() == (0, 0.5)
    assert "30%" in ticks(ax.yaxis)


def test_seeds_name_the_method_whose_values_have_another_shape():
    wanted = "runs['cosine'] must have shape (R, T=3), got (3,)"
    with pytest.raises(ValueError, match=re.escape(wanted)):
        plots.seeds(range(3), {"cosine": [1, 2, 3]}, ylabel="loss")
    with pytest.raises(ValueError, match=re.escape("must have shape (R, T=3), got (1, 2)")):
        plots.seeds(range(3), {"cosine": [[1, 2]]}, ylabel="loss")


def test_dots_show_every_seed_and_the_mean_row_by_row():
    ax = plots.dots(
        {"cosine": [0.9, 0.96], "constant": [0.8]}, xlabel="accuracy", percent=True, xlim=(0.7, 1)
    )
    points, mean, other, _ = ax.get_lines()
    assert points.get_xdata().tolist() == [0.9, 0.96]
    assert points.get_ydata().tolist() == [0, 0]
    assert mean.get_xdata() == pytest.approx([0.93])
    assert other.get_ydata().tolist() == [1]
    assert ticks(ax.yaxis) == ["cosine", "constant"]
    assert ax.yaxis_inverted()
    assert "90%" in ticks(ax.xaxis)
    assert ax.get_xlabel() == "accuracy"


def test_schedules_show_the_rate_of_every_step():
    cosine = CosineDecay(peak_lr=0.1, total_steps=10)
    ax = plots.schedules({"cosine": cosine, "constant": Constant(0.05)}, 11, ylim=(0, None))
    first, second = ax.get_lines()
    assert first.get_ydata().tolist() == cosine.rates(11).tolist()
    assert list(first.get_xdata()) == list(range(11))
    assert set(second.get_ydata()) == {0.05}
    assert labels(ax) == ("step", "learning rate")
    assert set(texts(ax)) == {"cosine", "constant"}
    with pytest.raises(ValueError, match="steps must be positive, got steps=0"):
        plots.schedules({"cosine": cosine}, 0)


def test_names_do_not_cover_each_other():
    ax = plots.seeds([0, 1], {f"method {i}": [[0, 1 + i / 1000]] for i in range(7)}, ylabel="y")
    ax.get_figure().canvas.draw()
    boxes = sorted((text.get_window_extent() for text in ax.texts), key=lambda box: box.y0)
    assert all(below.y1 <= above.y0 + 1 for below, above in itertools.pairwise(boxes))
    assert texts(ax) == [f"method {i}" for i in range(7)]
    assert all(box.x1 <= ax.get_figure().bbox.x1 for box in boxes)


def test_a_name_stands_where_its_line_ends():
    _, ax = plt.subplots()
    ax.plot([0, 1, 2], [1, 100, np.nan], label="until NaN")
    ax.plot([0, 2], [1, 10], label="middle")
    ax.plot([0, 2], [1, 1e9], label="beyond")
    ax.plot([0, 2], [np.nan, np.nan], label="nowhere")
    ax.plot([0, 2], [3, 3])
    ax.set(yscale="log", ylim=(1, 100))
    plots.label_lines(ax)
    heights = {text.get_text(): text.xy[1] for text in ax.texts}
    assert heights.keys() == {"until NaN", "middle", "beyond", "nowhere"}
    assert heights["middle"] == pytest.approx(0.5, abs=0.08)
    assert min(heights["until NaN"], heights["beyond"]) > 0.9


@pytest.mark.parametrize(
    "values, gap, wanted",
    [
        ([], 1, []),
        ([0.0, 5.0], 1, [0, 5]),
        ([0.0, 0.0], 1, [-0.5, 0.5]),
        ([0.0, 0.5, 5.0], 1, [-0.25, 0.75, 5]),
        ([0.0, 0.0, 0.0, 1.2], 1, [-1.2, -0.2, 0.8, 1.8]),
    ],
)
def test_spreading_moves_as_little_as_it_takes(values, gap, wanted):
    assert plots._spread(values, gap) == pytest.approx(wanted)


def test_a_running_mean():
    x, means = plots.running_mean([[1, 2, 3, 4], [0, 0, 0, 8]], 2, x=[10, 20, 30, 40])
    assert x.tolist() == [15, 25, 35]
    assert means.tolist() == [[1.5, 2.5, 3.5], [0, 0, 4]]
    assert [array.tolist() for array in plots.running_mean([1, 3], window=9)] == [[0.5], [2]]
    with pytest.raises(ValueError, match="window must be positive, got window=0"):
        plots.running_mean([1], 0)


def test_a_smooth_line_has_no_more_points_than_can_be_seen_and_a_rough_one_has_all():
    for window, points in ((200, 120), (1, 20_000), (5, 4_000)):
        x, means = plots.running_mean(np.arange(20_000), window)
        assert len(x) == len(means) == pytest.approx(points, rel=0.02)
        assert means == pytest.approx(x)


def test_the_style_replaces_what_was_set_before():
    plt.rcParams["font.size"] = 30
    plots.use_style()
    assert plt.rcParams["figure.figsize"] == [7, 4]
    assert plt.rcParams["font.size"] == 13


def test_the_style_is_found_in_a_checkout_and_in_an_installed_package(tmp_path, monkeypatch):
    package = tmp_path / "helpers" / "figures"
    package.mkdir(parents=True)
    monkeypatch.setattr(plots, "__file__", str(package / "plots.py"))
    with pytest.raises(FileNotFoundError, match="the style must be at one of"):
        plots.use_style()
    for folder, size in ((package, 7), (tmp_path / "lessons", 9)):
        folder.mkdir(exist_ok=True)
        (folder / "matplotlibrc").write_text(f"font.size: {size}\n")
        plots.use_style()
        assert plt.rcParams["font.size"] == size


NOTEBOOK = """
import numpy as np
from matplotlib import pyplot as plt
from helpers.figures import plots
plots.use_style()
_ = plots.seeds(range(50), {"a": np.sin(np.outer([1, 2, 3], np.arange(50)))}, ylabel="y")
plt.show()
"""


def test_a_notebook_gets_the_same_svg_each_time(request, monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel chooses its own

    def run():
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(NOTEBOOK)])
        where = {"metadata": {"path": str(request.config.rootpath)}}
        return NotebookClient(notebook, timeout=60, resources=where).execute().cells[0].outputs

    first, second = run(), run()
    assert [output.output_type for output in first] == ["display_data"]
    svg = first[0].data["image/svg+xml"]
    assert 'width="504pt" height="288pt"' in svg
    assert "<dc:date>" not in svg
    assert second[0].data["image/svg+xml"] == svg
