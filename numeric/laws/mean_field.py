"""Evaluates the depth laws that have no closed form, by recurrences.

They are exact as the width (and the batch) grows. E‖∂L/∂x₀‖²/E‖∂L/∂x_L‖² per coordinate, for
weights, inputs and signals as in `derivations.laws.depth_laws`. Returns floats, or raises
InputError.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import atan2, inf, isfinite, pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, gammaln

from derivations.errors import InputError
from numeric.settings import between, whole

Array = NDArray[np.float64]

KAPPA = 1 - 1 / pi
NODES = 600  # Gauss–Legendre nodes of a coordinate's density
SPAN = 12.0  # where the density is cut off, in root mean squares
BRANCH_LAYERS = (1, 2)


def half_normal_residual(depth: int, gain: float = 1.0) -> float:
    """Blocks x + Wφ(x), Var W = 2·gain/n, from x₀ = |z| (theorem `depth.half_normal`)."""
    _check(depth, gain)
    ratio, variance = 1.0, 0.0
    for _ in range(depth):
        sigma = sqrt(variance)
        angle = atan2(1.0, sigma)
        ratio *= 1 + 2 * gain * (0.5 + angle / pi)
        variance += 2 * gain * ((1 + variance) * (pi / 2 + angle) + sigma) / pi
    return _finite(ratio)


def rectified_residual(depth: int, gain: float = 1.0) -> float:
    """The same from x₀ = φ(z).

    Half of the coordinates start at 0, where φ′ is 0, the others are half-normal.
    """
    _check(depth, gain)
    ratio, variance = 1.0, 0.0
    for _ in range(depth):
        sigma = sqrt(variance)
        angle = atan2(1.0, sigma)
        ratio *= 1 + gain * (0.5 + angle / pi + (0.5 if sigma else 0.0))
        variance += gain * (((1 + variance) * (pi / 2 + angle) + sigma) / pi + variance / 2)
    return _finite(ratio)


def batch_norm_v1(depth: int, layers: int = 2) -> float:
    """Blocks φ(x + branch(x)) from x₀ = φ(z) (theorem `depth.batch_norm_v1`).

    The branch is BN(Wx) or BN(W₂φ(BN(W₁x))). x_{m−1} is the maximum M_m of m steps of a Gaussian
    random walk. C_m, the mean square of the gradient behind the mask of block m, obeys C_m = S(m−1,
    L) + Σ_{k>m} S(m−1, k−1) b_k C_k, b_k the gain of branch k.
    """
    _check(depth, 1.0)
    scale = 1 / _kept(layers)
    gains = scale / np.array([_variance_of_maximum(m) for m in range(1, depth + 1)])
    steps = np.arange(1, depth + 2)
    u = np.concatenate([[1.0], np.cumprod((2 * steps - 1) / (2 * steps))])  # C(2n, n)/4ⁿ
    # S(m − 1, k − 1) of every k ≥ m at once: Σ_{j ≤ m} u_j u_{k−j}, and over all j ≤ k it is 1.
    stays_positive = np.ones(depth + 2)
    stays_positive[-1] -= u[-1]
    masked = np.zeros(depth + 2)
    for m in range(depth, -1, -1):
        later = stays_positive[m + 1 : depth + 1] * gains[m:] @ masked[m + 1 : depth + 1]
        masked[m] = stays_positive[-1] + later
        if m > 1:  # before the first block there is one step, too
            stays_positive[m:] -= u[m] * u[: depth + 2 - m]
    return _finite(masked[0])


def growth_exponent(layers: int = 2) -> float:
    """p with batch_norm_v1(L) ~ const · L^p.

    It is the positive root of p = b(1 − Γ(p + ½)/(√π Γ(p + 1))).
    """
    b = 1 / (_kept(layers) * (1 - 2 / pi))
    return float(
        brentq(lambda p: p - b * (1 - np.exp(gammaln(p + 0.5) - gammaln(p + 1)) / sqrt(pi)), 0.5, b)
    )


def _kept(layers: int) -> float:
    if layers not in BRANCH_LAYERS:
        raise InputError(f"a branch has 1 or 2 layers, not {layers}")
    return 1.0 if layers == 1 else KAPPA


def _variance_of_maximum(steps: int) -> float:
    """Var max(0, S₁, …, S_m) by Spitzer's identity.

    E = Σ E S_k⁺/k, E (·)² = Σ E (S_k⁺)²/k + Σ_{j+k≤m} E S_j⁺ E S_k⁺/(jk).
    """
    means = 1 / np.sqrt(2 * pi * np.arange(1, steps + 1))  # E S_k⁺ / k
    sums = np.cumsum(means)
    pairs = float(means[:-1] @ sums[:-1][::-1]) if steps > 1 else 0.0
    return steps / 2 + pairs - float(sums[-1]) ** 2


@dataclass(frozen=True)
class _Density:
    """A coordinate: 0 with probability `atom`, else at `nodes` with probabilities `weights`."""

    atom: float
    nodes: Array
    weights: Array


def reflected_walk(
    depth: int, inputs: str, spread: Callable[[float], float], gain: Callable[[float, float], float]
) -> float:
    """Blocks φ(x + branch(x)) by quadrature.

    The branch adds N(0, spread(E x²)²) to a coordinate and has the gain gain(E x², Var x).
    `inputs`: "half_normal" (|z|) or "rectified" (φ(z)). The gradient's mean square, given the
    coordinate, is carried backwards.
    """
    _check(depth, 1.0)
    density = _start(inputs)
    steps: list[tuple[_Density, Array, Array, float]] = []
    for _ in range(depth):
        mean, second = (
            float(density.weights @ density.nodes),
            float(density.weights @ density.nodes**2),
        )
        sigma, passed = spread(second), gain(second, second - mean**2)
        if not (0 < sigma < inf and 0 <= passed < inf):
            raise InputError(
                f"a block's spread {sigma:g} must be > 0, its gain {passed:g} ≥ 0 and both "
                "finite: ask for fewer blocks"
            )
        nodes, lengths = _nodes(SPAN * sqrt(second + sigma**2))
        onward = (
            np.exp(-0.5 * ((nodes[None, :] - np.append(density.nodes, 0.0)[:, None]) / sigma) ** 2)
            / (sigma * sqrt(2 * pi))
            * lengths
        )
        steps.append((density, onward[:-1], onward[-1], passed))
        weights = density.weights @ onward[:-1] + density.atom * onward[-1]
        density = _Density(1 - float(weights.sum()), nodes, weights)
    value: Array = np.ones(NODES)
    total = 1.0
    for before, onward, from_zero, branch in reversed(steps):
        at_nodes, at_zero = onward @ value, float(from_zero @ value)
        masked = float(before.weights @ at_nodes) + before.atom * at_zero
        value = at_nodes + branch * masked
        total = float(before.weights @ value) + before.atom * (at_zero + branch * masked)
    return _finite(total)


def post_activation(depth: int, gain: float = 1.0, inputs: str = "half_normal") -> float:
    """Blocks φ(x + Wx), Var W = gain/n.

    Each adds N(0, gain·E x²) to a coordinate; the gain of the branch is `gain`.
    """
    _check(depth, gain)
    return reflected_walk(
        depth, inputs, lambda second: sqrt(gain * second), lambda second, variance: gain
    )


def batch_norm_v1_by_quadrature(depth: int, layers: int = 2, inputs: str = "rectified") -> float:
    """The slow twin of `batch_norm_v1`, which also takes half-normal inputs."""
    kept = _kept(layers)
    return reflected_walk(
        depth, inputs, lambda second: 1.0, lambda second, variance: 1 / (kept * variance)
    )


def squeeze_excite(depth: int, gain: float = 1.0, *, live: bool = True) -> float:
    """Blocks x + s ⊙ u, u = Wφ(x), s = sigmoid(W₂φ(W₁u)), as n, r → ∞.

    Var W = 2·gain/n, Var W₁ = 1/n, Var W₂ = 2/r, one position per channel. The gate's inputs are
    N(0, E u²), independent of u: a block's factor is 1 + gain·(E s² + E u² · E (s(1 − s))²), the
    last term only if the gate is differentiated (live).
    """
    _check(depth, gain)
    z = np.linspace(-10, 10, 4001)
    weights = np.exp(-(z**2) / 2)
    weights /= weights.sum()
    ratio, second = 1.0, 1.0
    for _ in range(depth):
        branch = _finite(gain * second)
        s = expit(sqrt(branch) * z)
        held, moved = float(weights @ s**2), float(weights @ (s * (1 - s)) ** 2)
        ratio *= 1 + gain * (held + (branch * moved if live else 0.0))
        second += held * branch
    return _finite(ratio)


def _start(inputs: str) -> _Density:
    nodes, lengths = _nodes(SPAN)
    density = np.exp(-(nodes**2) / 2) / sqrt(2 * pi) * lengths
    match inputs:
        case "half_normal":
            return _Density(0.0, nodes, 2 * density)
        case "rectified":
            return _Density(0.5, nodes, density)
    raise InputError(f"unknown inputs {inputs!r}: choose half_normal or rectified")


def _nodes(span: float) -> tuple[Array, Array]:
    points, weights = np.polynomial.legendre.leggauss(NODES)
    return span * (points + 1) / 2, span * weights / 2


def _check(depth: int, gain: float) -> None:
    whole(depth, "the depth")
    between(gain, "the gain")


def _finite(ratio: float) -> float:
    if not isfinite(ratio):
        raise InputError("the ratio is beyond the range of float64: ask for fewer blocks")
    return float(ratio)
