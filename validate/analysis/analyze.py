"""Analyzes a model at an input: captures it, measures it as it is, and compares block by block.

The structure and the predicted pullbacks come from the captured terms, each run alone; the signals
and gains that judge them come from the original model's own backward pass.
"""

import copy
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._pytree import tree_flatten

from derivations.errors import CaptureError, InputError
from numeric import (
    Captured,
    CapturedModel,
    SegmentNumbers,
    capture,
    check_model,
    segment_numbers,
    segment_spectra,
    untouched,
)
from numeric.settings import Effort
from validate.analysis.analysis_document import (
    SCHEMA,
    Analysis,
    CaptureRecord,
    ParameterRecord,
    Total,
)
from validate.analysis.block_records import block_of
from validate.measure.model_gains import ModelMeasurement, coupled, measure_model

AGREE: Mapping[torch.dtype, float] = {torch.float64: 1e-10, torch.float32: 2e-3}
"""How far a block's own pullback may be from the measured one, relative to the signals there."""
Loss = Callable[[Any], Tensor]


def analyze(
    model: Callable[..., Any],
    *inputs: Any,
    y: Tensor | None = None,
    loss: Loss | None = None,
    spectra: bool = False,
    calibrate: Sequence[Any] | Tensor | None = None,
    seed: int = 0,
    target: str = "",
) -> Analysis:
    """Analyzes model(*inputs), or model(**inputs[0]) where the only input is a dict.

    The signal is that of `loss`, a function of the model's result, or of the cross-entropy with the
    labels `y`, or a seeded standard normal cotangent at every output. The model is measured in the
    mode and precision it is in, and comes back as it was; with `calibrate`, a batch of inputs, a
    copy is measured whose BatchNorm statistics are that batch's. Raises InputError for what cannot
    be analyzed, CaptureError where the captured terms do not give what the model does, and
    ViolationError where a derivation fails a check.
    """
    check_model(model)
    args, kwargs = _arguments(inputs)
    if calibrate is not None:
        model = _calibrated(model, calibrate)
    started = time.perf_counter()
    with untouched(model):
        captured = capture(model, args, kwargs)
    seconds = time.perf_counter() - started
    signal, words = _signal(loss, y, seed)
    run = _Run(captured, model, args, kwargs, spectra, seed)
    measured = run.measure(signal)
    return Analysis(
        schema=SCHEMA,
        target=target or getattr(model, "__name__", type(model).__name__),
        device=str(next((t.device for t in _tensors((args, kwargs))), "cpu")),
        dtype=str(captured.value(captured.boundaries[0]).dtype).removeprefix("torch."),
        input_shape=tuple(tuple(t.shape) for t in _tensors((args, kwargs))),
        signal=words,
        capture=CaptureRecord(
            "recording",
            len(captured.flow.recording.nodes),
            seconds,
            (*_statistics_remark(model), *captured.flow.remarks, *run.remarks),
        ),
        blocks=tuple(
            block_of(
                index, each, run.numbers.get(index), run.spectra.get(index), run.culprit(index)
            )
            for index, each in enumerate(captured.segments)
        ),
        parameters=tuple(
            ParameterRecord(name, norm, norm / size if size else None)
            for name, (norm, size) in measured.parameters.items()
            if math.isfinite(norm)
        ),
        total=run.total(measured),
    )


