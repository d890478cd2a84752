"""Gives the named blocks of the paper as terms.

A `Block` adds to a term what a reader needs (title, labels for its values) and never anything a rule depends on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from derivations.blocks import Add, Chain, Concat, Gate, Identity, Layer, Linear, Pointwise, Term
from derivations.errors import InputError

F = Layer("F")
WEIGHTS = Chain(F, Linear("P"), Linear("W_1"), Pointwise("relu"), Linear("W_2"), Pointwise("sigmoid"))
GATE = Chain(*WEIGHTS.parts, Linear("B"))
SCALED = Gate(F, GATE)


@dataclass(frozen=True)
class Block:
    """A named term.

    `kind` is the word used in results; `labels` gives LaTeX names to the values of subterms; `dims` the (out, in)
    dimensions of each leaf as names of symbols, the block's input being n.
    """

    name: str
    title: str
    kind: str
    term: Term
    dims: Mapping[str, tuple[str, str]]
    labels: Mapping[Term, str] = field(default_factory=dict)


PLAIN = Block("plain", "Plain block (VGGNet)", "plain", F, {"F": ("m", "n")}, {F: "F(x)"})
RESIDUAL = Block("residual", "Residual block (ResNet)", "residual", Add(F, Identity()), {"F": ("n", "n")}, {F: "F(x)"})
SE_RESIDUAL = Block(
    "se_residual",
    "Squeeze-and-excitation residual block (SE-ResNet)",
    "gated_residual",
    Add(SCALED, Identity()),
    {"F": ("n", "n"), "P": ("C", "n"), "W_1": ("r", "C"), "W_2": ("C", "r"), "B": ("n", "C")},
    {F: "u", WEIGHTS: "s", GATE: "Bs", SCALED: r"\tilde{F}"},
)
DENSE = Block("dense", "Dense block (DenseNet)", "dense", Concat(F, Identity()), {"F": ("k", "n")}, {F: "F_l(x)"})

BLOCKS: Mapping[str, Block] = {block.name: block for block in (PLAIN, RESIDUAL, SE_RESIDUAL, DENSE)}


def block(name: str) -> Block:
    """The named block; raises InputError for an unknown name."""
    if name not in BLOCKS:
        raise InputError(f"unknown block {name!r}: choose from {', '.join(BLOCKS)}")
    return BLOCKS[name]
