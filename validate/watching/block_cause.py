"""Says why a block's gain is small or large as an analysis of the model would.

The block runs anew, with the signal behind it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from numeric import CapturedModel, segment_numbers
from numeric.checks import HALF
from validate.inside.causes import cause_of
from validate.inside.inner_causes import inner_cause_of
from validate.inside.inner_steps import inner_steps
from validate.watching.watch_plan import WatchedBlock


def block_cause(
    captured: CapturedModel, block: WatchedBlock, signals: Sequence[Tensor | None]
) -> str | None:
    """The cause in words; `signals` are those of the values behind the block. None where nothing is
    worth a word, where the block is several of the capture's, and where half precision does not
    let it run by itself.
    """
    found = [each for each in signals if each is not None]
    half = any(each.dtype in HALF for each in captured.flow.recording.values.values())
    if half or len(block.segments) != 1 or not found or len(found) < len(signals):
        return None
    index = block.segments[0]
    segment = captured.segments[index]
    if captured.flow.virtual.intersection(segment.exit):  # whose signal is in several places
        return None
    g = found[0] if len(found) == 1 else torch.cat([each.flatten(1) for each in found], 1)
    numbers = segment_numbers(captured, segment, g, joined=True).numbers
    inside = inner_cause_of(captured, segment, inner_steps(captured)[index], g)
    return cause_of(segment, numbers, inside).lost_by
