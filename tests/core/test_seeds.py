"""A repetition changes the seeds of trainings or the last digits of their images, and nothing else."""

import runpy

import numpy as np
import pytest
import torch

from helpers.core import seeds
from helpers.training import data, models
from helpers.training.runtime import randomness, seeded


def drawn():
    """Return a number from every source that a training draws from, and images."""
    with randomness(3):
        by_layers = torch.rand(1).item()
    split = data.digits().train.take(4)
    numbers = seeds.generator(3).random(), torch.rand(1, generator=seeded(3)).item(), by_layers
    return np.array(numbers), split.tensors([0.3], [0.4]), split.labels


@pytest.fixture
def repeat(monkeypatch):
    return lambda asked: monkeypatch.setenv(seeds.VARIABLE, asked)


def test_without_a_repetition_a_seed_is_what_it_says(monkeypatch):
    monkeypatch.delenv(seeds.VARIABLE, raising=False)
    assert seeds.replication() == ("", 0)
    assert seeds.generator(3).random() == np.random.default_rng(3).random()
    assert seeds.shifted(7) == 7
    images = torch.ones(2, 1, 2, 2)
    assert seeds.rounded(images) is images


def test_other_seeds_change_every_training_and_no_split(monkeypatch, repeat):
    monkeypatch.delenv(seeds.VARIABLE, raising=False)
    numbers, (images, _), labels = drawn()
    repeat("seeds:1")
    others, (same, _), same_labels = drawn()
    assert (numbers != others).all()
    assert torch.equal(images, same) and (labels == same_labels).all()
    weights = [w.clone() for w in models.small_cnn(seed=0).parameters()]
    repeat("seeds:2")
    assert not torch.equal(weights[0], next(models.small_cnn(seed=0).parameters()))


def test_another_rounding_changes_the_last_digits_of_images_alone(monkeypatch, repeat):
    monkeypatch.delenv(seeds.VARIABLE, raising=False)
    numbers, (images, _), _ = drawn()
    repeat("rounding:1")
    same, (near, _), _ = drawn()
    assert (numbers == same).all()
    off = (near / images - 1).abs()
    assert near.dtype == images.dtype and 2e-7 < off.mean() < 2e-6 and off.max() < 1e-5
    repeat("rounding:2")
    assert not torch.equal(near, drawn()[1][0])
    assert seeds.rounded(np.ones(5)).dtype == float


@pytest.mark.parametrize("asked", ["seeds", "seeds:0", "kernels:1", "rounding:1.5", "seeds:-1"])
def test_a_repetition_that_is_none_is_refused(repeat, asked):
    repeat(asked)
    with pytest.raises(ValueError, match=rf"{seeds.VARIABLE} must be 'seeds:n' or 'rounding:n'.*{asked!r}"):
        seeds.shifted(1)


def test_a_repetition_says_so_where_it_is_run(repeat, capsys):
    for asked, words in (("", ""), ("seeds:3", "A repetition (seeds:3): no page is to be made")):
        repeat(asked)
        runpy.run_path(seeds.__file__)
        assert capsys.readouterr().out.partition(" from")[0] == words


@pytest.mark.parametrize("seed", [-1, 0.5, "1", None, True])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises((TypeError, ValueError), match="seed must be"):
        seeds.generator(seed)
