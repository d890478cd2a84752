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
    assert (
        "compares √l of a number for l inputs with 1 of a number for one input"
        in judged("C15").reading
    )
    assert "l ≥ 2" in judged("C15").reading
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
    lacking = judge_against_resnet(replace(unknown, worse=None)).judgement.condition
    assert "as the branch vanishes, per signal on one of the inputs" in lacking


def test_more_for_some_number_of_inputs_is_not_more_for_each():
    evidence = gathered("C15")
    first, *others = evidence.squares
    some = replace(evidence, squares=(replace(first, dense=first.residual + 1), *others))
    assert judged("C15", some).verdict == "refuted"
    every = tuple(replace(each, dense=each.residual + 1) for each in evidence.squares)
    found = judged("C15", replace(evidence, squares=every))
    assert found.condition.startswith("as the branch vanishes, per signal on one")


def test_what_is_forced_decides_nothing():
    """Twice as many entries in the signal halve γ²: the mean is shown and is no reading."""
    evidence = gathered("C15")
    mean = replace(evidence.mean, difference=10 * abs(evidence.mean.difference))
    found = judged("C15", replace(evidence, mean=mean))
    assert found.verdict == "refuted"
    assert "not judged: over 100 He-initialized branches" in found.summary
    assert "the ratio 0.50 is forced" in found.summary


def test_more_for_every_branch_would_count_where_it_is_open():
    found = judged("C15", replace(gathered("C15"), worse=None))
    assert found.verdict == "undecided"
    assert "for every branch and signal" in found.condition
    assert "“could”" in found.condition


def test_could_is_no_order_while_the_residual_block_can_too():
    assert "a residual block could pass more, for ∂F/∂x = 0" in judged("C15").summary
    assert judged("C15", replace(gathered("C15"), better=None)).verdict == "refuted"
