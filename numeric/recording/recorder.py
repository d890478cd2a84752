"""Collects the operations of one run as nodes on numbered values.

A value is known by the tensor that holds it, which is kept alive. What the model changes in place
without its gradient's knowing raises CaptureError, by name.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch._C import _functorch
from torch._utils import _functionalize_sync
from torch.utils._pytree import tree_flatten, tree_map

from derivations.errors import CaptureError
from numeric.recording.changes import Changes
from numeric.recording.given import Generators
from numeric.recording.graph import Address, Node, Recording, Ref
from numeric.recording.module_paths import ModulePaths
from numeric.recording.operations import BLOCKS_GRADIENTS, SHAPE_ONLY, VIEWS, name_of

SPECIALISED = "reads numbers of tensors: specialised to this input"


class Recorder:
    """Notes what runs; `paused` while it runs inside a function that is kept whole."""

    def __init__(self, model: nn.Module | None) -> None:
        self.nodes: list[Node] = []
        self.values: dict[int, Tensor] = {}
        self.inputs: list[int] = []
        self.outputs: list[int] = []
        self.names: tuple[str, ...] = ()
        self.addresses: dict[int, Address] = {}
        self.remarks: dict[str, None] = {}
        self.paths = ModulePaths(model)
        self.paused = False
        self.calls = 0
        self.name = ""
        self._known: dict[int, int] = {}
        self._kept: dict[int, Tensor] = {}  # tensors of the model's own that nodes refer to
        self._graded: set[int] = set()  # values that autograd follows in the model itself
        self._dependent: set[int | None] = set()  # values that the input has to do with
        self._shadows: set[int] = set()  # views of such, which autograd does not follow
        self.changes = Changes(self)

    @contextmanager
    def pause(self) -> Iterator[None]:
        before, self.paused = self.paused, True
        try:
            yield
        finally:
            self.paused = before

    @contextmanager
    def aside(self) -> Iterator[None]:
        """For what is no part of the model: nothing is noted or counted."""
        with self.pause(), torch._C.DisableTorchFunction():
            yield

    @contextmanager
    def gradients(self, on: bool) -> Iterator[None]:
        """Autograd on or off, which is no call of the model's."""
        before = torch.is_grad_enabled()
        with torch._C.DisableTorchFunction():
            torch._C._set_grad_enabled(on)
        try:
            yield
        finally:
            with torch._C.DisableTorchFunction():
                torch._C._set_grad_enabled(before)

    def recording(self) -> Recording:
        return Recording(
            tuple(self.nodes),
            tuple(self.inputs),
            tuple(self.outputs),
            self.values,
            self.addresses,
            tuple(self.remarks),
            self.names,
        )

    def take_inputs(self, tensors: Sequence[Tensor]) -> None:
        self.inputs = [self.new(tensor) for tensor in tensors]
        self._dependent.update(self.inputs)
        self._graded.update(n for n in self.inputs if _differentiable(self.values[n]))
        self.met("in", tensors)

    def give_outputs(self, tensors: Sequence[Tensor], names: Sequence[str] = ()) -> None:
        """What the model did not compute becomes a value now."""
        self.names = tuple(names)
        known = [self._known.get(id(tensor)) for tensor in tensors]
        self.outputs = [
            self.new(tensor) if number is None else number
            for tensor, number in zip(tensors, known, strict=True)
        ]
        self.calls = 0
        self.met("out", tensors)

    def new(self, tensor: Tensor) -> int:
        number = len(self.values)
        self.values[number] = tensor
        self._known[id(tensor)] = number
        return number

    def number(self, tensor: Tensor) -> int | None:
        """The value that the tensor holds now, if it was recorded."""
        return self._known.get(id(tensor))

    def constant(self, tensors: Sequence[Tensor]) -> bool:
        """Whether the tensors hold nothing that depends on the input."""
        return self._dependent.isdisjoint(map(self.number, tensors))

    def requires_grad(self, tensor: Tensor) -> bool:
        """Whether the tensor would have a gradient in the model itself."""
        number = self._known.get(id(tensor))
        return tensor.requires_grad if number is None else number in self._graded

    def note(
        self,
        function: Any,
        args: Any,
        kwargs: Any,
        out: Any,
        whole: bool = False,
        drawn: Generators | None = None,
    ) -> None:
        args, kwargs = tree_map(self._referred, tuple(args)), tree_map(self._referred, dict(kwargs))
        flat = tree_flatten(out)[0]
        outputs = tuple(self.new(leaf) if isinstance(leaf, Tensor) else None for leaf in flat)
        tracked = torch.is_grad_enabled()
        path = self.paths.current
        node = Node(function, args, kwargs, outputs, self.name, path, whole, tracked, drawn)
        self.nodes.append(node)
        self._follow(node)

    def note_whole(
        self, function: Any, args: Any, kwargs: Any, out: Any, before: Generators
    ) -> None:
        """A function that is kept in one piece, and where the random generators were before it."""
        with self.aside():
            drawn = before if before.moved() else None
        self.note(function, args, kwargs, out, True, drawn)

    def _follow(self, node: Node) -> None:
        """Keeps the books of what autograd would follow."""
        taken, name = node.inputs, name_of(node)
        if name not in SHAPE_ONLY and not self._dependent.isdisjoint(taken):
            self._dependent.update(o for o in node.outputs if o is not None)
        made = {o for o in node.outputs if o is not None and _differentiable(self.values[o])}
        constants = (leaf for leaf in tree_flatten((node.args, node.kwargs))[0])
        graded = not self._graded.isdisjoint(taken) or any(
            isinstance(leaf, Tensor) and leaf.requires_grad for leaf in constants
        )
        if graded and node.tracked and name not in BLOCKS_GRADIENTS:
            self._graded |= made
        elif name in VIEWS and (graded or not self._shadows.isdisjoint(taken)):
            self._shadows |= made

    def check_change(self, before: Tensor, after: Tensor) -> None:
        """Refuses a change in place that autograd does not see, in a value that it follows."""
        number = self._known.get(id(before))
        lost = number in self._graded and self._known.get(id(after)) not in self._graded
        if lost or number in self._shadows:
            raise CaptureError(
                f"{self.paths.current or 'the model'} changes a value in place ({self.name}) where "
                "autograd does not see it, under no_grad, detach or .data: build a new tensor"
            )

    def will_change(self, args: Sequence[Any]) -> None:
        """A tensor that the model holds is about to change: what used it keeps its value now."""
        for tensor in tree_flatten(list(args))[0]:
            if isinstance(tensor, Tensor) and id(tensor) in self._kept:
                del self._kept[id(tensor)]
                self._freeze(tensor, tensor.detach().clone())

    def _freeze(self, tensor: Tensor, value: Tensor) -> None:
        def frozen(leaf: Any) -> Any:
            return value if leaf is tensor else leaf

        for index, node in enumerate(self.nodes):
            if any(leaf is tensor for leaf in tree_flatten((node.args, dict(node.kwargs)))[0]):
                args, kwargs = tree_map(frozen, node.args), tree_map(frozen, dict(node.kwargs))
                self.nodes[index] = replace(node, args=args, kwargs=kwargs)

    def met(self, side: Any, tensors: Sequence[Tensor]) -> None:
        """Notes where Python meets values; where they come from wins over where they go."""
        for position, tensor in enumerate(tensors):
            number = self._known.get(id(plain(tensor)))
            if number is not None:
                self.addresses.setdefault(number, Address(self.calls, side, position))

    def forget_addresses(self, since: int) -> None:
        """Values from a number on are met elsewhere, if they are."""
        for number in range(since, len(self.values)):
            self.addresses.pop(number, None)

    def _referred(self, leaf: Any) -> Any:
        if not isinstance(leaf, Tensor):
            return leaf
        number = self.number(leaf)
        if number is not None:
            self.changes.check(leaf)
            return Ref(number)
        self._kept[id(leaf)] = leaf
        return leaf


def plain(leaf: Any) -> Any:
    """The tensor below functionalization, with what was done to it by way of its views."""
    if isinstance(leaf, Tensor) and _functorch.is_functionaltensor(leaf):
        _functionalize_sync(leaf)
        return _functorch._unwrap_functional_tensor(leaf, False)
    return leaf


def tensors_of(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_flatten(tree)[0] if isinstance(leaf, Tensor)]


def _differentiable(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()
