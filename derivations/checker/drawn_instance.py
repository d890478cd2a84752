"""Evaluates an expression of a derivation on explicit functions with exact rational arithmetic.

Every layer becomes a polynomial map, and the Jacobian of any term comes from dual numbers pushed
through the composed functions. Nothing here knows the rules of `jacobian.py`.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal

import sympy as sp
from sympy import QQ
from sympy.matrices.expressions.slice import MatrixSlice
from sympy.polys.matrices import DomainMatrix

from derivations.algebra.notation import (
    DiagonalOf,
    Free,
    InputGradient,
    JacobianOf,
    Meaning,
    Notation,
    Signal,
)
from derivations.algebra.shapes import dimension
from derivations.algebra.terms import (
    SLOPES,
    Add,
    Chain,
    Complement,
    Concat,
    Gate,
    Identity,
    Layer,
    Leaf,
    Linear,
    Pointwise,
    Term,
)
from derivations.checker.matrix_words import block_rows
from derivations.errors import UnknownNodeError

Rational = Any
"""An element of QQ: whatever exact type SymPy's ground is built with."""


@dataclass(frozen=True)
class Draw:
    """How a world is drawn: dimensions from `sizes` and small rationals from `seed`, layers
    multiplied by `scale`.

    With `identities` every layer is that multiple of (the top left of) the identity, so that
    branches cancel skips. Affine maps are `scaled` with the layers, or have the `unit` scale, or
    are `constant` 1, as an open gate is. With `aligned` all backward signals of one size are equal;
    with `steep` every known slope is at its greatest.
    """

    seed: int = 0
    scale: Fraction = Fraction(1)
    identities: bool = False
    affine: Literal["scaled", "unit", "constant"] = "scaled"
    aligned: bool = False
    steep: bool = False
    sizes: tuple[int, ...] = (2, 3)


@dataclass(frozen=True)
class Dual:
    """value + slope·z with z² = 0."""

    value: Rational
    slope: Rational

    def __add__(self, other: "Dual") -> "Dual":
        return Dual(self.value + other.value, self.slope + other.slope)

    def __mul__(self, other: "Dual") -> "Dual":
        return Dual(self.value * other.value, self.value * other.slope + self.slope * other.value)


Values = list[Dual]
Weights = tuple[list[list[Rational]], list[list[Rational]]]
"""A matrix and a column."""
CELLS = 64
"""In each direction, per unit: values that a world draws differ by more."""


def constant(value: Rational) -> Dual:
    """A number that does not move."""
    return Dual(value, QQ(0))


