"""The training loop against those of other libraries: same network, same batches, same optimizer.

Each cuts shuffled batches out of tensors in memory. Progress bars, loggers and checkpoints are off. Ours
follows a schedule and records every loss, every rate and the time; skorch and Keras add up the losses,
Lightning does what it does by default, Fabric and accelerate keep nothing, as the loop is the user's there.
Keras trains a twin made of its own layers. What it costs to begin is taken out: a step's time is the
difference between a long and a short training, divided by the steps between them.

Needs the packages of requirements-bench.txt, which `make bench` puts into a folder of their own.
"""

from __future__ import annotations

import functools
import logging
import os
import warnings

os.environ["KERAS_BACKEND"] = "torch"

import keras
import lightning
import torch
from accelerate import Accelerator
from lightning.fabric import Fabric
from skorch import NeuralNetClassifier
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset

from benchmarks._timing import alternate, table
from helpers.formulas.schedules import CosineDecay
from helpers.training import fit, models

BATCH, ROUNDS = 64, 11
LENGTHS = {"linear, 28x28": (50, 450), "small CNN, 28x28": (4, 24)}


def network(name):
    """Return the network of that name."""
    if name == "linear, 28x28":
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    return models.small_cnn(in_shape=(1, 28, 28), norm=True)


def sgd(model):
    """Return the optimizer of all but Keras."""
    return torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)


def ours(name):
    """`fit`, with a schedule and the record of every step; it cuts and shuffles the batches itself."""
    model = network(name)
    optimizer, schedule = sgd(model), CosineDecay(peak_lr=0.01, total_steps=1000)
    settings = {"epochs": 1, "batch_size": BATCH, "schedule": schedule, "loss": F.cross_entropy}
    return lambda batches: fit(model, _whole(batches), optimizer=optimizer, **settings)


def _whole(batches):
    return batches.images, batches.labels


def bare(name):
    """Write the loop by hand, with no record and no schedule."""
    model = network(name)
    optimizer = sgd(model)

    def run(batches):
        for x, y in batches:
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return run


def fabric(name):
    """Lightning Fabric: the loop is the user's."""
    runner = Fabric(accelerator="cpu", devices=1)
    model, optimizer = runner.setup(*(lambda net: (net, sgd(net)))(network(name)))

    def run(batches):
        for x, y in batches:
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            runner.backward(loss)
            optimizer.step()

    return run


def accelerate(name):
    """Hugging Face accelerate: the loop is the user's."""
    accelerator, model = Accelerator(cpu=True), network(name)
    model, optimizer = accelerator.prepare(model, sgd(model))

    def run(batches):
        for x, y in batches:
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            accelerator.backward(loss)
            optimizer.step()

    return run


class _Module(lightning.LightningModule):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def training_step(self, batch, index):
        return F.cross_entropy(self.model(batch[0]), batch[1])

    def configure_optimizers(self):
        return sgd(self.model)


def trainer(name):
    """Lightning Trainer, logging nothing."""
    module, off = _Module(network(name)), ("logger", "enable_checkpointing", "enable_progress_bar")

    def run(batches):
        settings = dict.fromkeys((*off, "enable_model_summary"), False)
        lightning.Trainer(max_epochs=1, accelerator="cpu", **settings).fit(module, batches.loader())

    return run


class _Given(NeuralNetClassifier):
    def get_iterator(self, dataset, training=False):
        return self.batches


def skorch(name):
    """Train with skorch, printing nothing."""
    settings = {"max_epochs": 1, "train_split": None, "verbose": 0, "optimizer__momentum": 0.9}
    net = _Given(
        network(name), criterion=nn.CrossEntropyLoss, optimizer=torch.optim.SGD, lr=0.01, **settings
    ).initialize()

    def run(batches):
        net.batches = batches
        net.partial_fit(*_whole(batches))

    return run


def keras_fit(name):
    """Keras on torch: a twin of the network, made of Keras' layers."""
    layers = keras.layers
    stages = [
        layer
        for channels in ((16, 32) if name.startswith("small") else ())
        for layer in (
            layers.Conv2D(channels, 3, padding="same", data_format="channels_first"),
            layers.BatchNormalization(axis=1),
            layers.ReLU(),
            layers.MaxPool2D(2, data_format="channels_first"),
        )
    ]
    model = keras.Sequential([layers.Input((1, 28, 28)), *stages, layers.Flatten(), layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss=loss)
    return lambda batches: model.fit(batches.loader(), epochs=1, verbose=0)


class Batches(IterableDataset):
    """Shuffled batches, cut out of tensors in memory."""

    def __init__(self, n):
        self.images, self.labels = torch.rand(n * BATCH, 1, 28, 28), torch.randint(10, (n * BATCH,))

    def __iter__(self):
        for batch in torch.randperm(len(self.images)).split(BATCH):
            yield self.images[batch], self.labels[batch]

    def loader(self):
        """Return a loader that hands the batches over as they are."""
        return DataLoader(self, batch_size=None)


CONTESTANTS = {
    "bare loop": bare,
    "ours": ours,
    "Fabric": fabric,
    "accelerate": accelerate,
    "skorch": skorch,
    "Lightning Trainer": trainer,
    "Keras on torch": keras_fit,
}


def measure(name):
    """Return microseconds a step of every loop."""
    runs = {}
    data = [Batches(n) for n in LENGTHS[name]]
    for label, make in CONTESTANTS.items():
        run = make(name)
        runs |= {(label, i): functools.partial(run, batches) for i, batches in enumerate(data)}
    times = alternate(runs, ROUNDS)
    between = LENGTHS[name][1] - LENGTHS[name][0]
    return {label: (times[label, 1] - times[label, 0]) / between * 1e6 for label in CONTESTANTS}


def main():
    """Print the tables."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    for name in LENGTHS:
        times = measure(name)
        rows = [("loop", "us/step", "ratio to bare", "more, us/step")]
        rows += [(loop, t, t / times["bare loop"], t - times["bare loop"]) for loop, t in times.items()]
        table(f"{name}: batch {BATCH}, SGD with momentum, CPU time, medians of {ROUNDS}", rows)


if __name__ == "__main__":
    main()
