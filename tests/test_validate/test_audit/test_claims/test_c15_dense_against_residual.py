"""C15: dense beside residual blocks, in each sense, and the smallest pairs ordered either way."""

from dataclasses import replace

import pytest
from test_validate.audited import gathered, judged

from validate.audit.claims.c15_dense_against_residual import judge_against_resnet


def test_the_smallest_pairs_ordered_either_way():
    assert gathered("C15").better.given == {
        "∂F/∂x": "−1",
        "∂L/∂H (dense)": "(0, 1)",
        "∂L/∂H (residual)": "1",
    }
    assert judged("C15").counterexample["given"] == {
        "∂F/∂x": "0",
        "∂L/∂H (dense)": "(1, 1)",
        "∂L/∂H (residual)": "1",
    }


@pytest.mark.parametrize("part", ["dense", "residual"])
def test_what_was_not_derived_decides_nothing(part):
    """The √l law is the only sense in which the dense block is better: without it none is left."""
    evidence = gathered("C15")
    unknown = replace(evidence, **{part: replace(getattr(evidence, part), derived=False)})
    assert judged("C15").condition.startswith("as the branch vanishes, l ≥ 2")
    assert judge_against_resnet(unknown).judgement.condition == ""
    open_ones = replace(unknown, worse=None, mean=replace(evidence.mean, difference=0.0))
    lacking = judge_against_resnet(open_ones).judgement.condition
    assert [lacking.count(sense) for sense in ("l ≥ 2", "on all inputs", "more draws")] == [1, 1, 1]


def test_more_on_average_is_one_of_its_senses():
    evidence = gathered("C15")
    mean = replace(evidence.mean, difference=10 * abs(evidence.mean.difference))
    judgement = judge_against_resnet(replace(evidence, mean=mean)).judgement
    assert f"; in the mean of γ² over {mean.ensemble}" in judgement.condition.partition("; not")[0]
