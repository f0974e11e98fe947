"""Every recipe trains on real images, says what came out, and keeps to what it promises."""

import dataclasses
import importlib
import inspect
import json
import os
import re
from pathlib import Path

import pytest
import torch

from helpers.recipes import __main__ as everything
from helpers.recipes import cifar10, command, digits, fashion_mnist, mnist
from helpers.recipes.command import choose, measure, trained
from helpers.training import records
from helpers.training.runtime import Runtime
from tests.conftest import ROOT
from tests.recipes.conftest import assert_summary

RECIPES = {r.name: r for r in (digits.RECIPE, mnist.RECIPE, fashion_mnist.RECIPE, cifar10.RECIPE)}
CPU = Runtime("cpu", threads=1)


def small(recipe, n_train, n_test, **changes):
    """The recipe on a part of its images, with other settings."""
    settings = dataclasses.replace(recipe.settings, **changes)

    def load():
        whole = recipe.load()
        return dataclasses.replace(whole, train=whole.train.take(n_train), test=whole.test.take(n_test))

    return dataclasses.replace(recipe, load=load, settings=settings, candidates=(settings,))


#: Recipe, images to train on, changes, and the accuracy that these reach with every seed tried.
PARTS = {
    "mnist": (2000, dict(epochs=2), 0.88),
    "fashion_mnist": (2000, dict(epochs=2, width=8), 0.7),
    "cifar10": (1000, dict(widths=(8, 16, 16), epochs=2, batch_size=25, peak_lr=0.2), 0.2),
}


@pytest.mark.parametrize("name", PARTS)
def test_it_learns_from_a_part_of_its_images(name, real):
    n, changes, wanted = PARTS[name]
    recipe = small(RECIPES[name], n, 500, **changes)
    with CPU:
        run = trained(recipe, recipe.load(), recipe.settings, 0, on_validation=False)
    assert run["accuracy"] > wanted
    assert len(run["epoch_losses"]) == len(run["epoch_seconds"]) == recipe.settings.epochs
    assert run["epoch_losses"][-1] < run["epoch_losses"][0]


def test_the_digits_need_no_download_and_keep_the_promise():
    with CPU:
        (run,) = measure(digits.RECIPE, [0])
    assert run["accuracy"] > 0.98
    assert run["seed"] == 0


def test_candidates_are_compared_without_the_test_set():
    recipe = small(digits.RECIPE, 300, 10, epochs=2)
    without = dataclasses.replace(recipe, load=lambda: dataclasses.replace(recipe.load(), test=None))
    with CPU:
        (told,) = choose(without, [0, 1])
    assert told["settings"] == dataclasses.asdict(recipe.settings)
    assert [run["seed"] for run in told["runs"]] == [0, 1]
    thirtieths = [run["accuracy"] * 30 for run in told["runs"]]  # a tenth of 300 images was held out
    assert thirtieths == pytest.approx([round(hits) for hits in thirtieths], abs=1e-6)


def test_the_whitening_whitens_and_is_not_trained():
    images = torch.rand(200, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    images = images + images.mean(1, keepdim=True)  # channels that go together
    layer = cifar10.whitening(images, eps=0.0)
    out = layer(images).transpose(0, 1).reshape(24, -1)
    torch.testing.assert_close(torch.cov(out[:12]), torch.eye(12), rtol=0.02, atol=0.02)
    torch.testing.assert_close(out[12:], -out[:12])
    assert not layer.weight.requires_grad


def test_a_stage_of_the_cifar_network_begins_by_passing_its_input_on():
    dataset = small(digits.RECIPE, 20, 20).load()
    colored = dataclasses.replace(dataset, mean=(0.5,) * 3, std=(0.25,) * 3)
    images = torch.randint(256, (20, 3, 32, 32), dtype=torch.uint8)
    net = cifar10.network(images, colored, (32, 32, 32), seed=0)
    x = torch.randn(2, 24, 6, 6)
    first = net[3][0]
    torch.testing.assert_close(first(x)[:, :24], x)
    assert net(images).shape == (20, 10)
    assert net(images).std() < 1.0  # so that the loss starts near log 10


@pytest.mark.parametrize("name", [*RECIPES, "schedule_race"])
def test_a_recipe_can_be_read_in_one_sitting(name):
    module = importlib.import_module(f"helpers.recipes.{name}")
    assert inspect.getsource(module).count("\n") < 200
    assert name not in RECIPES or module.RECIPE is RECIPES[name]  # which takes its settings from candidates


# --- the command line ----------------------------------------------------------------------------------


@pytest.fixture
def quick():
    return small(digits.RECIPE, 200, 100, epochs=2)


def test_the_command_line_says_and_records_what_came_out(quick, tmp_path, capsys):
    path = tmp_path / "digits.json"
    arguments = ["--seeds", "3", "4", "--choose", "--device", "cpu", "--precision", "fp32", "--threads", "1"]
    command.main(quick, [*arguments, "--record", str(path)])
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"as chosen +validation accuracy [\d.]+ \+- [\d.]+ %, [\d.]+ s", lines[0])
    assert [line.split(" test ")[0].strip() for line in lines[1:]] == ["seed 3", "seed 4", "mean"]
    record = records.read(path)
    assert [run["seed"] for run in record["runs"]] == [3, 4]
    assert_summary(record)
    where = {"device": "cpu", "precision": "fp32", "channels_last": True, "threads": 1, "processes": 1}
    assert record["runtime"] == where
    assert record["command"].startswith("python -m helpers.recipes.digits --seeds 3 4 --choose")
    assert record["settings"] == record["candidates"][0]["settings"]


