"""Puts the bounds for every loss into the records of the blocks they are of, or says why not."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from derivations.errors import GradboundError
from numeric import CapturedModel, LossBounds, Reachable, loss_bounds, reachable
from validate.analysis.analysis_document import (
    BlockAnalysis,
    BoundValue,
    ParameterRecord,
    Spread,
)

MOST_LOGITS = 64
"""A backward pass for each: beyond these it is another question."""
MOST_BYTES = 2**31
SAME = 1e-5
"""Gains and bounds of float32 agree to so much where digits are left."""
CLASSES: tuple[Literal["all", "shift_invariant", "labels"], ...] = (
    "all", "shift_invariant", "labels",
)  # fmt: skip


@dataclass(frozen=True)
class EveryLoss:
    """The bounds by the index of their block, and what is to be said of them."""

    bounds: Mapping[int, tuple[BoundValue, ...]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def every_loss_of(captured: CapturedModel, joined: bool) -> EveryLoss:
    """The bounds of every captured block, for logits (batch, K); a remark where there are none.

    `joined` says that the samples are coupled.
    """
    if why := _no_bounds(captured, joined):
        return EveryLoss(remarks=(f"no bounds for every loss: {why}",))
    try:
        found = reachable(captured, basis="all")
        count = len(captured.segments)
        return EveryLoss({index: bound_values(found, index, index + 1) for index in range(count)})
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
        return "the samples are coupled: call model.eval(), or use numeric.reachable(joined=True)"
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
    made: list[BoundValue] = []
    for cls in CLASSES if found.classes > 1 else CLASSES[:1]:
        made += _values(loss_bounds(found, i, j, cls), f"every_loss.{cls}", said)
    return tuple(made)


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


def contradictions(
    blocks: Sequence[BlockAnalysis], parameters: Sequence[ParameterRecord], of_labels: bool
) -> tuple[str, ...]:
    """A remark where measured gains lie outside of bounds that hold for their loss: in exact
    arithmetic none would. `of_labels` says that the loss is a cross-entropy with hard labels.
    """
    known = [f"every_loss.{each}" for each in (CLASSES if of_labels else CLASSES[:1])]
    measured = [(block.name, block.gain, block.bounds) for block in blocks]
    measured += [(each.name, each.sample_ratio, each.bounds) for each in parameters]
    names = [
        name
        for name, spread, bounds in measured
        if any(_is_outside(spread, each) for each in bounds if each.id in known)
    ]
    if not names:
        return ()
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    said = (
        f"{', '.join(names[:3])}{more}: what was measured lies outside of bounds for every loss, "
        "which is rounding: a sample is so saturated that its signal, or the model's derivative, "
        "has no digits left; use float64, or leave such samples out"
    )
    return (said,)


def _is_outside(spread: Spread | None, bound: BoundValue) -> bool:
    if spread is None or bound.value is None:
        return False
    if bound.side == "lower":
        return spread.min < bound.value * (1 - SAME)
    return spread.max > bound.value * (1 + SAME)
