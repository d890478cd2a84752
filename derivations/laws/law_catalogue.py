"""Collects the exact laws of ‖∂L/∂x‖² for random weights, each with its proof."""

from functools import lru_cache

from derivations.errors import InputError, way_out
from derivations.laws.dense_weight import dense_laws
from derivations.laws.law import Law
from derivations.laws.shared_weight import shared_laws


@lru_cache
def laws() -> tuple[Law, ...]:
    """All laws: of a dense weight, then of weights used in many places."""
    return (*dense_laws(), *shared_laws())


def law(identifier: str) -> Law:
    """The law of that name; raises InputError for an unknown one."""
    found = {law.id: law for law in laws()}
    if identifier not in found:
        raise InputError(f"unknown law {identifier!r}: {way_out(identifier, found)}")
    return found[identifier]
