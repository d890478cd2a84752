"""Compares one backward pass of a model with what its captured blocks make of the signals in it.

The signals are the original model's; each block's pullback is that of its own term, run alone.
"""

from collections.abc import Callable, Mapping
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
from numeric.checks import is_finite
from numeric.recording.graph import Ref
from numeric.recording.recorder import tensors_of
from numeric.recording.samples_apart import samples_apart
from numeric.settings import Effort
from validate.analysis.analysis_document import Total
from validate.analysis.causes import worth_a_look
from validate.analysis.inner_causes import InnerCause, inner_cause_of
from validate.inside.inner_steps import InnerSteps, inner_steps
from validate.measure.model_gains import ModelMeasurement, coupled, measure_model
from validate.measure.network_gains import norm_ratio

MEASURED_ONLY = (
    "the model computes in {}: measured only, by its own backward pass; no formula is held against "
    "it and no bound is given, for its digits are too few; call model.float(), and leave autocast "
    "out, for these"
)
AGREE: Mapping[torch.dtype, float] = {torch.float64: 1e-10, torch.float32: 2e-3}
"""How far a block's own pullback may be from the measured one, relative to the signals there."""
HALF = (torch.float16, torch.bfloat16)
"""In these a formula and the model differ by more than what any mistake would be seen by."""


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
    _expected: dict[int, Tensor] = field(default_factory=dict)
    _unbounded: dict[str, str] = field(default_factory=dict)
    _apart: dict[int, float] = field(default_factory=dict)
    _shuts: set[int] = field(default_factory=set)

    def measure(self, signal: Callable[[Any], Tensor]) -> ModelMeasurement:
        places, indices = self._places()
        given = (self.model, self.args, self.kwargs, places)
        flow = self.captured.flow
        result = [flow.recording.values[each] for each in flow.recording.outputs]
        inputs = {len(each) for each in tensors_of((self.args, self.kwargs))[:1] if each.dim()}
        batches = {len(self.captured.value(each)) for each in self.captured.boundaries}
        with untouched(self.model):
            apart = samples_apart(flow.recording)  # most models, and no pass is needed
            unlike = not apart and coupled(self._picked, *given[1:3], result)
            self.joined = batches != inputs or unlike
        if self.joined:
            self.remarks.append("samples are coupled: gains and bounds are of the whole batch")
        half = self.half
        if half:
            self.remarks.insert(0, MEASURED_ONLY.format(half))

        def look(place: int, found: Tensor) -> None:
            if not half:
                self._at(indices[place], found)

        with untouched(self.model):
            try:
                measured = measure_model(*given, signal, per_sample=not self.joined, look=look)
            except ValueError as error:
                raise InputError(str(error)) from error
        if half:
            self._take(measured, indices)
            return measured
        self._carry_on(0)
        if self.carried:
            self.remarks.append(
                f"{self.carried} boundaries are no value of the model's own run, as a state that "
                "it concatenates anew: the signal there is the captured blocks' own"
            )
        for why in dict.fromkeys(self._unbounded.values()):
            names = [name for name, each in reversed(self._unbounded.items()) if each == why]
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            self.remarks.append(f"{', '.join(names[:3])}{more}: measured only, no bound: {why}")
        self._judge()
        return measured

    @property
    def half(self) -> str:
        """The half precision that a value on the way has, "" where none has."""
        values = [self.captured.value(step.value) for step in self.captured.flow.steps]
        values.append(self.captured.value(self.captured.boundaries[0]))
        found = dict.fromkeys(each.dtype for each in values if each.dtype in HALF)
        return ", ".join(str(dtype).removeprefix("torch.") for dtype in found)

    def _picked(self, *args: Any, **kwargs: Any) -> list[Tensor]:
        """Those of the model's results that the signal leaves from."""
        found = tensors_of(self.model(*args, **kwargs))
        return found if self.positions is None else [found[each] for each in self.positions]

    def _take(self, measured: ModelMeasurement, indices: list[int]) -> None:
        """The measured gains alone, where no formula is evaluated."""
        norms = dict(zip(indices, measured.norms, strict=True))
        for index, segment in enumerate(self.captured.segments):
            before, after = norms.get(index), norms.get(index + 1)
            if before is None or after is None:
                continue
            numbers = BlockNumbers(before[:, None], norm_ratio(before[:, None], after[:, None]),
                                   {}, (), after > 0)  # fmt: skip
            self.numbers[index] = SegmentNumbers(numbers, 0.0, {})
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

    def _places(self) -> tuple[list[Any], list[int]]:
        """The boundaries that the model itself meets with the same gradient, and which they are."""
        virtual = self.captured.flow.virtual
        found = [
            (address, index)
            for index, value in enumerate(self.captured.boundaries)
            if value not in virtual and (address := self.captured.address(value)) is not None
        ]
        return [address for address, _ in found], [index for _, index in found]

    def _at(self, boundary: int, signal: Tensor) -> None:
        """Compares what was predicted for this boundary, and predicts the one before it."""
        if not is_finite(signal):
            name = self.captured.segments[max(boundary - 1, 0)].name
            raise InputError(f"the signal behind {name} is not finite: an infinite slope or a loss")
        self._carry_on(boundary)
        if boundary in self._expected:
            self._compare(boundary, signal)
        if boundary > 0:
            self._predict(boundary - 1, signal)

    def _carry_on(self, boundary: int) -> None:
        """Predicts what lies behind boundaries that the model did not meet, down to this one."""
        for above in range(len(self.captured.segments), boundary, -1):
            if above - 1 not in self.numbers and above in self._expected:
                self.carried += 1
                self._predict(above - 1, self._expected.pop(above))

    @cached_property
    def _inner_steps(self) -> list[InnerSteps]:
        return inner_steps(self.captured)

    def _predict(self, index: int, signal: Tensor) -> None:
        segment = self.captured.segments[index]
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

    def _compare(self, boundary: int, signal: Tensor) -> None:
        limits = torch.finfo(signal.dtype)
        rows, expected = signal.detach().flatten(1), self._expected.pop(boundary).flatten(1)
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
        """Raises CaptureError for the first block whose own value or pullback differs."""
        limit = AGREE.get(self.captured.value(self.captured.boundaries[0]).dtype)
        for index, segment in enumerate(self.captured.segments):
            apart = self._apart.get(index, 0.0)
            value = self.numbers[index].value_error if index in self.numbers else 0.0
            if limit is not None and not max(apart, value) <= limit:
                what, by = ("value", value) if value > limit else ("pullback", apart)
                raise CaptureError(
                    f"{segment.name}: the captured {segment.kind} block's own {what} differs from "
                    f"the model's by {by:.1e}: it does something that a recording does not see"
                )


def _without_pullback(numbers: BlockNumbers) -> BlockNumbers:
    return replace(numbers, pullback=numbers.pullback[:0])


def measured_only(captured: CapturedModel, segment: Captured) -> str:
    """Why nothing is to be guaranteed of a block, "" where something is."""
    steps = [step for r in segment.regions.values() for step in getattr(r, "steps", ())]
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
    leaves = tree_flatten(step.node.args)[0]
    factors = [captured.value(leaf.value) if isinstance(leaf, Ref) else leaf for leaf in leaves
               if not isinstance(leaf, Ref) or leaf.value not in step.operands]  # fmt: skip
    return any(isinstance(each, Tensor) and bool((each != 1).any()) for each in factors)


def _median(values: Tensor | None) -> float | None:
    if values is None:
        return None
    kept = values[values.isfinite()]
    return float(kept.median()) if len(kept) else None
