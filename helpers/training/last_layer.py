"""A learning rate from the inputs of a network's last layer, computed anew in every epoch.

>>> import torch
>>> from torch import nn, optim
>>> from helpers.training import fit
>>> images, labels = torch.rand(64, 1, 2, 2), torch.arange(64) % 2
>>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
>>> own = LastLayerRate("smoothness", images, batch_size=32)
>>> history = fit(model, (images, labels), loss=nn.functional.cross_entropy, schedule=own.rate, hooks=[own],
...               optimizer=optim.SGD(model.parameters(), lr=1.0), epochs=2, batch_size=32)
>>> len(own.rates), 0.5 < own.rates[0] < 2
(2, True)
"""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor, nn

from helpers.core import checks
from helpers.formulas import lipschitz
from helpers.training.loop import evaluating
from helpers.training.run import Run

__all__ = ["LastLayerRate"]

RULES = ("smoothness", "SGD", "momentum", "RMSprop", "Adam")


class LastLayerRate:
    """What ``helpers.formulas.lipschitz`` says of the training set: a schedule, and the hook that feeds it.

    Before every epoch all training images go, in batches, through the network in evaluation mode, as far as
    the last layer; the largest number over the batches counts. Where the features are all zero the rate is
    infinite, where they are not finite it is NaN: the training then ends as diverged.

    Parameters
    ----------
    rule : str
        ``"smoothness"`` for 1 over the smoothness; ``"SGD"``, ``"momentum"``, ``"RMSprop"`` or ``"Adam"``
        for the published rate with this optimizer.
    images : Tensor
        The training images.
    batch_size : int
        Of the training, which the formulas contain; at most the number of images.
    scale : float
        Multiple of the rule's rate, positive.
    l2 : float
        Factor of half the sum of squared weights, zero or above.

    Attributes
    ----------
    rates : list of float
        One for every epoch begun.

    Raises
    ------
    TypeError, ValueError
        If an argument is not fit; when the training starts, if the model is no ``nn.Sequential`` with a
        linear layer at its end.

    Notes
    -----
    The published averages begin at 1 (bounds) and 1e-6 (squares), the numbers that the authors set for Adam.
    """

    def __init__(
        self, rule: str, images: Tensor, batch_size: int, *, scale: float = 1.0, l2: float = 0.0
    ) -> None:
        checks.one_of(*RULES)("rule", rule)
        checks.count("batch_size", batch_size)
        checks.require(batch_size <= len(images), f"be at most {len(images)}", "batch_size", batch_size)
        checks.positive("scale", scale)
        checks.non_negative("l2", l2)
        self.rule, self.scale, self.l2 = rule, scale, l2
        self.batches = [batch for batch in images.split(batch_size) if len(batch) == batch_size]
        self.rates: list[float] = []

    def start(self, run: Run) -> None:
        """Begin with what the untrained network says."""
        last = run.model[-1] if isinstance(run.model, nn.Sequential) else run.model
        if not isinstance(run.model, nn.Sequential) or not isinstance(last, nn.Linear):
            raise TypeError(f"model must be an nn.Sequential that ends in an nn.Linear, got {last}")
        self.rates, self.averages = [], {"momentum": 1.0, "RMSprop": 1e-6, "Adam": (1.0, 1e-6)}
        self._look(run.model)

    def __call__(self, run: Run) -> None:
        if run.ends_epoch and run.step < run.total_steps:
            self._look(run.model)

    def rate(self, step: int) -> float:
        """Return the rate of the present epoch, whatever the step."""
        return self.rates[-1]

    def _look(self, model: nn.Sequential) -> None:
        place = next(model.parameters()).device
        with evaluating(model[:-1]) as trunk:
            features = [trunk(batch.to(place)).double().cpu().numpy() for batch in self.batches]
        finite = all(np.isfinite(batch).all() for batch in features)
        self.rates.append(self.scale * self._rate(features, model) if finite else math.nan)

    def _rate(self, features: list[np.ndarray], model: nn.Sequential) -> float:
        if self.rule == "smoothness":
            ones = np.ones((len(features[0]), 1))  # for the bias
            return 1 / max(lipschitz.softmax_smoothness(np.hstack([a, ones]), self.l2) for a in features)
        norm = max(param.detach().norm().item() for param in model.parameters())
        arguments = model[-1].out_features, self.l2, norm
        bound = max(lipschitz.published_softmax(a, *arguments) for a in features)
        square = max(lipschitz.published_softmax_square(a, *arguments) for a in features)
        square = max(square, np.finfo(float).tiny)  # of dead features it is 0, and L2 keeps the bound above 0
        return self._published(bound, square) if bound > 0 else math.inf

    def _published(self, bound: float, square: float) -> float:
        rules = {
            "SGD": lambda _: (1 / bound, None),
            "momentum": lambda average: lipschitz.published_momentum(average, bound),
            "RMSprop": lambda average: lipschitz.published_rmsprop(average, bound, square),
            "Adam": lambda averages: lipschitz.published_adam(averages, bound, square),
        }
        rate, self.averages[self.rule] = rules[self.rule](self.averages.get(self.rule))
        return rate
