"""C23: the rows of Tables 1 and 2 by the paper's rule and by a test, redone from counted errors."""

import math
from dataclasses import replace
from decimal import Decimal

import pytest
from scipy.stats import norm
from test_validate.audited import gathered, judged

from validate.audit.claims.c23_significance import by_binomial_test

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


def test_rule_and_test_are_two_rows():
    summary = judged("C23").summary
    assert summary.startswith("by the paper's rule 2 of 8 differences exceed 1 point; by a test")
    assert "Holm for 8 rows, 7 of 8 are significant" in summary
    assert "18 layers 0.06 points, z = 0.21, p = 0.8" in summary
    assert judged("C23").counterexample["given"]["row"] == "Table 1, 18 layers"


@pytest.mark.parametrize(
    ("pair", "verdict"),
    [
        (("10.00", "8.99"), "confirmed"),
        (("8.99", "10.00"), "confirmed"),
        (("10.00", "9.00"), "conditional"),  # the test passes, the rule does not
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
    assert found.condition.startswith("by the paper's rule, more than 1 point; not by a binomial")


def test_the_rows_are_adjusted_for_each_other():
    """Of eight rows at p = 0.02 none is significant."""
    pair = (Decimal("50.00"), Decimal("49.26"))
    alone = replace(gathered("C23"), errors={"row": pair})
    together = replace(gathered("C23"), errors={f"row {i}": pair for i in range(8)})
    assert "1 of 1 are significant" in judged("C23", alone).summary
    assert "0 of 8 are significant" in judged("C23", together).summary
