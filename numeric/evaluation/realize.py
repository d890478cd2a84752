"""Runs terms: turns a term of the block algebra and its leaves' maps into a torch module.

Every distinct subterm is evaluated once per input, and nothing broadcasts. Raises InputError or
UnknownNodeError.
"""

from collections.abc import Mapping
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor, nn

from derivations.algebra.terms import (
    Add,
    Chain,
    Complement,
    Concat,
    Gate,
    Identity,
    Leaf,
    Pointwise,
    Term,
)
from derivations.algebra.terms import leaves as leaves_of
from derivations.errors import InputError, UnknownNodeError
from numeric.checks import Function, as_module, call, check_leaves


class Realized(nn.Module):
    """The map of a term: (batch, *in) to (batch, *out). Concat joins along dimension 1."""

    def __init__(self, term: Term, leaves: Mapping[str, Function]) -> None:
        super().__init__()
        check_leaves(leaves)
        needed = sorted({leaf.name for leaf in leaves_of(term)})
        if missing := [name for name in needed if name not in leaves]:
            raise InputError(
                f"leaf {missing[0]!r} of the term has no map: add it to the leaves "
                f"({', '.join(leaves) or 'there are none'})"
            )
        self.term = term
        self.maps = {name: leaves[name] for name in needed}
        self.owned = nn.ModuleList(
            module for leaf in self.maps.values() if (module := as_module(leaf)) is not None
        )

    def forward(self, x: Tensor) -> Tensor:
        return Evaluation(self.maps).value(self.term, x)


def realize(term: Term, leaves: Mapping[str, Function]) -> Realized:
    """The module that evaluates `term`; `leaves` gives each leaf's name a map of batched tensors.

    Raises InputError for a leaf without a map and UnknownNodeError for a node that has no rule
    here; the module's forward raises InputError where shapes do not fit or a leaf changes its input
    in place.
    """
    return Realized(term, leaves)


class Evaluation:
    """One pass over a term: a subterm met again at the same input is not run again.

    Values are tensors; a subclass that says how leaves are run and values joined gives the same
    terms another arithmetic.
    """

    def __init__(self, maps: Mapping[str, Function]) -> None:
        self.maps = maps
        # Keyed by the input's identity, so the inputs are kept alive beside their values.
        self.known: dict[tuple[Term, int], tuple[Any, Any]] = {}

    def value(self, term: Term, x: Any) -> Any:
        key = (term, id(x))
        if key not in self.known:
            self.known[key] = (x, _value(term, x, self))
        return self.known[key][1]

    def cat(self, values: list[Any]) -> Any:
        """Joins values along dimension 1."""
        return torch.cat(values, 1)

    def leaf(self, term: Leaf, x: Any) -> Any:
        """The value of a leaf's map at x, which must stay as it is."""
        version = None if x.is_inference() else x._version
        value = call(self.maps[term.name], x, f"leaf {term.name!r}")
        if version is not None and x._version != version:
            raise InputError(
                f"leaf {term.name!r} changes its input in place, which other parts may share: "
                "build it with inplace=False"
            )
        if not isinstance(value, Tensor) or value.dim() < 2 or value.shape[0] != x.shape[0]:
            found = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
            raise InputError(
                f"leaf {term.name!r} maps {tuple(x.shape)} to {found}: it must return one "
                "tensor (batch, ...)"
            )
        return value


@singledispatch
def _value(term: Term, x: Any, run: Evaluation) -> Any:
    """The value of a term at x, its parts evaluated by `run`."""
    raise UnknownNodeError(
        f"cannot run {type(term).__name__}: register a rule in numeric/evaluation/realize.py"
    )


@_value.register
def _(term: Identity, x: Any, run: Evaluation) -> Any:
    return x


@_value.register
def _(term: Complement, x: Any, run: Evaluation) -> Any:
    return 1 - x


@_value.register
def _(term: Leaf, x: Any, run: Evaluation) -> Any:
    value = run.leaf(term, x)
    if isinstance(term, Pointwise) and value.shape != x.shape:
        raise InputError(
            f"pointwise leaf {term.name!r} maps {tuple(x.shape)} to {tuple(value.shape)}: it "
            "must keep the shape"
        )
    return value


@_value.register
def _(term: Chain, x: Any, run: Evaluation) -> Any:
    for part in term.parts:
        x = run.value(part, x)
    return x


@_value.register
def _(term: Add, x: Any, run: Evaluation) -> Any:
    values = [run.value(part, x) for part in term.parts]
    total = values[0]
    for value in values[1:]:
        _require_equal("Add", total, value)
        total = total + value
    return total


@_value.register
def _(term: Concat, x: Any, run: Evaluation) -> Any:
    values = [run.value(part, x) for part in term.parts]
    for value in values[1:]:
        # All sizes but those of dimension 1, along which they are joined.
        _require_equal("Concat", values[0][:, :1], value[:, :1])
    return run.cat(values)


@_value.register
def _(term: Gate, x: Any, run: Evaluation) -> Any:
    signal, gate = run.value(term.signal, x), run.value(term.gate, x)
    _require_equal("Gate", signal, gate)
    return gate * signal


def _require_equal(node: str, left: Any, right: Any) -> None:
    """Refuses values that torch would broadcast.

    The term has no such node, so the numbers would be another block's.
    """
    if left.shape != right.shape:
        raise InputError(
            f"{node} joins shapes {tuple(left.shape)} and {tuple(right.shape)}: make the "
            "leaves fit without broadcasting"
        )
