"""Limits as ε → 0: true ones are proved, false and undecided ones are not."""

from contextlib import suppress

import pytest
import sympy as sp

from derivations.algebra.letters import DEPTH, EPSILON, LAYERS
from derivations.errors import UnknownNodeError
from derivations.exact.series import exists_near_zero, series, tends_to
from derivations.exact.signs import signs_of

I = sp.Symbol("i", integer=True, nonnegative=True)
X = sp.Symbol("x", real=True)
P = sp.Symbol("p", positive=True)
Q = sp.Symbol("q", nonnegative=True)
A = sp.IndexedBase("a", real=True)
E = EPSILON

LIMITS = [
    (X + E * P, X),
    (sp.sqrt(E), sp.S.Zero),
    (((P + E) ** 2 - P**2) / E, 2 * P),
    (((1 + E) ** DEPTH - 1) / E, DEPTH),
    (((1 + 2 * E) ** DEPTH - 1 - 2 * DEPTH * E) / E**2, 2 * DEPTH * (DEPTH - 1)),
    ((sp.sqrt(1 + E * X) - 1) / E, X / 2),
    (1 / (P + E), 1 / P),
    (sp.Max(1, 1 - E * P, E * X - 2), sp.S.One),
    (sp.Abs(E * X - 1), sp.S.One),
    (sp.sqrt(Q + E), sp.sqrt(Q)),
    (sp.Sum((E * A[I]) ** 2 + 1, (I, 0, LAYERS - 1)), LAYERS),
    (P * sp.sqrt(LAYERS + sp.Sum(E**2 * A[I] ** 2, (I, 0, 3))), P * sp.sqrt(LAYERS)),
    ((1 + P * E) ** (1 / E), sp.exp(P)),
    ((1 - P * E) ** (1 / E), sp.exp(-P)),
    ((1 + P * E) ** (2 / E + X), sp.exp(2 * P)),
    ((1 + P * sp.sqrt(E)) ** (1 / sp.sqrt(E)), sp.exp(P)),
    ((1 + P * E**2) ** (1 / E), sp.S.One),
    ((1 + E) ** E, sp.S.One),
    (((1 + P * E) ** (1 / E) - sp.exp(P)) / E, -(P**2) * sp.exp(P) / 2),
]


@pytest.mark.parametrize(("before", "after"), LIMITS, ids=str)
def test_a_limit_is_proved_and_no_other_one(before, after):
    assert tends_to(before, after, E)
    assert not tends_to(before, after + 1, E)
    assert not tends_to(before + 1 / E, after, E)


UNDECIDED = [
    (P**E, sp.S.One),
    (Q**E, sp.S.One),
    (Q / (Q + E), sp.S.One),
    (sp.sign(E * X), sp.S.Zero),
    (sp.Sum(E, (I, 0, LAYERS)) / E, LAYERS),
    (1 / E, sp.S.Zero),
    ((1 + P * E) ** (1 / E), sp.exp(2 * P)),
    ((1 + P * E) ** (1 / E), 1 + P),
    ((1 + P * E) ** (1 / E**2), sp.exp(P)),
    ((2 + P * E) ** (1 / E), sp.exp(P)),
    ((P * E) ** (1 / E), sp.S.Zero),
    ((1 + sp.Max(0, E)) ** (1 / E**2), sp.S.One),
]


@pytest.mark.parametrize(("before", "after"), UNDECIDED, ids=str)
def test_what_is_false_or_open_is_not_proved(before, after):
    with suppress(UnknownNodeError, ValueError):
        assert not tends_to(before, after, E)


def test_the_symbol_tends_from_above_and_is_gone_at_the_limit():
    assert not tends_to(X + 0 * E, X, None)
    assert not tends_to(E, E, E)
    below = sp.Symbol("delta", real=True)
    assert not tends_to(X + below, X, below)


def test_the_error_is_kept():
    largest = sp.Max(P, P + E * X) / E
    assert series(largest, E, signs_of([largest])).error == 0
    assert not tends_to(largest - P / E, sp.S.Zero, E)


def test_a_root_near_a_positive_number_exists():
    assert exists_near_zero(sp.sqrt(1 + E * X), sp.S.One, E)
    assert not exists_near_zero(sp.sqrt(E * X), sp.S.Zero, E)
    assert not exists_near_zero(1 / X + E, 1 / X, E)
    assert not exists_near_zero(X, X, None)


def test_a_power_that_moves_exists_near_a_positive_base():
    assert exists_near_zero((1 - P * E) ** (1 / E), sp.exp(-P), E)
    assert not exists_near_zero((X + E) ** (1 / E), sp.S.One, E)
    assert not exists_near_zero((1 + E / X) ** (1 / E), sp.exp(1 / X), E)
