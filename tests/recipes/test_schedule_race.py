"""The race of all schedules: what enters it, that a small one runs, and what its record says."""

import dataclasses
import json

import numpy as np
import pytest

from helpers.formulas import schedules
from helpers.formulas.schedules.contestants import CONTESTANTS
from helpers.recipes import schedule_race
from helpers.recipes.schedule_race import KIND, Race, Settings, best
from helpers.training import records
from tests.recipes.conftest import assert_summary

SMALL = Settings(
    lengths=(20,), peaks=(0.02, 0.04), tuning_seeds=(0,), seeds=(10, 11), n_train=160, n_val=60, looks=10
)


def rated():
    """The contestants that know their rates beforehand: all but plateau."""
    return [name for name in CONTESTANTS if name != "plateau"]


def inner(schedule):
    return type(getattr(schedule, "inner", schedule))


# --- who takes part ------------------------------------------------------------------------------------


def test_every_schedule_of_the_book_runs_unless_it_is_another_s_twin():
    entered = {inner(CONTESTANTS[name](0.1, 100)) for name in CONTESTANTS}
    twins = {schedules.NaturalExponentialDecay, schedules.Noam}
    assert entered == {*schedules.METHODS, schedules.ReduceOnPlateau} - twins


def test_those_that_are_left_out_are_curves_that_run():
    exponential = CONTESTANTS["exponential"](0.1, 100).rates(100)
    natural = schedules.NaturalExponentialDecay(0.1, np.log(100) / 100).rates(100)
    np.testing.assert_allclose(exponential, natural, rtol=1e-12)
    noam = schedules.Noam(d_model=64, warmup_steps=10, scale=0.1 * np.sqrt(64 * 10)).rates(100)
    np.testing.assert_allclose(CONTESTANTS["inverse square root"](0.1, 100).rates(100), noam, rtol=1e-12)


@pytest.mark.parametrize("steps", Settings().lengths)
@pytest.mark.parametrize("name", rated())
def test_the_peak_is_the_highest_rate_and_scales_all_others(name, steps):
    rates = CONTESTANTS[name](0.1, steps).rates(steps)
    lowest = 0.06 if name == "triangular, shrinking" else 0.09  # its height has shrunk on the way up
    assert lowest < rates.max() <= 0.1 * (1 + 1e-12)
    np.testing.assert_allclose(CONTESTANTS[name](0.2, steps).rates(steps), 2 * rates, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["linear", "polynomial", "cosine", "warmup + cosine", "one-cycle"])
def test_what_ends_at_zero_ends_with_the_race(name):
    for steps in Settings().lengths:
        schedule = CONTESTANTS[name](1.0, steps)
        assert schedule(steps) <= 1e-5 and schedule(0.95 * steps) > 1e-3


@pytest.mark.parametrize("steps", Settings().lengths)
def test_every_race_is_made_of_whole_epochs_and_whole_stretches(steps):
    settings = Settings()
    images = min(settings.n_train, steps * settings.batch_size)
    assert steps * settings.batch_size % images == 0 == images % settings.batch_size
    assert steps % settings.looks == 0


# --- how it runs ---------------------------------------------------------------------------------------


def test_the_images_are_shrunk_and_no_one_is_in_two_parts(real):
    race = Race(SMALL)
    assert [tuple(x.shape) for x, _ in (race.train, race.val, race.test)] == [
        (160, 1, 14, 14),
        (60, 1, 14, 14),
        (10_000, 1, 14, 14),
    ]
    every = np.concatenate([race.train[0].numpy(), race.val[0].numpy()]).reshape(220, -1)
    assert len(np.unique(every, axis=0)) == 220


def test_a_run_is_the_same_alone_and_among_others(real):
    race, alone = Race(SMALL), Race(dataclasses.replace(SMALL, seeds=(11,)))
    (_, both), (one,) = race.run("cosine", 20, 0.04), alone.run("cosine", 20, 0.04)
    assert (both["seed"], both["peak_lr"], both["steps"]) == (11, 0.04, 20)
    np.testing.assert_allclose(both["val_losses"], one["val_losses"], rtol=1e-4)
    np.testing.assert_allclose(both["train_losses"], one["train_losses"], rtol=1e-4)
    assert len(both["val_losses"]) == len(both["train_losses"]) == SMALL.looks
    assert both["train_losses"][-1] < both["train_losses"][0]
    assert both["accuracy"] == pytest.approx(one["accuracy"], abs=1e-3) and "rates" not in both


def test_plateau_follows_the_validation_losses_that_are_recorded(real):
    for run in Race(SMALL).run("plateau", 20, 0.04):
        method, rates = CONTESTANTS["plateau"](0.04, 20), []
        state = method.init()
        for loss in run["val_losses"]:
            rates.append(state["lr"])
            state = method.observe(state, loss)
        assert run["rates"] == pytest.approx(rates)


def test_the_best_peak_has_the_lowest_mean_and_no_seed_that_diverged():
    losses = ([1.0, 1.0], [0.5, 1.2], [0.1, None])
    assert best([{"peak_lr": i, "losses": x} for i, x in enumerate(losses)]) == 1


def test_the_command_writes_a_record(real, tmp_path, capsys, monkeypatch):
    path = tmp_path / "race.json"
    monkeypatch.setattr(schedule_race, "CONTESTANTS", {k: CONTESTANTS[k] for k in ("linear", "plateau")})
    schedule_race.main(
        ["--lengths", "20", "--record", str(path)], dataclasses.replace(SMALL, lengths=(20, 40))
    )
    record = records.read(path)
    assert record["command"] == f"python -m helpers.recipes.schedule_race --lengths 20 --record {path}"
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(", peak ")[0] for line in lines] == ["linear, 20 steps", "plateau, 20 steps"]
    assert [len(record[key]) for key in ("candidates", "runs", "summary")] == [4, 4, 2]
    assert_consistent(record, SMALL, ["linear", "plateau"])


# --- the record that is kept ---------------------------------------------------------------------------


def assert_consistent(record, settings, names):
    """The settings are these, each choice follows from its trials, the summary from the runs."""
    assert record["settings"] == json.loads(json.dumps(dataclasses.asdict(settings)))
    for steps in settings.lengths:
        for name in names:
            tried, runs = (
                [one for one in record[key] if (one["schedule"], one["steps"]) == (name, steps)]
                for key in ("candidates", "runs")
            )
            assert [one["peak_lr"] for one in tried] == list(settings.peaks)
            assert [run["seed"] for run in runs] == list(settings.seeds)
            assert {run["peak_lr"] for run in runs} == {best(tried)}
            assert all(len(one["losses"]) == len(settings.tuning_seeds) for one in tried)
    assert_summary(record, KIND)


def test_the_kept_record_is_of_this_race():
    record = records.kept("schedule-race")
    assert (record["recipe"], record["goal"]) == (schedule_race.NAME, schedule_race.GOAL)
    assert_consistent(record, Settings(), CONTESTANTS)
    assert len(Settings().seeds) >= 5 and not set(Settings().seeds) & set(Settings().tuning_seeds)
    assert all(run["loss"] is not None for run in record["runs"])  # none that raced diverged
