"""Turns what is established for every backward signal into a statement about singular values.

σ_min(Jᵀ) is the least ‖Jᵀu‖/‖u‖ over all columns u ≠ 0, and σ_max(J) the greatest: what bounds
that ratio for every u bounds them. A bound that looks along u, or holds for some u only, does not.
"""

from fractions import Fraction

import sympy as sp

from derivations.algebra.notation import Free
from derivations.algebra.quantities import NormRatio, Quantity, SigmaMax, SigmaMinAdjoint
from derivations.algebra.steps import Derivation, Step
from derivations.checker.matrix_words import Expansion, add, scale
from derivations.errors import UnknownNodeError

FOR_EVERY_SIGNAL = {"", "g ≠ 0", "‖base‖ ≠ 0"}
"""The conditions of steps that leave no signal out but 0."""


def over_every_signal(step: Step, derivation: Derivation, expansion: Expansion) -> set[sp.Expr]:
    """What is ≥ 0 because the step, an inequality on a gain, holds for every signal.

    Nothing where that cannot be read.
    """
    try:
        return _over_every_signal(step, derivation, expansion)
    except UnknownNodeError:
        return set()


def _over_every_signal(step: Step, derivation: Derivation, expansion: Expansion) -> set[sp.Expr]:
    definitions = {quantity.symbol: quantity.definition for quantity in derivation.quantities}
    ratio = definitions.get(step.before)
    if not isinstance(ratio, NormRatio) or step.relation not in (">=", "<="):
        return set()
    if any(
        each.condition not in FOR_EVERY_SIGNAL for each in derivation.steps if not each.vanishing
    ):
        return set()
    # The denominator must run through all columns: the whole signal, with no factor before it.
    if not _is_any_column(ratio.denominator, derivation, expansion):
        return set()
    signal = _letters(ratio.denominator)
    if not step.after.free_symbols <= definitions.keys() or any(
        signal & _letters_of(definitions[symbol]) for symbol in step.after.free_symbols
    ):
        return set()
    kind = SigmaMinAdjoint if step.relation == ">=" else SigmaMax
    sign = 1 if step.relation == ">=" else -1
    return {
        sp.expand(sign * (quantity.symbol - step.after))
        for quantity in derivation.quantities
        if isinstance(quantity.definition, kind) and _pulls_back(quantity, ratio, signal, expansion)
    }


def _is_any_column(column: sp.Expr, derivation: Derivation, expansion: Expansion) -> bool:
    """Whether it is the backward signal, or a free column, of which nothing is assumed but that it
    is not 0.
    """
    match derivation.notation.meanings.get(column):
        case Free(_, (_, columns), unit):
            return bool(columns == 1) and not unit and not derivation.nonzero
    return expansion.expand(column) == expansion.signal(derivation.notation.term)


def _pulls_back(
    quantity: Quantity, ratio: NormRatio, signal: set[sp.Expr], expansion: Expansion
) -> bool:
    """Whether the ratio is that of Aᵀu to u for the quantity's operator A, which is free of u."""
    operator = quantity.definition.operator  # type: ignore[union-attr]
    if _letters(operator) & signal or operator.shape[0] != ratio.denominator.shape[0]:
        return False
    image, pulled = (
        expansion.expand(sp.MatMul(sp.Transpose(operator), ratio.denominator)),
        expansion.expand(ratio.numerator),
    )
    # A ratio of norms does not feel a sign.
    return any(
        not expansion.normal(add(image, scale(pulled, Fraction(sign))), number=False)
        for sign in (1, -1)
    )


def _letters(expr: sp.Expr) -> set[sp.Expr]:
    return set(expr.atoms(sp.MatrixSymbol))


def _letters_of(definition: object) -> set[sp.Expr]:
    exprs = [value for value in vars(definition).values() if isinstance(value, sp.Basic)]
    return set().union(*map(_letters, exprs))
