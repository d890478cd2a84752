"""Checks limits without the branch in two ways that share nothing with the rules.

The definitions of the quantities are expanded into words, and words with a Jacobian of the branch
dropped; and in drawn worlds those Jacobians are scaled down, as the step says they are.
"""

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from math import isnan

import numpy as np
import sympy as sp

from derivations.algebra.letters import VanishingBranch
from derivations.algebra.notation import InputGradient, JacobianOf, Notation
from derivations.algebra.quantities import (
    Cosine,
    Definition,
    NormRatio,
    NumericalRange,
    Quantity,
    SigmaMax,
    SigmaMinAdjoint,
    parts_of_definition,
)
from derivations.algebra.steps import Derivation, Step
from derivations.algebra.terms import Leaf
from derivations.checker.drawn_instance import Draw, Instance, drawn_instance
from derivations.checker.matrix_words import Expansion, Polynomial, add, scale
from derivations.checker.quantity_samples import evaluate, quantity_values
from derivations.errors import InputError

WORLDS = tuple(Draw(seed, Fraction(factor)) for seed, factor in ((11, 1), (12, -1), (13, 2)))
EXPONENTS = (10, 26, 42)
"""The branch is scaled by 2 to minus these."""
SHRINKS = 2**7
"""From one scale to the next a gap of order √ε shrinks by 2⁸; half of that is asked for."""
ROUNDING = 1e-13
"""Relative to the sizes compared: what NumPy's singular values are off by."""
_CONTINUOUS = (sp.Add, sp.Mul, sp.Max, sp.Min, sp.Abs, sp.Symbol, sp.Number)


def is_branch_limit(step: Step) -> bool:
    """Whether a step says what is left of an expression without the branch."""
    return step.relation == "->" and isinstance(step.vanishing, VanishingBranch)


def check_branch_limit(step: Step, derivation: Derivation) -> dict[str, Callable[[], bool]]:
    """The two checks of such a step, by name."""
    if isinstance(step.before, sp.MatrixExpr):
        return {
            "words without the branch": lambda: _words(step, derivation.notation),
            "branches scaled down": lambda: _columns(step, derivation.notation),
        }
    return {
        "definitions without the branch": lambda: _definitions(step, derivation),
        "branches scaled down": lambda: _numbers(step, derivation),
    }


def _branch(notation: Notation) -> list[sp.Expr]:
    found = [
        symbol
        for symbol, meaning in notation.meanings.items()
        if isinstance(meaning, JacobianOf) and meaning.term in notation.branch
    ]
    if not found:
        raise InputError("no Jacobian of the branch is named: there is no limit to take")
    return found


def _scaled(expr: sp.Basic, factor: sp.Rational, notation: Notation) -> sp.Basic:
    """The expression with every Jacobian of the branch multiplied; refuses what may hide one."""
    for letter in expr.free_symbols:
        meaning = notation.meanings.get(letter)
        hidden = isinstance(meaning, JacobianOf) and not isinstance(meaning.term, Leaf)
        if hidden or isinstance(meaning, InputGradient):
            raise InputError(f"{letter} may hold the branch: write it in Jacobians of leaves")
    return expr.xreplace({letter: sp.MatMul(factor, letter) for letter in _branch(notation)})


class _Dropped:
    """Expands expressions, and drops every word that holds a Jacobian of the branch."""

    def __init__(self, notation: Notation) -> None:
        self.expansion = Expansion(notation)
        self.letters = {
            letter.name
            for symbol in _branch(notation)
            for word in self.expansion.expand(symbol)
            for letter in word
        }

    def degrees(self, expr: sp.Expr) -> set[int]:
        words = self.expansion.expand(expr)
        return {sum(letter.name in self.letters for letter in word) for word in words}

    def left(self, expr: sp.Expr) -> Polynomial:
        words = self.expansion.expand(expr).items()
        kept = {word: k for word, k in words if not self.letters & {letter.name for letter in word}}
        return self.expansion.normal(kept, number=False)

    def equal(self, left: Polynomial, expr: sp.Expr) -> bool:
        whole = self.expansion.expand(expr)
        return not self.expansion.normal(add(left, scale(whole, Fraction(-1))), number=False)


def _words(step: Step, notation: Notation) -> bool:
    dropped = _Dropped(notation)
    return dropped.equal(dropped.left(step.before), step.after)


def _columns(step: Step, notation: Notation) -> bool:
    for draw in WORLDS:
        instance = drawn_instance(notation, draw)
        after = _array(instance, step.after)
        gaps = []
        for k in EXPONENTS:
            before = _array(instance, _scaled(step.before, sp.Rational(1, 2**k), notation))
            if before.shape != after.shape:
                return False
            gaps.append(float(np.abs(before - after).max()))
        if not _shrink(gaps, float(np.abs(after).max())):
            return False
    return True


def _array(instance: Instance, expr: sp.Expr) -> np.ndarray:
    rows = instance.evaluate(expr).to_list()
    return np.array([[int(k.numerator) / int(k.denominator) for k in row] for row in rows])


