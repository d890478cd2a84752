"""Predicted ratios against measured ones where the theory says it is exact, and who is refused.

Images are noise: independent positions. Seeds and tolerances were fixed beforehand.
"""

from dataclasses import replace

import pytest
import torch
from torch import nn

from derivations.errors import InputError
from numeric import Network
from validate.comparison.initial_bands import BANDS, Band
from validate.comparison.initial_ratios import (
    INSIDE,
    OUTSIDE,
    drawn,
    judged,
    measured_ratio,
    predicted_ratio,
)
from validate.networks.build import build
from validate.networks.leaky import with_slope
from validate.networks.segments import Residual, Shortcut, weighted_branch

SIZE, BATCH, WIDE = 12, 48, 24


def noise(batch: int = BATCH, size: int = SIZE) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(77)
    x = torch.randn(batch, 1, size, size, generator=generator)
    return x, torch.randint(10, (batch,), generator=generator)


def network(name: str, seed: int = 0, slope: float = 0.0, width: int = WIDE) -> Network:
    built = build(name, in_channels=1, image_size=SIZE, width=width, reduction=4, seed=seed)
    return with_slope(built, slope) if slope else built


CASES = [
    ("plain-14", 0.0), ("plain-14", 0.3), ("residual-14", 0.0), ("se_residual-14", 0.0),
    ("dense-13", 0.0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "slope"), CASES)
def test_noise_and_wide_networks_follow_the_theory(name, slope):
    """Within 0.1: of width 24 a seed's deviation is 0.05; gates add up to what `upper` says."""
    predicted = predicted_ratio(network(name, slope=slope), SIZE)
    measured = measured_ratio((network(name, seed, slope) for seed in range(4)), *noise())
    assert measured.mean > predicted.total - 0.1
    assert measured.mean < predicted.upper + 0.1
    assert (predicted.upper > predicted.total) == name.startswith("se_")
    assert predicted.total > 0.25  # so that a ratio of 1 would be seen
    for (group, share), (same, seen) in zip(predicted.groups, measured.groups, strict=True):
        assert group == same
        assert seen == pytest.approx(share, abs=0.12), group
    assert sum(share for _, share in predicted.groups) == pytest.approx(predicted.total)


def test_neither_weights_nor_their_seed_enter_a_prediction():
    first, second = network("residual-14", 0), network("residual-14", 5)
    assert predicted_ratio(first, SIZE) == predicted_ratio(second, SIZE)


def test_width_does_not_enter_but_the_image_does():
    narrow, wide = network("plain-14", width=8), network("plain-14", width=32)
    assert predicted_ratio(narrow, SIZE) == predicted_ratio(wide, SIZE)
    assert predicted_ratio(narrow, 28).total > predicted_ratio(narrow, SIZE).total


def test_groups_are_stages_and_transitions():
    found = predicted_ratio(network("dense-13"), SIZE)
    assert [name for name, _ in found.groups] == [
        "stage1", "transition1", "stage2", "transition2", "stage3",
    ]  # fmt: skip
    measured = measured_ratio([network("dense-13")], *noise(8))
    assert sum(share for _, share in measured.groups) == pytest.approx(measured.mean)


def changed(network: Network, change) -> Network:
    change(network)
    return network


def _trained(network: Network) -> None:
    next(m for m in network.modules() if isinstance(m, nn.BatchNorm2d)).weight.data[0] = 1.5


def _mixed(network: Network) -> None:
    network.stem[2] = nn.LeakyReLU(0.2)


def _reflected(network: Network) -> None:
    network.segments["stage1_block1"].branch[0].padding_mode = "reflect"


def _option_a(network: Network) -> None:
    network.segments["stage2_block1"].shortcut = Shortcut(8, 16, 2)


def _own_block(network: Network) -> None:
    network.segments["stage1_block1"] = Residual(weighted_branch(8, 8, 1), nn.Identity())


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("plain-8", _trained, "not as initialised"),
        ("plain-8", _mixed, "2 slopes"),
        ("plain-8", _reflected, "no law for this convolution"),
        ("residual-8", _option_a, "shortcut without weights"),
        ("residual-8", _own_block, "no law predicts a chain of Residual, ResidualBlock"),
        ("resnet18", lambda _: None, "no law"),
    ],
)
def test_what_the_laws_are_not_about_is_refused(name, change, message):
    built = build(name, width=8) if "-" in name else build(name)
    with pytest.raises(InputError, match=message):
        predicted_ratio(changed(built, change), 8)


def test_leaky_residual_networks_have_no_law():
    with pytest.raises(InputError, match="only plain"):
        predicted_ratio(network("residual-8", slope=0.1), SIZE)


def test_a_band_is_judged_by_the_mean_of_the_seeds():
    x, y = noise(16)
    found = measured_ratio((drawn("plain-8", 0.0, x, seed) for seed in (3, 4)), x, y)
    band = Band("plain-8", 0.0, found.mean + 0.09, 0.1, "", 0.0, 0.0)
    row = judged(band, (3, 4), x, y)
    assert (row.verdict, row.measured) == (INSIDE, found)
    assert row.deviation == pytest.approx(-0.09)
    assert row.spread == pytest.approx(abs(found.totals[0] - found.totals[1]) / 2**0.5)
    assert judged(replace(band, predicted=found.mean + 0.11), (3, 4), x, y).verdict == OUTSIDE
    assert judged(band, (3,), x, y).spread is None


def test_no_seed_is_no_measurement():
    with pytest.raises(InputError, match="at least one seed"):
        judged(BANDS[0], (), *noise(4))
