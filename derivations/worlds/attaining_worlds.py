"""Finds for a bound a world in which it is attained, with numbers to check by hand.

A world gives every letter a matrix that real layers can have there: gates lie in (0, 1), slopes
belong to the values, no affine map is 0. Searched, never stated: a bound for which nothing is found
has no example. Imports no rule.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
import sympy as sp
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from derivations.algebra.notation import (
    DiagonalOf,
    Free,
    JacobianOf,
    Meaning,
    Notation,
    Signal,
    compose,
)
from derivations.algebra.printing import latex
from derivations.algebra.quantities import GAIN
from derivations.algebra.shapes import dimension
from derivations.algebra.steps import Derivation
from derivations.algebra.terms import (
    SLOPES,
    Add,
    Chain,
    Complement,
    Gate,
    Identity,
    Layer,
    Leaf,
    Linear,
    Pointwise,
    Term,
    parts_of,
)
from derivations.checker.drawn_instance import Draw, Instance, Rational
from derivations.checker.quantity_samples import evaluate, quantity_values
from derivations.errors import UnknownNodeError

ATTAINED = 1e-12
"""Allowed relative distance of a bound from the gain: the rounding of NumPy's singular values."""
HALF = Fraction(1, 2)
STEEPEST = {"relu": Fraction(1), "sigmoid": HALF, "tanh": Fraction(0)}
"""The values of activations where their slopes are greatest: s(1 − s) = 1/4 at s = 1/2."""


@dataclass(frozen=True)
class Choice:
    """A world of 2 × 2 matrices: the Jacobian of every layer is `multiple` times the identity, or
    times the projection on the first coordinate, or, uneven, times 1 along the first and 1/2 along
    the second, with free columns along one coordinate each; `value` is the value of every layer
    that is no gate. `across` sets the signal to (3, 4) and a unit column of two rows across it, so
    that what is taken away along the column is nothing; a longer one is the last coordinate.
    """

    multiple: Fraction
    pattern: Literal["identity", "projection", "uneven"] = "identity"
    value: Fraction = HALF
    across: bool = False


_MULTIPLES = tuple(map(Fraction, ("-1/2", "1/2", "-1/4", "1/4", "2", "-2", "-1", "1")))
_VALUES = tuple(map(Fraction, ("1/2", "2", "1")))
CANDIDATES = (
    *(Choice(multiple, value=value) for value in _VALUES for multiple in _MULTIPLES),
    # −1 takes one coordinate away, which turns a signal by less than a right angle; so do three
    # branches of a third each.
    *(
        Choice(Fraction(multiple), "projection", value)
        for value in _VALUES
        for multiple in ("-1", "-1/3")
    ),
    # Where all else gives the ends of a pencil one value: 1/2 and 3/4, 3/2 and 5/4 beside a skip.
    *(Choice(Fraction(multiple), "uneven") for multiple in ("-1/2", "1/2")),
    Choice(HALF, across=True),
)


@dataclass(frozen=True)
class Example:
    """A world in which a bound equals the gain: the matrices and signals that make it, by letter
    and in LaTeX, and the dimensions that have names.
    """

    latex: str
    gain: float
    letters: Mapping[sp.Expr, sp.Matrix]
    sizes: Mapping[sp.Expr, int]


