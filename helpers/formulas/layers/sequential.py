"""Layers in a row: the smallest thing that can be trained.

>>> from helpers.formulas.layers import Layer, Linear, Sequential, relu_backward, relu_forward
>>> from helpers.formulas.rules import SGD
>>> generator = np.random.default_rng(0)
>>> net = Sequential([Linear(2, 8, generator), Layer(relu_forward, relu_backward), Linear(8, 1, generator)])
>>> x, target = np.array([[0.0, 1.0], [1.0, 1.0]]), np.array([[1.0], [-1.0]])
>>> for _ in range(200):
...     y = net.forward(x)
...     _ = net.backward(y - target)
...     net.step(SGD(), lr=0.1)
>>> net.forward(x).round(3).ravel()
array([ 1., -1.])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from helpers.core import checks
from helpers.formulas.initializers import he
from helpers.formulas.layers.convolution import conv2d_backward, conv2d_forward
from helpers.formulas.layers.dense import linear_backward, linear_forward
from helpers.formulas.layers.windows import Pair, pair
from helpers.formulas.regularizers import dropout_backward, dropout_forward
from helpers.formulas.rules import Rule

__all__ = ["Conv2d", "Dropout", "Layer", "Linear", "Sequential"]


class Layer:
    """A pair of functions, forward and backward, with the parameters that it learns.

    Parameters
    ----------
    forward : callable
        ``forward(x, *params, **options) -> (y, cache)``.
    backward : callable
        ``backward(dy, cache)`` returns the gradients of `x` and of the parameters, in this order; of `x`
        alone if there are no parameters.
    params : dict of ndarray, optional
        Name to value, in the order of the arguments.
    **options
        Further arguments of `forward`, such as ``kernel=2``.

    Attributes
    ----------
    params : dict
        Name to value.
    grads : dict
        Name to gradient, once :meth:`backward` was called.
    """

    def __init__(
        self,
        forward: Callable,
        backward: Callable,
        params: dict[str, np.ndarray] | None = None,
        **options: Any,
    ) -> None:
        self.params = dict(params or {})
        self.grads: dict[str, np.ndarray] = {}
        self._pair = forward, backward
        self._options = options
        self._cache: Any = None

    def forward(self, x: np.ndarray, train: bool = True) -> np.ndarray:
        """Return the output, and remember what :meth:`backward` needs."""
        y, self._cache = self._pair[0](x, *self.params.values(), **self._options)
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return the gradient of the input, and keep those of the parameters in ``grads``."""
        if self._cache is None:
            raise RuntimeError("forward must be called before backward")
        gradients = self._pair[1](dy, self._cache)
        if not self.params:
            return gradients
        dx, *grads = gradients
        self.grads = dict(zip(self.params, grads, strict=True))
        return dx


class Conv2d(Layer):
    """A convolution; its weights start as He's, its biases at 0.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel : int or (int, int)
    generator : numpy.random.Generator
        Draws the weights.
    stride, padding : int or (int, int)
        See :func:`helpers.formulas.layers.conv2d_forward`.
    dtype : NumPy float type
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: Pair,
        generator: np.random.Generator,
        *,
        stride: Pair = 1,
        padding: Pair = 0,
        dtype: Any = np.float32,
    ) -> None:
        size = (out_channels, in_channels, *pair("kernel", kernel, checks.count))
        params = {"weight": he(size, generator, dtype=dtype), "bias": np.zeros(out_channels, dtype)}
        super().__init__(conv2d_forward, conv2d_backward, params, stride=stride, padding=padding)


class Linear(Layer):
    """A linear layer; its weights start as He's, its biases at 0.

    Parameters
    ----------
    n_in, n_out : int
        Numbers of inputs and outputs.
    generator : numpy.random.Generator
        Draws the weights.
    dtype : NumPy float type
    """

    def __init__(
        self, n_in: int, n_out: int, generator: np.random.Generator, *, dtype: Any = np.float32
    ) -> None:
        params = {"weight": he((n_out, n_in), generator, dtype=dtype), "bias": np.zeros(n_out, dtype)}
        super().__init__(linear_forward, linear_backward, params)


class Dropout(Layer):
    """Dropout: drops units in training, the identity in evaluation.

    Parameters
    ----------
    rate : float
        Probability of dropping a unit, in [0, 1).
    generator : numpy.random.Generator
        Draws the masks.
    """

    @checks.renamed(p="rate")
    def __init__(self, rate: float, generator: np.random.Generator) -> None:
        checks.fraction("rate", rate)
        checks.generator("generator", generator)
        super().__init__(dropout_forward, dropout_backward, rate=rate, generator=generator)

    def forward(self, x: np.ndarray, train: bool = True) -> np.ndarray:
        if train:
            return super().forward(x)
        self._cache = np.ones_like(x)
        return x


class Sequential:
    """Layers in a row: each takes what the one before it gives.

    Parameters
    ----------
    layers : iterable of Layer
        In the order of the forward pass; each object once.
    """

    def __init__(self, layers: Iterable[Layer]) -> None:
        self.layers = list(layers)
        self._states: dict[tuple[int, str], dict] = {}

    def forward(self, x: np.ndarray, train: bool = True) -> np.ndarray:
        """Return the output of the last layer.

        Parameters
        ----------
        x : ndarray of floats, shape (N, ...)
        train : bool
            Whether dropout drops.
        """
        for layer in self.layers:
            x = layer.forward(x, train)
        return x

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return the gradient of the input, from that of the output; each layer keeps its parameters'."""
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy

    def step(self, rule: Rule, lr: float) -> None:
        """Move every parameter by one update of a rule, each by itself.

        Parameters
        ----------
        rule : helpers.formulas.rules.Rule
            The same from step to step, for its state is kept here.
        lr : float
            The learning rate of this step.

        Raises
        ------
        RuntimeError
            If there are no gradients yet.
        ValueError
            If the rule wants its gradient elsewhere than at the parameters.
        """
        checks.require(not rule.looks_ahead, "take its gradient at the parameters", "rule", rule)
        for i, layer in enumerate(self.layers):
            if layer.params.keys() != layer.grads.keys():
                raise RuntimeError("backward must be called before step")
            for name, param in layer.params.items():
                state = self._states.get((i, name)) or rule.init(param)
                updated = rule.update(param, layer.grads[name], state, float(lr))
                layer.params[name], self._states[i, name] = updated
