"""Evaluates an expression of a derivation on explicit functions with exact rational arithmetic.

Every layer becomes a random polynomial map, and the Jacobian of any term is SymPy's own derivative of the composed
functions. Nothing here knows the rules of `jacobian.py`.
"""

import random
from collections.abc import Callable, Sequence

import sympy as sp
from sympy.matrices.expressions.slice import MatrixSlice

from derivations.blocks import Add, Chain, Concat, Gate, Identity, Layer, Leaf, Linear, Pointwise, Term
from derivations.errors import UnknownNodeError
from derivations.expansion import block_rows
from derivations.shapes import dimension
from derivations.symbols import DiagonalOf, Free, InputGradient, JacobianOf, Meaning, Notation, Signal

Values = list[sp.Expr]


class Instance:
    """One drawn world: dimensions, weights, an input and a backward signal, all small rationals.

    `branch_scale` multiplies every layer and affine map, so that small, large, negated and vanishing branches are met;
    with `identities`, all of them are that multiple of (the top left of) the identity, so that branches cancel skips.
    """

    def __init__(self, notation: Notation, seed: int, branch_scale: sp.Rational = sp.S.One, identities: bool = False) -> None:
        self.notation, self.scale, self.identities = notation, branch_scale, identities
        self._random = random.Random(seed)
        self._weights: dict[str, tuple[sp.Matrix, sp.Matrix, sp.Matrix]] = {}
        self._sizes: dict[sp.Symbol, int] = {}
        self._cache: dict[Meaning, sp.Matrix] = {}
        self.x = self._draw(self.size(notation.dimension_of(Identity())), 1)

    def size(self, dimension: sp.Expr) -> int:
        """The number drawn for a dimension (1 in the scalar reading)."""
        if self.notation.reading == "scalar":
            return 1
        for symbol in sorted(dimension.free_symbols, key=str):
            self._sizes.setdefault(symbol, self._random.choice((2, 3)))
        return int(dimension.subs(self._sizes))

    def evaluate(self, expr: sp.Basic) -> sp.Matrix:
        """The exact value of an expression, as a matrix (a number is 1 × 1, a tuple a column)."""
        if expr in self.notation.meanings:
            return self.meaning(self.notation.meanings[expr])
        for node, rule in _RULES.items():
            if isinstance(expr, node):
                return rule(self, expr)
        raise UnknownNodeError(f"cannot evaluate {type(expr).__name__}: teach derivations/instance.py")

    def meaning(self, meaning: Meaning) -> sp.Matrix:
        if meaning not in self._cache:
            self._cache[meaning] = self._meaning(meaning)
        return self._cache[meaning]

    def _meaning(self, meaning: Meaning) -> sp.Matrix:
        match meaning:
            case JacobianOf(Linear(name) as affine, _):
                inputs = 1 if self.notation.reading == "scalar" else self.size(dimension(self.notation.dims[name][1]))
                return self.jacobian(affine, [sp.Integer(0)] * inputs)
            case JacobianOf(term, point):
                return self.jacobian(term, self.value(point, list(self.x)))
            case DiagonalOf(value):
                return sp.diag(*self.value(value, list(self.x)))
            case Signal(part):
                term = self.notation.term
                for index in part:
                    term = term.parts[index]  # type: ignore[attr-defined]
                return self._draw(len(self.value(term, list(self.x))), 1)
            case Free(_, shape, unit):
                return (self._orthonormal if unit else self._draw)(*map(self.size, shape))
            case InputGradient():
                return self.jacobian(self.notation.term, list(self.x)).T * self.signal(self.notation.term)

    def signal(self, term: Term, part: tuple[int, ...] = ()) -> sp.Matrix:
        """The whole backward signal at the output of `term`, from the same draws as its named slices."""
        if not isinstance(term, Concat):
            return self.meaning(Signal(part))
        return sp.Matrix.vstack(*(self.signal(piece, (*part, i)) for i, piece in enumerate(term.parts)))

    def jacobian(self, term: Term, at: Values) -> sp.Matrix:
        """SymPy's derivative of the explicit function of `term`, one input direction at a time."""
        z = sp.Symbol("z")
        columns = []
        for i in range(len(at)):
            moved = [y + z if i == j else y for j, y in enumerate(at)]
            columns.append(sp.Matrix([sp.diff(y, z).subs(z, 0) for y in self.value(term, moved)]))
        return sp.Matrix.hstack(*columns)

    def value(self, term: Term, x: Values) -> Values:
        """The explicit function of `term`, on numbers or on symbols."""
        match term:
            case Identity():
                return x
            case Leaf():
                return self._leaf(term, x)
            case Chain(parts):
                for part in parts:
                    x = self.value(part, x)
                return x
            case Add(parts):
                return [sp.Add(*column) for column in zip(*(self.value(part, x) for part in parts), strict=True)]
            case Concat(parts):
                return [y for part in parts for y in self.value(part, x)]
            case Gate(signal, gate):
                return [a * b for a, b in zip(self.value(signal, x), self.value(gate, x), strict=True)]
        raise UnknownNodeError(f"no explicit function for {type(term).__name__}: teach derivations/instance.py")

    def _leaf(self, leaf: Leaf, x: Values) -> Values:
        inputs = len(x)
        if isinstance(leaf, Pointwise):
            linear, square, _ = self._weights_of(leaf.name, 1, 1)
            return [sp.expand(linear[0] * y + square[0] * y**2) for y in x]
        out = 1 if self.notation.reading == "scalar" else self.size(dimension(self.notation.dims[leaf.name][0]))
        linear, square, shift = self._weights_of(leaf.name, out, inputs)
        if not isinstance(leaf, Layer | Linear):
            raise UnknownNodeError(f"no explicit function for {type(leaf).__name__}: teach derivations/instance.py")
        y = linear * sp.Matrix(x) + shift
        if isinstance(leaf, Layer) and not self.identities:
            y += square * sp.Matrix([a * b for a, b in zip(x, x[1:] + x[:1], strict=True)])
        return [sp.expand(self.scale * entry) for entry in y]

    def _weights_of(self, name: str, out: int, inputs: int) -> tuple[sp.Matrix, sp.Matrix, sp.Matrix]:
        if name not in self._weights:
            linear = sp.eye(out, inputs) if self.identities else self._draw(out, inputs)
            self._weights[name] = (linear, self._draw(out, inputs), self._draw(out, 1))
        return self._weights[name]

    def _orthonormal(self, rows: int, columns: int) -> sp.Matrix:
        """Rational orthonormal columns: those of the identity, reflected once for each of them."""
        drawn = sp.eye(rows, columns)
        for _ in range(columns):
            normal = self._draw(rows, 1)
            drawn -= normal * (normal.T * drawn) * (2 / (normal.T * normal)[0])
        return drawn

    def _draw(self, rows: int, columns: int) -> sp.Matrix:
        return sp.Matrix(rows, columns, lambda *_: sp.Rational(self._random.choice((-3, -2, -1, 1, 2, 3)), self._random.choice((2, 3, 5))))


