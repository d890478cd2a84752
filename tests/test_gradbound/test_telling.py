"""What is told goes to stderr, what was written to stdout."""

from pathlib import Path

import pytest

from derivations.errors import InputError
from gradbound.telling import Drawn, tell, tell_if_afresh
from paper_figures import MissingRecordsError

OUTCOMES = [("a", (Path("a.pdf"), Path("a.png"))), ("b", MissingRecordsError("no rows"))]


def test_a_line_goes_to_stderr_unless_it_is_to_be_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    tell("one")
    tell("two", quiet=True)
    assert capsys.readouterr() == ("", "one\n")


def test_what_was_left_out_is_an_error_only_if_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    drawn = Drawn(quiet=False, asked=False)
    drawn.take(iter(OUTCOMES), ["a", "b"])
    assert capsys.readouterr() == ("a.pdf\na.png\n", "left out b: no rows\n")
    assert drawn.written == [Path("a.pdf"), Path("a.png")]
    assert drawn.left_out == {"b": "no rows"}
    with pytest.raises(MissingRecordsError, match="no rows"):
        Drawn(quiet=False, asked=True).take(iter(OUTCOMES), ["a", "b"])
    assert capsys.readouterr().out == "a.pdf\na.png\n"


def test_what_is_not_to_be_told_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    drawn = Drawn(quiet=True, asked=False, aloud=False)
    drawn.take(iter(OUTCOMES), ["a", "b"])
    assert capsys.readouterr() == ("", "")
    assert (len(drawn.written), len(drawn.left_out)) == (2, 1)


def test_on_a_terminal_the_files_are_told_behind_the_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    Drawn(quiet=False, asked=False).take(iter(OUTCOMES), ["a", "b"])
    out, err = capsys.readouterr()
    assert out == "a.pdf\na.png\n"
    assert "2/2" in err
    assert "figures," in err


def test_an_empty_folder_is_named_where_something_was_to_be_carried_on(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tell_if_afresh(tmp_path, resume=False)
    assert capsys.readouterr().err == ""
    tell_if_afresh(tmp_path, resume=True)
    assert "starting afresh" in capsys.readouterr().err
    (tmp_path / "manifest.json").touch()
    tell_if_afresh(tmp_path, resume=True)
    assert capsys.readouterr().err == ""


def test_a_folder_that_is_not_there_cannot_be_carried_on_with(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    tell_if_afresh(missing, resume=False)
    with pytest.raises(InputError, match="missing to carry on with: leave out --resume"):
        tell_if_afresh(missing, resume=True)
