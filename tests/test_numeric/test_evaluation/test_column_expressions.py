"""Column expressions read as vectors: each kind of node, whatever the arithmetic."""

from collections.abc import Sequence
from fractions import Fraction

import pytest
import sympy as sp

from derivations.algebra.terms import Chain, Concat, Identity, Layer, Term
from derivations.errors import UnknownNodeError
from numeric.evaluation.column_expressions import Columns
from numeric.evaluation.derived_block import derived_block


class Exact:
    """A batch of one exact vector: what `Columns` needs of an arithmetic, and no more."""

    def __init__(self, *entries: Fraction | int) -> None:
        self.entries = entries

    def __add__(self, other: "Exact") -> "Exact":
        return Exact(*(a + b for a, b in zip(self.entries, other.entries, strict=True)))

    def __mul__(self, factor: float) -> "Exact":
        return Exact(*(entry * Fraction(factor) for entry in self.entries))

    def __getitem__(self, index: tuple[slice, slice]) -> "Exact":
        return Exact(*self.entries[index[1]])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Exact) and self.entries == other.entries

    __hash__ = None

    def __repr__(self) -> str:
        return f"Exact{self.entries}"

    @property
    def shape(self):
        class Size(tuple):
            def numel(self) -> int:
                return self[-1]

            def __getitem__(self, index):
                found = super().__getitem__(index)
                return Size(found) if isinstance(index, slice) else found

        return Size((1, len(self.entries)))


class ExactColumns(Columns[Exact]):
    """H = (F(x), x) with F(x) = (x₁ + x₂, x₁ − x₂, 5), at x = (1, 2)."""

    rows = ((1, 1), (1, -1), (0, 0))

    def __init__(self) -> None:
        term = Concat(Layer("F"), Identity())
        super().__init__(term, Exact(1, 2))
        self.derived = derived_block(term, (("F", (3, 2)),), 2)
        self.g = Exact(1, 2, 3, 4, 5)
        self.evaluated: list[Term] = []

    def evaluate(self, term: Term, source: Exact) -> Exact:
        self.evaluated.append(term)
        return Exact(
            *(sum(a * b for a, b in zip(row, source.entries, strict=True)) for row in self.rows)
        )

    def product(self, expr: sp.Expr, v: Exact) -> Exact:
        rows = self.rows
        if isinstance(expr, sp.Transpose):
            rows = tuple(zip(*rows, strict=True))
        return Exact(*(sum(a * b for a, b in zip(row, v.entries, strict=True)) for row in rows))

    def cat(self, parts: Sequence[Exact]) -> Exact:
        return Exact(*(entry for part in parts for entry in part.entries))

    def zeros(self, rows: int) -> Exact:
        return Exact(*[0] * rows)


def letters(columns: ExactColumns) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    """J_F and the slices g_F and g_y."""
    notation = columns.notation
    return notation.jacobian(Layer("F"), Identity()), notation.signal((0,)), notation.signal((1,))


def test_each_kind_of_expression_is_what_it_says():
    columns = ExactColumns()
    jacobian, of_branch, of_skip = letters(columns)
    assert columns.column(columns.notation.signal()) == columns.g
    assert columns.column(of_branch) == Exact(1, 2, 3)
    assert columns.column(of_skip) == Exact(4, 5)
    assert columns.column(of_skip + of_skip) == Exact(8, 10)
    assert columns.column(sp.Rational(-1, 2) * of_skip) == Exact(-2, Fraction(-5, 2))
    assert columns.column(jacobian.T * of_branch) == Exact(3, -1)
    assert columns.column(3 * jacobian.T * of_branch + of_skip) == Exact(13, 2)
    assert columns.column(jacobian * jacobian.T * of_branch) == Exact(2, 4, 0)
    assert columns.column(sp.ZeroMatrix(4, 1)) == Exact(0, 0, 0, 0)
    assert columns.column(sp.BlockMatrix([[of_skip], [of_branch]])) == Exact(4, 5, 1, 2, 3)
    signal = columns.notation.signal()
    assert columns.column(sp.matrices.expressions.slice.MatrixSlice(signal, (1, 4), (0, 1))) == (
        Exact(2, 3, 4)
    )


def test_the_derived_pullback_is_the_transpose_times_the_signal():
    columns = ExactColumns()
    assert columns.column(columns.derived.line.pullback) == Exact(3 + 4, -1 + 5)


def test_a_chain_is_run_from_the_prefix_that_is_known():
    columns = ExactColumns()
    columns.rows = ((0, 1), (1, 0))
    branch = Layer("F")
    assert columns.value(Chain(branch, branch)) == Exact(1, 2)
    assert columns.value(Chain(branch, branch, branch)) == Exact(2, 1)
    assert columns.value(branch) == Exact(2, 1)
    assert len(columns.evaluated) == 3


@pytest.mark.parametrize("unread", [lambda jacobian: jacobian, lambda jacobian: jacobian.I])
def test_what_is_no_column_is_refused_by_name(unread):
    columns = ExactColumns()
    square = sp.MatrixSymbol("S", 2, 2)
    with pytest.raises(UnknownNodeError, match="cannot evaluate the column"):
        columns.column(unread(square))
