"""Checks what `gradbound doctor` finds, and that it tells what is amiss."""

import json
import sys
from importlib import metadata
from pathlib import Path

import pytest
import torch

from gradbound.cli import main
from gradbound.doctor import PACKAGES, examine, strangers


def test_json_states_the_environment(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "gradbound.doctor/1"
    assert found["versions"]["torch"] == metadata.version("torch")
    assert found["versions"]["sympy"] == metadata.version("sympy")
    assert found["threads"]["torch"] == torch.get_num_threads()
    assert found["datasets"]["digits"] == "embedded"
    assert found["writable"] is True
    assert found["problems"] == []


def test_text_states_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in examine().versions)
    assert "data set digits" in text


def test_data_sets_are_looked_for_where_told(tmp_path: Path) -> None:
    found = examine(tmp_path).datasets
    assert (found["cifar10"], found["image-folder"]) == (None, None)
    (tmp_path / "data_batch_1.bin").touch()
    (tmp_path / "train").mkdir()
    (tmp_path / "val").mkdir()
    found = examine(tmp_path).datasets
    assert (found["cifar10"], found["image-folder"]) == (str(tmp_path), str(tmp_path))


def test_a_folder_that_cannot_be_written_ends_with_3(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    assert main(["doctor"]) == 3
    out, err = capsys.readouterr()
    assert "not writable" in out
    assert str(Path.cwd()) in err
    assert err.count("\n") == 1


def test_a_missing_dependency_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.requires", lambda _: ["no-such-distribution>=1"])
    found = examine()
    assert found.versions["no-such-distribution"] is None
    assert "no-such-distribution" in found.problems[0]


def test_another_validate_is_a_stranger(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert strangers() == []
    foreign = tmp_path / "validate" / "__init__.py"
    foreign.parent.mkdir()
    foreign.touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.split(".")[0] == "validate"]:
        monkeypatch.delitem(sys.modules, name)
    assert strangers() == [foreign.parent]


def test_packages_are_those_of_the_project() -> None:
    assert set(PACKAGES) == {"derivations", "numeric", "validate", "paper_figures", "gradbound"}
