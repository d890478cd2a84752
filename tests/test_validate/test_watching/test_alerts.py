import math
from dataclasses import replace

import pytest

from derivations.errors import InputError
from validate.watching.alerts import AlertJudge, AlertRules, Seen, cause_of


def block(name="b", kind="plain", before=1.0, after=1.0, dead=None, gate=None):
    return Seen(name, kind, before, after, dead, gate)


def whats(judge, step, *seen):
    return [(alert.block, alert.what) for alert in judge.judge(step, seen)]


@pytest.mark.parametrize(
    ("before", "after", "gain"),
    [(1.0, 4.0, 0.25), (0.0, 1.0, 0.0), (1.0, 0.0, None), (None, 1.0, None), (1.0, None, None),
     (math.inf, 1.0, None), (1.0, math.inf, None), (1.0, math.nan, None)],
)  # fmt: skip
def test_a_gain_is_a_number_or_none(before, after, gain):
    assert block(before=before, after=after).gain == gain


def test_a_rule_speaks_once_when_it_has_held_long_enough():
    judge = AlertJudge(AlertRules(patience=3))
    low, fine = block(before=1e-3), block()
    assert [whats(judge, k, low) for k in range(5)] == [[], [], [("b", "dying")], [], []]
    assert whats(judge, 5, fine) == []
    assert [whats(judge, k, low) for k in range(3)] == [[], [], [("b", "dying")]]


def test_looks_must_follow_each_other():
    judge = AlertJudge(AlertRules(patience=2))
    for gain in (1e-3, 1.0, 1e-3, 1.0):
        assert whats(judge, 0, block(before=gain)) == []


@pytest.mark.parametrize(
    ("seen", "what", "number"),
    [
        (block(before=0.0099), "dying", 0.0099),
        (block(before=101.0), "exploding", 101.0),
        (block(dead=0.75), "dead_units", 0.75),
        (block(gate=0.0099), "gate_shut", 0.0099),
        (block(before=0.0), "vanished", 0.0),
        (block(before=math.inf), "non_finite", math.inf),
    ],
)
def test_each_rule_has_its_limit(seen, what, number):
    (alert,) = AlertJudge(AlertRules(patience=1)).judge(7, [seen])
    assert (alert.step, alert.block, alert.what, alert.number) == (7, "b", what, number)
    assert str(alert).startswith(f"step 7: b: {what} (")


@pytest.mark.parametrize(
    "seen", [block(before=0.01), block(before=100.0), block(dead=0.74), block(gate=0.01)]
)
def test_at_a_limit_nothing_is_said(seen):
    assert AlertJudge(AlertRules(patience=1)).judge(0, [seen]) == []


def test_a_relu_that_is_dead_as_a_whole_is_told_at_once_and_once():
    judge = AlertJudge(AlertRules(patience=3))
    assert whats(judge, 0, block(dead=0.9)) == []
    assert whats(judge, 1, block(dead=1.0)) == [("b", "dead_units")]
    for dead in (0.9, 1.0, None, 0.8):
        assert whats(judge, 2, block(dead=dead)) == []
    assert whats(judge, 3, block(dead=0.1)) == []
    assert whats(judge, 4, block(dead=1.0)) == [("b", "dead_units")]


def test_what_gets_no_signal_tells_of_its_units():
    judge = AlertJudge(AlertRules(patience=1))
    chain = [block("a", before=0.0, after=0.0, dead=0.8), block("b", before=0.0)]
    assert whats(judge, 0, *chain) == [("a", "dead_units"), ("b", "vanished")]


def test_what_was_not_asked_holds_on():
    judge = AlertJudge(AlertRules(patience=2))
    looks = [block(dead=0.9), block(), block(), block(dead=0.9)]
    assert [whats(judge, k, each) for k, each in enumerate(looks)][-1] == [("b", "dead_units")]
    assert whats(judge, 4, block(dead=0.1)) == []
    assert whats(judge, 5, block(dead=0.9)) == []


def test_the_block_that_loses_a_signal_is_the_last_one_that_it_enters():
    judge = AlertJudge(AlertRules(patience=1))
    chain = [block("a", before=0.0, after=0.0), block("b", before=0.0), block("c")]
    assert whats(judge, 0, *chain) == [("b", "vanished")]
    (alert,) = AlertJudge(AlertRules()).judge(0, [block("a", before=0.0, after=0.0)])
    assert "loss itself" in alert.cause


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (block(before=0.0), "exactly zero"),
        (block(before=0.0, dead=1.0), "every unit of a ReLU"),
        (block(before=0.0, gate=0.0), "gate is shut"),
        (replace(block(before=0.0), zero="head"), "the weight of head is 0"),
        (block(before=math.nan), "overflows"),
        (block(before=math.nan, after=math.nan), "loss itself, or its scale"),
        (block(before=1e3, kind="residual"), "its branch sends back many times"),
        (block(before=1e3), "its layers enlarge"),
    ],
)
def test_causes_are_said_in_words(seen, words):
    alerts = AlertJudge(AlertRules(patience=1)).judge(0, [seen])
    assert words in alerts[-1].cause


def test_the_cause_of_a_small_gain_is_what_was_measured():
    assert "gate lets 0.01 through" in cause_of(block(gate=0.01, dead=0.9))
    assert "90% of the units" in cause_of(block(gate=0.5, dead=0.9))
    assert "cancels what its skip" in cause_of(block(kind="residual"))
    assert "no skip" in cause_of(block(dead=0.1))


@pytest.mark.parametrize(
    "wrong",
    [{"min_gain": -1.0}, {"min_gain": 2.0, "max_gain": 1.0}, {"min_gain": math.nan},
     {"patience": 0}, {"dead_share": 0.0}, {"dead_share": 1.5}, {"gate_opening": -0.1}],
)  # fmt: skip
def test_a_limit_that_is_none_is_refused(wrong):
    with pytest.raises(InputError):
        AlertRules(**wrong)
