"""Records of models are read from a folder, and what is none is refused by name."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from printed import analysis, watched

from derivations.errors import InputError
from paper_figures.figures.model_records import ModelRecords, read_model_records
from validate.analysis.analysis_document import Spread


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.json").write_text(analysis().json())
    (tmp_path / "training.json").write_text(watched().json())
    (tmp_path / "manifest.json").write_text("another reader's")
    (tmp_path / "notes.txt").write_text("no record")
    return tmp_path


def test_both_kinds_are_read_by_their_names(folder: Path):
    found = read_model_records(folder)
    assert found == ModelRecords({"net": analysis()}, {"training": watched()})
    assert found


def test_several_targets_in_one_file_are_told_apart(folder: Path):
    both = [json.loads(analysis(name).json()) for name in ("a", "b")]
    (folder / "both.json").write_text(json.dumps(both))
    found = read_model_records(folder).analyses
    assert {name: each.target for name, each in found.items()} == {
        "both-1": "a", "both-2": "b", "net": "net_<1>",
    }  # fmt: skip
    (folder / "both-2.json").write_text(analysis().json())
    with pytest.raises(InputError, match="'both-2'"):
        read_model_records(folder)


def test_where_there_is_nothing_there_is_nothing(tmp_path: Path):
    assert not read_model_records(tmp_path)
    assert not read_model_records(tmp_path / "none")


def changed(**changes: object) -> str:
    return json.dumps(json.loads(analysis().json()) | changes)


def of_blocks(**changes: object) -> str:
    block = replace(analysis().blocks[0], **changes)  # type: ignore[arg-type]
    return replace(analysis(), blocks=(block,)).json()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no JSON"),
        ("[" * 100000, "is no JSON"),
        ("", "is no JSON"),
        ("[]", "holds no record"),
        ("3", "its schema is None"),
        ("[1]", "its schema is None"),
        ('{"schema": "gradbound.audit/2"}', "'gradbound.audit/2'"),
        ('{"schema": ["x"]}', "its schema is"),
        (changed(blocks=[{}]), r"blocks\.0\.index"),
        (changed(total={"measured": float("nan"), "predicted": 1, "relative_error": 0}), "total"),
        (changed(extra=1), "extra"),
        (of_blocks(structure="x + F(x)"), "is no term"),
        (of_blocks(index=1), "numbered from 0"),
        (of_blocks(gain=Spread(2.0, 1.0, 3.0)), "far: its gains"),
        (of_blocks(gain=Spread(-1.0, 1.0, 3.0)), "far: its gains"),
        (watched().json().replace('"every":2', '"every":0'), "every"),
    ],
)
def test_what_is_no_record_is_refused_with_its_path(folder: Path, text: str, said: str):
    (folder / "odd.json").write_text(text)
    with pytest.raises(InputError, match=rf"odd\.json.*{said}.*(write it anew|analyze)"):
        read_model_records(folder)


def test_a_folder_called_like_a_record_is_refused(folder: Path):
    (folder / "odd.json").mkdir()
    with pytest.raises(InputError, match=r"odd\.json is no regular file"):
        read_model_records(folder)
