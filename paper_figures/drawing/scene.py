"""Places boxes, wires and joins of a flow diagram that runs from top to bottom.

Pure geometry in inches, y upward, the input at the origin. Knows nothing of terms; terms become
scenes in `block_diagrams`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Literal, Protocol

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

Point = tuple[float, float]
Symbol = Literal["add", "gate", "concat"]

BOX_HEIGHT = 0.23
GAP = 0.18  # room for an arrow between two nodes
LABEL_HEIGHT = 0.06  # extra wire beside which a value is named
PADDING = 0.11
JOIN_RADIUS = 0.085
LANE = 0.16  # clear space between neighbouring branches
FONT_SIZE = 8


@dataclass(frozen=True)
class Box:
    """A labelled rectangle, by its centre."""

    x: float
    y: float
    width: float
    height: float
    text: str
    role: str


@dataclass(frozen=True)
class Arrow:
    """A polyline with an arrowhead at its end."""

    points: tuple[Point, ...]


@dataclass(frozen=True)
class Circle:
    """A join: a circle around its symbol, by its centre."""

    x: float
    y: float
    symbol: Symbol


@dataclass(frozen=True)
class Dot:
    """A point where one wire splits."""

    x: float
    y: float


@dataclass(frozen=True)
class Note:
    """A value's name, its left end at (x, y)."""

    x: float
    y: float
    text: str
    centered: bool = False


Mark = Box | Arrow | Circle | Dot | Note


@dataclass(frozen=True)
class Placed:
    """The marks of a node, and the wire that leaves it.

    The wire's points are not yet drawn; at the last one the next node begins.
    """

    marks: tuple[Mark, ...]
    wire: tuple[Point, ...]


class Node(Protocol):
    """A part of a scene.

    `left` and `right` are its extents from the axis on which wires enter and leave.
    """

    @property
    def left(self) -> float: ...
    @property
    def right(self) -> float: ...
    @property
    def height(self) -> float: ...
    def place(self, wire: tuple[Point, ...]) -> Placed:
        """Draws the node below the end of the incoming wire."""


@lru_cache(maxsize=1024)
def text_width(text: str) -> float:
    """Width of a label in inches at the diagram's font size, whatever matplotlib's settings are."""
    if not text.strip():
        return 0.0
    font = FontProperties(family="STIXGeneral", math_fontfamily="stix")
    return float(TextPath((0, 0), text, size=FONT_SIZE, prop=font).get_extents().width) / 72


@dataclass(frozen=True)
class Wire:
    """Nothing but the wire itself."""

    left: float = 0.0
    right: float = 0.0
    height: float = 0.0

    def place(self, wire: tuple[Point, ...]) -> Placed:
        """Passes the wire on."""
        return Placed((), wire)


@dataclass(frozen=True)
class Block:
    """A box with an arrow into its top edge."""

    text: str
    role: str
    height: float = GAP + BOX_HEIGHT

    @property
    def width(self) -> float:
        """Wide enough for the text."""
        return max(text_width(self.text) + 2 * PADDING, 0.5)

    @property
    def left(self) -> float:
        """Half the width."""
        return self.width / 2

    @property
    def right(self) -> float:
        """Half the width."""
        return self.width / 2

    def place(self, wire: tuple[Point, ...]) -> Placed:
        """Draws the arrow and the box."""
        x, y = wire[-1]
        top = y - GAP
        box = Box(x, top - BOX_HEIGHT / 2, self.width, BOX_HEIGHT, self.text, self.role)
        return Placed((Arrow((*wire, (x, top))), box), ((x, top - BOX_HEIGHT),))


@dataclass(frozen=True)
class Labelled:
    """A node whose value is named beside the wire that leaves it."""

    node: Node
    text: str

    @property
    def left(self) -> float:
        """The node's own."""
        return self.node.left

    @property
    def right(self) -> float:
        """Room for the name."""
        return max(self.node.right, text_width(self.text) + PADDING)

    @property
    def height(self) -> float:
        """The node's own and a little wire."""
        return self.node.height + LABEL_HEIGHT

    def place(self, wire: tuple[Point, ...]) -> Placed:
        """Draws the node, and its name below it."""
        placed = self.node.place(wire)
        x, y = placed.wire[-1]
        note = Note(x + 0.05, y - (GAP + LABEL_HEIGHT) / 2 + 0.025, self.text)
        return Placed((*placed.marks, note), (*placed.wire, (x, y - LABEL_HEIGHT)))


@dataclass(frozen=True)
class Stack:
    """Nodes one below another."""

    nodes: Sequence[Node]

    @property
    def left(self) -> float:
        """The widest node's."""
        return max((node.left for node in self.nodes), default=0.0)

    @property
    def right(self) -> float:
        """The widest node's."""
        return max((node.right for node in self.nodes), default=0.0)

    @property
    def height(self) -> float:
        """The sum of the nodes' heights."""
        return sum(node.height for node in self.nodes)

    def place(self, wire: tuple[Point, ...]) -> Placed:
        """Draws the nodes in order."""
        marks: tuple[Mark, ...] = ()
        for node in self.nodes:
            placed = node.place(wire)
            marks, wire = marks + placed.marks, placed.wire
        return Placed(marks, wire)


@dataclass(frozen=True)
class Join:
    """Branches from one split, met in a circle.

    The first runs straight down, the others to its right.
    """

    symbol: Symbol
    branches: Sequence[Node]
    lead: float = 0.14  # wire above the split

    @property
    def _offsets(self) -> tuple[float, ...]:
        """Each branch's axis, measured from the first one's."""
        gaps = (
            previous.right + LANE + node.left
            for previous, node in zip(self.branches, self.branches[1:], strict=False)
        )
        return tuple(accumulate(gaps, initial=0.0))

    @property
    def left(self) -> float:
        """The first branch's, or the circle's."""
        return max(self.branches[0].left, JOIN_RADIUS)

    @property
    def right(self) -> float:
        """The last branch's."""
        return max(self._offsets[-1] + self.branches[-1].right, JOIN_RADIUS)

    @property
    def height(self) -> float:
        """The tallest branch, the split above it and the circle below."""
        return self.lead + max(branch.height for branch in self.branches) + GAP + 2 * JOIN_RADIUS

    def place(self, wire: tuple[Point, ...]) -> Placed:
        """Draws the split, the branches and the circle, each branch ending in an arrow."""
        x, y = wire[-1]
        split, center = y - self.lead, y - self.height + JOIN_RADIUS
        marks: tuple[Mark, ...] = ()
        for offset, branch in zip(self._offsets, self.branches, strict=True):
            entry = (*wire, (x, split)) if offset == 0 else ((x, split), (x + offset, split))
            placed = branch.place(entry)
            end = (
                ((x, center + JOIN_RADIUS),)
                if offset == 0
                else ((x + offset, center), (x + JOIN_RADIUS, center))
            )
            marks += (*placed.marks, Arrow((*placed.wire, *end)))
        return Placed(
            (*marks, Dot(x, split), Circle(x, center, self.symbol)), ((x, center - JOIN_RADIUS),)
        )
