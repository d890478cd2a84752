"""Finds for a bound a world in which it is attained, with numbers to check by hand.

The smallest worlds come first. Searched, never stated: a bound for which nothing is found has no
example. Imports none of the rules.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import sympy as sp
from sympy.polys.matrices import DomainMatrix

from derivations.algebra.notation import DiagonalOf, JacobianOf, Notation, Signal
from derivations.algebra.printing import latex
from derivations.algebra.quantities import GAIN
from derivations.algebra.steps import Derivation
from derivations.algebra.terms import Leaf
from derivations.checker.drawn_instance import Draw, Instance, drawn_instance
from derivations.checker.quantity_samples import evaluate, quantity_values

MULTIPLES = tuple(map(Fraction, ("-1/2", "1/2", "2", "-2", "-1", "1")))
TINY_WORLDS = 30
ATTAINED = 1e-12
"""Allowed relative distance of a bound from the gain: the rounding of NumPy's singular values."""

DIAGONAL = Draw(identities=True, affine="unit", aligned=True, steep=True, sizes=(2,))
CANDIDATES = (
    *(
        replace(diagonal, scale=scale)
        for diagonal in (DIAGONAL, replace(DIAGONAL, affine="constant"))
        for scale in MULTIPLES
    ),
    *(Draw(seed, steep=True, sizes=(1,)) for seed in range(TINY_WORLDS)),
    replace(DIAGONAL, scale=Fraction(0)),
)


@dataclass(frozen=True)
class Example:
    """A world in which a bound equals the gain: the matrices and signals that make it, in LaTeX."""

    latex: str
    gain: float


def examples(derivation: Derivation, exprs: Iterable[sp.Expr]) -> list[Example | None]:
    """For each expression an example in which it equals the derivation's gain γ, the first among
    the candidates.
    """
    wanted = dict.fromkeys(exprs)
    for draw in CANDIDATES:
        if all(wanted.values()):
            break
        instance = drawn_instance(derivation.notation, draw)
        values = quantity_values(derivation, instance)
        # A ratio to a signal that is 0 in this world.
        if any(map(np.isnan, values.values())):
            continue
        for expr in [expr for expr, found in wanted.items() if found is None]:
            if abs(float(evaluate(expr, (values,))[0]) - values[GAIN]) <= ATTAINED * max(
                1.0, values[GAIN]
            ):
                wanted[expr] = Example(_description(derivation.notation, instance), values[GAIN])
    return list(wanted.values())


def _description(notation: Notation, instance: Instance) -> str:
    """The Jacobians of leaves, the diagonals and the signals of a world, as far as the notation has
    met them.
    """
    given = [
        symbol
        for symbol, meaning in notation.meanings.items()
        if isinstance(meaning, (DiagonalOf, Signal))
        or (isinstance(meaning, JacobianOf) and isinstance(meaning.term, Leaf))
    ]
    return r",\; ".join(
        f"{latex(symbol, notation)} = {_matrix(instance.evaluate(symbol))}" for symbol in given
    )


def _matrix(value: DomainMatrix) -> str:
    rows = value.to_list()
    diagonal = len(rows) == len(rows[0]) and all(
        entry == 0 for i, row in enumerate(rows) for j, entry in enumerate(row) if i != j
    )
    if diagonal and len({row[i] for i, row in enumerate(rows)}) == 1:
        number = sp.latex(sp.Rational(int(rows[0][0].numerator), int(rows[0][0].denominator)))
        return (
            number
            if len(rows) == 1 or rows[0][0] == 0
            else {"1": "I", "-1": "-I"}.get(number, f"{number} I")
        )
    return str(sp.latex(value.to_Matrix(), mat_delim="["))
