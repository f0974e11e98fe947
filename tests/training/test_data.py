import dataclasses
import gzip
import hashlib
import io
import struct
import tarfile

import numpy as np
import pytest

from helpers.training import data
from helpers.training.data import Dataset
from helpers.training.downloads import RemoteArchive, RemoteFile

RNG = np.random.default_rng(0)


def remote_file(name, content, *urls):
    return RemoteFile(name, len(content), hashlib.sha256(content).hexdigest(), urls)


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
        return sorted(
            (label, image.astype(int).tobytes()) for image, label in zip(pixels, classes, strict=True)
        )

    assert multiset(restored, labels) == multiset(bundled.images, bundled.target)


def test_digits_are_split_the_same_everywhere():
    sample = data.digits()
    assert np.bincount(sample.train.labels).tolist() == [142, 146, 142, 146, 145, 146, 145, 143, 139, 144]
    assert np.bincount(sample.test.labels).tolist() == [36, 36, 35, 37, 36, 36, 36, 36, 35, 36]
    digest = hashlib.sha256(sample.test.images.tobytes() + sample.test.labels.astype("<i8").tobytes())
    assert digest.hexdigest() == "1cbb33ba016fa3fbded5adc8c59cf6e4512728d6dcb4495744bf0adb4b4c161f"


# --- IDX files


def idx(array, magic=None, shape=None):
    shape = array.shape if shape is None else shape
    magic = 0x0800 | array.ndim if magic is None else magic
    return gzip.compress(struct.pack(f">{1 + len(shape)}I", magic, *shape) + array.tobytes(), 1)


IMAGES, LABELS = RNG.integers(0, 256, (5, 28, 28)).astype(np.uint8), np.array([0, 9, 3, 3, 1], np.uint8)
TEST_IMAGES, TEST_LABELS = IMAGES[:2] // 2, LABELS[1:3]
GOOD = [idx(array) for array in (IMAGES, LABELS, TEST_IMAGES, TEST_LABELS)]
NAMES = ["set/train-images", "set/train-labels", "set/test-images", "set/test-labels"]


def read_idx(folder, contents):
    """Read four files that are what their checksums say, whatever that is."""
    (folder / "set").mkdir()
    for name, content in zip(NAMES, contents, strict=True):
        (folder / name).write_bytes(content)
    files = [remote_file(name, content) for name, content in zip(NAMES, contents, strict=True)]
    return data._read_idx(files, counts=(5, 2))


def test_idx_files_are_read(folder):
    train, test = read_idx(folder, GOOD)
    assert (train.images == IMAGES[:, None]).all() and (train.labels == LABELS).all()
    assert (test.images == TEST_IMAGES[:, None]).all() and (test.labels == TEST_LABELS).all()
    train.images[0] = 0  # writable, and nobody else's


WHOLE = gzip.decompress(GOOD[0])
BAD_IDX = [
    (0, idx(IMAGES, magic=2049), "set/train-images must begin with the IDX number 2051, got 2049"),
    (1, idx(LABELS, magic=0x0D01), "set/train-labels must begin with the IDX number 2049, got 3329"),
    (0, idx(IMAGES[:4]), r"set/train-images must have dimensions \(5, 28, 28\), got \(4, 28, 28\)"),
    (0, idx(IMAGES.transpose(1, 0, 2)), r"must have dimensions \(5, 28, 28\), got \(28, 5, 28\)"),
    (3, idx(LABELS), r"set/test-labels must have dimensions \(2,\), got \(5,\)"),
    (0, gzip.compress(WHOLE[:-1]), "set/train-images must unpack to 3936 bytes, got 3935"),
    (0, gzip.compress(WHOLE + b"x"), "set/train-images must unpack to 3936 bytes, got more"),
    (0, gzip.compress(WHOLE + bytes(1 << 24)), "set/train-images must unpack to 3936 bytes, got more"),
    (0, gzip.compress(b""), "set/train-images must begin with the IDX number 2051, got 0"),
    (0, gzip.compress(WHOLE[:6]), r"must have dimensions \(5, 28, 28\), got \(0, 0, 0\)"),
    (0, GOOD[0][:-20], "set/train-images must be a whole gzip file, got an unreadable one"),
    (
        0,
        GOOD[0][:10] + b"\x07" + GOOD[0][11:],
        "set/train-images must be a whole gzip file.*invalid block type",
    ),
    (0, WHOLE, "set/train-images must be a whole gzip file, got an unreadable one: Not a gzipped"),
    (0, b"", "set/train-images must begin with the IDX number 2051, got 0"),
    (1, idx(np.array([0, 10, 2, 3, 1], np.uint8)), r"set/train-labels must have labels in 0\.\.9, got 10"),
    (3, idx(np.array([255, 0], np.uint8)), r"set/test-labels must have labels in 0\.\.9, got 255"),
]


