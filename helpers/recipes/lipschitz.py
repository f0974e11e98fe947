"""The published Lipschitz rate on MNIST and CIFAR-10, against rates chosen from a small grid.

Every entrant is a rule for the rate, an optimizer, and a few multiples of what the rule says. The multiple is
chosen on held-out images with one seed, and many a choice falls on an end of its grid; the test set is asked
with other seeds. The published rules run with their
own rate as well, the multiple 1, chosen or not, for they claim to need no choice: with the cross-entropy, and
with the clipped one of the authors' library. A training that diverges counts as a guess. ``clipping``
compares these two alone, with the authors' network for MNIST at its full width.

``python -m helpers.recipes.lipschitz mnist --record FILE`` runs the reduced sets, for a CPU; ``--full`` takes
all images, the authors' widths and more epochs, for a GPU.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from torch.nn import functional as F

from helpers.recipes import command
from helpers.recipes.entrants import CLIPPING, ENTRANTS, OPTIMIZERS, Entrant, Settings
from helpers.recipes.networks import clipped_cross_entropy, mnist_cnn, resnet
from helpers.training import Diverged, count_steps, data, evaluate, fit, records
from helpers.training.batches import Data
from helpers.training.runtime import randomness

__all__ = ["main", "race", "trained"]

NAME, KIND = "lipschitz", "{rule} {optimizer} times {scale}"
GOAL = "the published Lipschitz rate against others: the best of four multiples, one seed, held-out images"
TUNING_SEED, SEEDS = 100, (0, 1, 2)
VALIDATION = 0.2  # part of the training images on which multiples are chosen
DATA = {"mnist": data.mnist, "cifar10": data.cifar10, "clipping": data.mnist}
NETWORKS = {"mnist": mnist_cnn, "cifar10": resnet, "clipping": mnist_cnn}
COLORS = {"l2": 2e-4, "told_l2": 1e-3}
REDUCED = {
    "mnist": Settings(15000, 5, 256, 8),
    "cifar10": Settings(8000, 6, 128, 8, shrink=2, **COLORS),
    "clipping": Settings(15000, 2, 256, 32),
}
FULL = {
    "mnist": Settings(None, 20, 256, 32),
    "cifar10": Settings(None, 60, 128, 16, **COLORS),
    "clipping": Settings(None, 20, 256, 32),
}


def trained(
    name: str, settings: Settings, entrant: Entrant, scale: float, seed: int, sets: tuple[Data, Data]
) -> dict[str, Any]:
    """Train on the first set, ask once about the second, and return what came out.

    Parameters
    ----------
    name : str
        ``"mnist"``, ``"cifar10"`` or ``"clipping"``.
    settings, entrant : Settings, Entrant
        What is trained.
    scale : float
        Multiple of the rule's rate.
    seed : int
        Of the weights, of the order of the images, and of what is dropped.
    sets : (train, test)
        Pairs of images and labels.
    """
    train, test = sets
    model = NETWORKS[name](settings.width, seed)
    length = {"epochs": settings.epochs, "batch_size": settings.batch_size}
    total = count_steps(train, **length)
    l2 = settings.l2 if entrant.rule == "smoothness" else settings.told_l2
    schedule, hooks = entrant.rate(scale, train[0], settings.batch_size, total, l2)
    optimizer = OPTIMIZERS[entrant.optimizer](model.parameters(), lr=1.0, weight_decay=settings.l2)
    criterion = clipped_cross_entropy if entrant.rule == "clipped" else F.cross_entropy
    how = {"loss": criterion, "optimizer": optimizer, "schedule": schedule, "hooks": hooks, **length}
    start = time.perf_counter()
    try:
        with randomness(seed):
            history = fit(model, train, seed=seed, **how)
        loss, accuracy = evaluate(model, test, F.cross_entropy)
    except Diverged as error:
        history, loss, accuracy = error.history, None, 0.1
    run = {"rule": entrant.rule, "optimizer": entrant.optimizer, "scale": scale, "seed": seed}
    run |= {"accuracy": accuracy, "loss": loss, "seconds": time.perf_counter() - start}
    steps = total // settings.epochs
    run |= {"epoch_losses": records.epoch_means(history.losses, steps)}
    return run | {"epoch_rates": records.epoch_means(history.rates[::steps], 1)}


def race(
    name: str, settings: Settings, entrants: Sequence[Entrant] | None = None
) -> tuple[list[dict], list[dict]]:
    """Let all entrants choose and run; return the candidates, as in a record, and the runs.

    Parameters
    ----------
    name, settings : str, Settings
        As for :func:`trained`.
    entrants : sequence of Entrant, optional
        Who takes part, if not all.
    """
    train, held_out, test = _sets(name, settings)
    everybody = CLIPPING if name == "clipping" else ENTRANTS
    candidates, runs = [], []
    for entrant in everybody if entrants is None else entrants:
        common = name, settings, entrant
        tried = [trained(*common, scale, TUNING_SEED, (train, held_out)) for scale in entrant.scales]
        facts = {"rule": entrant.rule, "optimizer": entrant.optimizer}
        candidates += [{"settings": facts | {"scale": run["scale"]}, "runs": [run]} for run in tried]
        best = max(tried, key=lambda run: run["accuracy"])["scale"]
        scales = {best, 1} if entrant.rule == "published" else {best}
        for scale in sorted(scales):
            own = [trained(*common, scale, seed, (train, test)) for seed in SEEDS]
            runs += [run | {"chosen": scale == best} for run in own]
            records.say(KIND.format(**own[0]), own)
    return candidates, runs


def _sets(name: str, settings: Settings) -> tuple[Data, Data, Data]:
    """Return training, held-out and test images, scaled as by the authors, and shrunk."""
    dataset = DATA[name]()
    whole = dataset.train if settings.images is None else dataset.train.take(settings.images)
    mean = dataset.mean if name == "cifar10" else [0.0]
    parts = [split.tensors(mean, [1.0] * len(mean)) for split in (*whole.holdout(VALIDATION), dataset.test)]
    return tuple((F.avg_pool2d(images, settings.shrink), labels) for images, labels in parts)


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line asks."""
    line = command.parser(NAME, GOAL)
    line.add_argument("data", choices=tuple(NETWORKS))
    line.add_argument("--full", action="store_true", help="all images, for a GPU")
    options, runtime = command.parse(line, arguments)
    settings = (FULL if options.full else REDUCED)[options.data]
    with runtime:
        candidates, runs = race(options.data, settings)
    facts = records.facts(NAME, GOAL, arguments, settings)
    records.write(options.record, facts, runtime, candidates, runs, KIND)


if __name__ == "__main__":
    main()
