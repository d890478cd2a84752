"""The results folder: who may fill it, what is listed, and when it is complete."""

import shutil

import pytest

from derivations.errors import InputError
from validate.records.folder import claimed, complete, held, is_finished, open_folder, register
from validate.records.manifest import read_manifest
from validate.records.schema import VANISHING_FILE, Manifest, VanishingRow, run_files

RUN = "plain-d8-w2-s0"
HEADER = Manifest(
    status="running", versions={}, device="cpu", threads=1, preset="tiny", dataset="digits",
    seeds=(0,), command="gradbound validate", config="0" * 64, runs=(RUN, "plain-d8-w2-s1"),
    files={},
)  # fmt: skip
LIMIT = VanishingRow(family="plain", inputs=1, epsilon=0.0, seed=0, predicted=0.0, measured=0.0)


@pytest.fixture
def out(tmp_path):
    open_folder(tmp_path / "out", HEADER)
    return tmp_path / "out"


def finish(out, run):
    with claimed(out, run) as folder:
        for name in run_files(run):
            (folder / name.rpartition("/")[2]).write_text(name)
    register(out, run)


def test_a_folder_is_opened_again_as_it_was_left(out):
    finish(out, RUN)
    left = read_manifest(out)
    assert open_folder(out, HEADER) == left
    assert left.files.keys() == set(run_files(RUN))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"preset": "other"}, "made with preset tiny, not other"),
        ({"config": "1" * 64}, "made with other settings or other images"),
        ({"threads": 2}, "made with threads 1, not 2"),
    ],
)
def test_a_folder_of_another_making_is_refused(out, change, words):
    with pytest.raises(InputError, match=words):
        open_folder(out, HEADER.model_copy(update=change))
    assert read_manifest(out) == open_folder(out, HEADER)


def test_deleted_runs_are_struck_from_the_manifest(out):
    finish(out, RUN)
    finish(out, HEADER.runs[1])
    assert complete(out, lambda: iter([LIMIT]))
    shutil.rmtree(out / "runs" / RUN)
    found = open_folder(out, HEADER)
    assert found.status == "running"
    assert found.files.keys() == {VANISHING_FILE, *run_files(HEADER.runs[1])}


def test_it_is_complete_when_every_run_is_listed_and_says_so_once(out):
    finish(out, RUN)
    assert not complete(out, lambda: pytest.fail("nothing is to be added yet"))
    assert read_manifest(out).status == "running"
    finish(out, HEADER.runs[1])
    assert complete(out, lambda: iter([LIMIT]))
    assert read_manifest(out).status == "complete"
    assert not complete(out, lambda: iter([LIMIT]))


@pytest.mark.parametrize("status", ["running", "complete"])
def test_a_finished_run_is_verified_by_whoever_asks(out, status):
    assert not is_finished(out, read_manifest(out), RUN)
    finish(out, RUN)
    manifest = read_manifest(out).model_copy(update={"status": status})
    assert is_finished(out, manifest, RUN)
    (out / run_files(RUN)[0]).write_text("altered")
    with pytest.raises(InputError, match="does not match its digest"):
        is_finished(out, manifest, RUN)


def test_a_claim_sweeps_away_what_interrupted_writes_left(out):
    with claimed(out, RUN) as folder:
        (folder / "epochs.jsonl.123.gradbound-tmp").write_text("half")
        (folder / "epochs.jsonl").write_text("whole")
    with claimed(out, RUN) as folder:
        assert [path.name for path in folder.iterdir()] == ["epochs.jsonl"]


def test_ranks_hold_the_folder_together_and_sweeps_alone(out):
    refused = pytest.raises(InputError, match="another process is writing")
    with held(out, shared=True), held(out, shared=True), refused, held(out, shared=False):
        pytest.fail("it was held twice")
    refused = pytest.raises(InputError, match="another process is writing")
    with held(out, shared=False), refused, held(out, shared=True):
        pytest.fail("it was held twice")


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty and holds no manifest"):
        open_folder(tmp_path, HEADER)
    (tmp_path / "notes.txt").rename(tmp_path / "notes.txt.7.gradbound-tmp")
    assert open_folder(tmp_path, HEADER) == HEADER
    assert {path.name for path in tmp_path.iterdir()} == {"manifest.json", "runs"}
