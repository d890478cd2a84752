"""Laws of weights that are used in many places: wrong projectors break the proof."""

import pytest
import sympy as sp

from derivations.checker.check import check
from derivations.laws import shared_weight
from derivations.laws.shared_weight import shared_laws


@pytest.mark.parametrize(
    "build", [shared_weight._batch, shared_weight._shared], ids=["batch", "shared"]
)
@pytest.mark.parametrize(
    "complement",
    [
        lambda v: sp.Identity(v.shape[0]),
        lambda v: sp.MatAdd(sp.Identity(v.shape[0]), sp.MatMul(v, v.T)),
        lambda v: sp.MatAdd(sp.Identity(v.shape[0]), sp.MatMul(-2, v, v.T)),
    ],
    ids=["nothing", "plus", "reflection"],
)
def test_a_wrong_projector_breaks_the_proof(build, complement, monkeypatch):
    monkeypatch.setattr(shared_weight, "_complement", complement)
    failed = [step for step in check(build().theorem.derivation) if not step.ok]
    assert len(failed) >= 2


def test_generalized_laws_have_letters_of_matching_shapes():
    assert len(shared_laws()) == 6
    for found in shared_laws():
        assert found.response.shape == found.base.shape
        assert found.factor.shape[0] == found.base.shape[0]


def test_a_law_given_the_outputs_rests_on_more():
    """Only what is given needs that uncorrelated parts are independent."""
    given = {
        law.id for law in shared_laws() if "uncorrelated" in {axiom.id for axiom in law.axioms}
    }
    assert given == {"conditional.batch", "conditional.shared"}
    assert {law.id for law in shared_laws() if law.sums_over} == {
        "convolution",
        "convolution.masked",
        "conditional.shared",
    }
