"""Tests the progress display: on stderr alone, a bar on a terminal and lines elsewhere."""

import re
import sys

from validate import progress
from validate.progress import bar, for_terminal, lines, patient_lines, silent


def test_silence(capsys):
    with silent({"one": 1, "two": 1}) as advance:
        advance("one")
        advance("two")
    assert capsys.readouterr() == ("", "")


def test_a_bar_writes_to_stderr_alone(capsys):
    with bar({"one": 1, "two": 1}) as advance:
        advance("one")
        advance("two")
    out, err = capsys.readouterr()
    assert out == ""
    assert "2/2" in err


def test_lines_say_at_once_that_it_begins_and_then_what_is_done(capsys):
    with lines({"one": 2, "two": 1}) as advance:
        assert capsys.readouterr() == ("", "0 of 2 done\n")
        advance("one")
        assert capsys.readouterr() == ("", "")
        advance("two")
        assert re.fullmatch(r"1 of 2 done: two \(\d+ s\)\n", capsys.readouterr().err)
        advance("one")
        assert re.fullmatch(r"2 of 2 done: one \(\d+ s\)\n", capsys.readouterr().err)
    with lines({}):
        pass
    assert capsys.readouterr() == ("", "")


def test_no_terminal_no_bar(monkeypatch):
    assert for_terminal() is lines
    assert for_terminal(patient=True) is patient_lines
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert for_terminal() is bar
    assert for_terminal(quiet=True) is silent
    monkeypatch.setattr("sys.stderr", None)
    assert for_terminal() is silent


def test_a_bar_names_its_unit_and_leaves_stdout_alone(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    with bar({"one": 3}, "epochs") as advance:
        before = sys.stdout
        print("data")  # noqa: T201
        advance("one")
        assert sys.stdout is before
    out, err = capsys.readouterr()
    assert out == "data\n"
    assert "1/3 epochs" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", err)
    assert "so far" in err
    assert "one" in err


def test_lines_name_their_unit(capsys):
    with lines({"one": 2, "two": 1}, "epochs"):
        assert capsys.readouterr().err == "0 of 2 done; 3 epochs in all\n"


def test_what_takes_no_time_is_not_told(capsys, monkeypatch):
    now = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    with patient_lines({"one": 1, "two": 1, "three": 1}, "claims") as advance:
        advance("one")
        assert capsys.readouterr() == ("", "")
        now = progress.PATIENCE
        advance("two")
        assert capsys.readouterr() == ("", "2 of 3 done: two (2 s)\n")
        advance("three")
    assert capsys.readouterr() == ("", "")
