"""Progress: seen by whoever watches, and by nobody else."""

import io
import sys

from jupyter_client.manager import run_kernel

from helpers.training import progress
from tests.conftest import ROOT


def count_to_forty():
    with progress.progress_bar(40) as bar:
        for _ in range(40):
            bar.update()


def test_captured_output_stays_empty(capfd):
    count_to_forty()
    assert capfd.readouterr() == ("", "")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_the_bar_until_it_is_full(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    count_to_forty()
    assert "/40" in sys.stderr.getvalue() and sys.stderr.getvalue().rstrip(" ").endswith("\r")


def test_of_several_processes_the_first_shows_the_bar(monkeypatch):
    for rank in ("0", "1"):
        monkeypatch.setenv("WORLD_SIZE", "2")
        monkeypatch.setenv("RANK", rank)
        monkeypatch.setattr(sys, "stderr", Terminal())
        count_to_forty()
        assert bool(sys.stderr.getvalue()) == (rank == "0")


def test_a_notebook_is_watched_if_it_could_ask_for_input():
    code, question = "from helpers.training import progress", {"watched": "progress.someone_watches()"}
    with run_kernel(cwd=ROOT) as client:
        for asks in (True, False):
            reply = client.execute_interactive(code, user_expressions=question, allow_stdin=asks, timeout=60)
            assert reply["content"]["user_expressions"]["watched"]["data"]["text/plain"] == str(asks)


def test_nobody_watches_a_process_without_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert progress.someone_watches() is False
