"""A training that is killed at any moment ends as if it had not been; a bad file changes nothing."""

import io
import itertools
import math
import os
import random
import re
import signal
import time
from functools import cache, partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.formulas import rules, schedules
from helpers.training import Diverged, checkpoints, fit, models
from helpers.training.augmentation import Augmentation
from helpers.training.averaging import EMA
from helpers.training.checkpoints import Checkpoints, load, save
from helpers.training.hooks import Augment, EarlyStopping, StopOnDivergence
from helpers.training.optimizers import FromRule
from tests.training import resumable

# --- killed at any moment ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole():
    """Return a function for the end of a training that was never interrupted, nor ever saved."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as the children
    yield cache(lambda optimizer: resumable.train(optimizer=optimizer))
    torch.set_num_threads(threads)


def bits(tensor):
    """Return the bytes of a tensor, by which zero differs from minus zero, and NaN does not from itself."""
    return tensor.detach().reshape(-1).contiguous().view(torch.uint8)


def differences(a, b, name="end"):
    """Return where two ends of a training differ by a single bit."""
    if isinstance(a, torch.Tensor):
        same = a.dtype == b.dtype and a.shape == b.shape and torch.equal(bits(a), bits(b))
        return [] if same else [name]
    if isinstance(a, (dict, list, tuple)):
        if len(a) != len(b):
            return [name]
        keys = a if isinstance(a, dict) else range(len(a))
        return [place for key in keys for place in differences(a[key], b[key], f"{name}[{key!r}]")]
    return [] if repr(a) == repr(b) else [name]


def test_a_difference_of_one_bit_is_found():
    ends = [{"a": [1.0, {0: torch.ones(2)}]} for _ in range(2)]
    assert differences(*ends) == []
    ends[1]["a"][1][0][1] += 2**-23
    assert differences(*ends) == ["end['a'][1][0]"]
    assert differences({"a": 0.1 + 0.2}, {"a": 0.3}) == ["end['a']"]


def kill_between_two_saves(process, folder, chance):
    """Kill a process some time after it has saved once more, unless it ends before."""
    before = Checkpoints(folder).saved()[-1:]
    process.start()
    deadline = time.monotonic() + 60
    while process.is_alive() and Checkpoints(folder).saved()[-1:] == before:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    time.sleep(chance.uniform(0, 0.03))
    process.kill()
    process.join(60)
    return process.exitcode


def test_a_training_that_is_killed_again_and_again_ends_as_the_one_that_is_not(children, whole, tmp_path):
    folder, result, chance = tmp_path / "saved", tmp_path / "end.pt", random.Random(0)
    job = {"target": resumable.write, "args": (result, folder, "rule", 6)}
    process = children(**job)
    process.start()
    time.sleep(chance.uniform(0, 0.1))  # so early that it may not have begun
    process.kill()
    process.join()
    exits = []
    while not exits or exits[-1] == -signal.SIGKILL:
        exits.append(kill_between_two_saves(children(**job), folder, chance))
        assert len(exits) <= 20
    assert exits[-1] == 0
    assert len(exits) > 2, "it was hardly killed"
    assert differences(torch.load(result), whole("rule")) == []
    assert [path.name for path in folder.iterdir()] == [f"step-{resumable.UPDATES:09}.pt"]


MOMENTS = {
    "before anything is saved": ("os", "fsync", 1, "before"),
    "with half a file written": ("os", "fsync", 3, "midst"),
    "before the file is on the disk": ("os", "fsync", 3, "before"),
    "before the file has its name": ("os", "replace", 3, "before"),
    "as soon as the file has its name": ("os", "replace", 3, "after"),
    "before the older file is deleted": ("Path", "unlink", 4, "before"),
    "at the very end": ("os", "replace", 15, "after"),
}


@pytest.mark.parametrize("fault", MOMENTS.values(), ids=MOMENTS)
def test_a_training_that_is_killed_while_it_saves_loses_nothing(children, whole, tmp_path, fault):
    process = children(target=resumable.train_and_die, args=(fault, tmp_path, "momentum"))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    left = Checkpoints(tmp_path).saved()
    assert all(load(path)["run"]["step"] == int(path.stem[5:]) for path in left)
    assert bool(left) == (fault != MOMENTS["before anything is saved"])
    assert differences(resumable.train(tmp_path, "momentum"), whole("momentum")) == []
    assert [path.name for path in tmp_path.iterdir()] == [f"step-{resumable.UPDATES:09}.pt"]


def test_two_processes_of_which_one_is_killed_go_on_as_if_nothing_had_happened(children, tmp_path):
    def begin(job):
        pair = [children(target=resumable.together, args=(job, rank, tmp_path)) for rank in range(2)]
        for process in pair:
            process.start()
        return pair

    first, second = begin(resumable.be_killed_together)
    first.join(60)
    second.kill()  # as torchrun does
    second.join()
    assert first.exitcode == -signal.SIGKILL
    (newest,) = Checkpoints(tmp_path / "saved").saved()
    assert newest.name == "step-000000008.pt"
    first, second = load(newest)["ranks"]
    assert sorted(first) == sorted(second)
    different = {name for name in first if not torch.equal(first[name], second[name])}
    assert different == {"generators cpu", "buffers 1.running_mean", "buffers 1.running_var"}
    first, second = load(newest)["hooks"][0]["generators"]
    assert not torch.equal(first, second)  # of the augmentation

    for process in begin(resumable.go_on_together):
        process.join(60)
        assert process.exitcode == 0
    for rank in range(2):
        ends = [torch.load(tmp_path / f"{name}-{rank}.pt") for name in ("resumed", "whole")]
        assert differences(*ends) == []
        words = "folder must be one that all processes see, as they find other newest files in it"
        assert (tmp_path / f"error-{rank}").read_text().startswith(words)
    with pytest.raises(ValueError, match="number of processes is 2 there and 1 here"):
        resumable.train(tmp_path / "saved", every=4)


# --- what cannot be written --------------------------------------------------------------------------


def test_a_limit_on_files_is_an_error_and_the_file_before_stays(children, whole, tmp_path):
    process = children(target=resumable.meet_a_limit, args=(tmp_path, 20_000))
    process.start()
    process.join(60)
    words = r"OSError \[Errno 27\] File too large; the checkpoint is not saved, and earlier ones are intact"
    assert re.match(words + r": '.*step-000000012\.pt'", (tmp_path / "error").read_text())
    assert [path.name for path in tmp_path.iterdir() if path.suffix] == ["step-000000009.pt"]
    assert differences(resumable.train(tmp_path), whole("adam")) == []


def test_a_folder_that_cannot_be_made_is_noticed_before_the_first_update(tmp_path):
    (tmp_path / "file").write_text("no folder")
    steps = []
    with pytest.raises(OSError, match="file"):
        resumable.train(tmp_path / "file" / "saved", also=[lambda run: steps.append(run.step)])
    assert steps == []


# --- files -------------------------------------------------------------------------------------------


STATE = {"weights": torch.arange(5.0), "list": [1, 2.5, "three", None, True], "in": {"tuple": (math.inf, 7)}}


def test_what_is_saved_is_loaded(tmp_path):
    path = tmp_path / "some.pt"
    for state in (STATE, {"another": 1}, [nn.Parameter(torch.ones(1))]):
        save(state, path)
        assert differences(load(str(path)), state) == []
    assert [path.name for path in tmp_path.iterdir()] == ["some.pt"]
    link = tmp_path / "link.pt"
    link.symlink_to(path)
    save(STATE, link)
    assert link.is_symlink()
    assert differences(load(path), STATE) == []


class Villain:
    """What runs a command when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def written(content):
    memory = io.BytesIO()
    torch.save(content, memory)
    return memory.getvalue()


