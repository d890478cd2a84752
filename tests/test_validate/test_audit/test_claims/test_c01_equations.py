"""C1–C7 and C11: equations and limits, in each reading, and the smallest branch that loses."""

from dataclasses import replace

import pytest
from test_validate.audited import gathered, judged

from derivations.algebra.blocks import RESIDUAL, SE_RESIDUAL
from derivations.errors import InputError
from validate.audit.claims.c01_equations import Equality, gate_of, judge_equality, judge_limit
from validate.audit.evidence import UNDECIDED, Remains


def test_the_smallest_branch_that_loses_the_gradient():
    assert judged("C5").counterexample["given"] == {"∂F/∂x": "−1", "∂L/∂H": "1"}
    assert gathered("C5").after_relu.given == {"F": "0", "x": "−1", "∂L/∂ReLU(H)": "1"}


def test_one_broken_reading_is_a_condition_and_both_are_no_proof():
    evidence = gathered("C3")
    broken = {reading: replace(proof, failed=("x",)) for reading, proof in evidence.proofs.items()}
    for reading, proof in broken.items():
        found = judge_equality(Equality({**evidence.proofs, reading: proof}))
        assert found.judgement.condition.endswith(f"undecided in the {reading} reading")
    assert judge_equality(Equality(broken)).judgement.condition.count(UNDECIDED) == 1


@pytest.mark.parametrize(
    ("lower", "upper", "derived", "holds"),
    [
        (1.0, 1.0, True, True),
        (0.5, 0.5, True, False),
        (0.5, 1.0, True, None),
        (1.0, 1.0, False, None),
    ],
)
def test_a_limit_is_decided_where_the_bounds_meet(lower, upper, derived, holds):
    """By the operator reading alone: the scalar one is proved."""
    evidence = replace(gathered("C4"), operator=Remains(lower, upper, derived))
    judgement = judge_limit(1.0)(evidence).judgement
    name = "in the operator reading"
    expected = {True: "", False: f"in the scalar reading; not {name}"}
    assert judgement.condition == expected.get(holds, f"in the scalar reading; undecided {name}")


def test_the_gated_branch_is_found_among_the_parts():
    gate = gate_of(SE_RESIDUAL.term)
    assert gate in SE_RESIDUAL.term.parts
    with pytest.raises(InputError, match="has no gated branch"):
        gate_of(RESIDUAL.term)
