"""C16–C18: what follows from the entries of Tables 1 and 2, and from others."""

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


def test_differences_are_labelled():
    assert "101 layers, top-5 0.45; 152 layers, top-1 0.85" in judged("C17").summary


def test_a_resnet_that_loses_with_depth_refutes():
    evidence = gathered("C16")
    first, last = evidence.rows
    lower = replace(first, resnet=last.resnet)
    found = judged("C16", replace(evidence, rows=(lower, last)))
    assert found.verdict == "refuted"
    assert found.counterexample["claims"] == "the ResNet gains with depth"


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


def test_other_parameters_are_shown_where_the_gain_is_as_stated():
    evidence = gathered("C16")
    found = judged("C16", replace(evidence, plain_parameters=1))
    assert found.verdict == "refuted"
    assert found.counterexample["claims"] == "as many parameters"
