"""What a search proposes, what it makes of the answers, and what becomes of workers that are killed."""

import contextlib
import math
import re
import signal
import sqlite3
import time
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import optuna
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.core import checks
from helpers.core.hyperparameters import Hyperparameters, hyperparameter
from helpers.formulas.schedules import CosineDecay, Warmup
from helpers.training import fit
from helpers.training.runtime import randomness
from helpers.training.search import Result, Search, pruning
from helpers.training.spaces import BORDER, Axis, axes_of, build
from tests.training import resumable


@pytest.fixture(autouse=True)
def quiet():
    optuna.logging.set_verbosity(optuna.logging.WARNING)


@dataclass(frozen=True)
class Point(Hyperparameters):
    """A rate on a logarithmic scale and a whole number, which may not be below 1."""

    lr: float = hyperparameter(r"\eta", "rate", checks.positive, low=1e-4, high=1.0, log=True, example=0.1)
    width: int = hyperparameter("w", "width", checks.count, low=1, high=9, example=4)


POINT = {"point": Point}
LR = {"point": partial(Point, width=4)}


def bowl(trial, point):
    """Lowest at lr = 0.01 and width = 4."""
    return math.log10(point.lr / 0.01) ** 2 + (point.width - 4) ** 2 / 10


# ---- the space ----


def test_the_space_is_what_the_fields_declare():
    lr, width = Axis("point.lr", 1e-4, 1.0, log=True), Axis("point.width", 1, 9, integer=True)
    assert axes_of(POINT) == (lr, width)
    assert axes_of(LR, {"point.lr": (0.01, 0.1)}) == (replace(lr, low=0.01, high=0.1),)
    assert build(LR, {"point.lr": 0.5}) == {"point": Point(lr=0.5, width=4)}
    inner = CosineDecay(0.1, 90, end_lr=0.0)
    space = {"schedule": partial(Warmup, inner=inner, warmup_steps=10)}
    assert build(space, {a.name: a.value(0.5) for a in axes_of(space)})["schedule"].inner == inner


def test_an_axis_is_narrowed_by_its_own_measure_and_stays_inside():
    def ends(axis, value, share):
        fine = axis.narrowed(value, share)
        return fine.low, fine.high

    lr, width = axes_of(POINT)
    assert ends(lr, 0.01, 0.25) == pytest.approx((10**-2.5, 10**-1.5))
    assert ends(lr, 1.0, 0.25) == (pytest.approx(0.1), 1.0)
    assert ends(lr, 1e-4, 0.25) == (1e-4, pytest.approx(1e-3))
    assert lr.narrowed(0.3, share=1.0) == lr
    assert (ends(width, 4, 0.25), ends(width, 9, 0.01)) == ((3, 5), (8, 9))


def test_points_and_borders():
    lr, width = axes_of(POINT)
    assert lr.points(5) == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1, 1.0])
    assert width.points(3) == [1, 5, 9] and width.points(20) == [*range(1, 10)]
    assert [lr.border(value) for value in (1.1e-4, 0.01, 0.9)] == ["lower", "", "upper"]
    assert [width.border(value) for value in (1, 2, 8, 9)] == ["lower", "", "", "upper"]
    assert lr.border(1e-4 * 10 ** (4 * BORDER + 1e-3)) == ""


# ---- what is proposed ----


def values(result, name="point.lr"):
    return [trial.params[name] for trial in result.trials]


def test_a_grid_is_every_point_once_with_both_ends():
    grid = Search(bowl, POINT, trials=19, sampler="grid")
    result = grid.run()
    pairs = [*zip(values(result), values(result, "point.width"), strict=True)]
    lrs, widths = (axis.points(4) for axis in grid.axes)
    assert sorted(pairs) == sorted((lr, width) for lr in lrs for width in widths)
    few = Search(bowl, POINT, trials=9, sampler="grid", ranges={"point.width": (3, 4)})
    assert [*map(len, few.grid.values())] == [3, 2] and len(few.run().trials) == 6


