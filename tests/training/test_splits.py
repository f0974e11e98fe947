import numpy as np
import pytest
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


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (PIXELS / 255, CLASSES, r"images\.dtype must be uint8, got images\.dtype='float64'"),
        (PIXELS, CLASSES / 1, r"labels\.dtype must be int64, got labels\.dtype='float64'"),
        (PIXELS[:, 0], CLASSES, r"images must have shape \(N, C, H, W\), got \(2, 4, 4\)"),
        (PIXELS, CLASSES[:, None], r"labels must have shape \(N=2,\), got \(2, 1\)"),
        (PIXELS, CLASSES[:1], r"labels must have shape \(N=2,\), got \(1,\)"),
    ],
)
def test_what_is_no_split_is_refused(images, labels, message):
    with pytest.raises(ValueError, match=message):
        Split(images, labels)


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


@pytest.mark.parametrize(("n", "required"), [(0, "be positive"), (-1, "be positive"), (11, "be at most 10")])
def test_no_more_is_taken_than_there_is(n, required):
    with pytest.raises(ValueError, match=f"n must {required}, got n={n}"):
        split_of(range(10)).take(n)


@pytest.mark.parametrize("n", [3.0, 0.3, "3", True])
def test_a_count_must_be_a_whole_number(n):
    with pytest.raises(TypeError, match=f"n must be a whole number, got n={n!r}"):
        split_of(range(10)).take(n)


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, 0.01, 0.99])
def test_a_fraction_must_leave_two_parts(fraction):
    with pytest.raises(ValueError, match=f"fraction must part 10 images in two, got fraction={fraction}"):
        split_of(range(10)).holdout(fraction)


def test_a_fraction_must_be_a_number():
    with pytest.raises(ValueError, match="fraction must be finite, got fraction=nan"):
        split_of(range(10)).holdout(float("nan"))
    with pytest.raises(TypeError, match="fraction must be a real number, got fraction='half'"):
        split_of(range(10)).holdout("half")


@pytest.mark.parametrize(
    ("seed", "error", "required"),
    [
        (-1, ValueError, "be zero or positive"),
        (2**32, ValueError, r"be below 2\*\*32"),
        (0.5, TypeError, "be a whole number"),
        (None, TypeError, "be a whole number"),
    ],
)
def test_a_seed_must_be_in_range(seed, error, required):
    for choose in (lambda split: split.take(3, seed), lambda split: split.holdout(0.5, seed)):
        with pytest.raises(error, match=f"seed must {required}, got seed={seed}"):
            choose(split_of(range(10)))


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


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        ((0.5,), (1, 1, 1), r"mean must have 3 values, one for each channel, got mean=\(0\.5,\)"),
        ((0, 0, 0), (1, 1), r"std must have 3 values, one for each channel, got std=\(1, 1\)"),
        ((0, 0, 0), (1, 0, 1), r"std\[1\] must be positive, got std\[1\]=0"),
        ((0, float("nan"), 0), (1, 1, 1), r"mean\[1\] must be finite, got mean\[1\]=nan"),
    ],
)
def test_statistics_that_do_not_fit_are_refused(mean, std, message):
    with pytest.raises(ValueError, match=message):
        split_of([0, 1], channels=3).tensors(mean, std)
