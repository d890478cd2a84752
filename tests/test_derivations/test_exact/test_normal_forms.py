"""The zero test: true identities vanish, and nothing else does."""

import pytest
import sympy as sp

from derivations.algebra.letters import CHI, LAYERS
from derivations.errors import UnknownNodeError
from derivations.exact.normal_forms import equal, vanishes

I, K = (sp.Symbol(name, integer=True, nonnegative=True) for name in "ik")
J = sp.Symbol("j", integer=True, positive=True)
X, Y = sp.symbols("x y", real=True)
P = sp.Symbol("p", positive=True)
Q = sp.Symbol("q", nonnegative=True)
A, B = (sp.IndexedBase(name, real=True) for name in "ab")


def span(expr: sp.Expr, index: sp.Symbol = I) -> sp.Expr:
    return sp.Sum(expr, (index, 0, LAYERS - 1))


EQUAL = [
    ((X + Y) ** 3, X**3 + 3 * X**2 * Y + 3 * X * Y**2 + Y**3),
    (1 / (1 + P) + P / (1 + P), 1),
    (sp.sqrt(P + 1) ** 3, (P + 1) * sp.sqrt(P + 1)),
    (sp.sqrt(6) * sp.sqrt(2), 2 * sp.sqrt(3)),
    (1 / sp.sqrt(2), sp.sqrt(2) / 2),
    (sp.Abs(X + Y) ** 2, X**2 + 2 * X * Y + Y**2),
    (6 ** (LAYERS + 1), 6 * 2**LAYERS * 3**LAYERS),
    ((1 - 1 / LAYERS) ** (LAYERS + 2), (1 - 1 / LAYERS) ** 2 * (1 - 1 / LAYERS) ** LAYERS),
    (X ** (LAYERS + 1), X**2 * X ** (LAYERS - 1)),
    (P ** (X + Y), P**X * P**Y),
    (sp.gamma(CHI + LAYERS + 2), (CHI + LAYERS + 1) * (CHI + LAYERS) * sp.gamma(CHI + LAYERS)),
    (sp.sin(X) ** 4, 1 - 2 * sp.cos(X) ** 2 + sp.cos(X) ** 4),
    (span(2 * A[I] + 3), 2 * span(A[I]) + 3 * LAYERS),
    (span(A[I]), span(A[K], K)),
    (span((A[I] + X) ** 2), span(A[I] ** 2) + 2 * X * span(A[I]) + X**2 * LAYERS),
    (span(2 ** (LAYERS - I) * 2 ** (I + 1)), LAYERS * 2 ** (LAYERS + 1)),
    (
        span(sp.Sum(B[J, I], (J, 1, I + 1))),
        sp.Sum(B[J, I], (J, 1, I + 1), (I, 0, LAYERS - 1)),
    ),
    (sp.Max(X, 2 * Y) - sp.Max(Y + Y, X), 0),
]
DIFFERENT = [
    ((X + Y) ** 3, X**3 + 3 * X**2 * Y + 3 * X * Y**2 - Y**3),
    (sp.sqrt(P + 1) ** 2, P + 2),
    (sp.Abs(X), X),
    (sp.sqrt(X**2), X),
    (2**LAYERS, 3**LAYERS),
    (P**X, P**Y),
    (X ** (LAYERS + 1), X * X ** (LAYERS + 1)),
    (sp.gamma(CHI + LAYERS + 1), (CHI + LAYERS + 1) * sp.gamma(CHI + LAYERS)),
    (sp.sin(X), sp.cos(X)),
    (span(A[I]), span(B[I])),
    (span(A[I]), span(A[I + 1])),
    (span(A[I]), sp.Sum(A[I], (I, 1, LAYERS))),
    (span(A[I]), span(A[0])),
    (span(A[I]), sp.Sum(A[I], (I, 0, LAYERS))),
    (span(A[I]), sp.Sum(A[I], (I, 1, LAYERS - 1))),
    (span(I * A[I]), I * span(A[I])),
    (span(A[I] ** 2), span(A[I]) ** 2),
    (span(X), X * (LAYERS - 1)),
    (sp.Max(X, Y), sp.Min(X, Y)),
    (sp.Max(X, Y), sp.Max(X, 2 * Y)),
]


@pytest.mark.parametrize(("left", "right"), EQUAL, ids=str)
def test_what_is_equal_vanishes(left, right):
    assert equal(left, right)
    assert not equal(left, right + 1)


@pytest.mark.parametrize(("left", "right"), DIFFERENT, ids=str)
def test_what_differs_does_not(left, right):
    assert not equal(left, right)


def test_a_relation_is_used():
    assert vanishes(X**4 - Y**2, relations={X**2: Y})
    assert vanishes(X**3 - X * Y, relations={X**2: Y})
    assert not vanishes(X - Y, relations={X**2: Y})


def test_relations_in_a_circle_are_given_up():
    with pytest.raises(ValueError, match="given up"):
        vanishes(X**2 - Q, relations={X**2: 1 - Y**2, Y**2: 1 - X**2})


def test_what_it_does_not_know_it_refuses():
    for strange in (sp.zeta(X), sp.Float(0.5) * X, sp.log(P)):
        with pytest.raises(UnknownNodeError, match="no normal form"):
            vanishes(strange - X)


def test_no_letter_has_the_name_of_an_index():
    """Σ s·a_i is not Σ i·a_i, whatever s is called."""
    for name in ("0", "⟨0⟩", "_0", "1"):
        letter = sp.Symbol(name, integer=True)
        assert not equal(span(letter * A[I]), span(I * A[I]))
