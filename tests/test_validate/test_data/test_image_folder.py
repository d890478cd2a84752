"""Tests the folders of images: read as stored; what does not fit is refused by name."""

import os
import shutil
import struct
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from test_validate.image_files import encoded, image_folder, original, pixels, png
from test_validate.tiny import MINIATURE

from derivations.errors import InputError
from gradbound.cli import main
from validate.data import image_folder as reader
from validate.data.datasets import load, locate
from validate.data.image_folder import pixel_moments, read_image_folder
from validate.records.read import read_results
from validate.statistics.summary import summarize
from validate.training.presets import PRESETS, preset


@pytest.fixture
def grey(tmp_path):
    return image_folder(tmp_path / "grey")


@pytest.mark.parametrize("form", ["PNG", "BMP", "PPM"])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_pixels_are_those_that_were_stored(tmp_path, form, channels):
    classes, train, test = read_image_folder(
        image_folder(tmp_path, classes=3, channels=channels, form=form)
    )
    assert classes == ("class0", "class1", "class2")
    for split, (images, labels) in (("train", train), ("test", test)):
        assert images.shape == (9, channels, 8, 8)
        assert labels.tolist() == [0, 1, 2] * 3
        for place, image in enumerate(images):
            stored = original(split, place % 3, place // 3, channels=channels).reshape(
                8, 8, channels
            )
            assert np.array_equal(image.transpose(1, 2, 0), stored)


def test_jpeg_is_read_as_pillow_decodes_it(tmp_path):
    _, train, _ = read_image_folder(image_folder(tmp_path, channels=3, form="JPEG"))
    decoded = np.array(Image.open(tmp_path / "train" / "class0" / "000.jpg"))
    assert np.array_equal(train.images[0].transpose(1, 2, 0), decoded)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_training_pixels_are_normalized_by_channel(tmp_path, channels):
    data = load("image-folder", image_folder(tmp_path, count=5, channels=channels))
    assert (data.name, data.classes, data.augment, data.in_channels, data.image_size) == (
        "image-folder",
        2,
        False,
        channels,
        8,
    )
    normalized = data.train.images.double()
    assert normalized.mean(dim=(0, 2, 3)).abs().max() < 1e-6
    assert (normalized.std(dim=(0, 2, 3), correction=0) - 1).abs().max() < 1e-6
    _, train, test = read_image_folder(tmp_path)
    mean, deviation = (
        train.images.mean(axis=(0, 2, 3)) / 255,
        train.images.std(axis=(0, 2, 3)) / 255,
    )
    expected = (test.images / 255 - mean[:, None, None]) / deviation[:, None, None]
    assert (data.test.images - torch.from_numpy(expected)).abs().max() < 1e-6


def test_moments_are_exact_where_a_formula_in_float32_would_cancel():
    images = np.full((500, 1, 64, 64), 255, np.uint8)
    images[0, 0, 0, 0] = 254
    ((mean,), (deviation,)) = pixel_moments(images, "here")
    count = images.size
    assert mean == pytest.approx(1 - 1 / count / 255, rel=1e-15)
    assert deviation == pytest.approx((count - 1) ** 0.5 / count / 255, rel=1e-14)


def test_the_front_of_a_split_holds_every_class_though_classes_differ_in_size(tmp_path):
    folder = image_folder(tmp_path, classes=3, count=2)
    for number in range(2, 5):
        (folder / "train" / "class1" / f"{number:03}.png").write_bytes(encoded(pixels(8, 8)))
    data = load("image-folder", folder)
    assert data.train.labels.tolist() == [0, 1, 2, 0, 1, 2, 1, 1, 1]
    assert load("image-folder", folder).train.images.equal(data.train.images)


def test_val_is_the_second_split_where_there_is_no_test(grey):
    expected = load("image-folder", grey).test.images
    shutil.copytree(grey / "test", grey / "val")
    (grey / "val" / "class0" / "zzz.png").write_bytes(encoded(pixels(8, 8)))
    assert load("image-folder", grey).test.images.equal(expected)
    shutil.rmtree(grey / "test")
    assert len(load("image-folder", grey).test) == 7
    shutil.rmtree(grey / "val")
    assert locate("image-folder", grey) is None
    with pytest.raises(InputError, match="train/CLASS/"):
        load("image-folder", grey)


def test_it_is_located_where_both_splits_are(grey):
    assert locate("image-folder", grey) == str(grey)
    assert locate("image-folder", grey / "train") is None
    assert locate("image-folder") is None
    with pytest.raises(InputError, match="image-folder needs --data-dir"):
        load("image-folder")