@dataclass
class _Run:
    """One backward pass of the model, and what its captured blocks make of the signals in it."""

    captured: CapturedModel
    model: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    want_spectra: bool
    seed: int
    numbers: dict[int, SegmentNumbers] = field(default_factory=dict)
    spectra: dict[int, Any] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    joined: bool = False
    carried: int = 0
    _expected: dict[int, Tensor] = field(default_factory=dict)
    _apart: dict[int, float] = field(default_factory=dict)

    def measure(self, signal: Loss) -> ModelMeasurement:
        places, indices = self._places()
        given = (self.model, self.args, self.kwargs, places)
        flow = self.captured.flow
        result = [flow.recording.values[each] for each in flow.recording.outputs]
        inputs = {len(each) for each in _tensors((self.args, self.kwargs))[:1] if each.dim()}
        batches = {len(self.captured.value(each)) for each in self.captured.boundaries}
        with untouched(self.model):
            self.joined = batches != inputs or coupled(*given[:3], result)
        if self.joined:
            self.remarks.append("samples are coupled: gains and bounds are of the whole batch")

        def look(place: int, found: Tensor) -> None:
            self._at(indices[place], found)

        with untouched(self.model):
            try:
                measured = measure_model(*given, signal, per_sample=not self.joined, look=look)
            except ValueError as error:
                raise InputError(str(error)) from error
        self._carry_on(0)
        if self.carried:
            self.remarks.append(
                f"{self.carried} boundaries are no value of the model's own run, as a state that "
                "it concatenates anew: the signal there is the captured blocks' own"
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
        if not signal.isfinite().all():
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

    def _predict(self, index: int, signal: Tensor) -> None:
        segment = self.captured.segments[index]
        found = segment_numbers(self.captured, segment, signal, joined=self.joined)
        self.numbers[index] = found
        if self.want_spectra and not self.joined and found.numbers.live.all():
            self._find_spectra(index, segment, signal)
        shape = self.captured.value(segment.entry).shape
        self._expected[index] = found.numbers.pullback.reshape(shape)

    def _compare(self, boundary: int, signal: Tensor) -> None:
        expected = self._expected.pop(boundary).double()
        size = max(float(signal.double().norm()), float(expected.norm()))
        if size > 0:
            self._apart[boundary] = float((expected - signal.double()).norm()) / size

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


def _arguments(inputs: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if not inputs:
        raise InputError("no input: pass the tensors that the model takes, or one dict of them")
    if len(inputs) == 1 and isinstance(inputs[0], dict):
        return (), dict(inputs[0])
    return tuple(inputs), {}


def _signal(loss: Loss | None, y: Tensor | None, seed: int) -> tuple[Loss, str]:
    if loss is not None and y is not None:
        raise InputError("give either the labels y or a loss of the result, not both")
    if loss is not None:
        return loss, "the given loss"
    if y is not None:
        labels = y
        return (lambda out: _cross_entropy(out, labels)), "summed cross-entropy"
    return (lambda out: _gaussian(out, seed)), f"standard normal cotangent, seed {seed}"


def _cross_entropy(out: Any, labels: Tensor) -> Tensor:
    logits = next((each for each in _tensors(out) if each.is_floating_point()), None)
    if logits is None or logits.dim() < 2 or len(logits) != len(labels):
        raise InputError(
            "labels y need logits (batch, classes, …) as the model's first result: give a loss"
        )
    return functional.cross_entropy(logits, labels, reduction="sum")


def _gaussian(out: Any, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    total: Tensor = torch.zeros(())
    for each in _tensors(out):
        if each.is_floating_point() and each.requires_grad:
            drawn = torch.randn(each.shape, generator=generator, dtype=torch.float64)
            total = total + (each * drawn.to(each.device, each.dtype)).sum()
    return total


def _calibrated(model: Callable[..., Any], batch: Any) -> Callable[..., Any]:
    """A copy whose BatchNorm layers hold the statistics of the batch."""
    if not isinstance(model, nn.Module):
        raise InputError("calibrate needs an nn.Module: a function holds no statistics")
    twin = copy.deepcopy(model)
    norms = [each for each in twin.modules() if isinstance(each, nn.modules.batchnorm._BatchNorm)]
    kept = [(each.training, each.momentum) for each in norms]
    for each in norms:
        each.reset_running_stats()
        each.train()
        each.momentum = None  # the mean over what it sees, from now on
    args, kwargs = _arguments(batch if isinstance(batch, tuple | list) else (batch,))
    with torch.no_grad():
        twin(*args, **kwargs)
    for each, (training, momentum) in zip(norms, kept, strict=True):
        each.train(training)
        each.momentum = momentum
    return twin


def _statistics_remark(model: object) -> list[str]:
    """A BatchNorm in eval mode whose statistics were never updated is the identity."""
    fresh = [
        name
        for name, each in (model.named_modules() if isinstance(model, nn.Module) else ())
        if isinstance(each, nn.modules.batchnorm._BatchNorm)
        and not each.training
        and each.num_batches_tracked is not None
        and int(each.num_batches_tracked) == 0
    ]
    if not fresh:
        return []
    more = f" and {len(fresh) - 1} more BatchNorm layers" if len(fresh) > 1 else ""
    said = (
        f"{fresh[0]}{more}: statistics that were never updated make a BatchNorm the identity, and "
        "these gains say nothing about training; pass calibrate=batch, or model.train()"
    )
    return [said]


def _median(values: Tensor | None) -> float | None:
    if values is None:
        return None
    kept = values[values.isfinite()]
    return float(kept.median()) if len(kept) else None


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_flatten(tree)[0] if isinstance(leaf, Tensor)]