class Instance:
    """One drawn world: dimensions, weights, an input and a backward signal."""

    def __init__(self, notation: Notation, draw: Draw) -> None:
        self.notation, self.draw = notation, draw
        self._random = random.Random(draw.seed)
        self._weights: dict[tuple[str, int, tuple[Rational, ...]], Weights] = {}
        self._slopes: dict[tuple[str, int], tuple[list[Rational], list[list[Rational]]]] = {}
        self._sizes: dict[sp.Expr, int] = {}
        self._cache: dict[Meaning, DomainMatrix] = {}
        self._values: dict[sp.Basic, DomainMatrix] = {}
        self.x = self._random_matrix(self.size(notation.dimension_of(Identity())), 1)

    def size(self, dimension: sp.Expr) -> int:
        """The number drawn for a dimension (1 in the scalar reading)."""
        if self.notation.reading == "scalar":
            return 1
        if dimension not in self._sizes:
            # Sorted, for a set of symbols has another order in every process.
            for symbol in sorted(dimension.free_symbols, key=str):
                self._sizes.setdefault(symbol, self._random.choice(self.draw.sizes))
            self._sizes[dimension] = int(dimension.xreplace(self._sizes))
        return self._sizes[dimension]

    def evaluate(self, expr: sp.Basic) -> DomainMatrix:
        """The exact value of an expression, as a matrix over ℚ (a number is 1 × 1, a tuple a
        column).
        """
        if expr in self.notation.meanings:
            return self.meaning(self.notation.meanings[expr])
        if expr not in self._values:
            rule = next((rule for node, rule in _RULES.items() if isinstance(expr, node)), None)
            if rule is None:
                raise UnknownNodeError(
                    f"cannot evaluate {type(expr).__name__}: "
                    "teach derivations/checker/drawn_instance.py"
                )
            self._values[expr] = rule(self, expr)
        return self._values[expr]

    def equal(self, left: sp.Basic, right: sp.Basic) -> bool:
        """Whether two expressions have the same value; shapes count."""
        return bool(
            self.evaluate(left).to_list() == self.evaluate(right).to_list()
        )  # not ==, which compares representations too

    def meaning(self, meaning: Meaning) -> DomainMatrix:
        if meaning not in self._cache:
            self._cache[meaning] = self._meaning(meaning)
        return self._cache[meaning]

    def _meaning(self, meaning: Meaning) -> DomainMatrix:
        match meaning:
            case JacobianOf(Linear(name) as affine, _):
                inputs = (
                    1
                    if self.notation.reading == "scalar"
                    else self.size(dimension(self.notation.dims[name][1]))
                )
                return self.jacobian(affine, [QQ(0)] * inputs)
            case JacobianOf(term, point):
                return self.jacobian(term, self.numbers(point))
            case DiagonalOf(value):
                return DomainMatrix.diag(self.numbers(value), QQ).to_dense()
            case Signal(part):
                term = self.notation.term
                for index in part:
                    term = term.parts[index]  # type: ignore[attr-defined]
                return self._signal(len(self.numbers(term)))
            case Free(_, shape, unit):
                return (self._orthonormal if unit else self._random_matrix)(*map(self.size, shape))
            case InputGradient():
                return self.jacobian(
                    self.notation.term, _entries(self.x)
                ).transpose() * self.signal(self.notation.term)

    def signal(self, term: Term, part: tuple[int, ...] = ()) -> DomainMatrix:
        """The whole backward signal at the output of `term`, from the same draws as its named
        slices.
        """
        if not isinstance(term, Concat):
            return self.meaning(Signal(part))
        return _stacked([self.signal(piece, (*part, i)) for i, piece in enumerate(term.parts)])

    def numbers(self, term: Term) -> list[Rational]:
        """The value of a term at this world's input."""
        return [
            entry.value
            for entry in self.value(term, [constant(entry) for entry in _entries(self.x)])
        ]

    def jacobian(self, term: Term, at: list[Rational]) -> DomainMatrix:
        """The derivative of the explicit function of `term`, one input direction at a time."""
        columns = []
        for i in range(len(at)):
            moved = [Dual(y, QQ(int(i == j))) for j, y in enumerate(at)]
            columns.append([y.slope for y in self.value(term, moved)])
        return _matrix(columns).transpose()

    def value(self, term: Term, x: Values) -> Values:
        """The explicit function of `term`."""
        match term:
            case Identity():
                return x
            case Complement():
                return [constant(QQ(1)) + constant(QQ(-1)) * y for y in x]
            case Leaf():
                return self._leaf(term, x)
            case Chain(parts):
                for part in parts:
                    x = self.value(part, x)
                return x
            case Add(parts):
                return [
                    _sum(column)
                    for column in zip(*(self.value(part, x) for part in parts), strict=True)
                ]
            case Concat(parts):
                return [y for part in parts for y in self.value(part, x)]
            case Gate(signal, gate):
                return [
                    a * b for a, b in zip(self.value(signal, x), self.value(gate, x), strict=True)
                ]
        raise UnknownNodeError(
            f"no explicit function for {type(term).__name__}: "
            "teach derivations/checker/drawn_instance.py"
        )

    def _leaf(self, leaf: Leaf, x: Values) -> Values:
        if isinstance(leaf, Pointwise):
            return self._pointwise(leaf.name, x)
        scalar = self.notation.reading == "scalar"
        out = 1 if scalar else self.size(dimension(self.notation.dims[leaf.name][0]))
        everywhere = [QQ(0)] * len(x)
        scale = QQ(self.draw.scale.numerator, self.draw.scale.denominator)
        match leaf:
            case Linear(name) if self.draw.affine == "constant":
                return [constant(QQ(1))] * out
            case Linear(name):
                factor = QQ(1) if self.draw.affine == "unit" else scale
                return self._affine(self._weights_of(name, out, everywhere), x, factor)
            case Layer(name) if self.draw.identities:
                return self._affine(self._weights_of(name, out, everywhere), x, scale)
            case Layer(name):
                return self._bent(name, out, x, scale)
        raise UnknownNodeError(
            f"no explicit function for {type(leaf).__name__}: "
            "teach derivations/checker/drawn_instance.py"
        )

    def _pointwise(self, name: str, x: Values) -> Values:
        """The same map for every entry; one whose slopes are known has one of them at each."""
        if name not in SLOPES:
            return [y for entry in x for y in self._bent(name, 1, [entry], QQ(1))]
        low, high = (QQ(end.numerator, end.denominator) for end in SLOPES[name])
        choices = (high,) if self.draw.steep else (low, high, (low + high) / 2)
        key = (name, len(x))
        if key not in self._slopes:
            drawn = [self._random.choice(choices) for _ in x]
            self._slopes[key] = (drawn, self._rows(len(x), 1))
        slopes, shifts = self._slopes[key]
        return [
            constant(slope) * y + constant(shift)
            for slope, (shift,), y in zip(slopes, shifts, x, strict=True)
        ]

    def _bent(self, name: str, out: int, x: Values, factor: Rational) -> Values:
        """A map that is another affine one in each cell: its Jacobian depends on where it is met.

        Values stay small, however many such maps follow each other; with polynomials their digits
        double from one to the next.
        """
        cell = [QQ(round(entry.value * CELLS), CELLS) for entry in x]
        from_middle = [y + constant(-middle) for y, middle in zip(x, cell, strict=True)]
        return self._affine(self._weights_of(name, out, cell), from_middle, factor)

    def _affine(self, weights: Weights, x: Values, factor: Rational) -> Values:
        matrix, shift = weights
        return [
            constant(factor) * _sum([constant(bias), *map(_times, row, x)])
            for row, (bias,) in zip(matrix, shift, strict=True)
        ]

    def _weights_of(self, name: str, out: int, cell: Sequence[Rational]) -> Weights:
        key = (name, out, tuple(cell))
        if key not in self._weights:
            if self.draw.identities:
                matrix = [[QQ(int(i == j)) for j in range(len(cell))] for i in range(out)]
            else:
                matrix = self._rows(out, len(cell))
            self._weights[key] = (matrix, self._rows(out, 1))
        return self._weights[key]

    def _signal(self, rows: int) -> DomainMatrix:
        if self.draw.aligned:
            return _matrix([[QQ(i + 2)] for i in range(rows)])
        return self._random_matrix(rows, 1)

    def _orthonormal(self, rows: int, columns: int) -> DomainMatrix:
        """Rational orthonormal columns: those of the identity, reflected once for each of them."""
        drawn = _matrix([[QQ(int(i == j)) for j in range(columns)] for i in range(rows)])
        for _ in range(columns):
            normal = self._random_matrix(rows, 1)
            square = (normal.transpose() * normal).to_list()[0][0]
            drawn = drawn - (normal * (normal.transpose() * drawn)).scalarmul(2 / square)
        return drawn

    def _random_matrix(self, rows: int, columns: int) -> DomainMatrix:
        return _matrix(self._rows(rows, columns))

    def _rows(self, rows: int, columns: int) -> list[list[Rational]]:
        choose = self._random.choice
        return [
            # Never 0, which would hide whatever it is multiplied by.
            [QQ(choose((-3, -2, -1, 1, 2, 3)), choose((2, 3, 5))) for _ in range(columns)]
            for _ in range(rows)
        ]


