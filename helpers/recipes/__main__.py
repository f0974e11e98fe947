"""Run every recipe that this machine can run, and renew the records: ``python -m helpers.recipes FOLDER``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import torch

from helpers.recipes import command, lipschitz, schedule_race

RECIPES = ("digits", "mnist", "fashion_mnist", "cifar10")
ON_A_GPU = ("cifar10",)  # on a CPU it would take hours
RACES = ("mnist", "cifar10", "clipping")  # around the Lipschitz rate; on a CPU with parts of the images


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the recipes one after the other, and say which were left out."""
    parser = argparse.ArgumentParser(prog="python -m helpers.recipes", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the records go")
    folder = parser.parse_args(arguments).folder
    for name in RECIPES:
        if name in ON_A_GPU and not torch.cuda.is_available():
            sys.stdout.write(f"\n{name}: left out, as there is no GPU here\n")
            continue
        sys.stdout.write(f"\n{name}\n")
        recipe = import_module(f"helpers.recipes.{name}").RECIPE
        command.main(recipe, ["--choose", "--record", str(folder / f"{name}.json")])
    for name in RACES:
        sys.stdout.write(f"\nlipschitz {name}\n")
        full = ["--full"] if torch.cuda.is_available() else []
        lipschitz.main([name, *full, "--record", str(folder / f"lipschitz_{name}.json")])
    sys.stdout.write("\nrace of schedules\n")
    schedule_race.main(["--record", str(folder / "schedule-race.json")])


if __name__ == "__main__":
    main()
