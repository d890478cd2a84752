"""Derives what Eq. (4) says when it is read literally: how often it copies features, and ∂H/∂x.

Literally, x_1 = F_1(x_0) and x_j = F_j(x_{j−1}) ‖ x_{j−1} ‖ … ‖ x_0 for j ≥ 2, so that x_j holds
copies of all before it. Here every F_j is constant and has one coordinate, as has x_0. The paper:
Noh 2021, Informatics 8(3):53.
"""

import re
from dataclasses import dataclass

import sympy as sp

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.doubling import doubled
from derivations.algebra.letters import LAYERS
from derivations.algebra.notation import Reading, notation_of
from derivations.algebra.steps import Derivation, Step, Theorem
from derivations.errors import InputError
from derivations.theorems.transcription import Claim, Equation

TRANSCRIBED = (
    r"x_1 = F_1(x_0)",
    r"x_2 = F_2(x_1) \Vert x_1 \Vert x_0",
    r"x_{l-1} = F_{l-1}(x_{l-2}) \Vert x_{l-3} \Vert \cdots \Vert x_0",
    r"x_l = F_l(x_{l-1}) \Vert x_{l-1} \Vert \cdots \Vert x_0",
)
"""The lines of Eq. (4) in the paper's order; dots stand between the second and the third."""

_I, _M = sp.symbols("i m", integer=True, nonnegative=True)
_S = sp.IndexedBase("s", real=True)
_SUBSCRIPT = r"(\w|\{[^{}]+\})"
_LINE = re.compile(
    rf"x_{_SUBSCRIPT} = F_\1\(x_{_SUBSCRIPT}\)"
    rf"( \\Vert x_{_SUBSCRIPT}( \\Vert \\cdots)? \\Vert x_0)?"
)


@dataclass(frozen=True)
class Line:
    """x_index = F_index(x_fed) ‖ x_top ‖ … ‖ x_0. With `from_l` all three are counted from l (x_l
    has index 0), else from 0; a line that copies nothing has top −1.
    """

    latex: str
    index: int
    fed: int
    top: int
    from_l: bool

    @property
    def name(self) -> str:
        """The state that the line defines, in LaTeX."""
        return self.latex.partition(" = ")[0]

    @property
    def text(self) -> str:
        """The line as plain text."""
        signs = {r"\Vert": "‖", r"\cdots": "⋯", "-": "−"}
        return re.sub(r"\\\w+|-", lambda found: signs[found[0]], self.latex)


def read_line(latex: str) -> Line:
    """What a line says; raises InputError for one that is not x_j = F_j(x_i) ‖ x_k ‖ … ‖ x_0 with
    all indices counted from l, or all from 0.
    """
    found = _LINE.fullmatch(latex)
    subscripts = [found[1], found[2], found[4] or "-1"] if found else []
    from_l = ["l" in subscript for subscript in subscripts]
    if not found or len(set(from_l)) > 1:
        raise InputError(f"not a line of Eq. (4): {latex}")
    index, fed, top = (int(each.strip("{}").removeprefix("l") or 0) for each in subscripts)
    return Line(latex, index, fed, top, from_l[0])


LINES = tuple(map(read_line, TRANSCRIBED))


def equation4(reading: Reading) -> Equation:
    """Eq. (4) read literally: s_0 = s_1 = 1, s_j = 1 + Σ_{i<j} s_i features in x_j, each x_j
    repeating those of all before it.
    """
    sizes = 3 * 2 ** (_I - 2)
    copies = 3 * 2 ** (LAYERS - 1) - 1  # held by H after l + 1 layers
    grown = Step(
        "features of x_j",
        3 * 2**LAYERS,
        "=",
        1 + 2 + sp.Sum(sizes, (_I, 2, LAYERS + 1)),
        "l ≥ 1, j = l + 2",
    )
    total = Step(
        "copies in H after l + 1 layers", 2 + sp.Sum(sizes, (_I, 2, LAYERS)), "=", copies, "l ≥ 1"
    )
    once = Claim(
        "once",
        "after l + 1 layers H holds each of the l + 1 earlier features once",
        Step("Eq. (4)", total.before, "=", LAYERS + 1),
    )
    first, second, _, last = TRANSCRIBED
    return Equation(
        "eq4",
        reading,
        rf"{first},\quad {second},\quad \ldots,\quad {last}",
        Derivation("eq4", notation_of(BLOCKS["dense"], reading), (grown, total)),
        total,
        (once,),
        r"\text{copies of features in } H \text{ after } l + 1 \text{ layers: } ",
    )


