"""Compares one backward pass of a model with what its captured blocks make of the signals in it.

The signals are the original model's; each block's pullback is that of its own term, run alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from derivations.errors import CaptureError, InputError
from numeric import (
    BlockNumbers,
    Captured,
    CapturedModel,
    SegmentNumbers,
    segment_numbers,
    segment_spectra,
    untouched,
)
from numeric.recording.recorder import tensors_of
from numeric.settings import Effort
from validate.analysis.analysis_document import Total
from validate.measure.model_gains import ModelMeasurement, coupled, measure_model

AGREE: Mapping[torch.dtype, float] = {torch.float64: 1e-10, torch.float32: 2e-3}
"""How far a block's own pullback may be from the measured one, relative to the signals there."""


@dataclass
class SignalComparison:
    """One backward pass of the model, and what its captured blocks make of the signals in it."""

    captured: CapturedModel
    model: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    want_spectra: bool
    seed: int
    numbers: dict[int, SegmentNumbers] = field(default_factory=dict)
    spectra: dict[int, BlockNumbers] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    joined: bool = False
    carried: int = 0
    partly: int = 0
    _expected: dict[int, Tensor] = field(default_factory=dict)
    _apart: dict[int, float] = field(default_factory=dict)
    _signals: dict[int, Tensor] = field(default_factory=dict)
    _waiting: int = 0

    def measure(self, signal: Callable[[Any], Tensor]) -> ModelMeasurement:
        self._waiting = len(self.captured.segments)
        values = self._places()
        places = [address for v in values if (address := self.captured.address(v)) is not None]
        given = (self.model, self.args, self.kwargs, places)
        flow = self.captured.flow
        result = [flow.recording.values[each] for each in flow.recording.outputs]
        inputs = {len(each) for each in tensors_of((self.args, self.kwargs))[:1] if each.dim()}
        batches = {len(self.captured.value(each)) for each in self.captured.boundaries}
        with untouched(self.model):
            self.joined = batches != inputs or coupled(*given[:3], result)
        if self.joined:
            self.remarks.append("samples are coupled: gains and bounds are of the whole batch")

        def look(place: int, found: Tensor) -> None:
            self._arrived(values[place], found)

        with untouched(self.model):
            try:
                measured = measure_model(*given, signal, per_sample=not self.joined, look=look)
            except ValueError as error:
                raise InputError(str(error)) from error
        self._look_back_to(0)
        if self.carried:
            self.remarks.append(
                f"{self.carried} boundaries are no value of the model's own run, as a state that "
                "it concatenates anew: the signal there is the captured blocks' own"
            )
        if self.partly:
            self.remarks.append(
                f"at {self.partly} boundaries a value of several was used before, as one that a "
                "skip carries on: of its signal what comes by the skip is the captured blocks' own"
            )
        self._judge()
        return measured

    @property
    def worst(self) -> float | None:
        """The worst relative error of a pullback; None where none could be compared."""
        return max(self._apart.values(), default=None)

    def total(self, measured: ModelMeasurement) -> Total:
        product: Tensor | None = None
        for index in range(len(self.captured.segments)):
            if index not in self.numbers:
                return Total(None, None, None)
            gain = self.numbers[index].numbers.gain
            product = gain if product is None else product * gain
        return Total(_median(measured.total), _median(product), self.worst)

    def culprit(self, index: int) -> str | None:
        """The first block on the signal's way that it enters and does not leave, before this one
        is reached.
        """
        for after in range(len(self.captured.segments) - 1, index, -1):
            numbers = self.numbers[after].numbers if after in self.numbers else None
            if numbers is None or (numbers.live.any() and not (numbers.pullback != 0).any()):
                return self.captured.segments[after].name
        return None

    def _places(self) -> list[int]:
        """The values at boundaries that the model itself meets with the same gradient."""
        return list(dict.fromkeys(value for met in self.captured.met for value in met))

    def _arrived(self, value: int, signal: Tensor) -> None:
        """Keeps the signal of a value until all of its boundary are there."""
        self._signals[value] = signal
        while self._waiting >= 0 and self._is_there(self._waiting):
            self._at(self._waiting)
        # What leads to all of a boundary has run: what is missing behind it never comes.
        for boundary in range(max(self._waiting, 0)):
            frontier = self.captured.boundaries[boundary]
            whole = value in frontier and self.captured.met[boundary] == frontier
            if whole and self._signals.keys() >= set(frontier):
                self._look_back_to(boundary)

    def _is_there(self, boundary: int) -> bool:
        met = self.captured.met[boundary]
        return bool(met) and self._signals.keys() >= set(met)

    def _look_back_to(self, boundary: int) -> None:
        while self._waiting >= boundary:
            self._at(self._waiting)

    def _at(self, boundary: int) -> None:
        """Compares what was predicted for this boundary, and predicts the one before it."""
        self._waiting = boundary - 1
        signal = self._joint(boundary)
        if boundary > 0:
            kept = set(self.captured.boundaries[boundary - 1])
            for value in self.captured.boundaries[boundary]:
                if value not in kept:
                    self._signals.pop(value, None)
            if signal is not None:
                self._predict(boundary - 1, signal)

    def _joint(self, boundary: int) -> Tensor | None:
        """The signal at a boundary: that of the model, and of values that it did not meet what was
        predicted. None where there is neither.
        """
        frontier, expected = self.captured.boundaries[boundary], self._expected.pop(boundary, None)
        here = self.captured.met[boundary]
        found = [self._signals.get(value) if value in here else None for value in frontier]
        met = [signal for signal in found if signal is not None]
        if not all(signal.isfinite().all() for signal in met):
            name = self.captured.segments[max(boundary - 1, 0)].name
            raise InputError(f"the signal behind {name} is not finite: an infinite slope or a loss")
        if expected is None:
            return joint(met) if len(met) == len(found) else None
        sizes = [self.captured.value((value,))[0].numel() for value in frontier]
        own = expected.flatten(1).split(sizes, 1)
        if met:
            there = [rows for rows, signal in zip(own, found, strict=True) if signal is not None]
            self._compare(boundary, joint(there), joint(met))
        if len(met) == len(found):
            return joint(met)
        self.carried += not met and boundary > 0
        self.partly += bool(met)
        pairs = zip(own, found, strict=True)
        return joint([rows if signal is None else signal for rows, signal in pairs])

    def _predict(self, index: int, signal: Tensor) -> None:
        segment = self.captured.segments[index]
        found = segment_numbers(self.captured, segment, signal, joined=self.joined)
        self.numbers[index] = found
        if self.want_spectra and not self.joined and found.numbers.live.all():
            self._find_spectra(index, segment, signal)
        shape = self.captured.value(segment.entry).shape
        self._expected[index] = found.numbers.pullback.reshape(shape)

    def _compare(self, boundary: int, own: Tensor, signal: Tensor) -> None:
        limits = torch.finfo(signal.dtype)
        rows = signal.detach().double().flatten(1)
        # Of a signal whose digits have underflowed there is nothing to compare.
        kept = rows.abs().amax(1) >= limits.tiny / limits.eps
        rows, expected = rows[kept], own.double().flatten(1)[kept]
        size = max(float(rows.norm()), float(expected.norm()))
        if size > 0:
            self._apart[boundary] = float((expected - rows).norm()) / size

    def _find_spectra(self, index: int, segment: Captured, signal: Tensor) -> None:
        try:
            self.spectra[index] = segment_spectra(
                self.captured, segment, signal, Effort(seed=self.seed)
            )
        except InputError as error:
            self.remarks.append(f"no spectra of {segment.name}: {error}")

    def _judge(self) -> None:
        """Raises CaptureError for the first block whose own value differs, then for the last whose
        own pullback does: what is carried on takes an error with it.
        """
        limit = AGREE.get(self.captured.value(self.captured.boundaries[0]).dtype)
        if limit is None:
            return
        values = [(index, "value", found.value_error) for index, found in self.numbers.items()]
        pullbacks = [(index, "pullback", apart) for index, apart in self._apart.items()]
        for index, what, by in (*sorted(values), *sorted(pullbacks, reverse=True)):
            if not by <= limit:
                segment = self.captured.segments[index]
                raise CaptureError(
                    f"{segment.name}: the captured {segment.kind} block's own {what} differs from "
                    f"the model's by {by:.1e}: it does something that a recording does not see"
                )


def joint(parts: Sequence[Tensor]) -> Tensor:
    """The signal at several values, each flat, one behind the other; of one value its own."""
    return parts[0] if len(parts) == 1 else torch.cat([part.flatten(1) for part in parts], 1)


def _median(values: Tensor | None) -> float | None:
    if values is None:
        return None
    kept = values[values.isfinite()]
    return float(kept.median()) if len(kept) else None
