"""C9: whether a gate helps at all, in the limit, and more often than not."""

from dataclasses import replace

import pytest
from test_validate.audited import gathered, judged


def test_the_smallest_pairs_ordered_either_way():
    assert judged("C9").counterexample["given"]["∂F/∂x"] == "1"
    assert gathered("C9").better.given["∂F/∂x"] == "−1"


def test_a_possibility_is_all_that_is_left():
    holds, *fails = judged("C9").condition.split("; not ")
    assert holds.startswith("the possibility increases")
    assert holds.endswith("passes more for some branch and gate")
    assert [each.partition(" (")[0] for each in fails] == [
        "the possibility increases",
        "more likely",
    ]
    assert "55 of 100 draws, which is a coin flip" in judged("C9").summary
    assert "more in 0 of 100 draws" in judged("C9").summary


def test_gates_are_said_to_be_untrained_and_their_squares_to_be_what_is_added():
    evidence = gathered("C9")
    assert evidence.gates.square == pytest.approx(evidence.mean.added, abs=0.02)
    assert "not trained, s is 0.50 and s² 0.25" in judged("C9").summary


def test_more_often_than_a_coin_is_no_coin_flip():
    evidence = gathered("C9")
    small = replace(evidence.small, wins=90)
    assert "coin" not in judged("C9", replace(evidence, small=small)).summary


@pytest.mark.parametrize(("lower", "holds"), [(1.5, True), (1.0, False)])
def test_more_that_remains_counts_where_it_is_more(lower, holds):
    evidence = gathered("C9")
    gated = replace(evidence.gated, lower=lower, upper=2.0)
    condition = judged("C9", replace(evidence, gated=gated)).condition
    parts = [part for part in condition.split("; ") if "more remains" in part]
    assert len(parts) == 1
    assert parts[0].startswith("not ") is not holds


@pytest.mark.parametrize(("wins", "name"), [(100, ""), (0, "not "), (50, "undecided ")])
def test_more_often_counts_where_it_is_more_often(wins, name):
    evidence = gathered("C9")
    mean = replace(evidence.mean, wins=wins)
    condition = judged("C9", replace(evidence, mean=mean)).condition
    parts = [part for part in condition.split("; ") if "more likely" in part]
    assert len(parts) == 1
    assert parts[0].startswith(f"{name}more likely (section 4): more often than not over 100")


def test_without_any_block_that_passes_more_nothing_is_decided():
    found = judged("C9", replace(gathered("C9"), better=None))
    assert found.verdict == "undecided"
    assert "the possibility increases" in found.condition


def test_less_for_some_block_is_no_reading():
    """No wording of the paper says that it is so for every branch."""
    assert judged("C9", replace(gathered("C9"), worse=None)).condition == judged("C9").condition
