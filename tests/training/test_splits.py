import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.training.splits import Split


def split_of(labels, channels=1):
    """Return a split whose every image carries its own index in its pixels."""
    labels = np.asarray(labels, np.int64)
    images = np.zeros((len(labels), channels, 2, 2), np.uint8)
    images[:, 0, 0, 0], images[:, 0, 0, 1] = np.divmod(np.arange(len(labels)), 256)
    return Split(images, labels)


def indices(split):
    return (split.images[:, 0, 0, 0].astype(int) * 256 + split.images[:, 0, 0, 1]).tolist()


PIXELS, CLASSES = np.zeros((2, 1, 4, 4), np.uint8), np.zeros(2, np.int64)
TEN, COLORED = split_of(range(10)), split_of([0, 1], channels=3)


def test_a_subset_is_a_copy_in_the_order_given():
    split = split_of([0, 1, 2, 3])
    chosen = split.subset([3, 1])
    assert indices(chosen) == [3, 1] and chosen.labels.tolist() == [3, 1]
    chosen.images[:] = 255
    assert indices(split) == [0, 1, 2, 3]
    assert indices(split.subset(split.labels > 1)) == [2, 3]


@given(
    sizes=st.lists(st.integers(40, 60), min_size=2, max_size=10),
    seed=st.integers(0, 2**32 - 1),
    share=st.floats(0.01, 1),
)
def test_each_class_is_taken_by_its_share(sizes, seed, share):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    split = split_of(labels)
    n = max(1, round(share * len(split)))
    taken = split.take(n, seed)
    assert len(set(indices(taken))) == n
    assert (labels[indices(taken)] == taken.labels).all()
    counts = np.bincount(taken.labels, minlength=len(sizes))
    assert np.abs(counts - n * np.array(sizes) / len(split)).max() <= 1.0


def test_what_one_seed_takes_is_nested_and_reproducible():
    split = split_of(np.arange(500) % 10)
    assert indices(split.take(300, seed=4))[:100] == indices(split.take(100, seed=4))
    assert indices(split.take(100, seed=4)) != indices(split.take(100, seed=5))
    assert sorted(indices(split.take(500))) == list(range(500))


@given(n=st.integers(10, 300), fraction=st.floats(0.1, 0.9), seed=st.integers(0, 1000))
def test_a_holdout_parts_the_images(n, fraction, seed):
    split = split_of(np.arange(n) % 5)
    train, validation = split.holdout(fraction, seed)
    assert len(validation) == round(fraction * n)
    assert sorted(indices(train) + indices(validation)) == list(range(n))
    assert np.ptp(np.bincount(validation.labels, minlength=5)) <= 1


def test_tensors_are_normalized_copies():
    rng = np.random.default_rng(0)
    split = Split(rng.integers(0, 256, (6, 3, 5, 4)).astype(np.uint8), np.arange(6))
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)
    images, labels = split.tensors(mean, std)
    expected = (split.images / 255 - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1))
    assert images.dtype == torch.float32 and labels.dtype == torch.int64
    np.testing.assert_allclose(images.numpy(), expected, rtol=1e-5, atol=1e-6)
    labels += 1
    assert split.labels.tolist() == list(range(6))


def test_pixels_are_copies_of_the_bytes():
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 2, 2)
    array.flags.writeable = False
    split = Split(array, np.arange(2))
    images, labels = split.pixels()
    assert images.dtype == torch.uint8 and labels.dtype == torch.int64
    assert images.tolist() == array.tolist() and labels.tolist() == [0, 1]
    images += 1
    assert split.images[0, 0, 0, 0] == 0
