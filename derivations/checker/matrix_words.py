"""Expands an expression of a derivation into noncommutative words of matrices.

A polynomial is a mapping from words to rational coefficients; a word is a product of letters.
Nothing here knows the rules that produced the expression: the Jacobian of a composite term comes
from the checker's own first-order perturbation, never from `jacobian.py`.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from math import prod

import sympy as sp
from sympy.matrices.expressions.slice import MatrixSlice

from derivations.algebra.notation import (
    DiagonalOf,
    Free,
    InputGradient,
    JacobianOf,
    Meaning,
    Notation,
    Signal,
    compose,
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
)
from derivations.errors import UnknownNodeError


@dataclass(frozen=True)
class Slice:
    """The coordinates start…stop of `total`."""

    start: sp.Expr
    stop: sp.Expr
    total: sp.Expr

    def within(self, other: "Slice") -> bool:
        """Whether `other` contains this slice."""
        return bool(
            (self.start - other.start).is_nonnegative and (other.stop - self.stop).is_nonnegative
        )

    def disjoint(self, other: "Slice") -> bool:
        return bool(
            (self.start - other.stop).is_nonnegative or (other.start - self.stop).is_nonnegative
        )


@dataclass(frozen=True, order=True)
class Letter:
    """A matrix, or its transpose. `embeds` marks the inclusion of a slice into a concatenation,
    `unit` a column of length 1.
    """

    name: str
    transposed: bool = False
    symmetric: bool = False
    embeds: Slice | None = field(default=None, compare=False)
    unit: bool = False

    def flipped(self) -> "Letter":
        return self if self.symmetric else replace(self, transposed=not self.transposed)


Word = tuple[Letter, ...]
Polynomial = dict[Word, Fraction]


def add(*polynomials: Polynomial) -> Polynomial:
    total: defaultdict[Word, Fraction] = defaultdict(Fraction)
    for polynomial in polynomials:
        for word, coefficient in polynomial.items():
            total[word] += coefficient
    return {word: coefficient for word, coefficient in total.items() if coefficient}


def multiply(*factors: Polynomial) -> Polynomial:
    if all(len(factor) == 1 for factor in factors):
        terms = [term for factor in factors for term in factor.items()]
        whole = _reduce(tuple(letter for word, _ in terms for letter in word))
        return (
            {}
            if whole is None
            else {whole: prod((k for _, k in terms if k != 1), start=Fraction(1))}
        )
    product: Polynomial = {(): Fraction(1)}
    for factor in factors:
        terms = [
            (left + right, a * b) for left, a in product.items() for right, b in factor.items()
        ]
        product = add(
            *({reduced: k} for word, k in terms if (reduced := _reduce(word)) is not None)
        )
    return product


def transpose(polynomial: Polynomial) -> Polynomial:
    return {
        tuple(letter.flipped() for letter in reversed(word)): k for word, k in polynomial.items()
    }


def scale(polynomial: Polynomial, k: Fraction) -> Polynomial:
    return {word: k * coefficient for word, coefficient in polynomial.items() if k}


def _reduce(word: Word) -> Word | None:
    """Simplifies neighbours, as in EᵀE = I and uᵀu = 1; None for the zero word."""
    for i, (left, right) in enumerate(pairwise(word)):
        if right.unit and left.flipped() == right and left.transposed:
            return _reduce(word[:i] + word[i + 2 :])
        if left.embeds and right.embeds:
            met = _meet(left, right)
            if met is None:
                return None
            if met != (left, right):
                return _reduce(word[:i] + met + word[i + 2 :])
    return word


def _meet(left: Letter, right: Letter) -> Word | None:
    """The product of two inclusions of slices: nested ones compose, EᵢᵀEⱼ restricts; None for 0."""
    outer, inner = left.embeds, right.embeds
    assert outer is not None
    assert inner is not None
    if left.transposed == right.transposed:
        if left.transposed:
            outer, inner = inner, outer
        return (
            embedding(
                outer.start + inner.start, outer.start + inner.stop, outer.total, left.transposed
            ),
        )
    if not left.transposed:
        return (left, right)
    if outer == inner:
        return ()
    if outer.disjoint(inner):
        return None
    if inner.within(outer):
        return (
            embedding(
                inner.start - outer.start, inner.stop - outer.start, outer.stop - outer.start
            ),
        )
    if outer.within(inner):
        return (
            embedding(
                outer.start - inner.start, outer.stop - inner.start, inner.stop - inner.start, True
            ),
        )
    return (left, right)


@lru_cache(maxsize=1024)
def embedding(start: sp.Expr, stop: sp.Expr, total: sp.Expr, transposed: bool = False) -> Letter:
    """The inclusion of the coordinates start…stop into `total` coordinates, or the restriction to
    them.
    """
    start, stop, total = (sp.expand(bound) for bound in (start, stop, total))
    return Letter(f"E[{start}:{stop} of {total}]", transposed, embeds=Slice(start, stop, total))


def one(letter: Letter) -> Polynomial:
    return {(letter,): Fraction(1)}


class Expansion:
    """Expands the expressions of one notation."""

    def __init__(self, notation: Notation) -> None:
        self.notation = notation

    def equal(self, left: sp.Expr, right: sp.Expr) -> bool:
        """Whether two expressions have the same normal form."""
        return not self.normal(
            add(self.expand(left), scale(self.expand(right), Fraction(-1))), _is_number(left)
        )

    def normal(self, polynomial: Polynomial, number: bool) -> Polynomial:
        """Writes projectors on slices one way, identifies a number with its transpose, and forgets
        the order of scalar letters.
        """
        polynomial = add(*(_prefixed(word, k) for word, k in polynomial.items()))
        if self.notation.reading == "scalar":
            # Numbers commute.
            return add(*({tuple(sorted(word)): k} for word, k in polynomial.items()))
        if number:
            return add(
                *(
                    {min(word, next(iter(transpose({word: k})))): k}
                    for word, k in polynomial.items()
                )
            )
        return polynomial

    def expand(self, expr: sp.Basic) -> Polynomial:
        """The polynomial of a matrix expression (operator reading) or of a number or tuple (scalar
        reading).
        """
        if expr in self.notation.meanings:
            return self.meaning(self.notation.meanings[expr])
        for node, rule in _RULES.items():
            if isinstance(expr, node):
                return rule(self, expr)
        raise UnknownNodeError(
            f"cannot expand {type(expr).__name__}: teach derivations/checker/matrix_words.py"
        )

    def meaning(self, meaning: Meaning) -> Polynomial:
        match meaning:
            case JacobianOf(term, point):
                return self.tangent(term, point)
            case DiagonalOf(value):
                return one(Letter(f"diag {value!r}", symmetric=True))
            case Signal(part):
                return one(Letter(f"signal {part}", symmetric=self.notation.reading == "scalar"))
            case Free(name, _, unit):
                return one(Letter(f"free {name}", unit=unit))
            case InputGradient():
                return multiply(
                    transpose(self.tangent(self.notation.term, Identity())),
                    self.signal(self.notation.term),
                )

    def signal(self, term: Term, part: tuple[int, ...] = ()) -> Polynomial:
        if not isinstance(term, Concat):
            return self.meaning(Signal(part))
        return self.stack(
            [self.signal(piece, (*part, i)) for i, piece in enumerate(term.parts)],
            self._dims(term, Identity()),
        )

    def tangent(self, term: Term, point: Term) -> Polynomial:
        """The first-order change of the term's value for a change of its input at `point`."""
        match term:
            case Identity():
                return {(): Fraction(1)}
            case Complement():
                return {(): Fraction(-1)}
            case Linear(name):
                return one(Letter(f"linear {name}", symmetric=self.notation.reading == "scalar"))
            case Layer() | Pointwise():
                symmetric = isinstance(term, Pointwise) or self.notation.reading == "scalar"
                return one(Letter(f"{term!r} at {point!r}", symmetric=symmetric))
            case Add(parts):
                return add(*(self.tangent(part, point) for part in parts))
            case Concat(parts):
                return self.stack(
                    [self.tangent(part, point) for part in parts], self._dims(term, point)
                )
            case Chain(parts):
                change: Polynomial = {(): Fraction(1)}
                for part in parts:
                    change, point = (
                        multiply(self.tangent(part, point), change),
                        compose(point, part),
                    )
                return change
            case Gate(signal, gate):
                value = {
                    factor: self.meaning(DiagonalOf(compose(point, factor)))
                    for factor in (signal, gate)
                }
                return add(
                    multiply(value[gate], self.tangent(signal, point)),
                    multiply(value[signal], self.tangent(gate, point)),
                )
        raise UnknownNodeError(
            f"no perturbation of {type(term).__name__}: teach derivations/checker/matrix_words.py"
        )

    def stack(self, rows: list[Polynomial], dims: list[sp.Expr]) -> Polynomial:
        start, total, stacked = sp.Integer(0), sp.Add(*dims), []
        for row, rows_dim in zip(rows, dims, strict=True):
            stacked.append(multiply(one(embedding(start, start + rows_dim, total)), row))
            start += rows_dim
        return add(*stacked)

    def _dims(self, term: Concat, point: Term) -> list[sp.Expr]:
        if self.notation.reading == "scalar":
            return [sp.Integer(1)] * len(term.parts)
        return [self.notation.dimension_of(compose(point, part)) for part in term.parts]


