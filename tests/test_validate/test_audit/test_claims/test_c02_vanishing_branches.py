"""C2 and C4: what a vanishing branch leaves, and that it is more than of a plain block."""

from dataclasses import replace

import pytest
import torch
from test_validate.audited import gathered, judged, rejudged

from derivations.algebra.blocks import BRANCH, SQUARE, Block
from derivations.algebra.terms import Add, Linear
from validate.audit.claims.c02_vanishing_branches import judge_kept, vanished_residual
from validate.audit.evidence import Sources

ROTATED = Block("rotated", "", "residual", Add(BRANCH, Linear("Q")), SQUARE | {"Q": ("n", "n")})


def test_more_remains_than_of_a_plain_block_in_the_limit_alone():
    evidence = gathered("C4")
    assert evidence.nothing is None
    assert evidence.less.given == {"∂F/∂x": "−1", "∂L/∂H": "1"}
    assert evidence.less.autograd == {"plain block": 1.0, "residual block": 0.0}
    assert "judged only as ∂F/∂x → 0" in judged("C4").summary
    kept = replace(evidence, nothing=evidence.less)
    assert judged("C4", kept).condition.endswith("not more than of a plain block")


def test_what_a_plain_block_loses_must_be_proved():
    evidence = gathered("C4")
    plain = {name: replace(proof, derived=False) for name, proof in evidence.plain.items()}
    found = judged("C4", replace(evidence, plain=plain))
    assert found.condition.endswith("undecided more than of a plain block")
    assert "nothing remains (not proved)" in found.summary


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
    assert judge_kept(evidence).judgement.verdict == "refuted"
    found = rejudged("C4", Sources(residual=ROTATED))
    assert found.verdict == "refuted"
    assert found.counterexample["given"] == {"∂F/∂x": "0", "Q": "0", "∂L/∂H": "1"}
