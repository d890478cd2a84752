"""C9: whether a gate helps at all, in the limit, and more often than not."""

from dataclasses import replace

import pytest
from test_validate.audited import gathered, judged
from torch import nn

from validate.audit.ensembles import _gated
from validate.networks.build import deviation_at_start


def test_the_smallest_pairs_ordered_either_way():
    assert judged("C9").counterexample["given"]["∂F/∂x"] == "1"
    assert gathered("C9").better.given["∂F/∂x"] == "−1"


def test_a_possibility_is_all_that_is_left():
    holds, *fails = judged("C9").condition.split("; not ")
    assert holds.startswith("the possibility increases")
    assert "there is a branch and a gate for which it passes more (existence" in holds
    assert [each.partition(" (")[0] for each in fails] == [
        "the possibility increases",
        "more likely",
    ]
    assert "55 of 100 draws, which is a coin flip" in judged("C9").summary
    assert "more in 0 of 100 draws" in judged("C9").summary


def test_gates_are_said_to_be_untrained_and_their_squares_to_be_what_is_added():
    evidence = gathered("C9")
    assert evidence.gates.square == pytest.approx(evidence.mean.added, abs=0.02)
    assert "shrinks to (1.262 − 1) / (2.060 − 1) = 0.25 of its value" in judged("C9").summary
    assert "as the mean of s² is 0.25" in judged("C9").summary


def test_of_trained_gates_nothing_is_said():
    name = "more likely (section 4): more often than not with trained gates"
    assert judged("C9").condition.endswith(f"undecided {name}")
    evidence = gathered("C9")
    always = replace(
        evidence,
        mean=replace(evidence.mean, wins=100),
        gated=replace(evidence.gated, lower=1.5, upper=2.0),
    )
    assert judged("C9", always).verdict == "conditional"


def test_the_ensemble_is_described_so_that_it_can_be_drawn_again():
    block = _gated()
    first, norm, relu, second, last = block.branch[:5]
    for convolution in (first, second):
        assert convolution.kernel_size == (3, 3)
        assert (convolution.stride, convolution.padding) == ((1, 1), (1, 1))
        assert convolution.bias is None
        assert deviation_at_start(convolution) ** 2 == pytest.approx(2 / (9 * 8))
    assert isinstance(norm, nn.BatchNorm2d)
    assert isinstance(last, nn.BatchNorm2d)
    assert isinstance(relu, nn.ReLU)
    assert (block.squeeze.in_features, block.squeeze.out_features) == (8, 2)
    assert (block.excite.in_features, block.excite.out_features) == (2, 8)
    described = (
        "kernels 3 × 3, stride 1, zero padding 1",
        "2 / (9 · 8)",
        "8 → 2 → 8 (reduction 4)",
    )
    assert all(each in judged("C9").summary for each in described)


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
    parts = [
        part
        for part in condition.split("; ")
        if "more likely" in part and "trained gates" not in part
    ]
    assert len(parts) == 1
    assert parts[0].startswith(f"{name}more likely (section 4): more often than not over 100")


def test_without_any_block_that_passes_more_nothing_is_decided():
    found = judged("C9", replace(gathered("C9"), better=None))
    assert found.verdict == "undecided"
    assert "the possibility increases" in found.condition


def test_less_for_some_block_is_no_reading():
    """No wording of the paper says that it is so for every branch."""
    assert judged("C9", replace(gathered("C9"), worse=None)).condition == judged("C9").condition
