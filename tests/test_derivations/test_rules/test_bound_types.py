"""What is said of a gain: names, makers and limits of bounds, apart from any block."""

import pytest
import sympy as sp

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.blocks import BRANCH as BRANCH_LAYER
from derivations.algebra.notation import Notation, notation_of
from derivations.algebra.quantities import (
    BRANCH_GAIN,
    COSINE,
    GAIN,
    LEAST,
    MOST,
    MU,
    SIGMA_MAX,
    Cosine,
    NormRatio,
    Quantity,
    SigmaMax,
)
from derivations.algebra.terms import Identity
from derivations.rules.bound_types import (
    BoundMaker,
    Bounds,
    Proved,
    at_least,
    at_most,
    bound_latex,
    ends_of_gain,
    least_over_signals,
    never_looser,
    never_looser_than_maximum,
)
from derivations.rules.bounds import bounds
from derivations.rules.remaining import Limits

NOTATION = Notation(Identity(), {}, "operator")
BRANCH, V, W = NOTATION.free("A", "n", "n"), NOTATION.free("v", "n"), NOTATION.free("w", "n")
QUANTITIES = (
    Quantity(BRANCH_GAIN, NormRatio(W, V)),
    Quantity(COSINE, Cosine(V, W)),
    Quantity(SIGMA_MAX, SigmaMax(BRANCH)),
)
MAKE = BoundMaker("lemma", Limits(NOTATION, QUANTITIES), V, ("v ≠ 0",))


def test_a_bound_is_known_by_its_theorem_its_name_and_its_side():
    bound = MAKE("triangle", "lower", sp.Abs(1 - BRANCH_GAIN), "triangle inequality")
    assert (bound.theorem, bound.name, bound.side) == ("lemma", "triangle", "lower")
    assert bound.id == "lemma.triangle.lower"
    assert (bound.base, bound.conditions, bound.certainty) == (V, ("v ≠ 0",), "exact")


def test_a_bound_names_the_quantities_it_holds_and_for_whom_it_holds():
    along, uniform = MAKE("a", "upper", 1 + BRANCH_GAIN, ""), MAKE("u", "upper", SIGMA_MAX, "")
    assert along.quantities == QUANTITIES[:1]
    assert uniform.quantities == QUANTITIES[2:]
    assert (along.holds_for, uniform.holds_for) == (
        "this backward signal",
        "every backward signal",
    )
    assert MAKE("c", "lower", COSINE, "").holds_for == "this backward signal"


def test_a_bound_takes_its_limit_from_the_limits():
    notation = notation_of(BLOCKS["residual"], "operator")
    g, jacobian = notation.signal(), notation.jacobian(BRANCH_LAYER, Identity())
    quantities = (Quantity(BRANCH_GAIN, NormRatio(sp.Transpose(jacobian) * g, g)),)
    make = BoundMaker("x", Limits(notation, quantities), g, ())
    assert make("a", "upper", 1 + BRANCH_GAIN, "").limit == 1
    assert MAKE("c", "lower", COSINE, "").limit == COSINE


@pytest.mark.parametrize(("side", "sign"), [("lower", r"\ge"), ("upper", r"\le"), ("equal", "=")])
def test_a_bound_is_printed_as_a_relation_on_the_gain(side, sign):
    assert bound_latex(MAKE("a", side, 1 + BRANCH_GAIN, ""), NOTATION) == rf"\gamma {sign} t + 1"


def test_what_holds_for_every_signal_is_no_tighter_than_the_singular_values():
    lower, upper = (least_over_signals("a", side, 1 + MU) for side in ("lower", "upper"))
    assert (lower.tighter, lower.looser) == ("singular.min.lower", "a")
    assert (lower.step.before, lower.step.relation, lower.step.after) == (LEAST, ">=", 1 + MU)
    assert (upper.tighter, upper.looser) == ("singular.max.upper", "a")
    assert (upper.step.before, upper.step.relation, upper.step.after) == (MOST, "<=", 1 + MU)
    assert {q.symbol for q in ends_of_gain(BRANCH)} == {LEAST, MOST}


def test_steps_state_one_side_of_the_gain():
    products = ((GAIN - COSINE,),)
    for step, relation in ((at_least("x", COSINE, products), ">="), (at_most("x", 1, (), 2), "<=")):
        assert (step.before, step.relation) == (GAIN, relation)
    assert at_least("x", COSINE, products).certificates[0].products == products
    assert at_most("x", 1, (), 2).certificates[0].power == 2


def test_an_order_holds_the_step_that_proves_it():
    pair = never_looser("a", "b", 1 + BRANCH_GAIN, "<=", 1 + SIGMA_MAX, ((SIGMA_MAX, 1),))
    assert (pair.tighter, pair.looser) == ("a", "b")
    assert (pair.step.before, pair.step.relation, pair.step.after) == (
        1 + BRANCH_GAIN,
        "<=",
        1 + SIGMA_MAX,
    )


def test_what_is_at_least_every_part_is_at_least_the_maximum():
    maximum = sp.Max(1 - SIGMA_MAX, 0)
    pairs = never_looser_than_maximum(
        "a", "b", sp.Abs(1 - BRANCH_GAIN), maximum, (("norm", 1 - SIGMA_MAX, ()),)
    )
    assert [(pair.step.rule, pair.step.after) for pair in pairs] == [
        ("norm", 1 - SIGMA_MAX),
        ("tighter", maximum),
    ]
    assert {(pair.tighter, pair.looser) for pair in pairs} == {("a", "b")}


def test_theorems_are_found_by_name_and_listed_in_one_order():
    residual, plain, highway = (
        bounds(notation_of(BLOCKS[name], "operator")) for name in ("residual", "plain", "highway")
    )
    assert [theorem.name for theorem in residual.theorems] == ["residual", "singular", "norms"]
    assert [theorem.name for theorem in plain.theorems] == ["singular"]
    assert [theorem.name for theorem in highway.theorems] == ["singular", "norms"]
    assert residual.bounds == (
        *residual.structural.bounds,
        *residual.singular.bounds,
        *residual.norms.bounds,
    )
    assert residual.order == (*residual.structural.order, *residual.norms.order)
    assert highway.structural is None
    assert residual.structural.base == notation_of(BLOCKS["residual"], "operator").signal()


def test_bounds_of_no_structure_and_no_norms_are_the_singular_values():
    theorem = Proved("singular", (MAKE("max", "upper", SIGMA_MAX, ""),), None)
    assert Bounds(None, theorem, None).bounds == theorem.bounds
