"""Reads Fashion-MNIST from its IDX files, each checked for form and by its digest."""

import math
from pathlib import Path

import numpy as np

from derivations.errors import InputError
from validate.data.genuine import check_digest
from validate.data.splits import Array, Dataset, Split, check_labels, normalized
from validate.data.unpack import existing, unpacked

DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
GET_FASHION_MNIST = (
    "install Debian's package dataset-fashion-mnist or point --data-dir at the folder of its four "
    "IDX files"
)
FASHION_MNIST_MOMENTS = ((0.2860,), (0.3530,))
DIGESTS = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
"""SHA-256 of the files, unpacked."""
FIRST_FILE = "train-images-idx3-ubyte"


def fashion_mnist(folder: Path | None) -> Dataset:
    """Zalando's Fashion-MNIST: 28×28 grey images as IDX files, gzipped or not."""
    folder = folder or DEBIAN_FASHION_MNIST
    return Dataset("fashion-mnist", _read(folder, "train"), _read(folder, "t10k"))


def _read(folder: Path, part: str) -> Split:
    names = (f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte")
    files = [_idx(folder, name, dimensions) for name, dimensions in zip(names, (3, 1), strict=True)]
    images, labels = (array for array, _, _ in files)
    if len(images) != len(labels) or images.shape[1:] != (28, 28):
        raise InputError(
            f"{folder}: {part} images {images.shape} do not go with labels {labels.shape}: "
            "get the files again"
        )
    check_labels(labels, folder)
    # Last: what is wrong with the form of a file says more.
    for name, (_, content, path) in zip(names, files, strict=True):
        check_digest(content, DIGESTS[name], path)
    return normalized(images[:, None], labels, FASHION_MNIST_MOMENTS)


def _idx(folder: Path, name: str, dimensions: int) -> tuple[Array, bytes, Path]:
    """An IDX file of unsigned bytes, its content and its path: magic 0x0000080d (d dimensions), d
    big-endian sizes, then exactly their product of bytes.
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
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape), content, path
