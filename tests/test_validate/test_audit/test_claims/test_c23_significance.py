"""C23: the rows of Tables 1 and 2 by deviations and by a test, redone from counted errors."""

import math
from dataclasses import replace
from decimal import Decimal

import pytest
from scipy.stats import norm
from test_validate.audited import gathered, judged

from validate.audit.claims.c23_significance import NOT_RELIED_ON, by_binomial_test

ERRORS = {
    "Table 1, 18 layers": (27.94, 27.88),
    "Table 1, 34 layers": (28.54, 25.03),
    "Table 2, 50 layers, top-1": (24.80, 23.29),
    "Table 2, 50 layers, top-5": (7.48, 6.62),
    "Table 2, 101 layers, top-1": (23.17, 22.38),
    "Table 2, 101 layers, top-5": (6.52, 6.07),
    "Table 2, 152 layers, top-1": (22.42, 21.57),
    "Table 2, 152 layers, top-5": (6.34, 5.73),
}


def test_the_test_by_counted_images():
    """Wrong images of 50,000, and the variance of a count: n p (1 − p)."""
    found = by_binomial_test(gathered("C23"))
    assert list(found) == list(ERRORS)
    for name, pair in ERRORS.items():
        one, two = (500 * error for error in pair)
        variance = sum(count * (1 - count / 50_000) for count in (one, two))
        z = (one - two) / math.sqrt(variance)
        assert found[name].z == pytest.approx(z, rel=1e-9)
        assert found[name].p == pytest.approx(2 * norm.sf(abs(z)), rel=1e-9)
    smallest, *others = sorted(abs(each.z) for each in found.values())
    assert round(smallest, 2) == 0.21
    assert (round(min(others), 1), round(max(others), 1)) == (2.9, 12.5)


def test_deviations_and_test_are_readings_of_their_own():
    summary = judged("C23").summary
    assert summary.startswith("the paper infers it from a standard deviation of accuracies")
    assert "more than one such deviation” (1 point): 2 of 8 rows" in summary
    assert "(1.96 · √2 · 1 = 2.77 points): 1 of 8 rows" in summary
    assert "a binomial test of 50,000 images at 5%: 7 of 8 rows" in summary
    assert "7 of 8 rows, all but Table 1, 18 layers" in summary
    assert "since both networks see the same images, the test is conservative" in summary
    assert "unpooled standard error" in summary
    assert "is a choice" in judged("C23").reading
    assert NOT_RELIED_ON in gathered("C23").errors
    assert "18 layers 0.06 points, z = 0.21, p = 0.8" in summary
    assert judged("C23").counterexample["given"]["row"] == "Table 1, 18 layers"


@pytest.mark.parametrize(
    ("pair", "verdict"),
    [
        (("10.00", "7.22"), "confirmed"),
        (("7.22", "10.00"), "confirmed"),
        (("10.00", "7.23"), "conditional"),  # beyond one deviation, not beyond 1.96 · √2 of them
        (("10.00", "9.00"), "conditional"),  # the test passes, no deviation does
        (("10.00", "9.90"), "refuted"),
    ],
)
def test_a_difference_counts_where_it_exceeds_the_deviation_and_what_chance_gives(pair, verdict):
    evidence = replace(gathered("C23"), errors={"row": tuple(map(Decimal, pair))})
    assert judged("C23", evidence).verdict == verdict


def test_what_differs_by_the_rule_alone_is_a_condition():
    """Few images: 20 points are no more than chance."""
    evidence = replace(
        gathered("C23"), errors={"row": (Decimal("50.00"), Decimal("30.00"))}, images=20
    )
    found = judged("C23", evidence)
    assert found.verdict == "conditional"
    holds, fails = found.condition.split("; not ")
    assert holds.count("the reading “") == 2
    assert fails == "a binomial test of 20 images at 5%"


@pytest.mark.parametrize(("pair", "readings"), [(("10", "8.99"), 1), (("10", "7.22"), 2)])
def test_two_errors_deviate_by_the_root_of_2(pair, readings):
    """Of one image no test tells anything."""
    evidence = replace(gathered("C23"), errors={"row": tuple(map(Decimal, pair))}, images=1)
    holds = judged("C23", evidence).condition.partition("; not ")[0]
    assert holds.count("the reading “") == readings


def test_the_rows_are_adjusted_for_each_other():
    """Of eight rows at p = 0.02 none is significant."""
    pair = (Decimal("50.00"), Decimal("49.26"))
    alone = replace(gathered("C23"), errors={"row": pair})
    together = replace(gathered("C23"), errors={f"row {i}": pair for i in range(8)})
    assert "images at 5%: 1 of 1 rows" in judged("C23", alone).summary
    assert "images at 5%: 0 of 8 rows" in judged("C23", together).summary
