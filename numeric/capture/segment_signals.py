"""Follows a backward signal through the steps inside a segment, operation by operation.

Each step runs alone, on its recorded operands; its adjoint is asked of autograd.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.linalg import vector_norm

from numeric.capture.capture import Captured, CapturedModel
from numeric.capture.flow import Flow, Step
from numeric.capture.region import ran
from numeric.capture.segment_terms import TermReader
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


def segment_signals(model: CapturedModel, segment: Captured, g: Tensor) -> list[InnerStep]:
    """The steps that the signal g (batch, *out) at the segment's exit comes by, the last first."""
    reader = TermReader(model.flow)
    steps = reader.between(segment.entry, segment.exit)
    ends = {target for _, target in reader.links(segment.entry, segment.exit)}
    scale = g.abs().max()
    signals: dict[int, Tensor] = {segment.exit: g / scale if scale > 0 else g}
    found = []
    for step in reversed(steps):
        signal = signals.pop(step.value, None)
        if signal is None:
            continue
        sent = step_pullback(model.flow, step, signal.reshape(model.flow.shape(step.value)))
        passed = _size([each for each in sent.values() if each is not None])
        alone = step.value in ends and len(step.operands) == 1
        found.append(InnerStep(step, _size([signal]), passed, alone))
        for value, part in sent.items():
            if part is not None:
                signals[value] = signals[value] + part if value in signals else part
    return found


def step_slopes(flow: Flow, step: Step) -> Tensor:
    """The slopes of a step that maps entry by entry, at the values it was recorded with."""
    value = flow.recording.values[step.value]
    (slopes,) = step_pullback(flow, step, torch.ones_like(value)).values()
    return torch.zeros_like(value) if slopes is None else slopes


def step_pullback(flow: Flow, step: Step, signal: Tensor) -> Mapping[int, Tensor | None]:
    """What the signal at a step's result makes of it, alone, at each of its operands."""
    values = flow.recording.values
    given = {each: values[each].detach().requires_grad_() for each in step.operands}

    def argument(leaf: Any) -> Any:
        if not isinstance(leaf, Ref):
            return leaf
        return given[leaf.value] if leaf.value in given else values[leaf.value]

    with torch.enable_grad():
        out = ran(step.node, argument)[step.position]
    if out.grad_fn is None:
        return dict.fromkeys(step.operands)
    asked = tuple(given.values())
    found = torch.autograd.grad(out, asked, signal.to(out.dtype), allow_unused=True)
    return dict(zip(given, found, strict=True))


def _size(tensors: Sequence[Tensor]) -> float:
    real = [torch.view_as_real(each) if each.is_complex() else each for each in tensors]
    norms = [vector_norm(each.detach(), dtype=torch.float64) for each in real if each.numel()]
    return float(torch.stack(norms).norm()) if norms else 0.0
