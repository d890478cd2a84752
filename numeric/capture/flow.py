"""Keeps of a recording what carries gradients from the input to the output.

Everything else is a constant at this input. Copies are dropped, and a concatenation that repeats an
earlier one is that one with what is new: a dense block's states are values then.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.utils._pytree import tree_flatten, tree_map

from derivations.errors import CaptureError
from numeric.capture.graph import Node, Recording, Ref
from numeric.capture.operations import OPAQUE, Traits, copied, name_of, traits

BLOCKS_GRADIENTS = frozenset(("detach", "detach_copy"))
REPEATS = frozenset(
    (
        "clone", "alias_copy", "lift_fresh_copy", "view_copy", "expand_copy", "_to_copy",
        "_unsafe_view", "copied", "slice_copy", "_reshape_alias_copy",
    )
)  # fmt: skip
"""Where shape and type stay, these repeat their input."""


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
    """The steps from `sources` to `sinks`, each on a path between them, in the order of running.

    `virtual` are values whose gradient in the model itself is another: concatenations that the
    flow continues, and the model repeats.
    """

    recording: Recording
    sources: tuple[int, ...]
    sinks: tuple[int, ...]
    steps: tuple[Step, ...]
    virtual: frozenset[int]
    remarks: tuple[str, ...]

    def shape(self, value: int) -> torch.Size:
        return self.recording.values[value].shape


def flow(recording: Recording) -> Flow:
    """Raises CaptureError where no output depends on the input in a differentiable way."""
    sources, remarks = _sources(recording)
    nodes, active = _active(recording, sources)
    nodes, names = _without_copies(nodes, active, recording)
    sinks = tuple(dict.fromkeys(names.get(o, o) for o in recording.outputs if o in active))
    if not sinks:
        raise CaptureError(
            "the output does not depend on the input in a differentiable way: pass what the "
            "gradient is asked for as a floating-point tensor"
        )
    nodes, virtual = _continued_concatenations(nodes)
    dependent = _dependent(recording)
    steps = _on_paths([step for node in nodes for step in _steps(node, active, dependent)], sinks)
    used = {operand for step in steps for operand in step.operands}
    return Flow(
        recording,
        tuple(source for source in sources if source in used or source in sinks),
        sinks,
        steps,
        virtual,
        (*recording.remarks, *remarks),
    )


def _sources(recording: Recording) -> tuple[list[int], list[str]]:
    """Floating-point inputs; where integers are given, what was looked up by them."""
    values = recording.values
    sources = [each for each in recording.inputs if values[each].is_floating_point()]
    derived = {each for each in recording.inputs if each not in sources}
    looked_up = []
    for node in recording.nodes:
        if not derived.intersection(node.inputs):
            continue
        made = [o for o in node.outputs if o is not None]
        if node.whole and node.name in ("embedding", "embedding_bag"):
            looked_up += made[:1]
        elif not any(values[o].is_floating_point() for o in made):
            derived.update(made)
    said = ["tokens carry no gradient: everything starts at the embedding"] if looked_up else []
    return sources + looked_up, said


def _active(recording: Recording, sources: Sequence[int]) -> tuple[list[Node], set[int]]:
    """The values that gradients can flow through, and the nodes that made them."""
    active, nodes = set(sources), []
    for node in recording.nodes:
        if not node.tracked or not active.intersection(node.inputs) or active & set(node.outputs):
            continue
        if name_of(node) in BLOCKS_GRADIENTS:
            continue
        made = {
            o
            for o in node.outputs
            if o is not None and recording.values[o].is_floating_point()
        }  # fmt: skip
        if made:
            active |= made
            nodes.append(_derivable(node))
    return nodes, active


def _derivable(node: Node) -> Node:
    """The node, by an operation that has a derivative and leaves statistics alone."""
    if not node.whole and name_of(node) == "copy":
        return replace(node, function=copied)
    if node.whole and node.name == "batch_norm":
        names = ("input", "running_mean", "running_var", "weight", "bias", "training")
        given = dict(zip(names, node.args, strict=False)) | dict(node.kwargs)
        if given.get("training"):  # its batch's statistics: the stored ones are of no use
            given |= {"running_mean": None, "running_var": None}
            rest = dict(zip(("momentum", "eps"), node.args[6:], strict=False))
            return replace(node, args=(), kwargs=given | rest)
    return node


def _without_copies(
    nodes: Sequence[Node], active: set[int], recording: Recording
) -> tuple[list[Node], dict[int, int]]:
    """The nodes that change something, and for each value that is another's copy its original."""
    original: dict[int, int] = {}
    kept = []
    for each in nodes:
        node = _renamed(each, original)
        if (source := _copy_of(node, active, recording)) is not None:
            assert node.outputs[0] is not None
            original[node.outputs[0]] = source
        else:
            kept.append(node)
    return kept, original


