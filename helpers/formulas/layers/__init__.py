"""Layers in NumPy: for each a function forward and a function backward, images as (N, C, H, W).

``x_forward(x, ...)`` returns the output and a cache, ``x_backward(dy, cache)`` the gradients in the order
of the inputs. Nothing that is given is changed, float32 stays float32 and float64 stays float64. What the
cache holds is the layer's own business, save that the arrays in it must not be changed in between.
:class:`Sequential` puts layers in a row and trains them. Lesson 1 derives most of them.

>>> import numpy as np
>>> from helpers.formulas import layers
>>> y, cache = layers.relu_forward(np.array([-1.0, 2.0]))
>>> y, layers.relu_backward(np.array([10.0, 10.0]), cache)
(array([0., 2.]), array([ 0., 10.]))
"""

from helpers.formulas.layers.activations import relu_backward, relu_forward
from helpers.formulas.layers.convolution import conv2d_backward, conv2d_forward
from helpers.formulas.layers.dense import flatten_backward, flatten_forward, linear_backward, linear_forward
from helpers.formulas.layers.normalization import batch_norm_backward, batch_norm_forward
from helpers.formulas.layers.pooling import (
    avg_pool2d_backward,
    avg_pool2d_forward,
    max_pool2d_backward,
    max_pool2d_forward,
)
from helpers.formulas.layers.sequential import Conv2d, Dropout, Layer, Linear, Sequential
from helpers.formulas.regularizers import dropout_backward, dropout_forward

__all__ = [
    "Conv2d",
    "Dropout",
    "Layer",
    "Linear",
    "Sequential",
    "avg_pool2d_backward",
    "avg_pool2d_forward",
    "batch_norm_backward",
    "batch_norm_forward",
    "conv2d_backward",
    "conv2d_forward",
    "dropout_backward",
    "dropout_forward",
    "flatten_backward",
    "flatten_forward",
    "linear_backward",
    "linear_forward",
    "max_pool2d_backward",
    "max_pool2d_forward",
    "relu_backward",
    "relu_forward",
]