def test_random_proposals_are_even_on_the_scale_and_follow_the_seed():
    first, again, other = (
        values(Search(bowl, POINT, 60, sampler="random", seed=seed).run()) for seed in (1, 1, 2)
    )
    assert first == again and first != other
    places = np.sort((np.log10(first) + 4) / 4)
    assert np.abs(places - (np.arange(60) + 0.5) / 60).max() < 0.2  # Kolmogorov's distance, 1 % level: 0.21


def test_tpe_finds_what_random_search_comes_near_to():
    def reached(sampler):
        return np.mean([Search(bowl, POINT, 40, sampler, seed=seed).run().best.value for seed in range(3)])

    assert reached("tpe") < 0.5 * reached("random")


def test_from_coarse_to_fine_and_to_the_largest_where_asked():
    coarse = Search(bowl, LR, 5, sampler="grid").run()
    fine = Search(bowl, LR, 5, sampler="grid", ranges=coarse.ranges(share=0.5)).run()
    assert sorted(values(fine)) == pytest.approx([1e-3, 10**-2.5, 1e-2, 10**-1.5, 0.1])
    result = Search(lambda trial, point: -bowl(trial, point), LR, 9, sampler="grid", maximize=True).run()
    assert result.parts["point"].lr == pytest.approx(0.01) == result.best.params["point.lr"]


# ---- how trials end ----


def test_hopeless_trials_are_pruned_at_equal_steps_from_the_sixth_on():
    def objective(trial, point):
        for step in range(5):
            trial.report(bowl(trial, point), step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return bowl(trial, point)

    states = [trial.state.name for trial in Search(objective, LR, 30, sampler="random").run().trials]
    assert states.count("PRUNED") >= 5 and states[:5] == ["COMPLETE"] * 5 and len(states) == 30
    assert {t.state.name for t in Search(objective, LR, 9, prune=False).run().trials} == {"COMPLETE"}


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_counts_as_pruned(value):
    result = Search(lambda trial, point: value, LR, 2).run()
    assert [(t.state.name, t.user_attrs["note"]) for t in result.trials] == [("PRUNED", f"value {value}")] * 2
    assert result.borders == [] and repr(result) == "search: 2 pruned of 2 trials"


def failing(trial, point):
    if trial.number == 1:
        raise OSError("no space")
    return bowl(trial, point)


def test_an_error_ends_the_worker_and_costs_no_trial_or_fails_the_trial_alone_if_it_was_named():
    mended = Search(failing, LR, 4)
    with pytest.raises(OSError, match="no space"):
        mended.run()
    assert repr(mended.result()).startswith("search: 1 complete, 1 fail of 4 trials\ntrial    0: ")
    assert [t.state.name for t in mended.run().trials] == ["COMPLETE", "FAIL", *["COMPLETE"] * 3]
    result = Search(failing, LR, 4, catch=(OSError,)).run()
    assert [trial.state.name for trial in result.trials] == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert result.trials[1].user_attrs["note"] == "OSError: no space"


def test_values_that_do_not_go_together_are_pruned_with_the_reason():
    @dataclass(frozen=True)
    class Picky(Point):
        def __post_init__(self):
            super().__post_init__()
            checks.require(self.width < 5, "be below 5 here", "width", self.width)

    result = Search(bowl, {"point": Picky}, 9, sampler="grid", ranges={"point.lr": (0.1, 1.0)}).run()
    notes = {t.params["point.width"]: t.user_attrs.get("note") for t in result.trials}
    assert notes[1] is None and "width must be below 5 here, got width=9" in notes[9]


def test_trainings_report_every_epoch_are_pruned_and_may_diverge(digits):
    images, labels = digits
    train, val = (images[:500], labels[:500]), (images[1000:], labels[1000:])

    def objective(trial, point):
        with randomness(0):
            model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
        if trial.number == 3:
            nn.init.constant_(model[1].bias, math.nan)
        hooks = [pruning(trial)]
        settings = {"loss": F.cross_entropy, "epochs": 4, "batch_size": 32, "hooks": hooks}
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9)
        history = fit(model, train, val, optimizer=optimizer, schedule=CosineDecay(point.lr, 64), **settings)
        return history.val_losses[-1]

    result = Search(objective, LR, trials=14, sampler="random").run()
    assert "loss must stay finite" in result.trials[3].user_attrs["note"]
    assert any("pruned after epoch" in t.user_attrs.get("note", "") for t in result.trials)
    assert sorted(result.best.intermediate_values) == [1, 2, 3, 4]
    assert result.best.intermediate_values[4] == result.best.value < 0.5


