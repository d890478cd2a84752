"""`validate` says as JSON what its records hold, and judges them all the same."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from gradbound.cli import main
from validate.records.read import read_results
from validate.records.recorded import RECORDED
from validate.training.presets import PRESETS


@pytest.fixture(scope="module")
def results():
    """The first network of the recorded runs."""
    recorded = read_results(RECORDED)
    return replace(recorded, runs=recorded.runs[:1])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, results) -> list[object]:
    heard: list[object] = []
    monkeypatch.setattr("gradbound.jobs.run", lambda *_, **given: heard.append(given) or results)
    return heard


def test_the_document_counts_checks_and_runs(
    capsys: pytest.CaptureFixture[str], asked: list[object], tmp_path: Path
) -> None:
    assert main(["validate", "--out", str(tmp_path), "--format", "json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    found = json.loads(out)
    assert (found["schema"], found["folder"]) == ("gradbound.validate/1", str(tmp_path))
    assert (found["runs"], found["runs_planned"]) == (1, PRESETS["smoke"].runs)
    assert found["complete"] is False
    bounds = next(each for each in found["checks"] if "bounds" in each["name"])
    assert bounds["checks"] > 100
    assert bounds["failed"] == 0
    assert found["failures"] == []
    assert main(["validate", "--out", str(tmp_path), "--format", "json"]) == 0
    assert capsys.readouterr().out == out
    assert len(asked) == 2


def test_a_violation_is_in_the_document_and_ends_with_4(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, results, tmp_path: Path
) -> None:
    row = next(row for row in results.runs[0].blocks if row.bounds)
    wrong = row.model_copy(update={"identity_failures": 1})
    broken = replace(results, runs=(replace(results.runs[0], blocks=(wrong,)),))
    monkeypatch.setattr("gradbound.jobs.run", lambda *_, **__: broken)
    assert main(["validate", "--out", str(tmp_path), "--format", "json"]) == 4
    out, err = capsys.readouterr()
    assert json.loads(out)["failures"]
    assert err.count("\n") == 1


def test_a_dry_run_is_a_document_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines = ["network", "plain-8"]
    monkeypatch.setattr("validate.training.timed_sweep.dry_run", lambda *_, **__: lines)
    asked = ["validate", "--dry-run", "--out", str(tmp_path / "none")]
    assert main([*asked, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "schema": "gradbound.dry_run/1",
        "preset": "smoke",
        "lines": lines,
    }
    assert main(asked) == 0
    assert capsys.readouterr().out == "network\nplain-8\n"


def test_a_study_gives_its_verdicts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Verdict(SimpleNamespace):
        def __str__(self) -> str:
            return "undecided"

    study = SimpleNamespace(rows=(1, 2), missing=(3,))
    decision = SimpleNamespace(c24=Verdict(claim="C24"), c25=Verdict(claim="C25"))
    monkeypatch.setattr("gradbound.jobs.study", lambda *_, **__: study)
    monkeypatch.setattr("validate.study.study_verdicts.decide_study", lambda _: decision)
    asked = ["validate", "--preset", "study", "--out", str(tmp_path), "--format", "json"]
    assert main(asked) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["preset"], found["runs"], found["runs_planned"]) == ("study", 2, 3)
    assert found["complete"] is False
    assert found["verdicts"] == {"C25": "undecided", "C24": "undecided"}


def test_nothing_is_begun_in_place_of_what_is_to_be_carried_on_with(
    capsys: pytest.CaptureFixture[str], asked: list[object], tmp_path: Path
) -> None:
    missing = tmp_path / "missing"
    assert main(["validate", "--resume", "--out", str(missing)]) == 3
    assert "leave out --resume" in capsys.readouterr().err
    assert asked == []
    assert not missing.exists()
