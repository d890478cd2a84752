"""Loads the data sets: digits (embedded), Fashion-MNIST (IDX files), CIFAR-10 and CIFAR-100 (binary layout).

Every file is checked for magic number, size and label range; nothing is downloaded and no pickle is read.
"""

import gzip
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from derivations.errors import InputError

CLASSES = 10
SPLIT_SEED = 2021
TEST_SHARE = 0.2
DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
GET_FASHION_MNIST = "install Debian's package dataset-fashion-mnist or point --data-dir at the folder of its four IDX files"
GET_CIFAR10 = "unpack cifar-10-binary.tar.gz from www.cs.toronto.edu/~kriz/cifar.html and point --data-dir at its folder"
GET_CIFAR100 = GET_CIFAR10.replace("cifar-10-", "cifar-100-")

# Mean and standard deviation of the training pixels, scaled to [0, 1], by channel.
DIGITS_MOMENTS = ((0.3052,), (0.3758,))
FASHION_MNIST_MOMENTS = ((0.2860,), (0.3530,))
CIFAR10_MOMENTS = ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))
CIFAR100_MOMENTS = ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762))

Array = np.ndarray[tuple[int, ...], np.dtype[np.number]]
Moments = tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True)
class Split:
    """Normalized images (samples, channels, size, size) in float32 and labels (samples,) in int64."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, samples: int) -> "Split":
        """The first samples, in the order of the files."""
        return Split(self.images[:samples], self.labels[:samples])

    def to(self, device: str) -> "Split":
        """The same samples on `device`."""
        return Split(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Dataset:
    """A named pair of splits. `augment`: whether crops and flips leave an image in its class, so that training may draw them."""

    name: str
    train: Split
    test: Split
    augment: bool = False
    classes: int = CLASSES

    def first(self, train: int, test: int) -> "Dataset":
        """The same data set with the first samples of each split alone."""
        return replace(self, train=self.train.first(train), test=self.test.first(test))

    @property
    def in_channels(self) -> int:
        return self.train.images.shape[1]

    @property
    def image_size(self) -> int:
        return self.train.images.shape[2]


def load(name: str, folder: Path | None = None) -> Dataset:
    """The named data set, its files taken from `folder` (digits needs none).

    Raises InputError for an unknown name, and for missing, truncated or inconsistent files.
    """
    if name not in LOADERS:
        raise InputError(f"unknown data set {name!r}: choose from {', '.join(LOADERS)}")
    return LOADERS[name](folder)


def locate(name: str, folder: Path | None = None) -> str | None:
    """Where `load` would find the data set: a folder, "embedded", or None. Looks for the first file only and reads nothing."""
    if name not in LOADERS:
        raise InputError(f"unknown data set {name!r}: choose from {', '.join(LOADERS)}")
    if name == "digits":
        return "embedded"
    places = {
        "fashion-mnist": (folder or DEBIAN_FASHION_MNIST, ("train-images-idx3-ubyte", "train-images-idx3-ubyte.gz")),
        "cifar10": (_cifar10_folder(folder or Path()), ("data_batch_1.bin",)),
        "cifar100": (_cifar100_folder(folder or Path()), ("train.bin",)),
    }
    place, files = places[name]
    return str(place) if any((place / file).is_file() for file in files) else None


def _digits(folder: Path | None) -> Dataset:
    """1,797 handwritten digits of 8×8 pixels in 0…16 (UCI, shipped with scikit-learn); a fifth of every class is the test split."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images, labels = digits.images[:, None], digits.target
    order = np.random.RandomState(SPLIT_SEED).permutation(len(labels))  # its stream is frozen across NumPy versions
    is_test = np.zeros(len(labels), dtype=bool)
    for label in range(CLASSES):
        members = order[labels[order] == label]
        is_test[members[: round(TEST_SHARE * len(members))]] = True
    train, test = (_split(images[chosen], labels[chosen], DIGITS_MOMENTS, peak=16) for chosen in (~is_test, is_test))
    return Dataset("digits", train, test)


def _fashion_mnist(folder: Path | None) -> Dataset:
    """Zalando's Fashion-MNIST: 28×28 grey images as IDX files, gzipped or not."""
    folder = folder or DEBIAN_FASHION_MNIST
    return Dataset("fashion-mnist", _fashion_mnist_split(folder, "train"), _fashion_mnist_split(folder, "t10k"))


def _fashion_mnist_split(folder: Path, part: str) -> Split:
    images, labels = _idx(folder, f"{part}-images-idx3-ubyte", 3), _idx(folder, f"{part}-labels-idx1-ubyte", 1)
    if len(images) != len(labels) or images.shape[1:] != (28, 28):
        raise InputError(f"{folder}: {part} images of shape {images.shape} do not go with {len(labels)} labels: get the files again")
    _check_labels(labels, folder)
    return _split(images[:, None], labels, FASHION_MNIST_MOMENTS)


