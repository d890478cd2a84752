"""Judges equalities of traces of matrix products, and of their expectations over a random column.

Two ways: words up to cyclic rotation and transposition, and explicit rational matrices, an
expectation being the mean over a finite law. Knows no rule of `jacobian.py`.
"""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import sympy as sp
from sympy.polys.matrices import DomainMatrix

from derivations.algebra.letters import Expectation
from derivations.algebra.notation import Free, Signal
from derivations.algebra.steps import Step
from derivations.checker.drawn_instance import Instance
from derivations.checker.matrix_words import Expansion, Letter, Polynomial, Word, multiply
from derivations.errors import UnknownNodeError

DRAWN_DEVIATION = sp.Rational(2, 3)
"""The ν of the finite law."""
_ENTRIES = {sign: sign * DRAWN_DEVIATION * sp.Identity(1) for sign in (1, -1)}


def has_traces(kinds: Set[type]) -> bool:
    """Whether a step with nodes of these types speaks of traces or expectations."""
    return not kinds.isdisjoint((sp.Trace, Expectation))


def check_traces(
    step: Step, expansion: Expansion, instances: Sequence[Instance]
) -> dict[str, Callable[[], bool]]:
    """The two checks of such a step, by name; only equalities of the operator reading can pass."""
    if step.relation != "=" or expansion.notation.reading != "operator":
        return {"traces": lambda: False, "explicit matrices": lambda: False}
    words = _Words(expansion)
    worlds = [_World(instance) for instance in instances]
    return {
        "words up to rotation": lambda: (
            sp.expand(words.number(step.before) - words.number(step.after)) == 0
        ),
        "explicit matrices": lambda: all(
            world.number(step.before) == world.number(step.after) for world in worlds
        ),
    }


@dataclass(frozen=True)
class _Random:
    """The letters of the random columns, with the number of entries of each, and ν."""

    letters: dict[Letter, sp.Expr]
    deviation: sp.Symbol


class _Words:
    """Writes traces as sums with one real symbol per word, words that differ by rotation or
    transposition being one.
    """

    def __init__(self, expansion: Expansion) -> None:
        self.expansion = expansion

    def number(self, expr: sp.Expr, random: _Random | None = None) -> sp.Expr:
        match expr:
            case Expectation():
                inner, columns, deviation = expr.args
                if not all(map(self._may_be_random, columns)) or not deviation.is_positive:
                    raise UnknownNodeError("only signals and free columns are random")
                return self.number(
                    inner,
                    _Random(
                        {self._letter(column): column.shape[0] for column in columns}, deviation
                    ),
                )
            case sp.Trace():
                words = self.expansion.expand(expr.arg)
                return sp.Add(
                    *(
                        sp.Rational(k.numerator, k.denominator)
                        * self._trace(w, expr.arg.shape[0], random)
                        for w, k in words.items()
                    )
                )
            case sp.Add():
                return sp.Add(*(self.number(part, random) for part in expr.args))
            case sp.Mul() | sp.Pow() if random is None:
                return expr.func(*(self.number(part) for part in expr.args))
            case sp.Symbol() | sp.Number():
                return expr
        raise UnknownNodeError(
            f"no trace in {type(expr).__name__}: teach derivations/checker/traces.py"
        )

    def _trace(self, word: Word, dimension: sp.Expr, random: _Random | None) -> sp.Expr:
        if random is None:
            return _rotated(word, dimension)
        met = [letter for letter in word if Letter(letter.name) in random.letters]
        if len(met) != 2 or met[0].transposed == met[1].transposed:
            raise UnknownNodeError(
                "an expectation is known only of what has the random column twice, as g and as gᵀ"
            )
        if met[0].name != met[1].name:
            return sp.Integer(0)
        start = next(i for i, letter in enumerate(word) if letter in met and letter.transposed)
        turned = word[start:] + word[:start]
        if turned[-1] not in met:
            raise UnknownNodeError("an expectation is known only of gᵀ A g with A free of g")
        return random.deviation**2 * _rotated(turned[1:-1], random.letters[Letter(met[0].name)])

    def _may_be_random(self, column: sp.Expr) -> bool:
        """Whether the column is one whose entries can be uncorrelated: of length 1 it is not."""
        meaning = self.expansion.notation.meanings.get(column)
        drawn = isinstance(meaning, Signal) or (isinstance(meaning, Free) and not meaning.unit)
        return drawn and column.shape[1] == 1

    def _letter(self, column: sp.Expr) -> Letter:
        ((letter,),) = self.expansion.expand(column)
        return letter


