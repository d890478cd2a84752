"""Tells whether the backward signals of a batch's samples mix inside a captured block.

A layer that is dead hides from every change of the inputs what happens behind it: so each block is
asked by itself.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from numeric import Captured, CapturedModel, segment_pullback, segment_values
from numeric.recording.recorder import tensors_of
from validate.measure.model_gains import kept_in_turn, measure_model
from validate.measure.signal_hooks import Place


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


def rows_mix(
    model: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    places: Sequence[Place],
    positions: Sequence[int] | None,
    *,
    batch: int,
    seed: int = 0,
) -> bool:
    """Whether a random signal that leaves some samples of a model's results reaches, at one of the
    places, rows that are not theirs, as where the first axis there counts something else; True
    where that cannot be measured. `positions` are those of the results, None for all.

    One backward pass of the model itself for each set of samples.
    """
    for kept in kept_in_turn(batch):
        loss = partial(_some_rows, kept, positions, seed)
        try:
            found = measure_model(model, args, kwargs, places, loss).norms
        except ValueError:
            return True
        norms = [each for each in found if each is not None]
        if any(
            len(each) != batch or bool(each[~kept.to(each.device)].ne(0).any()) for each in norms
        ):
            return True
    return False


def _some_rows(kept: Tensor, positions: Sequence[int] | None, seed: int, made: Any) -> Tensor:
    """The inner product of some samples of the results with random numbers."""
    results = tensors_of(made)
    used = results if positions is None else [results[each] for each in positions]
    drawn, total = torch.Generator().manual_seed(seed), torch.zeros(())
    for each in used:
        if each.is_floating_point() and each.requires_grad:
            random = torch.randn(each.shape, generator=drawn, dtype=torch.float64)
            shown = random * kept.view(-1, *[1] * (each.dim() - 1))
            total = total + (each * shown.to(each)).sum()
    return total
