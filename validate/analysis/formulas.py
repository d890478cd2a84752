"""Writes the formula of a captured block in the names of the user's model.

What is printed was proved once for each form of term, whatever its sizes.
"""

import re
from collections.abc import Mapping, Sequence
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
from derivations.book.prose import prose
from derivations.book.proved_term import prove
from derivations.errors import UnknownNodeError
from numeric import LeafMap

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


def formula(name: str, term: Term, regions: Mapping[str, LeafMap]) -> Formula:
    """The formula of the block of this name. Raises ViolationError where a step of its derivation
    fails a check.
    """
    where = {letter: leaf_name(name, region) for letter, region in regions.items()}
    if isinstance(term, Leaf):  # the block is this leaf
        where = {letter: said if "." in said else name for letter, said in where.items()}
    named = _named(proved := prove(term).latex, where)
    return Formula(written(term, "x"), where, named if len(named) <= LONGEST else proved)


def leaf_name(block: str, region: LeafMap) -> str:
    """What a leaf runs, in the order of running: modules relative to the block; where it runs none
    of its own, torch's functions.
    """
    base = re.split(r"[+:]", block)[0]
    own = [module for module in _each(region.modules, region) if module not in (base, "")]
    names = list(dict.fromkeys(module.removeprefix(f"{base}.") for module in own))
    names = names or list(dict.fromkeys(region.functions))
    if len(names) > MOST_NAMED:
        return f"{names[0]}..{names[-1]}"
    return ", ".join(names) or "identity"


def _each(modules: Sequence[str], region: LeafMap) -> Sequence[str]:
    steps = getattr(region, "steps", None)
    return [step.node.module for step in steps] if steps is not None else modules


def _named(latex: str, where: Mapping[str, str]) -> str:
    r"""LaTeX with \text{name} in place of each letter."""

    def name(match: re.Match[str]) -> str:
        letter = match.group(0)
        return rf"\text{{{prose(where[letter])}}}" if letter in where else letter

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
