"""Whatever ends a command becomes an exit code and at most one line on stderr."""

import errno
import os
import signal

import click
import pytest

from derivations import errors
from derivations.errors import GradboundError, InputError
from gradbound.exits import Interrupted, guard


@pytest.fixture(autouse=True)
def no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRADBOUND_DEBUG", raising=False)


def ended(error: BaseException, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit code of a command that this ends, and its line on stderr."""

    def command() -> None:
        raise error

    code = guard(command)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") <= 1
    return code, err.strip()


def test_a_command_that_returns_ends_with_0_and_says_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert guard(lambda: print("data")) == 0  # noqa: T201
    assert capsys.readouterr() == ("data\n", "")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InputError, 3),
        (errors.UnknownNodeError, 3),
        (errors.ViolationError, 4),
        (errors.TimeLimitError, 6),
        (errors.GradboundError, 1),
    ],
)
def test_a_refusal_ends_with_its_own_code_in_its_own_words(
    capsys: pytest.CaptureFixture[str], error: type[GradboundError], code: int
) -> None:
    assert ended(error("the thing,\n  and the way out"), capsys) == (
        code,
        "gradbound: the thing, and the way out",
    )


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Interrupted("so"), click.Abort()])
def test_an_interrupt_ends_with_130_and_says_how_to_carry_on(
    capsys: pytest.CaptureFixture[str], error: BaseException
) -> None:
    code, line = ended(error, capsys)
    assert code == 130
    so = "so" if isinstance(error, Interrupted) else "give the same command again"
    assert line == f"gradbound: interrupted: {so}"


def test_sigterm_ends_like_an_interrupt_and_is_as_before_afterwards(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def command() -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        assert guard(command) == 130
        assert capsys.readouterr().err.startswith("gradbound: interrupted: ")
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as nohup does with another
        assert guard(command) == 0
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_reader_that_left_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(BrokenPipeError(errno.EPIPE, "Broken pipe"), capsys) == (0, "")


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (OSError(errno.ENOSPC, "No space left", "a/file"), 3, "a/file: No space left; choose"),
        (OSError(errno.ENOSPC, "No space left"), 3, "No space left: check the disk"),
        (OSError("lost"), 3, "lost: check the disk"),
        (click.UsageError("no such verb"), 2, "no such verb (`gradbound --help` shows the way)"),
        (click.ClickException("cannot open"), 3, "cannot open"),
        (ZeroDivisionError("1/0"), 1, "internal error: ZeroDivisionError: 1/0 (GRADBOUND_DEBUG=1"),
    ],
)
def test_other_errors_are_named_in_one_line(
    capsys: pytest.CaptureFixture[str], error: Exception, code: int, words: str
) -> None:
    found, line = ended(error, capsys)
    assert found == code
    assert line.startswith(f"gradbound: {words}")


def test_a_traceback_is_shown_on_request_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def command() -> None:
        raise InputError("the thing")

    assert guard(command) == 3
    assert "Traceback" not in capsys.readouterr().err
    monkeypatch.setenv("GRADBOUND_DEBUG", "1")
    assert guard(command) == 3
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.endswith("gradbound: the thing\n")


def test_only_an_exit_that_was_meant_passes_through() -> None:
    def command() -> None:
        raise SystemExit(7)

    with pytest.raises(SystemExit) as caught:
        guard(command)
    assert caught.value.code == 7
