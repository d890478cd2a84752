"""The ingredients of the laws without closed forms: every step passes, wrong ones fail."""

from dataclasses import replace

import pytest
import sympy as sp

from derivations.algebra.letters import CHI, DEPTH
from derivations.checker.check import check
from derivations.laws.open_depth_laws import (
    ACTIVE,
    HALF_NORMAL_FACTOR,
    HALF_NORMAL_VARIANCE,
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


def test_the_recurrences_of_half_normal_inputs_are_those_that_are_evaluated():
    from numeric.laws.mean_field import half_normal_residual

    chi, ratio, variance = sp.Rational(3, 4), 1.0, sp.Float(0)
    for _ in range(4):
        at = {CHI: chi, SIGMA: sp.sqrt(variance)} if variance else {CHI: chi}
        factor, behind = (
            expr.subs(at) if variance else sp.limit(expr.subs(at), SIGMA, 0, "+")
            for expr in (HALF_NORMAL_FACTOR, HALF_NORMAL_VARIANCE)
        )
        ratio, variance = ratio * float(factor), sp.N(behind)
    assert half_normal_residual(4, 0.75) == pytest.approx(ratio, rel=1e-12)


def test_what_is_not_proved_of_batch_norm_v1_is_called_so():
    theorem = LAWS["depth.batch_norm_v1"]
    assert "not proved" in theorem.statement
    assert theorem.setting.startswith("n → ∞ and B → ∞")
