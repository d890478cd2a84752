"""Recurrences without closed forms: against their slow twins, by hand, and at their limits."""

from fractions import Fraction
from itertools import product
from math import comb, log, pi, sqrt

import numpy as np
import pytest

from derivations.errors import InputError
from numeric.laws import mean_field
from numeric.laws.mean_field import (
    batch_norm_v1,
    batch_norm_v1_by_quadrature,
    growth_exponent,
    post_activation,
    squeeze_excite,
)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("depth", [1, 2, 7])
def test_random_walks_agree_with_quadrature(depth, layers):
    """Spitzer's identity and Sparre Andersen's theorem against densities carried through the
    network.
    """
    assert batch_norm_v1(depth, layers) == pytest.approx(
        batch_norm_v1_by_quadrature(depth, layers), rel=1e-9
    )


def test_one_block_by_hand():
    """x₀ = φ(z): ½ is masked at random of both parts; the skip part survives with probability 1 −
    P(no sign change) = u_0u_2 + u_1u_1.
    """
    kept = comb(4, 2) / 16 + 1 / 4
    variance = 0.5 - 1 / (2 * pi)
    assert batch_norm_v1(1, 1) == pytest.approx(kept + kept / variance)
    assert post_activation(1, 3.0, "half_normal") == pytest.approx(
        (0.5 + np.arctan(1 / sqrt(3)) / pi) * 4, rel=1e-9
    )


def test_the_moments_of_the_maximum_against_enumeration():
    """Spitzer's identity itself, on ±1 steps in place of Gaussian ones: E max² = Σ E (S⁺)²/k + Σ E
    S_j⁺ E S_k⁺/(jk).
    """
    steps = 6
    walks = np.array([np.cumsum(signs) for signs in product((-1, 1), repeat=steps)])
    maximum = np.maximum(walks.max(axis=1), 0)
    first = [float(np.maximum(walks[:, k - 1], 0).mean()) / k for k in range(1, steps + 1)]
    second = [float((np.maximum(walks[:, k - 1], 0) ** 2).mean()) / k for k in range(1, steps + 1)]
    pairs = sum(
        first[j - 1] * first[k - 1] for j in range(1, steps) for k in range(1, steps + 1 - j)
    )
    assert float((maximum**2).mean()) == pytest.approx(sum(second) + pairs)
    assert float(maximum.mean()) == pytest.approx(sum(first))


@pytest.mark.parametrize("layers", [1, 2])
def test_the_growth_exponent_is_approached(layers):
    """The local exponent approaches p, its gap shrinking like a power of 1/L."""
    shorter, middle, longer = (
        log(batch_norm_v1(depth, layers)) / log(2) for depth in (40, 80, 160)
    )
    gaps = [
        growth_exponent(layers) - (longer - middle),
        growth_exponent(layers) - (middle - shorter),
    ]
    assert 0 < gaps[0] < 0.75 * gaps[1] < 0.1


def test_half_normal_inputs_by_monte_carlo():
    rng = np.random.default_rng(1)
    z, y = np.abs(rng.standard_normal(400_000)), rng.standard_normal(400_000)
    sigma = sqrt(2.0)  # behind the first block, χ = 1: 2χ E z²
    x = z + sigma * y
    expected = 3 * (1 + 2 * (x > 0).mean())
    assert mean_field.half_normal_residual(2) == pytest.approx(
        expected, abs=4 * 3 * 2 * 0.5 / sqrt(len(x))
    )


def test_a_narrow_gate_limit():
    """Where the branch is small, the gate is ½ and its own term vanishes: 1 + χ/4."""
    assert squeeze_excite(1, 1e-6) == pytest.approx(1 + 1e-6 / 4, rel=1e-9)
    assert (
        squeeze_excite(12)
        > 2 * squeeze_excite(12, live=False)
        > squeeze_excite(12, live=False)
        > 1.25**12
    )


@pytest.mark.parametrize(
    "call",
    [
        lambda: batch_norm_v1(0),
        lambda: batch_norm_v1(3, 4),
        lambda: post_activation(3, float("nan")),
        lambda: post_activation(3, inputs="uniform"),
        lambda: mean_field.half_normal_residual(3, -1.0),
        lambda: mean_field.half_normal_residual(10**4, 10.0),
        lambda: growth_exponent(3),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(InputError):
        call()


@pytest.mark.parametrize("layers", [1, 2])
def test_many_steps_at_once_are_those_of_one_after_the_other(layers):
    """The sum over all paths of the walk, term by term, in rational numbers."""
    depth = 12
    u = [Fraction(comb(2 * n, n), 4**n) for n in range(depth + 2)]
    kept = 1.0 if layers == 1 else 1 - 1 / pi
    gains = [1 / (kept * maximum_variance(m)) for m in range(1, depth + 1)]

    def stays(first: int, last: int) -> float:
        return float(sum(u[k] * u[last + 1 - k] for k in range(first + 2)))

    masked = {}
    for m in range(depth, -1, -1):
        start = max(m - 1, 0)
        masked[m] = stays(start, depth) + sum(
            stays(start, k - 1) * gains[k - 1] * masked[k] for k in range(m + 1, depth + 1)
        )
    assert batch_norm_v1(depth, layers) == pytest.approx(masked[0], rel=1e-12)


def maximum_variance(steps: int) -> float:
    """Var max(0, S₁, …): by the sizes of the positive parts of Gaussian sums (Spitzer 1956)."""
    e = [sqrt(k / (2 * pi)) for k in range(1, steps + 1)]
    mean = sum(value / k for k, value in enumerate(e, start=1))
    second = sum(0.5 * k / k for k in range(1, steps + 1)) + sum(
        e[j - 1] * e[k - 1] / (j * k)
        for j in range(1, steps + 1)
        for k in range(1, steps + 1)
        if j + k <= steps
    )
    return second - mean**2


def test_thousands_of_blocks_take_no_thousands_of_seconds():
    """Cubic, it would be minutes; and it goes on growing by the power that theory says."""
    growth = log(batch_norm_v1(6000) / batch_norm_v1(3000)) / log(2)
    assert growth == pytest.approx(growth_exponent(), rel=0.01)
