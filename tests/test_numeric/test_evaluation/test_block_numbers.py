"""Which of several bounds says most, for each sample by itself."""

from dataclasses import FrozenInstanceError

import pytest
import torch

from derivations.errors import InputError
from numeric.evaluation.block_numbers import BlockNumbers, BoundNumbers, tightest


def bound(name: str, side: str, *values: float) -> BoundNumbers:
    return BoundNumbers(name, side, "exact", None, torch.tensor(values, dtype=torch.float64))


BOUNDS = (
    bound("low", "lower", 0.1, 0.5, 0.3),
    bound("high", "upper", 2.0, 1.0, 7.0),
    bound("other low", "lower", 0.2, 0.4, 0.3),
    bound("other high", "upper", 3.0, 0.9, 7.0),
)


@pytest.mark.parametrize(
    ("side", "names"),
    [("lower", ["other low", "low", "low"]), ("upper", ["high", "other high", "high"])],
)
def test_each_sample_has_the_bound_that_says_most_and_of_equal_ones_the_first(side, names):
    block = BlockNumbers(
        torch.zeros(3, 2), torch.ones(3), {}, BOUNDS, torch.ones(3, dtype=torch.bool)
    )
    assert [each.id for each in block.tightest(side)] == names
    assert block.tightest(side) == tightest(BOUNDS, side)


def test_the_order_decides_between_equals_alone():
    assert [each.id for each in tightest(BOUNDS[::-1], "lower")] == [
        "other low",
        "low",
        "other low",
    ]


@pytest.mark.parametrize(
    ("bounds", "message"),
    [((), "no lower bound among none"), (BOUNDS[1:2], "no lower bound among high: evaluate with")],
)
def test_where_no_bound_is_of_that_side_the_others_are_named(bounds, message):
    with pytest.raises(InputError, match=message):
        tightest(bounds, "lower")


def test_a_number_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        BOUNDS[0].certainty = "certified"
