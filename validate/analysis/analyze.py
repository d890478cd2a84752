"""Analyzes a model at an input: captures it, measures it as it is, and compares block by block.

The structure and the predicted pullbacks come from the captured terms, each run alone; the signals
and gains that judge them come from the original model's own backward pass.
"""

import copy
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from derivations.errors import InputError
from numeric import (
    CapturedModel,
    capture,
    check_model,
    full_float32,
    untouched,
    without_numbers,
)
from numeric.checks import HALF
from numeric.recording.failures import named_failures
from numeric.recording.given import Generators
from numeric.recording.recorder import tensors_of
from validate.analysis.analysis_document import (
    SCHEMA,
    Analysis,
    CaptureRecord,
    Total,
)
from validate.analysis.block_records import block_of
from validate.analysis.certainty_remarks import certainty_remarks
from validate.analysis.constant_blocks import first_constant
from validate.analysis.contradictions import contradictions
from validate.analysis.every_loss_records import EveryLoss, every_loss_of
from validate.analysis.signal_comparison import AGREE, SignalComparison
from validate.analysis.weight_records import parameters_of, with_every_loss
from validate.targets.backward_signals import arguments_of, signal_of, used_results

Loss = Callable[[Any], Tensor]
COMPILED = (
    "torch.compile: the model is analyzed as it was written, not what the compiler made of it"
)
STRUCTURE = "the weights hold no numbers (meta device): the structure alone, nothing is measured"


@full_float32()
@torch.inference_mode(False)
@torch.enable_grad()
def analyze(
    model: Callable[..., Any],
    *inputs: Any,
    y: Tensor | None = None,
    loss: Loss | None = None,
    spectra: bool = False,
    every_loss: bool = False,
    calibrate: Sequence[Any] | Tensor | None = None,
    seed: int = 0,
    target: str = "",
) -> Analysis:
    """Analyzes model(*inputs), or model(**inputs[0]) where the only input is a dict.

    The signal is that of `loss`, a function of the model's result, or of the cross-entropy with the
    labels `y`, or a seeded standard normal cotangent at every output. The model is measured in the
    mode and precision it is in, and comes back as it was; with `calibrate`, a batch of inputs, a
    copy is measured whose BatchNorm statistics are that batch's. `every_loss` adds the bounds that
    hold whatever the loss of the logits (batch, K). Of a model on the meta device
    there is structure alone. Raises InputError for what cannot be analyzed, CaptureError where the
    captured terms do not give what the model does, and ViolationError where a derivation fails.
    """
    args, kwargs = arguments_of(inputs)
    compiled = hasattr(model, "_orig_mod")
    model = getattr(model, "_orig_mod", model)
    if meta := without_numbers(model, args, kwargs):
        calibrate = None
    check_model(model, meta)
    if calibrate is not None:
        model = _calibrated(model, calibrate)
    signal = signal_of(loss, y, seed)
    chosen = None
    if not meta and (loss is not None or y is not None):
        with untouched(model):
            chosen = used_results(model, args, kwargs, signal.loss)
    started = time.perf_counter()
    with untouched(model):
        captured = capture(model, args, kwargs, chosen)
    seconds = time.perf_counter() - started
    dtype = captured.value(captured.boundaries[0]).dtype
    if dtype not in (*AGREE, *HALF):
        raise InputError(f"the model computes in {dtype}: call model.float(), or model.double()")
    run = SignalComparison(captured, model, args, kwargs, spectra, seed, chosen)
    measured = None if meta else run.measure(signal.loss)
    whatever = every_loss_of(captured, run.joined) if every_loss and not meta else EveryLoss()
    parameters = parameters_of(measured) if measured else ()
    said: tuple[str, ...] = ()
    if whatever.bounds:
        parameters, said = with_every_loss(parameters, captured, model, args, kwargs, signal.loss)
    remarks = [STRUCTURE] if meta else _statistics_remark(model)
    remarks += filter(None, (captured.unread_before, captured.unread_behind))
    remarks += _results_remark(captured, chosen)
    remarks += [COMPILED] if compiled else []
    origin, why = (None if meta else first_constant(captured)) or (None, None)
    blocks = tuple(
        block_of(
            index,
            each,
            run.numbers.get(index),
            run.spectra.get(index),
            run.culprit(index),
            captured.containers,
            run.inside.get(index),
            whatever.bounds.get(index, ()),
            why if index == origin else None,
        )
        for index, each in enumerate(captured.segments)
    )
    total = run.total(measured) if measured else Total(None, None, None)
    remarks += [*captured.flow.remarks, *run.remarks, *whatever.remarks, *said]
    rounded = run.below(whatever.floors)
    remarks += contradictions(captured, blocks, parameters, y, signal.loss, rounded)
    if measured:
        remarks += certainty_remarks(captured.segments, blocks, total)
    return Analysis(
        schema=SCHEMA,
        target=target or getattr(model, "__name__", type(model).__name__),
        device=str(next((t.device for t in tensors_of((args, kwargs))), "cpu")),
        dtype=str(dtype).removeprefix("torch."),
        input_shape=tuple(tuple(t.shape) for t in tensors_of((args, kwargs))),
        signal=signal.words,
        capture=CaptureRecord(
            "recording", len(captured.flow.recording.nodes), seconds, tuple(remarks)
        ),
        blocks=blocks,
        parameters=parameters,
        total=total,
    )


def _results_remark(captured: CapturedModel, chosen: Sequence[int] | None) -> list[str]:
    """Which tensors of the result the signal leaves from, where there are several."""
    if chosen is not None:
        which = " and ".join(str(each + 1) for each in chosen)
        return [f"the signal leaves from tensor {which} of the result, which the loss uses"]
    if (several := len(captured.flow.sinks)) > 1:
        said = f"the signal leaves from {several} tensors of the result"
        way_out = captured.flow.recording.one_result
        return [f"{said}, and blocks end where paths to them part: {way_out}"]
    return []


def _calibrated(model: Callable[..., Any], batch: Any) -> Callable[..., Any]:
    """A copy whose BatchNorm layers hold the statistics of the batch."""
    if not isinstance(model, nn.Module):
        raise InputError("calibrate needs an nn.Module: a function holds no statistics")
    if not tensors_of(batch):
        raise InputError("calibrate takes a batch of inputs: give the tensor, or a tuple of them")
    twin = copy.deepcopy(model)
    norms = [each for each in twin.modules() if isinstance(each, nn.modules.batchnorm._BatchNorm)]
    kept = [(each.training, each.momentum) for each in norms]
    for each in norms:
        each.reset_running_stats()
        each.train()
        each.momentum = None  # the mean over what it sees, from now on
    args, kwargs = arguments_of(batch if isinstance(batch, tuple | list) else (batch,))
    generators = Generators()
    with torch.no_grad(), named_failures(twin):
        twin(*args, **kwargs)
    generators.put_back()
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
        "these gains say nothing about training; pass calibrate=batch (--mode calibrated), or "
        "call model.train() (--mode train)"
    )
    return [said]
