r"""A training that is killed at any moment goes on from its last checkpoint, as if nothing had happened.

The format: a checkpoint is a file of ``torch.save`` with ``{"format": FORMAT, "version": VERSION, "state":
...}`` in it, where the state is made of tensors, numbers, strings, lists and dicts alone, so that reading it
runs no code of the file's. That of a training holds

============= =======================================================================================
``model``     weights and buffers: its ``state_dict()``
``optimizer`` the optimizer's ``state_dict()``
``run``       steps made, place in the data and generator of their order, history, time spent
``hooks``     the ``state_dict()`` of each hook that has one, in their order
``ranks``     for each process what it alone has: the states of torch's global generators (``cpu``, and
              ``cuda`` or ``mps``), and its ``buffers``
``training``  what must be the same where the training goes on, each thing by name in words
============= =======================================================================================

Schedules are functions of the step, and need no state.

>>> from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as folder:
...     save({"weight": torch.ones(2), "step": 3}, f"{folder}/some.pt")
...     load(f"{folder}/some.pt")
{'weight': tensor([1., 1.]), 'step': 3}
"""

from __future__ import annotations

import io
import os
import pickle
import re
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from helpers.core import checks
from helpers.training import processes
from helpers.training.run import Run

__all__ = ["Checkpoints", "load", "save"]

FORMAT, VERSION = "checkpoint of How CNNs Learn", 2


class Checkpoints:
    """Save a training again and again, and let it go on from what was saved; the last of the hooks.

    It saves before the first update (so that a folder that cannot be written to is noticed at once), then
    as often as asked for, and after the last update. When a training begins and its folder has
    checkpoints already, it goes on from the newest: the same call of ``fit`` in a new process, with the
    same data, ends with the same weights, optimizer state and history (but for the seconds) as if it had
    never been interrupted, bit for bit on a CPU. One that had ended ends again at once. So a folder
    belongs to one training.

    Parameters
    ----------
    folder : str or Path
        Where the files ``step-<updates>.pt`` are; made where it is missing. Several processes on several
        machines need a folder that all see.
    every : int, optional
        Updates between two checkpoints; by default an epoch's.
    keep : int
        How many files are kept, 1 or more. A new one is complete before the oldest is deleted.

    Raises
    ------
    TypeError, ValueError
        If an argument is not positive. When the training starts, if other hooks come after this one, if
        the newest file is no whole checkpoint, or was saved by another training: with another model,
        optimizer, rule, schedule, seed, batch size, number of updates, images or processes, or other
        hooks. When saving, if a hook's state is not plain, or ``Diverged`` where a number is not finite:
        what is saved is always good.
    OSError
        If a file cannot be written; those there stay intact.

    Notes
    -----
    Loss, clipping, precision and the contents of the data are not compared, and a schedule, a rule or a hook
    only by its fields, if it is a frozen dataclass, else by its type. A training may go on on another device,
    by other rounding and other masks of dropout. A newest file that cannot be read is an error and never
    passed over in silence; without it, the training goes on from the one before, or from the start.

    Examples
    --------
    >>> Checkpoints("runs/digits", every=100, keep=2)  # fit(..., hooks=[..., Checkpoints("runs/digits")])
    Checkpoints('runs/digits', every=100, keep=2)
    """

    def __init__(self, folder: str | Path, every: int | None = None, keep: int = 1) -> None:
        if every is not None:
            checks.count("every", every)
        checks.count("keep", keep)
        self.folder, self.every, self.keep = Path(folder), every, keep

    def __repr__(self) -> str:
        return f"Checkpoints({str(self.folder)!r}, every={self.every}, keep={self.keep})"

    def saved(self) -> list[Path]:
        """Return the files there are, earliest first."""
        return sorted(self.folder.glob("step-" + "[0-9]" * 9 + ".pt"))

    def start(self, run: Run) -> None:
        """Go on from the newest checkpoint; if there is none, save the first."""
        names = [type(hook).__name__ for hook in run.hooks]
        checks.require(run.hooks[-1] is self, "end with Checkpoints, which saves the others", "hooks", names)
        self.described = _described(run)
        newest = self.saved()[-1] if self.saved() else None
        _require_agreement(newest)
        if newest is None:
            self._save(run)
        else:
            _resume(run, newest, self.described)
            if processes.is_main():
                self._tidy()

    def __call__(self, run: Run) -> None:
        if run.is_over or (run.ends_epoch if self.every is None else run.step % self.every == 0):
            self._save(run)

    def _save(self, run: Run) -> None:
        state = _state(run) | {"training": self.described}
        path = self.folder / f"step-{run.step:09}.pt"
        if processes.is_main():
            self.folder.mkdir(parents=True, exist_ok=True)
            save(state, path)
            self._tidy()
        run.checkpoint = path

    def _tidy(self) -> None:
        """Delete older files than are to be kept, and what a killed process left of its last one."""
        for stale in (*self.saved()[: -self.keep], *self.folder.glob("step-*.part")):
            stale.unlink(missing_ok=True)


