"""Bands: what is foretold is what theory computes, and widths are the sums that are stated."""

from math import ceil, log, log10, pi
from pathlib import Path

import pytest
import torch

from validate.comparison.initial_bands import BANDS
from validate.comparison.initial_ratios import drawn, judged, predicted_ratio
from validate.data.fashion_mnist import DEBIAN_FASHION_MNIST
from validate.statistics.band_check import first_batch

IMAGE_SIZE = 28
QUICK = [band for band in BANDS if int(band.network.rpartition("-")[2]) <= 44]


def _predicted(band):
    return predicted_ratio(
        drawn(band.network, band.slope, torch.zeros(1, 1, IMAGE_SIZE, IMAGE_SIZE), 0), IMAGE_SIZE
    )


@pytest.mark.parametrize("band", QUICK, ids=lambda band: f"{band.network}, {band.slope}")
def test_what_is_foretold_is_what_theory_computes(band):
    found = _predicted(band)
    assert found.total == pytest.approx(band.predicted, abs=6e-4)
    assert _width(band, found) == pytest.approx(band.half_width)


def _width(band, found):
    a, (family, _, depth) = band.slope, band.network.rpartition("-")
    layers = int(depth) - (4 if family == "dense" else 2)
    kappa = 1 - (1 - a) ** 2 / (pi * (1 + a**2))
    kept = ((1 + a) ** 2 / (2 * kappa * (1 + a**2))) ** 2
    share = 2 + (1 - a) ** 2 / (2 * pi * (1 + a**2) * kappa)
    correlated = 0.15 * share / (2 * log(10)) * (1 - kept**layers) / (1 - kept)
    a_layer = 0.002 if family == "plain" else 0.001
    gate = (found.upper - found.total) / 2
    return ceil(100 * (correlated + a_layer * layers + 0.03 + gate)) / 100


def test_no_band_is_left_by_exploratory_seeds_unless_it_says_so():
    assert [band.network for band in BANDS if not band.works] == ["plain-110"]
    for band in BANDS:
        assert (abs(band.explored - band.predicted) <= band.half_width) == band.works, band
    assert len({(band.network, band.slope) for band in BANDS}) == len(BANDS)


def test_the_bands_part_the_laws():
    """Negative control: each band leaves out the law of another kind of network of its depth."""
    by_name = {band.network: band for band in BANDS if not band.slope}
    for one, other in (("plain-20", "residual-20"), ("residual-44", "se_residual-44")):
        first, second = by_name[one], by_name[other]
        assert abs(first.predicted - second.predicted) > first.half_width
    plain = by_name["plain-44"]  # κ^(−(d − 2)/2) forgets the padding
    assert abs(-21 * log10(1 - 1 / pi) - plain.predicted) > plain.half_width


def test_what_was_explored_can_be_found_again():
    if not Path(DEBIAN_FASHION_MNIST).exists():
        pytest.skip("Fashion-MNIST is not installed")
    band = BANDS[0]
    row = judged(band, range(10), *first_batch())
    assert row.measured.mean == pytest.approx(band.explored, abs=2e-3)
    assert row.spread == pytest.approx(band.spread, abs=2e-3)
    assert row.verdict == "inside"
