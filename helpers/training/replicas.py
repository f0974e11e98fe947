"""Many copies of a small network trained at once: several seeds, or several schedules, for the price of few.

A small network on a CPU spends its time on the overhead of each operation, not on arithmetic.
Stacking the copies' parameters and mapping the gradient over the stack (``torch.func.vmap``) pays
the overhead once: 30 copies cost about as much as 8 trained one after the other.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

from helpers.core import checks
from helpers.formulas.rules import SGD, Rule
from helpers.formulas.schedules import Constant, ReduceOnPlateau
from helpers.training import runtime

__all__ = ["Replicas", "fit_replicas"]

Data = tuple[torch.Tensor, torch.Tensor]


@dataclass(eq=False)
class Replicas:
    """R copies of one network, with what was recorded while they trained.

    Parameters
    ----------
    template : torch.nn.Module
        The network without its numbers.
    params : dict
        Parameter name to a tensor of shape (R, ...): one slice a copy.
    rates, losses : ndarray of shape (R, T)
        Learning rate and mini-batch loss of every step.
    watched : dict
        Name of a data set to ``(steps, losses, accuracies)``: the updates made when it was looked at,
        shape (K,), and what was seen, shape (R, K) each.
    """

    template: nn.Module
    params: dict[str, torch.Tensor]
    rates: np.ndarray
    losses: np.ndarray
    watched: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]

    def __len__(self) -> int:
        return len(self.rates)

    def evaluate(
        self, data: Data, loss: Callable, params: dict | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return loss and accuracy of every copy on a data set.

        Parameters
        ----------
        data : (images, labels)
            Tensors of shapes (N, C, H, W) and (N,).
        loss : callable
            ``loss(logits, labels) -> tensor``, the mean over the batch.
        params : dict, optional
            Other parameters for the same network, such as averages; by default the present ones.

        Returns
        -------
        losses, accuracies : ndarray of shape (R,)
        """

        def one(own: dict, images: torch.Tensor, labels: torch.Tensor) -> tuple:
            logits = functional_call(self.template, own, (images,))
            return loss(logits, labels), (logits.argmax(1) == labels).double().mean()

        with torch.no_grad():
            many = vmap(one, in_dims=(0, None, None))
            losses, accuracies = many(self.params if params is None else params, *data)
        return losses.numpy(), accuracies.numpy()

    def model(self, index: int, model: nn.Module) -> nn.Module:
        """Put one copy's parameters into a network of the same form, and return it."""
        model.load_state_dict({name: stack[index] for name, stack in self.params.items()})
        return model