GOOD = written({"format": checkpoints.FORMAT, "version": 1, "state": STATE})
UNFIT = {
    **{f"{share:.0%} of a file": GOOD[: int(share * len(GOOD))] for share in (0, 0.1, 0.5, 0.9, 0.999)},
    "text": b"once upon a time",
    "weights alone": written(nn.Linear(2, 2).state_dict()),
    "list": written([1, 2]),
    "whole model": written(nn.Linear(2, 2)),
}


@pytest.mark.parametrize("found", UNFIT.values(), ids=UNFIT)
def test_a_file_cut_off_or_of_another_kind_is_refused(found, tmp_path):
    path = tmp_path / "step-000000001.pt"
    path.write_bytes(found)
    for read in (lambda: load(path), lambda: resumable.train(tmp_path)):
        with pytest.raises(ValueError, match=f"path must lead to a whole checkpoint, got .*: path='{path}'"):
            read()
    assert path.read_bytes() == found


def test_no_code_of_a_file_runs_and_a_missing_file_or_another_version_is_named(tmp_path):
    path = tmp_path / "step-000000001.pt"
    evil = {"format": checkpoints.FORMAT, "version": 1, "state": Villain(tmp_path / "done")}
    for content, message in (
        (evil, "got one that torch cannot read"),
        (evil | {"state": {}}, "version must be"),
    ):
        path.write_bytes(written(content))
        with pytest.raises(ValueError, match=message):
            load(path)
    assert not (tmp_path / "done").exists()
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path / "none.pt"))):
        load(tmp_path / "none.pt")
    save(STATE, path)
    with pytest.raises(ValueError, match="got the state of something else than a training: path="):
        resumable.train(tmp_path)


