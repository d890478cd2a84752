"""Finds the ReLUs and the gates that run inside each block of a captured model."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from numeric.capture.capture import CapturedModel
from numeric.capture.flow import Step
from numeric.recording.operations import MOVES, name_of
from validate.measure.signal_norms import Passing

_ENDS = {
    "relu": Passing(0.0),
    "relu6": Passing(0.0, 6.0),
    "hardswish": Passing(-3.0),
    "hardtanh": Passing(-1.0, 1.0),
    "threshold": Passing(0.0),
    "clamp_min": Passing(0.0, closed=True),
}
_GIVEN = {
    "hardtanh": ("min_val", "max_val"),
    "threshold": ("threshold", ""),
    "clamp_min": ("min", ""),
}
"""Between these values the operations have a slope, where they are not given others."""
RELU_LIKE = frozenset(_ENDS)
"""Operations whose slope is exactly zero on a half-line."""
GATES = frozenset(("sigmoid", "hardsigmoid"))


@dataclass
class InnerSteps:
    """Steps inside a block, in the order of running: its ReLUs and its gates."""

    relus: list[Step] = field(default_factory=list)
    gates: list[Step] = field(default_factory=list)


def inner_steps(captured: CapturedModel) -> list[InnerSteps]:
    """The ReLUs and gates of each segment: it holds the steps up to its exit."""
    steps = captured.flow.steps
    place = {step.value: index for index, step in enumerate(steps)}
    exits = [max(place.get(value, -1) for value in each) for each in captured.boundaries[1:]]
    first = place.get(captured.boundaries[0][0], -1)
    found = [InnerSteps() for _ in captured.segments]
    users: dict[int, list[Step]] = {}
    for step in steps:
        for value in step.operands:
            users.setdefault(value, []).append(step)
    for index, step in enumerate(steps):
        where = bisect_left(exits, index)
        if index <= first or where == len(found):
            continue
        name = name_of(step.node)
        if name in RELU_LIKE and step.operands and step.operands[0] not in captured.flow.virtual:
            found[where].relus.append(step)
        if name in GATES and _multiplies(step.value, users):
            found[where].gates.append(step)
    return found


def passing(step: Step) -> Passing | None:
    """Where a ReLU or its like has a slope; None where tensors say where."""
    known, names = _ENDS[name_of(step.node)], _GIVEN.get(name_of(step.node), ("", ""))
    given = dict(zip(names, step.node.args[1:], strict=False)) | dict(step.node.kwargs)
    given.pop("", None)  # what a threshold puts in the place of a value
    low, high = given.get(names[0], known.low), given.get(names[1], known.high)
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return None
    return Passing(float(low), float(high), known.closed)


def _multiplies(value: int, users: Mapping[int, Sequence[Step]]) -> bool:
    """Whether all that becomes of a value, but for its shape, are factors of products."""
    found = users.get(value, ())
    return bool(found) and all(
        name_of(step.node) == "mul"
        or (name_of(step.node) in MOVES | {"expand_copy"} and _multiplies(step.value, users))
        for step in found
    )
