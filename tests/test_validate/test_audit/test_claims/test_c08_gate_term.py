"""C8: what the gate of the block that is given leaves, literally and beside a residual block."""

from dataclasses import replace
from fractions import Fraction

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


def test_it_holds_literally_and_gains_nothing():
    found = judged("C8")
    assert found.verdict == "conditional"
    literally, _, rest = found.condition.partition("; not ")
    assert literally.count("∂L/∂x − ∂L/∂H · (∂s/∂x · F + 1) → 0") == 2
    assert rest == (
        "as more than the ∂L/∂H that a residual block keeps: ∂s/∂x → 0 with ∂F/∂x, so nothing is "
        "gained while F, the gate's weights and ∂L/∂H are held fixed"
    )
    evidence = gathered("C8")
    for proofs in (evidence.literal, evidence.alone):
        assert all(proofs[reading].proved for reading in ("scalar", "operator"))
    assert not evidence.beyond.proved


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


def test_the_numbers_of_the_counterexample_by_hand():
    """s = 1/2, s′ = 1/4: ∂s/∂x = f/4, and ∂L/∂x = f/4 · F + s f + 1, for ∂F/∂x = f and F = 1."""
    slopes = (Fraction(1), Fraction(1, 10), Fraction(1, 100), Fraction(0))
    terms = ", ".join(str(f / 4 + 1) for f in slopes)
    totals = ", ".join(str(f / 4 + f / 2 + 1) for f in slopes)
    found = judged("C8").counterexample["found"]
    assert found == (f"at ∂F/∂x = 1, 1/10, 1/100, 0: ∂s/∂x · F + 1 = {terms} and ∂L/∂x = {totals}")
    seen = judged("C8").counterexample["autograd"]
    assert list(seen.values()) == pytest.approx(
        [value for f in slopes for value in (1 + f / 4, 1 + 3 * f / 4)]
    )


def test_a_gate_whose_weights_grow_keeps_its_term():
    """F = 1, w_2 = 1 / f: ∂s/∂x · F = s′ w_2 f = 1/4, whatever f."""
    assert gathered("C8").growing == {"1": 0.25, "1/10": 0.25, "1/100": 0.25}
    assert "∂s/∂x · F = 0.25, 0.25, 0.25 at ∂F/∂x = 1, 1/10, 1/100" in judged("C8").summary


def test_one_reading_that_is_not_proved_is_named():
    evidence = gathered("C8")
    open_one = replace(evidence.literal["operator"], derived=False)
    found = judged("C8", replace(evidence, literal={**evidence.literal, "operator": open_one}))
    assert found.condition.endswith("→ 0), operator reading")
