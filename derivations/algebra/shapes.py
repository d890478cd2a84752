"""Infers the dimension of a term's value.

One rule per node; a term whose parts do not fit raises `InputError`, an unknown node
`UnknownNodeError`.
"""

from collections.abc import Mapping
from functools import singledispatch
from typing import TypeAlias

import sympy as sp

from derivations.algebra.terms import (
    Add,
    Chain,
    Complement,
    Concat,
    Gate,
    Identity,
    Layer,
    Linear,
    Pointwise,
    Term,
)
from derivations.errors import InputError, UnknownNodeError

Size: TypeAlias = "int | str | sp.Expr"
Dims = Mapping[str, tuple[Size, Size]]
"""For each leaf its (out, in) dimensions: numbers, names of symbols, or sums of those."""


def dimension(size: Size) -> sp.Expr:
    """A dimension as SymPy sees it."""
    if isinstance(size, sp.Expr):
        return size
    return (
        sp.Integer(size) if isinstance(size, int) else sp.Symbol(size, integer=True, positive=True)
    )


@singledispatch
def output_dim(term: Term, inputs: sp.Expr, dims: Dims) -> sp.Expr:
    """The dimension of the value of `term` on an input of dimension `inputs`."""
    raise UnknownNodeError(
        f"no shape rule for {type(term).__name__}: register one in derivations/algebra/shapes.py"
    )


@output_dim.register(Identity)
@output_dim.register(Complement)
@output_dim.register(Pointwise)
def _(term: Identity | Complement | Pointwise, inputs: sp.Expr, dims: Dims) -> sp.Expr:
    return inputs


@output_dim.register(Layer)
@output_dim.register(Linear)
def _(term: Layer | Linear, inputs: sp.Expr, dims: Dims) -> sp.Expr:
    if term.name not in dims:
        raise InputError(f"no dimensions given for {term.name!r}: add it to dims as (out, in)")
    out, expected = map(dimension, dims[term.name])
    _require_equal(f"{term.name} takes inputs of dimension", expected, inputs)
    return out


@output_dim.register
def _(term: Chain, inputs: sp.Expr, dims: Dims) -> sp.Expr:
    for part in term.parts:
        inputs = output_dim(part, inputs, dims)
    return inputs


@output_dim.register
def _(term: Add, inputs: sp.Expr, dims: Dims) -> sp.Expr:
    first, *others = (output_dim(part, inputs, dims) for part in term.parts)
    for other in others:
        _require_equal("a sum takes parts of dimension", first, other)
    return first


@output_dim.register
def _(term: Concat, inputs: sp.Expr, dims: Dims) -> sp.Expr:
    return sp.Add(*(output_dim(part, inputs, dims) for part in term.parts))


@output_dim.register
def _(term: Gate, inputs: sp.Expr, dims: Dims) -> sp.Expr:
    signal, gate = output_dim(term.signal, inputs, dims), output_dim(term.gate, inputs, dims)
    _require_equal("a gate takes a signal of dimension", gate, signal)
    return signal


def _require_equal(what: str, expected: sp.Expr, given: sp.Expr) -> None:
    # Equal sizes need not be equal expressions: a concatenation adds up symbols.
    if sp.expand(expected - given) != 0:
        raise InputError(f"{what} {expected}, not {given}")
