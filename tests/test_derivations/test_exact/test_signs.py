"""Signs: proved where they are certain, open where they are not."""

import pytest
import sympy as sp

from derivations.algebra.letters import BLOCK, CHI, DEPTH, LAYERS
from derivations.exact.signs import ANY, NONNEGATIVE, NONZERO, POSITIVE, signs_of

X = sp.Symbol("x", real=True)
Q = sp.Symbol("q", nonnegative=True)
A = sp.IndexedBase("a", real=True)
K = sp.Symbol("k", integer=True)


@pytest.mark.parametrize(
    ("expr", "found"),
    [
        (LAYERS - 1, NONNEGATIVE),
        (LAYERS, POSITIVE),
        (LAYERS - 2, ANY),
        (X**2, NONNEGATIVE),
        (X**2 + 1, POSITIVE),
        (X**3, ANY),
        (sp.Abs(X) + CHI, POSITIVE),
        (sp.Max(X, 1), POSITIVE),
        (sp.Max(X, 0), NONNEGATIVE),
        (sp.Min(X, 1), ANY),
        (CHI * (LAYERS - 1) + 1, POSITIVE),
        (1 / CHI + LAYERS - 1, POSITIVE),
        (CHI - Q, ANY),
        (1 - 1 / LAYERS, NONNEGATIVE),
        (Q**CHI, NONNEGATIVE),
        (CHI**X, POSITIVE),
        (sp.Sum(A[BLOCK] ** 2, (BLOCK, 0, LAYERS - 1)), NONNEGATIVE),
        (sp.Sum(A[BLOCK], (BLOCK, 0, LAYERS - 1)), ANY),
        (sp.gamma(CHI), POSITIVE),
        (sp.gamma(X), ANY),
        (sp.exp(X), POSITIVE),
        (sp.pi, POSITIVE),
        (sp.pi - 4, frozenset({-1})),
        (X**2 + X + 1, POSITIVE),
        (-(X**2) + X - 1, frozenset({-1})),
        (X**2 + 2 * X + 1, ANY),
        (X**2 + 3 * X + 1, ANY),
        (1 - (1 - X) ** 2 / (sp.pi * (1 + X**2)), POSITIVE),
        (1 - 2 * (1 - X) ** 2 / (sp.pi * (1 + X**2)), ANY),
    ],
    ids=str,
)
def test_a_sign_is_as_certain_as_it_is(expr, found):
    assert signs_of([expr]).of(expr) == found


def test_a_block_is_one_of_its_stack():
    assert signs_of([BLOCK, LAYERS]).nonnegative(LAYERS - 1 - BLOCK)
    assert not signs_of([BLOCK, LAYERS]).nonnegative(LAYERS - 2 - BLOCK)
    assert not signs_of([LAYERS]).nonnegative(LAYERS - 1 - BLOCK)
    # Of which of two stacks is not said.
    assert not signs_of([BLOCK, LAYERS, DEPTH]).nonnegative(LAYERS - 1 - BLOCK)


def test_an_index_keeps_to_its_range():
    inside = signs_of([LAYERS]).within(K, sp.Integer(1), LAYERS)
    assert inside.positive(K)
    assert inside.nonnegative(LAYERS - K)
    assert not inside.nonnegative(LAYERS - K - 1)
    assert not signs_of([LAYERS]).positive(K)


def test_what_was_established_is_known():
    assert signs_of([X], frozenset({X - 2})).of(X - 2) <= NONNEGATIVE
    assert not signs_of([X]).nonnegative(X - 2)


def test_a_number_other_than_0_may_have_both_signs():
    s = sp.Symbol("s", real=True, nonzero=True)
    assert signs_of([s]).of(s * CHI) == NONZERO
