"""Runs a part of a recorded computation again, as a function of the one value that it starts from.

Everything that does not depend on that value keeps the tensor that was recorded.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.utils._pytree import tree_flatten, tree_map

from numeric.capture.flow import Step
from numeric.recording.given import Generators
from numeric.recording.graph import Node, Ref
from numeric.recording.operations import Traits, joined


class LeafMap(Protocol):
    """What stands behind a leaf of a captured term: a function of one tensor (batch, …).

    It `needs` these values of the recording, beside its argument.
    """

    @property
    def traits(self) -> Traits: ...
    @property
    def modules(self) -> tuple[str, ...]: ...
    @property
    def functions(self) -> tuple[str, ...]: ...
    @property
    def needs(self) -> frozenset[int]: ...
    def __call__(self, x: Tensor, /) -> Tensor: ...


@dataclass(frozen=True)
class MovedAxis:
    """Entries in another order: axis `before` goes to place `after`."""

    before: int
    after: int
    traits = Traits(affine=True, isometry=True)
    modules: tuple[str, ...] = ()
    functions: tuple[str, ...] = ("movedim",)
    needs: frozenset[int] = frozenset()

    def __call__(self, x: Tensor, /) -> Tensor:
        return x.movedim(self.before, self.after)


@dataclass(frozen=True)
class Slice:
    """Entries of a state from `start` to `stop`: some of its values, which `said` names."""

    start: int
    stop: int
    said: str
    traits = Traits(affine=True)
    modules: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    needs: frozenset[int] = frozenset()

    def __call__(self, x: Tensor, /) -> Tensor:
        return x.flatten(1)[:, self.start : self.stop]


@dataclass(frozen=True)
class Placed:
    """Entries put at `start` of a state of `size`, between zeros; `said` names the value there."""

    start: int
    size: int
    said: str
    traits = Traits(affine=True)
    modules: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    needs: frozenset[int] = frozenset()

    def __call__(self, x: Tensor, /) -> Tensor:
        rows = x.flatten(1)
        return pad(rows, (self.start, self.size - self.start - rows.shape[1]))


@dataclass(frozen=True)
class Flat:
    """A map whose argument, of `shape` but for the batch, and result are written flat."""

    map: LeafMap
    shape: tuple[int, ...]

    @property
    def traits(self) -> Traits:
        return self.map.traits

    @property
    def modules(self) -> tuple[str, ...]:
        return self.map.modules

    @property
    def functions(self) -> tuple[str, ...]:
        return self.map.functions

    @property
    def needs(self) -> frozenset[int]:
        return self.map.needs

    @property
    def steps(self) -> tuple[Step, ...] | None:
        """The steps of a region; None of other maps."""
        return getattr(self.map, "steps", None)

    def __call__(self, x: Tensor, /) -> Tensor:
        return self.map(x.reshape(-1, *self.shape)).flatten(1)


class Region:
    """The map from the value `source` to the value `target`, by the steps between them.

    Called with a tensor of the recorded shape (batch, …) it returns one of the target's; `shape`,
    where given, is what the result is broadcast to.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        source: int,
        target: int,
        constants: Mapping[int, Tensor],
        shape: Sequence[int] | None = None,
    ) -> None:
        self.steps, self.source, self.target = tuple(steps), source, target
        self.shape = None if shape is None else tuple(shape)
        self._constants = constants

    @property
    def traits(self) -> Traits:
        """What the whole map is like; broadcasting makes it no isometry and nothing entrywise."""
        like = joined(step.traits for step in self.steps)
        if self.shape is None:
            return like
        return Traits(affine=like.affine, weighted=like.weighted, tag=like.tag)

    @property
    def modules(self) -> tuple[str, ...]:
        """The paths of the modules whose operations it runs, each once, in order."""
        return tuple(dict.fromkeys(step.node.module for step in self.steps))

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of its torch functions, in order."""
        return tuple(step.node.name for step in self.steps)

    @property
    def needs(self) -> frozenset[int]:
        taken = {value for step in self.steps for value in step.node.inputs}
        return frozenset(taken - {self.source} - {step.value for step in self.steps})

    def __call__(self, x: Tensor) -> Tensor:
        known: dict[int, Tensor] = {self.source: x}
        done: dict[int, list[Any]] = {}
        for step in self.steps:
            if id(step.node) not in done:
                done[id(step.node)] = self._run(step.node, known)
            known[step.value] = done[id(step.node)][step.position]
        out = known[self.target]
        return out if self.shape is None else out.expand(self.shape)

    def _run(self, node: Node, known: Mapping[int, Tensor]) -> list[Any]:
        def given(leaf: Any) -> Any:
            if not isinstance(leaf, Ref):
                return leaf
            return known[leaf.value] if leaf.value in known else self._constants[leaf.value]

        return ran(node, given)


class Share:
    """What one operand adds to an operation that is affine in all of them together.

    The others are zero in its place; the constant goes with the first operand alone.
    """

    def __init__(self, step: Step, operand: int, constants: Mapping[int, Tensor]) -> None:
        self.step, self.operand = step, operand
        self._constants = constants

    @property
    def traits(self) -> Traits:
        return Traits(affine=True, weighted=self.step.traits.weighted)

    @property
    def modules(self) -> tuple[str, ...]:
        return (self.step.node.module,)

    @property
    def functions(self) -> tuple[str, ...]:
        return (self.step.node.name,)

    @property
    def needs(self) -> frozenset[int]:
        return frozenset(self.step.node.inputs)

    def __call__(self, x: Tensor, /) -> Tensor:
        first = self.operand == self.step.operands[0]
        found = self._run(x)
        return found if first else found - self._run(torch.zeros_like(x))

    def _run(self, x: Tensor) -> Tensor:
        def given(leaf: Any) -> Any:
            if not isinstance(leaf, Ref):
                return leaf
            if leaf.value == self.operand:
                return x
            recorded = self._constants[leaf.value]
            return torch.zeros_like(recorded) if leaf.value in self.step.operands else recorded

        node = self.step.node
        out: Tensor = ran(node, given)[self.step.position]
        return out


def ran(node: Node, given: Callable[[Any], Any]) -> list[Any]:
    """The flat results of a node, `given` what stands for its references."""
    args, kwargs = tree_map(given, node.args), tree_map(given, dict(node.kwargs))
    if node.drawn is None:
        return tree_flatten(node.function(*args, **kwargs))[0]
    now = Generators()
    node.drawn.put_back()  # for the numbers that the recording has drawn
    try:
        return tree_flatten(node.function(*args, **kwargs))[0]
    finally:
        now.put_back()
