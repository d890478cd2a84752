"""C15: dense beside residual blocks, each sense in one unit, and the smallest pairs either way."""

from dataclasses import replace

import pytest
from test_validate.audited import gathered, judged

from validate.audit.claims.c15_dense_against_residual import Squares, judge_against_resnet


def test_the_smallest_pairs_ordered_either_way():
    assert gathered("C15").better.given == {
        "∂F/∂x": "−1",
        "∂L/∂H (dense)": "(0, 1)",
        "∂L/∂H (residual)": "1",
    }
    assert gathered("C15").worse.given == {
        "∂F/∂x": "0",
        "∂L/∂H (dense)": "(1, 1)",
        "∂L/∂H (residual)": "1",
    }


def test_in_one_unit_both_are_the_same():
    """l entries of 1 each: √l by one of them, 1 by the norm of all."""
    assert gathered("C15").squares == tuple(Squares(l, l, l) for l in range(2, 7))
    found = judged("C15").counterexample
    assert found["given"]["l"] == "2"
    assert list(found["autograd"].values()) == pytest.approx([2**0.5] * 2)
    assert "√l against 1 holds in mixed units alone" in judged("C15").summary
    assert judged("C15").verdict == "refuted"


@pytest.mark.parametrize("proof", [True, False])
def test_the_law_in_mixed_units_decides_nothing(proof):
    evidence = gathered("C15")
    mixed = replace(evidence.mixed, derived=proof)
    found = judged("C15", replace(evidence, mixed=mixed))
    assert found.verdict == "refuted"
    assert ("not proved" in found.summary) is not proof


@pytest.mark.parametrize("part", ["dense", "residual"])
def test_what_was_not_derived_decides_nothing(part):
    evidence = gathered("C15")
    unknown = replace(evidence, **{part: replace(getattr(evidence, part), derived=False)})
    assert judge_against_resnet(unknown).judgement.verdict == "undecided"
    open_ones = replace(unknown, worse=None, mean=replace(evidence.mean, difference=0.0))
    lacking = judge_against_resnet(open_ones).judgement.condition
    assert [lacking.count(sense) for sense in ("on all inputs", "more draws")] == [1, 1]


def test_more_for_some_number_of_inputs_is_not_more_for_each():
    evidence = gathered("C15")
    first, *others = evidence.squares
    some = replace(evidence, squares=(replace(first, dense=first.residual + 1), *others))
    assert judged("C15", some).verdict == "refuted"
    every = tuple(replace(each, dense=each.residual + 1) for each in evidence.squares)
    found = judged("C15", replace(evidence, squares=every))
    assert found.condition.startswith("as the branch vanishes, by the signal on one")


def test_more_on_average_is_one_of_its_senses():
    evidence = gathered("C15")
    mean = replace(evidence.mean, difference=10 * abs(evidence.mean.difference))
    judgement = judge_against_resnet(replace(evidence, mean=mean)).judgement
    assert f"in the mean of γ² over {mean.ensemble}" in judgement.condition.partition("; not")[0]
