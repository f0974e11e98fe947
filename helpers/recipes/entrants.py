"""Who takes part in the race around the published Lipschitz rate: rules for the rate, and optimizers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import Tensor, optim

from helpers.core import checks
from helpers.formulas import schedules
from helpers.training.last_layer import LastLayerRate

__all__ = ["CLIPPING", "ENTRANTS", "OPTIMIZERS", "Entrant", "Settings"]

#: Schedules of those entrants that do not look at the network, by the rate and the number of steps.
SCHEDULES = {
    "constant": lambda lr, total_steps: schedules.Constant(lr),
    "cosine": schedules.CosineDecay,
    "baseline": lambda lr, total_steps: schedules.InverseTimeDecay(lr, decay_rate=1e-3),
}

#: How each optimizer is made; "momentum" is the average of gradients, as published.
OPTIMIZERS = {
    "SGD": optim.SGD,
    "momentum": partial(optim.SGD, momentum=0.9, dampening=0.9),
    "RMSprop": partial(optim.RMSprop, alpha=0.9, eps=1e-7),
    "Adam": partial(optim.Adam, eps=1e-7),
}


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
    told_l2 : float
        What the published formula is told instead: the authors' scripts have two numbers.
    """

    images: int | None
    epochs: int
    batch_size: int
    width: int
    shrink: int = 1
    l2: float = 0.0
    told_l2: float = 0.0


@dataclass(frozen=True)
class Entrant:
    """A rule for the rate, and the optimizer that takes it.

    Parameters
    ----------
    rule : str
        ``"published"``; ``"clipped"``, the same with
        :func:`helpers.recipes.networks.clipped_cross_entropy`; ``"smoothness"``, ``"constant"``,
        ``"cosine"`` or ``"baseline"``.
    optimizer : str
        One of the four.
    scales : tuple of float
        Multiples of what the rule says, or rates where it says nothing: among these it may choose.
    """

    rule: str
    optimizer: str
    scales: tuple[float, ...]

    def rate(
        self, scale: float, images: Tensor, batch_size: int, total_steps: int, l2: float
    ) -> tuple[Callable[[int], float], list]:
        """Return the schedule, and the hooks that it needs.

        Parameters
        ----------
        scale : float
            The multiple, or the rate.
        images : Tensor
            The training images.
        batch_size, total_steps : int
            Of the training.
        l2 : float
            Factor of half the sum of squared weights, as the rule is told.
        """
        checks.one_of("published", "clipped", "smoothness", *SCHEDULES)("rule", self.rule)
        if self.rule in SCHEDULES:
            return SCHEDULES[self.rule](scale, total_steps), []
        rule = "smoothness" if self.rule == "smoothness" else self.optimizer
        own = LastLayerRate(rule, images, batch_size, scale=scale, l2=l2)
        return own.rate, [own]


RATES = (0.01, 0.05, 0.2, 1.0)
ADAPTIVE_RATES = (3e-4, 1e-3, 3e-3, 1e-2)

#: Those that race on MNIST and CIFAR-10.
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
    *(Entrant("clipped", optimizer, (1,)) for optimizer in OPTIMIZERS),
)
#: Those that show what the clipped loss does.
CLIPPING = tuple(Entrant(rule, "SGD", (1,)) for rule in ("published", "clipped"))
