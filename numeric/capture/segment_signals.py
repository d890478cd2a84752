"""Follows a backward signal through the steps inside a segment, operation by operation.

The segment runs anew from its entry; each step's adjoint alone is asked of autograd.
"""

from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor
from torch.linalg import vector_norm

from numeric.capture.capture import Captured, CapturedModel
from numeric.capture.dominators import immediate_dominators
from numeric.capture.flow import Step
from numeric.capture.region import ran
from numeric.recording.graph import Ref


@dataclass(frozen=True)
class InnerStep:
    """A step inside a segment: ‖·‖₂ over the batch of the signal that `arrived` at its result, and
    of what it `passed` to its operands. `alone` says that every path of the segment goes through
    it.
    """

    step: Step
    arrived: float
    passed: float
    alone: bool

    @property
    def gain(self) -> float | None:
        """What is passed, relative to what arrived; None where nothing did."""
        return self.passed / self.arrived if self.arrived else None


def segment_values(model: CapturedModel, segment: Captured) -> Mapping[int, Tensor]:
    """What a segment reads and makes, by the numbers of the recording: what that does not keep is
    made again.
    """
    made: dict[int, Tensor] = {}
    values = ChainMap(made, cast(dict[int, Tensor], model.flow.recording.values))
    done: dict[int, list[Any]] = {}
    with torch.no_grad():
        for step in segment.steps:
            if not values[step.value].is_meta:
                continue
            if id(step.node) not in done:
                done[id(step.node)] = ran(step.node, partial(_given, values))
            made[step.value] = done[id(step.node)][step.position]
    return values


def segment_signals(segment: Captured, values: Mapping[int, Tensor], g: Tensor) -> list[InnerStep]:
    """The steps that the signal g (batch, *out) at the segment's exit comes by, the last first;
    `values` are the segment's. Of a state, g is (batch, n).
    """
    ends = met_by_every_path(segment)
    scale = g.abs().max()
    signals = _apart(segment, values, g / scale if scale > 0 else g)
    found = []
    for step in reversed(segment.steps):
        signal = signals.pop(step.value, None)
        if signal is None:
            continue
        sent = step_pullback(values, step, signal.reshape(values[step.value].shape))
        passed = _size([each for each in sent.values() if each is not None])
        alone = step.value in ends and len(step.operands) == 1
        found.append(InnerStep(step, _size([signal]), passed, alone))
        _add(signals, sent)
    return found


def segment_pullback(
    segment: Captured, values: Mapping[int, Tensor], g: Tensor
) -> dict[int, Tensor]:
    """What the segment makes of the signal g at its exit, at the values of its entry; those that
    nothing arrives at are left out.
    """
    signals = _apart(segment, values, g)
    for step in reversed(segment.steps):
        signal = signals.pop(step.value, None)
        if signal is not None:
            _add(signals, step_pullback(values, step, signal))
    return {value: signals[value] for value in segment.entry if value in signals}


def _add(signals: dict[int, Tensor], sent: Mapping[int, Tensor | None]) -> None:
    for value, part in sent.items():
        if part is not None:
            signals[value] = signals[value] + part if value in signals else part


def met_by_every_path(segment: Captured) -> set[int]:
    """The values that every path of the segment goes through; none of a state."""
    if segment.flat:
        return set()
    above = immediate_dominators(segment.entry[0], segment.steps)
    chain = [segment.exit[0]]
    while chain[-1] != segment.entry[0]:
        chain.append(above[chain[-1]])
    return set(chain)


def _apart(segment: Captured, values: Mapping[int, Tensor], g: Tensor) -> dict[int, Tensor]:
    """The signal of each value at the exit."""
    shapes = [values[value].shape for value in segment.exit]
    parts = g.flatten(1).split([shape[1:].numel() for shape in shapes], 1)
    return {v: p.reshape(s) for v, p, s in zip(segment.exit, parts, shapes, strict=True)}


def step_slopes(values: Mapping[int, Tensor], step: Step) -> Tensor:
    """The slopes of a step that maps entry by entry, at the values of its segment."""
    value = values[step.value]
    (slopes,) = step_pullback(values, step, torch.ones_like(value)).values()
    return torch.zeros_like(value) if slopes is None else slopes


def step_pullback(
    values: Mapping[int, Tensor], step: Step, signal: Tensor
) -> Mapping[int, Tensor | None]:
    """What the signal at a step's result makes of it, alone, at each of its operands."""
    given = {each: values[each].detach().requires_grad_() for each in step.operands}
    with torch.enable_grad():
        out = ran(step.node, partial(_given, ChainMap(given, cast(dict[int, Tensor], values))))
        made = out[step.position]
    if made.grad_fn is None:
        return dict.fromkeys(step.operands)
    asked = tuple(given.values())
    found = torch.autograd.grad(made, asked, signal.to(made.dtype), allow_unused=True)
    return dict(zip(given, found, strict=True))


def _given(values: Mapping[int, Tensor], leaf: Any) -> Any:
    return values[leaf.value] if isinstance(leaf, Ref) else leaf


def _size(tensors: Sequence[Tensor]) -> float:
    real = [torch.view_as_real(each) if each.is_complex() else each for each in tensors]
    norms = [vector_norm(each.detach(), dtype=torch.float64) for each in real if each.numel()]
    return float(torch.stack(norms).norm()) if norms else 0.0
