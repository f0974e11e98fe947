"""Run every recipe that this machine can run, and renew the records: ``python -m helpers.recipes FOLDER``."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

#: Each record, and the recipe and arguments that it comes from.
RECORDS = {
    "digits": "digits --choose",
    "mnist": "mnist --choose",
    "fashion_mnist": "fashion_mnist --choose",
    "cifar10": "cifar10 --choose",
    "lipschitz_mnist": "lipschitz mnist",
    "lipschitz_cifar10": "lipschitz cifar10",
    "lipschitz_clipping": "lipschitz clipping",
    "schedule-race": "schedule_race",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the recipes one after the other; without a GPU the races are reduced, and CIFAR-10 is left out."""
    parser = argparse.ArgumentParser(prog="python -m helpers.recipes", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the records go")
    folder, gpu = parser.parse_args(arguments).folder, torch.cuda.is_available()
    for record, words in RECORDS.items():
        if record == "cifar10" and not gpu:  # on a CPU it would take hours
            sys.stdout.write("\ncifar10: left out, as there is no GPU here\n")
            continue
        recipe, *options = words.split() + ["--full"] * (gpu and words.startswith("lipschitz"))
        sys.stdout.write(f"\n{words}\n")
        sys.stdout.flush()
        module = [sys.executable, "-m", f"helpers.recipes.{recipe}"]
        subprocess.run([*module, *options, "--record", str(folder / f"{record}.json")], check=True)


if __name__ == "__main__":
    main()
