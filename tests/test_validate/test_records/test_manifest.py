"""The manifest: it points nowhere else, and what was altered is told by its seal."""

import json
import shutil

import pytest

from derivations.errors import InputError
from validate.records.manifest import read_manifest, verify, write_manifest
from validate.records.read import read_results


@pytest.fixture
def folder(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "copy")


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "/etc/passwd",
        "runs/../../secret/config.json",
        "runs/a/../config.json",
        "runs\\a\\config.json",
        "runs/a/other",
        "",
    ],
)
def test_a_manifest_cannot_point_elsewhere(folder, name):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match=r"manifest\.json is no valid record"):
        read_results(folder)


def test_a_run_name_cannot_point_elsewhere(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["runs"] = ["../../elsewhere"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match=r"manifest\.json is no valid record"):
        read_results(folder)


def test_a_link_out_of_the_folder_is_refused(folder, tmp_path):
    run = folder / "runs" / "dense-d7-w2-s0"
    run.rename(tmp_path / "outside")
    run.symlink_to(tmp_path / "outside")
    with pytest.raises(InputError, match="leads out of the results folder"):
        read_results(folder)


def test_a_manifest_that_was_written_is_read_and_one_changed_by_a_byte_is_not(folder):
    path = folder / "manifest.json"
    whole, data = read_manifest(folder), path.read_bytes()
    assert whole.seal
    for changed in (
        data.replace(b'"threads":1', b'"threads":2'),
        data.replace(whole.seal.encode(), b"0" * 64),
        data + b"\n",
        data.replace(b",", b", ", 1),
    ):
        assert changed != data
        path.write_bytes(changed)
        with pytest.raises(InputError, match="was altered"):
            read_manifest(folder)
    write_manifest(folder, whole.model_copy(update={"seal": "stale"}))
    assert path.read_bytes() == data


def test_files_are_verified_one_by_one_and_weights_may_be_missing(folder):
    manifest = read_manifest(folder)
    name, weights = "runs/dense-d7-w2-s0/config.json", "runs/dense-d7-w2-s0/checkpoint.safetensors"
    verify(folder, manifest, name)
    (folder / weights).unlink()
    verify(folder, manifest, weights)
    (folder / weights).write_bytes(b"")
    (folder / name).unlink()
    with pytest.raises(InputError, match=r"checkpoint\.safetensors does not match its digest"):
        verify(folder, manifest, weights)
    with pytest.raises(InputError, match=r"cannot read .*config\.json"):
        verify(folder, manifest, name)
