"""What is known of every layer: one row a pair of functions, read by all tests of layers."""

from collections.abc import Callable
from dataclasses import dataclass, field

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
    refused : list of (shapes, options, error)
        What is not fit, and the error about it.
    edges : bool
        Whether inputs must not be close to 0 or to each other, for central differences to be right.
    """

    pair: tuple[Callable, Callable]
    torch: Callable
    cases: list[tuple[tuple, dict]]
    refused: list[tuple[tuple, dict, Exception]] = field(default_factory=list)
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

IMAGE, KERNEL = (1, 1, 4, 4), ((1, 1, 2, 2), (1,))

POOL_REFUSED = [
    (((2, 3, 4),), {"kernel": 2}, ValueError("x must have shape (N, C, H, W), got (2, 3, 4)")),
    (
        ((1, 1, 2, 4),),
        {"kernel": 3},
        ValueError("kernel must fit into the padded image of size (2, 4), got kernel=(3, 3)"),
    ),
    ((IMAGE,), {"kernel": 0}, ValueError("kernel must be positive, got kernel=0")),
    (
        (IMAGE,),
        {"kernel": 2.0},
        TypeError("kernel must be a whole number or a tuple of two, got kernel=2.0 of type float"),
    ),
    ((IMAGE,), {"kernel": 2, "stride": (1, 0)}, ValueError("stride[1] must be positive, got stride[1]=0")),
    ((IMAGE,), {"kernel": 2, "padding": -1}, ValueError("padding must be zero or positive, got padding=-1")),
    (
        (IMAGE,),
        {"kernel": (3, 2), "padding": (1, 2)},
        ValueError("padding must be at most half of the kernel (3, 2), got padding=(1, 2)"),
    ),
]

NORM = (3, 2), (2,), (2,)
START = {"running": running(2)}

NORM_REFUSED = [
    (
        ((6, 2), (2,), (2,)),
        {**START, "train": "no"},
        TypeError("train must be True or False, got train='no' of type str"),
    ),
    (
        ((6, 2), (2,), (2,)),
        {**START, "unbiased": 0},
        TypeError("unbiased must be True or False, got unbiased=0 of type int"),
    ),
    (((3, 2, 4), (2,), (2,)), START, ValueError("x must have shape (N, D) or (N, C, H, W), got (3, 2, 4)")),
    (((3, 2), (3,), (2,)), START, ValueError("weight must have shape (C=2,), got (3,)")),
    (((3, 2), (2,), (2, 1)), START, ValueError("bias must have shape (C=2,), got (2, 1)")),
    (NORM, {"running": running(3)}, ValueError("running[0] must have shape (C=2,), got (3,)")),
    (NORM, {"running": None}, TypeError("running must be a tuple (mean, variance), got None")),
    (
        ((1, 2), (2,), (2,)),
        START,
        ValueError("x must have more than one value a channel in training, got shape (1, 2)"),
    ),
    (NORM, {**START, "momentum": 0.0}, ValueError("momentum must be in (0, 1], got momentum=0.0")),
    (NORM, {**START, "epsilon": 0.0}, ValueError("epsilon must be positive, got epsilon=0.0")),
]

ROWS = {
    "conv2d": Row(
        pair=(layers.conv2d_forward, layers.conv2d_backward),
        torch=F.conv2d,
        cases=CONV,
        refused=[
            (
                ((3, 4, 4), (1, 1, 2, 2), (1,)),
                {},
                ValueError("x must have shape (N, C, H, W), got (3, 4, 4)"),
            ),
            (
                ((1, 3, 4, 4), (1, 1, 2, 2), (1,)),
                {},
                ValueError("weight must have shape (F, C=3, kH, kW), got (1, 1, 2, 2)"),
            ),
            (((1, 3, 4, 4), (2, 3, 2, 2), (1,)), {}, ValueError("bias must have shape (F=2,), got (1,)")),
            (
                (IMAGE, (1, 1, 5, 2), (1,)),
                {},
                ValueError("kernel must fit into the padded image of size (4, 4), got kernel=(5, 2)"),
            ),
            (
                (IMAGE, (1, 1, 7, 2), (1,)),
                {"padding": 1},
                ValueError("kernel must fit into the padded image of size (6, 6), got kernel=(7, 2)"),
            ),
            ((IMAGE, *KERNEL), {"stride": 0}, ValueError("stride must be positive, got stride=0")),
            (
                (IMAGE, *KERNEL),
                {"stride": (1, 2, 3)},
                ValueError("stride must have two entries, (vertical, horizontal), got stride=(1, 2, 3)"),
            ),
            (
                (IMAGE, *KERNEL),
                {"padding": "same"},
                TypeError("padding must be a whole number or a tuple of two, got padding='same' of type str"),
            ),
            (
                (IMAGE, *KERNEL),
                {"stride": [1, 1]},
                TypeError("stride must be a whole number or a tuple of two, got stride=[1, 1] of type list"),
            ),
        ],
    ),
    "max_pool2d": Row(
        pair=(layers.max_pool2d_forward, layers.max_pool2d_backward),
        torch=pool_torch(F.max_pool2d),
        cases=POOL,
        refused=POOL_REFUSED,
        edges=True,
    ),
    "avg_pool2d": Row(
        pair=(layers.avg_pool2d_forward, layers.avg_pool2d_backward),
        torch=pool_torch(F.avg_pool2d),
        cases=POOL,
        refused=POOL_REFUSED,
    ),
    "linear": Row(
        pair=(layers.linear_forward, layers.linear_backward),
        torch=F.linear,
        cases=[(((4, 3), (2, 3), (2,)), {}), (((1, 1), (1, 1), (1,)), {}), (((0, 3), (2, 3), (2,)), {})],
        refused=[
            (((3,), (2, 3), (2,)), {}, ValueError("x must have shape (N, D_in), got (3,)")),
            (((4, 3), (3, 2), (2,)), {}, ValueError("weight must have shape (D_out, D_in=3), got (3, 2)")),
            (((4, 3), (2, 3), (3,)), {}, ValueError("bias must have shape (D_out=2,), got (3,)")),
        ],
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
        refused=NORM_REFUSED,
    ),
    "dropout": Row(
        pair=(layers.dropout_forward, layers.dropout_backward),
        torch=lambda x, rate, mask: x * torch.as_tensor(mask) / (1 - rate),
        cases=[(((3, 4),), {"rate": 0.4, "mask": MASK})],
        refused=[
            (((3, 4),), {"rate": 1.0, "mask": MASK}, ValueError("rate must be in [0, 1), got rate=1.0"))
        ],
    ),
}
