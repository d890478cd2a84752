"""Sums Ruben's series: the slow twin of probabilities of a generalized chi-square.

P(Q ≤ q) is a mixture of central chi-squares with weights ≥ 0, here with a bound on the error. Ruben
1962, Ann. Math. Statist. 33:542–570; Farebrother 1984, Algorithm AS 204, Appl. Statist. 33:332–339.
Shares no code with `characteristic_inversion.py` and `hyperbola_inversion.py`; only ever used
for testing.
"""

import numpy as np
from scipy.special import gammainc, gammaln

from numeric.laws.characteristic_inversion import Array

LEAST_LOG = -600.0
"""Below, the first coefficient underflows."""


def ruben(
    weights: Array, dofs: Array, squares: Array, q: Array, tolerance: float, limit: int
) -> tuple[Array, Array] | None:
    """P(Q ≤ q) for one law, q (Q,), and a bound on the error; None where more than `limit` terms
    are needed.

    weights, dofs, squares: (k,) with weights > 0, as in `inversion.Components`.
    """
    coefficients = _coefficients(weights, dofs, squares, tolerance / 2, limit)
    if coefficients is None:
        return None
    sums = np.cumsum(coefficients)
    shape = dofs.sum() / 2 + np.arange(len(sums))
    x = np.maximum(q, 0)[:, None] / (2 * weights.min())
    # F_k = F_{k+1} + x^a e^{−x}/Γ(a + 1), a = shape_k: summed by parts, every term is ≥ 0.
    with np.errstate(divide="ignore"):
        steps = np.exp(shape * np.log(x) - x - gammaln(shape + 1))
    last = gammainc(shape[-1] + 1, x[:, 0])
    values = steps @ sums + last * sums[-1]
    rounding = 8 * np.finfo(np.float64).eps * len(sums)
    return np.clip(values, 0, 1), np.maximum(1 - sums[-1], 0) * last + rounding


def _coefficients(
    weights: Array, dofs: Array, squares: Array, tolerance: float, limit: int
) -> Array | None:
    """The mixture's weights a_k ≥ 0, until they sum to 1 − tolerance."""
    beta = weights.min()
    gamma, noncentrality = 1 - beta / weights, squares / weights
    log_first = -noncentrality.sum() / 2 + (dofs / 2 * np.log(beta / weights)).sum()
    if log_first < LEAST_LOG:
        return None
    a, b = np.zeros(limit), np.zeros(limit + 1)
    a[0] = total = np.exp(log_first)
    powers = np.ones_like(gamma)  # γ^{k−1}
    for k in range(1, limit):
        b[k] = (dofs * gamma * powers).sum() + k * beta * (noncentrality / weights * powers).sum()
        a[k] = (b[k:0:-1] @ a[:k]) / (2 * k)
        total += a[k]
        powers = powers * gamma
        if 1 - total <= tolerance:
            return a[: k + 1]
    return None
