"""Batches come in an order that the seed decides, in micro-batches, in shards, and go on where they stood."""

import pytest
import torch

from helpers.training.batches import Batches, check_data

DATA = (torch.arange(10), torch.arange(10) * 2)


def batches(data=DATA, batch_size=4, seed=0, **changes):
    return Batches(data, batch_size, torch.Generator().manual_seed(seed), **changes)


def drawn(source, n):
    """The images and labels of the next n batches, micro-batches laid end to end."""
    taken = [list(next(source)) for _ in range(n)]
    return [(torch.cat([x for x, _, _ in b]), torch.cat([y for _, y, _ in b])) for b in taken]


def test_an_epoch_holds_every_image_once_in_a_new_order():
    taken = drawn(batches(), 9)
    assert [len(x) for x, _ in taken] == [4, 4, 2] * 3
    assert all(torch.equal(y, 2 * x) for x, y in taken)
    epochs = [torch.cat([x for x, _ in taken[i : i + 3]]).tolist() for i in (0, 3, 6)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_shares_add_up_to_one_over_micro_batches_and_processes():
    ranks = [batches(rank=rank, world_size=2, micro_batch_size=1) for rank in range(2)]
    whole = drawn(batches(), 6)
    for images, _ in whole:
        parts = [part for source in ranks for part in next(source)]
        assert sum(share for *_, share in parts) == pytest.approx(1)
        assert all(len(x) == 1 for x, *_ in parts)
        assert sorted(torch.cat([x for x, *_ in parts]).tolist()) == sorted(images.tolist())


def test_each_process_has_an_image_of_each_batch():
    assert len(drawn(batches(batch_size=5, rank=2, world_size=3), 2)[1][0]) == 1


@pytest.mark.parametrize("taken", [0, 1, 3, 4])
def test_it_goes_on_where_it_stood(taken):
    source, twin = (batches(seed=seed) for seed in (1, 2))
    drawn(source, taken)
    twin.load_state_dict(source.state_dict())
    for (x, y), (u, v) in zip(drawn(source, 7), drawn(twin, 7), strict=True):
        assert torch.equal(x, u)
        assert torch.equal(y, v)


def test_a_pair_comes_back_as_it_came():
    images, labels = check_data("val", list(DATA))
    assert images is DATA[0]
    assert labels is DATA[1]
