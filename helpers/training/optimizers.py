"""Between the formulas and torch: a schedule as a LambdaLR, an update rule as an optimizer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from helpers.core import checks
from helpers.formulas.rules import Rule

__all__ = ["FromRule", "as_lambda_lr", "decay_weights"]

Piece = tuple[Tensor, Tensor, dict[str, Any]]  # of parameters, of gradients, of the state


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


# Numbers from which on a tensor is updated by itself, and at most in one piece. Below the first, the
# overhead of an operation outweighs its arithmetic; above the second, a result misses the cache and
# takes fresh memory from the system.
SMALL, LARGE = 1 << 13, 1 << 16


class FromRule(Optimizer):
    """Any update rule as a torch optimizer.

    Parameters without a gradient are left alone, and so is their state. Where a rule acts on each
    number by itself, the small parameters of a group are laid end to end and updated as one, and large
    ones in pieces.

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
        self._layouts: dict[int, tuple[tuple, list[_Layout]]] = {}
        super().__init__(params, {"lr": lr})

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "rule": self.rule}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._layouts = {}  # a copy, and a state that was loaded, come with tensors of their own

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        wanted = list(self.rule.init(torch.zeros(1)))
        for state in state_dict["state"].values():
            if set(state) != set(wanted):
                raise ValueError(f"state_dict must hold {wanted} for {self.rule}, got {list(state)}")
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
        for i, group in enumerate(self.param_groups):
            small, others = self._sorted(group["params"])
            for layout in self._laid_out(i, small):
                layout.update(self.rule, group["lr"])
            for param in others:
                self._update_alone(param, group["lr"])
        return loss

    def _sorted(self, params: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Return what is updated together and what alone, of the parameters that have a gradient."""
        small, others = [], []
        for param in params:
            if param.grad is not None:
                together = self.rule.elementwise and param.numel() < SMALL
                (small if together else others).append(param)
        return small, others

    def _state_of(self, param: Tensor) -> dict[str, Any]:
        state = self.state[param]
        if not state:
            state.update(self.rule.init(param))
        return state

    def _laid_out(self, i: int, params: list[Tensor]) -> list[_Layout]:
        """Return the layouts of a group's parameters, made anew where others have gradients than before."""
        key = tuple(map(id, params))
        if i not in self._layouts or self._layouts[i][0] != key:
            kinds = defaultdict(dict)
            for param in params:
                state = self._state_of(param)
                numbers = tuple(item for item in state.items() if not isinstance(item[1], Tensor))
                kinds[param.dtype, param.device, numbers][param] = state
            self._layouts[i] = key, [_Layout(list(kind), list(kind.values())) for kind in kinds.values()]
        return self._layouts[i][1]

    def _update_alone(self, param: Tensor, lr: float) -> None:
        state, grad = self._state_of(param), _dense(param.grad)
        if self.rule.elementwise and param.numel() > LARGE:
            state.update(_update_in_place(self.rule, _pieces(param, grad, state), lr))
        else:
            updated, new_state = self.rule.update(param, grad, state, lr)
            param.copy_(updated)
            state.update(new_state)


class _Layout:
    """Parameters of one type laid end to end in buffers, with their gradients and their state.

    What the optimizer has as the state of a parameter are views of these buffers.
    """

    def __init__(self, params: list[Tensor], states: list[dict[str, Any]]) -> None:
        self.params, self.states = params, states
        all_params, self.param_parts = _buffer(params)
        all_grads, self.grad_parts = _buffer(params)
        common = dict(states[0])
        for name in (name for name, value in states[0].items() if isinstance(value, Tensor)):
            common[name], parts = _buffer(params)
            for state, part in zip(states, parts, strict=True):
                state[name] = part.copy_(state[name])
        self.pieces = list(_pieces(all_params, all_grads, common))

    def update(self, rule: Rule, lr: float) -> None:
        """Update all parameters in place."""
        torch._foreach_copy_(self.param_parts, self.params)
        torch._foreach_copy_(self.grad_parts, [_dense(param.grad) for param in self.params])
        numbers = _update_in_place(rule, self.pieces, lr)
        torch._foreach_copy_(self.params, self.param_parts)
        for state in self.states:
            state.update(numbers)


def _buffer(params: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Return an empty vector with room for all parameters, and its parts in their shapes."""
    sizes = [param.numel() for param in params]
    buffer = params[0].new_empty(sum(sizes))
    return buffer, [part.view_as(param) for part, param in zip(buffer.split(sizes), params, strict=True)]


def _update_in_place(rule: Rule, pieces: Iterable[Piece], lr: float) -> dict[str, Any]:
    """Write an update into parameters and states piece by piece; return the numbers of the new state."""
    for param, grad, state in pieces:
        updated, new_state = rule.update(param, grad, state, lr)
        param.copy_(updated)
        numbers = {}
        for name, value in new_state.items():
            if isinstance(value, Tensor):
                state[name].copy_(value)
            else:
                state[name] = numbers[name] = value
    return numbers


def _pieces(param: Tensor, grad: Tensor, state: dict[str, Any]) -> Iterator[Piece]:
    """Cut a parameter, its gradient and its state along the first axis, so that none is large."""
    rows = max(1, LARGE * len(param) // param.numel())
    cuts = {name: value.split(rows) for name, value in state.items() if isinstance(value, Tensor)}
    for i, (piece, grad_piece) in enumerate(zip(param.split(rows), grad.split(rows), strict=True)):
        yield piece, grad_piece, {**state, **{name: cut[i] for name, cut in cuts.items()}}


def _dense(grad: Tensor) -> Tensor:
    if grad.layout is not torch.strided:
        raise TypeError(f"grad must be dense, got a gradient of layout {grad.layout}")
    return grad
