"""Batches come in an order that the seed decides, in pieces, in shards, and go on where they stood."""

import re

import pytest
import torch

from helpers.training.batches import Batches, check_data, count_steps

DATA = (torch.arange(10), torch.arange(10) * 2)


def batches(data=DATA, batch_size=4, seed=0, **changes):
    return Batches(data, batch_size, torch.Generator().manual_seed(seed), **changes)


def drawn(source, n):
    """The images, labels and shares of the next n batches, pieces laid end to end."""
    taken = [list(next(source)) for _ in range(n)]
    return [(torch.cat([x for x, _, _ in b]), torch.cat([y for _, y, _ in b])) for b in taken]


def noise(images, labels, generator):
    return images + torch.rand(len(images), generator=generator), labels


def test_an_epoch_holds_every_image_once_in_a_new_order():
    taken = drawn(batches(), 9)
    assert [len(x) for x, _ in taken] == [4, 4, 2] * 3
    assert all(torch.equal(y, 2 * x) for x, y in taken)
    epochs = [torch.cat([x for x, _ in taken[i : i + 3]]).tolist() for i in (0, 3, 6)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_shares_add_up_to_one_over_pieces_and_processes():
    ranks = [batches(rank=rank, world_size=2, micro_batch_size=1) for rank in range(2)]
    whole = drawn(batches(), 6)
    for images, _ in whole:
        pieces = [piece for source in ranks for piece in next(source)]
        assert sum(share for *_, share in pieces) == pytest.approx(1)
        assert all(len(x) == 1 for x, *_ in pieces)
        assert sorted(torch.cat([x for x, *_ in pieces]).tolist()) == sorted(images.tolist())


def test_a_batch_too_small_for_the_processes_is_refused():
    words = "batch_size must leave at least 3 images, one a process, for each batch of 10, got batch_size=4"
    with pytest.raises(ValueError, match=re.escape(words)):
        batches(rank=0, world_size=3)
    assert len(drawn(batches(batch_size=5, rank=2, world_size=3), 2)[1][0]) == 1


@pytest.mark.parametrize("taken", [0, 1, 3, 4])
@pytest.mark.parametrize("augment", [None, noise])
def test_it_goes_on_where_it_stood(taken, augment):
    source, twin = (batches(augment=augment, seed=seed) for seed in (1, 2))
    drawn(source, taken)
    twin.load_state_dict(source.state_dict())
    for (x, y), (u, v) in zip(drawn(source, 7), drawn(twin, 7), strict=True):
        assert torch.equal(x, u)
        assert torch.equal(y, v)


def test_augmentation_has_random_numbers_of_its_own_in_each_process():
    first, second = (batches(augment=noise, rank=rank, world_size=2) for rank in range(2))
    fractions = [torch.cat([x % 1 for x, *_ in next(source)]).tolist() for source in (first, second)]
    assert not set(fractions[0]) & set(fractions[1])
    assert torch.equal(first.order, second.order)


def test_a_state_of_another_training_is_refused():
    other = batches(data=(torch.arange(7), torch.arange(7)))
    next(other)
    with pytest.raises(ValueError, match="state must order 10 images, got state=7"):
        batches().load_state_dict(other.state_dict())
    with pytest.raises(ValueError, match=r"state must come without augmentation, got state="):
        batches().load_state_dict(batches(augment=noise).state_dict())
    with pytest.raises(ValueError, match="state must come with augmentation, got state="):
        batches(augment=noise).load_state_dict(batches().state_dict())


def test_sizes_are_checked():
    with pytest.raises(TypeError, match=r"batch_size must be a whole number, got batch_size=2\.5"):
        batches(batch_size=2.5)
    with pytest.raises(ValueError, match="epochs must be positive, got epochs=0"):
        count_steps(DATA, epochs=0, batch_size=1)


def test_a_pair_comes_back_as_it_came():
    images, labels = check_data("val", list(DATA))
    assert images is DATA[0]
    assert labels is DATA[1]
