"""Inverts the Laplace transform of Q = Σ_j ‖N(μ_j, λ_j I)‖² along a parabola, with a bound on the error of every value.

F(q) = (1/2πi) ∫ E exp(−pQ) exp(pq) dp/p on p = (β/q)(1 + ix)²: Weideman & Trefethen 2007, Math. Comp. 76:1341–1356. The
integrand decays like a Gaussian however few the degrees of freedom, where the inversion on the real axis is slow. The
trapezoid rule's error is at most Σ_± ‖f(· ± ia)‖₁ / (exp(2πa/h) − 1): Trefethen & Weideman 2014, SIAM Rev. 56:385–458, Thm 5.1.
"""

import numpy as np

from numeric.inversion import CHUNK, EPS, Array, Components

BETA = 5.0
ABOVE, BELOW = 0.7, -1.5
"""The lines on which the error is bounded; at +1 the parabola collapses onto the singularities."""
ENDS = np.arange(2.0, 12.1, 0.25)
NODES = (16, 32, 64, 128)
LARGEST = 300.0
"""An exponent beyond it would overflow; the error is then astronomical in any case."""
MARGIN = 4.0
"""The norms of f on the two lines are themselves trapezoid sums: taken this much larger."""


def parabola(laws: Components, q: Array, tolerance: float) -> tuple[Array, Array]:  # (Q, B) -> (Q, B) twice
    """P(Q ≤ q) and a bound on its error, with as many nodes as `tolerance` needs, up to a limit: the error may exceed it.

    The bound's constants are integrated numerically, with a margin; rounding is included to first order.
    """
    values, errors = np.zeros_like(q), np.zeros_like(q)
    end, tail = _ends(laws, tolerance)
    rows, columns = np.nonzero(q > 0)
    for nodes in NODES:
        size = max(1, CHUNK // (nodes * laws.weights.shape[1]))
        failed = []
        for start in range(0, len(rows), size):
            at = rows[start : start + size], columns[start : start + size]
            found, error = _rule(laws.take(at[1]), q[at], end[at[1]], nodes)
            values[at], errors[at] = np.clip(found, 0, 1), error + tail[at[1]]
            failed.append(errors[at] > tolerance)
        missed = np.concatenate(failed) if failed else np.zeros(0, dtype=bool)
        rows, columns = rows[missed], columns[missed]
        if not len(rows):
            break
    return values, errors


def _rule(laws: Components, q: Array, end: Array, nodes: int) -> tuple[Array, Array]:
    """The midpoint rule with `nodes` nodes on 0 < x < end for one q of each law, and the bound on its error but the tail."""
    step = end / nodes
    x = step[:, None] * (np.arange(nodes) + 0.5)
    exponent, denominator = _integrand(laws, q, x, 0.0)
    f = np.exp(np.where(exponent.real < LARGEST, exponent, LARGEST)) / denominator
    error = 4 * EPS * step * (np.abs(f) * (8 + np.abs(exponent))).sum(1)
    for line in (ABOVE, BELOW):
        outer, below = _integrand(laws, q, x, line)
        norm = 2 * step * (np.exp(np.minimum(outer.real, LARGEST)) / np.abs(below)).sum(1) / np.pi
        error += MARGIN * norm / np.expm1(2 * np.pi * abs(line) / step)
    return 2 / np.pi * step * f.real.sum(1), error


def _integrand(laws: Components, q: Array, x: Array, line: float) -> tuple[np.ndarray, np.ndarray]:
    """f at x + i·line is (1/π) exp(first)/second; x (n, nodes)."""
    root = 1 - line + 1j * x
    turned = BETA * root**2
    z = 2 * laws.weights[:, None, :] * (turned / q[:, None])[:, :, None]
    # μ²p/(1 + 2λp), where λ may be 0
    pull = laws.squares[:, None, :] * (turned / q[:, None])[:, :, None] / (1 + z)
    return turned - (laws.dofs[:, None, :] / 2 * np.log1p(z) + pull).sum(2), root


def _ends(laws: Components, tolerance: float) -> tuple[Array, Array]:
    """For each law an end X, and a bound ≤ tolerance/4 on the integral beyond it.

    For x ≥ 1, |1 + 2λp| ≥ sin arg p ≥ 1/x; so |f| ≤ exp(β(1 − x²)) x^{M/2 − 1} exp(δ²(x − 1)/2)/π, falling ever faster.
    """
    dofs = laws.dofs.sum(1)[:, None]
    noncentrality = (laws.squares / np.where(laws.weights > 0, laws.weights, 1)).sum(1)[:, None]
    logs = BETA * (1 - ENDS**2) + dofs / 2 * np.log(ENDS) + noncentrality * (ENDS - 1) / 2
    slopes = 2 * BETA * ENDS - dofs / (2 * ENDS) - noncentrality / 2
    tails = np.where(slopes > 0, 2 / np.pi * np.exp(np.minimum(logs, LARGEST)) / (ENDS * np.where(slopes > 0, slopes, 1)), np.inf)
    good = tails <= tolerance / 4
    first = np.where(good.any(1), good.argmax(1), len(ENDS) - 1)
    return ENDS[first], tails[np.arange(len(first)), first]
