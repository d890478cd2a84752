"""The depth laws against autograd. Seeds and draws are fixed; a failing row prints itself."""

import pytest
import torch

from derivations.errors import InputError
from numeric.depth_laws import evaluate_law
from validate.depth_compare import FINITE_WIDTH, OPEN_CASES, Trial, compare_one, compare_open, extrapolated, table
from validate.depth_compare import _laws as laws_by_network
from validate.depth_measure import BLOCKS, Setup, measure_dense, measure_stack

LAWS = laws_by_network()
EXACT = {"plain", "dense", "dense_unequal", "dense_last"}


@pytest.mark.parametrize("network", FINITE_WIDTH)
def test_each_law_holds_within_the_stated_deviation(network):
    dense = network.startswith("dense")
    trial = Trial(network, 8, 32, 60 if dense else 150, seed=11, first_width=3 if network == "dense_unequal" else 1)
    row = compare_one(trial)
    assert row.holds, row
    assert row.error < 0.06, row


@pytest.mark.parametrize("network", [name for name in FINITE_WIDTH if name not in EXACT])
@pytest.mark.parametrize("gain", [0.5, 2.0])
def test_the_gain_enters_as_stated(network, gain):
    """Among them that the exponent of a normalised network does not depend on χ: x + W·BN(x) grows like 1 + χL."""
    row = compare_one(Trial(network, 6, 32, 100, seed=12, gain=gain))
    assert abs(row.deviation) <= 2 * row.allowed * max(gain, 1) + 4 * row.error, row


def test_leaky_relu_changes_the_exponent():
    row = compare_one(Trial("relu_linear_norm", 10, 64, 40, seed=13, slope=-0.5))
    assert row.predicted > 3 * evaluate_law(LAWS["relu_linear_norm"], 10)
    assert abs(row.deviation) < 0.1 + 4 * row.error, row


@pytest.mark.parametrize(("network", "first_width"), [("plain", 1), ("dense", 1), ("dense_unequal", 2), ("dense_last", 1)])
def test_what_is_called_exact_is_exact_at_width_2(network, first_width):
    """Unbiased at a width where mean-field laws are off: the residual law is so at 16 already, see below."""
    row = compare_one(Trial(network, 2, 2, 1500, seed=14, first_width=first_width))
    assert abs(row.deviation) <= 4 * row.error, row
    assert row.error < 0.08, row


def test_dead_inputs_are_the_only_deviation_of_a_later_dense_block():
    """At block i ≥ 1 the part above 1 loses the share 2^(−k₀)."""
    ratio = measure_dense(Setup(4, 2, 16), draws=1000, seed=15, block=2)
    exact = evaluate_law(LAWS["dense"], 4, block=2)
    assert abs(ratio.value - (1 + (exact - 1) * 3 / 4)) <= 4 * ratio.error
    assert abs(ratio.value - exact) > 4 * ratio.error


@pytest.mark.parametrize("batch", [12, 20])
def test_one_normalised_block_is_exact_at_every_width_and_batch(batch):
    """1 + χ(B − 2)/(B − 3): the two directions that BatchNorm removes, and the mean of 1/s²."""
    ratio = measure_stack("norm_then_linear", Setup(1, 4, batch), draws=1500, seed=16)
    assert abs(ratio.value - 1 - (batch - 2) / (batch - 3)) <= 4 * ratio.error, ratio
    assert ratio.error < 0.03


def test_the_deviation_of_the_residual_law_vanishes_with_the_width():
    narrow, wide = (compare_one(Trial("residual", 5, width, draws, seed=17)) for width, draws in ((16, 1000), (32, 600)))
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


def test_blocks_pass_gradcheck():
    """A block with every kind of layer, against finite differences."""
    torch.manual_seed(19)
    block = BLOCKS["pre_activation"](Setup(1, 3, 8)).train()
    x = torch.randn(8, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(block, (x.requires_grad_(),), atol=1e-6)


@pytest.mark.parametrize(
    ("depth", "options"),
    [(0, {}), (3, {"block": 3}), (3, {"block": 1}), (3, {"gain": 0.0}), (3, {"gain": float("nan")}), (10**5, {"gain": 10.0})],
    ids=str,
)
def test_bad_input_is_refused(depth, options):
    with pytest.raises(InputError):
        evaluate_law(LAWS["residual"], depth, **options)


@pytest.mark.slow
@pytest.mark.parametrize("width", [64, 256])
def test_the_published_table(width):
    rows = table([width], {64: 60, 256: 12}, seed=20)
    assert all(row.holds for row in rows), [row for row in rows if not row.holds]
    assert all(row.error < 0.15 for row in rows)


@pytest.mark.parametrize("name", OPEN_CASES)
def test_each_open_case_follows_its_recurrence(name):
    row = compare_open(name, 4, 32, 150, seed=21)
    assert row.holds, row
    assert row.error < 0.06, row


@pytest.mark.parametrize("name", ["residual, half-normal inputs", "post-activation, half-normal inputs", "SE, live gate"])
def test_open_cases_do_not_follow_the_rows_of_the_table(name):
    """Negative control: (1 + χ)^L, and (1 + χ/4)^L for the gate."""
    row = compare_open(name, 6, 32, 150, seed=22)
    table_value = 1.25**6 if name.startswith("SE") else 2.0**6
    assert abs(row.measured - table_value) > 4 * row.error * row.predicted + 0.2 * table_value, row


@pytest.mark.slow
@pytest.mark.parametrize("name", OPEN_CASES)
def test_the_open_cases_at_depth_ten(name):
    narrow, wide = compare_open(name, 10, 64, 300, seed=23), compare_open(name, 10, 256, 40, seed=23)
    assert narrow.holds, narrow
    assert wide.holds, wide
