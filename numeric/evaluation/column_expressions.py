"""Reads the column expressions of a derivation as vectors, of tensors or of enclosed ones.

No formula is typed here. Vectors are flat, (batch, n): concatenation along dimension 1 is
concatenation of flat vectors.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any, Generic, TypeVar

import sympy as sp
from sympy.matrices.expressions.slice import MatrixSlice

from derivations.algebra.notation import Notation, Signal
from derivations.algebra.terms import Chain, Concat, Identity, Term
from derivations.errors import UnknownNodeError
from numeric.evaluation.derived_block import DerivedBlock

Vector = TypeVar("Vector", bound=Any)  # adds, multiplies by a float, slices


class Columns(ABC, Generic[Vector]):
    """The columns of one term at one activation x (batch, *in) and backward signal g (batch, m)."""

    term: Term
    derived: DerivedBlock  # of this term at the sizes that were met
    g: Vector

    def __init__(self, term: Term, x: Vector) -> None:
        self.term = term
        self._values: dict[Term, Vector] = {Identity(): x}
        self._columns: dict[sp.Expr, Vector] = {}

    @property
    def notation(self) -> Notation:
        """What the letters of expressions mean."""
        return self.derived.notation

    def column(self, expr: sp.Expr) -> Vector:  # (batch, n)
        """The vector that a column expression stands for.

        Raises UnknownNodeError for one that cannot be read.
        """
        if expr not in self._columns:
            self._columns[expr] = self._column(expr)
        return self._columns[expr]

    def _column(self, expr: sp.Expr) -> Vector:
        meaning = self.notation.meanings.get(expr)
        match expr:
            case _ if isinstance(meaning, Signal):
                return self._signal(meaning)
            case sp.ZeroMatrix():
                return self.zeros(self.entries(expr.shape[0]))
            case sp.BlockMatrix():
                return self.cat([self.column(row) for row in expr.blocks])
            case MatrixSlice():
                start, stop, _ = expr.rowslice
                return self.column(expr.parent)[:, self.entries(start) : self.entries(stop)]
            case sp.MatAdd():
                return reduce(add, map(self.column, expr.args))
            case sp.MatMul():
                *factors, last = expr.args
                return reduce(
                    lambda v, factor: self._times(factor, v), reversed(factors), self.column(last)
                )
        raise UnknownNodeError(
            f"cannot evaluate the column {expr}: teach numeric/evaluation/column_expressions.py"
        )

    def value(self, term: Term) -> Vector:  # (batch, *shape)
        """The value of a term at x; a chain's is computed from its prefix, which is kept."""
        if term not in self._values:
            if isinstance(term, Chain) and len(term.parts) > 1:
                *prefix, last = term.parts
                source = self.value(prefix[0] if len(prefix) == 1 else Chain(*prefix))
            else:
                last, source = term, self._values[Identity()]
            self._values[term] = self.evaluate(last, source)
        return self._values[term]

    @abstractmethod
    def evaluate(self, term: Term, source: Vector) -> Vector:
        """The value of a term at `source`."""

    def entries(self, size: sp.Expr) -> int:
        """A number of entries that a derivation speaks of."""
        return int(size)

    def operator(self, expr: sp.Expr) -> Any:
        """The matrix-free operator of a matrix expression, where there are spectra to be found.

        Raises UnknownNodeError where columns are all that can be evaluated.
        """
        raise UnknownNodeError(f"no operator of {expr} here: evaluate the block with its leaves")

    @abstractmethod
    def product(self, expr: sp.Expr, v: Vector) -> Vector:
        """The matrix of an expression times v."""

    @abstractmethod
    def cat(self, parts: Sequence[Vector]) -> Vector:
        """The parts one below the other."""

    @abstractmethod
    def zeros(self, rows: int) -> Vector:
        """0, (batch, rows)."""

    def _times(self, factor: sp.Expr, v: Vector) -> Vector:
        return v * float(factor) if factor.is_number else self.product(factor, v)

    def _signal(self, signal: Signal) -> Vector:
        term, start = self.term, 0
        for index in signal.part:
            assert isinstance(term, Concat)
            sizes = [self.value(part).shape[1:].numel() for part in term.parts]
            start, term = start + sum(sizes[:index]), term.parts[index]
        return (
            self.g[:, start : start + self.value(term).shape[1:].numel()] if signal.part else self.g
        )
