"""Refuses settings that are no numbers, or none that make sense.

Returns plain Python numbers, or raises an InputError that names the setting and its range. Never
imports torch.
"""

from math import inf
from numbers import Integral, Real

from derivations.errors import InputError


def whole(value: object, name: str, least: int = 1) -> int:
    """An integer ≥ `least`, Python's or NumPy's."""
    if not isinstance(value, Integral) or value < least:
        raise InputError(f"{name} is {value!r}: it must be an integer of at least {least}")
    return int(value)


def between(value: object, name: str, above: float = 0.0, below: float = inf) -> float:
    """A real number strictly between two others."""
    number = float(value) if isinstance(value, Real) else None
    if number is None or not above < number < below:
        raise InputError(
            f"{name} is {value!r}: it must be a number between {above:g} and {below:g}"
        )
    return number
