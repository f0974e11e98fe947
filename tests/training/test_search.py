"""What a search proposes, what it makes of the answers, and what it says."""

import math
import re
import subprocess
import sys
from dataclasses import dataclass, field
from functools import partial

import nbformat
import numpy as np
import optuna
import pytest
import torch
from nbclient import NotebookClient
from torch import nn
from torch.nn import functional as F

from helpers.core import checks
from helpers.core.hyperparameters import Hyperparameters, hyperparameter
from helpers.formulas.schedules import CosineDecay, MultiStepDecay, Warmup
from helpers.training import fit
from helpers.training.runtime import randomness
from helpers.training.search import Axis, Record, Result, Search, Trial, spaces
from helpers.training.search.plans import Plan, origin
from helpers.training.search.spaces import allows, axes_of, build, fixed_of
from helpers.training.search.tables import columns, live_table
from tests.conftest import ROOT


@dataclass(frozen=True)
class Point(Hyperparameters):
    """A rate on a logarithmic scale and a whole number, which may not be below 1."""

    lr: float = hyperparameter(r"\eta", "rate", checks.positive, low=1e-4, high=1.0, log=True, example=0.1)
    width: int = hyperparameter("w", "width", checks.count, low=1, high=9, integer=True, example=4)


POINT = {"point": Point}
LR = {"point": partial(Point, width=4)}


def bowl(trial, point):
    """Lowest at lr = 0.01 and width = 4."""
    return math.log10(point.lr / 0.01) ** 2 + (point.width - 4) ** 2 / 10


# --- the space ---------------------------------------------------------------------------------------


def test_the_space_is_what_the_fields_declare():
    assert axes_of(POINT) == (
        Axis("point.lr", 1e-4, 1.0, log=True),
        Axis("point.width", 1, 9, integer=True),
    )
    assert axes_of(LR, {"point.lr": (0.01, 0.1)}) == (Axis("point.lr", 0.01, 0.1, log=True),)
    assert fixed_of(LR) == {"point": "Point(width=4)"}
    assert build(LR, {"point.lr": 0.5}) == {"point": Point(lr=0.5, width=4)}


def test_schedules_of_the_book_are_spaces():
    inner = CosineDecay(0.1, 90, end_lr=0.0)
    space = {"schedule": partial(Warmup, inner=inner, warmup_steps=10)}
    names = [axis.name for axis in axes_of(space)]
    assert names and all(name.startswith("schedule.") for name in names)
    whole = build(space, {axis.name: axis.value(0.5) for axis in axes_of(space)})["schedule"]
    assert whole.inner == inner


def test_what_cannot_be_searched_must_be_fixed():
    with pytest.raises(TypeError, match=r"space\['s'\] must fix what cannot be searched.*got no milestones"):
        axes_of({"s": MultiStepDecay})
    with pytest.raises(TypeError, match=r"functools.partial\(Warmup, inner=...\), got no inner"):
        axes_of({"s": Warmup})
    with pytest.raises(TypeError, match=r"space\['s'\] must be a dataclass.*got 3"):
        axes_of({"s": 3})
    with pytest.raises(TypeError, match="with arguments by name"):
        axes_of({"s": partial(Point, 0.1)})
    with pytest.raises(ValueError, match="space must leave a field to search"):
        axes_of({"s": partial(Point, lr=0.1, width=3)})
    with pytest.raises(ValueError, match=r"ranges must name only what is searched, \['point.lr'\]"):
        axes_of(LR, {"point.width": (1, 3)})


def test_an_axis_must_be_a_range_that_fits_its_scale():
    with pytest.raises(ValueError, match="x must have low < high, got x="):
        Axis("x", 1.0, 1.0)
    with pytest.raises(ValueError, match=r"x\.low must be positive, got x.low=0.0"):
        Axis("x", 0.0, 1.0, log=True)
    with pytest.raises(TypeError, match=r"x\.high must be a whole number"):
        Axis("x", 1, 2.5, integer=True)


