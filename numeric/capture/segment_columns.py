"""Evaluates the columns of a captured segment: its own pullback, and what each part adds to it.

Every leaf runs once, on its own; its adjoint is asked of autograd as often as the formulas need it.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import sympy as sp
import torch
from torch import Tensor

from derivations.algebra.notation import DiagonalOf, JacobianOf
from derivations.algebra.symbolic_dims import INPUTS, symbolic_dims
from derivations.algebra.terms import Leaf, Pointwise, Term
from derivations.errors import UnknownNodeError
from numeric.capture.region import LeafMap
from numeric.evaluation.column_expressions import Columns
from numeric.evaluation.derived_block import DerivedBlock, derived_block
from numeric.evaluation.realize import Evaluation


class SegmentColumns(Columns[Tensor]):
    """A term with its leaves at x (batch, *in) and a signal g (batch, *out).

    `value` of the term is what its leaves make of x. With `joined` the batch counts as one sample:
    columns are (1, batch · n).
    """

    def __init__(
        self, term: Term, leaves: Mapping[str, LeafMap], x: Tensor, g: Tensor, joined: bool = False
    ) -> None:
        super().__init__(term, x.detach())
        self._ran = _Leaves(leaves)
        self._joined = joined
        self._values[term] = self._ran.value(term, x.detach())
        self._signal_rows = g.detach().flatten(1)
        self.g = self._rows(self._signal_rows)
        self.derived = derived_once(term)
        self._sizes = {INPUTS: x[0].numel()} | {
            size: self._ran.pairs[name][1][0].numel()
            for name, (size, _) in symbolic_dims(term).dims.items()
            if isinstance(size, sp.Symbol)
        }
        self._columns: dict[sp.Expr, Tensor] = {}
        self._depth = 0

    def column(self, expr: sp.Expr) -> Tensor:
        """The vector of an expression; each is computed once."""
        if expr not in self._columns:
            self._depth += 1
            try:
                self._columns[expr] = super().column(expr)
            finally:
                self._depth -= 1
        found = self._columns[expr]
        return found if self._depth else self._rows(found)

    def product(self, expr: sp.Expr, v: Tensor) -> Tensor:
        return (
            self._adjoint(expr.arg, v)
            if isinstance(expr, sp.Transpose)
            else self._times_it(expr, v)
        )

    def entries(self, size: sp.Expr) -> int:
        return int(self._sizes[size] if size in self._sizes else size.subs(self._sizes))

    def evaluate(self, term: Term, source: Tensor) -> Tensor:
        return self._ran.value(term, source)

    def cat(self, parts: Sequence[Tensor]) -> Tensor:
        return torch.cat(list(parts), 1)

    def zeros(self, rows: int) -> Tensor:
        return self._signal_rows.new_zeros(len(self._signal_rows), rows)

    def _signal(self, signal: object) -> Tensor:
        shown, self.g = self.g, self._signal_rows
        try:
            return super()._signal(signal)  # type: ignore[arg-type]
        finally:
            self.g = shown

    def _rows(self, v: Tensor) -> Tensor:
        return v.reshape(1, -1) if self._joined else v

    def _adjoint(self, expr: sp.Expr, v: Tensor) -> Tensor:
        """exprᵀ v, v (batch, rows)."""
        match self.notation.meanings.get(expr):
            case JacobianOf(Leaf(name), _):
                given, out = self._ran.pairs[name]
                (pulled,) = torch.autograd.grad(
                    out, given, v.reshape(out.shape), retain_graph=True, materialize_grads=True
                )
                return pulled.flatten(1)
            case DiagonalOf():
                return self._times_it(expr, v)
        match expr:
            case sp.MatMul():
                factor, matrices = expr.as_coeff_matrices()
                for matrix in matrices:
                    v = self._adjoint(matrix, v)
                return v if factor == 1 else v * float(factor)
            case sp.MatAdd():
                return sum((self._adjoint(each, v) for each in expr.args), torch.zeros(()))
            case sp.Transpose():
                return self._times_it(expr.arg, v)
            case sp.BlockMatrix() if expr.blockshape[1] == 1:
                rows = [self.entries(block.shape[0]) for block in expr.blocks]
                parts = zip(expr.blocks, v.split(rows, 1), strict=True)
                return sum((self._adjoint(block, part) for block, part in parts), torch.zeros(()))
        return self._times_it(expr, v)

    def _times_it(self, expr: sp.Expr, v: Tensor) -> Tensor:
        match self.notation.meanings.get(expr):
            case DiagonalOf(value):
                return v * self.value(value).flatten(1)
            case JacobianOf(Pointwise(), _):  # diagonal, so its own adjoint
                return self._adjoint(expr, v)
        match expr:
            case sp.Identity():
                return v
            case sp.Transpose():
                return self._adjoint(expr.arg, v)
        raise UnknownNodeError(
            f"cannot multiply by {expr}: teach numeric/capture/segment_columns.py"
        )


@lru_cache(maxsize=1024)
def derived_once(term: Term) -> DerivedBlock:
    """The derivation of a term with symbols for its dimensions: one for all sizes it is met at."""
    named = symbolic_dims(term)
    sizes = tuple(sorted(named.dims.items(), key=lambda each: each[0]))
    return derived_block(term, sizes, named.inputs)


class _Leaves(Evaluation):
    """Runs each leaf once, apart from the others, and keeps its input beside its value."""

    def __init__(self, leaves: Mapping[str, LeafMap]) -> None:
        super().__init__(dict(leaves))
        self.pairs: dict[str, tuple[Tensor, Tensor]] = {}

    def leaf(self, term: Leaf, x: Tensor) -> Tensor:
        if term.name not in self.pairs:
            given = x.detach().requires_grad_()
            with torch.enable_grad():
                out = self.maps[term.name](given)
            if out.grad_fn is None:  # nothing of x is left in it
                out = out.detach() + 0 * given.sum()
            self.pairs[term.name] = given, out
        return self.pairs[term.name][1].detach()
