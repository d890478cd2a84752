"""Sums to a symbolic number of layers: written out, compared, bounded, and their limits."""

import pytest
import sympy as sp

from derivations.algebra.letters import EPSILON, LAYERS
from derivations.algebra.steps import Certificate, Step
from derivations.checker.symbolic_sums import _sum_of_squares, check_sums, expand_sums, has_sums
from derivations.errors import InputError

A, B = sp.IndexedBase("a", real=True), sp.IndexedBase("b", real=True)
I, J = sp.symbols("i j", integer=True, nonnegative=True)
G = sp.Symbol("G", nonnegative=True)
SQUARES = sp.Sum(A[I] ** 2, (I, 0, LAYERS - 1))
CROSS = sp.Sum(B[J, I] ** 2, (J, I + 1, LAYERS - 1), (I, 0, LAYERS - 1))


def outcomes(before: sp.Expr, relation: str, after: sp.Expr, *products, power: int = 1, **changes):
    certificates = (Certificate(products, power),) if products else ()
    step = Step("x", before, relation, after, certificates=certificates, **changes)
    return [bool(test()) for test in check_sums(step).values()]


@pytest.mark.parametrize("layers", [1, 2, 5])
def test_sums_are_written_out_term_by_term(layers):
    pairs = [(j, i) for i in range(layers) for j in range(i + 1, layers)]
    assert expand_sums(SQUARES, layers) == sum(A[i] ** 2 for i in range(layers))
    assert expand_sums(CROSS + LAYERS, layers) == sum(B[pair] ** 2 for pair in pairs) + layers
    assert expand_sums(sp.Product(1 + I, (I, 0, LAYERS - 1)), layers) == sp.factorial(layers)


def test_what_speaks_of_sums_is_recognised():
    assert has_sums({sp.Sum}, [])
    assert has_sums({sp.Product}, [])
    assert has_sums(set(), [LAYERS + 1])
    assert not has_sums({sp.Add}, [sp.Integer(1)])
    assert not has_sums(set(), [sp.Trace(sp.MatrixSymbol("A", LAYERS, LAYERS))])


def test_equalities_pass_both_ways_or_neither():
    row = A[I] ** 2 + sp.Sum(B[J, I] ** 2, (J, I + 1, LAYERS - 1)) + 1
    whole = sp.Sum(row, (I, 0, LAYERS - 1))
    assert outcomes(whole, "=", SQUARES + CROSS + LAYERS) == [True, True]
    for wrong in (SQUARES + CROSS, SQUARES + 2 * CROSS + LAYERS, SQUARES + CROSS + LAYERS + 1):
        assert outcomes(whole, "=", wrong) == [False, False]


def test_bounds_of_norms_pass_both_ways_or_neither():
    larger, smaller = G * sp.sqrt(SQUARES + CROSS + LAYERS), G * sp.sqrt(SQUARES + LAYERS)
    dropped = (G**2, CROSS)
    assert outcomes(larger, ">=", smaller, dropped, power=2) == [True, True]
    assert outcomes(smaller, "<=", larger, dropped, power=2) == [True, True]
    assert outcomes(smaller, ">=", larger, dropped, power=2) == [False, False]
    assert outcomes(larger, ">=", smaller, (G**2, CROSS / 2), power=2) == [False, True]
    assert outcomes(larger, ">=", smaller, (G**2, CROSS), power=3) == [False, True]


def test_limits_pass_both_ways_or_neither():
    small = G * sp.sqrt(sp.Sum((EPSILON * A[I]) ** 2, (I, 0, LAYERS - 1)) + LAYERS)
    for after, ok in ((G * sp.sqrt(LAYERS), True), (G, False), (G * LAYERS, False)):
        assert outcomes(small, "->", after, vanishing=EPSILON) == [ok, ok]


@pytest.mark.parametrize("limits", [(I, LAYERS + 1, LAYERS - 1), (I, 3, LAYERS)])
def test_sums_that_may_run_backwards_are_refused(limits):
    with pytest.raises(InputError, match="may run backwards"):
        outcomes(sp.Sum(A[I], limits), "=", A[0])


def test_an_empty_sum_does_not_run_backwards():
    empty = sp.Sum(A[I], (I, 1, LAYERS - 1))
    assert outcomes(A[0] + empty, "=", sp.Sum(A[I], (I, 0, LAYERS - 1))) == [True, True]


def test_a_factor_below_0_proves_nothing():
    certificate = Certificate(((sp.Integer(-1),),))
    step = Step("x", LAYERS, ">=", LAYERS + 1, "", (certificate,))
    assert not check_sums(step)["certificate"]()


@pytest.mark.parametrize(
    ("factor", "holds"),
    [(sp.pi, True), (sp.sqrt(2) - 1, True), (1 - sp.sqrt(2), False), (3 - sp.pi, False)],
)
def test_squares_times_irrational_numbers(factor, holds):
    step = Step("x", factor * SQUARES, ">=", sp.Integer(0))
    assert _sum_of_squares(step, 3) is holds
