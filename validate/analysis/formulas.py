"""Writes the formula of a captured block in the names of the user's model.

What is printed was proved once for each form of term, whatever its sizes.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import singledispatch

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
from derivations.book.prose import plain
from derivations.book.proved_term import prove
from derivations.errors import UnknownNodeError
from numeric import LeafMap
from numeric.capture.region import Placed, Slice

LONGEST = 400
"""A longer formula keeps its letters."""
MOST_NAMED = 3
"""Steps of a leaf that are named; of more the first and the last are."""


@dataclass(frozen=True)
class Formula:
    """`term` in letters, `where` what each letter is in the model, and the pullback with the
    model's names in place of the letters.
    """

    term: str
    where: dict[str, str]
    pullback_latex: str


def formula(
    name: str, term: Term, regions: Mapping[str, LeafMap], containers: Collection[str] = ()
) -> Formula:
    """The formula of the block of this name. `containers` are the paths of modules that hold other
    modules which run. Raises ViolationError where a step of its derivation fails a check.
    """
    # A block that is one leaf may run through several modules: their paths are told in full.
    base = "" if isinstance(term, Leaf) else re.split(r"[+:]", name)[0]
    where = {letter: leaf_name(base, each, containers) for letter, each in regions.items()}
    said = list(where.values())
    where = {
        letter: f"{text} ({letter})" if said.count(text) > 1 else text
        for letter, text in where.items()
    }
    # Which part of a state it is, is no name to multiply by.
    parts = [letter for letter, each in regions.items() if isinstance(each, Slice | Placed)]
    inside = {letter: text for letter, text in where.items() if letter not in parts}
    named = _named(proved := prove(term).latex, inside)
    return Formula(written(term, "x"), where, named if len(named) <= LONGEST else proved)


def leaf_name(base: str, region: LeafMap, containers: Collection[str] = ()) -> str:
    """What a leaf runs, in the order of running: modules, relative to `base` where they are in it;
    torch's functions where a module that holds others calls them itself. Of a part of a state it
    says which it is.
    """
    if isinstance(region, Slice | Placed):
        return region.said
    steps = getattr(region, "steps", None)
    pairs = (
        [(step.node.module, step.node.name) for step in steps]
        if steps is not None
        else list(zip(region.modules or ("",), region.functions, strict=False))
    )
    names: dict[str, None] = {}
    for module, function in pairs:
        inside = module.removeprefix(f"{base}.") if base else module
        if module in ("", base):
            names[function] = None
        else:
            names[f"{inside}:{function}" if module in containers else inside] = None
    found = list(names)
    if len(found) > MOST_NAMED:
        return f"{found[0]}..{found[-1]}"
    return ", ".join(found) or "identity"


def _named(latex: str, where: Mapping[str, str]) -> str:
    r"""LaTeX with \text{name} in place of each letter."""

    def name(match: re.Match[str]) -> str:
        letter = match.group(0)
        return rf"\text{{{plain(where[letter])}}}" if letter in where else letter

    return re.sub(r"[A-Za-z]+_\d+", name, latex)


@singledispatch
def written(term: Term, x: str) -> str:
    """The value of a term at x, as text."""
    raise UnknownNodeError(
        f"no text of {type(term).__name__}: register one in validate/analysis/formulas.py"
    )


@written.register
def _(term: Identity, x: str) -> str:
    return x


@written.register
def _(term: Complement, x: str) -> str:
    return f"(1 - {_bracketed(x)})"


@written.register(Leaf)
@written.register(Pointwise)
def _(term: Leaf, x: str) -> str:
    return f"{term.name}({x})"


@written.register
def _(term: Chain, x: str) -> str:
    for part in term.parts:
        x = written(part, x)
    return x


@written.register
def _(term: Add, x: str) -> str:
    return " + ".join(written(part, x) for part in term.parts)


@written.register
def _(term: Concat, x: str) -> str:
    return f"[{', '.join(written(part, x) for part in term.parts)}]"


@written.register
def _(term: Gate, x: str) -> str:
    signal, gate = (_bracketed(written(part, x)) for part in (term.signal, term.gate))
    return f"{signal} ⊙ {gate}"


def _bracketed(text: str) -> str:
    """In parentheses, where it is a sum or a product that would fall apart."""
    depth = 0
    for character in text:
        depth += (character in "([") - (character in ")]")
        if character == " " and depth == 0:
            return f"({text})"
    return text
