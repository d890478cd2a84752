"""The catalogue of laws: every step of every proof passes, and each law says what it rests on."""

import pytest

from derivations.checker.check import check
from derivations.errors import InputError
from derivations.laws.law import AXIOMS
from derivations.laws.law_catalogue import law, laws

LAWS = {law.id: law for law in laws()}


@pytest.mark.parametrize("name", LAWS)
def test_every_step_of_every_law_passes_two_checks(name):
    checked = check(LAWS[name].theorem.derivation)
    assert checked
    for step in checked:
        assert step.ok, (step.step.rule, step.checks)
        assert len(step.checks) >= 2


def test_the_laws_of_the_theory_are_there():
    assert set(LAWS) == {
        "independent.plain",
        "independent.residual",
        "independent.dense",
        "masked",
        "conditional",
        "conditional.two_layer",
        "conditional.se",
        "gaussian",
        "pointwise",
        "convolution",
        "convolution.masked",
        "conditional.batch",
        "conditional.shared",
    }
    assert law("masked") is LAWS["masked"]
    with pytest.raises(InputError, match="unknown law 'mask'"):
        law("mask")


@pytest.mark.parametrize("name", LAWS)
def test_a_law_says_what_it_rests_on(name):
    found = LAWS[name]
    theorem = found.theorem
    assert theorem.certainty == "law"
    assert theorem.result in theorem.derivation.steps
    assert theorem.statement
    assert theorem.conditions
    assert theorem.source
    assert found.axioms
    assert set(found.axioms) <= set(AXIOMS)
    assert set(found.rests_on) <= set(LAWS) - {name}


def test_every_axiom_is_used_and_has_a_source():
    assert {axiom for found in laws() for axiom in found.axioms} == set(AXIOMS)
    assert len({axiom.id for axiom in AXIOMS}) == len(AXIOMS)
    assert all(axiom.statement and axiom.source for axiom in AXIOMS)