def test_an_axis_is_narrowed_by_its_own_measure_and_stays_inside():
    lr = Axis("lr", 1e-4, 1.0, log=True)
    near = lr.narrowed(0.01, share=0.25)
    assert (near.low, near.high) == pytest.approx((10**-2.5, 10**-1.5))
    assert lr.narrowed(1.0, share=0.25).high == 1.0
    assert lr.narrowed(1.0, share=0.25).low == pytest.approx(0.1)
    assert lr.narrowed(1e-4, share=0.25).low == 1e-4
    assert lr.narrowed(0.3, share=1.0) == lr
    width = Axis("width", 1, 9, integer=True)
    assert (width.narrowed(4, 0.25).low, width.narrowed(4, 0.25).high) == (3, 5)
    assert (width.narrowed(9, 0.01).low, width.narrowed(9, 0.01).high) == (8, 9)


def test_points_and_borders():
    lr, width = axes_of(POINT)
    assert lr.points(5) == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1, 1.0])
    assert width.points(3) == [1, 5, 9] and width.count(20) == 9 and lr.count(20) == 20
    assert [lr.border(value) for value in (1.1e-4, 0.01, 0.9)] == ["lower", "", "upper"]
    assert [width.border(value) for value in (1, 2, 8, 9)] == ["lower", "", "", "upper"]
    assert lr.border(1e-4 * 10 ** (4 * spaces.BORDER + 1e-3)) == ""
    assert width.beyond("lower") == 0 and width.beyond("upper") == 10
    assert lr.beyond("upper") > 1 and 0 < lr.beyond("lower") < 1e-4
    assert Axis("x", 0.0, 1.0).beyond("lower") < 0
    assert not allows(POINT, "point.width", 0) and allows(POINT, "point.width", 10)


# --- what is proposed --------------------------------------------------------------------------------


def tried(result, name="point.lr"):
    return [record.values[name] for record in result.records]


def test_a_grid_is_every_point_once_with_both_ends():
    search = Search(bowl, POINT, trials=16, sampler="grid", prune=False)
    result = search.run()
    assert search.grid_shape == (4, 4) and search.total == 16
    pairs = {(record.values["point.lr"], record.values["point.width"]) for record in result.records}
    lrs, widths = (axis.points(4) for axis in search.axes)
    assert pairs == {(lr, width) for lr in lrs for width in widths}


def test_a_grid_takes_no_more_points_than_there_are_whole_numbers():
    search = Search(bowl, POINT, trials=9, sampler="grid", ranges={"point.width": (3, 4)})
    assert search.grid_shape == (3, 2) and len(search.run().records) == 6


def test_random_proposals_are_even_on_the_scale_and_follow_the_seed():
    first, again, other = (
        tried(Search(bowl, POINT, 60, sampler="random", prune=False, seed=seed).run()) for seed in (1, 1, 2)
    )
    assert first == again and first != other
    places = np.sort((np.log10(first) + 4) / 4)
    assert np.abs(places - (np.arange(60) + 0.5) / 60).max() < 0.2  # Kolmogorov's distance, 1 % level: 0.21


def test_the_kth_random_proposal_is_the_same_for_one_worker_and_for_several(tmp_path):
    alone = Search(bowl, POINT, 8, sampler="random", prune=False).run()
    # Two workers in turns: each opens the file for itself.
    for trials in (3, 5, 8):
        shared = Search(bowl, POINT, trials, sampler="random", prune=False, storage=tmp_path / "a.journal")
        result = shared.run()
    assert tried(result) == tried(alone)


def test_tpe_finds_what_random_search_comes_near_to():
    values = {
        sampler: np.mean(
            [
                Search(bowl, POINT, 40, sampler=sampler, prune=False, seed=seed).run().best.value
                for seed in (0, 1, 2)
            ]
        )
        for sampler in ("tpe", "random")
    }
    assert values["tpe"] < 0.5 * values["random"]


def test_coarse_to_fine_looks_around_the_best_of_the_stages_before():
    search = Search(bowl, LR, trials=30, sampler="random", stages=3, shrink=0.2, prune=False)
    result = search.run()
    assert [record.stage for record in result.records] == [0] * 10 + [1] * 10 + [2] * 10
    for stage in (1, 2):
        before = [record for record in result.records if record.stage < stage]
        center = math.log10(min(before, key=lambda record: record.value).values["point.lr"])
        places = [math.log10(r.values["point.lr"]) for r in result.records if r.stage == stage]
        assert max(abs(place - center) for place in places) <= 4 * 0.2**stage / 2 + 1e-9
    assert result.best.stage == 2 and result.chosen["point"].lr == pytest.approx(0.01, rel=0.1)


