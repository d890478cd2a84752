"""Draws blocks from their terms: the paper's Figures 1 to 4.

A diagram is read off the term alone, one rule per node; a node without a rule raises
UnknownNodeError.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch
from itertools import takewhile

from matplotlib.figure import Figure

from derivations.algebra.blocks import DENSE, Block, block
from derivations.algebra.formula import Labels, named
from derivations.algebra.terms import (
    Add,
    Chain,
    Complement,
    Concat,
    Gate,
    Identity,
    Layer,
    Leaf,
    Linear,
    Pointwise,
    Term,
)
from derivations.errors import UnknownNodeError
from paper_figures.drawing import scene
from paper_figures.drawing.canvas import paint
from paper_figures.drawing.style import COLUMN, styled, verbatim

WORDS: Mapping[Term, str] = {
    Layer("F"): "weighted layers $F$",
    Layer("s"): "gate $s$",
    Layer("T"): "gate $T$",
    Linear("P"): "average pooling $P$",
    Linear("W_1"): "fully connected $W_1$",
    Linear("W_2"): "fully connected $W_2$",
    Linear("B"): "broadcast $B$",
    Linear("W_s"): "projection $W_s$",
    Pointwise("relu"): "ReLU",
    Pointwise("sigmoid"): "sigmoid",
}
MARGIN = 0.04
TEXT_HEIGHT = 0.07  # half of a line of text


# --- terms to scenes ---


@singledispatch
def layout(term: Term, labels: Labels) -> scene.Node:
    """The scene of a term; values of subterms in `labels` (LaTeX) are named beside their wires."""
    raise UnknownNodeError(
        f"no drawing rule for {type(term).__name__}: register one with "
        "paper_figures.figures.block_diagrams.layout"
    )


@layout.register
def _(term: Identity, labels: Labels) -> scene.Node:
    return scene.Wire()


@layout.register
def _(term: Complement, labels: Labels) -> scene.Node:
    return scene.Block("one minus", "pointwise")


@layout.register
def _(term: Layer, labels: Labels) -> scene.Node:
    return scene.Block(_words(term), "layer")


@layout.register
def _(term: Linear, labels: Labels) -> scene.Node:
    return scene.Block(_words(term), "linear")


@layout.register
def _(term: Pointwise, labels: Labels) -> scene.Node:
    return scene.Block(_words(term), "pointwise")


@layout.register
def _(term: Chain, labels: Labels) -> scene.Node:
    steps = _steps(term)
    return _stack(steps, labels, 0, len(steps))


@layout.register
def _(term: Add, labels: Labels) -> scene.Node:
    # A sum commutes: bypasses go right. The parts of a concatenation keep their order.
    return _join("add", sorted(term.parts, key=lambda part: isinstance(part, Identity)), labels)


@layout.register
def _(term: Concat, labels: Labels) -> scene.Node:
    return _join("concat", term.parts, labels)


@layout.register
def _(term: Gate, labels: Labels) -> scene.Node:
    return _join("gate", (term.signal, term.gate), labels)


def _words(leaf: Leaf) -> str:
    if leaf in WORDS:
        return WORDS[leaf]
    return (
        f"${leaf.name}$"
        if re.fullmatch(r"[A-Za-z](_\{?\w\}?)?", leaf.name)
        else verbatim(leaf.name)
    )


def _steps(term: Term) -> tuple[Term, ...]:
    """What the term does to its input, one step after the other."""
    if isinstance(term, Identity):
        return ()
    return (
        tuple(step for part in term.parts for step in _steps(part))
        if isinstance(term, Chain)
        else (term,)
    )


def _stack(steps: tuple[Term, ...], labels: Labels, start: int, stop: int) -> scene.Node:
    """The steps from `start` to `stop`.

    A label names the value of all steps so far, for only the first one sees the block's input.
    """
    nodes: list[scene.Node] = []
    for index in range(start, stop):
        node = layout(steps[index], labels if index == 0 else {})
        value = steps[0] if index == 0 else Chain(*steps[: index + 1])
        nodes.append(scene.Labelled(node, f"${labels[value]}$") if value in labels else node)
    return scene.Stack(nodes)


def _join(symbol: scene.Symbol, parts: Sequence[Term], labels: Labels) -> scene.Node:
    """Branches that begin with the same steps share them: those are drawn once, above the split."""
    chains = [_steps(part) for part in parts]
    shared = sum(
        1 for _ in takewhile(lambda steps: len(set(steps)) == 1, zip(*chains, strict=False))
    )
    branches = [_stack(chain, labels, shared, len(chain)) for chain in chains]
    return scene.Stack([_stack(chains[0], labels, 0, shared), scene.Join(symbol, branches)])


# --- scenes to figures ---


@dataclass(frozen=True)
class Diagram:
    """One diagram: the node to draw, what goes in, what comes out (both LaTeX), and a caption."""

    node: scene.Node
    source: str
    target: str
    caption: str = ""

    @classmethod
    def of(
        cls,
        term: Term,
        labels: Labels,
        *,
        source: str = "x",
        target: str | None = None,
        caption: str = "",
    ) -> "Diagram":
        """The diagram of a term.

        Its output is described by its formula unless `target` says otherwise.
        """
        inner = {part: name for part, name in labels.items() if part != term}
        described = f"H({source}) = {named(term, source, labels)}" if target is None else target
        return cls(layout(term, inner), source, described, caption)

    def marks(self) -> tuple[scene.Mark, ...]:
        """Everything to draw, the wire's start at the origin."""
        placed = self.node.place(((0.0, 0.0),))
        x, y = placed.wire[-1]
        end = (x, y - scene.GAP)
        note = scene.Note(x, end[1] - TEXT_HEIGHT, f"${self.target}$", centered=True)
        return (
            scene.Note(0.0, TEXT_HEIGHT, f"${self.source}$", centered=True),
            *placed.marks,
            scene.Arrow((*placed.wire, end)),
            note,
        )

    @property
    def left(self) -> float:
        """Extent to the left of the input wire."""
        return max(self.node.left, scene.text_width(f"${self.target}$") / 2)

    @property
    def right(self) -> float:
        """Extent to the right of the input wire."""
        return max(self.node.right, scene.text_width(f"${self.target}$") / 2)

    @property
    def height(self) -> float:
        """From above the input's name to below the caption."""
        return self.node.height + scene.GAP + (4 if not self.caption else 6.5) * TEXT_HEIGHT


