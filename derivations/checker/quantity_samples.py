"""Evaluates steps about quantities on drawn matrices, extreme ones included.

The matrices are exact; singular values and eigenvalues are NumPy's. This refutes, it does not
prove: it is the second, independent check beside a certificate, and the test of the facts that
certificates rest on.
"""

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from math import copysign, isnan, nan, sqrt

import numpy as np
import sympy as sp

from derivations.algebra.quantities import (
    GAIN,
    Cosine,
    Definition,
    Frobenius,
    NormRatio,
    NumericalRange,
    SigmaMax,
    SigmaMinAdjoint,
)
from derivations.algebra.steps import Derivation, Step
from derivations.checker.drawn_instance import Draw, Instance, drawn_instance

BRANCH_SCALES = (
    Fraction(1),
    Fraction(-1, 7),
    Fraction(1, 100),
    Fraction(0),
    Fraction(5),
    Fraction(-40),
)
# −1 cancels the skip, −9/10 almost, −5/2 overshoots: where bounds are attained or break.
MULTIPLES_OF_IDENTITY = (Fraction(-1), Fraction(-9, 10), Fraction(-5, 2), Fraction(1, 2))
SEEDS_PER_SCALE = 2
DRAWS = (
    *(Draw(seed, scale) for scale in BRANCH_SCALES for seed in range(SEEDS_PER_SCALE)),
    *(Draw(seed, multiple, identities=True) for seed, multiple in enumerate(MULTIPLES_OF_IDENTITY)),
    *(
        Draw(seed, multiple, identities=True, affine="constant")
        for seed, multiple in enumerate(MULTIPLES_OF_IDENTITY)
    ),
)
FEWEST_SAMPLES = 6
"""A statement about a gain that exists in fewer worlds is not tested."""
TOLERANCE = 1e-9
"""Relative slack for NumPy's float64 rounding; a wrong bound misses by orders of magnitude more."""


def holds_on_samples(step: Step, derivation: Derivation) -> bool:
    """Whether the relation holds for the quantities of every drawn instance."""
    samples = quantity_samples(derivation)
    if len(samples) < FEWEST_SAMPLES:
        return False
    before, after = (evaluate(side, samples) for side in (step.before, step.after))
    if not (np.isfinite(before).all() and np.isfinite(after).all()):
        return False
    slack = TOLERANCE * np.maximum(1.0, np.maximum(np.abs(before), np.abs(after)))
    match step.relation:
        case "=":
            return bool((np.abs(before - after) <= slack).all())
        case ">=":
            return bool((before >= after - slack).all())
        case "<=":
            return bool((before <= after + slack).all())
    raise ValueError(f"{step.relation!r} is not a relation between numbers")


def evaluate(expr: sp.Expr, samples: tuple[dict[sp.Symbol, float], ...]) -> np.ndarray:
    """The expression at every sample; raises KeyError or ValueError for what is no number there."""
    if expr.is_Number:
        return np.full(len(samples), float(expr))
    if expr.is_Symbol:
        return np.array([sample[expr] for sample in samples])
    parts: tuple[sp.Expr, ...] = expr.args
    for node, reduce in _NODES.items():
        if isinstance(expr, node):
            with np.errstate(all="ignore"):
                return np.asarray(reduce(*(evaluate(part, samples) for part in parts)))
    raise ValueError(
        f"cannot evaluate {type(expr).__name__} in {expr}: "
        "teach derivations/checker/quantity_samples.py"
    )


def _folded(operation: np.ufunc) -> Callable[..., np.ndarray]:
    return lambda *parts: operation.reduce(parts)


_NODES: dict[type, Callable[..., np.ndarray]] = {
    sp.Add: _folded(np.add),
    sp.Mul: _folded(np.multiply),
    sp.Max: _folded(np.maximum),
    sp.Min: _folded(np.minimum),
    sp.Pow: np.power,
    sp.Abs: np.abs,
}


@lru_cache(maxsize=64)
def quantity_samples(derivation: Derivation) -> tuple[dict[sp.Symbol, float], ...]:
    """The quantities of a derivation on each drawn instance, except where its gain does not exist
    because the base is 0, or where a column is that is assumed not to be.
    """
    drawn = [
        quantity_values(derivation, instance)
        for instance in (drawn_instance(derivation.notation, draw) for draw in DRAWS)
        if all(any(map(any, instance.evaluate(c).to_list())) for c in derivation.nonzero)
    ]
    return tuple(values for values in drawn if not isnan(values.get(GAIN, 0.0)))


def quantity_values(derivation: Derivation, instance: Instance) -> dict[sp.Symbol, float]:
    """The quantities of a derivation on one instance, NaN where a ratio's denominator is 0."""
    return {q.symbol: _value(q.definition, instance) for q in derivation.quantities}


def _value(definition: Definition, instance: Instance) -> float:
    def array(expr: sp.Expr) -> np.ndarray:
        return np.array(
            [
                [int(k.numerator) / int(k.denominator) for k in row]
                for row in instance.evaluate(expr).to_list()
            ]
        )

    match definition:
        case NormRatio(numerator, denominator):
            bottom = float(np.linalg.norm(array(denominator)))
            return float(np.linalg.norm(array(numerator))) / bottom if bottom else nan
        case Cosine(first, second):
            # Exact up to the last root: near c = −1, √(1 − c²) would turn an error of 1e-16 into
            # one of 1e-8.
            a, b = (
                [row[0] for row in instance.evaluate(side).to_list()] for side in (first, second)
            )
            inner = sum(p * q for p, q in zip(a, b, strict=True))
            lengths = sum(p * p for p in a) * sum(q * q for q in b)
            share = inner * inner / lengths if lengths else 0
            return (
                copysign(sqrt(Fraction(int(share.numerator), int(share.denominator))), inner)
                if share
                else 0.0
            )
        case SigmaMax(operator):
            return float(np.linalg.norm(array(operator), 2))
        case Frobenius(operator):
            return float(np.linalg.norm(array(operator)))
        case SigmaMinAdjoint(operator):
            matrix = array(operator)
            return (
                float(np.linalg.svd(matrix, compute_uv=False)[-1])
                if matrix.shape[0] <= matrix.shape[1]
                else 0.0
            )
        case NumericalRange(operator, end):
            matrix = array(operator)
            return float(np.linalg.eigvalsh((matrix + matrix.T) / 2)[0 if end < 0 else -1])
