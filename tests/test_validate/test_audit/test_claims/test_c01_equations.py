"""C1, C3, C6 and C7: equations in each reading, and with numbers that are redone by hand."""

from dataclasses import replace

import numpy as np
import pytest
from test_validate.audited import gathered, judged

from derivations.errors import ViolationError
from validate.audit.claims.c01_equations import judge_equality
from validate.audit.evidence import UNDECIDED


def test_one_broken_reading_is_a_condition_and_both_are_no_proof():
    evidence = gathered("C3")
    broken = {reading: replace(proof, failed=("x",)) for reading, proof in evidence.proofs.items()}
    for reading, proof in broken.items():
        found = judge_equality(replace(evidence, proofs={**evidence.proofs, reading: proof}))
        assert found.judgement.condition.endswith(f"undecided in the {reading} reading")
    nothing = judge_equality(replace(evidence, proofs=broken))
    assert nothing.judgement.condition.count(UNDECIDED) == 1


def test_instances_are_those_of_the_printed_equations():
    """Redone with numpy, which the audit does not use."""
    slopes, g = np.array([[1, 2], [3, 4]]), np.array([1, 1])
    by_hand = {
        "C1": slopes.T @ g,
        "C3": (slopes + np.eye(2)).T @ g,
        # s = σ(0) = 1/2, s′ = 1/4, ∂s/∂x = 1/4 · 2 and F(1) = 4.
        "C6": [1 / 2 * 4 + 1 / 2 * 2],
        "C7": [1 / 2 * 4 + 1 / 2 * 2 + 1],
    }
    for claim, expected in by_hand.items():
        instance = gathered(claim).instance
        assert instance.printed == instance.autograd == pytest.approx(tuple(expected))
        assert str(instance) in judged(claim).summary


def test_the_instance_of_a_gate_is_none_of_a_block_without():
    """∂F/∂x + 1 is what the equation before Figure 3 gives, F standing for F̃."""
    assert gathered("C7").instance.printed != (2.0 + 1.0,)


def test_the_smallest_block_that_needs_the_tilde():
    found = gathered("C7").without_tilde
    assert (found.given["∂F/∂x"], found.given["F(1)"]) == ("1", "0")
    assert (found.found, found.claims) == ("∂L/∂x = 3/2", "∂L/∂x = 2")
    assert found.autograd == {"dL/dx": 1.5}
    assert "before Figure 3" in judged("C7").summary
    without = judged("C7", replace(gathered("C7"), without_tilde=None))
    assert "before Figure 3" not in without.summary


def test_the_order_of_the_factors_shows_in_an_instance():
    """∂F/∂x is no symmetric matrix: its transpose is told from itself."""
    assert gathered("C1").instance.printed != (3.0, 7.0)


def test_an_equation_cannot_be_proved_and_wrong():
    evidence = gathered("C1")
    wrong = replace(evidence.instance, autograd=(4.0, 6.1))
    assert wrong.counterexample.found == "(4, 6.1)"
    with pytest.raises(ViolationError, match="is proved, and there is a counterexample"):
        judge_equality(replace(evidence, instance=wrong))
    for seen in ((4.0,), (4.0, float("nan"))):
        assert replace(evidence.instance, autograd=seen).counterexample
