"""Defines the terms of the block algebra: network blocks by their structure alone.

A term is immutable, hashable and free of tensors. What can be done with terms (shapes, Jacobians,
bounds, drawing, running) lives in modules of its own, as `functools.singledispatch` functions whose
default raises `UnknownNodeError`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import singledispatch

from derivations.errors import InputError, UnknownNodeError


@dataclass(frozen=True)
class Term:
    """A differentiable map x ↦ y between real vectors."""


@dataclass(frozen=True)
class Identity(Term):
    """x ↦ x."""


@dataclass(frozen=True)
class Complement(Term):
    """x ↦ 1 − x, elementwise: what a gate leaves to the carry."""


@dataclass(frozen=True)
class Leaf(Term):
    """A map that the algebra does not look into; equal names denote the same map with the same
    weights.
    """

    name: str


@dataclass(frozen=True)
class Layer(Leaf):
    """Any differentiable map F with Jacobian J_F(x)."""


@dataclass(frozen=True)
class Linear(Leaf):
    """An affine map x ↦ Wx + b; its Jacobian W does not depend on x."""


@dataclass(frozen=True)
class Pointwise(Leaf):
    """An elementwise map φ; its Jacobian is the diagonal matrix D of φ′(x)."""


SLOPES: Mapping[str, tuple[Fraction, Fraction]] = {
    "relu": (Fraction(0), Fraction(1)),
    "sigmoid": (Fraction(0), Fraction(1, 4)),
    "tanh": (Fraction(0), Fraction(1)),
}
"""Pointwise maps by reserved names: φ′ never leaves these ends. A map that does is refused under
such a name."""


@dataclass(frozen=True, init=False)
class Composite(Term):
    """A node over one or more parts."""

    parts: tuple[Term, ...]
    # Kept: terms are keys everywhere, and that of a chain asks all that it is made of.
    _hash: int = field(compare=False, repr=False)

    def __init__(self, *parts: Term) -> None:
        if not parts or not all(isinstance(part, Term) for part in parts):
            raise InputError(f"{type(self).__name__} takes one or more terms, not {parts!r}")
        object.__setattr__(self, "parts", parts)
        object.__setattr__(self, "_hash", hash((type(self), parts)))

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[type, tuple[Term, ...]]:
        return type(self), self.parts  # another process hashes names otherwise

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.parts))})"


class Chain(Composite):
    """Composition, first part first: Chain(f, g) is x ↦ g(f(x))."""


class Add(Composite):
    """Sum of the parts at the same input: x ↦ f(x) + g(x)."""


class Concat(Composite):
    """Concatenation of the parts at the same input, in order: x ↦ (f(x), g(x))."""


@dataclass(frozen=True)
class Gate(Term):
    """Hadamard product of two terms at the same input: x ↦ gate(x) ⊙ signal(x)."""

    signal: Term
    gate: Term


@singledispatch
def parts_of(term: Term) -> tuple[Term, ...]:
    """The terms that a term is put together from."""
    raise UnknownNodeError(
        f"no parts known of {type(term).__name__}: register them in derivations/algebra/terms.py"
    )


@parts_of.register(Identity)
@parts_of.register(Complement)
@parts_of.register(Leaf)
def _(term: Term) -> tuple[Term, ...]:
    return ()


@parts_of.register
def _(term: Composite) -> tuple[Term, ...]:
    return term.parts


@parts_of.register
def _(term: Gate) -> tuple[Term, ...]:
    return (term.signal, term.gate)


def leaves(term: Term) -> frozenset[Leaf]:
    """The leaves of a term; raises InputError where one name is used for leaves of two kinds,
    UnknownNodeError for an unknown node.
    """
    found = frozenset({term} if isinstance(term, Leaf) else ()).union(*map(leaves, parts_of(term)))
    names = [leaf.name for leaf in found]
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"leaf {name!r} is used as leaves of different kinds: give each a name of its own"
            )
    return found