def test_a_fine_grid_stands_in_the_fine_range():
    result = Search(bowl, LR, trials=10, sampler="grid", stages=2, shrink=0.5, prune=False).run()
    assert tried(result)[:5] == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1, 1.0])
    assert tried(result)[5:] == pytest.approx([1e-3, 10**-2.5, 1e-2, 10**-1.5, 0.1])


def test_it_maximizes_where_asked():
    search = Search(lambda trial, point: -bowl(trial, point), LR, 9, sampler="grid", maximize=True)
    assert search.run().chosen["point"].lr == pytest.approx(0.01)


# --- how trials end ----------------------------------------------------------------------------------


def test_hopeless_trials_are_pruned_at_equal_steps():
    steps = []

    def objective(trial, point):
        for step in range(5):
            trial.report(step, bowl(trial, point))
            steps.append(trial.number)
        return bowl(trial, point)

    result = Search(objective, LR, 30, sampler="random").run()
    pruned = [record for record in result.records if record.state == "pruned"]
    assert len(pruned) >= 5 and all(record.number >= 5 for record in pruned)
    assert len(steps) < 30 * 5
    assert pruned[0].note == "pruned at step 0"
    assert result.best.value < min(record.value for record in pruned)
    assert not [r for r in Search(objective, LR, 30, sampler="random", prune=False).run().records if r.note]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_counts_as_pruned(value):
    result = Search(lambda trial, point: value, LR, 2).run()
    assert [(record.state, record.value, record.note) for record in result.records] == [
        ("pruned", None, f"value {value}")
    ] * 2
    result = Search(lambda trial, point: trial.report(3, value), LR, 1).run()
    assert result.records[0].note == f"{value} at step 3"
    with pytest.raises(ValueError, match="a trial must have finished, got 1 of 1 trials: 1 pruned"):
        _ = result.best
    assert result.borders == []


def failing(trial, point):
    if trial.number == 1:
        raise OSError("no space")
    return bowl(trial, point)


def test_an_error_ends_the_worker_and_is_written_down():
    search = Search(failing, LR, 4)
    with pytest.raises(OSError, match="no space"):
        search.run()
    assert [record.state for record in search.result().records] == ["finished", "failed"]
    result = search.run()  # after the mistake was mended
    assert [record.state for record in result.records] == ["finished", "failed", "finished", "finished"]
    assert result.records[1].note == "OSError: no space" and result.complete


def test_errors_that_were_named_fail_the_trial_alone():
    result = Search(failing, LR, 4, catch=(OSError,)).run()
    assert [record.state for record in result.records] == ["finished", "failed", "finished", "finished"]


def test_values_that_do_not_go_together_fail_the_trial():
    @dataclass(frozen=True)
    class Picky(Point):
        def __post_init__(self):
            super().__post_init__()
            checks.require(self.width < 5, "be below 5 here", "width", self.width)

    result = Search(bowl, {"point": Picky}, 9, sampler="grid", ranges={"point.lr": (0.1, 1.0)}).run()
    assert [record.state for record in result.records if record.values["point.width"] == 9] == ["failed"] * 3
    assert "width must be below 5 here, got width=9" in {record.note for record in result.records}


def test_an_objective_must_return_a_number():
    with pytest.raises(TypeError, match="objective must return a number, got None"):
        Search(lambda trial, point: None, LR, 1).run()


def test_a_trial_that_is_interrupted_is_run_again_with_its_values():
    pressed = []

    def objective(trial, point):
        if trial.number == 1 and not pressed:
            pressed.append(point.lr)
            raise KeyboardInterrupt
        return bowl(trial, point)

    search = Search(objective, LR, 3, sampler="random")
    with pytest.raises(KeyboardInterrupt):
        search.run()
    result = search.run()
    assert [record.state for record in result.records] == ["finished", "lost", "finished", "finished"]
    again = next(record for record in result.records if record.note == "trial 1 again")
    assert again.values["point.lr"] == pressed[0] == result.records[1].values["point.lr"]
    assert [origin(trial) for trial in search.study().get_trials()] == [0, 1, 1, 3]


