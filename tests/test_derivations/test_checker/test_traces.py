"""Traces and expectations: true identities pass both ways, false ones neither."""

import pytest
import sympy as sp

from derivations.algebra.letters import Expectation, squared, squared_norm
from derivations.algebra.notation import Notation
from derivations.algebra.steps import Derivation, Step
from derivations.algebra.terms import Identity
from derivations.checker.check import check
from derivations.checker.matrix_words import Expansion
from derivations.theorems.dense_step import dense_step

NU = sp.Symbol("nu", positive=True)


def outcome(
    notation: Notation, before: sp.Expr, after: sp.Expr, relation: str = "="
) -> tuple[bool, ...]:
    (checked,) = check(Derivation("x", notation, (Step("x", before, relation, after),)))
    assert len(checked.checks) == 2
    return tuple(outcome.ok for outcome in checked.checks)


@pytest.fixture(name="notation")
def free_notation() -> Notation:
    return Notation(Identity(), {}, "operator")


def test_a_trace_is_invariant_under_rotation_and_transposition(notation):
    a, b, c = (notation.free(name, "n", "n") for name in "ABC")
    assert outcome(notation, sp.Trace(sp.MatMul(a, b, c)), sp.Trace(sp.MatMul(c, a, b))) == (
        True,
        True,
    )
    assert outcome(notation, sp.Trace(sp.MatMul(a, b, c)), sp.Trace(sp.MatMul(c.T, b.T, a.T))) == (
        True,
        True,
    )
    assert outcome(notation, sp.Trace(sp.MatMul(a, b, c)), sp.Trace(sp.MatMul(a, c, b))) == (
        False,
        False,
    )
    assert outcome(notation, sp.Trace(sp.MatMul(a, a)), sp.Trace(sp.MatMul(a.T, a))) == (
        False,
        False,
    )


def test_a_trace_is_linear_and_counts_an_identity(notation):
    a, n = notation.free("A", "n", "n"), sp.Symbol("n", integer=True, positive=True)
    one = sp.Identity(n)
    assert outcome(notation, sp.Trace(sp.MatAdd(2 * a, 3 * one)), 2 * sp.Trace(a) + 3 * n) == (
        True,
        True,
    )
    assert outcome(notation, sp.Trace(sp.MatAdd(2 * a, 3 * one)), 2 * sp.Trace(a) + 3) == (
        False,
        False,
    )


def test_inclusions_cancel_around_the_corner():
    """tr KKᵀ rotates to tr KᵀK = k + ‖J_F‖_F²: the rows that cancel are those of the slice, not of
    the whole.
    """
    step = dense_step()
    around = sp.Trace(sp.MatMul(step.kernel, sp.Transpose(step.kernel)))
    assert outcome(step.notation, around, step.k + squared_norm(step.branch)) == (True, True)
    assert outcome(step.notation, around, step.n + squared_norm(step.branch)) == (False, False)


def test_a_unit_column_has_trace_one(notation):
    u = notation.free("u", "n", unit=True)
    assert outcome(notation, sp.Trace(sp.MatMul(u, u.T)), sp.Integer(1)) == (True, True)
    assert outcome(
        notation, sp.Trace(sp.MatMul(u, u.T)), sp.Symbol("n", integer=True, positive=True)
    ) == (False, False)


def test_the_mean_of_a_quadratic_form_is_a_trace(notation):
    a, g = notation.free("A", "n", "n"), notation.free("g", "n")
    mean = Expectation(sp.Trace(sp.MatMul(g.T, a, g)), (g,), NU)
    assert outcome(notation, mean, NU**2 * sp.Trace(a)) == (True, True)
    assert outcome(notation, mean, NU * sp.Trace(a)) == (False, False)
    assert outcome(notation, mean, NU**2 * sp.Trace(squared(a))) == (False, False)


def test_different_columns_are_uncorrelated(notation):
    a, g, h = notation.free("A", "n", "n"), notation.free("g", "n"), notation.free("h", "n")
    assert outcome(
        notation, Expectation(sp.Trace(sp.MatMul(g.T, a, h)), (g, h), NU), sp.Integer(0)
    ) == (True, True)
    assert outcome(
        notation, Expectation(sp.Trace(sp.MatMul(g.T, a, g)), (g, h), NU), sp.Integer(0)
    ) == (False, False)


def test_what_a_second_moment_does_not_determine_is_refused(notation):
    """The mean of g, its fourth moment, and the mean of a quantity without g are not of the form
    that E knows.
    """
    a, g = notation.free("A", "n", "n"), notation.free("g", "n")
    quartic = Expectation(sp.Trace(sp.MatMul(g.T, g, g.T, g)), (g,), NU)
    assert not outcome(notation, quartic, quartic)[0]
    assert not outcome(
        notation, Expectation(sp.Trace(sp.MatMul(g, g.T, a, g, g.T)), (g,), NU), NU**4 * sp.Trace(a)
    )[0]
    assert not outcome(notation, Expectation(sp.Trace(a), (g,), NU), sp.Trace(a))[0]


def test_an_inequality_or_a_number_reading_is_refused(notation):
    a = notation.free("A", "n", "n")
    assert outcome(notation, sp.Trace(a), sp.Trace(a), ">=") == (False, False)
    scalar = Notation(Identity(), {}, "scalar")
    assert outcome(scalar, sp.Trace(sp.Identity(2)), sp.Integer(2)) == (False, False)


def test_a_matrix_or_a_unit_column_is_not_random(notation):
    """E[AᵀA] = ν²I is said of a column alone; of a unit column, 1 = ν²n."""
    n, nu = sp.Symbol("n", integer=True, positive=True), sp.Symbol("nu", positive=True)
    matrix, unit = notation.free("A", "n", "n"), notation.free("u", "n", unit=True)
    for drawn, inner in (
        (matrix, sp.Trace(sp.MatMul(matrix.T, matrix))),
        (unit, sp.Trace(sp.MatMul(unit, unit.T))),
    ):
        mean = Expectation(inner, [drawn], nu)
        assert not outcome(notation, mean, nu**2 * n)[0]


def test_no_letter_has_the_name_of_a_trace(notation):
    matrix = notation.free("A", "n", "n")
    (word,) = Expansion(notation).expand(matrix)
    flipped = tuple(letter.flipped() for letter in word)
    for name in (word, flipped):
        letter = sp.Symbol(repr(name), real=True)
        assert not outcome(notation, sp.Trace(matrix), letter)[0]