def save(state: object, path: str | Path) -> None:
    """Write a file that is complete or not there: what stood under its name before stays until then.

    Parameters
    ----------
    state : object
        Tensors, numbers, strings and None, in lists, tuples and dicts.
    path : str or Path
        The file, in a folder that exists.

    Raises
    ------
    TypeError
        If `state` has something else in it, such as a number of numpy's.
    OSError
        If the file cannot be written, for example as the disk is full.

    Notes
    -----
    The bytes go to a file beside it, and are on the disk before that gets the name, so that a kill leaves no
    half a file under it. It may leave that other file, ``<name>.<number>.part``.
    """
    memory = io.BytesIO()  # torch would hide from us why a file could not be written
    torch.save({"format": FORMAT, "version": VERSION, "state": state}, memory)
    try:
        torch.load(io.BytesIO(memory.getbuffer()), weights_only=True)
        _replace(Path(path).resolve(), memory.getbuffer())
    except pickle.UnpicklingError as error:
        words = "state must hold tensors, numbers, strings, lists and dicts alone"
        raise TypeError(f"{words}, got what cannot be loaded again: {error}") from error
    except OSError as error:
        reason = f"{error.strerror}; the checkpoint is not saved, and earlier ones are intact"
        raise OSError(error.errno, reason, str(path)) from error


def _replace(path: Path, content: memoryview) -> None:
    """Write a file under another name, see it to the disk, and give it its name in one move."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def load(path: str | Path) -> Any:
    """Return what was saved, with all tensors on the CPU, and without running code of the file's.

    Parameters
    ----------
    path : str or Path
        A file that :func:`save` or :class:`Checkpoints` wrote.

    Returns
    -------
    object
        The state; that of a training has its weights under ``"model"``.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no such file, or it cannot be read.
    ValueError
        If it is cut off, of another kind, or of another version.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # torch has many errors for files that are not whole, or not its own
        raise _unfit(path, "one that torch cannot read") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise _unfit(path, "a file of another kind")
    version = content.get("version")
    checks.require(version == VERSION, f"be {VERSION} in {path}", "version", version)
    return content["state"]


def _unfit(path: str | Path, kind: str) -> ValueError:
    return ValueError(f"path must lead to a whole checkpoint, got {kind}: path={str(path)!r}")


def _state(run: Run) -> dict[str, Any]:
    """Return all that changes while a training runs; every process asks for it at the same step."""
    return {
        "run": run.state_dict(),  # first of all, as it raises Diverged where a number is not finite
        "model": run.model.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "hooks": [hook.state_dict() for hook in _stateful(run)],
        "ranks": processes.gather(_own(run)),
    }


def _stateful(run: Run) -> list:
    return [hook for hook in run.hooks if hasattr(hook, "state_dict")]


def _own(run: Run) -> dict[str, Tensor]:
    """Return what differs from process to process; batch norm counts its own images until an epoch ends."""
    own = {f"buffers {name}": buffer.cpu() for name, buffer in run.model.named_buffers()}
    modules = _random_modules(run)
    return own | {f"generators {kind}": module.get_rng_state() for kind, module in modules.items()}


def _load_own(run: Run, own: dict[str, Tensor]) -> None:
    for name, buffer in run.model.named_buffers():
        buffer.copy_(own[f"buffers {name}"])
    for kind, module in _random_modules(run).items():
        if f"generators {kind}" in own:  # not so where it was saved on another device
            module.set_rng_state(own[f"generators {kind}"])


def _random_modules(run: Run) -> dict[str, Any]:
    """Return the modules of torch, by device, with the generators that dropout draws from."""
    kind = next(run.model.parameters()).device.type
    return {"cpu": torch} | ({} if kind == "cpu" else {kind: getattr(torch, kind)})


def _described(run: Run) -> dict[str, str]:
    """Return in words, thing by thing, what must be the same for a training to go on."""
    batches = run.batches
    words = {
        "number of updates": run.total_steps,
        "number of images": len(batches.images),
        "batch size": batches.batch_size,
        "seed": batches.generator.initial_seed(),
        "number of processes": processes.world_size(),
        "schedule": _named(run.schedule),
        "hooks": ", ".join(map(_named, _stateful(run))) or None,
        "model": run.model,
        "optimizer": re.sub(r"\n +lr: .*", "", repr(run.optimizer)),  # the schedule has set it
        "rule": _named(getattr(run.optimizer, "rule", None)),
    }
    words = {name: re.sub(" at 0x[0-9A-Fa-f]+", "", str(value)) for name, value in words.items()}
    return {name: " ".join(value.split()) for name, value in words.items()}


def _named(thing: object) -> str:
    """Return a formula with its fields, or the type of something else."""
    return repr(thing) if is_dataclass(thing) and thing.__dataclass_params__.frozen else type(thing).__name__


def _require_agreement(newest: Path | None) -> None:
    """Require the same newest file in all processes; none saves another before all have looked."""
    step = -1 if newest is None else int(newest.stem.removeprefix("step-"))
    if int(processes.total(torch.tensor(step))) != step * processes.world_size():
        words = "be one that all processes see, as they find other newest files in it"
        checks.require(False, words, "folder", newest and str(newest))


def _resume(run: Run, path: Path, described: dict[str, str]) -> None:
    """Bring a training to where a file has it."""
    state = load(path)
    if not isinstance(state, dict) or "training" not in state:
        raise _unfit(path, "the state of something else than a training")
    _require_same(path, state["training"], described)
    run.optimizer.load_state_dict(state["optimizer"])
    run.model.load_state_dict(state["model"])
    run.load_state_dict(state["run"])
    for hook, memory in zip(_stateful(run), state["hooks"], strict=True):
        hook.load_state_dict(memory)
    _load_own(run, state["ranks"][processes.rank()])
    run.checkpoint = path


def _require_same(path: Path, then: dict[str, str], now: dict[str, str]) -> None:
    """Require that a file comes from this very training, and name what differs."""
    differences = [
        f"{name} is {then.get(name, 'missing')} there and {now.get(name, 'missing')} here"
        for name in {**then, **now}
        if then.get(name) != now.get(name)
    ]
    if differences:
        raise ValueError(f"training must be the one that was saved in {path}, but {'; '.join(differences)}")