def _copy_of(node: Node, active: set[int], recording: Recording) -> int | None:
    """The value that the node's only result repeats, entry by entry and in the same shape."""
    taken = [value for value in node.inputs if value in active]
    if len(taken) != 1 or len(node.outputs) != 1 or node.outputs[0] is None:
        return None
    before, after = recording.values[taken[0]], recording.values[node.outputs[0]]
    if before.shape != after.shape or before.dtype != after.dtype:
        return None
    name = name_of(node)
    if name in REPEATS or (name == "cat" and len(tree_flatten(node.args[0])[0]) == 1):
        return taken[0]
    scalar = node.args[1] if len(node.args) > 1 else None
    # Python's sum() starts with 0 + x.
    return taken[0] if name == "add" and isinstance(scalar, int) and scalar == 0 else None


def _renamed(node: Node, names: dict[int, int]) -> Node:
    def rename(leaf: Any) -> Any:
        return Ref(names.get(leaf.value, leaf.value)) if isinstance(leaf, Ref) else leaf

    if not any(value in names for value in node.inputs):
        return node
    return replace(node, args=tree_map(rename, node.args), kwargs=tree_map(rename, node.kwargs))


def _continued_concatenations(nodes: Sequence[Node]) -> tuple[list[Node], frozenset[int]]:
    """cat(a, b, c) becomes cat(ab, c) where ab = cat(a, b) is a value; likewise at the end."""
    known: dict[tuple[Any, ...], int] = {}
    made, continued = [], set()
    for each in nodes:
        node = each
        if name_of(node) == "cat" and all(isinstance(part, Ref) for part in node.args[0]):
            parts = tuple(part.value for part in node.args[0])
            dim = node.args[1] if len(node.args) > 1 else 0
            shorter = _continuation(parts, dim, known)
            assert node.outputs[0] is not None
            known[(dim, *parts)] = node.outputs[0]
            if shorter:
                continued.update(set(shorter) - set(parts))
                node = replace(node, args=([Ref(value) for value in shorter], *node.args[1:]))
        made.append(node)
    return made, frozenset(continued)


def _continuation(
    parts: tuple[int, ...], dim: int, known: dict[tuple[Any, ...], int]
) -> tuple[int, ...] | None:
    for length in range(len(parts) - 1, 1, -1):
        if (dim, *parts[:length]) in known:
            return (known[(dim, *parts[:length])], *parts[length:])
        if (dim, *parts[-length:]) in known:
            return (*parts[:-length], known[(dim, *parts[-length:])])
    return None


def _dependent(recording: Recording) -> set[int]:
    """All that is computed from the inputs, on paths that carry gradients and on others."""
    found = set(recording.inputs)
    for node in recording.nodes:
        if found.intersection(node.inputs):
            found.update(o for o in node.outputs if o is not None)
    return found


def _steps(node: Node, active: set[int], dependent: set[int]) -> Iterator[Step]:
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
