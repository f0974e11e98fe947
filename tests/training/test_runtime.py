"""Where a training runs, in which precision, and from which seed."""

import re

import pytest
import torch

from helpers.training import runtime


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
