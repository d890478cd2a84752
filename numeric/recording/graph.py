"""Defines a recorded computation: operations on numbered values, in the order in which they ran.

A value is a tensor that an operation produced or that the model was given; it is written once, for
operations in place were recorded as what they compute. Nothing here runs or interprets anything.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from torch import Tensor
from torch.utils._pytree import tree_flatten

from numeric.recording.given import Generators


@dataclass(frozen=True)
class Ref:
    """A recorded value where an operation takes it."""

    value: int


@dataclass(frozen=True)
class Address:
    """Where Python meets a value when the model runs again: at its `call`-th torch function, among
    the flat tensors of the arguments ("in") or of the result ("out"); call 0 is the model itself.
    """

    call: int
    side: Literal["in", "out"]
    position: int


@dataclass(frozen=True)
class Node:
    """One operation. `args` and `kwargs` hold `Ref`s in place of recorded values.

    `name` is the torch function that the model called, `module` the path of the innermost module
    that ran ("" for the model itself), with "@k" for its k-th call. `outputs` are the values of its
    flat results, None for a result that is no tensor. `whole` says that it is a function that was
    kept in one piece, `tracked` whether autograd was on, `drawn` is where the random
    generators were before it drew numbers, None where it draws none.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    outputs: tuple[int | None, ...]
    name: str
    module: str
    whole: bool
    tracked: bool
    drawn: Generators | None = None

    @cached_property
    def inputs(self) -> tuple[int, ...]:
        """The recorded values that it takes, each once, in the order of the arguments."""
        return tuple(dict.fromkeys(ref.value for ref in refs(self.args, self.kwargs)))


@dataclass(frozen=True)
class Recording:
    """What ran between `inputs` and `outputs`, with every value's tensor at that input.

    `addresses` tells how to find values in another run. `remarks` says in words what the recording
    is good for.
    """

    nodes: tuple[Node, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    values: Mapping[int, Tensor]
    addresses: Mapping[int, Address]
    remarks: tuple[str, ...] = field(default=())
    names: tuple[str, ...] = field(default=())
    """Of the outputs in the model's result `out`, as "['logits']" for out['logits']."""

    @property
    def one_result(self) -> str:
        """What to do where several outputs are too many."""
        names = [f"out{name}" for name in self.names] or ["out[0]"]
        plain = names == [f"out[{place}]" for place in range(len(names))]
        said = "" if plain else f" ({', '.join(names[:5])}{', …' if len(names) > 5 else ''})"
        return (
            f"pass a loss that uses one of them{said}, as loss=lambda out: {names[0]}.sum(), or "
            "--result 1"
        )


def refs(*trees: Any) -> Iterator[Ref]:
    """The references in nested arguments, in order."""
    for leaf in tree_flatten(trees)[0]:
        if isinstance(leaf, Ref):
            yield leaf
