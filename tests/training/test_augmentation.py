"""Augmented images are those that the definition gives, image by image, and the seed decides which."""

import numpy as np
import pytest
import torch

from helpers.training.augmentation import Augmentation, flip, shift


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def random_images(n=40, shape=(3, 7, 6), dtype=torch.uint8):
    return torch.randint(1, 256, (n, *shape), generator=seeded(5)).to(dtype)


IMAGES = random_images()
LABELS = torch.arange(40) % 4
EVERYTHING = Augmentation(flip=True, shift=2, reflect=True)
SINGLE = [
    Augmentation(flip=True),
    Augmentation(shift=2),
    Augmentation(shift=2, reflect=True),
]


def test_nothing_is_done_unasked():
    images, labels = Augmentation()(IMAGES, LABELS, seeded())
    assert images is IMAGES and labels is LABELS


def test_about_half_are_flipped_and_the_rest_stay():
    flipped = flip(IMAGES, seeded())
    mirrored = [torch.equal(a, b.flip(2)) for a, b in zip(flipped, IMAGES, strict=True)]
    unchanged = [torch.equal(a, b) for a, b in zip(flipped, IMAGES, strict=True)]
    assert all(a != b for a, b in zip(mirrored, unchanged, strict=True))
    assert 10 < sum(mirrored) < 30


def place_of(moved, image, distance, mode):
    """Return the places in the padded image where the moved one lies, by NumPy and one at a time."""
    height, width = image.shape[1:]
    padded = np.pad(image, ((0, 0), (distance, distance), (distance, distance)), mode=mode)
    ways = range(2 * distance + 1)
    return [
        (y, x)
        for y in ways
        for x in ways
        if np.array_equal(padded[:, y : y + height, x : x + width], moved.numpy())
    ]


@pytest.mark.parametrize("fill, mode", [(0, "constant"), (None, "reflect")])
def test_shifted_images_are_windows_of_the_padded_ones(fill, mode):
    moved = shift(IMAGES, 2, seeded(), fill=fill)
    places = [place_of(m, image.numpy(), 2, mode) for m, image in zip(moved, IMAGES, strict=True)]
    assert all(len(found) == 1 for found in places)
    assert {way for [place] in places for way in place} == {0, 1, 2, 3, 4}
    assert len({place for [place] in places}) > 12


def test_a_gap_is_filled_as_asked():
    moved = shift(torch.full((50, 1, 4, 4), 9, dtype=torch.uint8), 1, seeded(), fill=77)
    assert set(moved.unique().tolist()) == {9, 77}
    assert torch.equal(shift(IMAGES, 0, seeded(), fill=None), IMAGES)


def test_a_mirror_is_no_larger_than_the_image():
    assert shift(IMAGES, 5, seeded(), fill=None).shape == IMAGES.shape  # and 6 is refused


@pytest.mark.parametrize("augment", [*SINGLE, EVERYTHING], ids=str)
def test_the_seed_decides_and_what_was_given_stays(augment):
    kept = IMAGES.clone()
    first, again, other = (augment(IMAGES, LABELS, seeded(seed)) for seed in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])
    assert torch.equal(IMAGES, kept)
    assert torch.equal(LABELS, torch.arange(40) % 4)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float64])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_type_and_shape_stay_and_the_layout_changes_nothing(dtype, layout):
    plain, _ = EVERYTHING(IMAGES.to(dtype), LABELS, seeded())
    images, labels = EVERYTHING(IMAGES.to(dtype).to(memory_format=layout), LABELS, seeded())
    assert (images.dtype, images.shape) == (dtype, IMAGES.shape)
    assert torch.equal(images, plain)
    assert labels is LABELS
