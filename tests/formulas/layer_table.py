"""What is known of every layer: one row a pair of functions, read by all tests of layers."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from helpers.formulas import layers


@dataclass(frozen=True)
class Row:
    """What is known of a layer.

    Parameters
    ----------
    pair : (callable, callable)
        Forward and backward.
    torch : callable
        The same of tensors: inputs, then options.
    cases : list of (shapes, options)
        Shapes of the inputs, all of which have a gradient, and the options.
    edges : bool
        Whether inputs must not be close to 0 or to each other, for central differences to be right.
    """

    pair: tuple[Callable, Callable]
    torch: Callable
    cases: list[tuple[tuple, dict]]
    edges: bool = False


def forward(name, arrays, options):
    """Return the output and the cache; batch norm also returns its running statistics."""
    return ROWS[name].pair[0](*arrays, **options)[:2]


def backward(name, dy, cache):
    """Return the gradients as a list."""
    found = ROWS[name].pair[1](dy, cache)
    return list(found) if isinstance(found, tuple) else [found]


# The same in torch


def batch_norm_torch(x, weight, bias, running, train=True, momentum=0.1, epsilon=1e-5, unbiased=True):
    mean, variance = (torch.as_tensor(array.copy()) for array in running)
    return F.batch_norm(x, mean, variance, weight, bias, train, momentum, epsilon)


def pool_torch(function):
    return lambda x, kernel, stride=None, padding=0: function(x, kernel, stride, padding)


def running(n):
    rng = np.random.default_rng(n)
    return rng.standard_normal(n), rng.uniform(0.5, 2.0, n)


MASK = np.random.default_rng(0).random((3, 4)) > 0.4

CONV = [
    (((2, 1, 4, 4), (1, 1, 2, 2), (1,)), {}),
    (((2, 3, 6, 5), (4, 3, 3, 3), (4,)), {"padding": 1}),
    (((1, 2, 7, 9), (3, 2, 3, 2), (3,)), {"stride": 2, "padding": (1, 0)}),
    (((2, 2, 8, 8), (3, 2, 3, 3), (3,)), {"stride": (2, 3)}),  # neither the last row nor column fits
    (((2, 2, 5, 5), (3, 2, 1, 1), (3,)), {"stride": 2}),  # pixels that no window sees
    (((1, 1, 3, 3), (2, 1, 2, 2), (2,)), {"padding": 3}),  # windows of nothing but border
    (((2, 3, 4, 6), (2, 3, 4, 6), (2,)), {}),  # the kernel is as large as the image
    (((1, 2, 1, 1), (2, 2, 3, 3), (2,)), {"padding": 1}),
]

POOL = [
    (((2, 3, 4, 4),), {"kernel": 2}),
    (((2, 3, 5, 7),), {"kernel": 2}),
    (((2, 2, 6, 7),), {"kernel": (3, 2), "stride": (2, 3)}),
    (((1, 2, 7, 7),), {"kernel": 3, "stride": 2, "padding": 1}),  # windows that overlap
    (((1, 1, 5, 4),), {"kernel": 1, "stride": 2}),
    (((1, 1, 3, 3),), {"kernel": (2, 3), "stride": 3, "padding": (1, 0)}),
]

ANY = [(((5,),), {}), (((2, 3, 4, 4),), {}), (((0, 3),), {})]


START = {"running": running(2)}


ROWS = {
    "conv2d": Row(
        pair=(layers.conv2d_forward, layers.conv2d_backward),
        torch=F.conv2d,
        cases=CONV,
    ),
    "max_pool2d": Row(
        pair=(layers.max_pool2d_forward, layers.max_pool2d_backward),
        torch=pool_torch(F.max_pool2d),
        cases=POOL,
        edges=True,
    ),
    "avg_pool2d": Row(
        pair=(layers.avg_pool2d_forward, layers.avg_pool2d_backward),
        torch=pool_torch(F.avg_pool2d),
        cases=POOL,
    ),
    "linear": Row(
        pair=(layers.linear_forward, layers.linear_backward),
        torch=F.linear,
        cases=[(((4, 3), (2, 3), (2,)), {}), (((1, 1), (1, 1), (1,)), {}), (((0, 3), (2, 3), (2,)), {})],
    ),
    "flatten": Row(
        pair=(layers.flatten_forward, layers.flatten_backward),
        torch=lambda x: x.flatten(1),
        cases=[(((2, 3, 4, 5),), {}), (((2, 3),), {})],
    ),
    "relu": Row(
        pair=(layers.relu_forward, layers.relu_backward),
        torch=torch.relu,
        cases=ANY,
        edges=True,
    ),
    "batch_norm": Row(
        pair=(layers.batch_norm_forward, layers.batch_norm_backward),
        torch=batch_norm_torch,
        cases=[
            (((6, 2), (2,), (2,)), START),
            (((3, 2, 4, 5), (2,), (2,)), {**START, "epsilon": 1e-3}),
            (((2, 1, 1, 1), (1,), (1,)), {"running": running(1), "epsilon": 0.1}),
            (((3, 2, 4, 5), (2,), (2,)), {**START, "train": False}),
            (((1, 3), (3,), (3,)), {"running": running(3), "train": False}),
        ],
    ),
    "dropout": Row(
        pair=(layers.dropout_forward, layers.dropout_backward),
        torch=lambda x, rate, mask: x * torch.as_tensor(mask) / (1 - rate),
        cases=[(((3, 4),), {"rate": 0.4, "mask": MASK})],
    ),
}
