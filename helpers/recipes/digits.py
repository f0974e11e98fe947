"""The 8x8 digits that come with scikit-learn: no download, a second or two.

The recipe of :mod:`helpers.recipes.mnist` for images that are a tenth as large and forty times as few:
smaller batches, more epochs, and images moved by a pixel. Start here to see what a recipe does, or several
processes: ``torchrun --nproc-per-node 2 -m helpers.recipes.digits``.

Run it with ``python -m helpers.recipes.digits``; ``--help`` says what else it can do.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from helpers.recipes.command import Recipe, main
from helpers.recipes.mnist import Settings, train
from helpers.training import data
from helpers.training.augmentation import Augmentation
from helpers.training.hooks import Augment

__all__ = ["CHOSEN", "RECIPE"]

CHOSEN = Settings(width=16, epochs=20, batch_size=64)

RECIPE = Recipe(
    name="digits",
    load=data.digits,
    train=partial(train, hooks=(Augment(Augmentation(shift=1)),)),
    settings=CHOSEN,
    candidates=(
        CHOSEN,
        replace(CHOSEN, peak_lr=0.1),
        replace(CHOSEN, peak_lr=0.4),
        replace(CHOSEN, batch_size=32),
        replace(CHOSEN, width=8),
    ),
    goal="at least 98 % of the test images (mean of 3 seeds)",
)

if __name__ == "__main__":
    main(RECIPE)