def _rotated(word: Word, dimension: sp.Expr | None) -> sp.Expr:
    """The trace of one word: the number of rows of an identity, 0, or the symbol of the least of
    its rotations.
    """
    turns = [word[i:] + word[:i] for i in range(len(word))]
    for turn in turns:
        reduced: Polynomial = multiply({turn: Fraction(1)})
        if not reduced:
            return sp.Integer(0)
        (shorter,) = reduced
        if len(shorter) < len(word):
            return _rotated(shorter, _rows(turn[0]))
    if not word:
        if dimension is None:
            raise UnknownNodeError("the trace of an identity of unknown size")
        return dimension
    flipped = tuple(letter.flipped() for letter in reversed(word))
    # tr A = tr Aᵀ.
    turns += [flipped[i:] + flipped[:i] for i in range(len(word))]
    return _letter_of(min(turns))


@lru_cache(maxsize=1024)
def _letter_of(word: Word) -> sp.Symbol:
    """The number that the trace of a word is; no letter of a step has its name."""
    return sp.Dummy(repr(word), real=True)


def _rows(letter: Letter) -> sp.Expr | None:
    """The number of rows, of the letters that can cancel with a neighbour."""
    if letter.embeds is not None:
        return (
            letter.embeds.stop - letter.embeds.start if letter.transposed else letter.embeds.total
        )
    return sp.Integer(1) if letter.unit and letter.transposed else None


class _World:
    """Evaluates traces exactly on the matrices of an instance, and an expectation as a mean over
    finitely many columns.
    """

    def __init__(self, instance: Instance) -> None:
        self.instance = instance

    def number(self, expr: sp.Expr) -> sp.Rational:
        match expr:
            case Expectation():
                return self._mean(expr)
            case sp.Trace():
                return _plain(self.instance.evaluate(expr.arg)).trace()
            case sp.Add() | sp.Mul() | sp.Pow():
                return expr.func(*map(self.number, expr.args))
            case sp.Symbol():
                return sp.Integer(self.instance.size(expr)) if expr.is_integer else DRAWN_DEVIATION
            case sp.Number():
                return expr
        raise UnknownNodeError(
            f"no value of {type(expr).__name__}: teach derivations/checker/traces.py"
        )

    def _mean(self, expectation: Expectation) -> sp.Rational:
        """Over the rows of a Hadamard matrix times ν: their entries are uncorrelated and have
        second moment ν².
        """
        inner, columns, _ = expectation.args
        sizes = [self.instance.size(column.shape[0]) for column in columns]
        order = 1 << (sum(sizes) - 1).bit_length()
        values = []
        for row in range(order):
            entries = iter([(-1) ** (row & position).bit_count() for position in range(sum(sizes))])
            fixed = {
                column: _column([next(entries) for _ in range(size)])
                for column, size in zip(columns, sizes, strict=True)
            }
            values.append(self.number(inner.xreplace(fixed)))
        return sp.Add(*values) / order


def _plain(matrix: DomainMatrix | sp.Matrix) -> sp.Matrix:
    """A matrix of SymPy's numbers, whatever exact kind an instance works with."""
    return matrix.to_Matrix() if isinstance(matrix, DomainMatrix) else matrix


def _column(signs: list[int]) -> sp.BlockMatrix:
    return sp.BlockMatrix([[_ENTRIES[sign]] for sign in signs])
