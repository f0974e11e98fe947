"""The training loop against a loop written by hand, in one process on one thread.

Ours follows a schedule and records every loss and rate; the bare one does neither. Goals: at most 1.03
times the bare loop on a small CNN, and at most 60 microseconds a step more on a linear network, where
nothing hides the loop's own time.
"""

from __future__ import annotations

import functools

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks._timing import alternate, table
from helpers.formulas.schedules import CosineDecay
from helpers.training import fit, models

BATCH, ROUNDS = 64, 31


def bare(model, images, labels, optimizer):
    """Train for one epoch as one writes it for a single experiment: no record, a constant rate."""
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    for batch in order.split(BATCH):
        loss = F.cross_entropy(model(images[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def ours(model, images, labels, optimizer):
    """Train for the same epoch with a schedule and a record of every step."""
    settings = {"epochs": 1, "batch_size": BATCH, "schedule": CosineDecay(peak_lr=0.01, total_steps=1000)}
    fit(model, (images, labels), loss=F.cross_entropy, optimizer=optimizer, **settings)


def measure(make, steps):
    """Return microseconds a step of both loops."""
    images, labels = torch.rand(steps * BATCH, 1, 28, 28), torch.randint(10, (steps * BATCH,))
    contestants = {}
    for loop in (bare, ours):
        model = make()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
        contestants[loop.__name__] = functools.partial(loop, model, images, labels, optimizer)
    return {name: seconds / steps * 1e6 for name, seconds in alternate(contestants, ROUNDS).items()}


def main():
    """Print the table."""
    torch.set_num_threads(1)
    nets = {
        "linear, 28x28": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), 200),
        "small CNN, 28x28": (lambda: models.small_cnn(in_shape=(1, 28, 28), norm=True), 20),
    }
    rows = [("network", "bare, us/step", "fit, us/step", "ratio", "more, us/step")]
    for name, (make, steps) in nets.items():
        times = measure(make, steps)
        rows.append((name, *times.values(), times["ours"] / times["bare"], times["ours"] - times["bare"]))
    table(f"fit against a bare loop: batch {BATCH}, SGD with momentum, CPU time, medians of {ROUNDS}", rows)


if __name__ == "__main__":
    main()