@styled
def draw(diagrams: Sequence[Diagram], width: float = COLUMN) -> Figure:
    """The diagrams side by side, at their natural size in inches."""
    height = max(diagram.height for diagram in diagrams) + 2 * MARGIN
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
    axes.set_axis_off()
    space = (width - sum(diagram.left + diagram.right for diagram in diagrams)) / (
        len(diagrams) + 1
    )
    x = space
    for diagram in diagrams:
        origin = (x + diagram.left, height - MARGIN - 2 * TEXT_HEIGHT)
        for mark in diagram.marks():
            paint(mark, axes, origin)
        if diagram.caption:
            axes.text(
                x + (diagram.left + diagram.right) / 2,
                MARGIN + TEXT_HEIGHT,
                diagram.caption,
                ha="center",
                va="center",
                fontsize=8,
            )
        x += diagram.left + diagram.right + space
    return figure


def block_diagram(name: str) -> Figure:
    """The diagram of a named block, which is also the paper's figure of it.

    A dense block is shown as one step and as a stack of three.
    """
    named = block(name)
    return draw([Diagram.of(named.term, named.labels)] if named != DENSE else _dense(named))


def _dense(named: Block) -> list[Diagram]:
    steps = [Concat(Layer(f"F_{index}"), Identity()) for index in (1, 2, 3)]
    labels: Labels = {
        steps[0]: r"x_1 \,\Vert\, x_0",
        Chain(*steps[:2]): r"x_2 \,\Vert\, x_1 \,\Vert\, x_0",
    }
    target = r"x_3 \,\Vert\, x_2 \,\Vert\, x_1 \,\Vert\, x_0"
    return [
        Diagram.of(named.term, named.labels, caption="(a) one step"),
        Diagram.of(Chain(*steps), labels, source="x_0", target=target, caption="(b) three steps"),
    ]