@lru_cache(maxsize=256)
def drawn_instance(notation: Notation, draw: Draw) -> Instance:
    """The instance of a draw, shared by all derivations in one notation.

    Numbers are drawn as they are first asked for: they depend on the order of the questions.
    """
    return Instance(notation, draw)


def _matrix(rows: list[list[Rational]]) -> DomainMatrix:
    return DomainMatrix(rows, (len(rows), len(rows[0])), QQ)


def _entries(column: DomainMatrix) -> list[Rational]:
    return [row[0] for row in column.to_list()]


def _stacked(blocks: Sequence[DomainMatrix]) -> DomainMatrix:
    first, *others = blocks
    return first.vstack(*others)


def _times(number: Rational, moving: Dual) -> Dual:
    return Dual(number * moving.value, number * moving.slope)


def _sum(entries: Sequence[Any]) -> Any:
    first, *others = entries
    for entry in others:
        first = first + entry
    return first


def _slice(instance: Instance, expr: MatrixSlice) -> DomainMatrix:
    if expr.rowslice[2] != 1 or expr.colslice != (0, expr.parent.shape[1], 1):
        raise UnknownNodeError(
            f"cannot read {expr}: only slices of whole rows, each following the last"
        )
    start, stop, _ = (
        instance.size(sp.sympify(bound)) if bound != 0 else 0 for bound in expr.rowslice
    )
    return _matrix(instance.evaluate(expr.parent).to_list()[start:stop])