def fit_replicas(
    models: Sequence[nn.Module],
    train: Data,
    *,
    loss: Callable,
    schedules: Sequence[Any],
    seeds: Sequence[int],
    epochs: int,
    batch_size: int,
    replacement: bool = False,
    rule: Rule | None = None,
    watch: dict[str, Data] | None = None,
    watch_every: int = 50,
    hook: Callable | None = None,
) -> Replicas:
    """Train copies of one network side by side, each as :func:`helpers.training.fit` would alone.

    Copy `i` starts from ``models[i]``, follows ``schedules[i]`` and draws its batches from
    ``seeds[i]``. The copies never meet: each one's losses are those of its own run, up to rounding.

    Parameters
    ----------
    models : sequence of torch.nn.Module
        R networks of one form, without buffers (no batch normalization); they are not changed.
    train : (images, labels)
        Tensors of shapes (N, C, H, W) and (N,), the same for all.
    loss : callable
        ``loss(logits, labels) -> tensor``, the mean over the batch.
    schedules : sequence of Schedule or ReduceOnPlateau
        One a copy. A `ReduceOnPlateau` is told its copy's loss on the watched set ``"val"`` at every look.
    seeds : sequence of int
        One a copy, for the order of the images.
    epochs, batch_size : int
        As for one network.
    replacement : bool
        Draw every batch from all images, as theory likes to assume, instead of going through the
        shuffled set once an epoch.
    rule : Rule, optional
        An elementwise update rule; plain gradient descent by default.
    watch : dict, optional
        Name to a data set whose loss and accuracy are recorded every `watch_every` steps and at the end.
    watch_every : int
        Steps between two looks.
    hook : callable, optional
        ``hook(step, params)`` after each update, with the stacked parameters.

    Returns
    -------
    Replicas

    Raises
    ------
    TypeError, ValueError
        If there are not as many schedules and seeds as models, a model has buffers, a plateau has no
        watched set, or `epochs` or `batch_size` is not a positive whole number.
    """
    _check_counts(models, schedules, seeds)
    rule, (images, labels) = rule or SGD(), train
    orders = _orders(len(images), batch_size, epochs, seeds, replacement)
    rates, states = _rates(schedules, len(orders), watch)
    result = Replicas(copy.deepcopy(models[0]).to("meta"), _stacked(models), rates, np.empty_like(rates), {})
    gradients = vmap(grad_and_value(lambda own, x, y: loss(functional_call(result.template, own, (x,)), y)))
    params = result.params
    state = {name: rule.init(stack) for name, stack in params.items()}
    losses, looks = [], {name: [] for name in watch or {}}
    for step, batch in enumerate(orders):
        grads, values = gradients(params, images[batch], labels[batch])
        lrs = torch.tensor(rates[:, step], dtype=images.dtype)
        for name, stack in params.items():
            lr = lrs.view(-1, *[1] * (stack.ndim - 1))
            params[name], state[name] = rule.update(stack, grads[name], state[name], lr)
        losses.append(values)
        if hook is not None:
            hook(step, params)
        if (step + 1) % watch_every == 0 or step + 1 == len(orders):
            for name in looks:
                looks[name].append((step + 1, *result.evaluate(watch[name], loss)))
            for i in states:
                states[i] = schedules[i].observe(states[i], looks["val"][-1][1][i].item())
                rates[i, step + 1 :] = states[i]["lr"]
    result.losses = torch.stack(losses, 1).double().numpy()
    result.watched = {name: _columns(rows) for name, rows in looks.items()}
    return result


def _stacked(models: Sequence[nn.Module]) -> dict[str, torch.Tensor]:
    params, buffers = stack_module_state(list(models))
    if buffers:
        raise ValueError(f"models must have no buffers, got buffers={sorted(buffers)}")
    return {name: stack.detach().clone() for name, stack in params.items()}


def _rates(schedules: Sequence, n_steps: int, watch: dict | None) -> tuple[np.ndarray, dict[int, dict]]:
    """Return the rate of every copy and step, and the states of those whose rates the losses will change."""
    states = {i: method.init() for i, method in enumerate(schedules) if isinstance(method, ReduceOnPlateau)}
    if states and "val" not in (watch or {}):
        raise ValueError(f"watch must have 'val', whose loss decides, got watch={sorted(watch or {})}")
    fixed = [Constant(method.lr) if i in states else method for i, method in enumerate(schedules)]
    return np.stack([schedule.rates(n_steps) for schedule in fixed]), states


def _check_counts(models: Sequence, schedules: Sequence, seeds: Sequence) -> None:
    for name, values in (("schedules", schedules), ("seeds", seeds)):
        if len(values) != len(models):
            raise ValueError(f"{name} must be as many as models, got {len(values)} for {len(models)} models")


def _orders(
    n: int, batch_size: int, epochs: int, seeds: Sequence[int], replacement: bool
) -> list[torch.Tensor]:
    """Return for every step the chosen images of every copy, a tensor of shape (R, B)."""
    checks.count("epochs", epochs)
    checks.count("batch_size", batch_size)
    generators = [runtime.seeded(seed) for seed in seeds]

    def epoch() -> torch.Tensor:
        if replacement:
            return torch.stack([torch.randint(n, (n,), generator=g) for g in generators])
        return torch.stack([torch.randperm(n, generator=g) for g in generators])

    return [batch for _ in range(epochs) for batch in epoch().split(batch_size, dim=1)]


def _columns(rows: list[tuple]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    steps, losses, accuracies = zip(*rows, strict=True)
    return np.array(steps), np.stack(losses, 1), np.stack(accuracies, 1)
