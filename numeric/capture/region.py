"""Runs a part of a recorded computation again, as a function of the one value that it starts from.

Everything that does not depend on that value keeps the tensor that was recorded.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_map

from numeric.capture.flow import Step
from numeric.capture.graph import Node, Ref
from numeric.capture.operations import Traits, joined


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

    def __call__(self, x: Tensor) -> Tensor:
        known: dict[int, Tensor] = {self.source: x}
        ran: dict[int, list[Any]] = {}
        for step in self.steps:
            if id(step.node) not in ran:
                ran[id(step.node)] = self._run(step.node, known)
            known[step.value] = ran[id(step.node)][step.position]
        out = known[self.target]
        return out if self.shape is None else out.expand(self.shape)

    def _run(self, node: Node, known: Mapping[int, Tensor]) -> list[Any]:
        def given(leaf: Any) -> Any:
            if not isinstance(leaf, Ref):
                return leaf
            return known[leaf.value] if leaf.value in known else self._constants[leaf.value]

        made = node.function(*tree_map(given, node.args), **tree_map(given, dict(node.kwargs)))
        return tree_flatten(made)[0]
