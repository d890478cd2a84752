"""Turns whatever ends a command into an exit code and at most one line on stderr.

0 ok · 1 bug · 2 usage · 3 bad input · 4 a bound or a derivation step is violated · 5 a model
cannot be captured · 6 timeout · 130 interrupted (resumable), by Ctrl-C or SIGTERM. A traceback is
shown only where GRADBOUND_DEBUG is set.
"""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from derivations.errors import GradboundError

BUG = 1
BAD_INPUT = 3
INTERRUPTED = 130


class Interrupted(Exception):
    """Ctrl-C or SIGTERM, in a form that click passes on without a word of its own; it says what to
    do then.
    """


def guard(command: Callable[[], object]) -> int:
    """The exit code of `command`; only SystemExit passes through."""
    if sys.stdout is None:  # closed by the caller: `gradbound derive >&-`
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115  # for the life of the process
    with _ended_like_ctrl_c():
        code = _attempt(command)
    try:
        sys.stdout.flush()
    except OSError:  # reported already: keep the interpreter's last flush from reporting it again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """Lets SIGTERM raise KeyboardInterrupt, unless whoever started this process had it ignored."""
    before = signal.getsignal(signal.SIGTERM)
    if before != signal.SIG_DFL or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _attempt(command: Callable[[], object]) -> int:
    try:
        command()
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has gone, which is no failure: `gradbound derive | head`
        return 0
    except Interrupted as error:
        return _fail(f"interrupted: {error}", INTERRUPTED)
    except (KeyboardInterrupt, click.Abort):
        return _fail("interrupted: give the same command again", INTERRUPTED)
    except Exception as error:  # noqa: BLE001  # the last stop before the interpreter's own
        if os.environ.get("GRADBOUND_DEBUG"):
            traceback.print_exc()
        return _fail(*_explain(error))
    return 0


def _explain(error: Exception) -> tuple[str, int]:
    match error:
        case click.UsageError():
            where = error.ctx.command_path if error.ctx else "gradbound"
            return f"{error.format_message()} (`{where} --help` shows the way)", error.exit_code
        case click.ClickException():
            return error.format_message(), BAD_INPUT
        case GradboundError():
            return str(error), error.exit_code
        case OSError(filename=str() as name):
            return f"{name}: {error.strerror}; choose another path", BAD_INPUT
        case OSError():
            return f"{error.strerror or error}: check the disk, and where stdout goes", BAD_INPUT
        case _:
            said = f"internal error: {type(error).__name__}: {error}"
            return f"{said} (GRADBOUND_DEBUG=1 shows the traceback)", BUG


def _fail(message: str, code: int) -> int:
    click.echo(f"gradbound: {' '.join(message.split())}", err=True)
    return code
