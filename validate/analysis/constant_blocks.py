"""Finds the first block behind which nothing depends on the input, by what was recorded there."""

import torch
from torch import Tensor

from numeric import CapturedModel
from validate.inside.inner_causes import inner_cause_of
from validate.inside.inner_steps import inner_steps


def first_constant(captured: CapturedModel) -> tuple[int, str] | None:
    """The first block whose result is the same for every sample, while what it gets is not, with
    why in words; None where there is none. Of a single sample a result of zeros alone.

    Everything behind such a block is a constant too, or draws random numbers.
    """
    ends = captured.boundaries
    if captured.value(ends[0]).is_meta or _is_constant(captured.value(ends[0])):
        return None
    for index, each in enumerate(ends[1:]):
        if _is_constant(captured.value(each)):
            return index, _why(captured, index)
    return None


def _is_constant(value: Tensor) -> bool:
    rows = value.detach()
    return torch.equal(rows, rows[:1].expand_as(rows)) if len(rows) > 1 else not bool(rows.any())


def _why(captured: CapturedModel, index: int) -> str:
    segment = captured.segments[index]
    inside = inner_cause_of(captured, segment, inner_steps(captured)[index], None)
    samples = len(captured.value(segment.exit))
    said = f"it gives the same for all {samples} samples" if samples > 1 else "it gives zeros alone"
    why = f": {inside.words}" if inside.words else ""
    return f"{said}, so that nothing behind it depends on the input{why}"