# --- real digits -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Choice(Hyperparameters):
    """What a training is begun with."""

    lr: float = hyperparameter(r"\eta", "rate", checks.positive, low=1e-4, high=10.0, log=True, example=0.1)
    decay: float = hyperparameter(
        "d", "weight decay", checks.positive, low=1e-6, high=1.0, log=True, example=0.1
    )


def test_rate_and_weight_decay_on_real_digits(digits):
    images, labels = digits
    train, val = (images[:500], labels[:500]), (images[1000:], labels[1000:])

    def objective(trial, choice):
        with randomness(0):
            model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
        optimizer = torch.optim.AdamW(model.parameters(), lr=1.0, weight_decay=choice.decay)
        schedule = CosineDecay(choice.lr, total_steps=64, end_lr=0.0)
        settings = dict(loss=F.cross_entropy, epochs=4, batch_size=32)
        history = fit(model, train, val, optimizer=optimizer, schedule=schedule, hooks=[trial], **settings)
        return history.val_losses[-1]

    search = Search(objective, {"choice": Choice}, trials=24, stages=2)
    result = search.run()
    assert result.complete and len(result.records) == 24
    assert 0.003 < result.chosen["choice"].lr < 0.5
    assert result.best.value < 0.4
    coarse, fine = (
        [r.value for r in result.records if r.state == "finished" and r.stage == stage] for stage in (0, 1)
    )
    assert min(fine) < 1.05 * min(coarse) and np.median(fine) < 0.9 * np.median(coarse)
    assert "pruned" in {record.state for record in result.records}
    reported = search.study().get_trials()[result.best.number].intermediate_values
    assert sorted(reported) == [1, 2, 3, 4] and reported[4] == result.best.value  # fit's hook, each epoch


def test_a_training_that_diverges_counts_as_pruned_and_accuracy_is_reported_where_larger_is_better(digits):
    images, labels = digits

    def objective(trial, point):
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
        if trial.number == 0:
            nn.init.constant_(model[1].bias, math.nan)
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        data, settings = (images[:64], labels[:64]), dict(loss=F.cross_entropy, epochs=2, batch_size=32)
        history = fit(
            model, data, data, optimizer=optimizer, schedule=lambda t: 0.1, hooks=[trial], **settings
        )
        return history.val_accuracies[-1]

    search = Search(objective, LR, 2, maximize=True)
    result = search.run()
    assert [record.state for record in result.records] == ["pruned", "finished"]
    assert "loss must stay finite" in result.records[0].note
    assert search.study().get_trials()[1].intermediate_values[2] == result.best.value <= 1


# --- what is said ------------------------------------------------------------------------------------


def test_a_best_value_on_the_border_is_reported_with_its_side():
    search = Search(lambda trial, point: point.lr * point.width, POINT, 9, sampler="grid")
    assert search.run().borders == [
        "point.lr = 0.0001 lies on the lower border of 0.0001 to 1: better values may lie below.",
        "point.width = 1 lies on the lower border of 1 to 9: no value below is allowed.",
    ]
    upper = Search(lambda trial, point: -point.lr, LR, 5, sampler="grid").run().borders
    assert upper == ["point.lr = 1 lies on the upper border of 0.0001 to 1: better values may lie above."]
    assert Search(bowl, POINT, 25, sampler="grid").run().borders == []


def test_a_best_value_on_the_border_of_a_fine_range_is_reported_as_such():
    def off(trial, point):
        return abs(math.log10(point.lr) + 1.7)

    fine = Search(off, LR, 10, sampler="grid", stages=2, shrink=0.1).run()
    assert fine.chosen["point"].lr == pytest.approx(10**-1.8)
    assert fine.borders == [
        "point.lr = 0.01585 lies on the upper border of 0.00631 to 0.01585 in stage 2 of 2:"
        " better values may lie above."
    ]