class Numpy:
    """A hook whose state is not plain."""

    def __call__(self, run):
        pass

    def state_dict(self):
        return {"best": [0.0, np.float64(1)]}


def test_what_could_not_be_loaded_is_not_saved(tmp_path):
    words = r"state must hold tensors, numbers, strings, lists and dicts alone, .*[\s\S]*numpy"
    with pytest.raises(TypeError, match=words):
        save({"a": [0.0, np.float64(1)]}, tmp_path / "some.pt")
    steps = []
    with pytest.raises(TypeError, match=words):
        resumable.train(tmp_path, also=[Numpy(), lambda run: steps.append(run.step)])
    assert steps == []
    assert list(tmp_path.iterdir()) == []


def test_rates_of_numpy_can_be_saved(tmp_path):
    end = resumable.train(tmp_path, schedule=lambda step: np.float64(0.01), epochs=1)
    assert load(tmp_path / "step-000000007.pt")["run"]["history"]["rates"] == [0.01] * 7
    assert type(end["history"]["rates"][0]) is float


# --- the hook ----------------------------------------------------------------------------------------


class Interrupt:
    """Press Ctrl-C after an update."""

    def __init__(self, step):
        self.step = step

    def __call__(self, run):
        if run.step == self.step:
            raise KeyboardInterrupt


def interrupted(folder, step, **settings):
    with pytest.raises(KeyboardInterrupt):
        resumable.train(folder, also=[Interrupt(step)], **settings)


@pytest.mark.parametrize("keep", [1, 3])
def test_as_many_files_are_kept_as_asked_for(tmp_path, keep):
    interrupted(tmp_path, 10, every=2, keep=keep)
    assert [int(path.stem[5:]) for path in Checkpoints(tmp_path).saved()] == [4, 6, 8][-keep:]
    assert len(list(tmp_path.iterdir())) == keep
    resumable.train(tmp_path, every=20, keep=keep)
    assert [int(path.stem[5:]) for path in Checkpoints(tmp_path).saved()] == [20, 40, 42][-keep:]


def test_it_saves_before_the_first_update_each_epoch_and_where_a_hook_stops(tmp_path):
    resumable.train(tmp_path, every=None, keep=9, also=[lambda run: run.step == 17 and run.stop()])
    assert [int(path.stem[5:]) for path in Checkpoints(tmp_path).saved()] == [0, 7, 14, 17]


