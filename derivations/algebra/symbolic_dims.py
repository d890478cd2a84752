"""Names the dimensions of a term's leaves, so that one derivation serves every size they have."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, singledispatchmethod
from itertools import chain, count

import sympy as sp

from derivations.algebra.shapes import Dims, dimension
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

INPUTS = dimension("n")


@dataclass(frozen=True)
class SymbolicDims:
    """`dims`: (out, in) of every leaf that has dimensions; `inputs`: the entries of x, n or a sum
    of others. As many symbols are different as the term allows.
    """

    dims: Dims
    inputs: sp.Expr


@lru_cache(maxsize=1024)
def symbolic_dims(term: Term) -> SymbolicDims:
    """Names for the dimensions of a term. Raises InputError for one whose parts cannot fit."""
    naming = _Naming()
    naming.out(term, INPUTS)
    dims = {
        name: (naming.settled(out), naming.settled(given))
        for name, (out, given) in naming.dims.items()
    }
    return SymbolicDims(dims, naming.settled(INPUTS))


class _Naming:
    """Walks through a term once, and learns which dimensions must be equal."""

    def __init__(self) -> None:
        self.dims: dict[str, tuple[sp.Expr, sp.Expr]] = {}
        self._known: dict[sp.Symbol, sp.Expr] = {}
        self._letters = _letters()
        self._free: dict[sp.Symbol, None] = {}

    def settled(self, size: sp.Expr) -> sp.Expr:
        while (found := size.subs(self._known)) != size:
            size = found
        return size

    @singledispatchmethod
    def out(self, term: Term, inputs: sp.Expr) -> sp.Expr:
        """The dimension of a term's value."""
        raise UnknownNodeError(
            f"no dimensions of {type(term).__name__}: register a rule in "
            "derivations/algebra/symbolic_dims.py"
        )

    @out.register(Identity)
    @out.register(Complement)
    @out.register(Pointwise)
    def _(self, term: Term, inputs: sp.Expr) -> sp.Expr:
        return inputs

    @out.register(Layer)
    @out.register(Linear)
    def _(self, term: Layer | Linear, inputs: sp.Expr) -> sp.Expr:
        if term.name not in self.dims:
            letter = dimension(next(self._letters))
            self._free[letter] = None
            self.dims[term.name] = letter, inputs
        out, given = self.dims[term.name]
        self._equal(given, inputs)
        return out

    @out.register
    def _(self, term: Chain, inputs: sp.Expr) -> sp.Expr:
        for part in term.parts:
            inputs = self.out(part, inputs)
        return inputs

    @out.register
    def _(self, term: Add, inputs: sp.Expr) -> sp.Expr:
        first, *others = (self.out(part, inputs) for part in term.parts)
        for other in others:
            self._equal(first, other)
        return first

    @out.register
    def _(self, term: Concat, inputs: sp.Expr) -> sp.Expr:
        return sp.Add(*(self.out(part, inputs) for part in term.parts))

    @out.register
    def _(self, term: Gate, inputs: sp.Expr) -> sp.Expr:
        signal = self.out(term.signal, inputs)
        self._equal(signal, self.out(term.gate, inputs))
        return signal

    def _equal(self, one: sp.Expr, other: sp.Expr) -> None:
        one, other = self.settled(one), self.settled(other)
        if sp.expand(one - other) == 0:
            return
        # n is given up last: x is what all other sizes are compared with.
        for letter, size in sorted(
            ((other, one), (one, other)), key=lambda each: each[0] == INPUTS
        ):
            free = letter in self._free or letter == INPUTS
            if free and letter not in size.free_symbols:
                self._known[letter] = size
                return
        raise InputError(f"no dimensions make {one} and {other} the same size")


def _letters() -> Iterator[str]:
    return chain("mkpqr", (f"d_{number}" for number in count(1)))
