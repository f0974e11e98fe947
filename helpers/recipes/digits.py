"""The 8x8 digits that come with scikit-learn: no download, a second or two.

The recipe of :mod:`helpers.recipes.mnist` for images that are a tenth as large and forty times as few:
smaller batches, more epochs, and images moved by a pixel. Start here to see what a recipe does, or several
processes: ``torchrun --nproc-per-node 2 -m helpers.recipes.digits``.

Run it with ``python -m helpers.recipes.digits``; ``--help`` says what else it can do.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from helpers.formulas.schedules import LinearDecay, Warmup
from helpers.recipes.command import Recipe, main
from helpers.training import History, count_steps, data, fit, models
from helpers.training.augmentation import Augmentation
from helpers.training.batches import Data
from helpers.training.optimizers import decay_weights
from helpers.training.runtime import Runtime

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

    width: int = 16
    epochs: int = 20
    batch_size: int = 64
    peak_lr: float = 0.2
    warmup: float = 0.2
    weight_decay: float = 5e-4
    label_smoothing: float = 0.1


def train(
    images: Data,
    dataset: data.Dataset,
    settings: Settings,
    seed: int,
    runtime: Runtime,
    val: Data | None = None,
) -> tuple[nn.Module, History]:
    """Train once, and return the model and its history.

    Parameters
    ----------
    images : (images, labels)
        Bytes of shape (N, 1, 8, 8) and their classes.
    dataset : Dataset
        Says how the images are normalized.
    settings : Settings
        What was chosen.
    seed : int
        Of the weights and of the order of the images.
    runtime : Runtime
        Where it runs.
    val : (images, labels), optional
        Images to look at after each epoch.
    """
    widths = (settings.width, 2 * settings.width, 4 * settings.width)
    model = models.fast_cnn(widths, images[0].shape[1:], dataset.mean, dataset.std, seed=seed)
    runtime.prepare(model)
    steps = count_steps(images, epochs=settings.epochs, batch_size=settings.batch_size)
    climb = round(settings.warmup * steps)
    schedule = Warmup(
        LinearDecay(settings.peak_lr, total_steps=steps - climb, end_lr=0.0), warmup_steps=climb
    )
    groups = decay_weights(model, settings.weight_decay)
    history = fit(
        model,
        images,
        val,
        loss=nn.CrossEntropyLoss(label_smoothing=settings.label_smoothing),
        optimizer=torch.optim.SGD(groups, lr=1.0, momentum=0.9, nesterov=True, fused=True),
        schedule=schedule,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        seed=seed,
        augment=Augmentation(shift=1),
        runtime=runtime,
    )
    return model, history


RECIPE = Recipe(
    name="digits",
    load=data.digits,
    train=train,
    settings=Settings(),
    candidates=(
        Settings(),
        Settings(peak_lr=0.1),
        Settings(peak_lr=0.4),
        Settings(batch_size=32),
        Settings(width=8),
    ),
    goal="at least 98 % of the test images (mean of 3 seeds)",
)

if __name__ == "__main__":
    main(RECIPE)
