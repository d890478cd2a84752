"""Certificates as algebra: what proves an inequality, and what was learned before."""

import pytest
import sympy as sp

from derivations.algebra.letters import EPSILON
from derivations.algebra.notation import Notation
from derivations.algebra.quantities import (
    BRANCH_GAIN,
    COSINE,
    GAIN,
    SIGMA_MAX,
    Cosine,
    NormRatio,
    Quantity,
    SigmaMax,
    adjoint_image,
)
from derivations.algebra.steps import Certificate, Derivation, Step
from derivations.algebra.terms import Identity
from derivations.checker.certificates import Prover, gram_equal, squares_of_lengths

NOTATION = Notation(Identity(), {}, "operator")
OPERATOR, V = NOTATION.free("A", "n", "n"), NOTATION.free("v", "n")
IMAGE = adjoint_image(OPERATOR, V)
LEMMA = Derivation(
    "lemma",
    NOTATION,
    (),
    (
        Quantity(GAIN, NormRatio(sp.MatAdd(V, IMAGE), V)),
        Quantity(BRANCH_GAIN, NormRatio(IMAGE, V)),
        Quantity(COSINE, Cosine(V, IMAGE)),
        Quantity(SIGMA_MAX, SigmaMax(OPERATOR)),
    ),
)
COSINE_LAW = Step("law of cosines", GAIN**2, "=", 1 + 2 * COSINE * BRANCH_GAIN + BRANCH_GAIN**2)


def stated(expr: sp.Expr, *products: tuple[sp.Expr, ...], power: int = 1, **changes) -> Step:
    return Step("x", GAIN, ">=", expr, certificates=(Certificate(products, power, **changes),))


@pytest.fixture(name="prover")
def prover_of_the_lemma() -> Prover:
    return Prover(LEMMA)


def test_facts_by_definition_prove_what_adds_up(prover):
    product = (SIGMA_MAX - BRANCH_GAIN,)
    assert prover.proves(
        Step("x", SIGMA_MAX, ">=", BRANCH_GAIN, certificates=(Certificate((product,)),))
    )
    assert prover.proves(
        Step("x", BRANCH_GAIN, "<=", SIGMA_MAX, certificates=(Certificate((product,)),))
    )
    assert not prover.proves(
        Step("x", 2 * SIGMA_MAX, ">=", BRANCH_GAIN, certificates=(Certificate((product,)),))
    )
    assert not prover.proves(
        Step("x", BRANCH_GAIN, ">=", SIGMA_MAX, certificates=(Certificate(((-product[0],),)),))
    )


def test_values_of_squares_are_used_once_they_are_learned(prover):
    """γ ≥ |1 − t| by squares needs γ² from the law of cosines."""
    step = stated(sp.Abs(1 - BRANCH_GAIN), (2, BRANCH_GAIN, 1 + COSINE), power=2)
    assert not prover.proves(step)
    prover.learn(COSINE_LAW)
    assert prover.proves(step)


def test_an_absolute_value_that_was_bounded_bounds_both_of_its_signs(prover):
    inside = 1 + COSINE * BRANCH_GAIN
    steps = [
        stated(sign * inside - EPSILON, (GAIN - sign * inside,), (EPSILON,)) for sign in (1, -1)
    ]
    assert not any(map(prover.proves, steps))
    prover.learn(Step("projection", GAIN, ">=", sp.Abs(inside)))
    assert all(map(prover.proves, steps))


def test_squares_say_nothing_of_a_larger_side_that_may_be_negative(prover):
    """(−2t)² ≥ t², and −2t is below t."""
    step = Step(
        "x",
        -2 * BRANCH_GAIN,
        ">=",
        BRANCH_GAIN,
        certificates=(Certificate(((3, BRANCH_GAIN**2),), 2),),
    )
    assert not prover.proves(step)


def test_squares_are_products_of_pairs(prover):
    """c² ≥ 0 for a real c; c alone, or c³, has no sign."""
    prover.learn(Step("x", GAIN, "=", 1 + COSINE**2))
    assert prover.proves(stated(sp.Integer(1), (COSINE, COSINE)))
    prover.learn(Step("x", GAIN, "=", 1 + COSINE**3))
    assert not prover.proves(stated(sp.Integer(1), (COSINE, COSINE, COSINE)))


