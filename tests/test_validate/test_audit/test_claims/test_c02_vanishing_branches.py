"""C2, C4 and C5: what a vanishing branch leaves, and the smallest that loses the gradient."""

import pytest
import torch
from test_validate.audited import gathered, judged, rejudged

from derivations.algebra.blocks import BRANCH, SQUARE, Block
from derivations.algebra.terms import Add, Linear
from validate.audit.claims.c02_vanishing_branches import judge_limit, vanished_residual
from validate.audit.evidence import Sources

ROTATED = Block("rotated", "", "residual", Add(BRANCH, Linear("Q")), SQUARE | {"Q": ("n", "n")})


def test_the_smallest_branch_that_loses_the_gradient():
    assert judged("C5").counterexample["given"] == {"∂F/∂x": "−1", "∂L/∂H": "1"}
    assert gathered("C5").after_relu.given == {"F": "0", "x": "−1", "∂L/∂ReLU(H)": "1"}


@pytest.mark.parametrize("claim", ["C2", "C4"])
def test_what_remains_is_said_in_both_readings(claim):
    assert set(gathered(claim).proofs) == {"scalar", "operator"}
    assert all(proof.proved for proof in gathered(claim).proofs.values())
    assert "at most σ_max(∂F/∂x) · ‖∂L/∂" in judged(claim).summary


def test_a_rotated_skip_keeps_the_gain_and_loses_the_gradient():
    """H = F + Qx with Q orthogonal: γ → 1, and ∂L/∂x → Qᵀ ∂L/∂H."""
    quarter = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64)
    branch = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64)
    g = torch.tensor([2.0, 1.0], dtype=torch.float64)
    for size in (1e-3, 1e-6, 0.0):
        gradient = (size * branch + quarter).T @ g
        assert float(gradient.norm() / g.norm()) == pytest.approx(1, abs=6 * size)
        assert float((gradient - g).norm() / g.norm()) == pytest.approx(2**0.5, abs=6 * size)
    evidence = vanished_residual(Sources(residual=ROTATED))
    assert not any(proof.proved for proof in evidence.proofs.values())
    assert judge_limit(evidence).judgement.verdict == "refuted"
    found = rejudged("C4", Sources(residual=ROTATED))
    assert found.verdict == "refuted"
    assert found.counterexample["given"] == {"∂F/∂x": "0", "Q": "0", "∂L/∂H": "1"}