def _definitions(step: Step, derivation: Derivation) -> bool:
    """A continuous expression at what each of its quantities is without the branch."""
    nodes = sp.preorder_traversal(step.before)
    if not all(
        isinstance(node, _CONTINUOUS)
        or (isinstance(node, sp.Pow) and node.exp.is_Rational and node.exp > 0)
        for node in nodes
    ):
        return False
    dropped = _Dropped(derivation.notation)
    known = {quantity.symbol: quantity for quantity in derivation.quantities}
    values = {
        symbol: _left(known[symbol], derivation.quantities, dropped)
        for symbol in step.before.free_symbols
    }
    value = step.before.xreplace(values)
    return bool(value == step.after or sp.expand(value - step.after) == 0)


def _left(quantity: Quantity, quantities: tuple[Quantity, ...], dropped: _Dropped) -> sp.Expr:
    definition = quantity.definition
    parts = parts_of_definition(definition)
    if all(dropped.degrees(part) <= {0} for part in parts):
        return quantity.symbol
    match definition:
        case Cosine() if all(len(dropped.degrees(part)) == 1 for part in parts):
            return quantity.symbol  # an angle does not feel the size of its sides
        case NormRatio(_, base) if dropped.degrees(base) != {0}:
            raise InputError(f"what {quantity.symbol} is relative to vanishes")
    left = [dropped.left(part) for part in parts]
    if isinstance(definition, SigmaMax):
        left = [_of_one_block(left[0])]
    simple = _simple(definition, left)
    if simple is not None:
        return simple
    for other in quantities:
        if _same_kind(other.definition, definition) and all(
            dropped.equal(polynomial, part)
            for polynomial, part in zip(left, parts_of_definition(other.definition), strict=True)
        ):
            return other.symbol
    raise InputError(f"what is left of {quantity.symbol} has no symbol")


def _simple(definition: Definition, left: list[Polynomial]) -> sp.Expr | None:
    """The value where nothing is left, or an isometry."""
    match definition:
        case Cosine() if not all(left):
            raise InputError("a side of an angle vanishes, and not as a whole")
        case Cosine():
            return None
        case NormRatio():
            return sp.S.Zero if not left[0] else sp.S.One if left[0] == left[1] else None
    (operator,) = left
    if not operator:
        return sp.S.Zero
    if operator == {(): Fraction(1)}:
        return sp.S.One
    if isinstance(definition, SigmaMinAdjoint) and _leaves_rows_out(operator):
        return sp.S.Zero
    return None


def _leaves_rows_out(operator: Polynomial) -> bool:
    """Whether some rows of a stack are 0: then its adjoint loses the columns that live there."""
    heads = [word[0] if word else None for word in operator]
    slices = {head.embeds for head in heads if head and head.embeds and not head.transposed}
    if not slices or not all(
        head and head.embeds in slices and not head.transposed for head in heads
    ):
        return False
    total = next(iter(slices)).total
    return bool((total - sp.Add(*(each.stop - each.start for each in slices))).is_positive)


def _of_one_block(operator: Polynomial) -> Polynomial:
    """A stack of one block that is not 0 has the largest singular value of the block."""
    heads = {word[0] if word else None for word in operator}
    head = heads.pop() if len(heads) == 1 else None
    if head is None or not head.embeds or head.transposed:
        return operator
    return {word[1:]: k for word, k in operator.items()}


def _same_kind(one: Definition, other: Definition) -> bool:
    if isinstance(one, NumericalRange) and isinstance(other, NumericalRange):
        return one.end == other.end
    return type(one) is type(other)


def _numbers(step: Step, derivation: Derivation) -> bool:
    found = 0
    for draw in WORLDS:
        at_one = _quantities(derivation, draw, 0)
        scaled = [_quantities(derivation, draw, k) for k in EXPONENTS]
        if any(isnan(at[s]) for at in (at_one, *scaled) for s in step.before.free_symbols):
            continue
        found += 1
        (after,) = evaluate(step.after, (at_one,))
        gaps = [abs(float(evaluate(step.before, (at,))[0]) - float(after)) for at in scaled]
        if not _shrink(gaps, float(after)):
            return False
    return found >= 2


@lru_cache(maxsize=1024)
def _quantities(derivation: Derivation, draw: Draw, exponent: int) -> dict[sp.Symbol, float]:
    """The quantities of a world whose branch is scaled by 2^−exponent."""
    factor = sp.Rational(1, 2**exponent)
    moved = tuple(
        Quantity(q.symbol, _moved(q.definition, factor, derivation.notation))
        for q in derivation.quantities
    )
    instance = drawn_instance(derivation.notation, draw)
    return quantity_values(Derivation("scaled", derivation.notation, (), moved), instance)


def _moved(definition: Definition, factor: sp.Rational, notation: Notation) -> Definition:
    parts = [_scaled(part, factor, notation) for part in parts_of_definition(definition)]
    if isinstance(definition, NumericalRange):
        return NumericalRange(parts[0], definition.end)
    return type(definition)(*parts)


def _shrink(gaps: list[float], size: float) -> bool:
    floor = ROUNDING * max(1.0, abs(size))
    return all(closer <= max(gap / SHRINKS, floor) for gap, closer in pairwise(gaps))
