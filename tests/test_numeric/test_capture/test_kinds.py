"""Kinds by the form of a term and what its leaves are like."""

import pytest
import torch

from derivations.algebra.terms import Add, Chain, Concat, Gate, Identity, Layer, Linear, Term
from numeric.capture.kinds import kind_of
from numeric.capture.region import MovedAxis
from numeric.capture.segment_terms import SegmentTerm
from numeric.recording.operations import Traits


class Stub:
    """A leaf of which no more than its traits are asked."""

    modules = functions = ()

    def __init__(self, **traits: bool) -> None:
        self.traits = Traits(**traits)

    def __call__(self, x: torch.Tensor, /) -> torch.Tensor:
        return x


I, F, G, W, V, M = Identity(), Layer("F"), Layer("G"), Linear("W"), Linear("V"), Linear("M")
REGIONS = {
    "F": Stub(weighted=True),
    "G": Stub(weighted=True),
    "W": Stub(affine=True, weighted=True),
    "V": Stub(affine=True),
    "M": MovedAxis(3, 1),
}


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (I, "identity"),
        (W, "linear"),
        (F, "plain"),
        (Chain(W, F), "plain"),
        (Add(I, F), "residual"),
        (Add(V, F), "residual"),
        (Add(W, F), "residual"),
        (Add(Chain(V, W), F), "residual"),
        (Add(Concat(V, V), F), "residual"),
        (Add(I, F, G), "residual"),
        (Add(I, W), "residual"),
        (Add(I, I), "linear"),
        (Add(I, V), "linear"),
        (Add(W, Chain(V, W)), "sum"),
        (Add(F, G), "sum"),
        (Add(I, Gate(F, G)), "gated_residual"),
        (Add(W, Chain(F, Gate(F, G))), "gated_residual"),
        (Add(Gate(I, F), Gate(G, F)), "input_gate"),
        (Add(Gate(F, G), Gate(G, F)), "sum"),
        (Gate(F, G), "gate"),
        (Chain(F, Gate(I, G)), "gate"),
        (Concat(F, I), "dense"),
        (Concat(F, G), "concat"),
        (Chain(Concat(Chain(F, M), M), M), "dense"),
        (Concat(V, F), "concat"),
        (Chain(F, Add(I, G), Concat(F, I)), "residual"),
    ],
)
def test_a_term_has_its_kind(term: Term, expected: str) -> None:
    assert kind_of(SegmentTerm(term, REGIONS, [True])) == expected


def test_a_product_without_a_bounded_side_is_no_gate() -> None:
    assert kind_of(SegmentTerm(Gate(F, G), REGIONS, [False])) == "product"
    assert kind_of(SegmentTerm(Gate(F, G), REGIONS, [False, True])) == "gate"
