"""Published statements against autograd, within four standard errors. Draws and seeds are fixed."""

from dataclasses import replace

import pytest

from validate.comparison.compare_published import (
    Effort,
    PublishedRow,
    extrapolate,
    published_checks,
    table,
)
from validate.measure.random_layers import (
    Estimate,
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
