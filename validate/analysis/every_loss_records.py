"""Puts the bounds for every loss into the records of the blocks they are of, or says why not."""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from derivations.errors import GradboundError
from numeric import CapturedModel, LossBounds, Reachable, loss_bounds, reachable
from validate.analysis.analysis_document import BoundValue

MOST_LOGITS = 64
"""A backward pass for each: beyond these it is another question."""
MOST_BYTES = 2**31
CLASSES: tuple[Literal["all", "shift_invariant", "labels"], ...] = (
    "all", "shift_invariant", "labels",
)  # fmt: skip


@dataclass(frozen=True)
class EveryLoss:
    """The bounds by the index of their block, and what is to be said of them. `floors` are the
    greatest part of ‖∂L/∂z‖ that ‖∂L/∂H‖ must have for the bounds of a block to hold.
    """

    bounds: Mapping[int, tuple[BoundValue, ...]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    floors: Mapping[int, float] = field(default_factory=dict)


def every_loss_of(captured: CapturedModel, joined: bool) -> EveryLoss:
    """The bounds of every captured block, for logits (batch, K); a remark where there are none.

    `joined` says that the samples are coupled.
    """
    if why := _no_bounds(captured, joined):
        return EveryLoss(remarks=(f"no bounds for every loss: {why}",))
    try:
        found = reachable(captured, basis="all")
        blocks = range(len(captured.segments))
        made = {index: _of_classes(found, index, index + 1) for index in blocks}
        floors = {n: max(float(each.floor.max()) for each in made[n].values()) for n in blocks}
        return EveryLoss({n: _all_values(made[n]) for n in blocks}, floors=floors)
    except GradboundError as error:
        return EveryLoss(remarks=(f"no bounds for every loss: {error}",))


def _no_bounds(captured: CapturedModel, joined: bool) -> str:
    """Why there can be none; "" where there can."""
    outputs = captured.flow.recording.outputs
    shape = tuple(captured.flow.shape(outputs[0])) if len(outputs) == 1 else ()
    if len(shape) != 2:
        return (
            f"they need one output of logits (batch, K), not {shape or f'{len(outputs)} outputs'}"
        )
    if joined:
        return (
            "the samples are coupled: call model.eval() (--mode eval, or calibrated), or use "
            "numeric.reachable(joined=True)"
        )
    if shape[1] > MOST_LOGITS:
        return f"{shape[1]} logits take as many backward passes, and at most {MOST_LOGITS} are made"
    places = (captured.value(place) for place in captured.boundaries)
    size = sum(each.numel() * each.element_size() for each in places) * shape[1]
    if size > MOST_BYTES:
        return f"the signals of {shape[1]} logits take {size / 2**30:.1f} GiB: use a smaller batch"
    return ""


def bound_values(
    found: Reachable, i: Hashable, j: Hashable, said: str = ""
) -> tuple[BoundValue, ...]:
    """Those of ‖∂L/∂h_i‖/‖∂L/∂h_j‖ for each class of losses, whose words `said` stands before."""
    return _all_values(_of_classes(found, i, j), said)


def _of_classes(found: Reachable, i: Hashable, j: Hashable) -> dict[str, LossBounds]:
    classes = CLASSES if found.classes > 1 else CLASSES[:1]
    return {cls: loss_bounds(found, i, j, cls) for cls in classes}


def _all_values(bounds: Mapping[str, LossBounds], said: str = "") -> tuple[BoundValue, ...]:
    made = [_values(each, f"every_loss.{cls}", said) for cls, each in bounds.items()]
    return tuple(value for values in made for value in values)


def _values(bounds: LossBounds, name: str, begins: str) -> list[BoundValue]:
    """The least lower and the greatest upper bound of the samples that have one."""
    live = ~bounds.lower.isnan()
    if not live.any():
        return []
    floor = float(bounds.floor.max())
    said = begins + bounds.holds_for
    if floor > 0:
        said += f", where ‖∂L/∂H‖ ≥ {floor:.0e} ‖∂L/∂z‖ (less is rounding)"
    least = 0.0 if bounds.rounding is None else float(bounds.rounding.max())
    if least > 0 and float(bounds.lower[live].min()) < least:
        said += f", beyond rounding: {least:.0e} and less are not told from 0"
    lower, upper = float(bounds.lower[live].min()), float(bounds.upper[live].max())
    high = upper if math.isfinite(upper) else None
    return [
        BoundValue(name, "lower", lower, bounds.certainty, said, None),
        BoundValue(name, "upper", high, bounds.certainty, said, None),
    ]
