import dataclasses
import gzip
import hashlib
import re
import struct

import numpy as np
import pytest

from helpers.training import data
from helpers.training.data import Dataset
from tests.training.hosts import checksum, tar

RNG = np.random.default_rng(0)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return an empty data folder."""
    monkeypatch.setenv("CNN_BOOK_DATA", str(tmp_path))
    return tmp_path


# --- digits


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    sample, bundled = data.digits(), load_digits()
    images = np.concatenate([sample.train.images, sample.test.images])[:, 0]
    labels = np.concatenate([sample.train.labels, sample.test.labels])
    restored = np.rint(images * (16 / 255))
    assert images.max() == 255 and images.min() == 0

    def multiset(pixels, classes):
        pairs = zip(pixels, classes, strict=True)
        return sorted((label, image.astype(int).tobytes()) for image, label in pairs)

    assert multiset(restored, labels) == multiset(bundled.images, bundled.target)


def test_digits_are_described_and_split_the_same_everywhere():
    sample = data.digits()
    train = [142, 146, 142, 146, 145, 146, 145, 143, 139, 144]
    check(sample, (1, 8, 8), train, [36, 36, 35, 37, 36, 36, 36, 36, 35, 36])
    digest = hashlib.sha256(sample.test.images.tobytes() + sample.test.labels.astype("<i8").tobytes())
    assert digest.hexdigest() == "1cbb33ba016fa3fbded5adc8c59cf6e4512728d6dcb4495744bf0adb4b4c161f"


# --- the published formats


def idx(array):
    return gzip.compress(
        struct.pack(f">{1 + array.ndim}I", 0x0800 | array.ndim, *array.shape) + array.tobytes()
    )


def test_mnist_is_downloaded_and_read(folder, host, monkeypatch):
    images, labels = RNG.integers(0, 256, (5, 28, 28), np.uint8), np.array([0, 9, 3, 3, 1], np.uint8)
    contents = [idx(array) for array in (images, labels, images[:2] // 2, labels[1:3])]
    downloads = []
    for file, content in zip(data.MNIST, contents, strict=True):
        mirrors = dict.fromkeys([host.serve(b"no", "missing"), host.serve(content)], checksum(content))
        checksums = {file.name: checksum(content)}
        downloads.append(dataclasses.replace(file, checksums=checksums, mirrors=mirrors))
    monkeypatch.setattr(data, "MNIST", downloads)
    sample = data.mnist()
    assert (sample.train.images == images[:, None]).all() and (sample.train.labels == labels).all()
    assert (sample.test.images == images[:2, None] // 2).all() and (sample.test.labels == [9, 3]).all()
    assert {f"mnist/{path.name}" for path in (folder / "mnist").iterdir()} == {f.name for f in data.MNIST}
    sample.train.images[0] = 0  # writable, and nobody else's
    assert (data.mnist().train.images == images[:, None]).all()
    assert len(host.requests) == 8


def test_cifar10_is_downloaded_unpacked_and_read(folder, host, monkeypatch):
    batches = [RNG.integers(0, 256, (n, 3073), np.uint8) for n in (4, 3, 3, 3, 3, 2)]
    for batch in batches:
        batch[:, 0] %= 10
    contents = {name: batch.tobytes() for name, batch in zip(data.CIFAR10.checksums, batches, strict=True)}
    packed = tar(contents)
    checksums = {name: checksum(content) for name, content in contents.items()}
    mirrors = {host.serve(packed): checksum(packed)}
    download = dataclasses.replace(data.CIFAR10, checksums=checksums, mirrors=mirrors)
    monkeypatch.setattr(data, "CIFAR10", download)
    sample, records = data.cifar10(), np.concatenate(batches)
    assert len(sample.train) == 16 and len(sample.test) == 2
    assert (np.concatenate([sample.train.labels, sample.test.labels]) == records[:, 0]).all()
    assert sample.test.images[1, 2, 31, 30] == batches[5][1, 1 + 2 * 1024 + 31 * 32 + 30]
    images = np.concatenate([sample.train.images, sample.test.images])
    assert (images.reshape(18, 3072) == records[:, 1:]).all()
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == set(contents)
    sample.train.images[0] = 0
    data.cifar10()
    assert len(host.requests) == 1


# --- what is published


@pytest.mark.parametrize(
    "download", [*data.MNIST, *data.FASHION_MNIST, data.CIFAR10], ids=lambda download: download.name
)
def test_every_set_has_several_hosts_and_a_hash_for_each(download):
    hosts = {url.split("/")[2] for url in download.mirrors}
    assert len(hosts) == len(download.mirrors) >= 3
    assert all(url.endswith(download.name.rpartition("/")[2]) for url in download.mirrors)
    hashes = [*download.checksums.values(), *download.mirrors.values()]
    assert all(re.fullmatch("[0-9a-f]{64}|sha1:[0-9a-f]{40}", known) for known in hashes)


def statistics(split):
    """Return mean and standard deviation of the pixels / 255 for each channel, without a wider copy."""
    values, found = np.arange(256) / 255, []
    for channel in range(split.images.shape[1]):
        parts = np.array_split(split.images[:, channel], 20)
        count = sum(np.bincount(part.ravel(), minlength=256) for part in parts)
        mean = count @ values / count.sum()
        found.append((mean, np.sqrt(count @ (values - mean) ** 2 / count.sum())))
    return zip(*found, strict=True)


def check(sample, shape, train_counts, test_counts):
    assert isinstance(sample, Dataset)
    assert sample.train.images.shape[1:] == sample.test.images.shape[1:] == shape
    assert np.bincount(sample.train.labels).tolist() == train_counts
    assert np.bincount(sample.test.labels).tolist() == test_counts
    assert len(set(sample.class_names)) == 10
    mean, std = statistics(sample.train)
    np.testing.assert_allclose(sample.mean, mean, atol=5.1e-5)
    np.testing.assert_allclose(sample.std, std, atol=5.1e-5)
    assert sample.name and sample.source and sample.licence


REAL = {  # shape, counts of the classes, and the beginnings of the hashes of images in the published order
    "mnist": (
        (1, 28, 28),
        [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
        [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
        "2f7182bf021ffc5c 6d87418db22cc802",
    ),
    "fashion_mnist": ((1, 28, 28), [6000] * 10, [1000] * 10, "2929ae1c7b89e0ee c867c93ff9536059"),
    "cifar10": ((3, 32, 32), [5000] * 10, [1000] * 10, "a50e8b48728e1667 177777c33ba79825"),
}


@pytest.mark.parametrize("name", REAL)
def test_real_images(name, real_data, monkeypatch):
    monkeypatch.setenv("CNN_BOOK_DATA", str(real_data))
    sample, (*wanted, hashes) = getattr(data, name)(), REAL[name]
    check(sample, *wanted)
    parts = sample.train.images[:10_000], sample.test.images
    assert " ".join(checksum(part)[:16] for part in parts) == hashes


def test_real_files_that_are_cut_short_are_named(real_data, folder):
    (folder / "mnist").mkdir()
    for file in data.MNIST:
        (folder / file.name).symlink_to(real_data / file.name)
    (folder / data.MNIST[2].name).unlink()
    (folder / data.MNIST[2].name).write_bytes((real_data / data.MNIST[2].name).read_bytes()[:-1000])
    with pytest.raises(ValueError, match=r"t10k-images-idx3-ubyte\.gz must have sha256 .*, got 1647877"):
        data.mnist()
