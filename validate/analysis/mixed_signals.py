"""Tells whether the backward signals of a batch's samples mix inside a captured block.

A layer that is dead hides from every change of the inputs what happens behind it: so each block is
asked by itself.
"""

import torch

from numeric import Captured, CapturedModel, segment_pullback, segment_values
from validate.measure.model_gains import kept_in_turn


def signals_mix(captured: CapturedModel, seed: int = 0) -> bool:
    """Whether a random signal of some samples reaches others in a block; True where a block does
    not run by itself, as under autocast.

    One pullback for each block and set of samples whose signals are kept, all others being zero.
    """
    try:
        return any(_mixes(captured, each, seed) for each in captured.segments)
    except RuntimeError:
        return True


def _mixes(captured: CapturedModel, segment: Captured, seed: int) -> bool:
    values, made = segment_values(captured, segment), captured.value(segment.exit)
    drawn = torch.Generator().manual_seed(seed)
    signal = torch.randn(made.shape, generator=drawn, dtype=torch.float64).to(made)
    for kept in kept_in_turn(len(made)):
        rows = kept.to(made.device)
        shown = signal * rows.view(-1, *[1] * (made.dim() - 1))
        # What is made of zeros alone is zero, however it is summed.
        sent = segment_pullback(segment, values, shown).values()
        if any(bool(each[~rows].ne(0).any()) for each in sent):
            return True
    return False
