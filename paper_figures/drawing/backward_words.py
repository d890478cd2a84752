"""Says in words what each edge of a block carries backward, read off its term: one rule per node.

The result is that of the chain rule, written out for a reader of the diagram; the proof of it is
`gradbound derive`. A node without a rule raises UnknownNodeError.
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
    Layer,
    Linear,
    Pointwise,
    Term,
)
from derivations.errors import UnknownNodeError

Names = Mapping[Term, str]
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_TOO_LONG = "g′"  # for a signal that is a whole expression


@dataclass(frozen=True)
class Carried:
    """What reaches the input of a term, and what is said of its joins on the way."""

    result: str
    said: tuple[str, ...] = ()


def backward_words(term: Term, names: Names | None = None) -> str:
    """Sentences for a caption: from g = ∂L/∂H at the output to ∂L/∂x at the input.

    `names` are those of values that gates multiply; without one, it is said in words.
    """
    carried = carry(term, "g", names or {})
    joins = "".join(f" {each[0].upper()}{each[1:]}." for each in dict.fromkeys(carried.said))
    return f"Backward, g = ∂L/∂H enters at the output.{joins} ∂L/∂x = {carried.result}."


@singledispatch
def carry(term: Term, signal: str, names: Names) -> Carried:
    """What the term passes back to its input where `signal` arrives at its output."""
    raise UnknownNodeError(
        f"no words for {type(term).__name__}: register them with "
        "paper_figures.drawing.backward_words.carry"
    )


@carry.register
def _(term: Identity, signal: str, names: Names) -> Carried:
    return Carried(signal)


@carry.register
def _(term: Complement, signal: str, names: Names) -> Carried:
    return Carried(f"−{_factor(signal)}")


@carry.register
def _(term: Layer, signal: str, names: Names) -> Carried:
    return Carried(f"J_{_name(term.name)}ᵀ {_factor(signal)}")


@carry.register
def _(term: Linear, signal: str, names: Names) -> Carried:
    return Carried(f"{_name(term.name)}ᵀ {_factor(signal)}")


@carry.register
def _(term: Pointwise, signal: str, names: Names) -> Carried:
    return Carried(f"{term.name}′ ⊙ {_factor(signal)}")


@carry.register
def _(term: Chain, signal: str, names: Names) -> Carried:
    said: tuple[str, ...] = ()
    for part in reversed(term.parts):
        carried = carry(part, signal, names)
        signal, said = carried.result, (*said, *carried.said)
    return Carried(signal, said)


@carry.register
def _(term: Add, signal: str, names: Names) -> Carried:
    parts = [carry(part, signal, names) for part in term.parts]
    edges = "both its edges" if len(parts) == 2 else f"each of its {len(parts)} edges"
    return _met(f"the sum hands {_short(signal)} unchanged to {edges}", parts)


@carry.register
def _(term: Concat, signal: str, names: Names) -> Carried:
    base = _short(signal)
    slices = [
        f"{base}{str(place).translate(SUBSCRIPTS)}" for place in range(1, len(term.parts) + 1)
    ]
    parts = [carry(part, each, names) for part, each in zip(term.parts, slices, strict=True)]
    cut = f"the concatenation cuts {base} into {', '.join(slices)}, one for each of its edges"
    return _met(cut, parts)


def _met(handed: str, parts: Sequence[Carried]) -> Carried:
    """What several edges that began at one value pass back to it, and what they were handed."""
    told = f"{handed}, and what they pass back is added where they began"
    said = (each for part in parts for each in part.said)
    return Carried(" + ".join(part.result for part in parts), (told, *said))


@carry.register
def _(term: Gate, signal: str, names: Names) -> Carried:
    value, gate = (
        "x" if part == Identity() else _factor(names.get(part, words))
        for part, words in ((term.signal, "[signal]"), (term.gate, "[gate]"))
    )
    short = _factor(_short(signal))
    through = carry(term.signal, f"{gate} ⊙ {short}", names)
    around = carry(term.gate, f"{value} ⊙ {short}", names)
    told = (
        f"the product sends {gate} ⊙ {short} back to the signal and {value} ⊙ {short} to the gate"
    )
    return Carried(f"{through.result} + {around.result}", (told, *through.said, *around.said))


def _factor(text: str) -> str:
    """In parentheses where a factor in front would not reach all of it."""
    outside, opened = text, ""
    while outside != opened:  # what is in parentheses already needs no others
        opened, outside = outside, re.sub(r"\([^()]*\)", "", outside)
    return f"({text})" if re.search(r" [-+⊙−] |^−", outside) else text


def _short(signal: str) -> str:
    return signal if len(signal) <= 2 else _TOO_LONG


def _name(name: str) -> str:
    """W₁ for W_1; F for F."""
    base, _, below = name.partition("_")
    return f"{base}{below.translate(SUBSCRIPTS)}" if below.isdigit() else name
