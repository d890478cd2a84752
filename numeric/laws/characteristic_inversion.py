"""Inverts the characteristic function of a generalized chi-square, with an error bound.

Q = Σ_j ‖N(μ_j, λ_j I)‖²; the bound is that of every value. Midpoint rule on the Gil-Pelaez
integral: Imhof 1961, Biometrika 48:419–426; its aliasing error is that of Davies 1973, Biometrika
60:415–417, here bounded by Chernoff's inequality. The truncation error is bounded by the decay of
the modulus.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

EPS = float(np.finfo(np.float64).eps)
CHUNK = 1 << 21
"""Entries of the largest temporary array."""


@dataclass(frozen=True)
class Components:
    """Q = Σ_j ‖N(μ_j, λ_j I_{m_j})‖² for each of B laws.

    λ, m and ‖μ_j‖², (B, k) each, λ ≥ 0 and some λ > 0.
    """

    weights: Array
    dofs: Array
    squares: Array

    @property
    def mean(self) -> Array:  # (B,)
        return (self.dofs * self.weights + self.squares).sum(1)

    @property
    def deviation(self) -> Array:  # (B,)
        """The standard deviation of Q."""
        return np.sqrt((2 * self.dofs * self.weights**2 + 4 * self.weights * self.squares).sum(1))

    def take(self, laws: npt.NDArray[np.intp]) -> "Components":
        return Components(self.weights[laws], self.dofs[laws], self.squares[laws])


def tail_quantiles(laws: Components, tail: float) -> tuple[Array, Array]:
    """Numbers (low, high), (B,) each, with P(Q < low) ≤ tail and P(Q > high) ≤ tail.

    By Chernoff's inequality. Every trial exponent s gives valid ones, E exp(s(Q − mean)) / exp(s(t
    − mean)) ≤ tail; the best of a grid is returned.
    """
    top = 1 / (2 * laws.weights.max(1))
    start = np.sqrt(2 * np.log(1 / tail)) / laws.deviation
    trials = start[:, None] * 2.0 ** np.arange(-5, 6)
    upper = np.minimum(trials, top[:, None] * (1 - 2.0 ** -np.arange(1, 12)))
    bounds = [(_cumulants(laws, s) - np.log(tail)) / s for s in (upper, -trials)]
    mean = laws.mean
    return np.maximum(mean + bounds[1].max(1), 0), mean + bounds[0].min(1)


def _cumulants(laws: Components, s: Array) -> Array:
    """log E exp(s(Q − mean)) for s (B, S)."""
    x = 2 * laws.weights[:, None, :] * s[:, :, None]
    terms = -laws.dofs[:, None, :] / 2 * (np.log1p(-x) + x) + laws.squares[:, None, :] * s[
        :, :, None
    ] * x / (1 - x)
    return terms.sum(2)


def _modulus(laws: Components, u: Array) -> Array:
    """log |E exp(iuQ)| for u (B, K)."""
    x = 2 * laws.weights[:, None, :] * u[:, :, None]
    terms = laws.dofs[:, None, :] / 4 * np.log1p(x**2) + laws.squares[:, None, :] * u[
        :, :, None
    ] * x / (1 + x**2)
    return -terms.sum(2)


def _phase(laws: Components, u: Array) -> Array:
    """arg E exp(iu(Q − mean)) for u (B, K), not reduced by 2π; every term is ≤ 0."""
    x = 2 * laws.weights[:, None, :] * u[:, :, None]
    terms = laws.dofs[:, None, :] / 2 * (np.arctan(x) - x) - laws.squares[:, None, :] * u[
        :, :, None
    ] * x**2 / (1 + x**2)
    return terms.sum(2)


def _truncation(laws: Components, u: Array) -> Array:
    """A bound on (1/π) ∫_u^∞ |E exp(isQ)| ds/s, for u (B,).

    Beyond u the modulus falls at least like s^{−ρ}.
    """
    x2 = (2 * laws.weights * u[:, None]) ** 2
    rate = (laws.dofs / 2 * x2 / (1 + x2)).sum(1)
    return np.exp(_modulus(laws, u[:, None])[:, 0]) / (np.pi * rate)


def nodes_needed(
    laws: Components, tolerance: float, limit: int
) -> tuple[npt.NDArray[np.intp], Array, Array, Array]:
    """How many nodes each law needs for a truncation error of tolerance/4, and low, high, step.

    The number is `limit` + 1 where it is more.
    """
    low, high = tail_quantiles(laws, tolerance / 4)
    step = 2 * np.pi / (high - low)
    count, short = np.full(len(step), 8, dtype=np.intp), np.arange(len(step))
    while True:
        missing = _truncation(laws.take(short), (count[short] - 0.5) * step[short]) > tolerance / 4
        short = short[missing & (count[short] <= limit)]
        if not len(short):
            return np.minimum(count, limit + 1), low, high, step
        count[short] = np.ceil(count[short] * 1.4).astype(np.intp)


@dataclass(frozen=True)
class Inversion:
    """The nodes of a group of laws, ready for any q.

    Values are in [0, 1]; `evaluate` gives each with a bound on its error.
    """

    laws: Components
    low: Array
    high: Array
    step: Array
    amplitude: Array
    phase: Array
    fixed_error: Array

    @classmethod
    def of(cls, laws: Components, nodes: int, low: Array, high: Array, step: Array) -> "Inversion":
        order = np.arange(nodes) + 0.5
        amplitude, phase = np.empty((len(step), nodes)), np.empty((len(step), nodes))
        for part in _chunks(nodes, laws.weights.size):
            u = step[:, None] * order[None, part]
            amplitude[:, part] = np.exp(_modulus(laws, u)) / (np.pi * order[part])
            phase[:, part] = _phase(laws, u)
        # −log of the modulus is what rounding in the exponent is relative to
        logs = -np.log(np.maximum(amplitude * np.pi * order, np.finfo(np.float64).tiny))
        rounding = 4 * EPS * (amplitude * (8 + logs + np.abs(phase))).sum(1)
        tail = np.maximum(0, _truncation(laws, (nodes - 0.5) * step))
        return cls(laws, low, high, step, amplitude, phase, rounding + tail)

    def evaluate(self, q: Array, tail: float) -> tuple[Array, Array]:  # (Q, B) -> (Q, B) twice
        """P(Q ≤ q), and a bound on its error, aliasing included."""
        values = np.empty_like(q)
        inside = np.clip(q, self.low, self.high)
        centred = inside - self.laws.mean
        u = self.step[:, None] * (np.arange(self.amplitude.shape[1]) + 0.5)
        for part in _chunks(len(q), self.amplitude.size):
            angle = self.phase - centred[part, :, None] * u
            values[part] = 0.5 - (self.amplitude * np.sin(angle)).sum(2)
        sensitivity = (self.amplitude * u).sum(1)
        error = self.fixed_error + tail + 2 * EPS * sensitivity * (self.laws.mean + np.abs(inside))
        values = np.where(q < self.low, 0, np.where(q > self.high, 1, np.clip(values, 0, 1)))
        return values, np.where((q < self.low) | (q > self.high), tail, error)


def _chunks(length: int, row: int) -> Iterator[slice]:
    size = max(1, CHUNK // max(row, 1))
    return (slice(start, start + size) for start in range(0, length, size))
