"""Ways out: the commands that messages print do what they promise, typed as they are printed."""

import shlex
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_validate.altered import alter

from gradbound.cli import main
from validate.records.manifest import read_manifest, write_manifest
from validate.records.read import read_results
from validate.records.recorded import RECORDED
from validate.training import presets
from validate.training.presets import PRESETS, Sweep


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Records of two small networks after one epoch, while `smoke` means those."""
    with pytest.MonkeyPatch.context() as patch:
        schedule = replace(PRESETS["smoke"].schedule, epochs=1)
        sweeps = (Sweep("residual", (8,), 2), Sweep("dense", (7,), 2))
        small = replace(PRESETS["smoke"], sweeps=sweeps, schedule=schedule, probe_size=2)
        patch.setitem(presets.PRESETS, "smoke", small)
        out = tmp_path_factory.mktemp("tiny") / "results"
        assert main(["validate", "--out", str(out), "--quiet"]) == 0
        yield out


@pytest.fixture(autouse=True)
def _small(tiny: Path) -> None:
    """In each test here `smoke` is small."""


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line on stderr with which the command line refuses bad input."""
    capsys.readouterr()
    assert main(arguments) == 3
    return capsys.readouterr().err


def test_a_place_with_nothing_to_resume_is_said_to_be_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tiny: Path, tmp_path: Path
) -> None:
    results = read_results(tiny)
    monkeypatch.setattr("gradbound.jobs.run", lambda *_, **__: results)
    (tmp_path / "empty").mkdir()
    assert main(["validate", "--out", str(tmp_path / "empty"), "--resume", "--quiet"]) == 0
    assert "empty holds nothing to carry on with: starting afresh" in capsys.readouterr().err


def typed(message: str) -> list[str]:
    """The first command that a message names between backticks, as a shell takes it apart."""
    words = shlex.split(message.partition("`")[2].partition("`")[0])
    started = next(n for n in (1, 3) if words[n - 1].endswith("gradbound"))  # or PYTHON -m
    return words[started:]


def test_one_of_two_processes_alone_does_not_end_in_silence(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """And what it says to type completes the folder, though its name has a space."""
    out = tmp_path / "my results"
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(["validate", "--out", str(out), "--quiet"]) == 0
    said = capsys.readouterr().err
    assert "process 0 of 2 has done its share, 1 of 2 runs are left to the others" in said
    monkeypatch.delenv("RANK")
    monkeypatch.delenv("WORLD_SIZE")
    refusal = refused(capsys, "audit", "--results", str(out))
    assert "unfinished" in refusal
    assert typed(said) == ["validate", "--out", str(out), "--quiet", "--resume"]
    assert typed(refusal)[-3:] == ["--out", str(out), "--resume"]
    assert main(typed(said)) == 0
    assert main(["report", "--results", str(out), "--out", str(tmp_path / "report.html")]) == 0


@pytest.mark.parametrize("ending", ["a spent budget", "an interrupt"])
def test_what_was_not_finished_is_finished_by_the_command_that_is_printed(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    ending: str,
) -> None:
    """With all that was given, in the same folder."""
    out, data = tmp_path / "my results", tmp_path / "it's data"
    asked = ["validate", "--out", str(out), "--data-dir", str(data), "--seeds", "2", "--quiet"]
    with monkeypatch.context() as patch:
        if ending == "a spent budget":
            asked += ["--budget", "60"]
            patch.setattr("validate.training.budget.Budget.left", 0.0)
            assert main(asked) == 0
        else:
            patch.setattr("validate.training.sweep.perform", interrupt)
            assert main(asked) == 130
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert typed(said) == [*asked, "--resume"]
    assert read_manifest(out).status == "running"
    assert main(typed(said)) == 0
    assert len(read_results(out).runs) == 4
    assert "Traceback" not in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["my results"]


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["epochs.jsonl", "config.json"])
def test_the_way_out_of_an_altered_folder_works_as_printed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, tiny: Path, name: str
) -> None:
    out = shutil.copytree(tiny, tmp_path / "copy")
    run = next((out / "runs").iterdir())
    (run / name).write_bytes(b"{}")
    refusal = refused(capsys, "audit", "--results", str(out))
    assert f"delete {run} and run `" in refusal
    shutil.rmtree(run)
    assert main(typed(refusal)) == 0
    capsys.readouterr()