def _idx(folder: Path, name: str, dimensions: int) -> Array:
    """An IDX file of unsigned bytes: magic 0x0000080d (d dimensions), d big-endian sizes, then exactly their product of bytes."""
    path = _existing((folder / name, folder / f"{name}.gz"), f"Fashion-MNIST not found ({folder / name}[.gz]): {GET_FASHION_MNIST}")
    content = _content(path, limit=16 + 60_000 * 28 * 28)
    header = 4 + 4 * dimensions
    if len(content) < header or content[:4] != bytes((0, 0, 8, dimensions)):
        raise InputError(f"{path} is not an IDX file of bytes in {dimensions} dimensions: get it again")
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", dimensions, 4))
    if shape[0] == 0 or len(content) != header + math.prod(shape):
        raise InputError(f"{path} declares {shape} bytes but holds {len(content) - header}: get it again")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _cifar10(folder: Path | None) -> Dataset:
    """CIFAR-10, binary layout: records of one label and 3×32×32 bytes (Krizhevsky 2009)."""
    if folder is None:
        raise InputError(f"CIFAR-10 needs --data-dir: {GET_CIFAR10}")
    folder = _cifar10_folder(folder)
    parts = [_cifar10_file(folder, f"data_batch_{number}") for number in range(1, 6)]
    images, labels = (np.concatenate(pieces) for pieces in zip(*parts, strict=True))
    train, test = _split(images, labels, CIFAR10_MOMENTS), _split(*_cifar10_file(folder, "test_batch"), CIFAR10_MOMENTS)
    return Dataset("cifar10", train, test, augment=True)


def _cifar10_folder(folder: Path) -> Path:
    """The folder itself, or the one that the archive unpacks to inside it."""
    inner = folder / "cifar-10-batches-bin"
    return inner if inner.is_dir() else folder


def _cifar10_file(folder: Path, name: str) -> tuple[Array, Array]:
    path = folder / f"{name}.bin"
    if not path.is_file() and ((folder / name).exists() or (folder / "cifar-10-batches-py").exists()):
        raise InputError(f"{folder} holds CIFAR-10's python layout, which is pickled and never read: {GET_CIFAR10}")
    _existing((path,), f"CIFAR-10 not found ({path}): {GET_CIFAR10}")
    records = _records(path, labels=1, limit=10_000)
    _check_labels(records[:, 0], path)
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0]


def _cifar100(folder: Path | None) -> Dataset:
    """CIFAR-100, binary layout: records of a coarse and a fine label, of which the fine is learned, and 3×32×32 bytes."""
    if folder is None:
        raise InputError(f"CIFAR-100 needs --data-dir: {GET_CIFAR100}")
    folder = _cifar100_folder(folder)
    train, test = (_split(*_cifar100_file(folder, name), CIFAR100_MOMENTS) for name in ("train", "test"))
    return Dataset("cifar100", train, test, augment=True, classes=100)


def _cifar100_folder(folder: Path) -> Path:
    """The folder itself, or the one that the archive unpacks to inside it."""
    inner = folder / "cifar-100-binary"
    return inner if inner.is_dir() else folder


def _cifar100_file(folder: Path, name: str) -> tuple[Array, Array]:
    path = folder / f"{name}.bin"
    if not path.is_file() and ((folder / name).exists() or (folder / "cifar-100-python").exists()):
        raise InputError(f"{folder} holds CIFAR-100's python layout, which is pickled and never read: {GET_CIFAR100}")
    _existing((path,), f"CIFAR-100 not found ({path}): {GET_CIFAR100}")
    records = _records(path, labels=2, limit=50_000)
    _check_labels(records[:, 0], path, 20)
    _check_labels(records[:, 1], path, 100)
    return records[:, 2:].reshape(-1, 3, 32, 32), records[:, 1]


def _records(path: Path, labels: int, limit: int) -> Array:
    """At most `limit` records of that many labels and 3×32×32 bytes each: (records, labels + 3072)."""
    record = labels + 3 * 32 * 32
    content = _content(path, limit=limit * record)
    if not content or len(content) % record:
        raise InputError(f"{path} holds {len(content)} bytes, no multiple of {record}: get it again")
    return np.frombuffer(content, np.uint8).reshape(-1, record)


def _existing(candidates: tuple[Path, ...], otherwise: str) -> Path:
    for path in candidates:
        if path.is_file():
            return path
    raise InputError(otherwise)


def _content(path: Path, limit: int) -> bytes:
    """The file, unpacked; one that holds more than `limit` bytes is refused before it fills the memory."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"cannot read {path} ({error}): get it again") from error
    if len(content) > limit:
        raise InputError(f"{path} holds more than the {limit} bytes expected: get it again")
    return content


def _check_labels(labels: Array, source: Path, classes: int = CLASSES) -> None:
    if labels.max() >= classes:
        raise InputError(f"{source} holds label {labels.max()}, outside 0…{classes - 1}: get it again")


def _split(images: Array, labels: Array, moments: Moments, peak: int = 255) -> Split:
    """Pixels 0…peak, normalized with the stated mean and deviation of each channel."""
    mean, deviation = (np.array(values, np.float32)[:, None, None] for values in moments)
    pixels = (images.astype(np.float32) / peak - mean) / deviation
    return Split(torch.from_numpy(pixels), torch.from_numpy(labels.astype(np.int64)))


LOADERS: dict[str, Callable[[Path | None], Dataset]] = {
    "digits": _digits,
    "fashion-mnist": _fashion_mnist,
    "cifar10": _cifar10,
    "cifar100": _cifar100,
}
DATASETS = tuple(LOADERS)
