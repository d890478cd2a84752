"""Reads Fashion-MNIST from its IDX files, each checked for magic number, sizes and label range."""

import math
from pathlib import Path

import numpy as np

from derivations.errors import InputError
from validate.data.splits import Array, Dataset, Split, check_labels, normalized
from validate.data.unpack import existing, unpacked

DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
GET_FASHION_MNIST = (
    "install Debian's package dataset-fashion-mnist or point --data-dir at the folder of its four "
    "IDX files"
)
FASHION_MNIST_MOMENTS = ((0.2860,), (0.3530,))
FIRST_FILE = "train-images-idx3-ubyte"


def fashion_mnist(folder: Path | None) -> Dataset:
    """Zalando's Fashion-MNIST: 28×28 grey images as IDX files, gzipped or not."""
    folder = folder or DEBIAN_FASHION_MNIST
    return Dataset("fashion-mnist", _read(folder, "train"), _read(folder, "t10k"))


def _read(folder: Path, part: str) -> Split:
    images, labels = (
        _idx(folder, f"{part}-images-idx3-ubyte", 3),
        _idx(folder, f"{part}-labels-idx1-ubyte", 1),
    )
    if len(images) != len(labels) or images.shape[1:] != (28, 28):
        raise InputError(
            f"{folder}: {part} images {images.shape} do not go with labels {labels.shape}: "
            "get the files again"
        )
    check_labels(labels, folder)
    return normalized(images[:, None], labels, FASHION_MNIST_MOMENTS)


def _idx(folder: Path, name: str, dimensions: int) -> Array:
    """An IDX file of unsigned bytes: magic 0x0000080d (d dimensions), d big-endian sizes, then
    exactly their product of bytes.
    """
    path = existing(
        (folder / name, folder / f"{name}.gz"),
        f"Fashion-MNIST not found ({folder / name}[.gz]): {GET_FASHION_MNIST}",
    )
    content = unpacked(path, limit=16 + 60_000 * 28 * 28)
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
