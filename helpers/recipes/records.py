"""Records of what recipes measured: who ran what, on which machine, and what came out.

``lessons/results/README.md`` describes the entries. A record is written as a whole or not at all.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from helpers.training import processes
from helpers.training.runtime import Runtime

__all__ = ["FORMAT", "command", "hardware", "kept", "read", "say", "summary", "versions", "write"]

FORMAT = "How CNNs Learn, result 1"
KEYS = ("format", "recipe", "goal", "command", "date", "revision", "hardware", "versions", "runtime")
KEYS += ("settings", "candidates", "runs", "summary")


def summary(runs: list[dict[str, Any]]) -> dict[str, float]:
    """Return mean and sample standard deviation of accuracy and seconds; the deviation of one run is 0.

    >>> told = summary([{"accuracy": 0.5, "seconds": 2.0}, {"accuracy": 0.75, "seconds": 4.0}])
    >>> told["accuracy_mean"], round(told["accuracy_std"], 4), told["seconds_mean"]
    (0.625, 0.1768, 3.0)
    """
    told = {}
    for name in ("accuracy", "seconds"):
        values = [run[name] for run in runs]
        told[f"{name}_mean"] = statistics.fmean(values)
        told[f"{name}_std"] = statistics.stdev(values) if len(values) > 1 else 0.0
    return told


def write(
    path: Path,
    facts: dict[str, Any],
    runtime: Runtime,
    candidates: list | None,
    runs: list[dict[str, Any]],
    summarize: Callable[[list], dict] = summary,
) -> None:
    """Write a record; where it cannot be written as a whole, what was there before stays.

    Parameters
    ----------
    path : Path
        The JSON file, in a folder that exists.
    facts : dict
        ``recipe``, ``goal``, ``command`` and ``settings``.
    runtime : Runtime
        Where it ran.
    candidates : list or None
        What `command.choose` returned, if settings were compared.
    runs : list of dict
        What `command.measure` returned.
    summarize : callable, optional
        ``summarize(runs) -> dict``; by default all runs are of one kind.
    """
    record = {
        "format": FORMAT,
        **facts,
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "revision": _revision(),
        "hardware": hardware(),
        "versions": versions(),
        "runtime": {
            "device": runtime.device.type,
            "precision": runtime.precision,
            "channels_last": runtime.channels_last,
            "threads": torch.get_num_threads() if runtime.threads is None else runtime.threads,
            "processes": processes.world_size(),
        },
        "candidates": candidates,
        "runs": runs,
        "summary": summarize(runs),
    }
    text = json.dumps({key: record[key] for key in KEYS}, indent=1) + "\n"
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        unfinished.write_text(text, encoding="utf-8")
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def command(recipe: str, arguments: Sequence[str] | None) -> str:
    """Return what a reader types to run a recipe again.

    Parameters
    ----------
    recipe : str
        Its module in ``helpers.recipes``.
    arguments : sequence of str or None
        What came after it; None for those of this process.

    Examples
    --------
    >>> command("mnist", ["--seeds", "0"])
    'python -m helpers.recipes.mnist --seeds 0'
    """
    words = sys.argv[1:] if arguments is None else arguments
    return " ".join([f"python -m helpers.recipes.{recipe}", *words])


def say(text: str) -> None:
    """Write a line, and let it be seen at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def read(path: Path) -> dict[str, Any]:
    """Return a record.

    Raises
    ------
    ValueError
        If the file is no record of this format.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"path must hold a record in JSON, got path={str(path)!r}: {error}") from None
    if not isinstance(record, dict) or record.get("format") != FORMAT or tuple(record) != KEYS:
        raise ValueError(f"path must hold a record of the format {FORMAT!r}, got path={str(path)!r}")
    return record


def kept(name: str) -> dict[str, Any]:
    """Return a record that comes with the book: from its checkout, or from where the package is installed.

    Raises
    ------
    FileNotFoundError
        If there is none of this name.
    """
    here = Path(__file__).resolve().parent
    folders = (here.parents[1] / "lessons" / "results", here / "results")
    paths = [folder / f"{name}.json" for folder in folders]
    found = [path for path in paths if path.is_file()]
    if not found:
        raise FileNotFoundError(f"name must be that of a kept record, got name={name!r}; looked for {paths}")
    return read(found[0])


def hardware() -> dict[str, Any]:
    """Return the names of processor and GPUs, and the number of cores."""
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {"processor": _processor(), "cores": os.cpu_count(), "gpus": gpus}


def versions() -> dict[str, str]:
    """Return the versions of Python, torch and NumPy."""
    installed = {name: metadata.version(name) for name in ("torch", "numpy")}
    return {"python": platform.python_version()} | installed


def _processor() -> str:
    """Return the processor's name where the system tells it, else its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def _revision() -> str | None:
    """Return the commit of the checkout in which this file lies, if it lies in one."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return told.stdout.strip() or None
