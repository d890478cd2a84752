"""Versions: a record is read and written as its version has it, and never as a mixture."""

import json
import shutil

import pytest
from root import ROOT
from test_validate.altered import alter

from derivations.errors import InputError
from validate.records.codec import decode, encode
from validate.records.read import read_results
from validate.records.schema import BlockRow, EpochRow, RunConfig
from validate.records.versions import Record

RECORDED = ROOT / "validate" / "results" / "cpu"
ROWS = {"config.json": RunConfig, "epochs.jsonl": EpochRow, "blocks.jsonl": BlockRow}


@pytest.mark.parametrize("name", ROWS)
def test_rows_of_the_first_version_are_written_as_they_were_read(tmp_path, finished, name):
    """Byte for byte, whichever versions the recorded runs and those of today are of."""
    versions = set()
    for path in (*RECORDED.glob(f"runs/*/{name}"), *finished.glob(f"runs/*/{name}")):
        for line in path.read_bytes().splitlines(keepends=True):
            row = decode(line, ROWS[name], "here")
            versions.add(row.version)
            assert encode(row) == line
            first = json.loads(line)
            first["schema"] = first["schema"].replace("/2", "/1")
            for field in row.since:
                first.pop(field, None)
            old = decode(json.dumps(first).encode(), ROWS[name], "here")
            assert old.version == 1
            assert json.loads(encode(old)) == first
    assert 2 in versions


@pytest.mark.parametrize("name", ROWS)
def test_a_field_that_its_version_lacks_or_should_have_is_refused(finished, name):
    line = next(finished.glob(f"runs/*/{name}")).read_bytes().splitlines()[0]
    whole = json.loads(line)
    first = whole | {"schema": whole["schema"].replace("/2", "/1")}
    for field in ROWS[name].since:
        without = {key: value for key, value in whole.items() if key != field}
        with pytest.raises(InputError, match=f"here lacks {field}, unlike its schema"):
            decode(json.dumps(without).encode(), ROWS[name], "here")
    with pytest.raises(InputError, match=r"here states \w+, unlike its schema"):
        decode(json.dumps(first).encode(), ROWS[name], "here")


def test_a_run_of_two_versions_is_refused(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "copy")

    def older(rows):
        for field in BlockRow.since:
            del rows[0][field]
        return [rows[0] | {"schema": "gradbound.block/1"}, *rows[1:]]

    alter(folder, "runs/dense-d7-w2-s0/blocks.jsonl", older)
    with pytest.raises(InputError, match="mixes versions of records"):
        read_results(folder)


def test_records_take_no_unknown_field():
    class Point(Record):
        x: float

    with pytest.raises(ValueError, match="extra"):
        Point(x=1.0, y=2.0)