@pytest.mark.parametrize(("place", "content", "message"), BAD_IDX, ids=[message for *_, message in BAD_IDX])
def test_a_bad_idx_file_is_named(folder, place, content, message):
    contents = list(GOOD)
    contents[place] = content
    with pytest.raises(ValueError, match=message):
        read_idx(folder, contents)


def test_a_gzip_bomb_is_not_unpacked():
    import tracemalloc

    bomb = gzip.compress(bytes(1 << 26), 1)
    tracemalloc.start()
    with pytest.raises(ValueError, match="must begin with the IDX number"):
        data._parse_idx(bomb, "bomb", (5, 28, 28))
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_mnist_is_downloaded(folder, host, monkeypatch):
    contents = [
        idx(np.broadcast_to(np.uint8(value), shape))
        for value, shape in zip(
            (7, 3, 8, 4), ((60_000, 28, 28), (60_000,), (10_000, 28, 28), (10_000,)), strict=True
        )
    ]
    files = [
        remote_file(file.name, content, host.serve(b"no", "missing"), host.serve(content))
        for file, content in zip(data.MNIST, contents, strict=True)
    ]
    monkeypatch.setattr(data, "MNIST", files)
    sample = data.mnist()
    assert sample.train.images.shape == (60_000, 1, 28, 28) and (sample.train.images == 7).all()
    assert sample.test.images.shape == (10_000, 1, 28, 28) and (sample.test.images == 8).all()
    assert (sample.train.labels == 3).all() and (sample.test.labels == 4).all()
    assert sorted(path.name for path in (folder / "mnist").iterdir()) == sorted(
        f"{name}-ubyte.gz"
        for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    )
    data.mnist()
    assert len(host.requests) == 8


# --- CIFAR-10's binary version


def batch(n, offset=0):
    labels = (np.arange(n) + offset) % 10
    return np.hstack([labels[:, None], RNG.integers(0, 256, (n, 3072))]).astype(np.uint8)


def read_cifar(folder, contents):
    (folder / "cifar").mkdir()
    files = []
    for at, content in enumerate(contents):
        (folder / f"cifar/batch_{at}.bin").write_bytes(content)
        files.append(remote_file(f"cifar/batch_{at}.bin", content))
    return data._read_cifar(RemoteArchive("cifar.tar.gz", 1, tuple(files), ()))


def test_cifar_batches_are_read(folder):
    batches = [batch(4), batch(3, 4), batch(2, 7)]
    train, test = read_cifar(folder, [records.tobytes() for records in batches])
    records = np.concatenate(batches)
    assert (np.concatenate([train.labels, test.labels]) == records[:, 0]).all()
    assert len(train) == 7 and len(test) == 2
    assert test.images[1, 2, 31, 30] == batches[2][1, 1 + 2 * 1024 + 31 * 32 + 30]
    assert (np.concatenate([train.images, test.images]).reshape(9, 3072) == records[:, 1:]).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            batch(2).tobytes()[:-1],
            r"cifar/batch_1\.bin must hold whole records of 3073 bytes, got 6145 bytes",
        ),
        (b"", r"cifar/batch_1\.bin must hold whole records of 3073 bytes, got 0 bytes"),
        (b"\x0a" + batch(2).tobytes()[1:], r"cifar/batch_1\.bin must have labels in 0\.\.9, got 10"),
    ],
)
def test_a_bad_cifar_batch_is_named(folder, content, message):
    with pytest.raises(ValueError, match=message):
        read_cifar(folder, [batch(4).tobytes(), content, batch(2).tobytes()])


