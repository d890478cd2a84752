"""Limits without the branch are judged by definitions and by scaled worlds; false ones by both."""

from dataclasses import replace

import pytest
import sympy as sp

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.notation import notation_of
from derivations.algebra.steps import Derivation, Step
from derivations.checker.branch_limits import check_branch_limit, is_branch_limit
from derivations.checker.check import check
from derivations.rules.bounds import bounds
from derivations.rules.jacobian import linearize, remains


def derivations_of(name: str) -> list[Derivation]:
    return [
        theorem.derivation for theorem in bounds(notation_of(BLOCKS[name], "operator")).theorems
    ]


def limits_of(name: str) -> list[tuple[Derivation, Step]]:
    return [
        (derivation, step)
        for derivation in derivations_of(name)
        for step in derivation.steps
        if is_branch_limit(step)
    ]


def outcomes(derivation: Derivation, step: Step) -> list[bool]:
    (checked,) = check(replace(derivation, steps=(step,)))
    return [outcome.ok for outcome in checked.checks]


@pytest.mark.parametrize("name", BLOCKS)
def test_every_limit_of_a_named_block_passes_both_ways(name):
    found = limits_of(name)
    assert found
    for derivation, step in found:
        assert outcomes(derivation, step) == [True, True], step


@pytest.mark.parametrize("name", BLOCKS)
def test_a_wrong_limit_fails_both_ways(name):
    for derivation, step in limits_of(name):
        for wrong in (sp.Integer(17), step.after + sp.Rational(1, 10**6), -1 - step.after):
            assert outcomes(derivation, replace(step, after=wrong)) == [False, False], step


@pytest.mark.parametrize("name", ["residual", "input_gate", "projection", "highway", "dense"])
def test_a_value_is_not_its_own_limit_where_the_branch_moves_it(name):
    moved = [
        (derivation, step)
        for derivation, step in limits_of(name)
        if step.after != step.before and step.before.free_symbols
    ]
    assert moved
    # A bound that is 0 in all drawn worlds stays what it is there: the definitions refuse it.
    for derivation, step in moved:
        assert not all(outcomes(derivation, replace(step, after=step.before))), step


@pytest.mark.parametrize("name", BLOCKS)
def test_what_remains_of_a_pullback_is_judged(name):
    line = linearize(notation_of(BLOCKS[name], "operator"))
    step = remains(line)
    derivation = line.derivation
    assert outcomes(derivation, step) == [True, True]
    for wrong in (
        step.before,
        2 * step.before,
        sp.MatAdd(step.after, derivation.notation.gradient()),
    ):
        if wrong != step.after:
            assert outcomes(derivation, replace(step, after=wrong)) == [False, False], wrong


def test_a_letter_that_may_hide_the_branch_is_refused():
    notation = notation_of(BLOCKS["residual"], "operator")
    line = linearize(notation)
    step = remains(line)
    hidden = notation.jacobian(notation.term, notation.term.parts[1])  # dH/dx, which holds J_F
    before = sp.MatMul(hidden.T, notation.signal())
    methods = check_branch_limit(replace(step, before=before), line.derivation)
    assert not any(
        outcome.ok
        for outcome in check(
            replace(line.derivation, steps=(replace(step, before=before, after=before),))
        )[0].checks
    )
    assert list(methods) == ["words without the branch", "branches scaled down"]


def test_an_expression_with_a_jump_has_no_limit_here():
    derivation, step = limits_of("residual")[0]
    jump = sp.sign(step.before)
    assert set(outcomes(derivation, replace(step, before=jump, after=sp.S.One))) == {False}
