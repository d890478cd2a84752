"""Keeps what backward passes showed: numbers on their devices until someone reads, rows then.

Reading waits once for all that is pending, not once for each number.
"""

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from validate.watching.alerts import Alert, AlertJudge
from validate.watching.watch_document import BlockRow, ParameterRow
from validate.watching.watch_plan import WatchPlan

PENDING = 32
"""So many passes wait on the device; the next one reads them all."""
ALL = "(all)"
"""The name of the row of all parameters together."""


class ScalarWriter(Protocol):
    """What takes scalars, as TensorBoard's SummaryWriter does."""

    def add_scalar(self, tag: str, value: float, step: int, /) -> object: ...


@dataclass(frozen=True)
class ParameterNorms:
    """‖∂L/∂W‖₂ and ‖W‖₂ by name, on their devices."""

    names: tuple[str, ...]
    gradients: tuple[Tensor, ...]
    weights: tuple[Tensor, ...]


@dataclass(frozen=True)
class _Pass:
    """One backward pass; numbers are tensors until it is read."""

    step: int
    plan: WatchPlan
    numbers: Mapping[int, Tensor]
    parameters: ParameterNorms | None


class WatchLedger:
    """Takes passes and gives rows and alerts of the last `keep` of them, all if None."""

    def __init__(
        self, judge: AlertJudge | None, writer: ScalarWriter | None, keep: int | None
    ) -> None:
        self.judge, self.writer = judge, writer
        self.blocks: deque[tuple[BlockRow, ...]] = deque(maxlen=keep)
        self.parameters: deque[tuple[ParameterRow, ...]] = deque(maxlen=keep)
        self.alerts: list[Alert] = []
        self._pending: list[_Pass] = []

    def add(
        self,
        step: int,
        plan: WatchPlan,
        numbers: Mapping[int, Tensor],
        parameters: ParameterNorms | None,
    ) -> None:
        """Notes one backward pass: its numbers by point."""
        self._pending.append(_Pass(step, plan, numbers, parameters))
        if len(self._pending) >= PENDING:
            self.read()

    def read(self) -> None:
        """Waits for what is pending and turns it into rows, alerts and scalars."""
        pending, self._pending = self._pending, []
        tensors = [tensor for each in pending for tensor in _tensors(each)]
        floats = iter(_floats(tensors))
        for each in pending:
            numbers = {index: next(floats) for index in each.numbers}
            names = each.parameters.names if each.parameters is not None else ()
            gradients = [next(floats) for _ in names]
            weights = [next(floats) for _ in names]
            self._note_blocks(each, numbers, dict(zip(names, weights, strict=True)))
            if each.parameters is not None:
                self._note_parameters(each.step, names, gradients, weights)

    def _note_blocks(
        self, each: _Pass, numbers: Mapping[int, float], sizes: Mapping[str, float]
    ) -> None:
        seen = [block.seen(numbers, sizes) for block in each.plan.blocks]
        self.blocks.append(
            tuple(
                BlockRow(
                    each.step, s.block, s.kind, s.gain, _finite(s.after), _finite(s.dead),
                    _finite(s.gate),
                )
                for s in seen
            )
        )  # fmt: skip
        if self.judge is not None:
            self.alerts += self.judge.judge(each.step, seen)
        for row in self.blocks[-1] if self.blocks else ():
            self._write(f"gain/{row.block}", row.gain, each.step)

    def _note_parameters(
        self,
        step: int,
        names: Sequence[str],
        gradients: Sequence[float],
        weights: Sequence[float],
    ) -> None:
        sizes = [*zip(names, gradients, weights, strict=True)]
        sizes.append((ALL, math.hypot(*gradients), math.hypot(*weights)))
        rows = [
            ParameterRow(step, name, gradient, _finite(gradient / weight) if weight else None)
            for name, gradient, weight in sizes
            if math.isfinite(gradient)
        ]
        self.parameters.append(tuple(rows))
        for row in rows:
            self._write(f"gradient/{row.name}", row.gradient, step)
            self._write(f"relative/{row.name}", row.relative, step)

    def _write(self, tag: str, value: float | None, step: int) -> None:
        if self.writer is not None and value is not None:
            self.writer.add_scalar(tag, value, step)


def _tensors(each: _Pass) -> Iterable[Tensor]:
    yield from each.numbers.values()
    if each.parameters is not None:
        yield from each.parameters.gradients
        yield from each.parameters.weights


def _floats(tensors: Sequence[Tensor]) -> list[float]:
    """All numbers, in one transfer for each device."""
    found = [math.nan] * len(tensors)
    places: dict[tuple[torch.device, torch.dtype], list[int]] = {}
    for index, tensor in enumerate(tensors):
        places.setdefault((tensor.device, tensor.dtype), []).append(index)
    for indices in places.values():
        values = torch.stack([tensors[index] for index in indices]).tolist()
        for index, value in zip(indices, values, strict=True):
            found[index] = value
    return found


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
