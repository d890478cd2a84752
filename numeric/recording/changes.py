"""Resolves what torch's own functions change in place, below what functionalization sees.

A circular padding, and `pad_sequence`, copy into slices of an empty tensor: each copy becomes a new
value of that tensor, and of the slices that lead to it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten

from derivations.errors import CaptureError
from numeric.recording.graph import Node
from numeric.recording.operations import VIEWS, name_of

_SCATTERS: dict[Any, Any] = {
    torch.ops.aten.slice.Tensor: torch.ops.aten.slice_scatter.default,
    torch.ops.aten.select.int: torch.ops.aten.select_scatter.default,
}
"""What reads a part of a tensor, and what writes it there."""


class Changes:
    """Of recorded values, in one recording."""

    def __init__(self, recorder: Any) -> None:
        self._recorder = recorder  # the one whose values they are
        self._tensors: dict[int, Tensor] = {}  # of values that became copies, and stay alive so
        self._whole: dict[int, tuple[Tensor, Node] | None] = {}  # by id: what a view is part of
        self._stale: set[int] = set()  # ids of views of what was changed by way of others

    def concern(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        """Whether an operation in place changes a value of the running model, and returns it."""
        recorder, returned = self._recorder, function._schema.returns
        known = any(recorder.number(each) is not None for each in _written(function, args, kwargs))
        return known and not recorder.outputs and all(map(_changes, returned))

    def check(self, tensor: Tensor) -> None:
        """Refuses a view of what was changed since by way of another."""
        if id(tensor) in self._stale:
            raise self._refusal()

    def make(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Runs the operation and notes what it makes of the values."""
        recorder, target = self._recorder, args[0]
        copies = function is torch.ops.aten.copy_.default
        taken = [each for each in tree_flatten((args, kwargs))[0] if isinstance(each, Tensor)]
        written = [id(each) for each in _written(function, args, kwargs)]
        if written != [id(target)] or not (copies or recorder.constant(taken)):
            raise self._refusal()
        chain, shared = list(self._chain(target)), self._separate(target)
        function(*args, **kwargs)
        source = args[1] if copies else target.clone()
        recorder.note(torch.ops.aten.copy.default, (target, source), {}, target)
        changed = [target]
        for whole, node in chain:
            given = (whole, changed[-1], *node.args[1:])
            recorder.note(_SCATTERS[node.function], given, node.kwargs, whole)
            changed.append(whole)
        self._stale |= {id(each) for each in shared} - {id(each) for each in changed}
        return target

    def _chain(self, view: Tensor) -> Iterator[tuple[Tensor, Node]]:
        """What the view is part of, and how, up to a tensor of its own."""
        while (found := self._part_of(view)) is not None:
            yield found
            view = found[0]

    def _part_of(self, view: Tensor) -> tuple[Tensor, Node] | None:
        if id(view) in self._whole:
            return self._whole[id(view)]
        number = self._recorder.number(view)
        node = next((each for each in self._recorder.nodes if number in each.outputs), None)
        found = None if node is None else self._read(node)
        self._whole[id(view)] = found
        return found

    def _read(self, node: Node) -> tuple[Tensor, Node] | None:
        if name_of(node) not in VIEWS:
            return None
        if node.function not in _SCATTERS:
            raise self._refusal()
        number = node.inputs[0]
        return self._tensors.get(number, self._recorder.values[number]), node

    def _separate(self, target: Tensor) -> list[Tensor]:
        """Gives each value in the memory that is about to change a copy.

        Returns the tensors that held them.
        """
        values, memory = self._recorder.values, target.untyped_storage()._cdata
        for number, tensor in values.items():
            if tensor.untyped_storage()._cdata == memory:
                self._tensors[number], values[number] = tensor, tensor.clone()
        return [each for each in self._tensors.values() if each.untyped_storage()._cdata == memory]

    def _refusal(self) -> CaptureError:
        recorder = self._recorder
        return CaptureError(
            f"{recorder.paths.current or 'the model'} calls {recorder.name}, which changes values "
            "in place in a way that no recording follows: build a new tensor, as by torch.cat"
        )


def _written(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Tensor]:
    """The tensors that the operation changes."""
    given = zip(function._schema.arguments, args, strict=False)
    named = ((each, kwargs.get(each.name)) for each in function._schema.arguments)
    found = [value for each, value in (*given, *named) if _changes(each)]
    return [each for each in tree_flatten(found)[0] if isinstance(each, Tensor)]


def _changes(argument: Any) -> bool:
    return argument.alias_info is not None and argument.alias_info.is_write
