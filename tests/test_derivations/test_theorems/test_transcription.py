"""Transcribed equations: their claims are told apart, and every equation states its result."""

import pytest

from derivations.theorems.equations import equations

EQUATIONS = {(each.id, each.reading): each for each in equations()}


@pytest.mark.parametrize("key", EQUATIONS, ids="-".join)
def test_the_claims_of_an_equation_have_names_of_their_own(key):
    names = [claim.name for claim in EQUATIONS[key].claims]
    assert names
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)


@pytest.mark.parametrize("key", EQUATIONS, ids="-".join)
def test_the_result_is_a_step_of_the_derivation(key):
    equation = EQUATIONS[key]
    assert equation.result in equation.derivation.steps
    assert equation.derivation.notation.reading == equation.reading
    assert equation.transcribed_latex
