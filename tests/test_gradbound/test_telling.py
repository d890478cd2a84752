"""What is told goes to stderr, what was written to stdout."""

from pathlib import Path

import pytest

from gradbound.telling import tell, tell_drawn, tell_if_afresh
from paper_figures import MissingRecordsError


def test_a_line_goes_to_stderr_unless_it_is_to_be_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    tell("one")
    tell("two", quiet=True)
    assert capsys.readouterr() == ("", "one\n")


def test_what_was_left_out_is_an_error_only_if_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    missing = MissingRecordsError("no rows")
    tell_drawn(iter([("a", (Path("a.pdf"), Path("a.png"))), ("b", missing)]), asked=False)
    assert capsys.readouterr() == ("a.pdf\na.png\n", "left out b: no rows\n")
    with pytest.raises(MissingRecordsError, match="no rows"):
        tell_drawn(iter([("b", missing)]), asked=True)


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
