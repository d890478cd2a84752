"""Finds the values that every path passes through, in a graph that is written in running order."""

from collections.abc import Mapping, Sequence

from numeric.capture.flow import Flow, Step


def cuts(flow: Flow) -> tuple[int, ...]:
    """The values on every path from the source to the sinks, in order, the source first; where
    the flow has one sink it is the last.
    """
    order = [flow.source, *(step.value for step in flow.steps)]
    last_use = dict.fromkeys(order, -1)
    for index, step in enumerate(flow.steps, 1):
        last_use.update(dict.fromkeys(step.operands, index))
    last_use.update(dict.fromkeys(flow.sinks, len(order)))
    found, reach = [], -1
    for index, value in enumerate(order):
        if reach <= index:  # nothing older is used later
            found.append(value)
        reach = max(reach, last_use[value])
    return tuple(found)


def immediate_dominators(root: int, steps: Sequence[Step]) -> Mapping[int, int]:
    """For each step's value the last value before it on every path from `root`.

    The steps are those of a region that starts at `root`, in running order.
    """
    depth, above = {root: 0}, {root: root}
    for step in steps:
        common = step.operands[0]
        for operand in step.operands[1:]:
            common = _meeting(common, operand, depth, above)
        above[step.value] = common
        depth[step.value] = depth[common] + 1
    return above


def _meeting(one: int, other: int, depth: Mapping[int, int], above: Mapping[int, int]) -> int:
    while one != other:
        if depth[one] >= depth[other]:
            one = above[one]
        else:
            other = above[other]
    return one
