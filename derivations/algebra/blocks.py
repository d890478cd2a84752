"""Gives the named blocks as terms: the paper's four, its variants, and three that it does not have.

A `Block` adds to a term what a reader needs (title, labels for its values) and never anything a
rule depends on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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
from derivations.errors import InputError, way_out

if TYPE_CHECKING:  # which needs SymPy, and the command line does not
    from derivations.algebra.shapes import Dims

BRANCH = Layer("F")
TRANSFORM = Layer("T")
RELU = Pointwise("relu")
WEIGHTS = Chain(BRANCH, Linear("P"), Linear("W_1"), RELU, Linear("W_2"), Pointwise("sigmoid"))
GATE = Chain(*WEIGHTS.parts, Linear("B"))
SCALED = Gate(BRANCH, GATE)


@dataclass(frozen=True)
class Block:
    """A named term.

    `kind` is the word used in results; `labels` gives LaTeX names to the values of subterms; `dims`
    the (out, in) dimensions of each leaf as names of symbols, the block's input being n. `branch`
    are the layers whose Jacobians vanish when limits are taken.
    """

    name: str
    title: str
    kind: str
    term: Term
    dims: "Dims"
    labels: Mapping[Term, str] = field(default_factory=dict)
    branch: tuple[str, ...] = ("F",)


SQUARE = {"F": ("n", "n")}

PLAIN = Block("plain", "Plain block (VGGNet)", "plain", BRANCH, {"F": ("m", "n")}, {BRANCH: "F(x)"})
RESIDUAL = Block(
    "residual",
    "Residual block (ResNet)",
    "residual",
    Add(BRANCH, Identity()),
    SQUARE,
    {BRANCH: "F(x)"},
)
SE_RESIDUAL = Block(
    "se_residual",
    "Squeeze-and-excitation residual block (SE-ResNet)",
    "gated_residual",
    Add(SCALED, Identity()),
    SQUARE | {"P": ("C", "n"), "W_1": ("r", "C"), "W_2": ("C", "r"), "B": ("n", "C")},
    {BRANCH: "u", WEIGHTS: "s", GATE: "Bs", SCALED: r"\tilde{F}"},
)
DENSE = Block(
    "dense",
    "Dense block (DenseNet)",
    "dense",
    Concat(BRANCH, Identity()),
    {"F": ("k", "n")},
    {BRANCH: "F_l(x)"},
)
PAPER_BLOCKS: Mapping[str, Block] = {
    block.name: block for block in (PLAIN, RESIDUAL, SE_RESIDUAL, DENSE)
}

PROJECTION = Block(
    "projection",
    "Residual block with a projection shortcut",
    "residual",
    Add(BRANCH, Linear("W_s")),
    {"F": ("m", "n"), "W_s": ("m", "n")},
    {BRANCH: "F(x)", Linear("W_s"): "W_s x"},
)
POST_ACTIVATION = Block(
    "post_activation",
    "Residual block with its final ReLU",
    "residual",
    Chain(RESIDUAL.term, RELU),
    SQUARE,
    {BRANCH: "F(x)", RESIDUAL.term: "a"},
)
INPUT_GATE = Block(
    "input_gate",
    "Residual block with a gate computed from its input",
    "input_gate",
    Add(Gate(BRANCH, Layer("s")), Identity()),
    SQUARE | {"s": ("n", "n")},
    {BRANCH: "F(x)", Layer("s"): "s(x)"},
)
PRE_ACTIVATION = Block(
    "pre_activation",
    "Pre-activation residual block",
    "residual",
    Add(Chain(RELU, BRANCH), Identity()),
    SQUARE,
    {RELU: r"\rho(x)", Chain(RELU, BRANCH): r"F(\rho(x))"},
)
HIGHWAY = Block(
    "highway",
    "Highway block",
    "input_gate",
    Add(Gate(BRANCH, TRANSFORM), Gate(Identity(), Chain(TRANSFORM, Complement()))),
    SQUARE | {"T": ("n", "n")},
    {BRANCH: "F(x)", TRANSFORM: "T(x)", Chain(TRANSFORM, Complement()): "1 - T(x)"},
)
RESNEXT = Block(
    "resnext",
    "Residual block with a sum of branches (ResNeXt)",
    "residual",
    Add(Layer("F_1"), Layer("F_2"), Layer("F_3"), Identity()),
    {f"F_{index}": ("n", "n") for index in (1, 2, 3)},
    {Layer(f"F_{index}"): f"F_{index}(x)" for index in (1, 2, 3)},
    branch=("F_1", "F_2", "F_3"),
)

BLOCKS: Mapping[str, Block] = {
    **PAPER_BLOCKS,
    **{
        block.name: block
        for block in (PROJECTION, POST_ACTIVATION, PRE_ACTIVATION, RESNEXT, INPUT_GATE, HIGHWAY)
    },
}


def block(name: str) -> Block:
    """The named block; raises InputError for an unknown name."""
    if name not in BLOCKS:
        raise InputError(f"unknown block {name!r}: {way_out(name, BLOCKS)}")
    return BLOCKS[name]


def term_of(structure: object) -> Term:
    """The term behind what names a structure: a term, a `Block`, or the name of a named block.

    Raises InputError, which says what to pass, for anything else.
    """
    match structure:
        case Term():
            return structure
        case Block():
            return structure.term
        case str():
            return block(structure).term
    raise InputError(
        f"a {type(structure).__name__} is no block: pass a term, a Block, or one of the names "
        f"{', '.join(BLOCKS)}"
    )
