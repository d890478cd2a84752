"""Compares one backward pass of a model with what its captured blocks make of the signals in it.

The signals are the original model's; each block's pullback is that of its own term, run alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.linalg import vector_norm
from torch.utils._pytree import tree_flatten

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
from numeric.capture.flow import Step
from numeric.capture.norm_bounds import norm_bound, with_norm_bound
from numeric.checks import HALF, is_finite
from numeric.recording.graph import Ref
from numeric.recording.recorder import tensors_of
from numeric.recording.samples_apart import samples_apart
from numeric.settings import Effort
from validate.analysis.analysis_document import Total
from validate.inside.causes import worth_a_look
from validate.inside.inner_causes import InnerCause, inner_cause_of
from validate.inside.inner_steps import InnerSteps, inner_steps
from validate.inside.mixed_signals import rows_mix, signals_mix
from validate.measure.model_gains import ModelMeasurement, coupled, measure_model
from validate.measure.network_gains import norm_ratio

MEASURED_ONLY = (
    "the model computes in {}: measured only, by its own backward pass; no formula is held against "
    "it and no bound is given, for its digits are too few; call model.float(), and leave autocast "
    "out, for these"
)
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
    positions: tuple[int, ...] | None = None
    """Which tensors of the result the signal leaves from; None for all."""
    numbers: dict[int, SegmentNumbers] = field(default_factory=dict)
    spectra: dict[int, BlockNumbers] = field(default_factory=dict)
    inside: dict[int, InnerCause] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    joined: bool = False
    carried: int = 0
    partly: int = 0
    _expected: dict[int, Tensor] = field(default_factory=dict)
    _unbounded: dict[str, str] = field(default_factory=dict)
    _apart: dict[int, float] = field(default_factory=dict)
    _shuts: set[int] = field(default_factory=set)
    _signals: dict[int, Tensor] = field(default_factory=dict)
    _sizes: dict[int, Tensor] = field(default_factory=dict)
    _waiting: int = 0

    def measure(self, signal: Callable[[Any], Tensor]) -> ModelMeasurement:
        self._waiting = len(self.captured.segments)
        values = self._places()
        places = [address for v in values if (address := self.captured.address(v)) is not None]
        given = (self.model, self.args, self.kwargs, places)
        with untouched(self.model):
            self.joined = self._are_joined()
        if self.joined:
            self.remarks.append("samples are coupled: gains and bounds are of the whole batch")
        half = self.half
        if half:
            self.remarks.insert(0, MEASURED_ONLY.format(half))

        def look(place: int, found: Tensor) -> None:
            if not half:
                self._arrived(values[place], found)

        with untouched(self.model):
            try:
                measured = measure_model(*given, signal, per_sample=not self.joined, look=look)
            except ValueError as error:
                raise InputError(str(error)) from error
        if half:
            self._take(measured, values)
            return measured
        self._look_back_to(0)
        if self.carried:
            self.remarks.append(
                f"at {self.carried} places between blocks the model itself holds no such value, as "
                "where it puts a state together anew: the gradient there was computed by the "
                "blocks' formulas, not measured"
            )
        if self.partly:
            self.remarks.append(
                f"at {self.partly} places between blocks a skip carries a value on that was used "
                "before: the model's own backward pass shows its gradient as one sum, so the part "
                "that comes by the skip was computed by the blocks' formulas, not measured"
            )
        for why in dict.fromkeys(self._unbounded.values()):
            names = [name for name, each in reversed(self._unbounded.items()) if each == why]
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            self.remarks.append(f"{', '.join(names[:3])}{more}: measured only, no bound: {why}")
        self._judge()
        return measured

    def _are_joined(self) -> bool:
        """Whether samples are coupled, or cannot be told apart: by what is known of operations,
        which is enough for most models, else by runs with other inputs and other signals.
        """
        recording = self.captured.flow.recording
        between = [value for place in self.captured.boundaries for value in place]
        inputs = {len(each) for each in tensors_of((self.args, self.kwargs))[:1] if each.dim()}
        apart = samples_apart(recording, between)
        if apart is False or {len(self.captured.value(self.captured.boundaries[0]))} != inputs:
            return True
        if apart:
            return False
        result = [recording.values[each] for each in recording.outputs]
        moved = coupled(self._picked, self.args, self.kwargs, result)
        if moved or signals_mix(self.captured, self.seed):
            return True
        places = [address for v in self._places() if (address := self.captured.address(v))]
        given = (self.model, self.args, self.kwargs, places, self.positions)
        return rows_mix(*given, batch=inputs.pop(), seed=self.seed)

    @property
    def half(self) -> str:
        """The half precision that a value on the way has, "" where none has: there a formula and
        the model differ by more than what a mistake would be seen by.
        """
        flow = self.captured.flow
        on_the_way = (flow.source, *(step.value for step in flow.steps))
        values = [flow.recording.values[each] for each in on_the_way]
        found = dict.fromkeys(each.dtype for each in values if each.dtype in HALF)
        return ", ".join(str(dtype).removeprefix("torch.") for dtype in found)

    def _picked(self, *args: Any, **kwargs: Any) -> list[Tensor]:
        """Those of the model's results that the signal leaves from."""
        found = tensors_of(self.model(*args, **kwargs))
        return found if self.positions is None else [found[each] for each in self.positions]

    def _take(self, measured: ModelMeasurement, values: Sequence[int]) -> None:
        """The measured gains alone, where no formula is evaluated."""
        norms = dict(zip(values, measured.norms, strict=True))
        # Of a value that was used before, a hook meets the signal of that use too.
        pairs = list(zip(self.captured.boundaries, self.captured.met, strict=True))
        sizes = [
            _joint_norm([norms.get(value) for value in each]) if met == each else None
            for each, met in pairs
        ]
        if unmet := sum(met != each for each, met in pairs):
            self.remarks.append(
                f"{unmet} boundaries hold a value that is used on both sides: what comes from "
                f"behind alone no hook measures, and in {self.half} no formula tells it"
            )
        for index, segment in enumerate(self.captured.segments):
            before, after = sizes[index], sizes[index + 1]
            if before is None or after is None:
                continue
            numbers = BlockNumbers(before[:, None], norm_ratio(before[:, None], after[:, None]),
                                   {}, (), after > 0)  # fmt: skip
            self.numbers[index] = SegmentNumbers(numbers, 0.0, {})
            if (after > 0).any() and not before.any():
                self._shuts.add(index)
            if worth_a_look(numbers):
                steps = self._inner_steps[index]
                self.inside[index] = inner_cause_of(self.captured, segment, steps, None)

    @property
    def worst(self) -> float | None:
        """The worst relative error of a pullback; None where none could be compared."""
        return max(self._apart.values(), default=None)

    def total(self, measured: ModelMeasurement) -> Total:
        product: Tensor | None = None
        if self.half:
            return Total(_median(measured.total), None, None)
        for index in range(len(self.captured.segments)):
            if index not in self.numbers:
                return Total(None, None, None)
            gain = self.numbers[index].numbers.gain
            product = gain if product is None else product * gain
        return Total(_median(measured.total), _median(product), self.worst)

    def below(self, floors: Mapping[int, float]) -> set[int]:
        """The blocks that some sample's signal leaves with a smaller part of ‖∂L/∂z‖ than their
        floor, and of those with one all where the blocks do not end at the logits z.
        """
        last = len(self.captured.segments) - 1
        if self.captured.boundaries[-1] != self.captured.flow.sinks:
            return {index for index, floor in floors.items() if floor > 0}
        return {
            index
            for index, floor in floors.items()
            if index in self._sizes and bool((self._sizes[index] < floor * self._sizes[last]).any())
        }

    def culprit(self, index: int) -> str | None:
        """The first block on the signal's way that it enters and does not leave, before this one
        is reached.
        """
        return self.captured.segments[self._shut].name if self._shut > index else None

    @cached_property
    def _shut(self) -> int:
        """The last block that the signal enters and does not leave, or −1."""
        for index in range(len(self.captured.segments) - 1, -1, -1):
            if index not in self.numbers or index in self._shuts:
                return index
        return -1

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
        if not all(map(is_finite, met)):
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

    @cached_property
    def _inner_steps(self) -> list[InnerSteps]:
        return inner_steps(self.captured)

    def _predict(self, index: int, signal: Tensor) -> None:
        segment = self.captured.segments[index]
        self._sizes[index] = vector_norm(signal.detach().flatten(1), dim=1, dtype=torch.float64)
        found = segment_numbers(self.captured, segment, signal, joined=self.joined)
        if (scale := norm_bound(self.captured, segment)) is not None:
            found = with_norm_bound(found, scale, self.joined)
        if unbounded := measured_only(self.captured, segment):
            found = replace(found, numbers=replace(found.numbers, bounds=()))
            self._unbounded[segment.name] = unbounded
        # Of the pullback, which is as large as the input, no more is asked than this.
        if found.numbers.live.any() and not found.numbers.pullback.any():
            self._shuts.add(index)
        self.numbers[index] = replace(found, numbers=_without_pullback(found.numbers))
        if self.want_spectra and not self.joined and found.numbers.live.all() and not unbounded:
            self._find_spectra(index, segment, signal)
        if worth_a_look(found.numbers):
            steps = self._inner_steps[index]
            self.inside[index] = inner_cause_of(self.captured, segment, steps, signal)
        shape = self.captured.value(segment.entry).shape
        self._expected[index] = found.numbers.pullback.reshape(shape)

    def _compare(self, boundary: int, own: Tensor, signal: Tensor) -> None:
        limits = torch.finfo(signal.dtype)
        rows, expected = signal.detach().flatten(1), own.flatten(1)
        # Of a signal whose digits have underflowed there is nothing to compare.
        kept = torch.maximum(rows.amax(1), -rows.amin(1)) >= limits.tiny / limits.eps
        lengths = [
            float(vector_norm(vector_norm(each, dim=1, dtype=torch.float64)[kept]))
            for each in (rows, expected, expected - rows)
        ]
        if max(lengths[:2]) > 0:
            self._apart[boundary] = lengths[2] / max(lengths[:2])

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