def test_hooks_see_the_run_as_if_it_had_not_been_interrupted(tmp_path):
    def watching(seen):
        return lambda run: seen.append(
            (run.step, run.lr, run.loss, run.epoch, run.ends_epoch, run.validation, len(run.history.rates))
        )

    whole, parts = [], []
    resumable.train(also=[watching(whole)])
    with pytest.raises(KeyboardInterrupt):
        resumable.train(tmp_path, also=[watching(parts), Interrupt(10)])
    del parts[9:]  # the update after the checkpoint is made again
    resumable.train(tmp_path, also=[watching(parts)])
    assert parts == whole


@pytest.mark.parametrize("rule", [None, rules.Momentum(momentum=0.9)])
def test_the_same_cell_goes_on_after_an_interrupt(tmp_path, rule):
    def cell(*more):
        settings = dict(loss=F.cross_entropy, schedule=schedules.CosineDecay(peak_lr=0.1, total_steps=8))
        hooks = [*more, Checkpoints(tmp_path, every=3)]
        return fit(model, images(200), optimizer=optimizer, epochs=2, batch_size=50, hooks=hooks, **settings)

    model = cnn()
    sgd = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9)
    optimizer = sgd if rule is None else FromRule(model.parameters(), rule, lr=1.0)
    with pytest.raises(KeyboardInterrupt):
        cell(Interrupt(5))
    assert len(cell().losses) == 8


def test_a_training_that_had_ended_ends_again_at_once(tmp_path, whole):
    hook, steps = resumable.Last(), []
    end, lr = resumable.train(tmp_path, every=None, also=[hook]), hook.lr
    again = resumable.train(tmp_path, every=None, also=[hook, lambda run: steps.append(run.step)])
    assert steps == [] and hook.lr == lr > 0
    assert differences(again, end) == differences(end, whole("adam")) == []


def test_a_training_that_was_stopped_stays_so(tmp_path):
    ends = [resumable.train(tmp_path, also=[EarlyStopping(patience=1)]) for _ in range(2)]
    assert len(ends[0]["history"]["losses"]) < resumable.UPDATES
    assert differences(*ends) == []


def test_seconds_go_on(tmp_path):
    interrupted(tmp_path, 8, every=None)
    before = load(tmp_path / "step-000000007.pt")["run"]
    resumable.train(tmp_path, every=None)
    seconds = load(tmp_path / "step-000000042.pt")["run"]["history"]["seconds"]
    assert seconds[0] == before["history"]["seconds"][0]
    assert seconds == sorted(seconds)
    assert len(seconds) == 6


def test_what_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"hooks must end with Checkpoints, .* got .*'StopOnDivergence'"):
        resumable.train(hooks=[Checkpoints(tmp_path), StopOnDivergence()])
    assert list(tmp_path.iterdir()) == []


# --- never from a diverged run -----------------------------------------------------------------------


def infinite_rate():
    return {"schedule": lambda step: 0.01 if step < 11 else math.inf}


def infinite_loss():
    pieces = itertools.count()
    return {"loss": lambda *batch: F.cross_entropy(*batch) * (1 if next(pieces) < 30 else math.inf)}


@pytest.mark.parametrize("fault, what", [(infinite_rate, "weights"), (infinite_loss, "loss")])
def test_a_divergence_names_the_last_good_checkpoint(tmp_path, fault, what):
    words = rf"^{what} must stay finite, got .* at step 1[01], lr=.*; the last good checkpoint is "
    with pytest.raises(Diverged, match=words) as e:
        resumable.train(tmp_path, keep=9, clip=None, **fault())
    last = tmp_path / "step-000000009.pt"
    assert str(e.value).endswith(str(last))
    assert e.value.checkpoint == last
    assert Checkpoints(tmp_path).saved()[-1] == last
    assert all(torch.isfinite(value).all() for value in load(last)["model"].values())


