"""The ingredients of the laws without closed forms: every step passes, wrong ones fail."""

from dataclasses import replace

import pytest
import sympy as sp

from derivations.algebra.letters import DEPTH
from derivations.checker.check import check
from derivations.laws.open_depth_laws import (
    ACTIVE,
    PERSISTENCE,
    SECOND_MOMENT,
    SIGMA,
    open_depth_laws,
)

LAWS = {law.id: law for law in open_depth_laws()}


@pytest.mark.parametrize("identifier", LAWS)
def test_every_step_passes_in_two_ways(identifier):
    for checked in check(LAWS[identifier].derivation):
        assert checked.ok, (checked.step.rule, checked.checks)
        assert len(checked.checks) == 2


@pytest.mark.parametrize("identifier", LAWS)
def test_wrong_steps_fail_both_ways(identifier):
    law = LAWS[identifier]
    for step in law.derivation.steps:
        for wrong in (2 * step.after, step.after + sp.Rational(1, 10**6)):
            (checked,) = check(replace(law.derivation, steps=(replace(step, after=wrong),)))
            assert not any(outcome.ok for outcome in checked.checks), step.rule


def test_the_limits_of_half_normal_inputs():
    """Nothing added: all units are active, E z² = 1. Much added: half are, and half of the second
    moment is left.
    """
    assert (sp.limit(ACTIVE, SIGMA, 0, "+"), sp.limit(SECOND_MOMENT, SIGMA, 0, "+")) == (1, 1)
    assert (sp.limit(ACTIVE, SIGMA, sp.oo), sp.limit(SECOND_MOMENT / SIGMA**2, SIGMA, sp.oo)) == (
        sp.Rational(1, 2),
        sp.Rational(1, 2),
    )


@pytest.mark.parametrize("n", range(1, 8))
def test_persistence_is_the_central_binomial_probability(n):
    assert sp.gammasimp(PERSISTENCE.subs(DEPTH, n)) == sp.binomial(2 * n, n) / sp.Integer(4) ** n
