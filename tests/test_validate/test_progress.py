"""Tests the progress display: on stderr alone, and silent where nobody looks."""

from validate.progress import bar, for_terminal, silent


def test_silence(capsys):
    with silent(2) as advance:
        advance("one")
        advance("two")
    assert capsys.readouterr() == ("", "")


def test_a_bar_writes_to_stderr_alone(capsys):
    with bar(2) as advance:
        advance("one")
        advance("two")
    out, err = capsys.readouterr()
    assert out == ""
    assert "2/2" in err


def test_no_terminal_no_bar(monkeypatch):
    assert for_terminal() is silent
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert for_terminal() is bar
    assert for_terminal(quiet=True) is silent
