"""Frontiers against an exhaustive search over paths, and how the places of cuts are chosen."""

from itertools import pairwise

import pytest
import torch
from test_numeric.test_capture.test_dominators import drawn, flow_of, paths

from numeric.capture.frontiers import MANY_USES, MOST_VALUES, Cutter, Sweep


@pytest.mark.parametrize("seed", range(60))
def test_a_frontier_holds_the_last_value_of_every_path(seed: int) -> None:
    operands = drawn(seed)
    end = max(operands)
    sweep = Sweep(flow_of(operands, (end,)), 0, end)
    for place in range(end + 1):
        last = {max(v for v in path if v <= place) for path in paths(operands, end)}
        assert set(sweep.frontier(place)) == last
        assert list(sweep.frontier(place)) == sorted(last)


@pytest.mark.parametrize("seed", range(60))
def test_a_cost_counts_values_and_later_uses_of_used_ones(seed: int) -> None:
    operands = drawn(seed)
    end = max(operands)
    sweep = Sweep(flow_of(operands, (end,)), 0, end)
    for place in range(end + 1):
        late = 0
        for value in sweep.frontier(place):
            users = [made for made, taken in operands.items() for each in taken if each == value]
            later = sum(made > place for made in users) + (value == end)
            late += later if min(users, default=end + 1) <= place else 0
        assert sweep.cost(place) == (len(sweep.frontier(place)), late)


def test_a_sweep_may_begin_and_end_inside() -> None:
    operands = {1: (0,), 2: (1,), 3: (1, 2), 4: (3,)}
    sweep = Sweep(flow_of(operands, (4,)), 1, 3)
    assert [step.value for step in sweep.steps] == [2, 3]
    assert [sweep.frontier(place) for place in range(3)] == [(1,), (1, 2), (3,)]


def test_too_many_values_are_no_frontier() -> None:
    count = MOST_VALUES + 1
    operands: dict[int, tuple[int, ...]] = dict.fromkeys(range(1, count + 1), (0,))
    operands[count + 1] = tuple(range(1, count + 1))
    sweep = Sweep(flow_of(operands, (count + 1,)), 0, count + 1)
    assert sweep.frontier(MOST_VALUES - 1) != ()
    assert sweep.frontier(count) == ()
    assert not sweep.fits(count)
    assert sweep.cost(count) == (count, 0)
    assert sweep.cost(1) == (2, MANY_USES)  # of the 32 later uses of 0


def values(**changes: torch.Tensor) -> dict[int, torch.Tensor]:
    return {number: changes.get(f"v{number}", torch.zeros(2, 3)) for number in range(4)}


@pytest.mark.parametrize(
    "other",
    [torch.zeros(3), torch.zeros(4, 3), torch.zeros(2, 0), torch.zeros(2, 3).double(),
     torch.zeros(2, 3, dtype=torch.complex64), torch.zeros(2, 3, device="meta")],
    ids=["no batch", "another batch", "empty", "another type", "complex", "another device"],
)  # fmt: skip
def test_what_makes_no_row_of_a_state_is_in_no_frontier(other: torch.Tensor) -> None:
    operands = {1: (0,), 2: (1, 0), 3: (2,)}
    flow = flow_of(operands, (3,))
    for held, fits in ((values(), True), (values(v1=other), False)):
        flow.recording.values.update(held)  # type: ignore[attr-defined]
        sweep = Sweep(flow, 0, 3)
        assert sweep.fits(1) is fits
        assert sweep.fits(2)


def cutter(operands: dict[int, tuple[int, ...]], one: set[tuple[int, int]]) -> Cutter:
    """One for which these pairs of places are blocks, and every sum is a join."""
    end = max(operands)
    flow = flow_of(operands, (end,))
    flow.recording.values.update({v: torch.zeros(2, 3) for v in range(end + 1)})  # type: ignore[attr-defined]
    sweep = Sweep(flow, 0, end)

    def joins(low: int, high: int) -> bool:
        return any(len(step.operands) > 1 for step in sweep.steps[low:high])

    return Cutter(sweep, lambda low, high: (low, high) in one, joins)


BESIDE_A_SKIP = {1: (0,), 2: (1,), 3: (2, 1), 4: (3,), 5: (4, 3), 6: (5, 0)}
"""0 passes two residual blocks, 1 to 3 and 3 to 5."""


def test_blocks_beside_a_skip_are_cut_at_their_ends() -> None:
    found = list(cutter(BESIDE_A_SKIP, {(1, 3), (3, 5)}).cut(0, 6))
    assert found == [(0, 1), (1, 3), (3, 5), (5, 6)]


def test_what_is_no_block_is_cut_further() -> None:
    found = list(cutter(BESIDE_A_SKIP, {(3, 5)}).cut(0, 6))
    assert found == [(0, 1), (1, 2), (2, 3), (3, 5), (5, 6)]


def test_a_stretch_ends_where_another_value_moves() -> None:
    """3 joins 1 and 2; then 3 becomes 4, and 2 becomes 5."""
    operands = {1: (0,), 2: (0,), 3: (1, 2), 4: (3,), 5: (2,), 6: (4, 5)}
    found = list(cutter(operands, set()).cut(0, 6))
    assert found == [(0, 2), (2, 3), (3, 4), (4, 5), (5, 6)]


@pytest.mark.parametrize("seed", range(40))
def test_every_step_is_between_two_cuts(seed: int) -> None:
    operands = drawn(seed)
    found = list(cutter(operands, set()).cut(0, max(operands)))
    assert found[0][0] == 0
    assert found[-1][1] == max(operands)
    assert all(one[1] == other[0] for one, other in pairwise(found))
    assert all(low < high for low, high in found)
