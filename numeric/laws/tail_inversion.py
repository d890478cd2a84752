"""Finds logarithms of tail probabilities of generalized chi-squares, with a relative error bound.

Q = Σ_j ‖N(μ_j, λ_j I)‖², K(s) = log E exp(sQ). P(Q > q) = (1/2πi) ∫ exp(K(s) − sq) ds/s on a path
that crosses the real axis at s₀ > 0, and P(Q ≤ q) is minus that for s₀ < 0: the law tilted by
exp(s₀Q), at the saddlepoint of the integrand (Daniels 1954, Ann. Math. Stat. 25:631–650; Lugannani
and Rice 1980, Adv. Appl. Prob. 12:475–490). exp(K(s₀) − s₀q) carries the size of the probability,
and what is left is of order one: a bound on its error is one on the relative error.

The path is the parabola s = s₀ + iu + cu², on which exp(−sq) falls like a Gaussian however few the
degrees of freedom. With λ′ = λ/(1 − 2λs₀) and c ≤ λ′, |1 − 2λs| ≥ 1 − 2λs₀ all along it, so no
factor of the integrand exceeds its value at s₀. The trapezoid rule's error is at most
Σ_± ‖f(· ± ia)‖₁ / (exp(2πa/h) − 1) (Trefethen & Weideman 2014, SIAM Rev. 56:385–458, Thm 5.1), and
f(· ± ia) is the integrand on another such parabola, whose norm the same inequality bounds. Nothing
is estimated but rounding, to first order.
"""

from dataclasses import dataclass

import numpy as np

from numeric.laws.characteristic_inversion import CHUNK, EPS, Array, Components

MOST_NODES = 1 << 18
"""Nodes of the longest sum; where it does not suffice the error bound says so."""
TARGET = 1e-12
"""What each part of the error is meant to be, relative to the probability."""
STEPS = 64
"""Of bisection: its interval of 1,400 shrinks to the rounding of its ends."""
FRACTIONS = 0.8 ** np.arange(24)
"""Of the widest strip around the path: the best of these is taken."""
ROOT6 = 6**0.5


@dataclass(frozen=True)
class _Tilt:
    """Laws (n, k) tilted at s₀ = `at` (n,), for q (n,).

    `left` is 1 − 2λs₀ (n, k), `gap` (n,) how far s₀ is from the first singularity. `weights` and
    `squares` are those of the tilted laws.
    """

    laws: Components
    q: Array
    at: Array
    gap: Array
    left: Array

    @property
    def weights(self) -> Array:
        return self.laws.weights / self.left

    @property
    def squares(self) -> Array:
        return self.laws.squares / self.left**2

    def exponent(self, delta: np.ndarray) -> np.ndarray:
        """K(s₀ + δ) − K(s₀) − δq for δ (n, G), real or complex."""
        z = 2 * self.weights[:, None, :] * delta[:, :, None]
        pull = self.squares[:, None, :] * delta[:, :, None] / (1 - z)
        terms = pull - self.laws.dofs[:, None, :] / 2 * np.log1p(-z)
        return np.asarray(terms.sum(2) - delta * self.q[:, None])

    @property
    def base(self) -> tuple[Array, Array]:
        """K(s₀) − s₀q, and a bound on its rounding error."""
        logs = self.laws.dofs / 2 * np.log(self.left)
        pulls = self.laws.squares * self.at[:, None] / self.left
        moved = self.at * self.q
        size = (np.abs(logs) + 2 * np.abs(pulls)).sum(1) + np.abs(moved)
        # 1 − 2λs₀ is off by EPS where λ is nearly the largest weight.
        near = ((self.laws.dofs / 2 + np.abs(pulls)) / self.left * self._inexact).sum(1)
        return (pulls - logs).sum(1) - moved, 8 * EPS * (size + near + 1)

    @property
    def _inexact(self) -> Array:
        largest = self.laws.weights.max(1, keepdims=True)
        return np.where(self.laws.weights == largest, 0.0, 1.0) * (self.at[:, None] > 0)


@dataclass(frozen=True)
class _Path:
    """The parabola of each law, the step on it, and the error of an infinite sum of that step."""

    bend: Array
    step: Array
    error: Array


def log_probability(
    laws: Components, q: Array, slack: Array, upper: bool
) -> tuple[Array, Array]:  # (n,) each
    """log P(Q > q), or log P(Q ≤ q), and a bound on the error of each logarithm.

    q is known up to `slack`. The bound is infinite where the sum would be too long: for weights
    that differ by more than some 1e9 and few degrees of freedom.
    """
    random = laws.weights.max(1) > 0
    # Where nothing is random Q is 0; elsewhere it is above.
    reached = np.where(random, q > 0, q >= 0)
    values, errors = np.where(reached == upper, -np.inf, 0.0), np.zeros_like(q)
    inner = np.flatnonzero(random & (q > 0))
    above = q[inner] > laws.take(inner).mean
    for side in (True, False):
        # The smaller of the two tails, from which the other follows without loss.
        rows = inner[above == side]
        if len(rows):
            found, error = log_tail(laws.take(rows), q[rows], slack[rows], side)
            values[rows], errors[rows] = (
                (found, error) if side == upper else _complement(found, error)
            )
    return values, errors