class World(Instance):
    """A world by choice: what an `Instance` draws is set here."""

    def __init__(self, notation: Notation, choice: Choice) -> None:
        super().__init__(notation, Draw(sizes=(2,)))
        self.choice = choice
        self.gates = gate_layers(notation.term)

    def _meaning(self, meaning: Meaning) -> DomainMatrix:
        match meaning:
            case JacobianOf(Layer(name), _):
                return self._matrix(name, self.choice.multiple, self.choice.pattern)
            case JacobianOf(Linear(name), _):
                return self._matrix(name, Fraction(1), "identity")
            case JacobianOf(Pointwise(name), point):
                size = self.size(self.notation.dimension_of(point))
                slope = SLOPES[name][1] if name in SLOPES else Fraction(1)
                return DomainMatrix.diag([_rational(slope)] * size, QQ).to_dense()
            case DiagonalOf(value):
                return DomainMatrix.diag(self.numbers(value), QQ).to_dense()
            case Signal(part):
                term = self.notation.term
                for index in part:
                    term = parts_of(term)[index]
                rows = self.size(self.notation.dimension_of(term))
                return _column(rows, first=3 if self.choice.across else 2)
            case Free(name, shape, unit):
                return self._free(name, self.size(shape[0]), self.size(shape[1]), unit)
        raise UnknownNodeError(
            f"no world has a {type(meaning).__name__}: teach derivations/worlds/attaining_worlds.py"
        )

    def _free(self, name: str, rows: int, columns: int, unit: bool) -> DomainMatrix:
        """A column, as signals are; a square that takes such columns away; else an inclusion."""
        uneven = self.choice.pattern == "uneven"
        if columns == 1 and not unit:
            return _column(rows, _index(name) if uneven else None)
        if rows == columns and not unit:
            column = _column(rows, 0 if uneven else None)
            ((square,),) = (column.transpose() * column).to_list()
            away = DomainMatrix.eye(rows, QQ) - (column * column.transpose()).scalarmul(1 / square)
            multiple = self.choice.multiple
            return away.to_dense().scalarmul(_rational(multiple**2 if uneven else multiple))
        if self.choice.across and unit and columns == 1:
            last = [QQ(0)] * (rows - 1) + [QQ(1)]
            return _column_of([QQ(4, 5), QQ(-3, 5)] if rows == 2 else last)
        entries = [[QQ(int(i == j)) for j in range(columns)] for i in range(rows)]
        return DomainMatrix(entries, (rows, columns), QQ)

    def numbers(self, term: Term) -> list[Rational]:
        """The value of a term of the block's input."""
        size = self.size(self.notation.dimension_of(term))
        match term:
            case Identity():
                return [_rational(-HALF)] * size
            case Layer():
                return [_rational(HALF if term in self.gates else self.choice.value)] * size
            case Chain(parts):
                return self._last(Chain(*parts[:-1]) if len(parts) > 2 else parts[0], parts[-1])
            case Leaf() | Complement():
                return self._last(Identity(), term)
            case Add(parts):
                return [sum(column) for column in zip(*map(self.numbers, parts), strict=True)]
            case Gate(signal, gate):
                pairs = zip(self.numbers(signal), self.numbers(gate), strict=True)
                return [a * b for a, b in pairs]
        raise UnknownNodeError(
            f"no value of {type(term).__name__}: teach derivations/worlds/attaining_worlds.py"
        )

    def _last(self, before: Term, last: Term) -> list[Rational]:
        """The value of `last` where `before` is its input."""
        match last:
            case Layer():
                size = self.size(self.notation.dimension_of(compose(before, last)))
                return [_rational(HALF if last in self.gates else self.choice.value)] * size
            case Pointwise(name):
                size = self.size(self.notation.dimension_of(before))
                return [_rational(STEEPEST.get(name, Fraction(1)))] * size
            case Linear(name):
                matrix = self._matrix(name, Fraction(1), "identity").to_list()
                inputs = self.numbers(before)
                return [sum(k * v for k, v in zip(row, inputs, strict=True)) for row in matrix]
            case Complement():
                return [1 - v for v in self.numbers(before)]
        raise UnknownNodeError(
            f"no value of {type(last).__name__}: teach derivations/worlds/attaining_worlds.py"
        )

    def _matrix(self, name: str, multiple: Fraction, pattern: str) -> DomainMatrix:
        rows, columns = (self.size(dimension(size)) for size in self.notation.dims[name])
        kept = 1 if pattern == "projection" else rows
        along = [multiple / (1 + i) if pattern == "uneven" else multiple for i in range(rows)]
        entries = [
            [_rational(along[i] if i == j < kept else Fraction(0)) for j in range(columns)]
            for i in range(rows)
        ]
        return DomainMatrix(entries, (rows, columns), QQ)


