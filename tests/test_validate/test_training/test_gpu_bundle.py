"""The bundle holds what the command imports, is of limited size, and refuses what is odd."""

import ast
import os
import re
import sys

import pytest
from root import ROOT

from derivations.errors import InputError
from validate.training import gpu_bundle
from validate.training.gpu_bundle import LARGEST, WHEELS, bundle, main, pinned
from validate.training.gpu_start import HERE

ALWAYS = {"typing_extensions"}
"""Installed with torch, but not always in the version that pydantic asks for."""
UNUSED = {"matplotlib", "latex2mathml", "sklearn", "timm", "torchvision", "transformers"}
"""Imported for figures, pages, the data set digits and models of a zoo."""
NAMES = {"pydantic_core": "pydantic-core", "flint": "python-flint"}


def download(wanted, to):
    to.mkdir()
    for each in wanted:
        (to / f"{each}.whl").write_bytes(b"")


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A data set that passes for genuine."""
    folder = tmp_path / "fashion"
    folder.mkdir()
    for name in gpu_bundle.DIGESTS:
        (folder / f"{name}.gz").write_bytes(name.encode())
    monkeypatch.setattr(gpu_bundle, "fashion_mnist", lambda folder: None)
    return folder


def test_a_bundle_is_source_wheels_data_and_a_start(tmp_path, files):
    folder = tmp_path / "bundle"
    for _ in range(2):  # again, in the place of the first
        assert bundle(folder, files, download) == "python3.12 gpu_start.py"
        assert {path.name for path in folder.iterdir()} == {
            "source",
            "wheels",
            "data",
            "gpu_start.py",
        }
    assert len(list((folder / "wheels").iterdir())) == len(WHEELS)
    assert (folder / "data" / "train-images-idx3-ubyte.gz").exists()
    assert (folder / "source/gradbound/cli.py").exists()
    assert not list(folder.rglob("results"))
    assert not list(folder.rglob("*.pyc"))


def test_every_import_is_bundled_or_asked_for():
    imported = set()
    for package in gpu_bundle.PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    imported |= {name.name.partition(".")[0] for name in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    imported.add(node.module.partition(".")[0])
    ours = {*gpu_bundle.PACKAGES, "paper_figures"}
    others = imported - set(sys.stdlib_module_names) - ours - UNUSED - {"mpmath"}
    wheels = {name.replace("_", "-") for name in WHEELS}
    assert {NAMES.get(name, name).replace("_", "-") for name in others - set(HERE)} <= wheels
    assert set(HERE) <= others


def test_every_wheel_is_pinned():
    for each in pinned((ROOT / "constraints.txt").read_text()):
        assert re.fullmatch(r"[\w-]+==[\w.]+", each)
    with pytest.raises(InputError, match="names no version of annotated-types, "):
        pinned("torch==2.13.0\n")


def test_pip_says_its_errors_and_no_warnings(tmp_path, monkeypatch, capfd):
    """Such as that an index which a machine names is not there."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "no such folder"))
    with pytest.raises(InputError, match="could not download nothing==1"):
        gpu_bundle._download(["nothing==1"], tmp_path / "wheels")
    out, err = capfd.readouterr()
    assert "WARNING" not in out + err
    assert "ERROR: No matching distribution found for nothing==1" in err


def test_what_is_too_large_or_something_else_is_refused(tmp_path, files, monkeypatch, capsys):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/thesis.tex").write_text("precious")
    with pytest.raises(InputError, match="holds something else"):
        bundle(tmp_path / "thesis", files, download)
    assert main([str(tmp_path / "thesis"), str(files)]) == 3
    assert "choose another folder" in capsys.readouterr().err
    folder = tmp_path / "bundle"
    bundle(folder, files, download)
    monkeypatch.setattr(gpu_bundle, "LARGEST", 1000)
    with pytest.raises(InputError, match="more than 1000"):
        bundle(folder, files, download)
    assert LARGEST <= 60 * 2**20


def test_a_data_set_that_is_not_there_leaves_nothing_behind(tmp_path):
    with pytest.raises(InputError, match="Fashion-MNIST not found"):
        bundle(tmp_path / "bundle", tmp_path / "nowhere", download)
    assert not (tmp_path / "bundle").exists()
