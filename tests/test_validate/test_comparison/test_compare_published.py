"""Published statements against autograd. Draws and seeds are fixed; tolerances are four standard
errors."""

from dataclasses import replace

import pytest
import torch

from validate.comparison.compare_published import (
    Effort,
    PublishedRow,
    extrapolate,
    published_checks,
    table,
)
from validate.measure.random_layers import (
    Estimate,
    convolution_norm,
    norm_spread,
    normalized_convolution,
    path_share,
    spectral_variance,
)

SMALL = Effort(spectra=80, norms=800, widths=((24, 300), (48, 150), (96, 60), (192, 20)))


def test_every_published_statement_is_reproduced():
    rows = published_checks(SMALL, seed=3)
    assert len(rows) == 11
    assert all(row.holds for row in rows), [row for row in rows if not row.holds]
    assert all(row.tolerance <= 0.5 * row.exact for row in rows)


@pytest.mark.slow
def test_every_published_statement_is_reproduced_more_closely():
    rows = published_checks(
        Effort(1000, 6000, ((48, 2000), (96, 700), (192, 200), (384, 50))), seed=4
    )
    assert all(row.holds for row in rows), [row for row in rows if not row.holds]
    assert all(row.tolerance <= 0.25 * row.exact for row in rows)


def test_the_tolerance_tells_linear_from_relu():
    """Negative control: what is measured on one is not what is stated for the other."""
    linear, relu = (spectral_variance(3, 24, kind, 100, seed=5) for kind in (False, True))
    assert abs(linear.value - relu.value) > 8 * max(linear.error, relu.error)


def test_the_spread_of_norms_needs_the_five():
    found = norm_spread(2, 16, 2000, seed=6)
    assert abs(found.value - (1 + 5 / 16) ** 2) <= 4 * found.error, found
    assert abs(found.value - (1 + 2 / 16) ** 2) > 4 * found.error


def test_a_convolution_called_normalized_is_not():
    """Its reshaped kernel has norm 1, as published, and the convolution itself the norm that
    Fourier gives: well above 1.
    """
    layer = normalized_convolution(4, seed=1)
    assert abs(float(torch.linalg.matrix_norm(layer.weight.flatten(1), 2)) - 1) < 1e-10
    assert convolution_norm(layer, 6).value > 1.2


def test_paths_are_counted():
    assert path_share(3, 1, 1) == Estimate(3 / 8, 0.0)
    assert path_share(54, 0, 54).value == 1


def test_extrapolation_recovers_a_soft_edge():
    exact = {n: Estimate(5 - 2 * n ** (-2 / 3) + n ** (-4 / 3), 0.1) for n in (10, 40, 160, 640)}
    assert abs(extrapolate(exact).value - 5) < 1e-10


def test_the_table_has_a_line_for_each_row_and_says_what_fails():
    row = PublishedRow("share", "source", "54 blocks", 0.25, 0.25, 0.5, 0.01, 0.04)
    lines = table([row, replace(row, reproduced=0.26)]).splitlines()
    assert len(lines) == 4
    assert {line.count("|") for line in lines} == {7}
    assert lines[2].endswith("| 0.5 ± 0.01 | no |")
    assert lines[3].endswith("| 0.26 ± 0.01 | yes |")
