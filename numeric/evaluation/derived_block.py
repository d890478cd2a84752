"""Derives what there is to say of a block at its real sizes, once for each term and sizes."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from derivations.algebra.notation import Notation
from derivations.algebra.shapes import Size
from derivations.algebra.terms import Term
from derivations.rules.bound_types import Bounds
from derivations.rules.bounds import bounds
from derivations.rules.jacobian import Linearization, linearize

LeafSize: TypeAlias = tuple[Size, Size]
"""The entries of a leaf's output and of its input."""


@dataclass(frozen=True)
class DerivedBlock:
    """The pullback and the bounds of a term, and the notation that says what their letters mean."""

    notation: Notation
    line: Linearization
    bounds: Bounds


@lru_cache(maxsize=256)
def derived_block(
    term: Term, sizes: tuple[tuple[str, LeafSize], ...], inputs: Size
) -> DerivedBlock:
    """The derivation of a term whose leaves have these sizes, by name.

    `inputs` are the entries of x; all of them are numbers or symbols. Equal arguments get the same
    object: one derivation serves every batch of a training run.
    """
    notation = Notation(term, dict(sizes), "operator", inputs=inputs)
    return DerivedBlock(notation, linearize(notation), bounds(notation))
