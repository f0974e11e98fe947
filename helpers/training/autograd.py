"""Let a gradient derived by hand train a torch network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from helpers.core import checks

__all__ = ["as_autograd"]


class _HandDerived(torch.autograd.Function):
    """A node of torch's graph whose backward pass is the gradient that the loss returned."""

    @staticmethod
    def forward(ctx: Any, pred: torch.Tensor, target: torch.Tensor, loss: Callable) -> torch.Tensor:
        value, grad = loss(pred, target)
        checks.shape("value", value, "")
        checks.shape("grad", grad, " ".join(map(str, pred.shape)))
        ctx.save_for_backward(grad)
        return value

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        if torch.is_grad_enabled():  # the second derivative would be 0 without a word
            raise ValueError("create_graph must be False: a gradient derived by hand has no graph")
        (grad,) = ctx.saved_tensors
        return upstream * grad, None, None


def as_autograd(loss: Callable, **options: Any) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Return the loss as torch wants it: a tensor whose ``backward()`` is the hand-derived gradient.

    torch differentiates the network, the loss differentiates itself. Second derivatives are refused.

    Parameters
    ----------
    loss : callable
        ``loss(pred, target) -> (value, grad)`` on tensors, such as those of :mod:`helpers.formulas.losses`.
    **options
        Further keyword arguments of the loss, such as ``label_smoothing``.

    Returns
    -------
    callable
        ``(pred, target) -> value``, a 0-d tensor.

    Raises
    ------
    TypeError
        When called: if it is given or returns something else than tensors.
    ValueError
        When called: if the loss's value is not 0-d, if its gradient has not the shape of `pred`, or if
        `target` requires a gradient, of which the loss knows nothing. In the backward pass: if it is
        asked for a graph of itself (``create_graph=True``).

    Examples
    --------
    >>> from helpers.formulas import losses
    >>> pred = torch.tensor([1.0, 4.0], requires_grad=True)
    >>> as_autograd(losses.SquaredError())(pred, torch.zeros(2)).backward()
    >>> pred.grad
    tensor([1., 4.])
    """

    def value(pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        for name, array in (("pred", pred), ("target", target)):
            if not isinstance(array, torch.Tensor):
                raise TypeError(f"{name} must be a tensor, got {name} of type {type(array).__name__}")
        if target.requires_grad:
            raise ValueError("target must not require a gradient, got target.requires_grad=True")
        return _HandDerived.apply(pred, target, lambda *arrays: loss(*arrays, **options))

    return value