def _product(factors: Sequence[DomainMatrix]) -> DomainMatrix:
    """A product in which 1 × 1 matrices are numbers."""
    product = factors[0]
    for factor in factors[1:]:
        if product.shape == (1, 1) or (factor.shape == (1, 1) and product.shape[1] != 1):
            number, matrix = (product, factor) if product.shape == (1, 1) else (factor, product)
            product = matrix.scalarmul(number.to_list()[0][0])
        else:
            product = product * factor
    return product


def _power(instance: Instance, expr: sp.Expr) -> DomainMatrix:
    if not (expr.exp.is_Integer and expr.exp > 0):
        raise UnknownNodeError(f"cannot evaluate the power {expr}: only positive integers")
    return _product([instance.evaluate(expr.base)] * int(expr.exp))


_RULES: dict[type, Callable[[Instance, sp.Expr], DomainMatrix]] = {
    sp.Identity: lambda instance, expr: DomainMatrix.eye(
        instance.size(expr.shape[0]), QQ
    ).to_dense(),
    sp.ZeroMatrix: lambda instance, expr: DomainMatrix.zeros(
        tuple(map(instance.size, expr.shape)), QQ
    ).to_dense(),
    sp.Transpose: lambda instance, expr: instance.evaluate(expr.arg).transpose(),
    MatrixSlice: _slice,
    sp.BlockMatrix: lambda instance, expr: _stacked(
        [instance.evaluate(row) for row in block_rows(expr)]
    ),
    sp.Tuple: lambda instance, expr: _stacked([instance.evaluate(row) for row in expr]),
    sp.MatAdd: lambda instance, expr: _sum([instance.evaluate(arg) for arg in expr.args]),
    sp.Add: lambda instance, expr: _sum([instance.evaluate(arg) for arg in expr.args]),
    sp.MatMul: lambda instance, expr: _product([instance.evaluate(arg) for arg in expr.args]),
    sp.Mul: lambda instance, expr: _product([instance.evaluate(arg) for arg in expr.args]),
    sp.Pow: _power,
    sp.MatPow: _power,
    sp.Rational: lambda _, expr: _matrix([[QQ(int(expr.p), int(expr.q))]]),
}
