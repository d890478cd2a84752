"""Tests the records: they survive a round trip bit by bit, and nothing altered, missing, foreign or
unknown is read."""

import json
import math
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from test_validate.tiny import TINY

from derivations.errors import InputError
from validate.records.codec import decode, encode
from validate.records.manifest import read_manifest, write_manifest
from validate.records.read import read_results
from validate.records.schema import BlockRow, LawRow, VanishingRow
from validate.records.storage import make_folder, sha256, write_atomic
from validate.training.sweep import run

ROW = VanishingRow(
    family="dense", inputs=3, epsilon=0.1, seed=0, predicted=math.sqrt(3), measured=1.7
)


@pytest.fixture
def folder(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "copy")


def reseal(folder, name):
    """Makes the manifest agree with an altered file."""
    manifest = read_manifest(folder)
    manifest.files[name] = sha256((folder / name).read_bytes())
    write_manifest(folder, manifest)


def alter(folder, name, change):
    """Passes the rows of a file through `change`, and makes the manifest agree with what comes of
    them.
    """
    rows = [json.loads(line) for line in (folder / name).read_bytes().splitlines()]
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in change(rows)))
    reseal(folder, name)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_survive_a_round_trip(value):
    again = decode(encode(ROW.model_copy(update={"measured": value})), VanishingRow, "text")
    assert math.copysign(1, again.measured) == math.copysign(1, value)
    assert again.measured == value


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_record_holds_nan_or_infinity(value):
    with pytest.raises(ValidationError):
        VanishingRow(family="dense", inputs=3, epsilon=0.1, seed=0, predicted=1.0, measured=value)


@pytest.mark.parametrize(
    "change",
    [{"weight_std": -0.1}, {"chi": (-1.0,)}, {"probability": (1.5,)}, {"probability": (-0.5,)}],
)
def test_no_law_holds_an_impossible_number(change):
    possible = {"weight_std": 0.0, "chi": (0.0,), "probability": (1.0,), "alignment": (-3.0,)}
    assert LawRow(**possible).chi == (0.0,)
    with pytest.raises(ValidationError):
        LawRow(**possible | change)


def test_records_are_frozen():
    with pytest.raises(ValidationError):
        ROW.measured = 2.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda row: row | {"schema": "gradbound.vanishing/2"},
            "schema: Input should be 'gradbound.vanishing/1'",
        ),
        (
            lambda row: {key: value for key, value in row.items() if key != "schema"},
            "states no schema",
        ),
        (lambda row: row | {"more": 1}, "more: Extra inputs are not permitted"),
        (
            lambda row: {key: value for key, value in row.items() if key != "seed"},
            "seed: Field required",
        ),
        (lambda row: row | {"seed": "0"}, "seed: Input should be a valid integer"),
        (lambda row: row | {"measured": math.nan}, "measured: Input should be a finite number"),
        (lambda row: row | {"measured": math.inf}, "measured: Input should be a finite number"),
        (lambda row: [row], "text is no valid record"),
    ],
)
def test_foreign_rows_are_refused_in_one_line(change, words):
    with pytest.raises(InputError) as refusal:
        decode(json.dumps(change(json.loads(encode(ROW)))).encode(), VanishingRow, "text")
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[" * 100_000, encode(ROW)[:-9]])
def test_broken_json_is_refused(data):
    with pytest.raises(InputError, match="text is no valid record"):
        decode(data, VanishingRow, "text")


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
    lines[1] = lines[1].replace(b"gradbound.block/1", b"gradbound.block/9")
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


def test_a_skipped_epoch_is_refused(folder):
    alter(folder, "runs/dense-d7-w2-s0/epochs.jsonl", lambda rows: [rows[0], rows[2]])
    with pytest.raises(InputError, match="lacks an epoch"):
        read_results(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows[:-1],  # an unfinished run
        lambda rows: [*rows[:-1], rows[-1] | {"test_error": None}],
        lambda rows: [*rows[:1], rows[1] | {"status": "diverged"}, *rows[2:]],
        lambda rows: [],
    ],
)
def test_a_run_that_does_not_end_as_runs_do_is_refused(folder, change):
    alter(folder, "runs/dense-d7-w2-s0/epochs.jsonl", change)
    with pytest.raises(InputError, match="lacks an epoch, or the scores of one"):
        read_results(folder)


def test_configurations_are_those_of_the_manifest(folder):
    alter(
        folder, "runs/dense-d7-w2-s0/config.json", lambda rows: [rows[0] | {"learning_rate": 0.2}]
    )
    with pytest.raises(InputError, match="other configurations"):
        read_results(folder)


def test_an_alignment_has_the_sign_of_its_cosine(folder):
    def turned(rows):
        rows[0]["law"]["alignment"][0] *= -1
        return rows

    alter(folder, "runs/dense-d7-w2-s0/blocks.jsonl", turned)
    with pytest.raises(
        InputError, match="the sign of an alignment is not what the stored gains give"
    ):
        read_results(folder)


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


def test_nothing_is_written_below_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot make the folder"):
        make_folder(tmp_path / "file" / "below")
    with pytest.raises(InputError, match="cannot write"):
        write_atomic(tmp_path / "file" / "below", b"data")


def test_block_rows_state_everything_that_figures_read():
    """The names are the contract with whoever draws them."""
    expected = (
        "schema run epoch index name kind term measured predicted vanished identity_error "
        "identity_failures terms bounds law"
    )
    assert [
        field.alias or name for name, field in BlockRow.model_fields.items()
    ] == expected.split()
