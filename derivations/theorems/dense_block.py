"""Derives the adjoint recurrence of the dense architecture as built, and its expansion into paths.

Each step prepends its k_j new maps to the state: y_j = (x_j, y_{j−1}), x_j = F_j(y_{j−1}), y_0 =
x_0. The loss may depend on the whole last state y_l = (x_l, …, x_0), whose backward signal is g =
(g_l, …, g_0).
"""

from collections.abc import Iterator
from itertools import combinations, pairwise

import sympy as sp
from sympy.matrices.expressions.slice import MatrixSlice

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.doubling import doubled
from derivations.algebra.letters import LAYERS
from derivations.algebra.notation import Notation, compose, notation_of
from derivations.algebra.quantities import adjoint_image
from derivations.algebra.steps import Derivation, Step, Theorem
from derivations.algebra.terms import Chain, Concat, Identity, Layer, Term
from derivations.errors import InputError
from derivations.rules.jacobian import pullback_rule
from derivations.theorems.dense_step import dense_step

WIDTHS = (2, 1, 2, 1, 1, 2)
"""Coordinates of x_0, x_1, …: unequal, so that a slot in the wrong place is noticed."""
LONGEST_CHAIN = 5
LONGEST_EXPANSION = 8
SHOWN = 3
"""The length of the expansion that is shown as the result: eight steps have 128 paths."""

_J, _K = sp.symbols("j k", integer=True, nonnegative=True)
_R = sp.IndexedBase("r", real=True)


def theorems() -> tuple[Theorem, ...]:
    """The adjoint recurrence for chains of 1…5 steps and for every l, and the paths from x_l to
    x_0.
    """
    return (
        *(chain_adjoint(l) for l in range(1, LONGEST_CHAIN + 1)),
        _adjoint(),
        _path_count(),
        _paths(LONGEST_EXPANSION),
    )


def chain_of_steps(layers: int) -> tuple[Notation, tuple[Term, ...]]:
    """The notation of l dense steps, x_0 being the input, and its steps. Raises InputError for l
    outside 1…5.
    """
    if not 1 <= layers < len(WIDTHS):
        raise InputError(f"chains have 1…{len(WIDTHS) - 1} steps, not {layers}")
    steps = tuple(Concat(Layer(f"F_{j}"), Identity()) for j in range(1, layers + 1))
    dims = {f"F_{j}": (WIDTHS[j], sum(WIDTHS[:j])) for j in range(1, layers + 1)}
    labels: dict[Term, str] = {Identity(): "x_0"}
    for j in range(1, layers):
        labels[_head(steps, j)] = f"y_{j}"
    for j in range(1, layers + 1):
        labels[compose(_head(steps, j - 1), Layer(f"F_{j}"))] = f"x_{j}"
    labels[_head(steps, layers)] = "H"
    return Notation(Chain(*steps), dims, "operator", labels, inputs=WIDTHS[0]), steps


def paths(layers: int, start: int) -> Iterator[tuple[int, ...]]:
    """All increasing sequences start = i_0 < i_1 < … < i_k = layers: the ways from x_start to
    x_layers.
    """
    between = range(start + 1, layers)
    for length in range(len(between) + 1):
        yield from ((start, *chosen, layers) for chosen in combinations(between, length))


def chain_adjoint(layers: int) -> Theorem:
    """X_i = g_i + Σ_{j>i} J_jiᵀ X_j in a chain of l steps, X_i being the slot of x_i in ∂L/∂y_i;
    X_l = g_l.
    """
    notation, steps = chain_of_steps(layers)
    g = notation.signal()
    state, totals, reverse, lines = g, {layers: _slot(g, layers, layers)}, [], []
    for i in reversed(range(layers)):
        head, tail = _head(steps, i), _head(steps[i:], layers - i)
        pulled, state = (
            pullback_rule(steps[i], head, notation, state),
            adjoint_image(notation.jacobian(tail, head), g),
        )
        reverse.append(Step(f"reverse mode through step {i + 1}", state, "=", pulled))
        totals[i] = _slot(state, i, i)
        through = [
            _slot(
                adjoint_image(notation.jacobian(Layer(f"F_{j}"), _head(steps, j - 1)), totals[j]),
                i,
                j - 1,
            )
            for j in range(i + 1, layers + 1)
        ]
        lines.append(
            Step(
                f"total gradient of x_{i}", totals[i], "=", sp.MatAdd(_slot(g, i, layers), *through)
            )
        )
    return Theorem(
        f"architecture.adjoint_{layers}",
        f"Total gradients in a dense block of {layers} step{'s' if layers > 1 else ''}",
        "X_i = g_i + Σ_{j>i} J_jiᵀ X_j with J_ji = ∂x_j/∂x_i of F_j alone; X_i = ∂L/∂x_i, "
        "everything that depends on x_i following it.",
        Derivation(f"architecture.adjoint_{layers}", notation, (*reverse, *lines)),
        lines[-1],
        source="reverse mode through (F_j(y), y)",
        setting=(
            f"y_j = (F_j(y_{{j−1}}), y_{{j−1}}), x_0, …, x_{layers} of "
            f"{', '.join(map(str, WIDTHS[: layers + 1]))} coordinates."
        ),
    )


