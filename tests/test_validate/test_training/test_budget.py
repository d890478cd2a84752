"""A budget ends before its time, and of what does not fit whole seeds go first."""

from types import SimpleNamespace

import pytest

from derivations.errors import InputError
from validate.training.budget import Budget, OutOfTimeError, by_seed, duration, fitting


def planned(seeds=(100, 101), depths=(8, 20)):
    return [
        SimpleNamespace(
            run=f"plain-d{depth}-s{seed}", network=f"plain-{depth}", seed=seed, depth=depth
        )
        for seed in seeds
        for depth in depths
    ]


SECONDS = {"plain-8": 1.0, "plain-20": 3.0}


@pytest.mark.parametrize(
    ("seconds", "kept_back"), [(480.0, 48.0), (200.0, 20.0), (100.0, 20.0), (10.0, 5.0)]
)
def test_some_is_kept_back_for_ending(seconds, kept_back):
    now = [7.0]
    budget = Budget(seconds, clock=lambda: now[0])
    assert budget.left == pytest.approx(seconds - kept_back)
    now[0] += seconds - kept_back - 0.5
    budget.check()
    now[0] += 1
    with pytest.raises(OutOfTimeError):
        budget.check()


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("inf"), float("nan")])
def test_a_budget_of_nothing_is_refused(seconds):
    with pytest.raises(InputError, match="give more than 0"):
        Budget(seconds)


def test_tasks_go_to_whoever_is_free():
    assert duration([3, 1, 1, 1], 1) == 6
    assert duration([3, 1, 1, 1], 2) == 3
    assert duration([1, 1, 1, 3], 2) == 4
    assert duration([], 3) == 0


@pytest.mark.parametrize(
    ("left", "kept"),
    [
        (8.0, ["plain-d8-s100", "plain-d20-s100", "plain-d8-s101", "plain-d20-s101"]),
        (7.9, ["plain-d8-s100", "plain-d20-s100"]),
        (4.0, ["plain-d8-s100", "plain-d20-s100"]),
        (3.9, ["plain-d8-s100"]),
        (0.9, []),
        (-1.0, []),
    ],
)
def test_seeds_go_first_then_what_takes_longest(left, kept):
    assert [config.run for config in fitting(planned(), SECONDS, 1, left)] == kept


def test_seed_by_seed_and_the_deepest_first():
    assert [config.run for config in by_seed(planned())] == [
        "plain-d20-s100",
        "plain-d8-s100",
        "plain-d20-s101",
        "plain-d8-s101",
    ]
