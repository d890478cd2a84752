"""Functions for `test_time_limit.py` to run under a limit."""

import os
import time

import sympy

from derivations.errors import InputError
from derivations.time_limit import advance


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


def simplify() -> str:
    """An expression that SymPy does not simplify within a minute."""
    x = sympy.symbols("x0:8", real=True)
    terms = (
        sympy.sqrt(a**2 + sympy.sqrt(b**2 + sympy.sin(a * b))) / (1 + sympy.cos(a + b))
        for a in x
        for b in x
        if a != b
    )
    return str(sympy.simplify(sympy.Add(*terms)))


def count(number: int) -> int:
    for done in range(number):
        advance(f"part {done}")
    return number
