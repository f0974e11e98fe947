"""The command line of every recipe: train with several seeds, choose settings, keep a record.

A record is a JSON file; ``lessons/results/README.md`` describes its entries.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn
from torch.nn import functional as F

from helpers.core import checks
from helpers.training import History, evaluate, processes, records
from helpers.training.data import Dataset
from helpers.training.runtime import Runtime, present

__all__ = ["Recipe", "choose", "main", "measure", "parse", "parser", "trained"]

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
        ``train(images, dataset, settings, seed, val=None) -> (model, History)``.
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
        is_candidate = self.settings in self.candidates
        checks.require(is_candidate, "be one of the candidates", "settings", self.settings)


def trained(
    recipe: Recipe, dataset: Dataset, settings: Any, seed: int, on_validation: bool
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
    on_validation : bool
        Whether to hold a tenth of the training images out and to ask about those; else about the test set.

    Returns
    -------
    dict
        ``seed``, ``accuracy``, ``loss``, ``seconds`` (of the training alone), ``epoch_losses`` and
        ``epoch_seconds``.
    """
    held_out = dataset.train.holdout(VALIDATION, seed=0) if on_validation else None
    train, test = held_out or (dataset.train, dataset.test)
    images = present("cpu").to(*train.pixels())
    start = time.perf_counter()
    model, history = recipe.train(images, dataset, settings, seed)
    seconds = time.perf_counter() - start  # whoever has the losses has waited for the GPU
    loss, accuracy = evaluate(recipe.at_test(model), test.pixels(), F.cross_entropy)
    run = {"seed": seed, "accuracy": accuracy, "loss": loss, "seconds": seconds}
    steps = len(history.losses) // len(history.seconds)
    epochs = {"epoch_losses": records.epoch_means(history.losses, steps), "epoch_seconds": history.seconds}
    return run | epochs


def measure(recipe: Recipe, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """Train on all training images with every seed, and ask each model once about the test set.

    A first short training warms the machine up and is not counted.
    """
    dataset, runs = _warmed_up(recipe), []
    for seed in seeds:
        runs.append(trained(recipe, dataset, recipe.settings, seed, on_validation=False))
        records.say(f"seed {seed}", runs[-1:])
    records.say("mean", runs)
    return runs


def choose(recipe: Recipe, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """Train every candidate with every seed on nine tenths of the training images, and ask about the rest."""
    dataset, candidates = _warmed_up(recipe), []
    for settings in recipe.candidates:
        runs = [trained(recipe, dataset, settings, seed, on_validation=True) for seed in seeds]
        candidates.append({"settings": dataclasses.asdict(settings), "runs": runs})
        records.say(_difference(settings, recipe.settings), runs, "validation")
    return candidates


def _warmed_up(recipe: Recipe) -> Dataset:
    """Return the images of a recipe after a first short training on a few of them."""
    dataset = recipe.load()
    few = dataclasses.replace(dataset, train=dataset.train.take(2 * recipe.settings.batch_size))
    trained(recipe, few, recipe.settings, 0, on_validation=True)
    return dataset


def _difference(settings: Any, base: Any) -> str:
    """Say in which fields settings differ from the chosen ones."""
    now, then = dataclasses.asdict(settings), dataclasses.asdict(base)
    return ", ".join(f"{name}={now[name]}" for name in now if now[name] != then[name]) or "as chosen"


def parser(recipe: str, goal: str) -> argparse.ArgumentParser:
    """Return the command line that all recipes and races share."""
    line = argparse.ArgumentParser(prog=f"python -m helpers.recipes.{recipe}", description=goal)
    line.add_argument("--threads", type=int, help="CPU threads")
    line.add_argument("--record", type=Path, metavar="FILE", help="write what came out")
    return line


def parse(
    line: argparse.ArgumentParser, arguments: Sequence[str] | None, make: Callable[..., Runtime] = Runtime
) -> tuple[argparse.Namespace, Runtime]:
    """Return what a command line asks for, and where; a device that is not here ends the program."""
    line.add_argument("--device", default="auto", help="cpu, cuda or mps; by default the fastest here")
    line.add_argument("--precision", choices=("fp32", "tf32", "bf16"))
    options = line.parse_args(arguments)
    wishes = {name: getattr(options, name) for name in ("device", "precision", "threads")}
    try:
        return options, make(**{name: value for name, value in wishes.items() if value is not None})
    except ValueError as error:
        line.error(str(error))


def main(recipe: Recipe, arguments: Sequence[str] | None = None) -> None:
    """Do what the command line asks of a recipe."""
    line = parser(recipe.name, recipe.goal)
    line.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="SEED")
    line.add_argument("--choose", action="store_true", help="first compare the candidates")
    options, runtime = parse(line, arguments, Runtime.fastest)
    with runtime:
        candidates = choose(recipe, options.seeds) if options.choose else None
        runs = measure(recipe, options.seeds)
    facts = records.facts(recipe.name, recipe.goal, arguments, recipe.settings)
    records.write(options.record, facts, runtime, candidates, runs)
    processes.leave()
