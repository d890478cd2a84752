"""Tests the data sets: the digits split, and that broken or foreign files are refused by name."""

import gzip
import hashlib
import struct

import numpy as np
import pytest
import torch

from derivations.errors import InputError
from validate.data.datasets import DIGITS_MOMENTS, load, locate
from validate.data.splits import Split
from validate.training.presets import preset


def idx(array: np.ndarray) -> bytes:
    return (
        bytes((0, 0, 8, array.ndim))
        + struct.pack(f">{array.ndim}I", *array.shape)
        + array.astype(np.uint8).tobytes()
    )


@pytest.fixture
def fashion(tmp_path):
    generator = np.random.default_rng(0)
    for part, count in (("train", 20), ("t10k", 10)):
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(
            idx(generator.integers(0, 256, (count, 28, 28)))
        )
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(idx(np.arange(count) % 10))
    return tmp_path


@pytest.fixture
def cifar(tmp_path):
    generator = np.random.default_rng(0)
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for name in [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]:
        records = generator.integers(0, 256, (4, 3073)).astype(np.uint8)
        records[:, 0] = (0, 9, 3, 5)
        (folder / f"{name}.bin").write_bytes(records.tobytes())
    return tmp_path


def test_digits_are_split_by_class_and_normalized():
    digits = load("digits")
    assert (digits.in_channels, digits.image_size) == (1, 8)
    assert len(digits.train) + len(digits.test) == 1797
    share = torch.bincount(digits.test.labels) / torch.bincount(
        torch.cat((digits.train.labels, digits.test.labels))
    )
    assert share.sub(0.2).abs().max() < 0.003
    pixels = digits.train.images.double()
    assert abs(pixels.mean()) < 2e-4
    assert abs(pixels.std() - 1) < 2e-4
    (mean,), (deviation,) = DIGITS_MOMENTS
    levels = (pixels * deviation + mean) * 16
    assert (levels - levels.round()).abs().max() < 1e-4


def test_the_digits_split_is_fixed_and_without_overlap():
    """Overlap is told by the images: the source holds no two equal ones across the split."""
    first, again = load("digits"), load("digits")
    assert torch.equal(first.test.images, again.test.images)
    train = {image.numpy().tobytes() for image in first.train.images}
    assert not any(image.numpy().tobytes() in train for image in first.test.images)


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


def test_a_missing_data_set_says_how_to_get_it(tmp_path):
    with pytest.raises(InputError, match="dataset-fashion-mnist"):
        load("fashion-mnist", tmp_path)
    for folder in (None, tmp_path):
        with pytest.raises(InputError, match="cifar-10-binary"):
            load("cifar10", folder)
    with pytest.raises(InputError, match="digits, fashion-mnist, cifar10"):
        load("mnist")
    assert locate("cifar10", tmp_path) is None
    assert locate("digits") == "embedded"


def test_cifar10_is_read_from_the_binary_layout(cifar):
    for folder in (cifar, cifar / "cifar-10-batches-bin"):
        data = load("cifar10", folder)
        assert data.train.images.shape == (20, 3, 32, 32)
        assert data.test.labels.tolist() == [0, 9, 3, 5]
        assert locate("cifar10", folder) == str(cifar / "cifar-10-batches-bin")
    first = np.frombuffer(
        (cifar / "cifar-10-batches-bin" / "data_batch_1.bin").read_bytes(), np.uint8
    )[1]
    assert data.train.images[0, 0, 0, 0].item() == pytest.approx(
        (first / 255 - 0.4914) / 0.2470, abs=1e-5
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data[:-1], "no multiple of 3073"),
        (lambda data: b"", "no multiple"),
        (lambda data: b"\x0a" + data[1:], "label 10"),
    ],
)
def test_broken_cifar10_files_are_refused(cifar, change, words):
    path = cifar / "cifar-10-batches-bin" / "data_batch_3.bin"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(InputError, match=words):
        load("cifar10", cifar)


@pytest.mark.parametrize("layout", ["inside", "beside"])
def test_pickled_cifar10_is_refused_by_name(tmp_path, layout):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    (folder / "data_batch_1").write_bytes(b"\x80\x04.")
    with pytest.raises(InputError, match="python layout, which is pickled"):
        load("cifar10", folder if layout == "inside" else tmp_path)


@pytest.fixture
def cifar100(tmp_path):
    folder = tmp_path / "cifar-100-binary"
    folder.mkdir()
    random = np.random.default_rng(1)
    for name, labels in (("train", (0, 99, 42)), ("test", (7, 10))):
        pixels = random.integers(0, 256, (len(labels), 3072), dtype=np.uint8)
        (folder / f"{name}.bin").write_bytes(
            b"".join(
                bytes((19, label)) + image.tobytes()
                for label, image in zip(labels, pixels, strict=True)
            )
        )
    return tmp_path


def test_cifar100_is_read_by_its_fine_labels(cifar100):
    data = load("cifar100", cifar100)
    assert data.train.labels.tolist() == [0, 99, 42]
    assert (data.test.images.shape, data.classes, data.augment) == ((2, 3, 32, 32), 100, True)
    first = (cifar100 / "cifar-100-binary" / "train.bin").read_bytes()[2]
    assert data.train.images[0, 0, 0, 0].item() == pytest.approx(
        (first / 255 - 0.5071) / 0.2673, abs=1e-5
    )
    assert locate("cifar100", cifar100) == str(cifar100 / "cifar-100-binary")
    assert {config.num_classes for config in preset("smoke", dataset="cifar100").configs(data)} == {
        100
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data[:-1], "no multiple of 3074"),
        (lambda data: b"", "no multiple"),
        (lambda data: b"\x14" + data[1:], "label 20"),
        (lambda data: data[:1] + b"\x64" + data[2:], "label 100"),
    ],
)
def test_broken_cifar100_files_are_refused(cifar100, change, words):
    path = cifar100 / "cifar-100-binary" / "train.bin"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(InputError, match=words):
        load("cifar100", cifar100)


def test_missing_or_pickled_cifar100_is_refused_by_name(tmp_path):
    for folder in (None, tmp_path):
        with pytest.raises(InputError, match="cifar-100-binary"):
            load("cifar100", folder)
    (tmp_path / "train").write_bytes(b"\x80\x04.")
    with pytest.raises(InputError, match="CIFAR-100's python layout, which is pickled"):
        load("cifar100", tmp_path)


@pytest.mark.parametrize("step", [1, 2])
def test_a_digest_is_that_of_the_bytes_of_images_and_labels(step):
    images, labels = torch.arange(48.0).view(4, 3, 2, 2)[::step], torch.tensor([3, 1, 0, 2])[::step]
    expected = hashlib.sha256(images.numpy().tobytes() + labels.numpy().tobytes()).hexdigest()
    assert Split(images, labels).digest == expected
    assert Split(images, labels.flip(0)).digest != expected
    assert Split(images + 1, labels).digest != expected