def test_a_training_that_went_on_names_what_it_went_on_from(tmp_path):
    settings = {"schedule": lambda step: 0.01 if step < 10 else math.nan, "every": 6}
    interrupted(tmp_path, 8, **settings)
    with pytest.raises(Diverged, match=r"the last good checkpoint is \S+step-000000006\.pt$"):
        resumable.train(tmp_path, **settings)


# --- another training --------------------------------------------------------------------------------


def small(folder, model=None, make=None, data=None, **changes):
    """Train a small network a little; return it, its optimizer and what comes of it."""
    model = models.small_cnn(channels=(4,), seed=1) if model is None else model
    make = make or (lambda params: torch.optim.SGD(params, lr=1.0, momentum=0.9))
    optimizer = make(model.parameters())
    data = resumable.images_and_labels()[0] if data is None else data
    settings = dict(
        loss=F.cross_entropy,
        optimizer=optimizer,
        schedule=schedules.CosineDecay(peak_lr=0.1, total_steps=8),
        epochs=2,
        batch_size=50,
        hooks=[Checkpoints(folder)],
    )
    before = [value.clone() for value in model.state_dict().values()]
    try:
        return fit(model, data, **{**settings, **changes})
    except Exception:
        assert all(map(torch.equal, model.state_dict().values(), before))
        assert not optimizer.state
        raise


def cnn(channels=(4,), activation=nn.ReLU):
    model = models.small_cnn(channels=channels, seed=1)
    model[1] = activation()
    return model


def images(n):
    return tuple(part[:n] for part in resumable.images_and_labels()[0])


COSINES = [schedules.CosineDecay(peak_lr=lr, total_steps=8) for lr in (0.1, 0.2)]
OTHERS = {
    "model is Sequential( (0): Conv2d(1, 4, kernel_size=(3, 3)": {"model": cnn((6,))},
    "(1): Tanh()": {"model": cnn(activation=nn.Tanh)},
    "optimizer is SGD ( Parameter Group 0 dampening: 0": {"make": partial(torch.optim.Adam, lr=1.0)},
    "momentum: 0.8": {"make": partial(torch.optim.SGD, lr=1.0, momentum=0.8)},
    "rule is NoneType there and Momentum(momentum=0.8) here": {
        "make": partial(FromRule, rule=rules.Momentum(momentum=0.8), lr=1.0)
    },
    "number of updates is 8 there and 12 here": {"epochs": 3},
    "batch size is 50 there and 60 here": {"batch_size": 60},
    "number of images is 200 there and 199 here": {"data": images(199)},
    "seed is 0 there and 1 here": {"seed": 1},
    f"schedule is {COSINES[0]} there and {COSINES[1]} here": {"schedule": COSINES[1]},
    "Augment(change=Augmentation(flip=False,": {"also": [Augment(Augmentation())]},
    "hooks is None there and EMA here": {"also": [EMA(0.9)]},
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return the file of a training."""
    folder = tmp_path_factory.mktemp("saved")
    small(folder)
    return folder / "step-000000008.pt"


@pytest.mark.parametrize("message", OTHERS)
def test_another_training_is_told_what_differs_and_nothing_changes(saved, message):
    before, changes = saved.read_bytes(), dict(OTHERS[message])
    changes["hooks"] = [*changes.pop("also", ()), Checkpoints(saved.parent)]
    with pytest.raises(ValueError, match=re.escape(message)) as e:
        small(saved.parent, **changes)
    assert str(e.value).startswith(f"training must be the one that was saved in {saved}, but ")
    assert [file.read_bytes() for file in saved.parent.iterdir()] == [before]


def test_functions_are_the_same_in_every_process(tmp_path):
    schedule = schedules.Lambda(lr=0.1, function=lambda step: 1.0)
    small(tmp_path, schedule=schedule)
    small(tmp_path, schedule=schedules.Lambda(lr=0.1, function=lambda step: 1.0))
