"""Fashion-MNIST: read from IDX files, packed or not, and refused where one is broken."""

import gzip
import hashlib
import shutil
import struct

import numpy as np
import pytest
import torch

from derivations.errors import InputError
from validate.data.datasets import load, locate
from validate.data.fashion_mnist import DIGESTS


def idx(array: np.ndarray) -> bytes:
    return (
        bytes((0, 0, 8, array.ndim))
        + struct.pack(f">{array.ndim}I", *array.shape)
        + array.astype(np.uint8).tobytes()
    )


@pytest.fixture
def fashion(tmp_path, monkeypatch):
    """Small files, published for the time being."""
    generator = np.random.default_rng(0)
    for part, count in (("train", 20), ("t10k", 10)):
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(
            idx(generator.integers(0, 256, (count, 28, 28)))
        )
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(idx(np.arange(count) % 10))
    for path in tmp_path.iterdir():
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        monkeypatch.setitem(DIGESTS, path.name, digest)
    return tmp_path


@pytest.mark.parametrize("packed", [False, True])
def test_fashion_mnist_is_read_from_idx_files(fashion, packed):
    if packed:
        for path in list(fashion.iterdir()):
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
    data = load("fashion-mnist", fashion)
    assert data.train.images.shape == (20, 1, 28, 28)
    assert data.test.labels.tolist() == list(range(10))
    raw = np.random.default_rng(0).integers(0, 256, (20, 28, 28))
    assert torch.allclose(
        data.train.images[:, 0],
        torch.tensor((raw / 255 - 0.2860) / 0.3530, dtype=torch.float32),
        atol=1e-6,
    )
    assert locate("fashion-mnist", fashion) == str(fashion)


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        ("train-images-idx3-ubyte", lambda data: data[:-1], "declares"),
        ("train-images-idx3-ubyte", lambda data: data + b"\0", "declares"),
        ("train-images-idx3-ubyte", lambda data: b"\0\0\x09\x03" + data[4:], "not an IDX file"),
        ("train-images-idx3-ubyte", lambda data: data[:10], "not an IDX file"),
        ("train-images-idx3-ubyte", lambda data: b"", "not an IDX file"),
        ("train-images-idx3-ubyte", lambda data: data[:4] + b"\xff" * 12 + data[16:], "declares"),
        ("train-images-idx3-ubyte", lambda data: idx(np.zeros((20, 14, 56))), "do not go with"),
        ("train-labels-idx1-ubyte", lambda data: idx(np.zeros(19)), "do not go with"),
        ("train-labels-idx1-ubyte", lambda data: data[:-1] + b"\x0a", "label 10"),
        ("t10k-labels-idx1-ubyte", lambda data: idx(np.zeros((2, 5))), "not an IDX file"),
    ],
)
def test_broken_idx_files_are_refused(fashion, file, change, words):
    path = fashion / file
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(InputError, match=words):
        load("fashion-mnist", fashion)


def test_a_truncated_gzip_file_is_refused(fashion):
    path = fashion / "train-images-idx3-ubyte"
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes())[:-20])
    path.unlink()
    with pytest.raises(InputError, match="cannot read"):
        load("fashion-mnist", fashion)


def test_noise_and_swapped_files_are_refused(fashion):
    train, test = (fashion / f"{part}-images-idx3-ubyte" for part in ("train", "t10k"))
    kept = train.read_bytes()
    train.write_bytes(idx(np.random.default_rng(1).integers(0, 256, (20, 28, 28))))
    with pytest.raises(InputError, match=r"train-images.* another file than is published"):
        load("fashion-mnist", fashion)
    train.write_bytes(kept)
    load("fashion-mnist", fashion)
    shutil.copy(train, test)
    shutil.copy(fashion / "train-labels-idx1-ubyte", fashion / "t10k-labels-idx1-ubyte")
    with pytest.raises(InputError, match=r"t10k-images.* another file than is published"):
        load("fashion-mnist", fashion)


@pytest.mark.skipif(locate("fashion-mnist") is None, reason="Fashion-MNIST is not here")
def test_the_published_files_are_known():
    data = load("fashion-mnist")
    assert (len(data.train), len(data.test)) == (60_000, 10_000)
