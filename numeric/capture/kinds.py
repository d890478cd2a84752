"""Names what a segment is by the form of its term."""

from typing import Literal

from derivations.algebra.terms import (
    Add,
    Chain,
    Concat,
    Gate,
    Identity,
    Leaf,
    Linear,
    Term,
    leaves,
    parts_of,
)
from numeric.capture.segment_terms import SegmentTerm

Kind = Literal[
    "plain",
    "residual",
    "gated_residual",
    "input_gate",
    "gate",
    "product",
    "dense",
    "concat",
    "sum",
    "state",
    "linear",
    "identity",
    "other",
]


def kind_of(read: SegmentTerm) -> Kind:
    """The kind of a segment; of a chain it is that of its first join."""
    term = read.term
    if isinstance(term, Chain):
        term = next((part for part in term.parts if not isinstance(part, Leaf)), term)
    match term:
        case Identity():
            return "identity"
        case Linear():
            return "linear"
        case Add():
            return _sum_kind(term, read)
        case Concat():
            return "dense" if any(_carries(part, read) for part in term.parts) else "concat"
        case Gate():
            return "gate" if any(read.bounded_gates) else "product"
    return "plain"


def _sum_kind(term: Add, read: SegmentTerm) -> Kind:
    skips = [part for part in term.parts if _is_skip(part, read)]
    branches = [part for part in term.parts if part not in skips]
    if not skips:
        gates = [part for part in term.parts if isinstance(part, Gate)]
        carried = any(part.signal == Identity() for part in gates)
        return "input_gate" if carried else "sum"
    if not branches:  # a layer without an activation is a branch, too
        heavy = [part for part in skips if _is_weighted(part, read)]
        return "linear" if not heavy else "residual" if len(heavy) < len(skips) else "sum"
    gated = any(read.bounded_gates) and any(map(_has_gate, branches))
    return "gated_residual" if gated else "residual"  # a product alone shuts nothing


def _is_skip(term: Term, read: SegmentTerm) -> bool:
    """The identity or an affine map, or one that a norm in training mode alone keeps from it."""
    if isinstance(term, Chain | Concat | Add):
        return all(_is_skip(part, read) for part in term.parts)
    if isinstance(term, Identity | Linear):
        return True
    steps = getattr(read.regions.get(term.name), "steps", ()) if isinstance(term, Leaf) else ()
    return bool(steps) and all(step.traits.affine or step.traits.tag == "norm" for step in steps)


def _is_weighted(part: Term, read: SegmentTerm) -> bool:
    return any(read.regions[leaf.name].traits.weighted for leaf in leaves(part))


def _carries(part: Term, read: SegmentTerm) -> bool:
    """Whether a part is the input itself, perhaps with its axes moved."""
    moved = isinstance(part, Linear) and read.regions[part.name].traits.isometry
    return moved or part == Identity()


def _has_gate(term: Term) -> bool:
    return isinstance(term, Gate) or any(map(_has_gate, parts_of(term)))
