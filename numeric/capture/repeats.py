"""Drops from a recording what repeats a value: copies, and concatenations of the same tensors.

A concatenation that begins or ends with an earlier one is that one with what is new: a dense
block's states are values then.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch.utils._pytree import tree_flatten, tree_map

from numeric.recording.graph import Node, Recording, Ref
from numeric.recording.operations import name_of, operand

REPEATS = frozenset(
    (
        "clone", "alias", "lift_fresh", "view", "expand", "_to_copy",
        "_unsafe_view", "copied", "slice", "_reshape_alias", "reshape",
    )
)  # fmt: skip
"""Where shape and type stay, these repeat their input."""


def without_copies(
    nodes: Sequence[Node], active: Collection[int], recording: Recording
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


def _copy_of(node: Node, active: Collection[int], recording: Recording) -> int | None:
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
    # Python's sum() starts with 0 + x.
    scalar = operand(node, 1)
    zero = name == "add" and isinstance(scalar, int | float) and scalar == 0
    return taken[0] if zero and isinstance(node.args[0], Ref) else None


def _renamed(node: Node, names: dict[int, int]) -> Node:
    def rename(leaf: Any) -> Any:
        return Ref(names.get(leaf.value, leaf.value)) if isinstance(leaf, Ref) else leaf

    if not any(value in names for value in node.inputs):
        return node
    return replace(node, args=tree_map(rename, node.args), kwargs=tree_map(rename, node.kwargs))


def continued_concatenations(
    nodes: Sequence[Node], recording: Recording
) -> tuple[list[Node], frozenset[int]]:
    """cat(a, b, c) becomes cat(ab, c) where ab = cat(a, b) is a value; likewise at the end."""
    known: dict[tuple[Any, ...], int] = {}
    made, continued = [], set()
    for each in nodes:
        node = each
        if name_of(node) == "cat" and all(isinstance(part, Ref) for part in node.args[0]):
            assert node.outputs[0] is not None
            parts = tuple(part.value for part in node.args[0])
            result = recording.values[node.outputs[0]]
            dim = (operand(node, 1) or node.kwargs.get("dim", 0)) % result.dim()
            shorter = _continuation(parts, dim, result.dtype, known)
            known[(dim, result.dtype, *parts)] = node.outputs[0]
            if shorter:
                continued.update(set(shorter) - set(parts))
                node = replace(node, args=([Ref(value) for value in shorter], dim), kwargs={})
        made.append(node)
    return made, frozenset(continued)


def _continuation(
    parts: tuple[int, ...], dim: int, dtype: torch.dtype, known: dict[tuple[Any, ...], int]
) -> tuple[int, ...] | None:
    for length in range(len(parts) - 1, 1, -1):
        if (dim, dtype, *parts[:length]) in known:
            return (known[(dim, dtype, *parts[:length])], *parts[length:])
        if (dim, dtype, *parts[-length:]) in known:
            return (*parts[:-length], known[(dim, dtype, *parts[-length:])])
    return None
