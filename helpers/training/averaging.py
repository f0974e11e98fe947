r"""Averages: of the weights along one training (EMA, SWA), and of the predictions of several networks.

An average of weights is one network, as cheap to ask as any; an ensemble asks every member. The weights of
one path may be averaged, as long as it stays in one valley of the loss; those of separate trainings may not,
for their hidden units do not correspond.

>>> ema, snapshots = EMA(decay=0.99), Snapshots(steps=range(100, 301, 100))
>>> # fit(model, train, hooks=[ema, snapshots], ...)
>>> # evaluate(ema.model, val, loss); evaluate(Ensemble(snapshots.models), val, loss)
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from helpers.core import checks
from helpers.training.run import Run

__all__ = ["EMA", "SWA", "Ensemble", "Flipped", "Snapshots", "flip_tta"]


class _WeightAverage:
    """A hook with torch's average of the weights, which takes the model's when it is time."""

    def __init__(self, start_step: int, every: int) -> None:
        self.start_step, self.every = start_step, every
        self._average: AveragedModel | None = None

    @property
    def model(self) -> nn.Module | None:
        """The network with the averaged weights."""
        return None if self._average is None else self._average.module

    @property
    def count(self) -> int:
        """Takings so far."""
        return 0 if self._average is None else int(self._average.n_averaged)

    def start(self, run: Run) -> None:
        """Copy the model, and forget what another training has shown."""
        average = AveragedModel(run.model, multi_avg_fn=self._move)
        self._average = average.eval().requires_grad_(False)

    def __call__(self, run: Run) -> None:
        since = run.step - self.start_step
        if since >= 0 and since % self.every == 0:
            self._average.update_parameters(run.model)

    def finish(self, run: Run) -> None:
        """Take the last weights, where a training has ended before there was anything to average."""
        if self.count == 0:
            self._average.update_parameters(run.model)

    def _move(self, averages: list[Tensor], weights: list[Tensor], count: Tensor | int) -> None:
        """Move the average of the first `count` takings towards the next one."""
        torch._foreach_lerp_(averages, weights, self._share(int(count)))

    def _share(self, count: int) -> float:
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Return the averaged weights, and of how many they are the average."""
        return _started(self._average).state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with the average of `state`; :meth:`start` must have been called."""
        _started(self._average).load_state_dict(state)


class EMA(_WeightAverage):
    r"""Keep an exponential moving average of the weights: one network, smoother than its path.

    Parameters
    ----------
    decay : float
        Weight of the past, at least 0 and below 1. The average looks back over about ``1 / (1 - decay)``
        takings.
    every : int
        Updates between two takings.

    Attributes
    ----------
    model : torch.nn.Module
        A copy of the model with the averaged weights, in evaluation mode; None before a training.
    count : int
        Takings so far.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range.

    Notes
    -----
    After the n-th taking the average is
    :math:`\sum_{i=1}^n d^{\,n-i}\, w_i \,/\, \sum_{i=1}^n d^{\,n-i}`, kept up to date by moving the share
    :math:`(1 - d) / (1 - d^n)` of the way to :math:`w_n`. That is Adam's correction of its moments; the first
    taking is a copy, and for :math:`d \to 1` all count alike, as with :class:`SWA`. (torch's own
    ``get_ema_multi_avg_fn`` moves the share :math:`1 - d` each time, so that the first taking weighs more.)

    Buffers, as the running statistics of batch normalization, are not averaged but copied from the model:
    they belong to its latest weights, which with a short memory are close enough. Otherwise
    ``torch.optim.swa_utils.update_bn(images.split(500), ema.model)`` computes the average's own.

    ``model.load_state_dict(ema.model.state_dict())`` puts the average in the model's place.

    References
    ----------
    .. [1] B. T. Polyak, A. B. Juditsky, "Acceleration of Stochastic Approximation by Averaging", SIAM Journal
       on Control and Optimization, 1992.

    Examples
    --------
    >>> EMA(decay=0.999)
    EMA(decay=0.999, every=1)
    """

    def __init__(self, decay: float, every: int = 1) -> None:
        checks.fraction("decay", decay)
        checks.count("every", every)
        super().__init__(start_step=every, every=every)
        self.decay = decay

    def __repr__(self) -> str:
        return f"EMA(decay={self.decay}, every={self.every})"

    def _share(self, count: int) -> float:
        return (1 - self.decay) / (1 - self.decay ** (count + 1))


class SWA(_WeightAverage):
    r"""Keep the mean of the weights from some step on: stochastic weight averaging.

    The rate should stay high enough from there on for the weights to move about in their valley.

    Parameters
    ----------
    start_step : int
        Updates made when the first weights are taken, positive and at most those of the training. A training
        that is stopped before leaves its last weights.
    every : int
        Updates between two takings; an epoch's, as a rule.

    Attributes
    ----------
    model : torch.nn.Module
        A copy of the model with the mean weights, in evaluation mode; None before a training. If it has
        batch normalization, call ``torch.optim.swa_utils.update_bn(images.split(500), swa.model)`` before
        asking it: its running statistics are those of the model's last taking, and the mean of many weights
        has others.
    count : int
        Takings so far.

    Raises
    ------
    TypeError, ValueError
        If an argument is not positive; when the training starts, if it ends before `start_step`.

    References
    ----------
    .. [1] P. Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", UAI 2018.

    Examples
    --------
    >>> SWA(start_step=750, every=50)
    SWA(start_step=750, every=50)
    """

    def __init__(self, start_step: int, every: int = 1) -> None:
        checks.count("start_step", start_step)
        checks.count("every", every)
        super().__init__(start_step, every)

    def __repr__(self) -> str:
        return f"SWA(start_step={self.start_step}, every={self.every})"

    def start(self, run: Run) -> None:
        words = f"be at most the {run.total_steps} updates of this training"
        checks.require(self.start_step <= run.total_steps, words, "start_step", self.start_step)
        super().start(run)

    def _share(self, count: int) -> float:
        return 1 / (count + 1)


class Snapshots:
    """Keep copies of the model as it was after chosen updates, as members of an :class:`Ensemble`.

    Parameters
    ----------
    steps : iterable of int
        Updates made when a copy is taken, increasing. The ends of the cycles of
        ``CosineRestarts(period=P)`` are ``range(P, total_steps + 1, P)``.

    Attributes
    ----------
    models : list of torch.nn.Module
        The copies so far, in evaluation mode.

    Raises
    ------
    TypeError, ValueError
        If `steps` is empty or not increasing; when the training starts, if it ends before the last of them.

    References
    ----------
    .. [1] G. Huang et al., "Snapshot Ensembles: Train 1, Get M for Free", ICLR 2017.

    Examples
    --------
    >>> Snapshots(steps=range(100, 301, 100))
    Snapshots(steps=(100, 200, 300))
    """

    def __init__(self, steps: Iterable[int]) -> None:
        self.steps = tuple(steps)
        checks.increasing("steps", self.steps)
        self.models: list[nn.Module] = []
        self._template: nn.Module | None = None

    def __repr__(self) -> str:
        return f"Snapshots(steps={self.steps})"

    def start(self, run: Run) -> None:
        """Forget the copies of another training."""
        words = f"end within the {run.total_steps} updates of this training"
        checks.require(self.steps[-1] <= run.total_steps, words, "steps", self.steps)
        self.models, self._template = [], run.model

    def __call__(self, run: Run) -> None:
        if run.step in self.steps:
            self.models.append(_frozen(run.model))

    def state_dict(self) -> dict[str, Any]:
        """Return the weights of the copies."""
        return {"models": [model.state_dict() for model in self.models]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Make copies with the weights of `state`; :meth:`start` must have been called."""
        template = _started(self._template)
        self.models = [_frozen(template) for _ in state["models"]]
        for model, weights in zip(self.models, state["models"], strict=True):
            model.load_state_dict(weights)


