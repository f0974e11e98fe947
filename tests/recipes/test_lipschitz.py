"""The race around the published Lipschitz rate: every entrant runs, and the kept records are of this race."""

import dataclasses
import functools
import json

import pytest

from helpers.recipes import lipschitz
from helpers.recipes.entrants import CLIPPING, ENTRANTS, Entrant, Settings
from helpers.recipes.lipschitz import FULL, REDUCED
from helpers.training import records
from helpers.training.runtime import Runtime
from tests.recipes.conftest import assert_summary

SEEDS = lipschitz.SEEDS
TINY = {
    "mnist": Settings(160, 1, 64, 2),
    "cifar10": Settings(160, 1, 64, 2, shrink=4, l2=1e-3, told_l2=1e-3),
    "clipping": Settings(160, 1, 64, 2),
}


@pytest.fixture(scope="module")
def real(real_data):
    """Real images, few of them to be learned from and asked about."""
    with pytest.MonkeyPatch.context() as patch, Runtime("cpu", threads=1):
        patch.setenv("CNN_BOOK_DATA", str(real_data))
        few = {}
        for name, load in lipschitz.DATA.items():
            whole = load()
            parts = {"train": whole.train.take(1000), "test": whole.test.take(50)}
            few[name] = functools.partial(dataclasses.replace, whole, **parts)
        patch.setattr(lipschitz, "DATA", few)
        patch.setattr(lipschitz, "SEEDS", (0, 1))
        yield


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_every_entrant_runs(name, real):
    few = [dataclasses.replace(entrant, scales=entrant.scales[-1:]) for entrant in ENTRANTS]
    candidates, runs = lipschitz.race(name, TINY[name], few)
    assert len(candidates) == len(ENTRANTS)
    tuned = [run for run in runs if run["chosen"]]
    assert len(tuned) == 2 * len(ENTRANTS)
    published = {
        (run["optimizer"], run["seed"]) for run in runs if run["rule"] == "published" and run["scale"] == 1
    }
    assert len(published) == 4 * 2  # as published, chosen or not
    json.dumps([candidates, runs], allow_nan=False)


def test_the_multiple_is_chosen_on_held_out_images(real):
    entrants = [Entrant("constant", "SGD", (1e-6, 0.1)), Entrant("constant", "Adam", (1e-9, 1e-2))]
    settings = dataclasses.replace(TINY["mnist"], images=300, epochs=2, batch_size=32)
    candidates, runs = lipschitz.race("mnist", settings, entrants)
    assert [run["scale"] for run in runs] == [0.1] * 2 + [1e-2] * 2
    heldout = [60 * candidate["runs"][0]["accuracy"] for candidate in candidates]
    assert heldout == pytest.approx([round(hits) for hits in heldout])  # a fifth of 300 images was held out


def test_the_race_of_losses_has_two_entrants(real):
    candidates, runs = lipschitz.race("clipping", TINY["clipping"])
    assert [candidate["settings"]["rule"] for candidate in candidates] == ["published", "clipped"]
    assert {(run["rule"], run["scale"]) for run in runs} == {("published", 1), ("clipped", 1)}


def test_the_formula_is_told_its_own_l2(real, monkeypatch):
    told = {}
    monkeypatch.setattr(Entrant, "rate", lambda self, *args: told.setdefault(self.rule, args[-1]) and None)
    train, asked, _ = lipschitz._sets("cifar10", TINY["cifar10"])
    settings = dataclasses.replace(TINY["cifar10"], l2=0.5)
    for rule in ("published", "smoothness"):
        with pytest.raises(TypeError):  # there is no schedule
            lipschitz.trained("cifar10", settings, Entrant(rule, "SGD", (1,)), 1, 0, (train, asked))
    assert told == {"published": 1e-3, "smoothness": 0.5}


def test_a_rule_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match=r"rule must be .*'lowest'"):
        Entrant("lowest", "SGD", (1,)).rate(1, None, 32, 10, 0.0)


def test_a_training_that_diverges_counts_as_a_guess(real):
    train, asked, _ = lipschitz._sets("mnist", TINY["mnist"])
    wild = Entrant("constant", "SGD", (1e30,))
    run = lipschitz.trained("mnist", TINY["mnist"], wild, 1e30, 0, (train, asked))
    assert run["accuracy"] == 0.1 and run["loss"] is None


def test_the_command_line_records(real, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(lipschitz, "REDUCED", TINY)
    monkeypatch.setattr(lipschitz, "ENTRANTS", ENTRANTS[:1])
    path = tmp_path / "mnist.json"
    lipschitz.main(["mnist", "--device", "cpu", "--record", str(path)])
    record = records.read(path)
    assert record["command"] == f"python -m helpers.recipes.lipschitz mnist --device cpu --record {path}"
    assert record["settings"] == dataclasses.asdict(TINY["mnist"])
    assert "published SGD times 1  " in capsys.readouterr().out


@pytest.mark.parametrize("name", REDUCED)
def test_a_kept_record_is_of_this_race(name):
    record = records.kept(f"lipschitz_{name}")
    assert record["recipe"] == "lipschitz" and record["goal"] == lipschitz.GOAL
    assert record["settings"] in [dataclasses.asdict(own[name]) for own in (REDUCED, FULL)]
    assert_summary(record, lipschitz.KIND)
    entrants = CLIPPING if name == "clipping" else ENTRANTS
    tried = [tuple(candidate["settings"].values()) for candidate in record["candidates"]]
    assert tried == [(e.rule, e.optimizer, scale) for e in entrants for scale in e.scales]
    for entrant in entrants:
        of_entrant = {"rule": entrant.rule, "optimizer": entrant.optimizer}.items()
        own = [c for c in record["candidates"] if of_entrant <= c["settings"].items()]
        best = max(own, key=lambda c: c["runs"][0]["accuracy"])["settings"]["scale"]
        runs = [r for r in record["runs"] if (r["rule"], r["optimizer"]) == (entrant.rule, entrant.optimizer)]
        assert {run["scale"] for run in runs if run["chosen"]} == {best}
        assert {run["seed"] for run in runs} == set(SEEDS)
