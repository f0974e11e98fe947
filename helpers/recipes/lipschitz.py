"""The published Lipschitz rate on MNIST and CIFAR-10, against rates that were chosen as carefully.

Every entrant is a rule for the rate, an optimizer, and a few multiples of what the rule says. The multiple is
chosen on held-out images with one seed; the test set is asked with others. The published rules run with their
own rate as well, the multiple 1, chosen or not: they claim to need no choice. A training that diverges
counts as a guess.

``python -m helpers.recipes.lipschitz mnist --record FILE`` runs the reduced sets, for a CPU; ``--full`` takes
all images, the paper's batch and more epochs, for a GPU.

References
----------
.. [1] R. Yedida, S. Saha and T. Prashanth, "LipschitzLR: Using theoretically computed adaptive learning
   rates for fast convergence", Applied Intelligence, 2020; arXiv:1902.07399.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn, optim
from torch.nn import functional as F

from helpers.formulas import schedules
from helpers.recipes import records
from helpers.training import Diverged, count_steps, data, evaluate, fit, models
from helpers.training.batches import Data
from helpers.training.last_layer import LastLayerRate
from helpers.training.runtime import Runtime, randomness

__all__ = ["Entrant", "Settings", "main", "network", "race", "resnet", "summary", "trained"]

GOAL = "the published Lipschitz rate against rates tuned alike: four multiples, one seed, held-out images"
TUNING_SEED, SEEDS = 100, (0, 1, 2)
VALIDATION = 0.2  # part of the training images on which multiples are chosen

OPTIMIZERS = {
    "SGD": optim.SGD,
    "momentum": partial(optim.SGD, momentum=0.9, dampening=0.9),  # the average of gradients, as published
    "RMSprop": partial(optim.RMSprop, alpha=0.9, eps=1e-7),
    "Adam": partial(optim.Adam, eps=1e-7),
}


@dataclass(frozen=True)
class Entrant:
    """Who takes part.

    Parameters
    ----------
    rule : str
        ``"published"``, ``"smoothness"``, ``"constant"``, ``"cosine"`` or ``"baseline"``.
    optimizer : str
        One of the four.
    scales : tuple of float
        Multiples of what the rule says, or rates where it says nothing.
    """

    rule: str
    optimizer: str
    scales: tuple[float, ...]


RATES = (0.01, 0.05, 0.2, 1.0)
ADAPTIVE_RATES = (3e-4, 1e-3, 3e-3, 1e-2)
ENTRANTS = (
    Entrant("published", "SGD", (1, 0.3, 0.1, 0.03)),
    Entrant("smoothness", "SGD", (1, 3, 0.3, 0.1)),
    Entrant("constant", "SGD", RATES),
    Entrant("cosine", "SGD", RATES),
    Entrant("baseline", "SGD", (0.01,)),  # as in the paper: 0.01, and a decay of 1e-3 a step
    Entrant("published", "momentum", (1, 0.3, 0.1, 0.03)),
    Entrant("constant", "momentum", RATES),
    Entrant("published", "RMSprop", (1, 0.1, 0.01, 0.001)),
    Entrant("constant", "RMSprop", ADAPTIVE_RATES),
    Entrant("published", "Adam", (1, 3, 0.3, 0.1)),
    Entrant("constant", "Adam", ADAPTIVE_RATES),
)


@dataclass(frozen=True)
class Settings:
    """What all entrants share.

    Parameters
    ----------
    images : int or None
        Training images, a fifth of them held out; all, if None.
    epochs, batch_size : int
        Passes over the data, and images a batch.
    width : int
        Channels of the first stage.
    shrink : int
        Side of the squares of pixels that are averaged into one.
    l2 : float
        Factor of half the sum of squared weights.
    """

    images: int | None
    epochs: int
    batch_size: int
    width: int
    shrink: int = 1
    l2: float = 0.0


REDUCED = {"mnist": Settings(6000, 5, 64, 8), "cifar10": Settings(2500, 5, 64, 8, shrink=2, l2=1e-3)}
FULL = {"mnist": Settings(None, 20, 256, 32), "cifar10": Settings(None, 60, 128, 16, l2=1e-3)}


class _Block(nn.Module):
    """Two convolutions beside a way past them."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        stride = 1 if before == after else 2
        convolution = partial(nn.Conv2d, kernel_size=3, padding=1, bias=False)
        first = [convolution(before, after, stride=stride), nn.BatchNorm2d(after), nn.ReLU()]
        self.body = nn.Sequential(*first, convolution(after, after), nn.BatchNorm2d(after))
        self.past = nn.Identity() if stride == 1 else nn.Conv2d(before, after, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the rectified sum."""
        return F.relu(self.body(x) + self.past(x))


def resnet(width: int, seed: int) -> nn.Sequential:
    """Return a ResNet of eight layers with three stages, for color images; the last layer is linear.

    Parameters
    ----------
    width : int
        Channels of the first stage; each further one has twice as many.
    seed : int
        Of the weights.
    """
    with randomness(seed):
        first = [nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        stages = [_Block(before * width, after * width) for before, after in ((1, 1), (1, 2), (2, 4))]
        head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * width, 10)]
        return nn.Sequential(*first, *stages, *head).to(memory_format=torch.channels_last)


def network(name: str, settings: Settings, seed: int) -> nn.Sequential:
    """Return the CNN without batch normalization for ``"mnist"``, the ResNet for ``"cifar10"``.

    Parameters
    ----------
    name, settings, seed
        As for :func:`trained`.
    """
    if name == "cifar10":
        return resnet(settings.width, seed)
    return models.small_cnn((settings.width, 2 * settings.width), (1, 28, 28), seed=seed)


def trained(
    name: str, settings: Settings, entrant: Entrant, scale: float, seed: int, sets: tuple[Data, Data, Runtime]
) -> dict[str, Any]:
    """Train on the first set, ask once about the second, and return what came out.

    Parameters
    ----------
    name : str
        ``"mnist"`` or ``"cifar10"``.
    settings, entrant : Settings, Entrant
        What is trained.
    scale : float
        Multiple of the rule's rate.
    seed : int
        Of the weights and of the order of the images.
    sets : (train, asked, runtime)
        Pairs of images and labels, and where it runs.
    """
    train, asked, runtime = sets
    model = runtime.prepare(network(name, settings, seed))
    options = {"epochs": settings.epochs, "batch_size": settings.batch_size}
    schedule, hooks = _rate(entrant, scale, settings, train)
    optimizer = OPTIMIZERS[entrant.optimizer](model.parameters(), lr=1.0, weight_decay=settings.l2)
    options |= {"optimizer": optimizer, "schedule": schedule, "hooks": hooks, "seed": seed}
    start, history = time.perf_counter(), None
    try:
        history = fit(model, train, loss=F.cross_entropy, runtime=runtime, **options)
        loss, accuracy = evaluate(model, asked, F.cross_entropy, runtime=runtime)
    except Diverged as error:
        history, loss, accuracy = error.history, None, 0.1
    steps = count_steps(train, epochs=1, batch_size=settings.batch_size)
    epochs = [history.losses[i : i + steps] for i in range(0, len(history.losses), steps)]
    told = {"rule": entrant.rule, "optimizer": entrant.optimizer, "scale": scale, "seed": seed}
    told |= {"accuracy": accuracy, "loss": _finite(loss), "seconds": time.perf_counter() - start}
    told |= {"epoch_losses": [_finite(statistics.fmean(epoch)) for epoch in epochs]}
    return told | {"epoch_rates": [_finite(rate) for rate in history.rates[::steps]]}


def _finite(value: float | None) -> float | None:
    """JSON has no infinity."""
    return value if value is not None and math.isfinite(value) else None


def _rate(entrant: Entrant, scale: float, settings: Settings, train: Data) -> tuple[Callable, list]:
    """Return the schedule, and the hooks that it needs."""
    if entrant.rule in ("published", "smoothness"):
        rule = entrant.optimizer if entrant.rule == "published" else "smoothness"
        own = LastLayerRate(rule, train[0], settings.batch_size, scale=scale, l2=settings.l2)
        return own.rate, [own]
    steps = count_steps(train, epochs=settings.epochs, batch_size=settings.batch_size)
    known = {
        "constant": schedules.Constant(scale),
        "cosine": schedules.CosineDecay(scale, total_steps=steps),
        "baseline": schedules.InverseTimeDecay(scale, decay_rate=1e-3),
    }
    return known[entrant.rule], []


def race(
    name: str, settings: Settings, runtime: Runtime, entrants: Sequence[Entrant] = ENTRANTS
) -> tuple[list[dict], list[dict]]:
    """Let all entrants choose and run; return the candidates, as in a record, and the runs.

    Parameters
    ----------
    name, settings : str, Settings
        As for :func:`trained`.
    runtime : Runtime
        Where it runs.
    entrants : sequence of Entrant
        Who takes part.
    """
    train, held_out, test = _sets(name, settings)
    candidates, runs = [], []
    for entrant in entrants:
        common = name, settings, entrant
        tried = [trained(*common, scale, TUNING_SEED, (train, held_out, runtime)) for scale in entrant.scales]
        facts = {"rule": entrant.rule, "optimizer": entrant.optimizer}
        candidates += [{"settings": facts | {"scale": run["scale"]}, "runs": [run]} for run in tried]
        chosen = max(tried, key=lambda run: run["accuracy"])["scale"]
        scales = {chosen, 1} if entrant.rule == "published" else {chosen}
        for scale in sorted(scales):
            own = [trained(*common, scale, seed, (train, test, runtime)) for seed in SEEDS]
            runs += [run | {"chosen": scale == chosen} for run in own]
            accuracy = 100 * statistics.fmean(run["accuracy"] for run in own)
            _say(f"{entrant.rule:10} {entrant.optimizer:8} times {scale:<6} test accuracy {accuracy:.1f} %")
    return candidates, runs


def _sets(name: str, settings: Settings) -> tuple[Data, Data, Data]:
    """Return training, held-out and test images, shrunk."""
    dataset = {"mnist": data.mnist, "cifar10": data.cifar10}[name]()
    whole = dataset.train if settings.images is None else dataset.train.take(settings.images)
    parts = [split.tensors(dataset.mean, dataset.std) for split in (*whole.holdout(VALIDATION), dataset.test)]
    return tuple((F.avg_pool2d(images, settings.shrink), labels) for images, labels in parts)


def summary(runs: list[dict]) -> dict[str, dict[str, float]]:
    """Return mean and deviation of accuracy and seconds for each entrant and multiple, by name.

    Parameters
    ----------
    runs : list of dict
        What :func:`trained` returned.
    """
    kinds = {f"{run['rule']} {run['optimizer']} times {run['scale']}": [] for run in runs}
    for run in runs:
        kinds[f"{run['rule']} {run['optimizer']} times {run['scale']}"].append(run)
    return {kind: records.summary(own) for kind, own in kinds.items()}


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line asks."""
    parser = argparse.ArgumentParser(prog="python -m helpers.recipes.lipschitz", description=__doc__)
    parser.add_argument("data", choices=("mnist", "cifar10"))
    parser.add_argument("--full", action="store_true", help="all images, for a GPU")
    parser.add_argument("--device", default="auto", help="cpu, cuda or mps; by default the fastest here")
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write what came out")
    chosen = parser.parse_args(arguments)
    threads = {} if chosen.threads is None else {"threads": chosen.threads}
    runtime = Runtime(chosen.device, **threads)
    settings = (FULL if chosen.full else REDUCED)[chosen.data]
    with runtime.use():
        candidates, runs = race(chosen.data, settings, runtime)
    if chosen.record is not None:
        command = "python -m helpers.recipes.lipschitz " + " ".join(arguments or sys.argv[1:])
        facts = {"recipe": "lipschitz", "goal": GOAL, "command": command}
        facts |= {"settings": dataclasses.asdict(settings)}
        records.write(chosen.record, facts, runtime, candidates, runs, summary)


if __name__ == "__main__":
    main()