def test_the_result_is_a_table():
    result = Search(bowl, LR, 5, sampler="grid", name="digits").run()
    text = repr(result)
    assert re.match(r"digits: 5 of 5 trials: 5 finished\nbest \S+ by trial 2: point.lr = 0.01\n\ntrial", text)
    assert text.count("finished") == 6
    assert result.best == result.records[2] and isinstance(result.best, Record)
    assert "and 3 more" in result.table(rows=2)
    assert isinstance(result, Result) and result.best.seconds >= 0


def test_a_search_without_trials_says_so():
    search = Search(bowl, LR, 5)
    assert repr(Result(Plan(search, []))) == "search: 0 of 5 trials"


def test_columns_are_aligned():
    table = columns(["a", "words"], [[1, "one"], [22, None], [0.123456, "three"]])
    assert table.splitlines() == ["     a  words", "     1  one", "    22", "0.1235  three"]


def test_a_live_table_is_drawn_over_itself_on_a_terminal(capsys):
    with live_table(True) as draw:
        draw("one\ntwo")
        draw("three")
    assert capsys.readouterr().out == "one\ntwo\n\x1b[2F\x1b[Jthree\n"
    with live_table(False) as draw:
        draw("unseen")
    Search(bowl, LR, 2).run()  # nobody watches a test
    assert capsys.readouterr() == ("", "")


def test_a_notebook_shows_one_table_that_ends_complete():
    code = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
from tests.training.test_search import LR, Search, bowl
result = Search(bowl, LR, 5, sampler="grid").run(show=True)
"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    outputs = notebook.cells[0].outputs
    assert [output.output_type for output in outputs] == ["display_data"]
    assert re.match(r"search: 5 of 5 trials: 5 finished\nbest \S+ by trial 2", outputs[0].data["text/plain"])


# --- arguments ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"trials": 0}, "trials must be positive, got trials=0"),
        ({"stages": 0}, "stages must be positive"),
        ({"stages": 9, "trials": 5}, "trials must be at least one a stage, got trials=5"),
        ({"sampler": "gird"}, "sampler must be 'tpe' or 'random' or 'grid', got sampler='gird'"),
        (
            {"sampler": "grid", "trials": 7, "stages": 2},
            "trials must be at least 8 for a grid over 2 axes in 2",
        ),
        ({"shrink": 0.0}, r"shrink must be in \(0, 1\], got shrink=0.0"),
        ({"seed": -1}, "seed must be zero or positive"),
        ({"heartbeat": 0}, "heartbeat must be positive"),
        ({"storage": "x.json"}, r"storage must end in one of \('.journal', '.log', '.db'"),
        ({"storage": "/no/such/folder/x.db"}, "storage must lie in a folder that is there"),
    ],
)
def test_arguments_are_checked(changes, message):
    with pytest.raises(ValueError, match=message):
        Search(bowl, POINT, **({"trials": 10} | changes))


def test_the_objective_must_take_the_parts():
    with pytest.raises(
        TypeError, match=r"objective must be callable as objective\(trial, \*\*parts\), got None"
    ):
        Search(None, POINT, 5)
    with pytest.raises(TypeError, match=r"objective must take \(trial, point\)"):
        Search(lambda trial: 0.0, POINT, 5)
    with pytest.raises(TypeError, match="space must map names of parts to dataclasses"):
        Search(bowl, Point, 5)
    with pytest.raises(TypeError, match="storage must be a path or None, got storage=3"):
        Search(bowl, POINT, 5, storage=3)


def test_optuna_is_imported_when_a_search_is_run_and_its_logging_stays_as_it_was():
    code = "import sys, helpers.training.search.__main__; sys.exit('optuna' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
    before = optuna.logging.get_verbosity()
    Search(bowl, LR, 1).run()
    assert optuna.logging.get_verbosity() == before


def test_a_trial_is_a_hook_that_waits_for_the_end_of_an_epoch():
    study = optuna.create_study()

    @dataclass
    class Underway:
        epoch: int
        ends_epoch: bool
        history: object

    @dataclass
    class Seen:
        val_steps: list = field(default_factory=list)
        val_losses: list = field(default_factory=list)

    trial = Trial(study.ask())
    trial(Underway(1, False, Seen([5], [0.5])))
    trial(Underway(2, True, Seen()))
    trial(Underway(3, True, Seen([5], [0.25])))
    assert study.get_trials()[0].intermediate_values == {3: 0.25}
