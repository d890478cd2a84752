"""C13 and C14: signals of which nothing is passed on, and what remains of others."""

from dataclasses import replace

import pytest
from test_validate.audited import gathered, judged

from derivations.errors import ViolationError
from validate.audit.claims.c13_dense_bound import _short


def test_no_instance_reaches_the_lower_bound_with_l():
    """σ_max² = 1 + ‖a‖² is less than ‖a‖² + l for l ≥ 2, so none can."""
    evidence = gathered("C13")
    assert evidence.satisfied == 0
    assert evidence.tried == 7**3 * (7**2 - 1)
    assert evidence.ceiling.proved
    assert evidence.ceiling.statement in judged("C13").summary


def test_a_dense_block_loses_the_gradient():
    """1 · 1 + (−1) = 0: no positive bound, however small, holds for every signal."""
    found = judged("C13").counterexample
    assert found["given"] == {"l": "1", "∂F_l/∂x": "1", "∂L/∂H": "(1, −1)"}
    assert found["found"] == "‖∂L/∂x‖ = 0"
    assert found["claims"].endswith("= 2")
    assert gathered("C13").kernel.proved
    assert "can lose the gradient as a residual block can" in judged("C13").summary


@pytest.mark.parametrize("name", ["kernel", "ceiling"])
def test_what_is_not_proved_is_not_said(name):
    evidence = gathered("C13")
    proof = getattr(evidence, name)
    found = judged("C13", replace(evidence, **{name: replace(proof, derived=False)}))
    assert proof.statement not in found.summary


def test_the_bound_fails_in_both_operator_readings():
    broken = gathered("C13").broken
    assert len(broken) == 2
    for name in broken:
        found = judged("C13", replace(gathered("C13"), broken={**broken, name: None}))
        assert f"undecided {name}" in found.condition
        assert f"not {name}" in judged("C13").condition


def test_a_signal_on_the_branch_alone_leaves_nothing():
    found = judged("C14").counterexample
    assert found["given"] == {"l": "1", "∂F_l/∂x": "0", "∂L/∂H": "(1, 0)"}
    assert found["found"] == "‖∂L/∂x‖ = 0"
    assert gathered("C14").on_inputs.given["∂L/∂H"] == "(0, 0, 1)"


def test_the_signal_on_the_inputs_is_what_remains():
    """∂L/∂x → (g_0, …), and not that their lengths agree."""
    operator = gathered("C14").operator
    assert operator.proved
    assert "at most σ_max(∂F/∂x) · ‖g_F‖" in operator.statement
    assert operator.statement in judged("C14").summary
    unproved = replace(gathered("C14"), operator=replace(operator, derived=False))
    assert operator.statement not in judged("C14", unproved).summary


def test_what_eq_4_leaves_is_no_less_than_l():
    """7 ≥ 3, 20 ≥ 4: "at least" holds, and fails where less is left."""
    evidence = gathered("C14")
    assert evidence.literal[:4] == (2, 7, 20, 52)
    assert "read literally" in judged("C14").condition.partition("; not ")[0]
    assert all(norm >= l for l, norm in enumerate(evidence.literal, start=2))
    assert evidence.less is None
    less = replace(evidence, less=_short(3, 2))
    with pytest.raises(ViolationError, match="is proved, and there is a counterexample"):
        judged("C14", less)
    opened = replace(less, diagonal=replace(evidence.diagonal, derived=False))
    assert (
        "not in the scalar reading, for Eq. (4) read literally" in judged("C14", opened).condition
    )


def test_the_diagonal_gives_l_for_every_l():
    """Σ a² + Σ b² + l is no less than l, and not shown to be no less than l + 1."""
    diagonal = gathered("C14").diagonal
    assert diagonal.proved
    assert diagonal.statement in judged("C14").summary
    assert "l = 2, …" not in judged("C14").condition
    opened = replace(gathered("C14"), diagonal=replace(diagonal, derived=False))
    found = judged("C14", opened)
    assert "undecided in the scalar reading, for Eq. (4) read literally" in found.condition
    assert diagonal.statement not in found.summary


def test_the_last_line_as_printed_is_evidence_alone():
    evidence = gathered("C14")
    assert evidence.printed.given["l"] == "2"
    found = judged("C14", replace(evidence, printed=None))
    assert found.condition == judged("C14").condition
    assert "√l does not follow" not in found.summary
