"""Loads the data sets by name: digits, Fashion-MNIST, CIFAR-10, CIFAR-100 and folders of images.

Every file is checked for its form and for being the published one; nothing is downloaded, no pickle
read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from derivations.errors import InputError, way_out
from validate.data.cifar_binary import CIFAR10, CIFAR100, Cifar
from validate.data.fashion_mnist import DEBIAN_FASHION_MNIST, FIRST_FILE, fashion_mnist
from validate.data.image_folder import (
    GET_IMAGE_FOLDER,
    find_splits,
    pixel_moments,
    read_image_folder,
)
from validate.data.splits import CLASSES, Dataset, normalized

SPLIT_SEED = 2021
TEST_SHARE = 0.2
DIGITS_MOMENTS = ((0.3052,), (0.3758,))


def load(name: str, folder: Path | None = None) -> Dataset:
    """The named data set, its files taken from `folder` (digits needs none).

    Raises InputError for an unknown name, and for missing, truncated or inconsistent files.
    """
    if name not in LOADERS:
        raise InputError(f"unknown data set {name!r}: {way_out(name, LOADERS)}")
    return LOADERS[name].load(folder)


def locate(name: str, folder: Path | None = None) -> str | None:
    """Where `load` would find the data set: a folder, "embedded", or None. Looks for the first file
    only and reads nothing.
    """
    if name not in LOADERS:
        raise InputError(f"unknown data set {name!r}: {way_out(name, LOADERS)}")
    return LOADERS[name].locate(folder)


def _digits(folder: Path | None) -> Dataset:
    """1,797 handwritten digits of 8×8 pixels in 0…16 (UCI, shipped with scikit-learn).

    A fifth of every class is the test split.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    images, labels = digits.images[:, None], digits.target
    # RandomState, and not default_rng: its stream is frozen across NumPy versions.
    order = np.random.RandomState(SPLIT_SEED).permutation(len(labels))
    is_test = np.zeros(len(labels), dtype=bool)
    for label in range(CLASSES):
        members = order[labels[order] == label]
        is_test[members[: round(TEST_SHARE * len(members))]] = True
    train, test = (
        normalized(images[chosen], labels[chosen], DIGITS_MOMENTS, peak=16)
        for chosen in (~is_test, is_test)
    )
    return Dataset("digits", train, test)


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
        "image-folder",
        normalized(*train, moments),
        normalized(*test, moments),
        classes=len(classes),
    )


@dataclass(frozen=True)
class Loader:
    """How a data set is read from a folder, and where it would be found."""

    load: Callable[[Path | None], Dataset]
    locate: Callable[[Path | None], str | None]


def _with_file(place: Path, *names: str) -> str | None:
    """The place if it holds one of the files."""
    return str(place) if any((place / name).is_file() for name in names) else None


def _cifar(kind: Cifar) -> Loader:
    first = f"{kind.train[0]}.bin"
    return Loader(kind.load, lambda folder: _with_file(kind.inside(folder or Path()), first))


LOADERS: Mapping[str, Loader] = {
    "digits": Loader(_digits, lambda folder: "embedded"),
    "fashion-mnist": Loader(
        fashion_mnist,
        lambda folder: _with_file(folder or DEBIAN_FASHION_MNIST, FIRST_FILE, f"{FIRST_FILE}.gz"),
    ),
    "cifar10": _cifar(CIFAR10),
    "cifar100": _cifar(CIFAR100),
    "image-folder": Loader(
        _image_folder, lambda folder: str(folder) if folder and find_splits(folder) else None
    ),
}
"""The one place where a data set is entered."""

DATASETS = tuple(LOADERS)