def test_hidden_files_and_other_endings_are_ignored(grey):
    before = load("image-folder", grey)
    (grey / "train" / ".ipynb_checkpoints").mkdir()
    (grey / "train" / "class0" / ".hidden.png").write_bytes(b"no image")
    (grey / "train" / "class0" / "README").write_bytes(b"no image")
    (grey / "train" / "labels.csv").write_bytes(b"no image")
    (grey / "test" / "class0" / "001.png").rename(grey / "test" / "class0" / "001.PNG")
    after = load("image-folder", grey)
    assert after.train.images.equal(before.train.images)
    assert after.test.images.equal(before.test.images)


def test_links_that_stay_inside_are_followed(grey):
    (grey / "test" / "class1").rename(grey / "store")
    (grey / "test" / "class1").symlink_to(grey / "store")
    assert load("image-folder", grey).test.labels.tolist() == [0, 1] * 3


def test_no_image_is_in_both_splits(grey):
    shutil.rmtree(grey / "test" / "class1")
    (grey / "test" / "class1").symlink_to(grey / "train" / "class1")
    with pytest.raises(InputError, match=r"class1/000\.png is in both train and test"):
        load("image-folder", grey)


GREY = Image.fromarray(pixels(8, 8))
FOREIGN = {
    "another size": (encoded(pixels(7, 7)), "is 7×7 grey, but .*000.png is 8×8 grey"),
    "another mode": (encoded(pixels(8, 8, 3)), "is 8×8 RGB, but .*000.png is 8×8 grey"),
    "not square": (encoded(pixels(8, 7)), "is 7×8, not square"),
    "RGB with alpha": (encoded(pixels(8, 8, 4)), "of mode RGBA"),
    "grey with alpha": (encoded(GREY.convert("LA")), "of mode LA"),
    "a transparent colour": (encoded(GREY, transparency=7), "without transparency"),
    "a palette": (encoded(GREY.convert("P")), "of mode P"),
    "black and white": (encoded(GREY.convert("1")), "of mode 1"),
    "16-bit grey": (png(8, 8, 16, 0, bytes(17 * 8)), "of mode I;16"),
    "16-bit RGB": (png(8, 8, 16, 2, bytes(49 * 8)), "other levels than 0…255"),
    "an animation": (
        encoded(GREY, save_all=True, append_images=[Image.fromarray(pixels(8, 8, seed=1))]),
        "more than one image",
    ),
    "an animation without a frame": (
        png(8, 8, 8, 0, bytes(9 * 8), (b"acTL", bytes(8))),
        "cannot read .*Invalid APNG",
    ),
    "no pixels": (png(8, 8, 8, 0), "cannot read"),
    "half a file": (encoded(GREY)[:60], "cannot read"),
    "another format": (encoded(GREY, "JPEG"), "is no PNG file"),
    "an empty file": (b"", "is no PNG file"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_an_image_that_does_not_fit_is_refused_by_name(grey, name):
    content, words = FOREIGN[name]
    (grey / "train" / "class1" / "002.png").write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        load("image-folder", grey)
    assert str(grey / "train" / "class1" / "002.png") in str(caught.value)


@pytest.mark.parametrize(("maximum", "fits"), [(255, True), (100, False), (65535, False)])
@pytest.mark.parametrize(("magic", "channels"), [("P5", 1), ("P6", 3), ("P2", 1), ("P3", 3)])
def test_levels_that_pillow_would_round_are_refused(tmp_path, maximum, fits, magic, channels):
    folder = image_folder(tmp_path, channels=channels)
    values = np.arange(64 * channels) % 100
    body = (
        values.astype(">u2" if maximum > 255 else "u1").tobytes()
        if magic in ("P5", "P6")
        else " ".join(map(str, values)).encode()
    )
    (folder / "train" / "class0" / "999.ppm").write_bytes(
        f"{magic}\n8 8\n{maximum}\n".encode() + body
    )
    if fits:
        _, train, _ = read_image_folder(folder)
        assert train.images[-1].transpose(1, 2, 0).ravel().tolist() == values.tolist()
    else:
        with pytest.raises(InputError, match=r"999\.ppm (is of mode I|has other levels)"):
            load("image-folder", folder)


@pytest.mark.parametrize("masks", [(), (0xF800, 0x7E0, 0x1F)])
def test_colours_of_five_bits_are_refused(tmp_path, masks):
    folder = image_folder(tmp_path, channels=3)
    start = 54 + 4 * len(masks)
    header = struct.pack(
        "<2sIHHIIiiHHIIiiII",
        b"BM",
        start + 128,
        0,
        0,
        start,
        40,
        8,
        8,
        1,
        16,
        3 if masks else 0,
        128,
        1,
        1,
        0,
        0,
    )
    (folder / "train" / "class0" / "999.bmp").write_bytes(
        header + struct.pack(f"<{len(masks)}I", *masks) + bytes(128)
    )
    with pytest.raises(InputError, match=r"999\.bmp has other levels"):
        read_image_folder(folder)


def test_grey_of_fewer_bits_is_read_as_the_share_of_white_that_it_means(grey):
    (grey / "train" / "class0" / "999.png").write_bytes(
        png(8, 8, 4, 0, (b"\0" + bytes((0x01, 0x23, 0xEF, 0xFF))) * 8)
    )
    _, train, _ = read_image_folder(grey)
    assert train.images[-1, 0, 0].tolist() == [17 * level for level in (0, 1, 2, 3, 14, 15, 15, 15)]


@pytest.mark.parametrize(
    ("limit", "largest"), [("LARGEST_IMAGE", 64), ("LARGEST_FOLDER", 12 * 64 * 3)]
)
def test_each_limit_is_the_largest_that_is_read(tmp_path, monkeypatch, limit, largest):
    folder = image_folder(tmp_path, channels=3)
    monkeypatch.setattr(reader, limit, largest)
    assert len(load("image-folder", folder).train) == 6
    monkeypatch.setattr(reader, limit, largest - 1)
    with pytest.raises(InputError, match=f"more than {largest - 1}"):
        load("image-folder", folder)


def test_the_largest_file_is_read(grey, monkeypatch):
    largest = max(path.stat().st_size for path in grey.rglob("*.png"))
    monkeypatch.setattr(reader, "LARGEST_FILE", largest)
    assert len(load("image-folder", grey).train) == 6
    monkeypatch.setattr(reader, "LARGEST_FILE", largest - 1)
    with pytest.raises(InputError, match=f"larger than {largest - 1} bytes"):
        load("image-folder", grey)


LAYOUTS = {
    "a class in train alone": (
        lambda d: shutil.rmtree(d / "test" / "class1"),
        "'class1' is in only one",
    ),
    "a class in test alone": (
        lambda d: shutil.rmtree(d / "train" / "class0"),
        "'class0' is in only one",
    ),
    "an empty class": (
        lambda d: (d / "test" / "class0").rename(d / "old") and (d / "test" / "class0").mkdir(),
        "class0 holds no image",
    ),
    "one class": (
        lambda d: [shutil.rmtree(d / split / "class1") for split in ("train", "test")],
        "holds 1 classes",
    ),
    "no class": (lambda d: [shutil.rmtree(path) for path in d.glob("*/*")], "holds 0 classes"),
    "a folder in a class": (
        lambda d: (d / "train" / "class0" / "more").mkdir(),
        "more is a folder inside a class",
    ),
    "an image that torchvision reads": (
        lambda d: (d / "train" / "class0" / "a.webp").touch(),
        "a.webp is of a format",
    ),
    "a pipe": (lambda d: os.mkfifo(d / "train" / "class0" / "a.png"), "a.png is no regular file"),
    "a file as split": (
        lambda d: shutil.rmtree(d / "test") or (d / "test").touch(),
        "no image folder at",
    ),
    "nothing": (shutil.rmtree, "no image folder at"),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_another_layout_is_refused(grey, name):
    change, words = LAYOUTS[name]
    change(grey)
    with pytest.raises(InputError, match=words):
        load("image-folder", grey)


def test_a_constant_channel_is_refused(tmp_path):
    folder = image_folder(tmp_path, channels=3)
    for path in (tmp_path / "train").rglob("*.png"):
        array = np.array(Image.open(path))
        array[..., 1] = 255
        path.write_bytes(encoded(array))
    with pytest.raises(InputError, match="channel 1 is constant"):
        load("image-folder", folder)


def test_the_smoke_preset_fits_any_number_of_classes(tmp_path):
    data = load("image-folder", image_folder(tmp_path, classes=3, channels=3))
    configs = list(preset("smoke", dataset="image-folder").configs(data))
    assert {(config.dataset, config.num_classes, config.in_channels) for config in configs} == {
        ("image-folder", 3, 3)
    }


def test_it_is_validated_from_end_to_end(tmp_path, monkeypatch, capsys):
    folder, out = image_folder(tmp_path / "images", count=40), tmp_path / "results"
    small = replace(
        PRESETS["smoke"], sweeps=MINIATURE.sweeps, schedule=MINIATURE.schedule, spectra_steps=2
    )
    monkeypatch.setitem(PRESETS, "smoke", small)
    arguments = [
        "validate",
        "--preset",
        "smoke",
        "--dataset",
        "image-folder",
        "--out",
        str(out),
        "--quiet",
    ]
    assert main([*arguments, "--data-dir", str(folder)]) == 0
    assert "0 violated" in capsys.readouterr().out
    results = read_results(out)
    assert results.manifest.dataset == "image-folder"
    for run in results.runs:
        assert (run.config.train_samples, run.config.num_classes, run.config.augment) == (
            80,
            2,
            False,
        )
        assert summarize(run.blocks).failures == 0
    assert main([*arguments, "--resume"]) == 3
    assert "image-folder needs --data-dir" in capsys.readouterr().err
