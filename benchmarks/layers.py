"""Our NumPy layers against torch's on one CPU thread, forward and backward, in single precision.

Goals: a convolution at most 2 times torch on each of seven shapes and 1.5 times in geometric mean, max
pooling 1.2 times, batch normalization 1.0 times, one step of a small network 1.5 times.

Everything is measured twice. A C library that gives freed memory back to the system makes every large
array cost a visit to the kernel, on both sides, and on the small shapes that is most of torch's time. So
the second run keeps freed memory in the process; it is the stricter one.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
from contextlib import nullcontext

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks._timing import alternate, table
from helpers.formulas import layers, losses, rules

N, ROUNDS = 64, 15

#: Channels in and out, kernel, and height and width of the images; the padding keeps the size.
CONVOLUTIONS = (
    (1, 16, 3, 28),
    (3, 16, 3, 32),
    (3, 32, 5, 32),
    (16, 32, 3, 28),
    (16, 32, 5, 32),
    (32, 32, 3, 32),
    (32, 64, 3, 14),
)

#: Channels, and height and width of the images.
IMAGES = ((16, 28), (32, 32))

#: What makes glibc keep freed memory.
KEEP = {"MALLOC_MMAP_THRESHOLD_": str(2**32), "MALLOC_TRIM_THRESHOLD_": str(2**33)}


def single_thread():
    """Return a context in which NumPy's BLAS has one thread."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:  # then OPENBLAS_NUM_THREADS=1 in the environment does it
        return nullcontext()
    return threadpool_limits(1)


def duel(function, arrays, dy, ours):
    """Return the CPU milliseconds of torch's function and of ours, forward and backward."""
    tensors = [torch.from_numpy(array) for array in arrays]
    upstream = torch.from_numpy(dy)

    def theirs():
        leaves = [tensor.detach().requires_grad_() for tensor in tensors]
        y = function(*leaves)
        y.backward(upstream)
        return [y.detach(), *(leaf.grad for leaf in leaves)]

    for one, other in zip(ours(), theirs(), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-4 * float(other.abs().max()))
    times = alternate({"torch": theirs, "ours": ours}, ROUNDS)
    return times["torch"] * 1e3, times["ours"] * 1e3


def draw(*shapes):
    """Draw arrays in single precision."""
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


def convolution(c, f, kernel, size):
    """Measure one shape of convolution."""
    pad = kernel // 2
    *arrays, dy = draw((N, c, size, size), (f, c, kernel, kernel), (f,), (N, f, size, size))

    def ours():
        y, cache = layers.conv2d_forward(*arrays, padding=pad)
        return [y, *layers.conv2d_backward(dy, cache)]

    return duel(lambda x, w, b: F.conv2d(x, w, b, padding=pad), arrays, dy, ours)


def max_pool(c, size):
    """Measure max pooling by 2x2."""
    x, dy = draw((N, c, size, size), (N, c, size // 2, size // 2))

    def ours():
        y, cache = layers.max_pool2d_forward(x, 2)
        return [y, layers.max_pool2d_backward(dy, cache)]

    return duel(lambda x: F.max_pool2d(x, 2), [x], dy, ours)


def batch_norm(c, size):
    """Measure batch normalization in training."""
    *arrays, dy = draw((N, c, size, size), (c,), (c,), (N, c, size, size))
    start = np.zeros(c, np.float32), np.ones(c, np.float32)

    def theirs(x, weight, bias):
        mean, variance = (torch.from_numpy(array.copy()) for array in start)
        return F.batch_norm(x, mean, variance, weight, bias, training=True)

    def ours():
        y, cache, _ = layers.batch_norm_forward(*arrays, start)
        return [y, *layers.batch_norm_backward(dy, cache)]

    return duel(theirs, arrays, dy, ours)


def training_step(batch, size):
    """Measure one step of SGD of a small CNN."""
    rng = np.random.default_rng(0)
    images, labels = draw((batch, 1, size, size))[0], rng.integers(10, size=batch)

    def stage(c, f):
        relu = layers.Layer(layers.relu_forward, layers.relu_backward)
        pool = layers.Layer(layers.max_pool2d_forward, layers.max_pool2d_backward, kernel=2)
        return layers.Conv2d(c, f, 3, rng, padding=1), relu, pool

    def torch_stage(c, f):
        return nn.Conv2d(c, f, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)

    flatten = layers.Layer(layers.flatten_forward, layers.flatten_backward)
    last = 2 * size * size, 10
    mine = layers.Sequential([*stage(1, 16), *stage(16, 32), flatten, layers.Linear(*last, rng)])
    torchs = nn.Sequential(*torch_stage(1, 16), *torch_stage(16, 32), nn.Flatten(), nn.Linear(*last))
    optimizer = torch.optim.SGD(torchs.parameters(), lr=0.01)
    x, y = torch.from_numpy(images), torch.from_numpy(labels)

    def theirs():
        optimizer.zero_grad()
        F.cross_entropy(torchs(x), y).backward()
        optimizer.step()

    def ours():
        mine.backward(losses.softmax_cross_entropy(mine.forward(images), labels)[1])
        mine.step(rules.SGD(), lr=0.01)

    times = alternate({"torch": theirs, "ours": ours}, 5 * ROUNDS)
    return times["torch"] * 1e3, times["ours"] * 1e3


def report(title, measure, cases, limit):
    """Print a table of cases; return the ratios."""
    rows, ratios = [("case", "torch, ms", "ours, ms", "ratio", "goal")], []
    for case, label in cases.items():
        theirs, ours = measure(*case)
        ratios.append(ours / theirs)
        rows.append((label, theirs, ours, ratios[-1], "met" if ratios[-1] <= limit else "MISSED"))
    table(f"{title}, at most {limit:g} times torch", rows)
    return ratios


def measure_all():
    """Print all tables."""
    shapes = {(c, f, k, s): f"{c} -> {f}, {k}x{k}, {s}x{s}" for c, f, k, s in CONVOLUTIONS}
    images = {(c, s): f"{c} channels, {s}x{s}" for c, s in IMAGES}
    steps = {(32, 8): "32 images, 8x8", (N, 28): f"{N} images, 28x28"}
    ratios = report("Convolution", convolution, shapes, 2.0)
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    print(f"  geometric mean {mean:.2f}, goal 1.5 {'met' if mean <= 1.5 else 'MISSED'}")
    report("Max pooling 2x2", max_pool, images, 1.2)
    report("Batch normalization, training", batch_norm, images, 1.0)
    report("One step of a small network", training_step, steps, 1.5)


def main():
    """Print the tables with memory given back and with memory kept."""
    torch.set_num_threads(1)
    is_kept = KEEP.keys() <= os.environ.keys()
    words = "kept in the process" if is_kept else "given back to the system as it pleases"
    print(f"\nN={N}, medians of {ROUNDS}, CPU time; load {os.getloadavg()[0]:.1f}; freed memory {words}")
    with single_thread():
        measure_all()
    if not is_kept:
        sys.stdout.flush()
        subprocess.run([sys.executable, "-m", "benchmarks.layers"], env={**os.environ, **KEEP}, check=True)


if __name__ == "__main__":
    main()