def worse(row: dict[str, Any]) -> dict[str, Any]:
    return row | ({"identity_error": 0.5} if "identity_error" in row else {"batch_ratio": 1e9})


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("blocks.jsonl", lambda rows: [*rows[:-1], worse(rows[-1])], "identity_error"),
        ("epochs.jsonl", lambda rows: [*rows[:-1], worse(rows[-1])], "batch_ratio"),
        ("epochs.jsonl", lambda rows: rows[:-1], "lacks an epoch"),
        ("blocks.jsonl", lambda rows: rows[:-1], "lacks rows"),
    ],
)
def test_the_way_out_of_rows_that_do_not_fit_works_as_printed(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    tiny: Path,
    name: str,
    change: Callable[[Any], Any],
    words: str,
) -> None:
    """Where the digests agree with what was altered."""
    out = shutil.copytree(tiny, tmp_path / "my copy")
    run = next((out / "runs").iterdir())
    alter(out, f"runs/{run.name}/{name}", change)
    refusal = refused(capsys, "audit", "--results", str(out))
    assert words in refusal
    assert f"delete {run} and run `" in refusal
    shutil.rmtree(run)
    assert main(typed(refusal)) == 0
    read_results(out)
    capsys.readouterr()


def test_an_altered_experiment_alone_is_made_again(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, tiny: Path
) -> None:
    out = shutil.copytree(tiny, tmp_path / "copy")
    file = out / "vanishing.jsonl"
    file.write_text(file.read_text() + "\n")
    before = (out / "runs").stat().st_mtime_ns
    refusal = refused(capsys, "audit", "--results", str(out))
    assert f"delete {file} and run `" in refusal
    file.unlink()
    assert main(typed(refusal)) == 0
    read_results(out)
    assert (out / "runs").stat().st_mtime_ns == before
    capsys.readouterr()


def test_records_that_nothing_makes_any_more_are_made_anew(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Of the first version no run can be carried on with: another would not fit beside it."""
    out = shutil.copytree(RECORDED, tmp_path / "recorded")
    config = next((out / "runs").iterdir()) / "config.json"
    config.write_bytes(config.read_bytes().replace(b"gradbound.config/2", b"gradbound.config/1"))
    refusal = refused(capsys, "audit", "--results", str(out))
    assert f"delete {out} and run `" in refusal
    assert "--resume" not in typed(refusal)
    manifest = read_manifest(out)
    write_manifest(out, manifest.model_copy(update={"status": "running"}))
    refusal = refused(capsys, "audit", "--results", str(out))
    assert "is unfinished: delete " in refusal
    assert "--resume" not in typed(refusal)


def test_fewer_seeds_are_refused_with_the_number_that_works(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, tiny: Path
) -> None:
    out = shutil.copytree(tiny, tmp_path / "copy")
    again = ("validate", "--out", str(out), "--resume", "--quiet")
    assert main([*again, "--seeds", "2"]) == 0
    refusal = refused(capsys, *again, "--seeds", "1")
    assert "ask for --seeds 2 or more" in refusal
    assert main([*again, "--seeds", "2"]) == 0
    assert len(read_results(out).runs) == 4
    capsys.readouterr()


def test_the_way_out_of_no_folder_is_to_make_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    refusal = refused(capsys, "audit", "--results", str(tmp_path / "nowhere"))
    assert main(typed(refusal)) == 0
    assert (tmp_path / "nowhere" / "manifest.json").exists()
    capsys.readouterr()
