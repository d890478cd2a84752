"""Computes bound and gain again in a world that is printed: from its letters alone, by NumPy.

A world that real layers cannot have, or that attains nothing, is refused.
"""

from collections.abc import Mapping

import numpy as np
import sympy as sp
from sympy.matrices.expressions.slice import MatrixSlice

from derivations.algebra.notation import (
    DiagonalOf,
    Free,
    JacobianOf,
    Meaning,
    Notation,
    Signal,
    compose,
)
from derivations.algebra.quantities import (
    GAIN,
    Cosine,
    Definition,
    NormRatio,
    NumericalRange,
    SigmaMax,
    SigmaMinAdjoint,
)
from derivations.algebra.steps import Derivation
from derivations.algebra.terms import (
    SLOPES,
    Chain,
    Complement,
    Gate,
    Identity,
    Linear,
    Pointwise,
    Term,
    parts_of,
)
from derivations.checker.quantity_samples import evaluate
from derivations.errors import UnknownNodeError
from derivations.worlds.attaining_worlds import ATTAINED, Example

ROUNDING = 1e-7
"""Relative to the gain: NumPy's cosine is off by its rounding, of which a root keeps half."""


def attains(derivation: Derivation, expr: sp.Expr, example: Example) -> bool:
    """Whether a world can exist, and the bound equals the gain in it: from the letters alone, by
    NumPy.
    """
    arrays = {letter: np.array(value, dtype=float) for letter, value in example.letters.items()}
    if not _can_exist(derivation.notation, arrays):
        return False
    wanted = expr.free_symbols | {GAIN}
    values = {
        quantity.symbol: _value(quantity.definition, arrays, example.sizes)
        for quantity in derivation.quantities
        if quantity.symbol in wanted
    }
    (bound,) = evaluate(expr, (values,))
    gain = values[GAIN]
    shows = gain > ATTAINED or bool(expr.is_Symbol)
    return shows and abs(float(bound) - gain) <= ROUNDING * max(1.0, gain)


def gates_of(term: Term, point: Term = Identity()) -> set[Term]:  # noqa: B008  # immutable
    """The values of a block that are gates, as terms of its input."""
    if isinstance(term, Chain):
        found: set[Term] = set()
        for part in term.parts:
            found |= gates_of(part, point)
            point = compose(point, part)
        return found
    own = {compose(point, term.gate)} if isinstance(term, Gate) else set()
    return own.union(*(gates_of(part, point) for part in parts_of(term)))


def _can_exist(notation: Notation, letters: Mapping[sp.Expr, np.ndarray]) -> bool:
    """Whether real layers can have these Jacobians and values: gates in (0, 1), a complement beside
    what it is of, slopes within their ends, and affine maps and signals that are not 0.
    """
    gates = gates_of(notation.term)
    values = {
        meaning.value: np.diag(letters[symbol])
        for symbol, meaning in notation.meanings.items()
        if isinstance(meaning, DiagonalOf) and symbol in letters
    }
    for value, found in values.items():
        if value in gates and not ((found > 0) & (found < 1)).all():
            return False
        if isinstance(value, Chain) and value.parts[-1] == Complement():
            before = Chain(*value.parts[:-1]) if len(value.parts) > 2 else value.parts[0]
            if before in values and not np.array_equal(found, 1 - values[before]):
                return False
    return all(_may_be(notation.meanings.get(symbol), each) for symbol, each in letters.items())


def _may_be(meaning: Meaning | None, matrix: np.ndarray) -> bool:
    """Whether a letter of that meaning can be the matrix."""
    match meaning:
        case JacobianOf(Pointwise(name), _) if name in SLOPES:
            low, high = map(float, SLOPES[name])
            slopes = np.diag(matrix)
            return bool(((slopes >= low) & (slopes <= high)).all())
        case Free(unit=True):
            return np.array_equal(matrix.T @ matrix, np.eye(matrix.shape[1]))
        case JacobianOf(Linear(), _) | Signal() | Free(shape=(_, 1)):
            return bool(matrix.any())
    return True


def _value(
    definition: Definition, letters: Mapping[sp.Expr, np.ndarray], sizes: Mapping[sp.Expr, int]
) -> float:
    def array(expr: sp.Expr) -> np.ndarray:
        return _array(expr, letters, sizes)

    match definition:
        case NormRatio(top, bottom):
            return float(np.linalg.norm(array(top)) / np.linalg.norm(array(bottom)))
        case Cosine(first, second):
            a, b = array(first).ravel(), array(second).ravel()
            lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
            return max(-1.0, min(1.0, float(a @ b) / lengths)) if lengths else 0.0
        case SigmaMax(operator):
            return float(np.linalg.svd(array(operator), compute_uv=False)[0])
        case SigmaMinAdjoint(operator):
            matrix = array(operator)
            few = matrix.shape[0] > matrix.shape[1]
            return 0.0 if few else float(np.linalg.svd(matrix, compute_uv=False)[-1])
        case NumericalRange(operator, end):
            matrix = array(operator)
            return float(np.linalg.eigvalsh((matrix + matrix.T) / 2)[0 if end < 0 else -1])
    raise UnknownNodeError(
        f"no value of {type(definition).__name__}: teach derivations/worlds/printed_worlds.py"
    )


def _array(
    expr: sp.Expr, letters: Mapping[sp.Expr, np.ndarray], sizes: Mapping[sp.Expr, int]
) -> np.ndarray:
    if expr in letters:
        return letters[expr]
    if expr.is_number:
        return np.array(float(expr))
    match expr:
        case sp.Identity():
            return np.eye(int(expr.shape[0].xreplace(dict(sizes))))
        case sp.Transpose():
            return _array(expr.arg, letters, sizes).T
        case sp.MatAdd():
            return np.sum([_array(part, letters, sizes) for part in expr.args], axis=0)
        case sp.MatMul():
            coefficient, factors = expr.as_coeff_matrices()
            arrays = [_array(factor, letters, sizes) for factor in factors]
            return float(coefficient) * (
                np.linalg.multi_dot(arrays) if len(arrays) > 1 else arrays[0]
            )
        case sp.BlockMatrix():
            return np.vstack([_array(row, letters, sizes) for row in expr.blocks])
        case MatrixSlice():
            start, stop = (int(sp.sympify(end).xreplace(dict(sizes))) for end in expr.rowslice[:2])
            return _array(expr.parent, letters, sizes)[start:stop]
    raise UnknownNodeError(
        f"no array of {type(expr).__name__}: teach derivations/worlds/printed_worlds.py"
    )
