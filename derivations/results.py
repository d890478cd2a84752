"""Lists every result that is about no single block."""

from derivations import dense, dense_architecture, equation4, equation6, gates, stacks
from derivations.theorems import Theorem

MODULES = (gates, dense, equation4, equation6, dense_architecture, stacks)


def theorems() -> tuple[Theorem, ...]:
    """All theorems, in the order of the derivation book."""
    return tuple(theorem for module in MODULES for theorem in module.theorems())
