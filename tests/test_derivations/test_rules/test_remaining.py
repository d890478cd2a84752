"""Limits without the branch: what each kind of quantity is without it, and what is not guessed."""

import pytest
import sympy as sp

from derivations.algebra.letters import VanishingBranch
from derivations.algebra.notation import Notation
from derivations.algebra.quantities import (
    BRANCH_GAIN,
    COSINE,
    MU,
    SIGMA_MAX,
    SIGMA_MIN,
    Cosine,
    NormRatio,
    NumericalRange,
    Quantity,
    SigmaMax,
    SigmaMinAdjoint,
)
from derivations.algebra.terms import Add, Identity, Layer, Linear
from derivations.rules.remaining import UNKNOWN, Limits, vanishing_branch, without_branch

F, W = Layer("F"), Linear("W")
DIMS = {"F": ("n", "n"), "W": ("n", "n")}
NOTATION = Notation(Add(F, W, Identity()), DIMS, "operator")
J, A = NOTATION.jacobian(F, Identity()), NOTATION.jacobian(W, Identity())
G, ONE = NOTATION.signal(), sp.Identity(J.shape[0])
MOVED, STAYED = sp.MatMul(J.T, G), sp.MatMul(A.T, G)
STACK = sp.BlockMatrix([[J], [ONE]])


@pytest.mark.parametrize(
    ("symbol", "definition", "expected"),
    [
        (BRANCH_GAIN, NormRatio(MOVED, G), "0"),
        (BRANCH_GAIN, NormRatio(sp.MatAdd(MOVED, G), G), "1"),
        (BRANCH_GAIN, NormRatio(sp.MatAdd(MOVED, STAYED), G), "t_0"),
        (BRANCH_GAIN, NormRatio(STAYED, G), "t"),
        (BRANCH_GAIN, NormRatio(MOVED, MOVED), str(UNKNOWN)),
        (COSINE, Cosine(G, MOVED), "c"),
        (COSINE, Cosine(G, sp.MatAdd(MOVED, STAYED)), "c_0"),
        (COSINE, Cosine(G, sp.MatAdd(MOVED, sp.MatMul(J.T, J.T, G))), str(UNKNOWN)),
        (SIGMA_MAX, SigmaMax(J), "0"),
        (SIGMA_MAX, SigmaMax(sp.MatAdd(ONE, J)), "1"),
        (SIGMA_MAX, SigmaMax(sp.MatAdd(A, J)), "sigma_max(W)"),
        (SIGMA_MAX, SigmaMax(STACK), "1"),
        (SIGMA_MAX, SigmaMax(sp.BlockMatrix([[J], [J]])), "0"),
        (SIGMA_MIN, SigmaMinAdjoint(STACK), "0"),
        (SIGMA_MIN, SigmaMinAdjoint(sp.MatAdd(ONE, J)), "1"),
        (SIGMA_MIN, SigmaMinAdjoint(sp.MatAdd(A, J)), "sigma_min(Wᵀ)"),
        (MU, NumericalRange(J, -1), "0"),
        (MU, NumericalRange(sp.MatAdd(A, J), -1), "mu_0"),
    ],
)
def test_what_a_quantity_is_without_the_branch(symbol, definition, expected):
    limits = Limits(NOTATION, (Quantity(symbol, definition),))
    assert str(limits.of(symbol)) == expected


def test_what_is_left_has_quantities_and_conditions_of_its_own():
    quantities = (Quantity(COSINE, Cosine(G, sp.MatAdd(MOVED, STAYED))),)
    limits = Limits(NOTATION, quantities)
    left = limits.of(sp.sqrt(1 - COSINE**2))
    (kept,) = limits.left_in(left)
    assert kept.definition == Cosine(G, STAYED)
    assert limits.condition(left) == "in the limit Wᵀ g ≠ 0"
    assert limits.condition(sp.Integer(1)) == ""


def test_equal_definitions_share_a_symbol():
    known = sp.Symbol("sigma_max(W)", nonnegative=True)
    quantities = (
        Quantity(known, SigmaMax(A)),
        Quantity(SIGMA_MAX, SigmaMax(sp.MatAdd(A, J))),
    )
    limits = Limits(NOTATION, quantities)
    assert limits.of(1 + SIGMA_MAX) == 1 + known
    assert limits.remaining == {}


def test_a_limit_that_is_not_known_is_stated_by_no_step():
    limits = Limits(NOTATION, (Quantity(BRANCH_GAIN, NormRatio(MOVED, MOVED)),))
    assert limits.steps([1 + BRANCH_GAIN]) == ()
    affine = Notation(Add(W, Identity()), DIMS, "operator")
    assert Limits(affine, ()).steps([sp.Integer(1)]) == ()


def test_limits_are_taken_under_the_name_of_the_branch():
    symbol = vanishing_branch(NOTATION)
    assert isinstance(symbol, VanishingBranch)
    assert (str(symbol), NOTATION.latex_names[symbol]) == ("J_F", "J_{F}")
    assert without_branch(sp.MatAdd(MOVED, STAYED), NOTATION) == STAYED
