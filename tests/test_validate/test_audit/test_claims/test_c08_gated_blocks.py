"""C8 and C9: the gate of the block that is given, and the smallest gates that break them."""

from dataclasses import replace

import pytest
from test_validate.audited import gathered, judged, rejudged

from derivations.algebra.blocks import BRANCH, SE_RESIDUAL, Block
from derivations.algebra.terms import Add, Chain, Gate, Identity, Layer, Linear, Pointwise
from validate.audit.evidence import Sources

INPUT_GATE = Chain(
    Linear("P"), Linear("W_1"), Pointwise("relu"), Linear("W_2"), Pointwise("sigmoid"), Linear("B")
)


@pytest.mark.parametrize("gate", [INPUT_GATE, Layer("s")], ids=["weights", "layer"])
def test_a_gate_computed_from_the_input_keeps_its_term(gate):
    block = Block(
        "input_gate",
        "",
        "input_gate",
        Add(Gate(BRANCH, gate), Identity()),
        {**SE_RESIDUAL.dims, "s": ("n", "n")},
    )
    found = rejudged("C8", Sources(gated=block))
    assert found.verdict == "confirmed"
    assert found.counterexample is None
    assert judged("C8").verdict == "refuted"


def test_the_smallest_gate_whose_term_vanishes():
    assert judged("C8").counterexample["given"] == {
        "F(1)": "1",
        "w_1": "1",
        "w_2": "1",
        "b_2": "−1",
        "s": "1/2",
        "x": "1",
        "∂L/∂H": "1",
    }


def test_the_smallest_pairs_ordered_either_way():
    assert judged("C9").counterexample["given"]["∂F/∂x"] == "1"
    assert gathered("C9").better.given["∂F/∂x"] == "−1"


@pytest.mark.parametrize(("lower", "verdict"), [(1.5, "conditional"), (1.0, "refuted")])
def test_more_that_remains_counts_where_it_is_more(lower, verdict):
    evidence = gathered("C9")
    gated = replace(evidence.gated, lower=lower, upper=2.0)
    assert judged("C9", replace(evidence, gated=gated)).verdict == verdict
