"""Evaluates steps about quantities on drawn matrices, extreme ones included.

The matrices are exact (`instance.py`); singular values and eigenvalues are NumPy's. This refutes, it does not prove:
it is the second, independent check beside a certificate, and the test of the facts that certificates rest on.
"""

from functools import lru_cache
from math import isfinite, nan

import numpy as np
import sympy as sp

from derivations.instance import Instance
from derivations.quantities import Cosine, Definition, Frobenius, NormRatio, NumericalRange, SigmaMax, SigmaMinAdjoint
from derivations.steps import Derivation, Step

BRANCH_SCALES = (sp.Integer(1), sp.Rational(-1, 7), sp.Rational(1, 100), sp.Integer(0), sp.Integer(5), sp.Integer(-40))
MULTIPLES_OF_IDENTITY = (sp.Integer(-1), sp.Rational(-9, 10), sp.Rational(-5, 2), sp.Rational(1, 2))
SEEDS_PER_SCALE = 2
TOLERANCE = 1e-9
"""Relative slack for NumPy's float64 rounding; a wrong bound misses by orders of magnitude more."""


def holds_on_samples(step: Step, derivation: Derivation) -> bool:
    """Whether the relation holds for the quantities of every drawn instance."""
    return all(_holds(step, sample) for sample in quantity_samples(derivation))


@lru_cache(maxsize=64)
def quantity_samples(derivation: Derivation) -> tuple[dict[sp.Symbol, float], ...]:
    """The quantities of a derivation on each drawn instance."""
    drawn = [Instance(derivation.notation, seed, scale) for scale in BRANCH_SCALES for seed in range(SEEDS_PER_SCALE)]
    drawn += [Instance(derivation.notation, seed, multiple, identities=True) for seed, multiple in enumerate(MULTIPLES_OF_IDENTITY)]
    return tuple({q.symbol: _value(q.definition, instance) for q in derivation.quantities} for instance in drawn)


def _holds(step: Step, sample: dict[sp.Symbol, float]) -> bool:
    before, after = (float(side.subs(sample)) for side in (step.before, step.after))
    if not (isfinite(before) and isfinite(after)):
        return False
    slack = TOLERANCE * max(1.0, abs(before), abs(after))
    match step.relation:
        case "=":
            return abs(before - after) <= slack
        case ">=":
            return before >= after - slack
        case "<=":
            return before <= after + slack
    raise ValueError(f"{step.relation!r} is not a relation between numbers")


def _value(definition: Definition, instance: Instance) -> float:
    def array(expr: sp.Expr) -> np.ndarray:
        return np.array(instance.evaluate(expr).tolist(), dtype=np.float64)

    match definition:
        case NormRatio(numerator, denominator):
            bottom = float(np.linalg.norm(array(denominator)))
            return float(np.linalg.norm(array(numerator))) / bottom if bottom else nan
        case Cosine(first, second):
            # Exact up to the last root: near c = −1, √(1 − c²) would turn an error of 1e-16 into one of 1e-8.
            a, b = instance.evaluate(first), instance.evaluate(second)
            inner, lengths = (a.T * b)[0], (a.T * a)[0] * (b.T * b)[0]
            return float(sp.sign(inner) * sp.sqrt(inner**2 / lengths)) if lengths else 0.0
        case SigmaMax(operator):
            return float(np.linalg.norm(array(operator), 2))
        case Frobenius(operator):
            return float(np.linalg.norm(array(operator)))
        case SigmaMinAdjoint(operator):
            matrix = array(operator)
            return float(np.linalg.svd(matrix, compute_uv=False)[-1]) if matrix.shape[0] <= matrix.shape[1] else 0.0
        case NumericalRange(operator, end):
            matrix = array(operator)
            return float(np.linalg.eigvalsh((matrix + matrix.T) / 2)[0 if end < 0 else -1])
