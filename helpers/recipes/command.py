"""What the command line of every recipe does: train with several seeds, choose settings, keep a record.

A record is a JSON file; ``lessons/results/README.md`` describes its entries.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from helpers.core import checks
from helpers.recipes import records
from helpers.training import History, evaluate, processes
from helpers.training.data import Dataset
from helpers.training.runtime import Runtime

__all__ = ["Recipe", "choose", "main", "measure", "trained"]

VALIDATION = 0.1  # part of the training images on which settings are chosen


@dataclass(frozen=True)
class Recipe:
    """A training that can be repeated.

    Parameters
    ----------
    name : str
        Of its module and of its record.
    load : callable
        ``load() -> Dataset``.
    train : callable
        ``train(images, dataset, settings, seed, runtime, val=None) -> (model, History)``.
    settings : dataclass
        What was chosen.
    candidates : tuple of dataclass
        What it was chosen from, itself included.
    goal : str
        What it is measured against.
    at_test : callable, optional
        ``at_test(model) -> model``: what is asked after the training, such as an average over flips.
    """

    name: str
    load: Callable[[], Dataset]
    train: Callable[..., tuple[nn.Module, History]]
    settings: Any
    candidates: tuple[Any, ...]
    goal: str
    at_test: Callable[[nn.Module], nn.Module] = lambda model: model

    def __post_init__(self) -> None:
        known = self.settings in self.candidates
        checks.require(known, "be one of the candidates", "settings", self.settings)


def trained(
    recipe: Recipe, dataset: Dataset, settings: Any, seed: int, runtime: Runtime, on_validation: bool
) -> dict[str, Any]:
    """Train once, ask the model once about images that it has not seen, and return what came out.

    Parameters
    ----------
    recipe : Recipe
        What to do.
    dataset : Dataset
        Its images.
    settings : dataclass
        One of the recipe's candidates.
    seed : int
        Of the weights and of the order of the images.
    runtime : Runtime
        Where it runs.
    on_validation : bool
        Whether to hold a tenth of the training images out and to ask about those; else about the test set.

    Returns
    -------
    dict
        ``seed``, ``accuracy``, ``loss``, ``seconds`` (of the training alone), ``epoch_losses`` and
        ``epoch_seconds``.
    """
    published = (dataset.train, dataset.test)
    train, asked = dataset.train.holdout(VALIDATION, seed=0) if on_validation else published
    images = runtime.to(*train.pixels())
    _synchronize(runtime)
    start = time.perf_counter()
    model, history = recipe.train(images, dataset, settings, seed, runtime)
    _synchronize(runtime)
    seconds = time.perf_counter() - start
    loss, accuracy = evaluate(recipe.at_test(model), asked.pixels(), F.cross_entropy, runtime=runtime)
    steps = len(history.losses) // len(history.seconds)
    epochs = [history.losses[i : i + steps] for i in range(0, len(history.losses), steps)]
    return {
        "seed": seed,
        "accuracy": accuracy,
        "loss": loss,
        "seconds": seconds,
        "epoch_losses": [statistics.fmean(epoch) for epoch in epochs],
        "epoch_seconds": history.seconds,
    }


def measure(recipe: Recipe, seeds: Sequence[int], runtime: Runtime) -> list[dict[str, Any]]:
    """Train on all training images with every seed, and ask each model once about the test set.

    A first short training warms the machine up and is not counted.
    """
    dataset = recipe.load()
    _warm_up(recipe, dataset, runtime)
    runs = []
    for seed in seeds:
        runs.append(trained(recipe, dataset, recipe.settings, seed, runtime, on_validation=False))
        _say(runtime, _line(f"seed {seed}", [runs[-1]], "test"))
    _say(runtime, _line("mean", runs, "test"))
    return runs


def choose(recipe: Recipe, seeds: Sequence[int], runtime: Runtime) -> list[dict[str, Any]]:
    """Train every candidate with every seed on nine tenths of the training images, and ask about the rest."""
    dataset = recipe.load()
    _warm_up(recipe, dataset, runtime)
    told = []
    for settings in recipe.candidates:
        runs = [trained(recipe, dataset, settings, seed, runtime, on_validation=True) for seed in seeds]
        told.append({"settings": dataclasses.asdict(settings), "runs": runs})
        _say(runtime, _line(_difference(settings, recipe.settings), runs, "validation"))
    return told


def _warm_up(recipe: Recipe, dataset: Dataset, runtime: Runtime) -> None:
    few = dataclasses.replace(dataset, train=dataset.train.take(2 * recipe.settings.batch_size))
    trained(recipe, few, recipe.settings, 0, runtime, on_validation=True)


def _synchronize(runtime: Runtime) -> None:
    if runtime.device.type == "cuda":
        torch.cuda.synchronize()


def _difference(settings: Any, chosen: Any) -> str:
    """Say in which fields settings differ from the chosen ones."""
    now, then = dataclasses.asdict(settings), dataclasses.asdict(chosen)
    return ", ".join(f"{name}={now[name]}" for name in now if now[name] != then[name]) or "as chosen"


def _line(words: str, runs: list[dict[str, Any]], asked: str) -> str:
    told = records.summary(runs)
    spread = f" +- {100 * told['accuracy_std']:.2f}" if len(runs) > 1 else ""
    accuracy = f"{asked} accuracy {100 * told['accuracy_mean']:.2f}{spread} %"
    return f"{words:<24} {accuracy}, {told['seconds_mean']:.2f} s"


def _say(runtime: Runtime, text: str) -> None:
    if processes.is_main():
        records.say(text)


def main(recipe: Recipe, arguments: Sequence[str] | None = None) -> None:
    """Do what the command line asks of a recipe."""
    parser = argparse.ArgumentParser(prog=f"python -m helpers.recipes.{recipe.name}", description=recipe.goal)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="SEED")
    parser.add_argument(
        "--choose", action="store_true", help="compare the candidates on a validation split first"
    )
    parser.add_argument("--device", default="auto", help="cpu, cuda or mps; by default the fastest here")
    parser.add_argument("--precision", choices=("fp32", "tf32", "bf16"), help="by default the fastest here")
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write what came out")
    chosen = parser.parse_args(arguments)
    asked = {"precision": chosen.precision, "threads": chosen.threads}
    try:
        wishes = {name: value for name, value in asked.items() if value is not None}
        runtime = Runtime.fastest(device=chosen.device, **wishes)
    except (TypeError, ValueError) as error:
        parser.error(str(error))
    with runtime.use():
        candidates = choose(recipe, chosen.seeds, runtime) if chosen.choose else None
        runs = measure(recipe, chosen.seeds, runtime)
    if chosen.record is not None and processes.is_main():
        command = records.command(recipe.name, arguments)
        facts = {"recipe": recipe.name, "goal": recipe.goal, "command": command}
        settings = {"settings": dataclasses.asdict(recipe.settings)}
        records.write(chosen.record, facts | settings, runtime, candidates, runs)