def _sum(instance: Instance, expr: sp.Expr) -> sp.Matrix:
    first, *others = map(instance.evaluate, expr.args)
    return sum(others, first)


def _slice(instance: Instance, expr: MatrixSlice) -> sp.Matrix:
    start, stop, _ = (instance.size(sp.sympify(bound)) if bound != 0 else 0 for bound in expr.rowslice)
    return instance.evaluate(expr.parent)[start:stop, :]


def _product(factors: Sequence[sp.Matrix]) -> sp.Matrix:
    """A product in which 1 × 1 matrices are numbers."""
    product = factors[0]
    for factor in factors[1:]:
        if product.shape == (1, 1) or (factor.shape == (1, 1) and product.shape[1] != 1):
            product = product[0] * factor if product.shape == (1, 1) else product * factor[0]
        else:
            product = product * factor
    return product


_RULES: dict[type, Callable[[Instance, sp.Expr], sp.Matrix]] = {
    sp.Identity: lambda instance, expr: sp.eye(instance.size(expr.shape[0])),
    sp.ZeroMatrix: lambda instance, expr: sp.zeros(*map(instance.size, expr.shape)),
    sp.Transpose: lambda instance, expr: instance.evaluate(expr.arg).T,
    MatrixSlice: _slice,
    sp.BlockMatrix: lambda instance, expr: sp.Matrix.vstack(*map(instance.evaluate, block_rows(expr))),
    sp.Tuple: lambda instance, expr: sp.Matrix.vstack(*map(instance.evaluate, expr)),
    sp.MatAdd: _sum,
    sp.Add: _sum,
    sp.MatMul: lambda instance, expr: _product([instance.evaluate(arg) for arg in expr.args]),
    sp.Mul: lambda instance, expr: _product([instance.evaluate(arg) for arg in expr.args]),
    sp.Pow: lambda instance, expr: instance.evaluate(expr.base) ** expr.exp,
    sp.MatPow: lambda instance, expr: instance.evaluate(expr.base) ** expr.exp,
    sp.Rational: lambda _, expr: sp.Matrix([[expr]]),
}
