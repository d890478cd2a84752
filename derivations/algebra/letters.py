"""Names the letters that several rooms share, and writes norms with them."""

from collections.abc import Sequence
from typing import Any

import sympy as sp

LAYERS = sp.Symbol("l", integer=True, positive=True)
"""l: the number of inputs of a dense step, of layers of a dense block, of terms of a sum."""

DEPTH = sp.Symbol("L", integer=True, positive=True)
"""L: the number of blocks of a stack."""

BLOCK = sp.Symbol("i", integer=True, nonnegative=True)
"""i: which block of a stack."""

CHI = sp.Symbol("chi", positive=True)
"""χ = E‖J_Fᵀg‖²/‖g‖² of a branch with random weights."""

EPSILON = sp.Symbol("epsilon", positive=True)
"""ε: what the Jacobians of a branch are scaled by as it vanishes, or 1 over what grows."""

DEVIATION = sp.Symbol("nu", positive=True)
"""ν: the root mean square of the entries of a random backward signal."""


class VanishingBranch(sp.Symbol):
    """What tends to 0 in a limit without the branch: one factor of all Jacobians of the branch,
    named after them. A matrix, or a quantity made of matrices, depends on it without showing it.
    """


class Expectation(sp.Expr):
    """E of an expression quadratic in random columns whose entries are uncorrelated with second
    moment ν²: E[ggᵀ] = ν²I.

    Arguments: the expression, the columns (a tuple of symbols of the notation, together g), and the
    symbol ν.
    """

    is_commutative = True

    def __new__(
        cls, expr: sp.Expr, columns: Sequence[sp.Expr], deviation: sp.Symbol
    ) -> "Expectation":
        return super().__new__(cls, sp.sympify(expr), sp.Tuple(*columns), deviation)

    def _latex(self, printer: Any) -> str:
        return rf"\mathbb{{E}}\left[{printer._print(self.args[0])}\right]"

    def _sympystr(self, printer: Any) -> str:
        return f"E[{printer._print(self.args[0])}]"


def squared(matrix: sp.Expr) -> sp.Expr:
    """AᵀA; of a column, ‖v‖² as a 1 × 1 matrix."""
    return sp.MatMul(sp.Transpose(matrix), matrix)


def stacked(*rows: sp.Expr) -> sp.BlockMatrix:
    """One column of blocks, first row on top."""
    return sp.BlockMatrix([[row] for row in rows])


def squared_norm(matrix: sp.Expr) -> sp.Expr:
    """‖A‖_F² = tr AᵀA as a number; of a column, ‖v‖²."""
    return sp.Trace(squared(matrix))