def _adjoint() -> Theorem:
    """One step pulls ∂L/∂y_j back to y_{j−1}; r_j is the slot of x_i in ∂L/∂y_j, counted from i, so
    r_0 = X_i and r_l = g_i.
    """
    step = dense_step()
    result = Step(
        "telescoping sum",
        sp.Sum(_R[_J - 1] - _R[_J], (_J, 1, LAYERS)),
        "=",
        _R[0] - _R[LAYERS],
        "r_{j−1} − r_j = J_jᵀ X_j",
    )
    pulled = Step(
        "one step",
        adjoint_image(step.jacobian, step.g),
        "=",
        sp.MatAdd(step.g_y, adjoint_image(step.branch, step.g_f)),
    )
    return Theorem(
        "architecture.adjoint",
        "Total gradients in a dense block of l steps",
        "X_i = g_i + Σ_{j=i+1..l} J_jiᵀ X_j for every l. One step adds J_jᵀ X_j to the slots of "
        "all earlier x_i (g_F being X_j); added up "
        "over j = i + 1, …, l, what the slot of x_i has gained is X_i − g_i.",
        Derivation("architecture.adjoint", step.notation, (pulled, result)),
        result,
        source="one dense step, telescoping sum over the steps",
        setting="y_j = (F_j(y_{j−1}), y_{j−1}); l counts the steps from x_i to the last.",
        result_label=(
            r"r_j: \text{ a coordinate of } \partial L/\partial y_j \text{ in the slot of } x_i, "
            r"\text{ counted from } i: \quad "
        ),
    )


def _path_count() -> Theorem:
    step = Step(
        "P(l) = Σ_{j<l} P(j), P(0) = 1",
        doubled(LAYERS),
        "=",
        1 + sp.Sum(doubled(_J), (_J, 1, LAYERS - 1)),
    )
    return Theorem(
        "architecture.path_count",
        "Paths through a dense block",
        "There are P(l) = 2^(l−1) paths from x_l to x_0: the last stop before x_l is some "
        "x_j, so P(l) = Σ_{j<l} P(j).",
        Derivation("architecture.path_count", notation_of(BLOCKS["dense"], "scalar"), (step,)),
        step,
        ("l ≥ 1",),
        source="recurrence over the last stop",
        result_label=r"P(l) = ",
    )


def _paths(layers: int) -> Theorem:
    """The recurrence for a signal h on x_l alone, against the list of all paths, for all i < l;
    J_ji are free matrices.
    """
    notation = Notation(Identity(), {}, "operator")
    h = notation.free("h", "n")
    slopes = {
        (j, i): notation.free(f"J_{j}{i}", "n", "n", latex=f"J_{{{j}{i}}}")
        for j in range(layers + 1)
        for i in range(j)
    }
    totals, lines = {layers: h}, []
    for i in reversed(range(layers)):
        along = [_along(path, slopes, h) for path in paths(layers, i)]
        recurrence = sp.MatAdd(
            *(adjoint_image(slopes[j, i], totals[j]) for j in range(i + 1, layers + 1))
        )
        totals[i] = sp.MatAdd(*along)
        # From x_{l−1} there is one path, J_{l,l−1}ᵀ h, and nothing to show.
        if i == layers - 1:
            continue
        lines.append(Step(f"paths from x_{layers} to x_{i}", recurrence, "=", totals[i]))
        # A path stops at any of the x between, or does not.
        between = layers - i - 1
        number = sp.Sum(sp.binomial(between, _K), (_K, 0, between))
        lines.append(Step(f"their number, l = {layers - i}", number, "=", sp.Integer(len(along))))
    return Theorem(
        "architecture.paths",
        "Path expansion of a dense block",
        "With a signal on x_l alone, X_0 is the sum over all paths from x_l to x_0 of the "
        "products of the J_jiᵀ along them; for "
        f"l = 1, …, {layers} these are P(l) = 2^(l−1) products.",
        Derivation("architecture.paths", notation, tuple(lines)),
        lines[2 * (SHOWN - 2)],
        ("g_i = 0 for i < l",),
        source="substitution into the adjoint recurrence",
        setting="J_ji any matrices; all x_i of n coordinates.",
        result_label=rf"X_{layers - SHOWN} = ",
    )


def _along(path: tuple[int, ...], slopes: dict[tuple[int, int], sp.Expr], h: sp.Expr) -> sp.Expr:
    return sp.MatMul(*(sp.Transpose(slopes[j, i]) for i, j in pairwise(path)), h)


def _head(steps: tuple[Term, ...], count: int) -> Term:
    """The first steps as one term."""
    return Identity() if count == 0 else steps[0] if count == 1 else Chain(*steps[:count])


def _slot(column: sp.Expr, i: int, state: int) -> sp.Expr:
    """The coordinates of x_i in a column that belongs to y_state = (x_state, …, x_i, …, x_0)."""
    start = sum(WIDTHS[i + 1 : state + 1])
    # A slice of all of it would be another expression for the same column.
    if state == 0:
        return column
    return MatrixSlice(column, (start, start + WIDTHS[i]), (0, 1))
