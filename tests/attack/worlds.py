"""Evaluates terms and bounds on thousands of worlds at once, in float64, with gradients.

A world gives every leaf any tensor of its shape, at every point where the leaf is met; the Jacobian
of a term comes from a forward-mode recursion of its own. The definitions that a bound states are
evaluated as they stand. Nothing here knows the rules of `derivations`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, reduce

import sympy as sp
import torch
from sympy.matrices.expressions.slice import MatrixSlice
from torch import Tensor

from derivations.algebra.notation import DiagonalOf, JacobianOf, Notation, Signal
from derivations.algebra.quantities import (
    Cosine,
    Definition,
    NormRatio,
    NumericalRange,
    SigmaMax,
    SigmaMinAdjoint,
)
from derivations.algebra.terms import (
    Add,
    Chain,
    Complement,
    Concat,
    Gate,
    Identity,
    Layer,
    Linear,
    Pointwise,
    Term,
    parts_of,
)

RANGES = {"relu": (0.0, 1.0), "sigmoid": (0.0, 0.25), "tanh": (0.0, 1.0)}
"""The slopes of activations by their reserved names."""
TINY = 1e-200
Key = tuple[object, ...]
Path = tuple[Term, ...]
Make = Callable[[Key, tuple[int, ...], str], Tensor]


def path_of(term: Term) -> Path:
    """What is applied to x, one after another, with chains flattened and identities left out."""
    if isinstance(term, Chain):
        return tuple(step for part in term.parts for step in path_of(part))
    return () if term == Identity() else (term,)


@dataclass
class Worlds:
    """A batch of worlds over one assignment of `sizes` to the symbols of dimensions.

    `tensors` holds x, g, weights, values and slopes with the batch first; one that is missing is
    made by `make(key, shape, role)`. `absolute` worlds add sizes where others may cancel; `frozen`
    worlds have layers with Jacobian 0.
    """

    notation: Notation
    sizes: Mapping[sp.Symbol, int]
    tensors: dict[Key, Tensor]
    make: Make | None = None
    absolute: bool = False
    frozen: bool = False
    values: dict[Path, Tensor] = field(default_factory=dict)
    _matrices: dict[sp.Basic, Tensor] = field(default_factory=dict)

    def size(self, dimension: sp.Expr | int | str) -> int:
        return _size(
            self.notation.inputs if dimension == "x" else dimension, tuple(self.sizes.items())
        )

    def jacobian(self) -> Tensor:
        """∂H/∂x, (batch, m, n), and on the way the value of every subterm."""
        x = self.tensor(("x",), (self.size("x"),), "value")
        return self.push(
            self.notation.term, (), x, torch.eye(x.shape[1], dtype=x.dtype).expand(len(x), -1, -1)
        )[1]

    def tensor(self, key: Key, shape: tuple[int, ...], role: str) -> Tensor:
        if key not in self.tensors:
            assert self.make is not None, key
            self.tensors[key] = self.make(key, shape, role)
        return self.tensors[key]

    def push(self, term: Term, path: Path, x: Tensor, tangent: Tensor) -> tuple[Tensor, Tensor]:
        """The value of `term` at a value x (batch, d) reached by `path`, and its derivative along
        `tangent` (batch, d, n).
        """
        match term:
            case Chain(parts):
                for part in parts:
                    x, tangent = self.push(part, path, x, tangent)
                    path = (*path, *path_of(part))
                return x, tangent
            case Identity():
                found = x, tangent
            case Complement():
                found = (1 + x, tangent) if self.absolute else (1 - x, -tangent)
            case Layer(name) | Linear(name) | Pointwise(name):
                found = self._leaf(term, name, path, x, tangent)
            case Add(parts):
                pushed = [self.push(part, path, x, tangent) for part in parts]
                found = sum(value for value, _ in pushed), sum(moved for _, moved in pushed)
            case Concat(parts):
                pushed = [self.push(part, path, x, tangent) for part in parts]
                found = (
                    torch.cat([value for value, _ in pushed], 1),
                    torch.cat([moved for _, moved in pushed], 1),
                )
            case Gate(signal, gate):
                (a, da), (b, db) = (
                    self.push(signal, path, x, tangent),
                    self.push(gate, path, x, tangent),
                )
                found = a * b, a[:, :, None] * db + b[:, :, None] * da
            case _:
                raise TypeError(f"no dense rule for {type(term).__name__}")
        self.values[(*path, *path_of(term))] = found[0]
        return found

    def _leaf(
        self, leaf: Term, name: str, path: Path, x: Tensor, tangent: Tensor
    ) -> tuple[Tensor, Tensor]:
        if isinstance(leaf, Pointwise):
            slopes = self.tensor(
                ("slope", name, path), (x.shape[1],), name if name in RANGES else "value"
            )
            return self.tensor(("value", name, path), (x.shape[1],), "value"), slopes[
                :, :, None
            ] * tangent
        rows = self.size(self.notation.dims[name][0])
        if isinstance(leaf, Linear):
            weight = self.tensor(("weight", name), (rows, x.shape[1]), "linear")
            return (weight @ x[:, :, None])[:, :, 0] + self.tensor(
                ("bias", name), (rows,), "value"
            ), weight @ tangent
        weight = self.tensor(("jacobian", name, path), (rows, x.shape[1]), "layer")
        return self.tensor(("value", name, path), (rows,), "value"), (
            0 * weight if self.frozen else weight
        ) @ tangent

    def signal(self, part: tuple[int, ...] = ()) -> Tensor:
        """The backward signal (batch, m), or its slice for a part of a concatenation."""
        term, path, start = self.notation.term, (), 0
        for index in part:
            pieces = parts_of(term)
            widths = [self.values[(*path, *path_of(piece))].shape[1] for piece in pieces]
            start, term = start + sum(widths[:index]), pieces[index]
        width = self.values[path_of(term)].shape[1]
        whole = self.values[path_of(self.notation.term)].shape[1]
        return self.tensor(("g",), (whole,), "signal")[:, start : start + width]

    def matrix(self, expr: sp.Basic) -> Tensor:
        """A matrix expression in the symbols of the notation: (batch or 1, rows, columns)."""
        if expr not in self._matrices:
            self._matrices[expr] = self._matrix(expr)
        return self._matrices[expr]

    def _matrix(self, expr: sp.Basic) -> Tensor:
        match expr:
            case _ if expr in self.notation.meanings:
                return self._meaning(expr)
            case sp.Identity():
                return torch.eye(self.size(expr.shape[0]), dtype=torch.float64)[None]
            case sp.Transpose():
                return self.matrix(expr.arg).mT
            case sp.MatAdd():
                return reduce(torch.add, map(self.matrix, expr.args))
            case sp.MatMul():
                numbers, matrices = expr.as_coeff_matrices()
                number = abs(float(numbers)) if self.absolute else float(numbers)
                product = reduce(torch.matmul, map(self.matrix, matrices))
                return product if number == 1 else number * product
            case sp.MatPow():
                return reduce(torch.matmul, [self.matrix(expr.base)] * int(expr.exp))
            case sp.BlockMatrix():
                rows = [self.matrix(block) for block in expr.blocks]
                batch = max(len(row) for row in rows)
                return torch.cat([row.expand(batch, -1, -1) for row in rows], 1)
            case MatrixSlice():
                start, stop, _ = expr.rowslice
                return self.matrix(expr.parent)[:, self.size(start) : self.size(stop)]
        raise TypeError(f"no dense value for {type(expr).__name__}: {expr}")

    def _meaning(self, symbol: sp.Basic) -> Tensor:
        match self.notation.meanings[symbol]:
            case Signal(part):
                return self.signal(part)[:, :, None]
            case DiagonalOf(value):
                return torch.diag_embed(self.values[path_of(value)])
            case JacobianOf(Layer(name), point):
                return self.tensors["jacobian", name, path_of(point)]
            case JacobianOf(Linear(name), _):
                return self.tensors["weight", name]
            case JacobianOf(Pointwise(name), point):
                return torch.diag_embed(self.tensors["slope", name, path_of(point)])
        raise TypeError(f"{symbol} is not a leaf, a value or a signal")

    def column(self, expr: sp.Basic) -> Tensor:
        return self.matrix(expr)[:, :, 0]


@lru_cache(maxsize=4096)
def _size(dimension: sp.Expr | int | str, sizes: tuple[tuple[sp.Symbol, int], ...]) -> int:
    named = (
        sp.Symbol(dimension, integer=True, positive=True)
        if isinstance(dimension, str)
        else sp.sympify(dimension)
    )
    return int(named.subs(dict(sizes)))


def length(vectors: Tensor) -> Tensor:
    """‖v‖₂ (batch,), never so small that a ratio to it overflows."""
    return torch.linalg.vector_norm(vectors, dim=1).clamp(min=TINY)


def quantity(definition: Definition, worlds: Worlds, rows: Tensor) -> Tensor:
    """The number that a definition names in each of the worlds `rows`."""
    match definition:
        case NormRatio(numerator, denominator):
            return torch.linalg.vector_norm(worlds.column(numerator)[rows], dim=1) / length(
                worlds.column(denominator)[rows]
            )
        case Cosine(first, second):
            a, b = worlds.column(first)[rows], worlds.column(second)[rows]
            return ((a / length(a)[:, None]) * (b / length(b)[:, None])).sum(1).clamp(-1, 1)
    operator = worlds.matrix(definition.operator)  # type: ignore[union-attr]
    operator = operator[rows] if len(operator) > 1 else operator.expand(len(rows), -1, -1)
    match definition:
        case SigmaMax():
            return torch.linalg.svdvals(operator)[:, 0]
        case SigmaMinAdjoint():
            tall = operator.shape[1] > operator.shape[2]
            return (
                torch.zeros(len(rows), dtype=torch.float64)
                if tall
                else torch.linalg.svdvals(operator)[:, -1]
            )
        case NumericalRange(_, end):
            return torch.linalg.eigvalsh((operator + operator.mT) / 2)[:, 0 if end < 0 else -1]
    raise TypeError(f"no dense value for {type(definition).__name__}")


def rounding(definition: Definition, worlds: Worlds, sizes: Worlds, rows: Tensor) -> Tensor:
    """How large the numbers are that make a quantity: its rounding error is a small multiple of eps
    times this.

    For a ratio the loss of digits in its denominator multiplies, for a cosine those in both
    columns.
    """

    def loss(expr: sp.Basic) -> Tensor:
        return length(sizes.column(expr)[rows]) / length(worlds.column(expr)[rows])

    match definition:
        case NormRatio(numerator, denominator):
            return (
                length(sizes.column(numerator)[rows])
                / length(worlds.column(denominator)[rows])
                * loss(denominator)
            )
        case Cosine(first, second):
            return loss(first) * loss(second)
    operator = torch.linalg.matrix_norm(sizes.matrix(definition.operator))
    return operator[rows] if len(operator) > 1 else operator.expand(len(rows))


def number(expr: sp.Expr, values: Mapping[sp.Symbol, Tensor], *, size: bool = False) -> Tensor:
    """A bound's expression at the values of its symbols; with `size` nothing in it cancels."""
    if expr.is_Number:
        return _constant(abs(expr) if size else expr)
    if expr.is_Symbol:
        return values[expr]
    parts = [number(part, values, size=size) for part in expr.args]
    match expr:
        case sp.Add():
            return reduce(torch.add, parts)
        case sp.Mul():
            return reduce(torch.mul, parts)
        case sp.Max():
            return reduce(torch.maximum, parts)
        case sp.Min():
            return reduce(torch.maximum if size else torch.minimum, parts)
        case sp.Abs():
            return parts[0].abs()
        case sp.Pow() if expr.exp == sp.Rational(1, 2):
            return parts[0].clamp(min=TINY).sqrt()
        case sp.Pow() if expr.exp == 2:
            return parts[0] * parts[0]
    raise TypeError(f"no number for {type(expr).__name__}: {expr}")


@lru_cache(maxsize=256)
def _constant(expr: sp.Expr) -> Tensor:
    return torch.tensor(float(expr), dtype=torch.float64)
