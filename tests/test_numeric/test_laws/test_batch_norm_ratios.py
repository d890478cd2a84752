"""Ratios of BatchNorm networks: against closed forms without padding and a slow twin with kernels.

That they are those of networks is tested in `test_initial_ratios.py`.
"""

from math import log10, pi

import numpy as np
import pytest

from derivations.errors import InputError
from numeric.laws.batch_norm_ratios import (
    RELU,
    Layer,
    Pooling,
    Rectifier,
    Stage,
    dense_signals,
    plain_signals,
    residual_signals,
)
from numeric.laws.mean_field import batch_norm_v1

KAPPA = 1 - 1 / pi
LARGE = (240, 240)  # here a border is next to nothing


def test_plain_layers_far_from_a_border_have_the_gain_of_theory():
    for slope in (0.0, 0.1, 0.3):
        kappa = 1 - (1 - slope) ** 2 / (pi * (1 + slope**2))
        found = plain_signals(LARGE, [1] * 6, slope)
        assert found[0] == pytest.approx(kappa**-6, rel=0.02)
    strided = plain_signals(LARGE, [1, 2, 1, 1])
    assert strided[0] == pytest.approx(KAPPA**-4, rel=0.03)


def test_padding_takes_a_share_of_each_layer():
    """The signal's profile tends to the top of a tridiagonal matrix of thirds, both ways."""
    found = plain_signals((7, 7), [1] * 80)
    lost = ((1 + 2 * np.cos(pi / 8)) / 3) ** 2
    second = found[0] / found[1]
    # In front of it stands 1/κ of images whose border holds other values than their middle.
    assert lost / KAPPA < second < 1.12 * lost / KAPPA
    assert second < 0.97 / KAPPA


def test_the_slow_twin_carries_the_covariance_of_images_too():
    """Two images share what the padding leaves at a border: 2 % of the exponent at 14 layers."""
    for size, strides in ((8, [1] * 10), (14, [1, 1, 1, 1, 2, 1, 1, 2, 1, 1])):
        fast, slow = plain_signals((size, size), strides)[0], _with_kernels(size, strides)
        assert log10(fast) == pytest.approx(log10(slow), rel=0.03)
        assert fast < slow


def _with_kernels(size: int, strides: list[int]) -> float:
    """E‖∂L/∂h₀‖²/E‖∂L/∂h_n‖² by the recursion of Q(p), one image, and P(p, p′), two images."""
    grid = size
    second, shared = np.ones(grid**2), np.zeros((grid**2, grid**2))
    second, shared, _, grid = _normed(second, shared, grid, 1)
    backward = []
    for stride in strides:
        scale = np.sqrt(np.outer(second, second))
        c = np.clip(shared / scale, -1, 1)
        shared = scale * (np.sqrt(1 - c**2) + c * (pi - np.arccos(c))) / (2 * pi)
        before = grid
        second, shared, variance, grid = _normed(second / 2, shared, grid, stride)
        backward.append((before, stride, variance))
    signal = np.full(grid**2, 1 / grid**2)
    for before, stride, variance in reversed(backward):
        wide = np.zeros(before**2 + 1)
        for tap in _taps(before, stride):
            np.add.at(wide, tap, signal / 2 / variance / 9)
        signal = wide[:-1]
    return float(signal.sum())


def _normed(second, shared, grid, stride):
    taps = _taps(grid, stride)
    padded, wide = np.append(second, 0), np.zeros((grid**2 + 1,) * 2)
    wide[:-1, :-1] = shared
    second = sum(padded[tap] for tap in taps) / 9
    shared = sum(wide[np.ix_(tap, tap)] for tap in taps) / 9
    rows, whole = shared.mean(1), shared.mean()
    second, shared = second - 2 * rows + whole, shared - rows[:, None] - rows + whole
    variance = second.mean()
    return second / variance, shared / variance, variance, -(-grid // stride)


def _taps(grid: int, stride: int) -> list[np.ndarray]:
    index = np.full((grid + 2, grid + 2), grid**2)
    index[1:-1, 1:-1] = np.arange(grid**2).reshape(grid, grid)
    return [
        index[i : i + grid : stride, j : j + grid : stride].ravel()
        for i in range(3)
        for j in range(3)
    ]


def test_residual_blocks_far_from_a_border_are_the_reflected_walk():
    for blocks in (1, 4, 9):
        found = residual_signals(LARGE, [Stage(blocks)])
        assert found[0] == pytest.approx(batch_norm_v1(blocks, 2), rel=0.03)
        assert len(found) == blocks + 1


def test_a_projection_begins_the_walk_anew():
    """Through it the mean square is (1 + 1/κ)/Var h times what is left behind its mask."""
    found = residual_signals(LARGE, [Stage(1), Stage(1, True, 1)])
    first, second = 1 / np.sqrt(2 * pi), np.sqrt(2) / np.sqrt(4 * pi)
    mean = first + second / np.sqrt(2)
    moment = 2 / 2 + first * first  # Spitzer: m/2 + Σ_{j + k ≤ 2} E S_j⁺ E S_k⁺/(jk)
    variance = moment - mean**2
    assert found[1] == pytest.approx((1 + 1 / KAPPA) / (2 * variance), rel=0.02)


def test_a_gate_of_a_half_quarters_a_branch():
    """One block: x₁ is positive with probability 3/8 + arctan(…)/…, drawn here."""
    found = residual_signals(LARGE, [Stage(1)], 0.25)[0]
    rng = np.random.default_rng(9)
    start = np.maximum(rng.normal(size=1_000_000), 0)
    positive = (start + 0.5 * rng.normal(size=start.size) > 0).mean()
    assert found == pytest.approx(positive * (1 + 0.25 * 2 / KAPPA**2), rel=0.02)


def test_a_first_stage_with_a_projection_is_refused():
    for stages in ([], [Stage(2, True, 2)]):
        with pytest.raises(InputError, match="first stage"):
            residual_signals((8, 8), stages)


def test_dense_layers_follow_a_sum_by_hand():
    """Far from a border: each map j of variance v_j adds (1/k)·(signal of new maps)/v_j."""
    channels, width = 1, 4
    found = dense_signals(LARGE, channels, width, [Layer(width)] * 3)
    variances = [2 * channels / width, *(KAPPA * m for m in (1, 2, 3))]
    signals = [1 / v for v in variances]
    totals = [width * sum(signals)]
    for made in (3, 2, 1):
        new = width * signals[made]
        for j in range(made):
            signals[j] += new / width / variances[j]
        totals.append(width * sum(signals[:made]))
    expected = [each / totals[0] for each in reversed(totals)]
    np.testing.assert_allclose(found, expected, rtol=0.02)


def test_a_transition_quarters_signal_and_variance():
    found = dense_signals(LARGE, 1, 4, [Layer(4), Pooling(6), Layer(4)])
    pooled, made = KAPPA / 3, KAPPA * 6 / 4
    behind = 6 / pooled + 4 / made
    before = 6 * (1 + 1 / made) / pooled
    assert found[2] / found[3] == pytest.approx(before / behind, rel=0.02)
    # Each of 4 + 4 maps in front, of variances ½ and κ.
    assert found[1] / found[2] == pytest.approx((2 + 1 / KAPPA) / 6, rel=0.02)


def test_a_slope_of_one_is_no_rectifier():
    assert Rectifier(1.0).mean == 0
    assert (RELU.second, Rectifier(0.3).second) == (0.5, 0.545)
    assert plain_signals(LARGE, [1, 1], 1.0)[0] == pytest.approx(1, rel=0.01)
