"""Writes the command that carries on with what a command began, to be pasted into a shell."""

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

NAME = "gradbound"
RESUMABLE = "validate"
"""The verb that takes --resume."""
STARTED_BY = "GRADBOUND_STARTED_BY"
"""The environment variable in which a script that starts a command says how it is itself started,
which carries on."""


def carry_on(given: Sequence[str]) -> str:
    """The command for these arguments of one: the same, and `validate` with --resume."""
    if started := os.environ.get(STARTED_BY):
        return started
    words = list(given)
    if words[:1] == [RESUMABLE] and not {"--resume", "--dry-run"} & set(words):
        words.insert(1 if "--" in words else len(words), "--resume")  # no option follows a `--`
    return shlex.join([*_program(), *words])


def after_interrupt(given: Sequence[str]) -> str:
    """What to do after an interrupt. Of most verbs nothing is left to carry on with."""
    carries_on = {RESUMABLE, "reproduce"} & set(given[:1]) and "--dry-run" not in given
    return f"{'to carry on' if carries_on else 'to begin anew'}, run `{carry_on(given)}`"


def _program() -> list[str]:
    """What starts the command line from the same folder."""
    if shutil.which(NAME):
        return [NAME]
    started = Path(sys.argv[0])
    return [str(started)] if started.name == NAME else [sys.executable, "-m", NAME]
