"""Networks without a closed form against their recurrences. Seeds and draws are fixed."""

import pytest

from validate.comparison.compare_open_depth import OPEN_CASES, compare_open


@pytest.mark.parametrize("name", OPEN_CASES)
def test_each_open_case_follows_its_recurrence(name):
    row = compare_open(name, 4, 32, 150, seed=21)
    assert row.holds, row
    assert row.error < 0.06, row


@pytest.mark.parametrize(
    "name", ["residual, half-normal inputs", "post-activation, half-normal inputs", "SE, live gate"]
)
def test_open_cases_do_not_follow_the_rows_of_the_table(name):
    """Negative control: (1 + χ)^L, and (1 + χ/4)^L for the gate."""
    row = compare_open(name, 6, 32, 150, seed=22)
    table_value = 1.25**6 if name.startswith("SE") else 2.0**6
    assert abs(row.measured - table_value) > 4 * row.error * row.predicted + 0.2 * table_value, row


@pytest.mark.slow
@pytest.mark.parametrize("name", OPEN_CASES)
def test_the_open_cases_at_depth_ten(name):
    narrow, wide = (
        compare_open(name, 10, 64, 300, seed=23),
        compare_open(name, 10, 256, 40, seed=23),
    )
    assert narrow.holds, narrow
    assert wide.holds, wide
