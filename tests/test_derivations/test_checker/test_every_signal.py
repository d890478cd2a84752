"""What holds for every signal holds for extreme singular values; what looks along one does not."""

from dataclasses import replace

import pytest
import sympy as sp

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.notation import Notation, notation_of
from derivations.algebra.quantities import (
    BRANCH_GAIN,
    COSINE,
    GAIN,
    LEAST,
    MOST,
    MU,
    SIGMA_MAX,
    NormRatio,
    Quantity,
    SigmaMax,
    SigmaMinAdjoint,
    adjoint_image,
)
from derivations.algebra.steps import Certificate, Derivation, Step
from derivations.algebra.terms import Identity
from derivations.checker.check import check
from derivations.checker.every_signal import over_every_signal
from derivations.checker.matrix_words import Expansion
from derivations.rules.bounds import bounds


def structural(name: str) -> Derivation:
    return bounds(notation_of(BLOCKS[name], "operator")).structural.derivation


def learned(derivation: Derivation, relation: str, after: sp.Expr) -> set[sp.Expr]:
    step = Step("x", GAIN, relation, after)
    return over_every_signal(step, derivation, Expansion(derivation.notation))


def test_a_uniform_bound_bounds_the_singular_value_from_its_side():
    derivation = structural("residual")
    assert learned(derivation, ">=", 1 + MU) == {LEAST - 1 - MU}
    assert learned(derivation, "<=", 1 + SIGMA_MAX) == {1 + SIGMA_MAX - MOST}


@pytest.mark.parametrize("along", [BRANCH_GAIN, COSINE, sp.Abs(1 - BRANCH_GAIN), GAIN])
def test_a_bound_that_looks_along_the_signal_says_nothing(along):
    assert learned(structural("residual"), ">=", along) == set()


def test_a_slice_or_a_masked_signal_is_not_every_signal():
    for name in ("dense", "post_activation", "projection"):
        derivation = structural(name)
        operator = derivation.notation.jacobian(BLOCKS[name].term, BLOCKS["residual"].term.parts[1])
        with_least = replace(
            derivation,
            quantities=(*derivation.quantities, Quantity(LEAST, SigmaMinAdjoint(operator))),
        )
        assert learned(with_least, ">=", sp.Integer(0)) == set()
    # D g does not run through all columns: where a unit is dead, σ_min(I + J_F) may be less.
    masked = structural("post_activation")
    operator = next(q for q in masked.quantities if q.symbol == MU).definition.operator
    whole = sp.MatAdd(sp.Identity(operator.shape[0]), operator)
    least = Quantity(LEAST, SigmaMinAdjoint(whole))
    masked = replace(masked, quantities=(*masked.quantities, least))
    assert learned(masked, ">=", 1 + MU) == set()


def test_a_derivation_under_a_condition_is_not_for_every_signal():
    derivation = structural("residual")
    narrowed = replace(derivation.steps[2], condition="c ≥ 0")
    steps = (*derivation.steps[:2], narrowed, *derivation.steps[3:])
    assert learned(replace(derivation, steps=steps), ">=", 1 + MU) == set()


def test_another_operator_learns_nothing():
    derivation = structural("residual")
    branch = next(q for q in derivation.quantities if q.symbol == MU).definition.operator
    others = tuple(q for q in derivation.quantities if q.symbol != LEAST)
    changed = replace(derivation, quantities=(*others, Quantity(LEAST, SigmaMinAdjoint(branch))))
    assert learned(changed, ">=", 1 + MU) == set()


@pytest.mark.parametrize(
    "false",
    [
        Step("order", LEAST, ">=", sp.Abs(1 - BRANCH_GAIN)),
        Step("order", LEAST, ">=", 1 + MU + sp.Rational(1, 100)),
        Step("order", LEAST, "<=", 1 + MU),
        Step("order", MOST, ">=", 1 + SIGMA_MAX),
    ],
    ids=["along g", "too large", "reversed", "upper reversed"],
)
def test_a_false_order_fails(false):
    derivation = structural("residual")
    larger, smaller = (
        (false.before, false.after) if false.relation == ">=" else (false.after, false.before)
    )
    step = replace(false, certificates=(Certificate(((larger - smaller,),)),))
    checked = check(replace(derivation, steps=(*derivation.steps, step)))
    assert not checked[-1].ok


def free_column(nonzero=(), *, unit: bool = False, columns: int = 1) -> Derivation:
    """‖Jᵀb‖/‖b‖ for a free b, and σ_min(Jᵀ)."""
    notation = Notation(Identity(), {}, "operator")
    rows = sp.Symbol("m", integer=True, positive=True)
    operator = notation.free("J", rows, "n")
    b = notation.free("b", rows, columns, unit=unit)
    quantities = (
        Quantity(BRANCH_GAIN, NormRatio(adjoint_image(operator, b), b)),
        Quantity(LEAST, SigmaMinAdjoint(operator)),
        Quantity(SIGMA_MAX, SigmaMax(notation.free("A", "n", "n"))),
    )
    return Derivation("free", notation, (), quantities, nonzero)


def learned_of_branch(derivation: Derivation) -> set[sp.Expr]:
    step = Step("x", BRANCH_GAIN, ">=", SIGMA_MAX)
    return over_every_signal(step, derivation, Expansion(derivation.notation))


def test_a_free_column_runs_through_all_columns():
    assert learned_of_branch(free_column()) == {LEAST - SIGMA_MAX}


def test_a_free_column_of_which_more_is_assumed_does_not():
    derivation = free_column()
    operator = next(q for q in derivation.quantities if q.symbol == LEAST).definition.operator
    column = next(q for q in derivation.quantities if q.symbol == BRANCH_GAIN).definition
    for assumed in (
        column.numerator,
        sp.MatMul(operator, sp.Transpose(operator), column.denominator),
    ):
        assert learned_of_branch(free_column((assumed,))) == set()
    assert learned_of_branch(free_column(unit=True)) == set()


def test_an_image_of_a_free_column_is_not_every_column():
    """b = Ra runs through the range of R alone."""
    derivation = free_column()
    notation = derivation.notation
    operator = next(q for q in derivation.quantities if q.symbol == LEAST).definition.operator
    b = sp.MatMul(notation.free("R", operator.shape[0], "k"), notation.free("a", "k"))
    ratio = Quantity(BRANCH_GAIN, NormRatio(adjoint_image(operator, b), b))
    changed = replace(derivation, quantities=(ratio, *derivation.quantities[1:]))
    assert learned_of_branch(changed) == set()
