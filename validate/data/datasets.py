"""Loads the data sets: digits (embedded), Fashion-MNIST (IDX files), CIFAR-10 and CIFAR-100 (binary
layout), folders of images.

Every file is checked for magic number, size and label range; nothing is downloaded and no pickle is
read.
"""

import gzip
import hashlib
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from derivations.errors import InputError
from validate.data.image_folder import (
    GET_IMAGE_FOLDER,
    find_splits,
    pixel_moments,
    read_image_folder,
)

CLASSES = 10
SPLIT_SEED = 2021
TEST_SHARE = 0.2
DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
GET_FASHION_MNIST = (
    "install Debian's package dataset-fashion-mnist or point --data-dir at the folder of its four "
    "IDX files"
)
GET_CIFAR10 = (
    "unpack cifar-10-binary.tar.gz from www.cs.toronto.edu/~kriz/cifar.html and point --data-dir "
    "at its folder"
)
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

    def first(self, samples: int | None) -> "Split":
        """The first samples, in the order of the files; None: all."""
        return Split(self.images[:samples], self.labels[:samples])

    @property
    def digest(self) -> str:
        """SHA-256 of images and labels, in hexadecimal."""
        digest = hashlib.sha256(
            self.images.contiguous().numpy().data
        )  # read in place: the images may fill half of the memory
        digest.update(self.labels.contiguous().numpy().data)
        return digest.hexdigest()

    def to(self, device: str) -> "Split":
        """The same samples on `device`."""
        return Split(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Dataset:
    """A named pair of splits. `augment`: whether crops and flips leave an image in its class, so
    that training may draw them.
    """

    name: str
    train: Split
    test: Split
    augment: bool = False
    classes: int = CLASSES

    def first(self, train: int | None, test: int | None) -> "Dataset":
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
    """Where `load` would find the data set: a folder, "embedded", or None. Looks for the first file
    only and reads nothing.
    """
    if name not in LOADERS:
        raise InputError(f"unknown data set {name!r}: choose from {', '.join(LOADERS)}")
    if name == "digits":
        return "embedded"
    if name == "image-folder":
        return str(folder) if folder and find_splits(folder) else None
    places = {
        "fashion-mnist": (
            folder or DEBIAN_FASHION_MNIST,
            ("train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"),
        ),
        **{
            kind.name: (kind.inside(folder or Path()), (f"{kind.train[0]}.bin",))
            for kind in (_CIFAR10, _CIFAR100)
        },
    }
    place, files = places[name]
    return str(place) if any((place / file).is_file() for file in files) else None


def _digits(folder: Path | None) -> Dataset:
    """1,797 handwritten digits of 8×8 pixels in 0…16 (UCI, shipped with scikit-learn); a fifth of
    every class is the test split.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    images, labels = digits.images[:, None], digits.target
    order = np.random.RandomState(SPLIT_SEED).permutation(
        len(labels)
    )  # its stream is frozen across NumPy versions
    is_test = np.zeros(len(labels), dtype=bool)
    for label in range(CLASSES):
        members = order[labels[order] == label]
        is_test[members[: round(TEST_SHARE * len(members))]] = True
    train, test = (
        _split(images[chosen], labels[chosen], DIGITS_MOMENTS, peak=16)
        for chosen in (~is_test, is_test)
    )
    return Dataset("digits", train, test)


def _fashion_mnist(folder: Path | None) -> Dataset:
    """Zalando's Fashion-MNIST: 28×28 grey images as IDX files, gzipped or not."""
    folder = folder or DEBIAN_FASHION_MNIST
    return Dataset(
        "fashion-mnist", _fashion_mnist_split(folder, "train"), _fashion_mnist_split(folder, "t10k")
    )


def _fashion_mnist_split(folder: Path, part: str) -> Split:
    images, labels = (
        _idx(folder, f"{part}-images-idx3-ubyte", 3),
        _idx(folder, f"{part}-labels-idx1-ubyte", 1),
    )
    if len(images) != len(labels) or images.shape[1:] != (28, 28):
        raise InputError(
            f"{folder}: {part} images {images.shape} do not go with labels {labels.shape}: "
            "get the files again"
        )
    _check_labels(labels, folder)
    return _split(images[:, None], labels, FASHION_MNIST_MOMENTS)


def _idx(folder: Path, name: str, dimensions: int) -> Array:
    """An IDX file of unsigned bytes: magic 0x0000080d (d dimensions), d big-endian sizes, then
    exactly their product of bytes.
    """
    path = _existing(
        (folder / name, folder / f"{name}.gz"),
        f"Fashion-MNIST not found ({folder / name}[.gz]): {GET_FASHION_MNIST}",
    )
    content = _content(path, limit=16 + 60_000 * 28 * 28)
    header = 4 + 4 * dimensions
    if len(content) < header or content[:4] != bytes((0, 0, 8, dimensions)):
        raise InputError(
            f"{path} is not an IDX file of bytes in {dimensions} dimensions: get it again"
        )
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", dimensions, 4))
    if shape[0] == 0 or len(content) != header + math.prod(shape):
        raise InputError(
            f"{path} declares {shape} bytes but holds {len(content) - header}: get it again"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


@dataclass(frozen=True)
class _Cifar:
    """CIFAR-10 or CIFAR-100 (Krizhevsky 2009), binary layout: records of labels, of which the last
    is learned, and 3×32×32 bytes.

    `classes` of each label; `train` and `test` files, of at most `limit` records; `folder` that the
    archive unpacks to, `pickled` that of the other layout.
    """

    title: str
    classes: tuple[int, ...]
    train: tuple[str, ...]
    test: str
    limit: int
    folder: str
    pickled: str
    get: str
    moments: Moments

    @property
    def name(self) -> str:
        return self.title.lower().replace("-", "")

    def load(self, folder: Path | None) -> Dataset:
        if folder is None:
            raise InputError(f"{self.title} needs --data-dir: {self.get}")
        folder = self.inside(folder)
        parts = [self._file(folder, name) for name in self.train]
        images, labels = (np.concatenate(pieces) for pieces in zip(*parts, strict=True))
        train, test = (
            _split(images, labels, self.moments),
            _split(*self._file(folder, self.test), self.moments),
        )
        return Dataset(self.name, train, test, augment=True, classes=self.classes[-1])

    def inside(self, folder: Path) -> Path:
        """The folder itself, or the one that the archive unpacks to inside it."""
        inner = folder / self.folder
        return inner if inner.is_dir() else folder

    def _file(self, folder: Path, name: str) -> tuple[Array, Array]:
        path = folder / f"{name}.bin"
        if not path.is_file() and ((folder / name).exists() or (folder / self.pickled).exists()):
            raise InputError(
                f"{folder} holds {self.title}'s python layout, which is pickled and never "
                f"read: {self.get}"
            )
        _existing((path,), f"{self.title} not found ({path}): {self.get}")
        count = len(self.classes)
        records = _records(path, count, self.limit)
        for place, classes in enumerate(self.classes):
            _check_labels(records[:, place], path, classes)
        return records[:, count:].reshape(-1, 3, 32, 32), records[:, count - 1]


_CIFAR10 = _Cifar(
    title="CIFAR-10",
    classes=(10,),
    train=tuple(f"data_batch_{number}" for number in range(1, 6)),
    test="test_batch",
    limit=10_000,
    folder="cifar-10-batches-bin",
    pickled="cifar-10-batches-py",
    get=GET_CIFAR10,
    moments=CIFAR10_MOMENTS,
)
_CIFAR100 = _Cifar(
    title="CIFAR-100",
    classes=(20, 100),
    train=("train",),
    test="test",
    limit=50_000,
    folder="cifar-100-binary",
    pickled="cifar-100-python",
    get=GET_CIFAR100,
    moments=CIFAR100_MOMENTS,
)


def _records(path: Path, labels: int, limit: int) -> Array:
    """At most `limit` records of that many labels and 3×32×32 bytes each: (records, labels + 3072)."""
    record = labels + 3 * 32 * 32
    content = _content(path, limit=limit * record)
    if not content or len(content) % record:
        raise InputError(
            f"the size of {path}, {len(content)}, is no multiple of {record} bytes: get it again"
        )
    return np.frombuffer(content, np.uint8).reshape(-1, record)


def _image_folder(folder: Path | None) -> Dataset:
    """Images in one folder per class, see `validate.data.image_folder`.

    Normalized with the mean and deviation of its own training pixels. Not augmented: a flip may
    take an image of unknown kind out of its class.
    """
    if folder is None:
        raise InputError(f"image-folder needs --data-dir: {GET_IMAGE_FOLDER}")
    classes, train, test = read_image_folder(folder)
    moments = pixel_moments(train.images, folder)
    return Dataset(
        "image-folder", _split(*train, moments), _split(*test, moments), classes=len(classes)
    )


def _existing(candidates: tuple[Path, ...], otherwise: str) -> Path:
    for path in candidates:
        if path.is_file():
            return path
    raise InputError(otherwise)


def _content(path: Path, limit: int) -> bytes:
    """The file, unpacked; one that holds more than `limit` bytes is refused before it fills the
    memory.
    """
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
        raise InputError(
            f"{source} holds label {labels.max()}, outside 0…{classes - 1}: get it again"
        )


def _split(images: Array, labels: Array, moments: Moments, peak: int = 255) -> Split:
    """Pixels 0…peak, normalized with the stated mean and deviation of each channel."""
    mean, deviation = (np.array(values, np.float32)[:, None, None] for values in moments)
    pixels = (images.astype(np.float32) / peak - mean) / deviation
    return Split(torch.from_numpy(pixels), torch.from_numpy(labels.astype(np.int64)))


LOADERS: dict[str, Callable[[Path | None], Dataset]] = {
    "digits": _digits,
    "fashion-mnist": _fashion_mnist,
    "cifar10": _CIFAR10.load,
    "cifar100": _CIFAR100.load,
    "image-folder": _image_folder,
}
DATASETS = tuple(LOADERS)