def test_two_cases_must_be_a_symbol_and_its_negative(prover):
    prover.learn(COSINE_LAW)
    least = sp.sqrt(1 - sp.Min(COSINE, 0) ** 2)
    squares = Step(
        "c² ≤ 1",
        least**2,
        ">=",
        0,
        certificates=(
            Certificate(((1 - COSINE, 1 + COSINE),), 1, -COSINE),
            Certificate(((1,),), 1, COSINE),
        ),
    )
    assert prover.proves(squares)
    prover.learn(squares)
    obtuse = Certificate(((BRANCH_GAIN + COSINE,) * 2,), 2, -COSINE)
    acute = Certificate(((2, COSINE, BRANCH_GAIN), (BRANCH_GAIN, BRANCH_GAIN)), 2, COSINE)
    both = Step("x", GAIN, ">=", least, certificates=(obtuse, acute))
    assert prover.proves(both)
    for some in ((obtuse,), (acute,), (acute, acute)):
        assert not prover.proves(Step("x", GAIN, ">=", least, certificates=some))
    with pytest.raises(ValueError, match="a case is a symbol or its negative"):
        prover.proves(
            Step(
                "x",
                GAIN,
                ">=",
                least,
                certificates=(
                    Certificate((), 2, 2 * COSINE),
                    Certificate((), 2, -2 * COSINE),
                ),
            )
        )


def test_a_maximum_is_collected_from_its_parts(prover):
    maximum = Step("x", GAIN, ">=", sp.Max(1 - SIGMA_MAX, COSINE))
    assert not prover.proves(maximum)
    prover.learn(Step("x", GAIN, ">=", 1 - SIGMA_MAX))
    assert not prover.proves(maximum)
    prover.learn(Step("x", GAIN, ">=", COSINE))
    assert prover.proves(maximum)
    assert not prover.proves(Step("x", GAIN, ">=", -sp.Max(1 - SIGMA_MAX, COSINE)))


def test_identities_of_quantities_are_identities_of_inner_products():
    assert gram_equal(COSINE_LAW, LEMMA)
    assert not gram_equal(Step("x", GAIN**2, "=", 1 + BRANCH_GAIN**2), LEMMA)
    assert not gram_equal(Step("x", SIGMA_MAX, "=", BRANCH_GAIN), LEMMA)  # not of inner products


def test_what_a_cosine_makes_a_square_is_one_on_a_grid():
    found = squares_of_lengths(LEMMA.quantities)
    assert sp.expand(COSINE_LAW.after) in found
    values = [sp.Rational(k, 4) for k in range(-4, 5)]
    for expr in found:
        for c in values:
            for t in (0, sp.Rational(1, 3), 1, 5):
                ratios = dict.fromkeys((GAIN, BRANCH_GAIN), t)
                assert expr.subs(ratios | {COSINE: c}) >= 0, expr


def test_without_a_cosine_nothing_is_a_square():
    assert not squares_of_lengths(LEMMA.quantities[:2])


def test_an_extreme_is_beyond_each_of_its_parts(prover):
    least, most = sp.Min(GAIN, SIGMA_MAX), sp.Max(GAIN, SIGMA_MAX)
    for product in ((GAIN - least,), (most - SIGMA_MAX,)):
        step = Step("x", *_sides(product), "", (Certificate((product,)),))
        assert prover.proves(step), product
    for product in ((least - GAIN,), (SIGMA_MAX - most,), (COSINE - least,), (most - COSINE,)):
        step = Step("x", *_sides(product), "", (Certificate((product,)),))
        assert not prover.proves(step), product


def _sides(product: tuple[sp.Expr]) -> tuple[sp.Expr, str, sp.Expr]:
    return product[0], ">=", sp.S.Zero


def test_products_of_a_column_that_is_0_vanish():
    """aᵀXa = ‖Dᵀa‖² + aᵀSa with X = DDᵀ + S, also where Xᵀa = 0; not with another sign."""
    notation = Notation(Identity(), {}, "operator")
    d, s, a = notation.free("D", "n", "m"), notation.free("S", "n", "n"), notation.free("a", "n")
    x = sp.MatAdd(sp.MatMul(d, sp.Transpose(d)), s)
    out, t_s, t_x = sp.symbols("o t_S t_X", nonnegative=True)
    c_s, c_x = sp.symbols("c_S c_X", real=True)
    quantities = (
        Quantity(out, NormRatio(adjoint_image(d, a), a)),
        Quantity(t_s, NormRatio(adjoint_image(s, a), a)),
        Quantity(c_s, Cosine(a, adjoint_image(s, a))),
        Quantity(t_x, NormRatio(adjoint_image(x, a), a)),
        Quantity(c_x, Cosine(a, adjoint_image(x, a))),
    )
    derivation = Derivation("cone", notation, (), quantities)
    assert gram_equal(Step("x", c_x * t_x, "=", out**2 + c_s * t_s), derivation)
    assert not gram_equal(Step("x", c_x * t_x, "=", out**2 - c_s * t_s), derivation)
    assert not gram_equal(Step("x", c_x * t_x, "=", c_s * t_s), derivation)
