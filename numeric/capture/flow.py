"""Keeps of a recording what carries gradients from one input to the outputs.

Everything else is a constant at this input.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from derivations.errors import CaptureError
from numeric.capture.repeats import continued_concatenations, without_copies
from numeric.recording.graph import Node, Recording, Ref
from numeric.recording.operations import (
    BLOCKS_GRADIENTS,
    LOOK_UPS,
    OPAQUE,
    SHAPE_ONLY,
    Traits,
    copied,
    name_of,
    strided,
    traits,
)
from numeric.recording.samples_apart import moved_samples


@dataclass(frozen=True)
class Step:
    """One value that carries gradients: the result number `position` of a node, made of `operands`.

    `traits` is what its map is like in them.
    """

    value: int
    node: Node
    position: int
    operands: tuple[int, ...]
    traits: Traits


@dataclass(frozen=True)
class Flow:
    """The steps from `source` to `sinks`, each on a path between them, in the order of running.

    `virtual` are values whose gradient in the model itself is another: concatenations that the
    flow continues, and the model repeats. Of the values `moved` samples are known to lie on another
    axis than the first, which is as long.
    """

    recording: Recording
    source: int
    sinks: tuple[int, ...]
    steps: tuple[Step, ...]
    virtual: frozenset[int]
    remarks: tuple[str, ...]
    moved: frozenset[int] = frozenset()

    def shape(self, value: int) -> torch.Size:
        return self.recording.values[value].shape

    def fits(self, value: int, like: int) -> bool:
        """Whether both are real and have axes after a first, which is as long in both and counts
        the samples in both or in none, and the one has entries.
        """
        one, other = self.recording.values[value], self.recording.values[like]
        return (
            min(one.dim(), other.dim()) > 1
            and one.shape[0] == other.shape[0]
            and (value in self.moved) == (like in self.moved)
            and 0 not in one.shape[1:]
            and not one.is_complex()
        )


def flows(recording: Recording) -> Iterator[Flow]:
    """The flow from each value where gradients may start. Raises CaptureError where there is none
    on which an output depends in a differentiable way.
    """
    sources = _sources(recording)
    found = [flow for source in sources if (flow := _flow(recording, source)) is not None]
    if not found:
        raise CaptureError(
            "the output does not depend on the input in a differentiable way: pass what the "
            "gradient is asked for as a floating-point tensor"
        )
    moved = moved_samples(recording)
    for flow in found:
        remarks = recording.remarks
        if flow.source not in recording.inputs:
            remarks += ("tokens carry no gradient: everything starts at the embedding",)
        if len(found) > 1:
            remarks += (_chosen(recording, flow.source),)
        yield replace(flow, remarks=remarks, moved=moved)


def _flow(recording: Recording, source: int) -> Flow | None:
    nodes, active = _active(recording, source)
    nodes, names = without_copies(nodes, active, recording)
    sinks = tuple(dict.fromkeys(names.get(o, o) for o in recording.outputs if o in active))
    if not sinks:
        return None
    nodes, virtual = continued_concatenations(nodes, recording)
    dependent = _dependent(recording, source)
    steps = _on_paths([step for node in nodes for step in _steps(node, active, dependent)], sinks)
    return Flow(recording, source, sinks, steps, virtual, ())


def _chosen(recording: Recording, source: int) -> str:
    if source in recording.inputs:
        which = f"tensor {recording.inputs.index(source) + 1} of the inputs"
    else:
        made = next(node for node in recording.nodes if source in node.outputs)
        which = f"what {made.module or 'the model'} looks up"
    return f"several inputs: follows {which}, the others held fixed"


def _sources(recording: Recording) -> list[int]:
    """Floating-point inputs, and what was looked up by integers."""
    values = recording.values
    sources = [each for each in recording.inputs if differentiable(values[each])]
    derived = {each for each in recording.inputs if each not in sources}
    for node in recording.nodes:
        if not derived.intersection(node.inputs):
            continue
        made = [o for o in node.outputs if o is not None]
        if name_of(node) in LOOK_UPS and node.tracked and differentiable(values[made[0]]):
            sources += made[:1]
        elif not any(differentiable(values[o]) for o in made):
            derived.update(made)
    return sources


def differentiable(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _active(recording: Recording, source: int) -> tuple[list[Node], set[int]]:
    """The values that gradients can flow through, and the nodes that made them."""
    active, nodes = {source}, []
    for each in recording.nodes:
        node = _derivable(each, recording)
        if not node.tracked or not active.intersection(node.inputs) or active & set(node.outputs):
            continue
        if name_of(node) in BLOCKS_GRADIENTS | SHAPE_ONLY:
            continue
        made = {
            o
            for o in node.outputs
            if o is not None and differentiable(recording.values[o])
        }  # fmt: skip
        if made:
            active |= made
            nodes.append(node)
    return nodes, active


def _derivable(node: Node, recording: Recording) -> Node:
    """The node, by an operation that has a derivative and leaves statistics alone."""
    if not node.whole and name_of(node) == "copy":
        held = _held(node.args[0], recording)
        return replace(
            node, function=copied, args=(node.args[1], held.shape, held.dtype), kwargs={}
        )
    if not node.whole and node.function in _BY_LAYOUT:
        return replace(node, function=torch.reshape, kwargs={})
    if not node.whole and name_of(node) == "as_strided":
        held = _held(node.args[0], recording)
        return replace(node, function=strided, args=(*node.args, held.stride()))
    if node.whole and node.name in _STATISTICS:
        names, switch = _STATISTICS[node.name]
        given = dict(zip(names, node.args, strict=False)) | dict(node.kwargs)
        if given.get(switch):  # its batch's statistics: the stored ones are of no use
            given |= {"running_mean": None, "running_var": None}
            return replace(node, args=(given.pop("input"),), kwargs=given)
    return node


def _held(argument: Ref | Tensor, recording: Recording) -> Tensor:
    return recording.values[argument.value] if isinstance(argument, Ref) else argument


_BY_LAYOUT = (torch.ops.aten.view.default, torch.ops.aten._unsafe_view.default)
"""These fail for another layout in memory, which values have when they are computed again."""
_STORED = ("input", "running_mean", "running_var", "weight", "bias")
_STATISTICS = {
    "batch_norm": ((*_STORED, "training", "momentum", "eps"), "training"),
    "instance_norm": ((*_STORED, "use_input_stats", "momentum", "eps"), "use_input_stats"),
}
"""The arguments of functions that store statistics, and which of them says that they do."""


def _dependent(recording: Recording, source: int) -> set[int]:
    """All values that are computed from the source, on paths that carry gradients and on others."""
    found = {source}
    for node in recording.nodes:
        if name_of(node) not in SHAPE_ONLY and found.intersection(node.inputs):
            found.update(o for o in node.outputs if o is not None)
    return found


def _steps(node: Node, active: Collection[int], dependent: Collection[int]) -> Iterator[Step]:
    operands = tuple(value for value in node.inputs if value in active)
    like = traits(node, active, dependent) if operands else OPAQUE
    for position, value in enumerate(node.outputs):
        if value in active:
            assert value is not None
            yield Step(value, node, position, operands, like)


def _on_paths(steps: Sequence[Step], sinks: Sequence[int]) -> tuple[Step, ...]:
    wanted, kept = set(sinks), []
    for step in reversed(steps):
        if step.value in wanted:
            wanted.update(step.operands)
            kept.append(step)
    return tuple(reversed(kept))
