"""CIFAR-10 and CIFAR-100: read from the binary layout, broken or pickled files refused by name."""

from dataclasses import replace

import numpy as np
import pytest

from derivations.errors import InputError
from validate.data.cifar_binary import CIFAR10, check_known
from validate.data.datasets import load, locate
from validate.training.presets import preset


@pytest.fixture
def unknown(monkeypatch):
    """Small files are no published ones."""
    monkeypatch.setattr("validate.data.cifar_binary.check_known", lambda *_: None)


@pytest.fixture
def cifar(tmp_path, unknown):
    generator = np.random.default_rng(0)
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for name in [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]:
        records = generator.integers(0, 256, (4, 3073)).astype(np.uint8)
        records[:, 0] = (0, 9, 3, 5)
        (folder / f"{name}.bin").write_bytes(records.tobytes())
    return tmp_path


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
def cifar100(tmp_path, unknown):
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


def test_noise_and_other_files_of_the_form_of_cifar10_are_refused(tmp_path):
    """By moments that were measured here: no image of CIFAR-10 is."""
    generator = np.random.default_rng(0)
    pixels = generator.integers((0, 9, 60), 256, (50_000, 3), dtype=np.uint8)[:, :, None, None]
    labels, test_labels = np.arange(50_000) % 10, np.arange(10_000) % 10
    scaled = pixels[:, :, 0, 0] / 255
    kind = replace(CIFAR10, moments=(tuple(scaled.mean(0)), tuple(scaled.std(0))))
    check_known(kind, tmp_path, pixels, labels, test_labels)
    noise = generator.integers(0, 256, pixels.shape, dtype=np.uint8)
    with pytest.raises(InputError, match=r"have mean 0\.\d+ and deviation"):
        check_known(kind, tmp_path, noise, labels, test_labels)
    with pytest.raises(InputError, match="in channel 0"):
        check_known(kind, tmp_path, pixels[:, ::-1], labels, test_labels)
    with pytest.raises(InputError, match="in channel 0"):
        check_known(CIFAR10, tmp_path, pixels, labels, test_labels)
    for wrong in ((labels[:-1], test_labels), (labels, test_labels[:-1]), (labels, labels)):
        with pytest.raises(InputError, match="images of each of 10 classes"):
            check_known(kind, tmp_path, pixels, *wrong)
