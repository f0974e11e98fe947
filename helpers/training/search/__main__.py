"""Take part in a search, or look at it: ``python -m helpers.training.search {worker,status} FILE.py``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from helpers.training.search.files import load
from helpers.training.search.plans import Plan
from helpers.training.search.reports import Result
from helpers.training.search.searches import Search
from helpers.training.search.storages import StudyError
from helpers.training.search.tables import live_table
from helpers.training.search.workers import work

if TYPE_CHECKING:
    import optuna


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m helpers.training.search", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    worker = commands.add_parser("worker", help="run trials until all have ended")
    status = commands.add_parser("status", help="show the trials so far")
    for command in (worker, status):
        command.add_argument("study", metavar="STUDY", help="FILE.py, or FILE.py:NAME")
    status.add_argument("--watch", action="store_true", help="keep showing them until all have ended")
    status.add_argument("--every", type=float, default=2.0, metavar="SECONDS", help="how often to look")
    chosen = parser.parse_args(arguments)
    try:
        search = load(chosen.study)
        study = search.study(create=chosen.command == "worker")
    except StudyError as error:
        parser.error(str(error))
    try:
        if chosen.command == "worker":
            _work(search, study)
        else:
            _show(search, chosen.every if chosen.watch else None)
    except KeyboardInterrupt:
        sys.exit(130)


def _work(search: Search, study: optuna.Study) -> None:
    """Run trials, with a line for each look that shows something new, and the table at the end."""
    lines = [""]

    def tell(plan: Plan) -> None:
        lines.append(Result(plan).summary.replace("\n", "; "))
        if lines[-1] != lines[-2]:
            _say(lines[-1])

    work(search, study, tell)
    _say(f"\n{search.result()}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()  # a log is read while it is written


def _show(search: Search, every: float | None) -> None:
    with live_table(True) as draw:
        result = search.result()
        draw(str(result))
        while every is not None and not result.complete:
            time.sleep(every)
            result = search.result()
            draw(str(result))


if __name__ == "__main__":
    main()
