"""Inverts the Laplace transform of a generalized chi-square, with an error bound.

Q = Σ_j ‖N(μ_j, λ_j I)‖²; the path is a hyperbola, the bound that of every value. F(q) = (1/2πi) ∫ E
exp(−pQ) exp(pq) dp/p on p = (β/q)(1 + sin(ix − α)): Weideman & Trefethen 2007, Math. Comp.
76:1341–1356. The integrand decays doubly exponentially however few the degrees of freedom, where
the inversion on the real axis is slow. The trapezoid rule's error is at most Σ_± ‖f(· ± ia)‖₁ /
(exp(2πa/h) − 1): Trefethen & Weideman 2014, SIAM Rev. 56:385–458, Thm 5.1.
"""

from dataclasses import dataclass

import numpy as np

from numeric.laws.characteristic_inversion import CHUNK, EPS, Array, Components

BETA = 6.0
STEEPEST = 0.65
"""The largest α."""
FAR = 25.0
"""A component of a larger noncentrality acts like a constant, its mean square: F(q) is found where
q is well above these."""
CLEARANCE = 0.02
NODES = (24, 48, 96, 192, 384)
LARGEST = 300.0
"""An exponent beyond it would overflow; the error is then astronomical in any case."""
MARGIN = 4.0
"""The norms of f on the two lines are trapezoid sums themselves: taken this much larger."""


@dataclass(frozen=True)
class _Curve:
    """One hyperbola per law and q: laws (n, k) and q, alpha, end (n,).

    `clear` is 1 − (mean squares of far components)/q.
    """

    laws: Components
    q: Array
    clear: Array
    alpha: Array
    end: Array


def hyperbola(
    laws: Components, q: Array, tolerance: float
) -> tuple[Array, Array]:  # (Q, B) -> (Q, B) twice
    """P(Q ≤ q) and a bound on its error, with as many nodes as `tolerance` needs, up to a limit.

    The error may exceed it, and is infinite where q is not above the components that act like
    constants. The truncation error is bounded rigorously, the norms on the two lines numerically
    with a margin, rounding to first order.
    """
    values, errors = np.zeros_like(q), np.where(q > 0, np.inf, 0.0)
    constant = constants(laws)
    rows, columns = np.nonzero((q > 0) & (q * (1 - CLEARANCE) > constant))
    for nodes in NODES:
        size = max(1, CHUNK // (nodes * laws.weights.shape[1]))
        missed = np.ones(len(rows), dtype=bool)
        for start in range(0, len(rows), size):
            part = slice(start, start + size)
            at = rows[part], columns[part]
            curve = _curve(laws.take(columns[part]), q[at], constant[columns[part]], tolerance / 4)
            found, error = _rule(curve, nodes)
            values[at], errors[at] = np.clip(found, 0, 1), error
            missed[part] = error > tolerance
        rows, columns = rows[missed], columns[missed]
    return values, errors


def constants(laws: Components) -> Array:  # (B,)
    """The sum of the mean squares of components that act like constants.

    Below it, F(q) cannot be found.
    """
    return np.where(_noncentralities(laws) > FAR, laws.squares, 0).sum(1)


def _noncentralities(laws: Components) -> Array:
    return laws.squares / np.where(laws.weights > 0, laws.weights, 1)


def _curve(laws: Components, q: Array, constant: Array, tail: float) -> _Curve:
    """α such that the integrand decays on the outer line too, and an end.

    Beyond the end it integrates to less than `tail`.
    """
    clear = 1 - constant / q
    alpha = np.minimum(np.arcsin(np.sqrt(0.4 * clear)), STEEPEST)
    free = _Curve(laws, q, clear, alpha, np.zeros_like(q))
    rate = _rate(free, alpha)
    needed = (1 + (_log_constant(free, alpha) - np.log(tail)) / rate) / np.sin(alpha)
    return _Curve(laws, q, clear, alpha, np.arccosh(np.maximum(needed, 3)))


def _rate(curve: _Curve, alpha: Array) -> Array:
    """κ with |f| ≤ C exp(−κ(sin α cosh x − 1)).

    As −Re(μ²p/(1 + 2λp)) ≤ μ²(−Re p)/cos²α for the far components.
    """
    return BETA * (1 - (1 - curve.clear) / np.cos(alpha) ** 2)


def _log_constant(curve: _Curve, alpha: Array) -> Array:
    """log C, as |1 + 2λp| ≥ cos α: arg p ≤ π/2 + α.

    Near components have −Re(μ²p/(1 + 2λp)) ≤ (1/cos α − 1) μ²/(2λ).
    """
    noncentralities = _noncentralities(curve.laws)
    near = np.where(noncentralities > FAR, 0, noncentralities).sum(1)
    return -np.log(np.cos(alpha)) * (curve.laws.dofs.sum(1) / 2 + 1) + near / 2 * (
        1 / np.cos(alpha) - 1
    )


def _tail(curve: _Curve, alpha: Array) -> Array:
    """A bound on ∫ |f| over |x| > end, where cosh/sinh ≤ 1.1."""
    rate = _rate(curve, alpha)
    exponent = _log_constant(curve, alpha) - rate * (np.sin(alpha) * np.cosh(curve.end) - 1)
    return (
        1.1
        / np.pi
        * np.exp(np.minimum(exponent, LARGEST))
        / (rate * np.sin(alpha) * np.sinh(curve.end))
    )


def _rule(curve: _Curve, nodes: int) -> tuple[Array, Array]:
    """The midpoint rule with `nodes` nodes on 0 < x < end, and the bound on its error."""
    step = curve.end / nodes
    x = step[:, None] * (np.arange(nodes) + 0.5)
    exponent, ratio = _integrand(curve, x, curve.alpha)
    f = np.exp(np.where(exponent.real < LARGEST, exponent, LARGEST)) * ratio
    error = _tail(curve, curve.alpha) + 4 * EPS * step * (np.abs(f) * (8 + np.abs(exponent))).sum(1)
    for side in (-0.5, 0.5):
        alpha = curve.alpha * (1 + side)
        outer, factor = _integrand(curve, x, alpha)
        norm = 2 * step * (np.exp(np.minimum(outer.real, LARGEST)) * np.abs(factor)).sum(1) + _tail(
            curve, alpha
        )
        error += MARGIN * norm / np.expm1(np.minimum(2 * np.pi * curve.alpha / 2 / step, LARGEST))
    return 2 * step * f.real.sum(1), error


def _integrand(curve: _Curve, x: Array, alpha: Array) -> tuple[np.ndarray, np.ndarray]:
    """f = exp(first) · second on the hyperbola of angle alpha; x (n, nodes)."""
    laws, turn = curve.laws, 1j * x - alpha[:, None]
    p = BETA * (1 + np.sin(turn)) / curve.q[:, None]
    z = 2 * laws.weights[:, None, :] * p[:, :, None]
    pull = laws.squares[:, None, :] * p[:, :, None] / (1 + z)
    exponent = p * curve.q[:, None] - (laws.dofs[:, None, :] / 2 * np.log1p(z) + pull).sum(2)
    return exponent, np.cos(turn) / (1 + np.sin(turn)) / (2 * np.pi)
