"""A race of the book's schedules on one small CNN: equal budgets, tuned peak rates, three lengths.

The images are Fashion-MNIST's, shrunk to 14x14; two convolutions train with momentum 0.9, as most of these
schedules were published. Each has its shape fixed beforehand, by its authors' advice where there is some; its
peak rate is chosen from one grid, by the loss on held-out images; the grid is wide enough if nobody's choice
is at an end of it. Other seeds race, and the test set is asked once, at the end of each. The natural
exponential is the exponential, and Noam with a free scale the inverse square root: of such twins one runs.

``python -m helpers.recipes.schedule_race --record FILE`` runs it all: ten to twenty minutes of one CPU core.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import time
from collections.abc import Sequence
from typing import Any

from torch.nn import functional as F

from helpers.formulas import schedules
from helpers.formulas.rules import Momentum
from helpers.formulas.schedules.contestants import CONTESTANTS
from helpers.recipes import command
from helpers.training import data, models, records
from helpers.training.replicas import Replicas, fit_replicas
from helpers.training.runtime import Runtime

__all__ = ["GOAL", "NAME", "Race", "Settings", "best", "main"]

NAME, KIND = "schedule_race", "{schedule}, {steps} steps"
GOAL = "which schedule ends lowest, for how many steps, and by how much more than the seeds differ"


@dataclasses.dataclass(frozen=True)
class Settings:
    """What all contestants share.

    Parameters
    ----------
    lengths : tuple of int
        Numbers of steps, each a race of its own.
    peaks, tuning_seeds, seeds : tuple
        Rates and seeds with which the peak is chosen; the seeds of the race.
    n_train, n_val : int
        Images to train on (a race too short to see them all takes the first), and to choose by.
    batch_size, channels, momentum, looks
        Images a step; of the convolutions; in torch's form; how often a run's validation loss is taken.
    """

    lengths: tuple[int, ...] = (100, 400, 1600)
    peaks: tuple[float, ...] = tuple(0.005 * 2**k for k in range(8))
    tuning_seeds: tuple[int, ...] = (0, 1)
    seeds: tuple[int, ...] = tuple(range(10, 16))
    n_train: int = 6400
    n_val: int = 1000
    batch_size: int = 16
    channels: tuple[int, ...] = (4, 8)
    momentum: float = 0.9
    looks: int = 20


class Race:
    """The images, and what is done with them: `choose` tries the peak rates, `run` runs the chosen one."""

    def __init__(self, settings: Settings) -> None:
        self.settings, whole = settings, data.fashion_mnist()
        subset = whole.train.take(settings.n_train + settings.n_val)
        splits = (*subset.holdout(settings.n_val / len(subset)), whole.test)
        parts = (split.tensors(whole.mean, whole.std) for split in splits)
        self.train, self.val, self.test = ((F.avg_pool2d(x, 2), y) for x, y in parts)

    def fit(self, methods: list, seeds: Sequence[int], steps: int, looks: int) -> Replicas:
        """Train one copy for each method and seed, and look so often at the validation images."""
        own, (x, y) = self.settings, self.train
        n = min(len(x), steps * own.batch_size)
        options = {"rule": Momentum(own.momentum), "loss": F.cross_entropy, "batch_size": own.batch_size}
        options |= {"watch": {"val": self.val}, "watch_every": steps // looks}
        options |= {"epochs": steps * own.batch_size // n, "schedules": methods}
        nets = [models.small_cnn(own.channels, tuple(x.shape[1:]), seed=seed) for seed in seeds]
        return fit_replicas(nets, (x[:n], y[:n]), seeds=[100 + seed for seed in seeds], **options)

    def choose(self, name: str, steps: int) -> list[dict[str, Any]]:
        """Try every peak rate with every tuning seed, and return the validation losses."""
        peaks, seeds = self.settings.peaks, self.settings.tuning_seeds
        methods = [CONTESTANTS[name](peak, steps) for peak in peaks for _ in seeds]
        # The last look is what counts; a plateau lives by the others.
        looks = self.settings.looks if isinstance(methods[0], schedules.ReduceOnPlateau) else 1
        copies = self.fit(methods, seeds * len(peaks), steps, looks)
        rows = copies.watched["val"][1][:, -1].reshape(len(peaks), -1)
        facts = {"schedule": name, "steps": steps}
        return [facts | {"peak_lr": p, "losses": _rounded(x)} for p, x in zip(peaks, rows, strict=True)]

    def run(self, name: str, steps: int, peak: float) -> list[dict[str, Any]]:
        """Run every seed, ask each copy once about the test set, and return what came out."""
        seeds, looks, start = self.settings.seeds, self.settings.looks, time.perf_counter()
        methods = [CONTESTANTS[name](peak, steps)] * len(seeds)
        copies = self.fit(methods, seeds, steps, looks)
        (seconds,), runs = _rounded([(time.perf_counter() - start) / len(seeds)]), []
        stretches = copies.losses.reshape(len(seeds), looks, -1).mean(2)
        for i, seed in enumerate(seeds):
            own = {key: stack[i : i + 1] for key, stack in copies.params.items()}
            loss, accuracy = copies.evaluate(self.test, F.cross_entropy, own)
            run = {"schedule": name, "steps": steps, "peak_lr": peak, "seed": seed}
            run |= {"accuracy": accuracy.item(), "loss": _rounded(loss)[0], "seconds": seconds}
            curves = {"train_losses": stretches[i], "val_losses": copies.watched["val"][1][i]}
            if isinstance(methods[0], schedules.ReduceOnPlateau):  # of the others, the formula knows them
                curves["rates"] = copies.rates[i, :: steps // looks]
            runs.append(run | {key: _rounded(values) for key, values in curves.items()})
        return runs


def _rounded(values: Any) -> list[float | None]:
    """Five digits of each; None for what is no number."""
    return [float(f"{x:.5g}") if math.isfinite(x) else None for x in values]


def best(tried: list[dict[str, Any]]) -> float:
    """Return the peak rate with the lowest mean loss; one at which a seed diverged is none.

    >>> best([{"peak_lr": 0.1, "losses": [2.0, 1.0]}, {"peak_lr": 0.2, "losses": [0.5, None]}])
    0.1
    """
    fit = (entry for entry in tried if None not in entry["losses"])
    return min(fit, key=lambda entry: sum(entry["losses"]))["peak_lr"]


def main(arguments: Sequence[str] | None = None, settings: Settings | None = None) -> None:
    """Tune and race every contestant at every length, say what came out, and record it if asked."""
    line, settings = command.parser(NAME, GOAL), settings or Settings()
    line.add_argument("--lengths", type=int, nargs="+", metavar="STEPS", default=settings.lengths)
    line.set_defaults(threads=1)
    options = line.parse_args(arguments)
    settings = dataclasses.replace(settings, lengths=tuple(options.lengths))
    runtime, tried, runs = Runtime("cpu", threads=options.threads), [], []
    with runtime:
        race = Race(settings)
        for steps, name in itertools.product(settings.lengths, CONTESTANTS):
            tried += race.choose(name, steps)
            peak = best(tried[-len(settings.peaks) :])
            runs += race.run(name, steps, peak)
            records.say(f"{KIND.format(**runs[-1])}, peak {peak}", runs[-len(settings.seeds) :])
    records.write(options.record, records.facts(NAME, GOAL, arguments, settings), runtime, tried, runs, KIND)


if __name__ == "__main__":
    main()
