"""Where a training runs, from which seed, and what it shows to whom."""

import io
import pathlib
import re
import sys

import pytest
import torch
from jupyter_client.manager import run_kernel

from helpers.training import runtime

ROOT = pathlib.Path(__file__).parents[2]


def test_the_device_is_one_that_is_there():
    assert torch.ones(2, device=runtime.device()).sum().item() == 2


@pytest.mark.parametrize(
    "cuda, mps, kind", [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_the_fastest_device_is_picked(cuda, mps, kind, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert runtime.device() == torch.device(kind)


def test_threads_are_set_inside_and_restored_whatever_happens():
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), runtime.threads(before + 1):
        assert torch.get_num_threads() == before + 1
        _ = 1 / 0
    assert torch.get_num_threads() == before
    with pytest.raises(ValueError, match="n must be positive, got n=0"), runtime.threads(0):
        pass


def test_a_seed_makes_a_generator_of_its_own():
    state = torch.random.get_rng_state()
    draws = [torch.rand(3, generator=runtime.seeded(seed)) for seed in (0, 0, 1)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert torch.equal(torch.random.get_rng_state(), state)
    generator = runtime.seeded(4)
    assert runtime.seeded(generator) is generator


@pytest.mark.parametrize("seed, error", [(-1, ValueError), (1.0, TypeError), (None, TypeError)])
def test_what_is_no_seed(seed, error):
    with pytest.raises(error, match=re.escape(f"got seed={seed}")):
        runtime.seeded(seed)


def test_global_randomness_is_restored_whatever_happens():
    state = torch.random.get_rng_state()
    with pytest.raises(ZeroDivisionError), runtime.randomness(3):
        first = torch.rand(2)
        _ = 1 / 0
    assert torch.equal(torch.random.get_rng_state(), state)
    with runtime.randomness(3):
        assert torch.equal(torch.rand(2), first)


def count_to_forty(shown=None):
    with runtime.progress_bar(40, shown) as bar:
        for _ in range(40):
            bar.update()


def test_captured_output_stays_empty(capfd):
    count_to_forty()
    assert capfd.readouterr() == ("", "")


def test_a_bar_that_is_asked_for_counts_the_steps_and_vanishes(capfd):
    count_to_forty(shown=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "/40" in err
    assert err.rstrip(" ").endswith("\r")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_the_bar(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    count_to_forty()
    assert "/40" in terminal.getvalue()


def test_a_notebook_is_watched_if_it_could_ask_for_input():
    code, question = "from helpers.training import runtime", {"watched": "runtime.someone_watches()"}
    with run_kernel(cwd=ROOT) as client:
        for asks in (True, False):
            reply = client.execute_interactive(code, user_expressions=question, allow_stdin=asks, timeout=60)
            assert reply["content"]["user_expressions"]["watched"]["data"]["text/plain"] == str(asks)


def test_nobody_watches_a_process_without_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert runtime.someone_watches() is False
