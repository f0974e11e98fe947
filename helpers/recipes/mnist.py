"""MNIST to 99 % in seconds, on two CPU cores.

What makes it fast, by benefit: numbers of 16 bits in the layers, channels stored last, pooling before the
rest of each stage, bytes that are cut out of one tensor in memory. What makes two epochs enough: a rate that
climbs for a fifth of the training and then falls to zero in a straight line, and labels smoothed by a tenth.

Run it with ``python -m helpers.recipes.mnist``; ``--help`` says what else it can do.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from helpers.formulas.schedules import LinearDecay, Warmup
from helpers.recipes.command import Recipe, main
from helpers.training import History, count_steps, data, fit, models
from helpers.training.batches import Data
from helpers.training.data import Dataset
from helpers.training.optimizers import decay_weights

__all__ = ["RECIPE", "Settings", "train"]


@dataclass(frozen=True)
class Settings:
    """What can be chosen on the validation split.

    Parameters
    ----------
    width : int
        Channels of the first stage; the second has twice, the third four times as many.
    epochs, batch_size : int
        Passes over the data, and images a batch.
    peak_lr, warmup : float
        Highest rate, and the part of the training in which it is reached.
    weight_decay, label_smoothing : float
        As in torch.
    """

    width: int = 8
    epochs: int = 2
    batch_size: int = 128
    peak_lr: float = 0.2
    warmup: float = 0.2
    weight_decay: float = 5e-4
    label_smoothing: float = 0.1


def train(
    images: Data, dataset: Dataset, settings: Settings, seed: int, val: Data | None = None, hooks: tuple = ()
) -> tuple[nn.Module, History]:
    """Train once, and return the model and its history.

    Parameters
    ----------
    images : (images, labels)
        Bytes of shape (N, 1, H, W) and their classes.
    dataset : Dataset
        Says how the images are normalized.
    settings : Settings
        What was chosen.
    seed : int
        Of the weights and of the order of the images.
    val : (images, labels), optional
        Images to look at after each epoch.
    hooks : tuple
        As for ``fit``.
    """
    widths = (settings.width, 2 * settings.width, 4 * settings.width)
    model = models.fast_cnn(widths, images[0].shape[1:], dataset.mean, dataset.std, seed=seed)
    length = {"epochs": settings.epochs, "batch_size": settings.batch_size}
    steps = count_steps(images, **length)
    climb = round(settings.warmup * steps)
    fall = LinearDecay(settings.peak_lr, total_steps=steps - climb, end_lr=0.0)
    groups = decay_weights(model, settings.weight_decay)
    how = {
        "loss": nn.CrossEntropyLoss(label_smoothing=settings.label_smoothing),
        "optimizer": torch.optim.SGD(groups, lr=1.0, momentum=0.9, nesterov=True, fused=True),
        "schedule": Warmup(fall, warmup_steps=climb),
    }
    history = fit(model, images, val, seed=seed, hooks=hooks, **how, **length)
    return model, history


RECIPE = Recipe(
    name="mnist",
    load=data.mnist,
    train=train,
    settings=Settings(),
    candidates=(
        Settings(epochs=1),
        Settings(),
        Settings(peak_lr=0.1),
        Settings(peak_lr=0.4),
        Settings(width=12),
    ),
    goal="at least 99.0 % of the test images (mean of 3 seeds), trained in at most 10 s on two CPU cores",
)

if __name__ == "__main__":
    main(RECIPE)
