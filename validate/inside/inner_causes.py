"""Names the step inside a block that takes a signal away, or makes it large, by what it measures.

The signal is followed through the block, operation by operation.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from numeric import Captured, CapturedModel, InnerStep, segment_signals, segment_values, step_slopes
from numeric.capture.flow import Step
from numeric.capture.segment_signals import met_by_every_path
from numeric.recording.graph import Node, Ref
from numeric.recording.operations import name_of
from validate.inside.cause_words import GateOpening, IdleUnits, inner_cause, zero_weight
from validate.inside.inner_steps import RELU_LIKE, InnerSteps
from validate.measure.signal_norms import idle_share, unit_count

_WEIGHT: Mapping[str, int] = {
    **dict.fromkeys(("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d"), 1),
    **dict.fromkeys(("conv_transpose2d", "conv_transpose3d"), 1),
    **dict.fromkeys(("batch_norm", "instance_norm"), 3),
    **dict.fromkeys(("layer_norm", "group_norm", "rms_norm"), 2),
}
"""Where these functions take their weight."""


AVERAGES = frozenset((
    "mean", "avg_pool1d", "avg_pool2d", "avg_pool3d", "_adaptive_avg_pool2d",
    "_adaptive_avg_pool3d", "adaptive_avg_pool1d",
))  # fmt: skip
EVEN = 1e-3
"""The parts that entries have in a mean are equal to rounding, in half precision as well."""


@dataclass(frozen=True)
class OpenShare:
    """The `share` of the entries of a ReLU that are open, and what it `passed` of the signal."""

    where: str
    share: float
    passed: float


@dataclass(frozen=True)
class InnerCause:
    """What was seen inside one block. `idle` are the most idle units of a ReLU in it and `gate` its
    most closed gate; `stop` names a step that a signal enters and does not leave, `least` and
    `most` those of the steps that every path meets which pass least and most, with their gains.
    `leaky`: the ReLU could have a slope; `keeps_shape`: the block could have a skip around it.
    `averaged` is over how many entries the averages that every path meets take the mean, which
    `least` leaves out; `mask` is the ReLU that passes least of those that every path meets.
    """

    idle: IdleUnits | None = None
    gate: GateOpening | None = None
    stop: str | None = None
    least: tuple[str, float] | None = None
    most: tuple[str, float] | None = None
    leaky: bool = False
    keeps_shape: bool = False
    averaged: int = 1
    mask: OpenShare | None = None

    @property
    def shut(self) -> str | None:
        """The gate or the ReLU that lets little through, in words, else None."""
        return inner_cause(self.gate, self.idle)

    @property
    def words(self) -> str | None:
        """What lets nothing at all through, in words, else None."""
        dead = self.idle is not None and self.idle.share == 1
        closed = self.gate is not None and self.gate.mean == 0
        return self.shut if dead or closed else self.stop or self.shut


def inner_cause_of(
    captured: CapturedModel, segment: Captured, steps: InnerSteps, g: Tensor | None
) -> InnerCause:
    """What the signal g at the segment's exit meets inside; `steps` are its ReLUs and gates.
    Without a signal these alone are looked at.
    """
    value = captured.value(segment.exit)
    values = segment_values(captured, segment)
    met = [] if g is None else segment_signals(segment, values, g.reshape(value.shape))
    idle = [(_idle(values, step), step) for step in steps.relus]
    worst, relu = max(idle, key=lambda each: each[0].share, default=(None, None))
    gates = [
        GateOpening(float(values[step.value].detach().double().mean()), step_name(step))
        for step in steps.gates
    ]
    stops = [each for each in met if each.arrived > 0 and each.passed == 0]
    means = _averages(segment, values)
    ends = [
        (step_name(each.step), each.gain * math.sqrt(means.get(each.step.value, 1)))
        for each in met
        if each.alone and each.gain
    ]
    masks = [
        OpenShare(step_name(each.step), _open_share(values, each.step), each.gain)
        for each in met
        if each.alone and each.gain and name_of(each.step.node) in RELU_LIKE
    ]
    return InnerCause(
        worst,
        min(gates, key=lambda each: each.mean, default=None),
        _stop(values, stops[0]) if stops else None,
        min(ends, key=lambda each: each[1], default=None),
        max(ends, key=lambda each: each[1], default=None),
        relu is not None and name_of(relu.node) == "relu",
        g is not None and captured.value(segment.entry).shape == value.shape,
        math.prod(means.values()),
        min(masks, key=lambda each: each.passed, default=None),
    )


def step_name(step: Step) -> str:
    """The module that ran a step, or torch's function where the model itself calls it."""
    return step.node.module or step.node.name


def _averages(segment: Captured, values: Mapping[int, Tensor]) -> dict[int, int]:
    """The means that every path meets, by how many entries each is over: each entry is in one mean
    at most, and has the same part in it, so that of every signal 1/√n is left.
    """
    ends, found = met_by_every_path(segment), {}
    for step in segment.steps:
        if step.value not in ends or name_of(step.node) not in AVERAGES:
            continue
        parts = step_slopes(values, step)
        most = float(parts.max())
        n = round(1 / most) if most > 0 else 1
        even = bool(((parts == 0) | ((parts - most).abs() <= EVEN * most)).all())
        if n > 1 and even and int(parts.count_nonzero()) == n * values[step.value].numel():
            found[step.value] = n
    return found


def _open_share(values: Mapping[int, Tensor], step: Step) -> float:
    return float((step_slopes(values, step) != 0).double().mean())


def _idle(values: Mapping[int, Tensor], step: Step) -> IdleUnits:
    slopes = step_slopes(values, step)
    noun = "channels" if slopes.ndim > 3 else "units"
    return IdleUnits(float(idle_share(slopes)), step_name(step), unit_count(slopes), noun)


def _stop(values: Mapping[int, Tensor], met: InnerStep) -> str:
    """Why a step passes nothing of a signal that arrives."""
    step, name = met.step, step_name(met.step)
    if name_of(step.node) in RELU_LIKE:
        return f"mask: no unit of {name} that the signal arrives at passes it (dead units)"
    weight = _weight(values, step.node)
    if weight is not None and not weight.any():
        return f"kernel: {zero_weight(name)}"
    return f"kernel: {name} leaves nothing of this signal, Jᵀg = 0"


def weight_of(node: Node) -> object:
    """What a layer or a norm takes for its weight; None where it has none."""
    if node.name not in _WEIGHT:
        return None
    place = _WEIGHT[node.name]
    return node.kwargs.get("weight", node.args[place] if place < len(node.args) else None)


def _weight(values: Mapping[int, Tensor], node: Node) -> Tensor | None:
    found = weight_of(node)
    if isinstance(found, Ref):
        found = values[found.value]
    return found.detach() if isinstance(found, Tensor) else None
