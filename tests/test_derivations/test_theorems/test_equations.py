"""Equations (1)–(6): what the paper states, in both readings, against exact expansions."""

from dataclasses import replace

import pytest
import sympy as sp

from derivations.algebra.letters import LAYERS
from derivations.checker.check import check
from derivations.checker.symbolic_sums import expand_sums
from derivations.theorems.equations import (
    BRANCH_SLOPES,
    BRANCH_SQUARES,
    SIGNAL_SIZE,
    STATE_SLOPES,
    STATE_SQUARES,
    equations,
)
from derivations.theorems.transcription import Equation

EQUATIONS = {(equation.id, equation.reading): equation for equation in equations()}


def claims(equation: Equation) -> dict[str, bool]:
    steps = (*equation.derivation.steps, *(claim.step for claim in equation.claims))
    judged = check(replace(equation.derivation, steps=steps))[len(equation.derivation.steps) :]
    assert len({claim.name for claim in equation.claims}) == len(equation.claims)
    return {claim.name: outcome.ok for claim, outcome in zip(equation.claims, judged, strict=True)}


def test_all_six_equations_are_there():
    both = {(f"eq{i}", reading) for i in (1, 2, 3, 5, 6) for reading in ("scalar", "operator")}
    assert set(EQUATIONS) == both | {("eq4", "scalar")}


@pytest.mark.parametrize("key", EQUATIONS, ids="-".join)
def test_every_derivation_passes(key):
    for checked in check(EQUATIONS[key].derivation):
        assert checked.ok, (checked.step, checked.checks)


@pytest.mark.parametrize(
    "key",
    [(f"eq{i}", reading) for i in (1, 2, 3, 5) for reading in ("scalar", "operator")],
    ids="-".join,
)
def test_the_paper_states_the_chain_rule_correctly(key):
    assert claims(EQUATIONS[key])["chain_rule"]


def test_what_remains_when_the_branch_vanishes():
    plain, residual, gated = (claims(EQUATIONS[f"eq{i}", "scalar"]) for i in (1, 2, 3))
    assert plain["vanishes"]
    assert residual["signal_remains"]
    assert not gated["gate_term_remains"]
    assert gated["only_signal_remains"]


def test_equation_4_read_literally_duplicates_features():
    """The states of Eq. (4) written out: x_j holds F_j and a copy of every earlier x_i."""
    states = [["x0"], ["F1"]]
    for j in range(2, 13):
        states.append([f"F{j}", *(entry for state in reversed(states) for entry in state)])
    copies = {l: sum(len(state) for state in states[:l]) for l in range(2, 13)}
    result = EQUATIONS["eq4", "scalar"].result
    assert {l: result.after.subs(LAYERS, l - 1) for l in copies} == copies
    assert [copies[l] for l in (2, 3, 4)] == [2, 5, 11]
    assert claims(EQUATIONS["eq4", "scalar"]) == {"once": False}


@pytest.mark.parametrize("l", range(1, 13))
def test_equation_6_expands_to_the_norm_of_the_matrix_of_derivatives(l):
    """Against an explicit matrix: column i of ∂H/∂x is (a_i, b_{l−1,i}, …, b_{i+1,i}, 1, 0, …)."""
    columns = [
        [BRANCH_SLOPES[i], *(STATE_SLOPES[j, i] for j in range(l - 1, i, -1)), 1] for i in range(l)
    ]
    explicit = SIGNAL_SIZE**2 * sum(entry**2 for column in columns for entry in column)
    equation = EQUATIONS["eq6", "scalar"]
    assert sp.expand(expand_sums(equation.result.before**2, l) - explicit) == 0
    assert sp.expand(expand_sums(equation.derivation.steps[0].before, l) - explicit) == 0


@pytest.mark.parametrize("l", range(1, 13))
def test_the_square_root_of_l_law_is_the_limit(l):
    law = EQUATIONS["eq6", "scalar"].derivation.steps[-1]
    expanded = expand_sums(law.before, l)
    assert sp.limit(
        expanded.subs({BRANCH_SLOPES[i]: i + 1 for i in range(l)}), law.vanishing, 0, "+"
    ) == SIGNAL_SIZE * sp.sqrt(l)
    assert law.after.subs(LAYERS, l) == SIGNAL_SIZE * sp.sqrt(l)


def test_the_printed_last_term_is_valid_but_loses_the_law():
    found = claims(EQUATIONS["eq6", "scalar"])
    assert found["bound_with_l"]
    assert found["bound_with_1"]
    assert found["law_with_l"]
    assert not found["law_with_1"]


def test_the_operator_reading_turns_the_equality_into_an_upper_bound():
    found = claims(EQUATIONS["eq6", "operator"])
    assert found == {"norm": False, "ceiling": True, "floor": True}


@pytest.mark.parametrize(
    "wrong",
    [
        BRANCH_SQUARES + STATE_SQUARES + 2 * LAYERS,
        BRANCH_SQUARES + STATE_SQUARES,
        BRANCH_SQUARES + LAYERS,
        BRANCH_SQUARES + 2 * STATE_SQUARES + LAYERS,
    ],
)
def test_a_wrong_sum_is_rejected_both_ways(wrong):
    equation = EQUATIONS["eq6", "scalar"]
    first = equation.derivation.steps[0]
    judged = check(
        replace(equation.derivation, steps=(replace(first, after=SIGNAL_SIZE**2 * wrong),))
    )[0]
    assert not any(outcome.ok for outcome in judged.checks)


def test_a_wrong_lower_bound_of_sums_is_rejected_both_ways():
    equation = EQUATIONS["eq6", "scalar"]
    bound = equation.result
    for smaller in (
        SIGNAL_SIZE * sp.sqrt(BRANCH_SQUARES + 2 * LAYERS),
        SIGNAL_SIZE * sp.sqrt(2 * BRANCH_SQUARES + LAYERS),
    ):
        judged = check(replace(equation.derivation, steps=(replace(bound, after=smaller),)))[0]
        assert not any(outcome.ok for outcome in judged.checks)