def gate_layers(term: Term) -> frozenset[Layer]:
    """The layers whose own values are gates, as no activation stands behind them."""
    found = {layer for part in parts_of(term) for layer in gate_layers(part)}
    if isinstance(term, Gate):
        found |= set(_last_layer(term.gate))
    return frozenset(found)


def _last_layer(gate: Term) -> Iterator[Layer]:
    parts = [p for p in (gate.parts if isinstance(gate, Chain) else (gate,)) if p != Complement()]
    if parts and isinstance(parts[-1], Layer):
        yield parts[-1]


def examples(derivation: Derivation, exprs: Iterable[sp.Expr]) -> list[Example | None]:
    """For each expression an example in which it equals the derivation's gain γ, the first among
    the candidates, and of those the first in which not all the expressions do: it shows that each
    is attained by itself. A gain of 0 shows nothing of a bound that is never below 0: only an
    extreme singular value itself may be attained there.
    """
    exprs = list(exprs)
    wanted: dict[sp.Expr, Example | None] = dict.fromkeys(exprs)
    for zero, apart in ((False, True), (False, False), (True, False)):
        for choice in CANDIDATES:
            open_ones = [
                expr
                for expr, found in wanted.items()
                if found is None and (expr.is_Symbol or not zero)
            ]
            if not open_ones:
                break
            world = World(derivation.notation, choice)
            values = quantity_values(derivation, world)
            # A ratio to a signal that is 0 in this world.
            if any(map(np.isnan, values.values())) or (values[GAIN] <= ATTAINED) != zero:
                continue
            allowed = ATTAINED * max(1.0, values[GAIN])
            gaps = {e: abs(float(evaluate(e, (values,))[0]) - values[GAIN]) for e in wanted}
            if apart and max(gaps.values()) <= allowed:
                continue
            for expr in open_ones:
                if gaps[expr] <= allowed:
                    wanted[expr] = _example(derivation.notation, world, values[GAIN])
    return [wanted[expr] for expr in exprs]


def _example(notation: Notation, world: World, gain: float) -> Example:
    """The Jacobians of leaves, the diagonals, the signals and the free letters of a world, as far
    as the notation has met them.
    """
    letters = {
        symbol: world.evaluate(symbol).to_Matrix()
        for symbol, meaning in notation.meanings.items()
        if isinstance(meaning, (DiagonalOf, Signal, Free))
        or (isinstance(meaning, JacobianOf) and isinstance(meaning.term, Leaf))
    }
    shown = (f"{latex(symbol, notation)} = {_shown(value)}" for symbol, value in letters.items())
    return Example(r",\; ".join(shown), gain, letters, dict(world._sizes))


def _shown(value: sp.Matrix) -> str:
    if value.rows == value.cols and value == value[0, 0] * sp.eye(value.rows):
        number = sp.latex(value[0, 0])
        return (
            number
            if value.rows == 1 or value[0, 0] == 0
            else {"1": "I", "-1": "-I"}.get(number, f"{number} I")
        )
    return str(sp.latex(value, mat_delim="["))


def _column(rows: int, along: int | None = None, first: int = 2) -> DomainMatrix:
    """A column of numbers from `first` on, or of the one along a coordinate."""
    return _column_of([QQ(i + first if along in (None, i) else 0) for i in range(rows)])


def _column_of(entries: list[Rational]) -> DomainMatrix:
    return DomainMatrix([[each] for each in entries], (len(entries), 1), QQ)


def _index(name: str) -> int:
    """The coordinate of a free column: the first, but for v_2, v_4, … the second, and for w, from
    which a first one is taken away.
    """
    index = name.rpartition("_")[2]
    return (int(index) - 1) % 2 if index.isdigit() else int(name == "w")


def _rational(value: Fraction) -> Rational:
    return QQ(value.numerator, value.denominator)