def _without_pullback(numbers: BlockNumbers) -> BlockNumbers:
    return replace(numbers, pullback=numbers.pullback[:0])


def measured_only(captured: CapturedModel, segment: Captured) -> str:
    """Why nothing is to be guaranteed of a block, "" where something is."""
    steps = segment.steps
    custom = [step.node.name for step in steps if step.traits.tag == "custom"]
    if custom:
        return f"{custom[0]} says itself what its gradient is, which no formula knows"
    if any(_draws(captured, step) for step in steps):
        return "random numbers are drawn, and it is another map at each call"
    return ""


def _draws(captured: CapturedModel, step: Step) -> bool:
    """Whether a step draws random numbers, or is the product with what a dropout drew."""
    if step.node.drawn is not None or "dropout" not in step.node.name:
        return step.node.drawn is not None
    leaves, values = tree_flatten(step.node.args)[0], captured.flow.recording.values
    factors = [values[leaf.value] if isinstance(leaf, Ref) else leaf for leaf in leaves
               if not isinstance(leaf, Ref) or leaf.value not in step.operands]  # fmt: skip
    return any(isinstance(each, Tensor) and bool((each != 1).any()) for each in factors)


def joint(parts: Sequence[Tensor]) -> Tensor:
    """The signal at several values, each flat, one behind the other; of one value its own."""
    return parts[0] if len(parts) == 1 else torch.cat([part.flatten(1) for part in parts], 1)


def _joint_norm(norms: Sequence[Tensor | None]) -> Tensor | None:
    """That of several values together; None where one of them was not met."""
    found = [each for each in norms if each is not None]
    return torch.stack(found).norm(dim=0) if len(found) == len(norms) else None


def _median(values: Tensor | None) -> float | None:
    if values is None:
        return None
    kept = values[values.isfinite()]
    return float(kept.quantile(0.5)) if len(kept) else None