def test_cifar10_is_downloaded_and_unpacked(folder, host, monkeypatch):
    contents = {file.name: batch(3, at).tobytes() for at, file in enumerate(data.CIFAR10.members)}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    members = tuple(remote_file(name, content) for name, content in contents.items())
    url = host.serve(buffer.getvalue())
    monkeypatch.setattr(data, "CIFAR10", dataclasses.replace(data.CIFAR10, members=members, urls=(url,)))
    sample = data.cifar10()
    assert sample.train.images.shape == (15, 3, 32, 32) and sample.test.labels.tolist() == [5, 6, 7]
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == set(contents)
    data.cifar10()
    assert len(host.requests) == 1


# --- what is published


@pytest.mark.parametrize(
    "remote", [*data.MNIST, *data.FASHION_MNIST, data.CIFAR10], ids=lambda remote: remote.name
)
def test_every_set_has_several_hosts(remote):
    hosts = {url.split("/")[2] for url in remote.urls}
    assert len(hosts) == len(remote.urls) >= 3
    assert all(url.endswith(remote.name.rpartition("/")[2]) for url in remote.urls)
    assert all(len(file.sha256) == 64 for file in remote.files)


def histogram(split, channel):
    """Return how often each value occurs in a channel, without a copy of the whole set in a wider type."""
    parts = np.array_split(split.images[:, channel], 20)
    return sum(np.bincount(part.ravel(), minlength=256) for part in parts)


def statistics(split):
    """Return mean and standard deviation of the pixels / 255 for each channel."""
    values = np.arange(256) / 255
    counts = [histogram(split, channel) for channel in range(split.images.shape[1])]
    means = [count @ values / count.sum() for count in counts]
    stds = [
        np.sqrt(count @ (values - mean) ** 2 / count.sum()) for count, mean in zip(counts, means, strict=True)
    ]
    return tuple(means), tuple(stds)


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


def test_digits_are_described():
    sample = data.digits()
    check(
        sample, (1, 8, 8), np.bincount(sample.train.labels).tolist(), np.bincount(sample.test.labels).tolist()
    )


@pytest.fixture
def real(real_data, monkeypatch):
    """Read the real sets, with no host to turn to."""
    monkeypatch.setenv("CNN_BOOK_DATA", str(real_data))


@pytest.mark.usefixtures("real")
def test_real_mnist():
    sample = data.mnist()
    train = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    check(sample, (1, 28, 28), train, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009])
    np.testing.assert_allclose(statistics(sample.test), [[0.1325], [0.3105]], atol=5e-5)


@pytest.mark.usefixtures("real")
def test_real_fashion_mnist():
    sample = data.fashion_mnist()
    check(sample, (1, 28, 28), [6000] * 10, [1000] * 10)
    np.testing.assert_allclose(statistics(sample.test), [[0.2868], [0.3524]], atol=5e-5)


@pytest.mark.usefixtures("real")
def test_real_cifar10():
    sample = data.cifar10()
    check(sample, (3, 32, 32), [5000] * 10, [1000] * 10)
    first, last = sample.train.images[:10_000], sample.test.images
    assert (
        hashlib.sha256(first).hexdigest()
        == "a50e8b48728e1667d682a807155c375279d5ae321fb12242c02e3104a6bc8b21"
    )
    assert (
        hashlib.sha256(last).hexdigest() == "177777c33ba79825320efa646ad04a94bdc3c80e4ebe3bd21724f8cdfd4b9d56"
    )
    counts = [1005, 974, 1032, 1016, 999, 937, 1030, 1001, 1025, 981]
    assert np.bincount(sample.train.labels[:10_000]).tolist() == counts


@pytest.mark.usefixtures("real")
def test_real_files_that_are_cut_short_are_named(real_data, folder):
    name = data.MNIST[2].name
    (folder / "mnist").mkdir()
    for file in data.MNIST:
        (folder / file.name).symlink_to(real_data / file.name)
    (folder / name).unlink()
    (folder / name).write_bytes((real_data / name).read_bytes()[:-1000])
    with pytest.raises(
        ValueError, match=r"t10k-images-idx3-ubyte\.gz must have 1648877 bytes .*, got 1647877 bytes"
    ):
        data.mnist()
