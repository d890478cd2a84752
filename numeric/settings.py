"""Refuses settings that are no numbers or make no sense, and packs those of Krylov methods.

Returns plain Python numbers, or raises an InputError that names the setting and its range. Never
imports torch.
"""

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Effort:
    """How hard a Krylov method works, checked once: whoever takes one need not look again.

    steps: the most it takes. delta: the probability, per quantity, with which it may fail. seed: of
    its random start. rtol: the relative width at which it may stop before; None runs all steps.
    """

    steps: int = 40
    delta: float = 1e-6
    seed: int = 0
    rtol: float | None = None
    basis: str | None = None

    def __post_init__(self) -> None:
        check_estimate(self.steps, self.delta, self.seed)
        if self.rtol is not None and not (isinstance(self.rtol, float | int) and 0 < self.rtol < 1):
            raise InputError(
                f"rtol is {self.rtol!r}: a relative width lies between 0 and 1; None runs all steps"
            )
        if self.basis not in (None, "float32"):
            raise InputError(
                f"basis is {self.basis!r}: vectors are kept in 'float32' or, by None, as they are"
            )


def check_estimate(steps: int, delta: float, seed: int) -> None:
    """Refuses settings of a randomized estimate that have no meaning."""
    if not (isinstance(steps, int) and isinstance(seed, int) and isinstance(delta, float | int)):
        raise InputError(
            f"steps {steps!r} and seed {seed!r} must be integers, delta {delta!r} a number"
        )
    if steps < 1:
        raise InputError(f"steps is {steps}: use at least 1")
    if not 1e-30 <= delta < 1:
        raise InputError(f"delta is {delta}: a failure probability lies between 1e-30 and 1")
    if seed < 0:
        raise InputError(f"seed is {seed}: use a non-negative integer")
