"""Lists every result that is about no single block."""

from derivations import gates
from derivations.theorems import Theorem


def theorems() -> tuple[Theorem, ...]:
    """All theorems, in the order of the derivation book."""
    return gates.theorems()
