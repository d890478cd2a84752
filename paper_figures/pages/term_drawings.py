"""Draws blocks of any model from their terms, as SVG in the names of the user's modules.

What looks the same is drawn once: a page holds each drawing as a symbol, and refers to it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from markupsafe import Markup

from derivations.algebra.term_text import read_term
from derivations.algebra.terms import Layer, Leaf, Linear, Pointwise, Term, parts_of
from paper_figures.drawing import scene
from paper_figures.drawing.svg_canvas import UNIT, element
from paper_figures.figures.block_diagrams import Diagram
from validate.analysis.analysis_document import BlockAnalysis

MOST = 120
"""Nodes of a term that a reader can still follow; of a larger one there is no drawing."""
LONGEST = 34
"""Characters of a name in a box."""
MARGIN = 0.05


class _Module(Layer):
    """A leaf under a module's name, which is none of the paper's even where it is spelled so."""


class _Affine(Linear):
    """The same of a linear one."""


class _Function(Pointwise):
    """The same of an elementwise one."""


_NAMED: Mapping[type[Leaf], type[Leaf]] = {
    Layer: _Module,
    Linear: _Affine,
    Pointwise: _Function,
}


@dataclass(frozen=True)
class Drawing:
    """What is inside the SVG, under a name that is its digest, and its size in pixels."""

    name: str
    inside: Markup
    width: int
    height: int


class Drawings:
    """The drawings of a page, each once."""

    def __init__(self, blocks: Iterable[BlockAnalysis] = ()) -> None:
        self._made: dict[tuple[str, tuple[tuple[str, str], ...]], Drawing | None] = {}
        for block in blocks:
            self.of(block)

    @property
    def all(self) -> list[Drawing]:
        """Every drawing, in the order in which blocks asked for them."""
        found = {each.name: each for each in self._made.values() if each is not None}
        return list(found.values())

    def of(self, block: BlockAnalysis) -> Drawing | None:
        """The drawing of the block; None where its term is too large to follow."""
        key = (block.structure, tuple(block.where.items()))
        if key not in self._made:
            self._made[key] = draw(read_term(block.structure), block.where)
        return self._made[key]


def draw(term: Term, where: Mapping[str, str]) -> Drawing | None:
    """The drawing of a term whose leaves have the names of `where`."""
    if _size(term) > MOST:
        return None
    diagram = Diagram.of(told(term, _apart(where)), {}, target="H(x)")
    origin = (UNIT * (diagram.left + MARGIN), UNIT * 0.16)
    inside = "".join(element(mark, origin) for mark in diagram.marks())
    width = UNIT * (diagram.left + diagram.right + 2 * MARGIN)
    # From above the input's name to below the output's, which each take a line.
    height = UNIT * (diagram.node.height + scene.GAP + 0.32)
    name = f"gb-{sha256(inside.encode()).hexdigest()[:12]}"
    return Drawing(name, Markup(inside), round(width), round(height))  # its texts are escaped


def told(term: Term, where: Mapping[str, str]) -> Term:
    """The term with the model's names in place of its letters; raises UnknownNodeError."""
    if isinstance(term, Leaf):
        kind = next(named for plain, named in _NAMED.items() if isinstance(term, plain))
        return kind(where.get(term.name, term.name))
    parts = [told(part, where) for part in parts_of(term)]
    return type(term)(*parts) if parts else term


def _apart(where: Mapping[str, str]) -> dict[str, str]:
    """Names short enough for a box, and still as many: equal leaves are drawn as one."""
    short = {letter: _short(name) for letter, name in where.items()}
    said = list(short.values())
    return {
        letter: name if said.count(name) == 1 else f"{letter}: {name}"
        for letter, name in short.items()
    }


def _short(name: str) -> str:
    if len(name) <= LONGEST:
        return name
    half = (LONGEST - 1) // 2
    return f"{name[:half]}…{name[-half:]}"


def _size(term: Term) -> int:
    return 1 + sum(map(_size, parts_of(term)))
