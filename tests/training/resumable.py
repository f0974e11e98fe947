"""A training that has everything that could be lost, for processes that are killed and others that go on."""

import itertools
import os
import pathlib
import resource
import signal
import sys
import time
from functools import partial

import torch
import torch._dynamo  # which every optimizer of torch loads when it is made; a fork has it already
from torch import nn
from torch.nn import functional as F

from helpers.formulas import rules
from helpers.formulas.schedules import CosineDecay, ReduceOnPlateau
from helpers.training import data, fit, processes
from helpers.training import search as searches
from helpers.training.augmentation import Augmentation
from helpers.training.checkpoints import Checkpoints
from helpers.training.hooks import Augment, ClipGradient, EarlyStopping, Plateau
from helpers.training.optimizers import FromRule
from helpers.training.runtime import Runtime, randomness

OPTIMIZERS = {
    "adam": lambda params: torch.optim.Adam(params, lr=1.0),
    "momentum": lambda params: torch.optim.SGD(params, lr=1.0, momentum=0.9),
    "rule": lambda params: FromRule(params, rules.Adam(), lr=1.0),
}
DIGITS = data.digits()  # loaded here, for a fork to have it already
UPDATES = 42  # six epochs of seven batches, of which the last is smaller


def network():
    """Return a network with batch norm and dropout."""
    with randomness(1):
        return nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(64, 10),
        )


def images_and_labels():
    """Return a training set, and a validation set in which nothing improves for long."""
    images, labels = DIGITS.train.tensors(DIGITS.mean, DIGITS.std)
    return (images[:200], labels[:200]), (images[200:250], labels[200:250].roll(1))


class Last:
    """Keep the rate and weights that a training ends with, before another hook goes back to the best."""

    def __call__(self, run):
        pass

    def finish(self, run):
        self.lr = run.lr
        self.weights = {name: value.clone() for name, value in run.model.state_dict().items()}


def train(folder=None, optimizer="adam", every=3, keep=1, also=(), clip=5.0, **changes):
    """Train with micro-batches, augmentation and hooks that remember; save in a folder, if one is named."""
    model, (train, val) = network(), images_and_labels()
    last, stopping = Last(), EarlyStopping(patience=100)
    plateau = Plateau(ReduceOnPlateau(lr=0.01, patience=0, factor=0.8))
    saving = [] if folder is None else [Checkpoints(folder, every=every, keep=keep)]
    clipping = [] if clip is None else [ClipGradient(clip)]
    made = OPTIMIZERS[optimizer](model.parameters())
    settings = dict(
        loss=F.cross_entropy,
        optimizer=made,
        schedule=plateau.rate,
        epochs=6,
        batch_size=32,
        hooks=[Augment(Augmentation(shift=1)), *clipping, last, stopping, plateau, *also, *saving],
    )
    with Runtime("cpu", micro_batch_size=12):
        history = fit(model, train, val, **{**settings, **changes}).to_dict()
    del history["seconds"]
    state = {"model": model.state_dict(), "last": last.weights, "optimizer": made.state_dict()}
    return state | {"history": history, "hooks": [stopping.state_dict(), plateau.state_dict()]}


def write(result, *args):
    """Train, and write down the end of it."""
    torch.set_num_threads(1)
    torch.save(train(*args), result)


def die():
    """Leave no time for any last deed."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(owner, name, call, when):
    """Kill this process before, after or in the midst of a call of a function."""
    original, calls = getattr(owner, name), itertools.count(1)

    def deadly(*args, **options):
        fatal = next(calls) == call
        if fatal and when == "midst":  # half of the bytes are on the disk
            os.ftruncate(args[0], os.fstat(args[0]).st_size // 2)
        if fatal and when != "after":
            die()
        result = original(*args, **options)
        if fatal:
            die()
        return result

    setattr(owner, name, deadly)


def train_and_die(fault, *args):
    """Train, and die at a moment."""
    owner, *where = fault
    die_at({"os": os, "Path": pathlib.Path}[owner], *where)
    torch.set_num_threads(1)
    train(*args)


def meet_a_limit(folder, size):
    """Train; from the tenth update on no file may be larger than so many bytes. Write down the error."""

    def limit(run):
        if run.step == 10:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    try:
        train(folder, also=[limit])
    except OSError as error:
        (folder / "error").write_text(f"{type(error).__name__} {error}")


def be_killed_together(folder):
    """Train in two processes to the end, and again until the first dies while it saves, within an epoch."""
    whole = train(every=4)
    torch.save(whole, folder / f"whole-{processes.rank()}.pt")
    if processes.is_main():
        die_at(os, "replace", 4, "before")  # after updates 0, 4 and 8
    train(folder / "saved", every=4)


def go_on_together(folder):
    """Go on in two processes, and look for what only one of them sees."""
    torch.save(train(folder / "saved", every=4), folder / f"resumed-{processes.rank()}.pt")
    try:
        train([folder / "saved", folder / "nothing"][processes.rank()], every=4)
    except ValueError as error:
        (folder / f"error-{processes.rank()}").write_text(str(error))


def together(job, rank, folder):
    """Do a job as one of two processes."""
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2"}
    torch.set_num_threads(1)
    place = f"file://{folder}/{job.__name__}"
    torch.distributed.init_process_group("gloo", place, rank=rank, world_size=2)
    job(folder)


def search(folder):
    """Be a worker of a search, whose fourth trial hangs until its worker is killed; write down the result."""

    def objective(trial, schedule):
        (folder / f"begun-{trial.number}").touch()
        if trial.number == 3:
            (folder / f"hangs-{os.getpid()}").touch()
            time.sleep(600)
        while trial.number > 3 and not (folder / "killed").exists():
            time.sleep(0.05)
        time.sleep(3 * (trial.number == 4))  # the survivor outlives the other by more than the grace
        return schedule(0)

    searches.HEARTBEAT, searches.GRACE = 1, 2
    space = {"schedule": partial(CosineDecay, total_steps=4, end_lr=0.0)}
    study = searches.Search(objective, space, trials=8, storage=folder / "study.db")
    assert "optuna" not in sys.modules, "a search imports it when it is run"
    result = study.run()
    (folder / "said").write_text(repr(result))