class SumsAsLetters(Expansion):
    """Multiplies no sum out that several of the expressions have for a factor: it is one letter.

    What is equal so is equal when all is multiplied out, and a product of n sums has 2ⁿ words.
    """

    def __init__(self, notation: Notation, exprs: Sequence[sp.Basic]) -> None:
        super().__init__(notation)
        found = Counter(factor for expr in exprs for factor in _sums_in_products(expr))
        self.kept = {factor for factor, times in found.items() if times > 1}

    def expand(self, expr: sp.Basic) -> Polynomial:
        return one(Letter(sp.srepr(expr))) if expr in self.kept else super().expand(expr)


def _sums_in_products(expr: sp.Basic) -> set[sp.Expr]:
    products = [each for each in sp.preorder_traversal(expr) if isinstance(each, sp.MatMul)]
    factors = {factor for product in products for factor in product.args}
    plain = {each.arg if isinstance(each, sp.Transpose) else each for each in factors}
    return {each for each in plain if isinstance(each, sp.MatAdd)}


def equal(left: sp.Expr, right: sp.Expr, notation: Notation) -> bool:
    """Whether two expressions have the same normal form: coarse if that says so, else fine."""
    coarse = SumsAsLetters(notation, (left, right))
    return coarse.equal(left, right) or Expansion(notation).equal(left, right)


