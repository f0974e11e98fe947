"""The networks and the loss of the published Lipschitz rate, as its authors' scripts have them.

The weights begin as the authors' do: the rule looks at the inputs of the last layer, whose size depends on
how a network begins.

References
----------
.. [1] R. Yedida, S. Saha and T. Prashanth, "LipschitzLR: Using theoretically computed adaptive learning
   rates for fast convergence", Applied Intelligence, 2020; arXiv:1902.07399. Their scripts: repository
   yrahul3910/adaptive-lr-dnn on GitHub, ``MNIST/MNIST.ipynb`` and the folder ``CIFAR10``.
"""

from __future__ import annotations

import itertools
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from helpers.training.runtime import randomness

__all__ = ["clipped_cross_entropy", "mnist_cnn", "resnet"]

EPSILON = 1e-3  # added to variances by Keras's batch normalization


def clipped_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean cross-entropy as the authors' Keras computed it: of probabilities held within limits.

    They stay between 1e-7 and 1 - 1e-7. An image whose true class gets less than 1e-7 has a constant loss, so
    its gradient is zero: it pulls at nothing, however wrong the network is.

    Parameters
    ----------
    logits : Tensor, shape (N, K)
        Finite.
    labels : Tensor of int64, shape (N,)
        True classes.

    References
    ----------
    .. [1] ``categorical_crossentropy`` in ``keras/backend/tensorflow_backend.py`` of Keras 2.2, 2018.

    Examples
    --------
    >>> logits = torch.tensor([[0.0, 50.0]], requires_grad=True)
    >>> loss = clipped_cross_entropy(logits, torch.tensor([0]))
    >>> loss.backward()
    >>> round(loss.item(), 2), logits.grad.abs().max().item()
    (16.12, 0.0)
    """
    return F.nll_loss(logits.softmax(1).clamp(1e-7, 1 - 1e-7).log(), labels)


def mnist_cnn(width: int, seed: int) -> nn.Sequential:
    """Return five convolutions and two linear layers, with batch normalization in front of the last.

    The authors' network has width 32.

    Parameters
    ----------
    width : int
        Channels of the first two convolutions; two more have twice, the last four times as many.
    seed : int
        Of the weights.

    Returns
    -------
    torch.nn.Sequential
        From images of shape (N, 1, 28, 28) to logits of shape (N, 10).
    """
    with randomness(seed):
        first = [*_convolution(1, width, 0), *_convolution(width, width, 0), nn.MaxPool2d(2), nn.Dropout(0.2)]
        second = [*_convolution(width, 2 * width, 1), *_convolution(2 * width, 2 * width, 1), nn.MaxPool2d(2)]
        third = [nn.Dropout(0.25), *_convolution(2 * width, 4 * width, 1), nn.Dropout(0.25), nn.Flatten()]
        head = [nn.Linear(36 * 4 * width, 128), nn.ReLU(), nn.BatchNorm1d(128, EPSILON), nn.Dropout(0.25)]
        return _begun(nn.Sequential(*first, *second, *third, *head, nn.Linear(128, 10)))


def _convolution(before: int, after: int, padding: int) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 3, padding=padding), nn.ReLU()]


def resnet(width: int, seed: int) -> nn.Sequential:
    """Return ResNet-20 for color images; its last layer is linear.

    The authors' network has width 16.

    Parameters
    ----------
    width : int
        Channels of the first of three stages; each further one has twice as many, at half the height.
    seed : int
        Of the weights.

    Returns
    -------
    torch.nn.Sequential
        From images of shape (N, 3, H, W) to logits of shape (N, 10).
    """
    with randomness(seed):
        first = [nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width, EPSILON), nn.ReLU()]
        sizes = [stage * width for stage in (1, 1, 1, 1, 2, 2, 2, 4, 4, 4)]
        blocks = [_Block(before, after) for before, after in itertools.pairwise(sizes)]
        head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * width, 10)]
        return _begun(nn.Sequential(*first, *blocks, *head))


class _Block(nn.Module):
    """Two convolutions beside a way past them."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        stride = 1 if before == after else 2
        convolution = partial(nn.Conv2d, kernel_size=3, padding=1, bias=False)
        first = [convolution(before, after, stride=stride), nn.BatchNorm2d(after, EPSILON), nn.ReLU()]
        self.body = nn.Sequential(*first, convolution(after, after), nn.BatchNorm2d(after, EPSILON))
        self.past = nn.Identity() if stride == 1 else nn.Conv2d(before, after, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the rectified sum."""
        return F.relu(self.body(x) + self.past(x))


def _begun(model: nn.Sequential) -> nn.Sequential:
    """Begin as the authors' layers do: convolutions after He, linear layers after Glorot, biases at zero."""
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
        elif isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
        if isinstance(layer, (nn.Conv2d, nn.Linear)) and layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return model.to(memory_format=torch.channels_last)
