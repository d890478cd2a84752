"""Reading a folder back: nothing altered, missing, foreign or unfinished is read."""

import json
import shutil

import pytest
from test_validate.altered import alter, reseal
from test_validate.tiny import TINY

from derivations.errors import InputError
from validate.records.manifest import read_manifest, write_manifest
from validate.records.read import read_results
from validate.training.sweep import run


@pytest.fixture
def folder(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "copy")


def test_a_finished_folder_is_read(finished):
    results = read_results(finished)
    assert [each.config.run for each in results.runs] == ["residual-d8-w4-s0", "dense-d7-w2-s0"]
    for each in results.runs:
        assert [row.epoch for row in each.epochs] == [0, 1, 2]
        assert {row.epoch for row in each.blocks} == {0, 1, 2}
        assert all(len(row.measured) == 3 for row in each.blocks)
    assert len(results.vanishing) == 450


def test_every_altered_file_is_refused(folder):
    names = json.loads((folder / "manifest.json").read_text())["files"]
    assert len(names) == 9
    for name in names:
        path = folder / name
        data = path.read_bytes()
        path.write_bytes(data[:-2] + bytes((data[-2] ^ 1,)) + data[-1:])
        with pytest.raises(InputError, match="does not match its digest"):
            read_results(folder)
        path.unlink()
        if path.suffix != ".safetensors":
            with pytest.raises(InputError, match="cannot read"):
                read_results(folder)
        path.write_bytes(data)
    read_results(folder)


def test_records_are_read_without_their_weights(folder):
    """Records are kept and passed on; weights are large, and needed by nobody who reads."""
    whole = read_results(folder)
    for path in folder.rglob("*.safetensors"):
        path.unlink()
    assert read_results(folder) == whole
    assert run(TINY, folder) == whole
    path.symlink_to("missing")
    with pytest.raises(InputError, match="cannot read"):
        read_results(folder)


def test_a_row_of_an_unknown_schema_is_refused_by_file_and_line(folder):
    name = "runs/dense-d7-w2-s0/blocks.jsonl"
    lines = (folder / name).read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b"gradbound.block/2", b"gradbound.block/9")
    (folder / name).write_bytes(b"".join(lines))
    reseal(folder, name)
    with pytest.raises(InputError, match=r"blocks.jsonl:2 is no valid record \(schema"):
        read_results(folder)


def test_records_of_another_run_are_refused(folder):
    source, target = "runs/dense-d7-w2-s0/epochs.jsonl", "runs/residual-d8-w4-s0/epochs.jsonl"
    shutil.copy(folder / source, folder / target)
    reseal(folder, target)
    with pytest.raises(InputError, match="records of another run"):
        read_results(folder)


def test_configurations_are_those_of_the_manifest(folder):
    alter(
        folder, "runs/dense-d7-w2-s0/config.json", lambda rows: [rows[0] | {"learning_rate": 0.2}]
    )
    with pytest.raises(InputError, match="other configurations"):
        read_results(folder)


@pytest.mark.parametrize("missing", [True, False])
def test_a_manifest_lists_exactly_the_files_of_its_runs(folder, missing):
    manifest = read_manifest(folder)
    if missing:
        del manifest.files["vanishing.jsonl"]
    else:
        manifest.files["runs/more/config.json"] = "0" * 64
    write_manifest(folder, manifest)
    with pytest.raises(InputError, match="lists other files"):
        read_results(folder)


def test_an_unfinished_or_absent_folder_is_refused(folder, tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*manifest\.json"):
        read_results(tmp_path / "nowhere")
    write_manifest(folder, read_manifest(folder).model_copy(update={"status": "running"}))
    with pytest.raises(InputError, match="unfinished"):
        read_results(folder)
