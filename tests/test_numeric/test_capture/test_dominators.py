"""Cuts and dominators against an exhaustive search over paths."""

from random import Random

import pytest
import torch

from numeric.capture.dominators import cuts, immediate_dominators
from numeric.capture.flow import Flow, Step
from numeric.recording.graph import Node, Recording
from numeric.recording.operations import OPAQUE


def flow_of(operands: dict[int, tuple[int, ...]], sinks: tuple[int, ...]) -> Flow:
    node = Node(torch.add, (), {}, (), "", "", False, True)
    steps = tuple(Step(value, node, 0, taken, OPAQUE) for value, taken in operands.items())
    return Flow(Recording((), (), (), {}, {}), 0, sinks, steps, frozenset(), ())


def paths(operands: dict[int, tuple[int, ...]], end: int) -> list[list[int]]:
    """Every path from 0 to a value."""
    if end == 0:
        return [[0]]
    return [[*path, end] for each in set(operands[end]) for path in paths(operands, each)]


def drawn(seed: int) -> dict[int, tuple[int, ...]]:
    """A random graph in running order in which the last value is reached from every other."""
    random = Random(seed)
    count = random.randint(1, 9)
    operands = {
        value: tuple(random.choices(range(max(0, value - 3), value), k=random.choice((1, 1, 2))))
        for value in range(1, count + 1)
    }
    used = {each for taken in operands.values() for each in taken}
    loose = tuple(value for value in range(count + 1) if value not in used)
    return {**operands, count + 1: loose}


@pytest.mark.parametrize("seed", range(60))
def test_cuts_are_what_every_path_passes(seed: int) -> None:
    operands = drawn(seed)
    last = max(operands)
    common = set.intersection(*map(set, paths(operands, last)))
    assert cuts(flow_of(operands, (last,))) == tuple(sorted(common))


@pytest.mark.parametrize("seed", range(60))
def test_an_immediate_dominator_is_the_last_that_every_path_passes(seed: int) -> None:
    operands = drawn(seed)
    above = immediate_dominators(0, flow_of(operands, ()).steps)
    for value in operands:
        common = set.intersection(*map(set, paths(operands, value))) - {value}
        assert above[value] == max(common)


def test_where_outputs_part_there_is_no_cut_behind() -> None:
    assert cuts(flow_of({1: (0,), 2: (1,), 3: (1,)}, (2, 3))) == (0, 1)
    assert cuts(flow_of({1: (0,), 2: (1,), 3: (2,)}, (2, 3))) == (0, 1, 2)
