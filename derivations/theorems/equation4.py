"""Derives what Eq. (4) says when it is read literally: how often features repeat, and what that
does to ∂H/∂x.

Literally, x_1 = F_1(x_0) and x_j = F_j(x_{j−1}) ‖ x_{j−1} ‖ … ‖ x_0 for j ≥ 2, so that x_j holds
copies of all before it. Here every F_j is constant and has one coordinate, as has x_0. The paper:
Noh 2021, Informatics 8(3):53.
"""

import re

import sympy as sp

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.letters import LAYERS
from derivations.algebra.notation import notation_of
from derivations.algebra.steps import Derivation, Step, Theorem
from derivations.errors import InputError

LINES = {
    "x_{l-1}": r"x_{l-1} = F_{l-1}(x_{l-2})||x_{l-3}||\cdots||x_{0}",
    "x_l": r"x_{l} = F_{l}(x_{l-1})||x_{l-1}||\cdots||x_{0}",
}
"""The last two lines of Eq. (4), as transcribed."""

_M = sp.Symbol("m", integer=True, nonnegative=True)
_S = sp.IndexedBase("s", real=True)


def theorems() -> tuple[Theorem, ...]:
    """What Eq. (4) says about copies of features and about ∂H/∂x, and the state that one of its
    lines drops.
    """
    return (_norm(), _dropped())


def copies(n: sp.Expr) -> sp.Expr:
    """c(n) where c(1) = 1 and c(n + 1) = 1 + Σ_{m=1..n} c(m), that is c(n + 1) = 2 c(n): copies of
    a state n layers later.
    """
    count = sp.Function("c")
    return sp.rsolve(count(LAYERS + 1) - 2 * count(LAYERS), count(LAYERS), {count(1): 1}).subs(
        LAYERS, n
    )


def dropped_state(line: str) -> int | None:
    """How far before l the state is that a line of Eq. (4) feeds to F but does not copy; None where
    all are copied.

    Raises InputError for a line that is not of the form x_j = F_j(x_i)||x_k||….
    """
    match = re.fullmatch(
        r"x_\{(.*)\} = F_\{\1\}\(x_\{(.*)\}\)\|\|x_\{(.*)\}\|\|\\cdots\|\|x_\{0\}", line
    )
    if match is None:
        raise InputError(f"not a line of Eq. (4): {line}")
    fed, copied = (-int(sp.sympify(match[group]).subs("l", 0)) for group in (2, 3))
    if copied not in (fed, fed + 1):
        raise InputError(f"{line} skips more than one state")
    return fed if copied > fed else None


def _norm() -> Theorem:
    """∂H/∂x_i is a stack of copies of x_i, as many as x_{l+1} would hold: its squared norm is
    copies × coordinates.
    """
    c = copies(_M)
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
    lost = {name: dropped_state(line) for name, line in LINES.items()}
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