class Ensemble(nn.Module):
    r"""Several networks as one, whose probabilities are the mean of theirs.

    Its output is the logarithms of the probabilities, which may stand wherever logits do: in a softmax, in
    ``F.cross_entropy``, in :func:`helpers.training.evaluate`.

    Parameters
    ----------
    models : iterable of torch.nn.Module
        At least one; each gives logits of shape (N, K) for the same classes, on the same device. Trainings
        from different seeds, the copies of :class:`Snapshots`, networks of different forms.

    Raises
    ------
    TypeError, ValueError
        If there is no model, or something else among them.

    Notes
    -----
    As :math:`-\log` is convex, :math:`-\log \frac{1}{M} \sum_m p_m \le \frac{1}{M} \sum_m -\log p_m` for
    every image (Jensen): the ensemble's cross-entropy is at most the mean of the members'. It may be above
    the best member's, and the accuracy has no such bound: it rises as a rule, but need not.

    References
    ----------
    .. [1] B. Lakshminarayanan, A. Pritzel, C. Blundell, "Simple and Scalable Predictive Uncertainty
       Estimation using Deep Ensembles", NeurIPS 2017.

    Examples
    --------
    >>> network = nn.Flatten()  # its logits are the pixels
    >>> Ensemble([network, Flipped(network)])(torch.tensor([[[[0.0, 10.0]]]])).exp()
    tensor([[0.5000, 0.5000]])
    """

    def __init__(self, models: Iterable[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(models)
        checks.require(len(self.members) > 0, "hold at least one model", "models", [])

    def forward(self, images: Tensor) -> Tensor:
        """Return the logarithms of the mean probabilities, of shape (N, K)."""
        logs = torch.stack([member(images).log_softmax(1) for member in self.members])
        return logs.logsumexp(0) - math.log(len(self.members))


class Flipped(nn.Module):
    """A network that sees every image in a mirror, its left side on the right.

    Parameters
    ----------
    model : torch.nn.Module
        The network, which is shared and not copied.

    Examples
    --------
    >>> Flipped(nn.Identity())(torch.tensor([[[[1.0, 2.0]]]]))
    tensor([[[[2., 1.]]]])
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        """Return the network's output for mirrored images of shape (N, C, H, W)."""
        return self.model(images.flip(-1))


def flip_tta(model: nn.Module) -> Ensemble:
    """Return a network asked twice: the mean of its probabilities for an image and for its mirror image.

    Test-time augmentation doubles the cost of a prediction. It suits networks that were trained on mirrored
    images of things that have no handedness; digits and letters are not such things.

    >>> model = flip_tta(nn.Flatten())
    >>> image = torch.rand(1, 1, 1, 2)
    >>> torch.equal(model(image), model(image.flip(-1)))
    True
    """
    return Ensemble((model, Flipped(model)))


def _frozen(model: nn.Module) -> nn.Module:
    """Return a copy to ask, not to train."""
    return copy.deepcopy(model).eval().requires_grad_(False)


def _started(model: nn.Module | None) -> nn.Module:
    if model is None:
        raise ValueError("model must be known, got model=None: a hook has a state once a training started it")
    return model
