"""Runs symbolic work under a time limit, in a process that can be killed.

SymPy may not return. The child works in a process group of its own and ends itself when its parent
is gone, however the parent ended; arguments and results are JSON. Also the child's own entry point:
`python -m derivations.time_limit`.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from derivations import errors
from derivations.errors import GradboundError, InputError, TimeLimitError
from derivations.parent_watch import end_after

Json = Any
Hear = Callable[[str], None]
_MARK = "+"
"""Begins a line of a child that is a word of its progress, and not the answer."""
_speaks = threading.Lock()
_is_child = False


def run(
    function: str, arguments: dict[str, Json], seconds: float, hear: Hear = lambda word: None
) -> Json:
    """Calls "module:name" with keyword arguments in a child process and returns its JSON result.

    `hear` hears, in a thread, each word that the function gives to `advance`. Raises TimeLimitError
    after `seconds`, the function's own GradboundError, and RuntimeError for any other failure.
    """
    if not seconds > 0:
        raise InputError(f"the time limit must be a positive number of seconds, not {seconds}")
    command = [sys.executable, "-m", "derivations.time_limit", function]
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    received: list[str] = []
    reader = threading.Thread(target=_receive, args=(child, received, hear), daemon=True)
    try:
        reader.start()
        # stdin stays open: its end tells the child to stop
        print(json.dumps(arguments), file=child.stdin, flush=True)
        reader.join(seconds)
        if reader.is_alive():
            raise TimeLimitError(
                f"{function} did not finish within {seconds:g} s: raise --time-limit or ask "
                "for fewer blocks"
            )
    finally:
        _end(child)
    return _unpack(function, received[0])


def advance(word: str) -> None:
    """Tells whoever runs this child that so much is done; elsewhere nobody hears it."""
    if _is_child:
        with _speaks:
            sys.stdout.write(f"{_MARK}{word}\n")
            sys.stdout.flush()


def _receive(child: subprocess.Popen[str], received: list[str], hear: Hear) -> None:
    """Reads the child's answer and closes its pipe."""
    # Here and not where the child is ended: closed by another thread, it breaks under the read.
    assert child.stdout
    with child.stdout as pipe:
        answer = []
        for line in pipe:
            if line.startswith(_MARK):
                hear(line.removeprefix(_MARK).rstrip())
            else:
                answer.append(line)
        received.append("".join(answer))


def _end(child: subprocess.Popen[str]) -> None:
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    if child.stdin:
        with suppress(BrokenPipeError):  # the child died before it read its arguments
            child.stdin.close()


def _unpack(function: str, answer: str) -> Json:
    if not answer:
        raise RuntimeError(f"{function} ended without an answer")
    outcome = json.loads(answer)
    if "result" in outcome:
        return outcome["result"]
    kind = getattr(errors, outcome["error"], None)
    if isinstance(kind, type) and issubclass(kind, GradboundError):
        raise kind(outcome["message"])
    raise RuntimeError(f"{function} failed: {outcome['error']}: {outcome['message']}")


def answer_for(function: str) -> None:
    """Is the child: reads arguments, writes the answer, and ends this process."""
    global _is_child  # noqa: PLW0603  # of this process, for all of its life
    _is_child = True
    line = sys.stdin.readline()
    if not line:  # the parent went before it said what to do
        os._exit(1)
    arguments = json.loads(line)
    end_after(sys.stdin.read)
    module, _, name = function.partition(":")
    try:
        outcome = {"result": getattr(importlib.import_module(module), name)(**arguments)}
    except Exception as error:  # noqa: BLE001, whatever it is, the parent must hear of it
        outcome = {"error": type(error).__name__, "message": str(error)}
    sys.stdout.write(json.dumps(outcome, allow_nan=False))
    sys.stdout.flush()
    os._exit(0)  # not sys.exit: the watching thread blocks the interpreter's own shutdown


if __name__ == "__main__":
    # Of the module by its own name: what the function imports is that, not this one.
    importlib.import_module("derivations.time_limit").answer_for(sys.argv[1])
