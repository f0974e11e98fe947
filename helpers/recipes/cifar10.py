"""CIFAR-10 to 94 % in seconds, on one GPU.

A plain network of seven convolutions, and what is known to shorten its training: a first layer that
whitens small patches and is never trained; kernels that start by passing their input on; pooling early;
large batches, with images mirrored and moved on the GPU; a rate that climbs and falls in straight lines, 64
times as high for the shifts of batch normalization; smoothed labels; 16-bit numbers. At the end each image
is asked together with its mirror image.

Run it with ``python -m helpers.recipes.cifar10``; ``--help`` says what else it can do. On a CPU it takes
hours; ``Settings(widths=(16, 32, 32))`` on a part of the images shows that it learns.

References
----------
.. [1] D. Page, "How to train your ResNet", 2018-2019, for whitening, early pooling, rates of shifts.
.. [2] K. Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", arXiv:2404.00498, 2024, for the sizes,
   for kernels that pass on their input, and for the settings with which ours begin.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers.formulas.schedules import LinearDecay, Warmup
from helpers.recipes.command import Recipe, main
from helpers.training import History, count_steps, data, fit
from helpers.training.augmentation import Augmentation
from helpers.training.averaging import flip_tta
from helpers.training.batches import Data
from helpers.training.hooks import Augment
from helpers.training.models import Normalize
from helpers.training.runtime import randomness

__all__ = ["RECIPE", "Settings", "network", "train"]

PATCHES = 5000  # images whose 2x2 patches decide the whitening
SHIFT_RATE = 64.0  # multiple of the rate for batch norm's shifts


@dataclass(frozen=True)
class Settings:
    """What can be chosen on the validation split.

    Parameters
    ----------
    widths : tuple of int
        Channels of the three stages.
    epochs, batch_size : int
        Passes over the data, and images a batch.
    peak_lr, warmup, momentum : float
        Highest rate, the part of the training in which it is reached, and torch's momentum.
    weight_decay, label_smoothing : float
        As in torch.
    shift : int
        Pixels by which images are moved at most.
    """

    widths: tuple[int, int, int] = (64, 256, 256)
    epochs: int = 16
    batch_size: int = 1024
    peak_lr: float = 1.5
    warmup: float = 0.23
    momentum: float = 0.85
    weight_decay: float = 1.3e-3
    label_smoothing: float = 0.2
    shift: int = 2


class _Scaled(nn.Module):
    """Multiply by a constant, so that the first logits are small."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """Return the multiple."""
        return self.factor * x


def network(images: Tensor, dataset: data.Dataset, widths: tuple[int, int, int], seed: int) -> nn.Sequential:
    """Return the network; the images decide its first layer.

    Parameters
    ----------
    images : Tensor, shape (N, 3, 32, 32)
        Bytes.
    dataset : Dataset
        Says how they are normalized.
    widths : tuple of int
        Channels of the three stages.
    seed : int
        Of the weights.
    """
    normalize = Normalize(dataset.mean, dataset.std)
    with randomness(seed):
        first = whitening(normalize(images[:PATCHES].cpu()))
        channels = (first.out_channels, *widths)
        stages = [_stage(before, after) for before, after in zip(channels, widths, strict=False)]
        head = [nn.MaxPool2d(3), nn.Flatten(), nn.Linear(widths[-1], 10, bias=False), _Scaled(1 / 9)]
        return nn.Sequential(normalize, first, nn.GELU(), *stages, *head)


def whitening(images: Tensor, eps: float = 5e-4) -> nn.Conv2d:
    """Return a 2x2 convolution with uncorrelated outputs of one size over the patches; it is not trained.

    Its kernels are the eigenvectors of the patches' covariance, each divided by the root of its eigenvalue
    (plus `eps`), and the same with the opposite sign.
    """
    patches = nn.functional.unfold(images, 2).transpose(1, 2).reshape(-1, images.shape[1] * 4)
    values, vectors = torch.linalg.eigh(torch.cov(patches.double().T))
    kernels = (vectors / (values + eps).sqrt()).T.flip(0).float().view(-1, images.shape[1], 2, 2)
    layer = nn.Conv2d(images.shape[1], 2 * len(kernels), 2, bias=False).requires_grad_(False)
    layer.weight.copy_(torch.cat([kernels, -kernels]))
    return layer


def _stage(before: int, after: int) -> nn.Sequential:
    """Two convolutions with pooling after the first; each starts by passing on as many channels as it can."""
    convolutions = [nn.Conv2d(channels, after, 3, padding=1, bias=False) for channels in (before, after)]
    for convolution in convolutions:
        passed = min(convolution.in_channels, after)
        nn.init.dirac_(convolution.weight.data[:passed])
    first, second = convolutions
    norms = [nn.BatchNorm2d(after, momentum=0.4, eps=1e-12) for _ in range(2)]
    for norm in norms:
        norm.weight.requires_grad_(False)  # the next layer's weights can scale as well
    return nn.Sequential(first, nn.MaxPool2d(2), norms[0], nn.GELU(), second, norms[1], nn.GELU())


def train(
    images: Data, dataset: data.Dataset, settings: Settings, seed: int, val: Data | None = None
) -> tuple[nn.Module, History]:
    """Train once, and return the model and its history.

    Parameters
    ----------
    images : (images, labels)
        Bytes of shape (N, 3, 32, 32) and their classes.
    dataset, settings, seed, val
        As for :func:`helpers.recipes.mnist.train`.
    """
    model = network(images[0], dataset, settings.widths, seed)
    length = {"epochs": settings.epochs, "batch_size": settings.batch_size}
    steps = count_steps(images, **length)
    climb = round(settings.warmup * steps)
    fall = LinearDecay(settings.peak_lr, total_steps=steps - climb, end_lr=0.07 * settings.peak_lr)
    how = {
        "loss": nn.CrossEntropyLoss(label_smoothing=settings.label_smoothing),
        "optimizer": _optimizer(model, settings),
        "schedule": Warmup(fall, warmup_steps=climb, start_lr=0.2 * settings.peak_lr),
        "hooks": [Augment(Augmentation(flip=True, shift=settings.shift, reflect=True))],
    }
    history = fit(model, images, val, seed=seed, **how, **length)
    return model, history


def _optimizer(model: nn.Module, settings: Settings) -> torch.optim.SGD:
    """Return Nesterov's momentum; shifts follow a higher rate, with as much decay a step as the rest."""
    trained, decay = [p for p in model.parameters() if p.requires_grad], settings.weight_decay
    kernels, shifts = ([p for p in trained if (p.ndim > 1) == is_kernel] for is_kernel in (True, False))
    scaled = {"params": shifts, "weight_decay": decay / SHIFT_RATE, "lr_scale": SHIFT_RATE}
    groups = [{"params": kernels, "weight_decay": decay}, scaled]
    return torch.optim.SGD(groups, lr=1.0, momentum=settings.momentum, nesterov=True, fused=True)


RECIPE = Recipe(
    name="cifar10",
    load=data.cifar10,
    train=train,
    settings=Settings(),
    candidates=(
        Settings(epochs=10),
        Settings(epochs=12),
        Settings(),
        Settings(peak_lr=1.0),
        Settings(peak_lr=2.0),
    ),
    goal="94 % of the test images, each asked with its mirror image (mean of seeds), in 10 s on one GPU",
    at_test=flip_tta,
)

if __name__ == "__main__":
    main(RECIPE)
