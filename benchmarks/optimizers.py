"""Our rules as torch optimizers against torch's own, one step on networks of many small tensors.

Goal: at most the time of torch's default (a loop over tensors on a CPU). ``foreach`` and ``fused``
are torch's faster forms; the latter is one compiled kernel, which no rule written in Python reaches.
"""

from __future__ import annotations

import torch
from torch import nn

from benchmarks._timing import alternate, table
from helpers.formulas import rules
from helpers.training import models
from helpers.training.optimizers import FromRule

STEPS, ROUNDS = 100, 21

RULES = {
    "momentum": (
        rules.Momentum(momentum=0.9),
        lambda p, **form: torch.optim.SGD(p, 0.01, momentum=0.9, **form),
    ),
    "Adam": (rules.Adam(), lambda p, **form: torch.optim.Adam(p, 0.01, **form)),
}


def resnet20():
    """Return the shapes of ResNet-20's parameters: 59 tensors, 0.27 million numbers."""
    shapes, before = [(16, 3, 3, 3), (16,), (16,)], 16
    for width in (16, 32, 64):
        for _ in range(3):
            shapes += [(width, before, 3, 3), (width,), (width,), (width, width, 3, 3), (width,), (width,)]
            before = width
    return [*shapes, (10, 64), (10,)]


def small_cnn():
    """Return the shapes of the small CNN's parameters: 10 tensors, 21 thousand numbers."""
    return [param.shape for param in models.small_cnn(in_shape=(1, 28, 28), norm=True).parameters()]


def many_steps(make, shapes):
    """Return a function that makes many steps with gradients that stay."""
    params = [nn.Parameter(torch.randn(shape)) for shape in shapes]
    for param in params:
        param.grad = torch.randn_like(param)
    optimizer = make(params)

    def run():
        for _ in range(STEPS):
            optimizer.step()

    return run


def main():
    """Print the table."""
    torch.set_num_threads(1)
    rows = [("tensors", "rule", "torch, us", "foreach", "fused", "FromRule", "ratio")]
    for shapes in (small_cnn, resnet20):
        for name, (rule, twin) in RULES.items():
            makers = {
                "torch": twin,
                "foreach": lambda params, twin=twin: twin(params, foreach=True),
                "fused": lambda params, twin=twin: twin(params, fused=True),
                "FromRule": lambda params, rule=rule: FromRule(params, rule, lr=0.01),
            }
            contestants = {kind: many_steps(make, shapes()) for kind, make in makers.items()}
            times = {kind: seconds / STEPS * 1e6 for kind, seconds in alternate(contestants, ROUNDS).items()}
            rows.append((shapes.__name__, name, *times.values(), times["FromRule"] / times["torch"]))
    table(f"One step of an optimizer, CPU time on one thread, medians of {ROUNDS}", rows)


if __name__ == "__main__":
    main()