def _complement(values: Array, errors: Array) -> tuple[Array, Array]:
    """log(1 − p) from log p, with the bounds on their errors."""
    p = np.exp(values)
    off = p * np.expm1(np.minimum(errors, 1.0))
    left = 1 - p - off
    known = (errors < 1) & (left > 0)
    bounds = np.where(known, off / np.where(known, left, 1) + 2 * EPS, np.inf)
    return np.log1p(-np.where(known, p, 0)), bounds


def log_tail(
    laws: Components, q: Array, slack: Array, upper: bool
) -> tuple[Array, Array]:  # (n,) each
    """`log_probability` of q > 0 where something is random; best of a q beyond the mean."""
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        tilt = _tilted(laws, q, upper)
        path, counts = _planned(tilt, upper)
        values, errors = np.empty_like(q), np.empty_like(q)
        groups = np.ceil(2 * np.log2(counts)).astype(int)
        for group in np.unique(groups):
            members = np.flatnonzero(groups == group)
            nodes = int(counts[members].max())
            size = max(1, CHUNK // (nodes * laws.weights.shape[1]))
            for start in range(0, len(members), size):
                part = members[start : start + size]
                values[part], errors[part] = _summed(_part(tilt, part), _cut(path, part), nodes)
        total = values if upper else -values
        base, rounding = tilt.base
        # False for what is no number, too: numbers beyond the range of float64 have no bound.
        known = total > errors
        safe, off = np.where(known, total, 1.0), np.where(known, errors, 0.0)
        # log(1 ± ε) lies within ε/(1 − ε); and log P moves with q at the rate |s₀| at most.
        bound = off / (safe - off) + rounding + 2 * np.abs(tilt.at) * slack
        found = base + np.log(safe)
        known &= np.isfinite(found) & np.isfinite(bound)
    return np.where(known, np.minimum(found, 0.0), 0.0), np.where(known, bound, np.inf)


def _tilted(laws: Components, q: Array, upper: bool) -> _Tilt:
    """At the s₀ where exp(K(s) − sq)/|s| is least: K′(s) − q = 1/s, increasing in s.

    By bisection of log(s/(top − s)), or of log(−s), so that neither end is lost in rounding.
    """
    low, high = np.full_like(q, -700.0), np.full_like(q, 700.0)
    for _ in range(STEPS):
        middle = (low + high) / 2
        trial = _at(laws, q, middle, upper)
        weights, squares = trial.weights, trial.squares
        slope = (laws.dofs * weights + squares).sum(1) - q - 1 / trial.at
        # Of log(−s) it falls.
        beyond = slope > 0 if upper else slope < 0
        low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
    return _at(laws, q, (low + high) / 2, upper)


def _at(laws: Components, q: Array, place: Array, upper: bool) -> _Tilt:
    largest = laws.weights.max(1)
    if not upper:
        at = -np.exp(np.minimum(place, 600.0))
        return _Tilt(laws, q, at, -at, 1 - 2 * laws.weights * at[:, None])
    top = 1 / (2 * largest)
    share, rest = 1 / (1 + np.exp(-place)), 1 / (1 + np.exp(place))
    ratio = laws.weights / largest[:, None]
    return _Tilt(laws, q, top * share, top * rest, 1 - ratio + ratio * rest[:, None])


def _planned(tilt: _Tilt, upper: bool) -> tuple[_Path, Array]:
    """The path of each law, and how many nodes it takes to cut the sum off."""
    at, gap = tilt.at, tilt.gap
    back = np.minimum(0.8 * at, 16 * gap) if upper else -4 * at
    ahead = 0.8 * gap
    leftmost = at - 1.125 * back
    # λ/(1 − 2λs) at the leftmost s, where it is least, from its value at s₀; it increases with λ.
    weights = np.where(tilt.laws.weights > 0, tilt.weights, np.inf)
    spread = (1 / (1 / weights + 2.25 * back[:, None])).min(1)
    bend = np.minimum(spread / 4, 1 / (8 * np.maximum(back, ahead)))
    if not upper:
        bend = np.minimum(bend, 1 / (8 * np.abs(leftmost)))
    variance = (2 * tilt.laws.dofs * tilt.weights**2 + 4 * tilt.weights * tilt.squares).sum(1)
    # What the integral is by Laplace's method, and what its error may be.
    size = -np.log(np.abs(at)) - np.log(2 * np.pi * (variance + at**-2)) / 2
    goal = np.log(TARGET) + size
    step, strips = np.full_like(at, np.inf), []
    for side, widest in ((1, back), (-1, ahead)):
        width = widest[:, None] * FRACTIONS
        norms = _norms(tilt, bend, side * width)
        best = (width / np.maximum(norms - goal[:, None], 1)).argmax(1)[:, None]
        chosen, norm = (np.take_along_axis(each, best, 1)[:, 0] for each in (width, norms))
        strips.append((chosen, norm))
        step = np.minimum(step, 2 * np.pi * chosen / np.maximum(norm - goal, 1))
    error = sum(
        (
            np.exp(np.minimum(norm - 2 * np.pi * width / step, 0))
            / -np.expm1(-2 * np.pi * width / step)
        )
        for width, norm in strips
    )
    path = _Path(bend, step, np.asarray(error))
    return path, _counts(tilt, path, goal)


def _norms(tilt: _Tilt, bend: Array, y: Array) -> Array:  # (n, G) -> (n, G)
    """log of (1/2π) ∫ |f| along u + iy: the parabola through s₁ = s₀ − y − cy² of another bend."""
    c = bend[:, None]
    delta = -y - c * y**2
    crossing = np.abs(tilt.at[:, None] + delta)
    bent = c / (1 + 2 * c * y) ** 2
    q = tilt.q[:, None]
    lengths = np.sqrt(np.pi / (bent * q)) + 2 / q
    return tilt.exponent(delta) - np.log(crossing) + np.log(lengths / (2 * np.pi))


def _counts(tilt: _Tilt, path: _Path, goal: Array) -> Array:
    """How many nodes leave out less than the goal."""
    counts, short = np.full(len(goal), 8), np.arange(len(goal))
    while len(short):
        part = _part(tilt, short), _cut(path, short)
        missing = _left_out(*part, counts[short] * path.step[short]) > goal[short]
        short = short[missing & (counts[short] < MOST_NODES)]
        counts[short] = np.minimum(np.ceil(counts[short] * 1.4), MOST_NODES).astype(int)
    return counts


def _left_out(tilt: _Tilt, path: _Path, end: Array) -> Array:  # (n,) -> (n,)
    """log of a bound on (1/π) ∫ |f| beyond u = end.

    |(1 − 2λs)/(1 − 2λs₀)|² ≥ 1 + 3λ′²u² for c ≤ λ′/4, and |ds/s| ≤ √6 du/u.
    """
    x2 = 3 * (tilt.weights * end[:, None]) ** 2
    pull = np.where(
        tilt.weights > 0,
        tilt.squares / np.where(tilt.weights > 0, 2 * tilt.weights, 1) * (1 - (1 + x2) ** -0.5),
        0,
    )
    fallen = (tilt.laws.dofs / 4 * np.log1p(x2) + pull).sum(1)
    rate = (tilt.laws.dofs / 2 * x2 / (1 + x2)).sum(1)
    gauss = path.bend * tilt.q * end**2
    return np.log(ROOT6 / np.pi) - fallen - gauss - np.log(np.maximum(rate, 2 * gauss))


def _summed(tilt: _Tilt, path: _Path, nodes: int) -> tuple[Array, Array]:
    """The trapezoid sum of (1/2πi) ∫ exp(K(s) − K(s₀) − (s − s₀)q) ds/s, and its error."""
    u = path.step[:, None] * np.arange(1, nodes + 1)
    bent = path.bend[:, None] * u
    delta = u * (1j + bent)
    exponent = tilt.exponent(delta)
    f = np.exp(exponent) * (1 - 2j * bent) / (tilt.at[:, None] + delta)
    total = path.step / np.pi * (1 / (2 * tilt.at) + f.real.sum(1))
    # What the terms of the exponent are at most, before they cancel.
    reach = (
        np.abs(delta) * ((tilt.laws.dofs * tilt.weights + tilt.squares).sum(1) + tilt.q)[:, None]
    )
    size = (np.abs(f) * (8 + 4 * reach)).sum(1) + 1 / np.abs(tilt.at)
    rounding = 4 * EPS * path.step / np.pi * size
    return total, rounding + path.error + np.exp(_left_out(tilt, path, nodes * path.step))


def _part(tilt: _Tilt, rows: np.ndarray) -> _Tilt:
    return _Tilt(tilt.laws.take(rows), tilt.q[rows], tilt.at[rows], tilt.gap[rows], tilt.left[rows])


def _cut(path: _Path, rows: np.ndarray) -> _Path:
    return _Path(path.bend[rows], path.step[rows], path.error[rows])