def theorems() -> tuple[Theorem, ...]:
    """What Eq. (4) says about copies of features and about ∂H/∂x, and the state that one of its
    lines drops.
    """
    return (_norm(), _dropped())


def dropped_state(line: Line) -> int | None:
    """How far before l the state is that a line feeds to F but does not copy; None where all are
    copied.

    Raises InputError for a line that is not counted from l, or skips more than one state.
    """
    if not line.from_l or line.top not in (line.fed, line.fed - 1):
        raise InputError(f"{line.latex} is not counted from l, or skips more than one state")
    return -line.fed if line.top < line.fed else None


def _norm() -> Theorem:
    """∂H/∂x_i is a stack of copies of x_i, as many as x_{l+1} would hold: its squared norm is
    copies × coordinates.
    """
    c = doubled(_M)  # copies of a state m layers later
    late, in_h, size = c.subs(_M, LAYERS), c.subs(_M, LAYERS + 1 - _M), 3 * c.subs(_M, _M - 1)
    squares = late + late + sp.Sum(in_h * size, (_M, 2, LAYERS))
    result = Step(
        "sum over the columns",
        squares,
        "=",
        sp.factor(2 * late + sp.powsimp(in_h * size) * (LAYERS - 1)),
        "l ≥ 1",
    )
    steps = (
        Step("copies of x_i in x_{i+l}, i ≥ 1", 1 + sp.Sum(c, (_M, 1, LAYERS - 1)), "=", late),
        Step(
            "copies of x_0 in x_{l+1}: x_1 holds none",
            1 + sp.Sum(c.subs(_M, _M - 1), (_M, 2, LAYERS)),
            "=",
            late,
        ),
        Step(
            "coordinates of x_{l+1}: x_0 and x_1 have one",
            3 + sp.Sum(size, (_M, 2, LAYERS)),
            "=",
            size.subs(_M, LAYERS + 1),
        ),
        result,
    )
    values = ", ".join(str(result.after.subs(LAYERS, layers)) for layers in range(1, 5))
    return Theorem(
        "eq4.norm",
        "Eq. (4) read literally: the norm of ∂H/∂x",
        "With constant F_j of one coordinate, ‖(∂H/∂x_0, …, ∂H/∂x_l)‖_F² after l + 1 layers is "
        f"(3l + 1)·2^(l−2), that is {values}, … for "
        "2, 3, 4, 5, … layers, and not their number. With l for l + 1: (3l − 2)·2^(l−3).",
        Derivation("eq4.norm", notation_of(BLOCKS["dense"], "scalar"), steps),
        result,
        ("F_j′ = 0", "x_0 and F_j have one coordinate"),
        source="Eq. (4), recurrence over the layers",
        setting="Eq. (4) as printed: every state is copied into every later one.",
        result_label=r"\text{after } l + 1 \text{ layers: } ",
    )


def _dropped() -> Theorem:
    """The line for x_{l−1} against the pattern of the line for x_l, in coordinates s_i of the
    states.
    """
    lost = {line.name: dropped_state(line) for line in LINES if line.from_l}
    ((name, offset),) = ((name, offset) for name, offset in lost.items() if offset is not None)
    at = LAYERS + 1 - offset  # l + 1 stands for the paper's l, so that both sums run forwards
    pattern, printed = (1 + sp.Sum(_S[_M], (_M, 0, last)) for last in (at, at - 1))
    result = Step(
        f"{name} holds F and all earlier states, or all but one",
        pattern,
        "=",
        printed + _S[at],
        "s_i coordinates of x_i",
    )
    return Theorem(
        "eq4.dropped",
        "Eq. (4) as transcribed drops a state",
        f"The line for {name} feeds x_{{l-{offset}}} to F and does not copy it, unlike the line "
        "for x_l: it is short of the "
        "coordinates of that state.",
        Derivation("eq4.dropped", notation_of(BLOCKS["dense"], "scalar"), (result,)),
        result,
        ("l ≥ 2",),
        source="Eq. (4), the line for x_{l-1} against the line for x_l",
        result_label=r"\text{with } l + 1 \text{ for } l: ",
    )
