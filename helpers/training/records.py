"""Records of what recipes measured: who ran what, on which machine, and what came out.

``lessons/results/README.md`` describes the entries.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from helpers.core import checks
from helpers.training import processes
from helpers.training.runtime import Runtime

__all__ = ["epoch_means", "facts", "hardware", "kept", "read", "say", "summary", "versions", "write"]

FORMAT = "How CNNs Learn, result 1"
KEYS = ("format", "recipe", "goal", "command", "date", "revision", "hardware", "versions", "runtime")
KEYS += ("settings", "candidates", "runs", "summary")


def summary(runs: list[dict[str, Any]], kind: str | None = None) -> dict[str, Any]:
    """Return mean and sample standard deviation of accuracy, loss and seconds; of one run it is 0.

    Parameters
    ----------
    runs : list of dict
        Each with those three numbers; where one diverged, its loss is None, and so are mean and deviation.
    kind : str, optional
        What names a group of runs by their entries, such as ``"{schedule}, {steps} steps"``; then each
        group has a summary under its name.

    Examples
    --------
    >>> common = {"rule": "SGD", "loss": 1.0, "seconds": 3.0}
    >>> runs = [common | {"accuracy": 0.5}, common | {"accuracy": 0.75}]
    >>> summary(runs, "rule {rule}")["rule SGD"] == summary(runs)
    True
    >>> summary(runs)["accuracy_mean"], round(summary(runs)["accuracy_std"], 4), summary(runs)["loss_std"]
    (0.625, 0.1768, 0.0)
    """
    if kind is not None:
        groups: dict[str, list] = {}
        for run in runs:
            groups.setdefault(kind.format(**run), []).append(run)
        return {name: summary(group) for name, group in groups.items()}
    result = {}
    for name in ("accuracy", "loss", "seconds"):
        values = [run[name] for run in runs]
        spread = statistics.stdev if len(values) > 1 else lambda values: 0.0
        for what, number in (("mean", statistics.fmean), ("std", spread)):
            result[f"{name}_{what}"] = None if None in values else number(values)
    return result


def epoch_means(values: Sequence[float], steps: int) -> list[float | None]:
    """Return the mean of each `steps` values; None for what JSON cannot hold, NaN and infinity.

    >>> epoch_means([1.0, 2.0, 3.0, float("nan")], 2)
    [1.5, None]
    """
    means = [statistics.fmean(values[i : i + steps]) for i in range(0, len(values), steps)]
    return [mean if math.isfinite(mean) else None for mean in means]


def say(words: str, runs: list[dict[str, Any]], images: str = "test") -> None:
    """Write a line with the mean accuracy of runs on some images, one line for all processes."""
    if processes.is_main():
        mean = summary(runs)
        spread = f" +- {100 * mean['accuracy_std']:.2f}" if len(runs) > 1 else ""
        accuracy = f"{images} accuracy {100 * mean['accuracy_mean']:.2f}{spread} %"
        sys.stdout.write(f"{words:<40} {accuracy}, {mean['seconds_mean']:.2f} s\n")
        sys.stdout.flush()


def facts(recipe: str, goal: str, arguments: Sequence[str] | None, settings: Any) -> dict[str, Any]:
    """Return the first entries of a record: what ran, and what a reader types to run it again.

    Parameters
    ----------
    recipe, goal : str
        Its module in ``helpers.recipes``, and what it is measured against.
    arguments : sequence of str or None
        What came after the module; None for the arguments of this process.
    settings : dataclass
        What was chosen.
    """
    words = [f"python -m helpers.recipes.{recipe}", *(sys.argv[1:] if arguments is None else arguments)]
    settings = dataclasses.asdict(settings)
    return {"recipe": recipe, "goal": goal, "command": " ".join(words), "settings": settings}


def write(
    path: Path | None,
    facts: dict[str, Any],
    runtime: Runtime,
    candidates: list | None,
    runs: list[dict[str, Any]],
    kind: str | None = None,
) -> None:
    """Write a record whole or not at all, once for all processes; without a path there is none.

    Parameters
    ----------
    path : Path or None
        The JSON file, in a folder that exists.
    facts : dict
        What :func:`facts` returned.
    runtime : Runtime
        Where it ran.
    candidates : list or None
        What the settings were chosen from, if any were compared.
    runs : list of dict
        The trainings.
    kind : str, optional
        As for :func:`summary`.
    """
    if path is None or not processes.is_main():
        return
    record = facts | {
        "format": FORMAT,
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "revision": _revision(),
        "hardware": hardware(),
        "versions": versions(),
        "runtime": {
            "device": runtime.device.type,
            "precision": runtime.precision,
            "channels_last": runtime.channels_last,
            "threads": runtime.threads or torch.get_num_threads(),
            "processes": processes.world_size(),
        },
        "candidates": candidates,
        "runs": runs,
        "summary": summary(runs, kind),
    }
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_text(json.dumps({key: record[key] for key in KEYS}, indent=1) + "\n", encoding="utf-8")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read(path: Path) -> dict[str, Any]:
    """Return a record.

    Raises
    ------
    ValueError
        If the file is no record of this format.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        record = None
    is_record = isinstance(record, dict) and tuple(record) == KEYS and record["format"] == FORMAT
    checks.require(is_record, f"hold a record of the format {FORMAT!r}", "path", str(path))
    return record


def kept(name: str) -> dict[str, Any]:
    """Return a record that comes with the book: from its checkout, or from where the package is installed.

    Raises
    ------
    FileNotFoundError
        If there is none of this name.
    """
    here = Path(__file__).resolve().parent
    for folder in (here.parents[1] / "lessons" / "results", here / "results"):
        if (folder / f"{name}.json").is_file():
            return read(folder / f"{name}.json")
    raise FileNotFoundError(f"name must be that of a record of the book, got name={name!r}")


def hardware() -> dict[str, Any]:
    """Return the names of processor and GPUs, and the number of cores."""
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {"processor": _processor(), "cores": os.cpu_count(), "gpus": gpus}


def versions() -> dict[str, str]:
    """Return the versions of Python, torch and NumPy."""
    installed = {name: metadata.version(name) for name in ("torch", "numpy")}
    return {"python": platform.python_version()} | installed


def _processor() -> str:
    """Return the processor's name where Linux tells it, else its kind."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text(encoding="utf-8").splitlines() if facts.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _revision() -> str | None:
    """Return the commit of the checkout in which this file lies, if it lies in one."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