def _prefixed(word: Word, k: Fraction) -> Polynomial:
    """A word in which every E E′ᵀ from slice to slice is the difference of two that begin with the
    first coordinate of either.
    """
    for i, (left, right) in enumerate(pairwise(word)):
        if left.embeds and right.embeds and right.transposed and not left.transposed:
            low = _lower(left.embeds.start, right.embeds.start)
            if low != 0:
                ends = ((low + left.embeds.stop - left.embeds.start, k), (low, -k))
                words = (
                    (
                        _reduce(
                            (
                                *word[:i],
                                *_matched(left.embeds, right.embeds, low, end),
                                *word[i + 2 :],
                            )
                        ),
                        c,
                    )
                    for end, c in ends
                )
                return add(*(_prefixed(shorter, c) for shorter, c in words if shorter is not None))
    return {word: k}


def _lower(first: sp.Expr, second: sp.Expr) -> sp.Expr:
    """The lower of two starts, or 0 where that is not known."""
    if (second - first).is_nonnegative:
        return first
    return second if (first - second).is_nonnegative else sp.Integer(0)


def _matched(left: Slice, right: Slice, low: sp.Expr, length: sp.Expr) -> Word:
    """E E′ᵀ over slices of this length that begin `low` coordinates earlier; the inclusion of all
    coordinates is left out.
    """
    starts = (left.start - low, right.start - low)
    whole = [sp.expand(length - part.total) == 0 for part in (left, right)]
    letters = (
        embedding(starts[0], starts[0] + length, left.total),
        embedding(starts[1], starts[1] + length, right.total, True),
    )
    return tuple(letter for letter, all_of_it in zip(letters, whole, strict=True) if not all_of_it)


def block_rows(expr: sp.BlockMatrix) -> list[sp.Expr]:
    """The blocks of a block column; raises UnknownNodeError for any other arrangement."""
    if expr.blockshape[1] != 1:
        raise UnknownNodeError(f"cannot read {expr.blockshape} blocks: only a column of blocks")
    return list(expr.blocks)


def _slice(expansion: Expansion, expr: MatrixSlice) -> Polynomial:
    start, stop, step = expr.rowslice
    if step != 1 or expr.colslice != (0, expr.parent.shape[1], 1):
        raise UnknownNodeError(
            "cannot read a slice of columns, or of every other row: only of neighbouring rows"
        )
    inclusion = embedding(start, stop, expr.parent.shape[0])
    return multiply(transpose(one(inclusion)), expansion.expand(expr.parent))


def _product(expansion: Expansion, expr: sp.Expr) -> Polynomial:
    return multiply(*(expansion.expand(factor) for factor in expr.args))


def _power(expansion: Expansion, expr: sp.Expr) -> Polynomial:
    if not (expr.exp.is_Integer and expr.exp > 0):
        raise UnknownNodeError(f"cannot expand the power {expr}: only positive integers")
    return multiply(*[expansion.expand(expr.base)] * int(expr.exp))


_RULES: dict[type, Callable[[Expansion, sp.Expr], Polynomial]] = {
    sp.Rational: lambda _, expr: scale({(): Fraction(1)}, Fraction(int(expr.p), int(expr.q))),
    sp.Identity: lambda _, expr: {(): Fraction(1)},
    sp.ZeroMatrix: lambda _, expr: {},
    sp.Transpose: lambda expansion, expr: transpose(expansion.expand(expr.arg)),
    sp.MatAdd: lambda expansion, expr: add(*map(expansion.expand, expr.args)),
    sp.Add: lambda expansion, expr: add(*map(expansion.expand, expr.args)),
    sp.MatMul: _product,
    sp.Mul: _product,
    sp.Pow: _power,
    sp.MatPow: _power,
    sp.Tuple: lambda expansion, expr: expansion.stack(
        [expansion.expand(row) for row in expr], [sp.Integer(1)] * len(expr)
    ),
    sp.BlockMatrix: lambda expansion, expr: expansion.stack(
        [expansion.expand(row) for row in block_rows(expr)],
        [row.shape[0] for row in block_rows(expr)],
    ),
    MatrixSlice: _slice,
}


def _is_number(expr: sp.Basic) -> bool:
    return isinstance(expr, sp.MatrixExpr) and expr.shape == (1, 1)
