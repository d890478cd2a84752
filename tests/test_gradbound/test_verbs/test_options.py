"""Shared options: which records are meant, and how failures end a verb."""

from pathlib import Path

import pytest

from derivations.errors import InputError, ViolationError
from gradbound.verbs.options import chosen_results, has_results, judge, tell_if_recorded
from validate.records.recorded import RECORDED


def test_the_folder_asked_for_comes_first_then_results_then_the_recorded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert chosen_results(None) == RECORDED
    (tmp_path / "results").mkdir()
    assert chosen_results(None) == RECORDED
    (tmp_path / "results" / "manifest.json").touch()
    assert chosen_results(None) == Path("results")
    assert chosen_results(Path("else")) == Path("else")


def test_records_may_be_missing_beside_others_alone(tmp_path: Path) -> None:
    assert not has_results(tmp_path, others=True)
    with pytest.raises(InputError, match="holds no records"):
        has_results(tmp_path, others=False)
    (tmp_path / "manifest.json").touch()
    assert has_results(tmp_path, others=False)


def test_recorded_runs_are_named_as_such_unless_it_is_to_be_quiet(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tell_if_recorded(tmp_path)
    tell_if_recorded(RECORDED, quiet=True)
    assert capsys.readouterr() == ("", "")
    tell_if_recorded(RECORDED)
    assert "recorded runs" in capsys.readouterr().err


def test_failures_are_named_and_counted() -> None:
    judge([])
    with pytest.raises(ViolationError, match=r"^a; b; and 3 more$"):
        judge(["a", "b", "c", "d", "e"], shown=2)
