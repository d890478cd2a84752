"""Shapes of matrix expressions: equal for every size, or not at all."""

import sympy as sp

from derivations.exact.shapes_fit import fit, well_formed

N, M = (sp.Symbol(name, integer=True, positive=True) for name in "nm")
A = sp.MatrixSymbol("A", N, M)
V = sp.MatrixSymbol("v", N + M, 1)


def test_shapes_are_compared_as_expressions():
    assert fit(A * A.T, sp.Identity(N))
    assert not fit(A, A.T)
    assert not fit(sp.Identity(N), sp.Identity(M))
    assert fit(V, sp.ZeroMatrix(M + N, 1))


def test_a_slice_is_of_rows_that_there_are():
    assert well_formed(V[:N, :], V[N : N + M, :])
    assert not well_formed(V[: 2 * N, :])
    assert not well_formed(V[N - 2 : N, :])


def test_factors_fit_each_other():
    # Built without SymPy's own check.
    assert not well_formed(sp.Basic.__new__(sp.MatMul, A, A))
    assert not well_formed(sp.Basic.__new__(sp.MatAdd, A, A.T))
    assert well_formed(A * A.T + sp.Identity(N))
