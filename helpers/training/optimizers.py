"""Between the formulas and torch: a schedule as a LambdaLR, an update rule as an optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from helpers.core import checks
from helpers.formulas.rules import Rule

__all__ = ["FromRule", "as_lambda_lr", "decay_weights"]


def as_lambda_lr(optimizer: Optimizer, schedule: Callable[[int], float]) -> LambdaLR:
    """Return torch's scheduler that makes an optimizer follow a schedule, for other people's loops.

    LambdaLR multiplies the rate that a parameter group was made with; that rate is divided out, so
    that every group follows the schedule itself, times its ``lr_scale`` where it has one. Call
    ``scheduler.step()`` after each update. In a checkpoint, save and load the state of both.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        Made with any rate above 0.
    schedule : callable
        ``schedule(step) -> lr``, where `step` counts the updates made so far.

    Returns
    -------
    torch.optim.lr_scheduler.LambdaLR

    Raises
    ------
    ValueError
        If a group's own rate is not positive.

    Examples
    --------
    >>> from helpers.formulas.schedules import StepDecay
    >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    >>> scheduler = as_lambda_lr(optimizer, StepDecay(peak_lr=0.5, step_size=30, gamma=0.1))
    >>> scheduler.get_last_lr()
    [0.5]
    """
    for i, group in enumerate(optimizer.param_groups):
        checks.positive(f"param_groups[{i}]['lr']", float(group.setdefault("initial_lr", group["lr"])))

    # Plain functions: LambdaLR overwrites the fields of any other callable when its state is loaded.
    # They ask the optimizer for the group each time, as loading its state replaces the groups.
    def factor(i: int) -> Callable[[int], float]:
        def multiple(step: int) -> float:
            group = optimizer.param_groups[i]
            return schedule(step) * group.get("lr_scale", 1.0) / float(group["initial_lr"])

        return multiple

    return LambdaLR(optimizer, [factor(i) for i in range(len(optimizer.param_groups))])


def decay_weights(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Return the parameter groups of an optimizer that decays what multiplies, and not what is added.

    Kernels and matrices are decayed; biases and the scales and shifts of normalizations, which have one
    axis, are not.

    Parameters
    ----------
    model : torch.nn.Module
        Whose parameters are to be trained.
    weight_decay : float
        Zero or above, in the sense of the optimizer that gets the groups.

    Returns
    -------
    list of dict
        A group with decay and one without; an empty one is left out.

    Raises
    ------
    ValueError
        If `weight_decay` is negative.

    Examples
    --------
    >>> optimizer = torch.optim.SGD(decay_weights(nn.Linear(3, 2), weight_decay=5e-4), lr=0.1)
    >>> [(len(group["params"]), group["weight_decay"]) for group in optimizer.param_groups]
    [(1, 0.0005), (1, 0.0)]
    """
    checks.non_negative("weight_decay", weight_decay)
    params = [param for param in model.parameters() if param.requires_grad]
    groups = (([p for p in params if p.ndim > 1], weight_decay), ([p for p in params if p.ndim < 2], 0.0))
    return [{"params": own, "weight_decay": decay} for own, decay in groups if own]


class FromRule(Optimizer):
    """Any update rule as a torch optimizer.

    Parameters without a gradient are left alone, and so is their state.

    Parameters
    ----------
    params : iterable of Tensor or of dict
        As for any torch optimizer; groups may have their own ``lr``.
    rule : Rule
        How a gradient becomes a step. It is not part of ``state_dict()``.
    lr : float
        Learning rate, zero or above, until a loop or a scheduler sets another.

    Raises
    ------
    TypeError
        If `rule` is not a Rule, or (in ``step``) a gradient is sparse.
    ValueError
        If `lr` is negative, if the rule wants gradients elsewhere than at the parameters, or (in
        ``load_state_dict``) if the state is another rule's.

    Examples
    --------
    >>> from helpers.formulas import rules
    >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
    >>> optimizer = FromRule([weight], rules.Momentum(momentum=0.9), lr=0.1)
    >>> (weight**2).sum().backward()
    >>> optimizer.step()
    >>> weight.item()
    0.8
    """

    def __init__(self, params: Iterable, rule: Rule, lr: float) -> None:
        if not isinstance(rule, Rule):
            raise TypeError(f"rule must be a Rule, got rule={rule!r}")
        if rule.looks_ahead:
            raise ValueError(f"rule must take its gradient at the parameters, got rule={rule!r}")
        checks.non_negative("lr", lr)
        self.rule = rule
        super().__init__(params, {"lr": lr})

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "rule": self.rule}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        keys = list(self.rule.init(torch.zeros(1)))
        for state in state_dict["state"].values():
            if set(state) != set(keys):
                raise ValueError(f"state_dict must hold {keys} for {self.rule}, got {list(state)}")
        super().load_state_dict(state_dict)

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """Update every parameter that has a gradient.

        Parameters
        ----------
        closure : callable, optional
            Computes the gradients anew and returns the loss.

        Returns
        -------
        Tensor or None
            What `closure` returned.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is not None:
                    self._update(param, group["lr"])
        return loss

    def _update(self, param: Tensor, lr: float) -> None:
        if param.grad.layout is not torch.strided:
            raise TypeError(f"grad must be dense, got a gradient of layout {param.grad.layout}")
        state = self.state[param]
        if not state:
            state.update(self.rule.init(param))
        updated, new_state = self.rule.update(param, param.grad, state, lr)
        param.copy_(updated)
        state.update(new_state)
