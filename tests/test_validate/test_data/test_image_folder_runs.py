"""Small folders of images: what is legitimate runs to its end, with vanished signals masked."""

import shutil
from dataclasses import replace

import pytest
from test_validate.image_files import image_folder

from gradbound.cli import main
from validate.records.read import read_results
from validate.training.presets import PRESETS, Sweep

CLASSES = 3


def grey(folder):
    """180 grey images of 8 × 8."""
    return image_folder(folder, classes=CLASSES, count=30)


def colour(folder):
    """24 images in colour."""
    return image_folder(folder, classes=CLASSES, count=4, channels=3)


def copied(folder):
    """24 grey ones, of which all to test with are among those to train with."""
    made = image_folder(folder, classes=CLASSES, count=4)
    shutil.rmtree(made / "test")
    shutil.copytree(made / "train", made / "test")
    return made


@pytest.mark.parametrize(
    ("make", "images", "copies"), [(grey, 90, 0), (colour, 12, 0), (copied, 12, 12)]
)
def test_a_small_folder_runs_to_its_end(tmp_path, monkeypatch, capsys, make, images, copies):
    """With exit 0: no violation that is none, and no stop for a sample without a signal."""
    small = replace(
        PRESETS["smoke"],
        sweeps=(Sweep("plain", (8,), 2), Sweep("dense", (7,), 2)),
        schedule=replace(PRESETS["smoke"].schedule, epochs=2, warmup_epochs=1),
        spectra_steps=4,
    )
    monkeypatch.setitem(PRESETS, "smoke", small)
    folder, out = make(tmp_path / "images"), tmp_path / "results"
    arguments = ("--dataset", "image-folder", "--data-dir", str(folder), "--out", str(out))
    assert main(["validate", *arguments, "--quiet"]) == 0
    said = capsys.readouterr()
    assert " 0 violated" in said.out
    assert (f"{copies} of {images} test images are copies" in said.err) == (copies > 0)
    results = read_results(out)
    configs = [run.config for run in results.runs]
    assert {config.train_samples for config in configs} == {images}
    assert {config.copied_samples for config in configs} == {copies}
    assert {config.num_classes for config in configs} == {CLASSES}
    assert all(row.status == "ok" for run in results.runs for row in run.epochs)
    masked = sum(row.vanished + row.faint for run in results.runs for row in run.epochs)
    assert masked > 0
    assert f"{masked} gains were not measured" in said.err
