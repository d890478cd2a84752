"""Functions for `test_limits.py` to run under a limit."""

import os
import time

from derivations.errors import InputError


def double(x: list) -> list:
    return x + x


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def refuse() -> None:
    raise InputError("no such block")


def fail() -> float:
    return 1 / 0


def die() -> None:
    os._exit(9)
