"""Where expressions exist: a real number everywhere on the domain, or refused."""

import pytest
import sympy as sp

from derivations.algebra.letters import BLOCK, CHI, DEPTH, LAYERS
from derivations.exact.definedness import is_defined

I, K = (sp.Symbol(name, integer=True, nonnegative=True) for name in "ik")
J = sp.Symbol("j", integer=True, positive=True)
PLAIN = sp.Symbol("m", integer=True)
EVEN = sp.Symbol("e", integer=True, even=True)
X, COMPLEX = sp.Symbol("x", real=True), sp.Symbol("z")
Q = sp.Symbol("q", nonnegative=True)
A = sp.IndexedBase("a", real=True)
T = sp.Symbol("theta", real=True)
R = sp.Symbol("r", positive=True)

EXIST = [
    1 / LAYERS,
    1 / (LAYERS + 1),
    sp.sqrt(LAYERS - 1),
    sp.sqrt(X**2 + 1),
    CHI**X,
    Q**CHI,
    Q**LAYERS,
    X**LAYERS,
    sp.Sum(A[I], (I, 0, LAYERS - 1)),
    sp.Sum(1 / J, (J, 1, LAYERS)),
    sp.Sum(A[PLAIN + 3], (PLAIN, -3, LAYERS)),
    sp.Sum(A[I] * A[J], (J, I + 1, LAYERS - 1), (I, 0, LAYERS - 1)),
    sp.Product(1 + CHI / J, (J, BLOCK + 1, LAYERS)),
    sp.gamma(LAYERS),
    sp.gamma(1 / CHI),
    sp.binomial(LAYERS, K - 1),
    sp.Integral(sp.cos(T) ** 2, (T, 0, sp.pi)),
    sp.Integral(R**2 * sp.exp(-(R**2) / 2), (R, 0, sp.oo)),
    2 ** (13 - LAYERS),
]
NOWHERE = [
    1 / (LAYERS - 13),
    1 / X,
    1 / Q,
    X**-2,
    sp.sqrt(LAYERS - 2),
    sp.sqrt(X),
    X ** sp.Rational(1, 3),
    sp.Integer(0) ** (13 - DEPTH),
    X ** (3 - LAYERS),
    X**CHI,
    Q**X,
    COMPLEX,
    sp.sqrt(COMPLEX**2),
    sp.log(Q),
    sp.zoo + X,
    sp.nan + X,
    sp.Float(0.5) * X,
    sp.Sum(I, (I, 12 - LAYERS, 12)),
    sp.Sum(J, (J, 0, LAYERS)),
    sp.Sum(EVEN, (EVEN, 0, LAYERS)),
    sp.Sum(A[I], (I, 0, LAYERS - 3)),
    sp.Sum(A[I], (I, LAYERS, 12)),
    sp.Sum(A[I], (I, 0, sp.oo)),
    sp.Sum(A[I], (I, 0, CHI)),
    sp.Sum(A[I - 1], (I, 0, LAYERS)),
    sp.Sum(1 / (J - 1), (J, 1, LAYERS)),
    sp.Product((J - 14) / (J - 13), (J, 1, LAYERS)),
    sp.Product(1 + CHI / J, (J, BLOCK + 3, LAYERS)),
    sp.Sum(sp.Sum(A[I], (I, 0, LAYERS)), (I, 0, LAYERS)),
    sp.Sum(1 + sp.Sum(A[I], (I, 0, LAYERS)), (I, 0, LAYERS)),
    A[K] * sp.Sum(A[K], (K, 0, LAYERS)),
    sp.Sum(K, (K, 0, K)),
    sp.gamma(LAYERS - 1),
    sp.gamma(X),
    sp.binomial(LAYERS - 2, K),
    sp.binomial(LAYERS, CHI),
    sp.Integral(1 / T, (T, -1, 1)),
    sp.Integral(sp.tan(T), (T, 0, sp.pi)),
    sp.Integral(R, (R, 0, sp.oo)),
    sp.Integral(sp.Abs(R), (R, -1, 1)),
    sp.Symbol("n", commutative=False),
]


@pytest.mark.parametrize("expr", EXIST, ids=str)
def test_what_exists_everywhere_is_defined(expr):
    assert is_defined([expr])


@pytest.mark.parametrize("expr", NOWHERE, ids=str)
def test_what_is_missing_somewhere_is_refused(expr):
    assert not is_defined([expr])
    assert not is_defined([1, 2 * expr])


def test_what_cancels_on_paper_is_still_missing():
    kept = sp.Mul(X, sp.Pow(X, -1, evaluate=False), evaluate=False)
    assert not is_defined([kept])


def test_what_was_established_gives_roots():
    assert is_defined([sp.sqrt(X - 2)], frozenset({X - 2}))
    assert not is_defined([1 / (X - 2)], frozenset({X - 2}))


def test_an_index_is_not_free_on_the_other_side():
    assert is_defined([sp.Sum(A[K], (K, 0, 3)), A[0]])
    assert not is_defined([sp.Sum(A[K], (K, 0, 3)), A[K]])
