"""C9: whether a gate helps at all, always, more often than not, in the mean, and in the limit."""

from dataclasses import replace

import pytest
from test_validate.audited import gathered, judged


def test_the_smallest_pairs_ordered_either_way():
    assert judged("C9").counterexample["given"]["∂F/∂x"] == "1"
    assert gathered("C9").better.given["∂F/∂x"] == "−1"


def test_a_possibility_is_all_that_is_left():
    holds, *fails = judged("C9").condition.split("; not ")
    assert holds == "as a possibility, for some branch and gate"
    assert len(fails) == 4
    assert "55 of 100" in judged("C9").summary
    assert "more in 0 of 100 draws" in judged("C9").summary


@pytest.mark.parametrize(("lower", "holds"), [(1.5, True), (1.0, False)])
def test_more_that_remains_counts_where_it_is_more(lower, holds):
    evidence = gathered("C9")
    gated = replace(evidence.gated, lower=lower, upper=2.0)
    condition = judged("C9", replace(evidence, gated=gated)).condition
    assert condition.endswith("not as the branch vanishes") is not holds


@pytest.mark.parametrize(("wins", "name"), [(100, ""), (0, "not "), (50, "undecided ")])
def test_more_often_counts_where_it_is_more_often(wins, name):
    evidence = gathered("C9")
    mean = replace(evidence.mean, wins=wins)
    condition = judged("C9", replace(evidence, mean=mean)).condition
    parts = [part for part in condition.split("; ") if "more often" in part]
    assert len(parts) == 1
    assert parts[0].startswith(f"{name}more often than not over 100")


def test_without_any_block_that_passes_more_nothing_is_decided():
    found = judged("C9", replace(gathered("C9"), better=None))
    assert found.verdict == "undecided"
    assert "as a possibility" in found.condition
