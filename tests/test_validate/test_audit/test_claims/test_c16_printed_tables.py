"""C16–C18 and C23: what follows from the entries of Tables 1 and 2, and from others."""

from dataclasses import replace
from decimal import Decimal

import pytest
from test_validate.audited import gathered, judged, rejudged

from validate.audit.evidence import Sources
from validate.audit.paper import paper


def test_a_table_entry_changes_the_gain():
    table = paper().table1
    changed = (table[0], replace(table[1], plain=Decimal("28.00")))
    found = rejudged("C16", Sources(paper=replace(paper(), table1=changed)))
    assert found.verdict == "refuted"
    assert found.counterexample["found"] == "2.97 points"


@pytest.mark.parametrize(
    ("claim", "row"),
    [("C17", {"se_top1": Decimal("24.81")}), ("C18", {"se_top1": Decimal("23.30")})],
)
def test_a_table_entry_changes_table_2(claim, row):
    table = paper().table2
    found = rejudged(
        claim, Sources(paper=replace(paper(), table2=(replace(table[0], **row), *table[1:])))
    )
    assert found.verdict == "refuted"
    assert found.counterexample


def test_an_equal_error_is_no_lower_one():
    table = paper().table2
    found = rejudged(
        "C17",
        Sources(
            paper=replace(paper(), table2=(replace(table[0], se_top5=table[0].top5), *table[1:]))
        ),
    )
    assert found.verdict == "refuted"
    assert found.counterexample["found"] == "SE-ResNet 7.48 %"


@pytest.mark.parametrize(
    ("difference", "verdict"),
    [("1.01", "confirmed"), ("-1.01", "confirmed"), ("1.00", "refuted"), ("0.6", "refuted")],
)
def test_a_difference_counts_where_it_exceeds_the_deviation(difference, verdict):
    assert (
        judged("C23", replace(gathered("C23"), differences={"row": Decimal(difference)})).verdict
        == verdict
    )


def test_differences_are_counted():
    assert judged("C23").summary.startswith(
        "2 of 8 differences exceed 1 point, of them 1 the 2.77 points"
    )