def test_a_device_that_is_not_here_is_refused(capsys):
    line = command.parser("digits", "98 %")
    with pytest.raises(SystemExit):
        command.parse(line, ["--device", "cuda:99"])
    assert "device must be one of this machine" in capsys.readouterr().err


@pytest.mark.parametrize("gpu", [False, True])
def test_all_recipes_run_where_they_can(monkeypatch, tmp_path, capsys, gpu):
    ran = {}
    monkeypatch.setattr(
        everything.subprocess, "run", lambda words, check: ran.setdefault(words[-1], words[2:-2])
    )
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    everything.main([str(tmp_path)])
    assert ran[str(tmp_path / "digits.json")] == ["helpers.recipes.digits", "--choose"]
    full = ["--full"] if gpu else []
    assert ran[str(tmp_path / "lipschitz_mnist.json")] == ["helpers.recipes.lipschitz", "mnist", *full]
    left_out = {tmp_path / f"{name}.json" for name in everything.RECORDS} - {*map(Path, ran)}
    assert left_out == (set() if gpu else {tmp_path / "cifar10.json"})
    assert ("cifar10: left out, as there is no GPU here" in capsys.readouterr().out) != gpu
    assert {path.stem for path in RECORDS} | set(RECIPES) == set(everything.RECORDS)


# --- records -------------------------------------------------------------------------------------------


RUN = {"accuracy": 0.5, "loss": 1.0, "seconds": 2.0}


def test_a_summary_groups_runs_and_has_no_mean_of_what_diverged():
    runs = [RUN | {"rule": rule, "loss": loss} for rule, loss in (("a", 1.0), ("a", 3.0), ("b", None))]
    first, second = (tuple(one.values()) for one in records.summary(runs, "{rule}").values())
    assert first == (0.5, 0.0, 2.0, pytest.approx(2**0.5), 2.0, 0.0)
    assert second == (0.5, 0.0, None, None, 2.0, 0.0)
    assert records.summary(runs[:2]) == records.summary(runs, "rule {rule}")["rule a"]


@pytest.mark.parametrize("rank", [0, 1])
def test_one_process_speaks_and_writes(rank, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RANK", str(rank))
    monkeypatch.setenv("WORLD_SIZE", "2")
    facts = records.facts("digits", "98 %", ["--seeds", "0"], digits.CHOSEN)
    records.say("seed 0", [RUN])
    records.write(tmp_path / "digits.json", facts, CPU, None, [RUN])
    said = capsys.readouterr().out.split("test")
    assert said == (["seed 0".ljust(41), " accuracy 50.00 %, 2.00 s\n"] if rank == 0 else [""])
    assert (tmp_path / "digits.json").is_file() == (rank == 0)


def test_what_is_no_record_is_refused_and_one_that_is_not_kept_is_missed(tmp_path):
    path = tmp_path / "x.json"
    for text in ("", "{}", '{"format": "other"}', "[1, 2]"):
        path.write_text(text)
        with pytest.raises(ValueError, match="path must hold a record"):
            records.read(path)
    with pytest.raises(FileNotFoundError, match=r"name must be that of a record .*, got name='no-such'"):
        records.kept("no-such")


def test_a_record_names_the_machine():
    hardware = records.hardware()
    assert hardware["processor"] and hardware["cores"] == os.cpu_count()
    assert hardware["gpus"] == [] or torch.cuda.is_available()
    assert records.versions()["torch"] == torch.__version__


RESULTS = (ROOT / "lessons" / "results").glob("*.json")
RECORDS = sorted(path for path in RESULTS if path.stem != "replications")  # of lessons, and no recipe's


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_kept_record_is_found_and_names_its_recipe(path):
    record = records.kept(path.stem)
    assert record == records.read(path)
    assert importlib.import_module(f"helpers.recipes.{record['recipe']}")
    assert record["command"].startswith(f"python -m helpers.recipes.{record['recipe']}")
    assert f"`{path.stem}`" in (ROOT / "lessons" / "results" / "README.md").read_text()


@pytest.mark.parametrize("path", [p for p in RECORDS if p.stem in RECIPES], ids=lambda path: path.stem)
def test_a_kept_record_is_what_the_recipe_does_now(path):
    record = records.read(path)
    recipe = RECIPES[path.stem]
    assert (record["recipe"], record["goal"]) == (recipe.name, recipe.goal)
    now = [json.loads(json.dumps(dataclasses.asdict(one))) for one in (recipe.settings, *recipe.candidates)]
    assert [record["settings"], *(candidate["settings"] for candidate in record["candidates"])] == now
    assert_summary(record)
    assert len(record["runs"]) >= 3


def test_every_recipe_has_a_record_or_a_word_why_not():
    told = (ROOT / "lessons" / "results" / "README.md").read_text()
    for name in RECIPES:
        has = ROOT / "lessons" / "results" / f"{name}.json" in RECORDS
        assert has != (f"`{name}`: not run yet" in told)


def test_settings_must_be_one_of_the_candidates():
    with pytest.raises(ValueError, match="settings must be one of the candidates, got settings=Settings"):
        dataclasses.replace(digits.RECIPE, candidates=(digits.Settings(epochs=1),))


def test_a_record_is_written_as_a_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "digits.json"
    facts = {"recipe": "digits", "goal": "", "command": "", "settings": {}}
    runs = [{"accuracy": 0.5, "loss": 1.0, "seconds": 1.0}]
    records.write(path, facts, CPU, None, runs)
    before = path.read_text()

    def fails(*paths):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(OSError, match="No space left"):
        records.write(path, facts, CPU, None, runs * 2)
    assert path.read_text() == before
    assert [file.name for file in tmp_path.iterdir()] == ["digits.json"]
