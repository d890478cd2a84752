"""The depth laws against autograd. Seeds and draws are fixed; a failing row prints itself."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch

from derivations.errors import InputError
from numeric.laws import evaluate_block, evaluate_law
from validate.comparison.compare_depth import (
    DRAWS_TIMES_WIDTH,
    FINITE_WIDTH,
    TABLE_DEPTHS,
    BlockGain,
    DepthProfile,
    DepthRow,
    Trial,
    compare_blocks,
    compare_curve,
    compare_one,
    extrapolated,
    markdown,
    table,
    table_trial,
)
from validate.comparison.compare_depth import _laws as laws_by_network
from validate.measure import deep_stacks
from validate.measure.deep_stacks import (
    DepthRatio,
    Setup,
    measure_dense,
    measure_stack,
)

LAWS = laws_by_network()
EXACT = {"plain", "dense", "dense_unequal", "dense_last"}


@pytest.mark.parametrize("network", ["norm_then_linear", "dense_unequal", "dense_last"])
def test_a_curve_ends_where_the_whole_stack_does_and_passes_through_every_block(network):
    trial = replace(table_trial(network, 32), draws=4)
    curve, profile = compare_curve(trial), compare_blocks(trial)
    predicted, measured = curve[-1]
    assert predicted == pytest.approx(profile.whole.predicted)
    assert measured.value == pytest.approx(profile.whole.measured)
    assert measured.error == pytest.approx(profile.whole.error * predicted)
    products = np.cumprod(
        [[each.predicted, each.measured.value] for each in profile.blocks], axis=0
    )
    for (law, seen), (by_law, by_sight) in zip(curve, products, strict=True):
        assert (law, seen.value) == pytest.approx((by_law, by_sight))


@pytest.mark.parametrize("network", FINITE_WIDTH)
def test_each_law_holds_within_the_stated_deviation(network):
    dense = network.startswith("dense")
    trial = Trial(
        network,
        8,
        32,
        60 if dense else 150,
        seed=11,
        first_width=3 if network == "dense_unequal" else 1,
    )
    row = compare_one(trial)
    assert row.holds, row
    assert row.error < 0.06, row


@pytest.mark.parametrize("network", [name for name in FINITE_WIDTH if name not in EXACT])
@pytest.mark.parametrize("gain", [0.5, 2.0])
def test_the_gain_enters_as_stated(network, gain):
    """Among them that the exponent of a normalised network does not depend on χ: x + W·BN(x) grows
    like 1 + χL.
    """
    row = compare_one(Trial(network, 6, 32, 100, seed=12, gain=gain))
    assert abs(row.deviation) <= 2 * row.allowed * max(gain, 1) + 4 * row.error, row


def test_leaky_relu_changes_the_exponent():
    row = compare_one(Trial("relu_linear_norm", 10, 64, 40, seed=13, slope=-0.5))
    assert row.predicted > 3 * evaluate_law(LAWS["relu_linear_norm"], 10)
    assert abs(row.deviation) < 0.1 + 4 * row.error, row


@pytest.mark.parametrize(
    ("network", "first_width"),
    [("plain", 1), ("dense", 1), ("dense_unequal", 2), ("dense_last", 1)],
)
def test_what_is_called_exact_is_exact_at_width_2(network, first_width):
    """Unbiased at a width where mean-field laws are off: the residual law is so at 16 already, see
    below.
    """
    row = compare_one(Trial(network, 2, 2, 1500, seed=14, first_width=first_width))
    assert abs(row.deviation) <= 4 * row.error, row
    assert row.error < 0.08, row


def test_dead_inputs_are_the_only_deviation_of_a_later_dense_block():
    """At block i ≥ 1 the part above 1 loses the share 2^(−k₀)."""
    ratio = measure_dense(Setup(4, 2, 16), draws=1000, seed=15, block=2)
    exact = evaluate_law(LAWS["dense"], 4, block=2)
    assert abs(ratio.value - (1 + (exact - 1) * 3 / 4)) <= 4 * ratio.error
    assert abs(ratio.value - exact) > 4 * ratio.error


def test_the_deviation_of_the_residual_law_vanishes_with_the_width():
    narrow, wide = (
        compare_one(Trial("residual", 5, width, draws, seed=17))
        for width, draws in ((16, 1000), (32, 600))
    )
    assert narrow.deviation > 4 * narrow.error, narrow
    left, error = extrapolated(narrow, wide)
    assert abs(left) <= 4 * error, (narrow, wide)
    assert error < 0.05


@pytest.mark.parametrize("wrong", ["norm_relu_linear", "pre_activation", "residual"])
def test_another_networks_law_does_not_hold(wrong):
    """Negative control: the measurement of x + BN(Wφ(x)) against the laws of others."""
    ratio = measure_stack("relu_linear_norm", Setup(8, 32, 128), draws=60, seed=18)
    predicted = evaluate_law(LAWS[wrong], 8)
    assert abs(ratio.value - predicted) > 4 * ratio.error + 0.1 * predicted


BRIEF = {
    "plain": (10, 150),
    "residual": (10, 100),
    "se_residual": (10, 80),
    "normalised": (8, 16),
    "dense": (8, 100),
}
"""Depth and draws at width 64, by family."""


def brief_profile(network: str, seed: int) -> DepthProfile:
    depth, draws = BRIEF[LAWS[network].family]
    return compare_blocks(
        Trial(network, depth, 64, draws, seed, first_width=3 if network == "dense_unequal" else 1)
    )


def judged_by(wrong: str, profile: DepthProfile) -> DepthProfile:
    """The measurement against the law of another network."""
    law, depth, first_width = (
        LAWS[wrong],
        profile.whole.depth,
        3.0 if wrong == "dense_unequal" else 1.0,
    )
    blocks = [
        replace(each, predicted=evaluate_block(law, depth, each.block, first_width=first_width))
        for each in profile.blocks
    ]
    return replace(profile, blocks=tuple(blocks))


@pytest.mark.parametrize("network", FINITE_WIDTH)
def test_the_gain_of_each_block_is_within_ten_percent_at_width_64(network):
    profile = brief_profile(network, seed=24)
    assert profile.within, profile.worst
    assert profile.whole.holds, profile.whole
    assert max(each.error for each in profile.blocks) <= 0.02, profile


@pytest.mark.parametrize(
    ("network", "wrong"),
    [
        ("plain", "se_held"),
        ("residual", "plain"),
        ("se_held", "residual"),
        ("norm_then_linear", "relu_linear_norm"),
        ("norm_relu_linear", "pre_activation"),
        ("relu_linear_norm", "norm_relu_linear"),
        ("dense", "dense_unequal"),
        ("dense_last", "dense"),
    ],
)
def test_another_networks_law_does_not_hold_block_by_block(network, wrong):
    """Negative control, and that the mistake is in the law and not in the measurement."""
    profile = brief_profile(network, seed=25)
    assert profile.within
    assert not judged_by(wrong, profile).within


def test_what_ten_percent_of_a_block_cannot_tell_apart_the_whole_stack_can():
    """Gains that differ by less than 10 % in each of forty blocks, and by four times over all."""
    gains = [
        [evaluate_block(LAWS[name], 40, block) for block in range(1, 41)]
        for name in ("relu_linear_norm", "pre_activation")
    ]
    assert all(abs(one / other - 1) < 0.1 for one, other in zip(*gains, strict=True))
    right, wrong = (evaluate_law(LAWS[name], 8) for name in ("relu_linear_norm", "pre_activation"))
    row = brief_profile("relu_linear_norm", seed=26).whole
    assert row.holds
    assert not replace(
        row, predicted=wrong, deviation=row.measured / wrong - 1, error=row.error * right / wrong
    ).holds


def test_the_deviation_of_the_first_normalised_block_vanishes_with_the_width():
    trials = [
        Trial("norm_then_linear", 10, width, draws, seed=28)
        for width, draws in ((32, 200), (64, 60))
    ]
    narrow, wide = (compare_blocks(trial).blocks[0] for trial in trials)
    assert narrow.deviation < -4 * narrow.error, narrow
    left, error = extrapolated(narrow, wide)
    assert abs(left) <= 4 * error, (narrow, wide)
    assert error < 0.02


@pytest.mark.parametrize("network", ["norm_then_linear", "linear_then_norm"])
def test_the_first_normalised_block_deviates_by_what_the_norms_behind_it_divide_by(
    network, monkeypatch
):
    """With √ℓ, the standard deviation of the mean field, in place of every BatchNorm but the first,
    nothing is left.
    """

    class Divide(torch.nn.Module):
        def __init__(self, divisor: float) -> None:
            super().__init__()
            self.divisor = divisor

        def forward(self, x):
            return x / self.divisor

    depth, count, batch_norm = 10, iter(range(10**6)), deep_stacks._norm

    def only_the_first(setup):
        before = next(count) % depth
        return Divide((1 + before) ** 0.5) if before else batch_norm(setup)

    monkeypatch.setattr(deep_stacks, "_norm", only_the_first)
    first = compare_blocks(Trial(network, depth, 32, 200, seed=28)).blocks[0]
    assert abs(first.deviation) <= 4 * first.error, first
    assert first.error < 0.01


@pytest.mark.parametrize(
    ("depth", "options"),
    [
        (0, {}),
        (3, {"block": 3}),
        (3, {"block": 1}),
        (3, {"gain": 0.0}),
        (3, {"gain": float("nan")}),
        (10**5, {"gain": 10.0}),
    ],
    ids=str,
)
def test_bad_input_is_refused(depth, options):
    with pytest.raises(InputError):
        evaluate_law(LAWS["residual"], depth, **options)


@pytest.mark.slow
@pytest.mark.parametrize("width", [64, 256])
def test_the_published_table(width):
    profiles = table([width], {**DRAWS_TIMES_WIDTH, "dense": 6000}, seed=20)
    assert all(each.whole.holds for each in profiles), [
        each.whole for each in profiles if not each.whole.holds
    ]
    assert all(each.within for each in profiles), [
        each.worst for each in profiles if not each.within
    ]
    assert max(each.whole.error for each in profiles) <= 0.04
    assert max(block.error for each in profiles for block in each.blocks) <= 0.02


def test_the_table_takes_every_network_and_reports_its_progress():
    seen = []

    @contextmanager
    def counted(tasks, unit):
        assert unit == "stacks"
        seen.append(tasks)
        yield seen.append

    profiles = table([4, 8], dict.fromkeys(DRAWS_TIMES_WIDTH, 16), progress=counted)
    assert [(each.whole.network, each.whole.width, each.whole.draws) for each in profiles[:2]] == [
        ("plain", 4, 4),
        ("plain", 8, 2),
    ]
    assert {each.whole.network: len(each.blocks) for each in profiles} == TABLE_DEPTHS
    assert list(seen[0]) == seen[1:]
    assert set(seen[0].values()) == {1}
    assert len(seen[0]) == len(profiles) == 2 * len(FINITE_WIDTH)
    assert len(markdown(profiles).splitlines()) == 2 + len(profiles)


def test_the_worst_block_decides_and_is_printed():
    whole = DepthRow("residual", 2, 64, 9, 4.0, 4.2, 0.05, 0.01, 0.1)
    blocks = (
        BlockGain(1, 2.0, DepthRatio(1.81, 0.02, 9)),
        BlockGain(2, 2.0, DepthRatio(2.18, 0.02, 9)),
    )
    good = DepthProfile(whole, blocks)
    bad = replace(good, blocks=(replace(blocks[0], measured=DepthRatio(1.79, 0.02, 9)), blocks[1]))
    assert (good.within, bad.within) == (True, False)
    lines = markdown([good, bad]).splitlines()
    assert {line.count("|") for line in lines} == {13}
    assert (
        lines[2]
        == "| residual | 2 | 64 | 9 | 4 | 4.2 | +5.0% ± 1.0% | 1 | 2 | 1.81 | -9.5% ± 1.0% | yes |"
    )
    assert lines[3].endswith("| -10.5% ± 1.0% | no |")