# ---- what is said ----


def test_a_best_value_on_the_border_is_reported_with_its_side():
    result = Search(lambda trial, point: point.lr * point.width, POINT, 9, "grid", name="digits").run()
    assert isinstance(result, Result) and result.borders == [
        "point.lr = 0.0001 lies on the lower border of 0.0001 to 1: better values may lie below.",
        "point.width = 1 lies on the lower border of 1 to 9: better values may lie below.",
    ]
    upper = Search(lambda trial, point: -point.lr, LR, 5, sampler="grid").run().borders
    assert upper == ["point.lr = 1 lies on the upper border of 0.0001 to 1: better values may lie above."]
    assert Search(bowl, POINT, 25, sampler="grid").run().borders == []
    pattern = r"digits: 9 complete of 9 trials\npoint.lr .*\npoint.width .*\ntrial +\d+: 0.0001 +point.lr = "
    assert re.match(pattern, repr(result)) and len(repr(result).splitlines()) == 12


# ---- workers ----


def waited_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return found


def has_beaten(study, number):
    """Whether a trial has given a sign of life."""
    words = "select 1 from trial_heartbeats natural join trials where number = ?"
    with contextlib.closing(sqlite3.connect(study)) as database:
        return database.execute(words, [number]).fetchone() is not None


def test_of_two_workers_one_is_killed_in_a_trial_and_the_search_ends_whole(children, tmp_path):
    workers = [children(target=resumable.search, args=(tmp_path,)) for _ in range(2)]
    try:
        workers[0].start()
        waited_for(lambda: list(tmp_path.glob("begun-*")))
        workers[1].start()
        hanging = waited_for(lambda: next(tmp_path.glob("hangs-*"), None))
        [killed] = [worker for worker in workers if worker.pid == int(hanging.name.split("-")[1])]
        [other] = [worker for worker in workers if worker is not killed]
        waited_for(lambda: has_beaten(tmp_path / "study.db", 3))
        killed.kill()
        killed.join()
        (tmp_path / "killed").touch()
        other.join(120)
        assert (killed.exitcode, other.exitcode) == (-signal.SIGKILL, 0)
    finally:
        for worker in workers:
            worker.kill()
    trials = Search(lambda trial, point: 0.0, LR, 8, storage=tmp_path / "study.db").result().trials
    states = [trial.state.name for trial in trials]
    assert states.count("COMPLETE") == 8 and "8 complete" in (tmp_path / "said").read_text()
    assert states[3] == "FAIL" and len(trials) == 9
    [again] = [trial for trial in trials if "failed_trial" in trial.system_attrs]
    assert again.params == trials[3].params


def test_a_trial_whose_worker_died_is_made_up_for_in_a_journal(tmp_path):
    search = Search(bowl, LR, 4, storage=tmp_path / "a.journal")
    search.study.ask()  # as a worker does that is killed then
    assert [trial.state.name for trial in search.run().trials] == ["RUNNING", *["COMPLETE"] * 4]


def test_a_study_goes_on_where_it_was_left(tmp_path):
    first, second = (Search(bowl, LR, n, sampler="random", storage=tmp_path / "a.journal") for n in (3, 5))
    before = first.run().trials
    assert [t.params for t in second.run().trials[:3]] == [t.params for t in before]
    assert len(first.result().trials) == 5
