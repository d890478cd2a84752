"""Decides whether matrix expressions are well formed and of one shape, for every size of theirs."""

from itertools import pairwise

import sympy as sp
from sympy.matrices.expressions.slice import MatrixSlice

from derivations.exact.signs import signs_of


def fit(left: sp.Basic, right: sp.Basic) -> bool:
    """Whether both are well formed, and have the same number of rows and of columns."""
    same = all(sp.expand(a - b) == 0 for a, b in zip(left.shape, right.shape, strict=True))
    return same and well_formed(left, right)


def well_formed(*exprs: sp.Basic) -> bool:
    """Whether every slice is one of rows that there are, and every factor fits the next."""
    return all(_is_well_formed(node) for expr in exprs for node in sp.preorder_traversal(expr))


def _is_well_formed(node: sp.Basic) -> bool:
    if isinstance(node, MatrixSlice):
        start, stop, step = node.rowslice
        rows = node.parent.shape[0]
        signs = signs_of([sp.sympify(end) for end in (start, stop, rows)])
        ends = (start, stop - start, rows - stop)
        return step == 1 and all(signs.nonnegative(sp.sympify(end)) for end in ends)
    if isinstance(node, sp.MatMul):
        matrices = [arg for arg in node.args if isinstance(arg, sp.MatrixExpr)]
        return all(sp.expand(a.shape[1] - b.shape[0]) == 0 for a, b in pairwise(matrices))
    if isinstance(node, sp.MatAdd):
        first, *others = (arg.shape for arg in node.args)
        return all(
            sp.expand(a - b) == 0 for shape in others for a, b in zip(first, shape, strict=True)
        )
    return True
