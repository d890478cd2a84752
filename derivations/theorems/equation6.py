"""Derives what Eq. (6) can mean when ∂L/∂H is a vector, and checks it for concrete l.

Operator reading: the product that the paper writes with "=" is an upper bound; its lower bound
fails, "+ l" for every g, and "+ 1" for all but the top singular direction. The paper: Noh 2021,
Informatics 8(3):53.
"""

from functools import lru_cache

import sympy as sp

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.letters import squared, squared_norm, stacked
from derivations.algebra.notation import notation_of
from derivations.algebra.quantities import (
    BRANCH_GAIN,
    COSINE,
    SIGMA_MAX,
    TOTAL_GAIN,
    Cosine,
    Frobenius,
    NormRatio,
    Quantity,
    SigmaMax,
    adjoint_image,
)
from derivations.algebra.steps import Certificate, Derivation, Step, Theorem
from derivations.errors import InputError
from derivations.theorems.dense_step import BRANCH_FROBENIUS, dense_step
from derivations.theorems.equations import BRANCH_SLOPES, SIGNAL_SIZE, STATE_SLOPES

IN_BRANCH = sp.Symbol("alpha", nonnegative=True)
IN_STATE = sp.Symbol("beta", nonnegative=True)
THROUGH_BRANCH = sp.Symbol("tau", nonnegative=True)
WIDEST = 64
"""The most inputs of any layer of DenseNet-264."""
CASES = (*range(1, WIDEST + 1), 264)

_I, _J = sp.symbols("i j", integer=True, nonnegative=True)
_SLOPE, _CROSS = BRANCH_SLOPES[_I] ** 2, STATE_SLOPES[_J, _I] ** 2


def theorems() -> tuple[Theorem, ...]:
    """Eq. (6) in the operator reading, and its scalar form for l = 1…64 and 264."""
    return (_ceiling(), _never(), _attained(), _lost(), _root_mean_square(), _special_cases())


def special_case(layers: int) -> tuple[Step, Step]:
    """Eq. (6), scalar reading, squared, for a concrete l: its first relation and its lower bound.
    Raises InputError for l < 1.

    Left: the squared norms of the l columns (a_i, b_{i+1,i}, …, b_{l−1,i}, 1) of ∂H/∂x in Eq. (5),
    added up.
    """
    if layers < 1:
        raise InputError(f"a dense step has at least one input, not {layers}")
    last = sp.Integer(layers - 1)
    column = _SLOPE + sp.Sum(_CROSS, (_J, _I + 1, last)) + 1
    slopes, cross = sp.Sum(_SLOPE, (_I, 0, last)), sp.Sum(_CROSS, (_J, _I + 1, last), (_I, 0, last))
    norm = SIGNAL_SIZE**2 * (slopes + cross + layers)
    return (
        Step(f"l = {layers}", SIGNAL_SIZE**2 * sp.Sum(column, (_I, 0, last)), "=", norm),
        Step(f"l = {layers}: drop Σ b² ≥ 0", norm, ">=", SIGNAL_SIZE**2 * (slopes + layers)),
    )


def _special_cases() -> Theorem:
    steps = tuple(each for layers in CASES for each in special_case(layers))
    return Theorem(
        "eq6.special_cases",
        "Eq. (6) for every width of DenseNet-264",
        f"For l = 1…{WIDEST} and l = {CASES[-1]}, written out over the outer index: "
        "‖∂L/∂x‖² = |∂L/∂H|²(Σ a_i² + Σ b_ji² + l) ≥ |∂L/∂H|²(Σ a_i² + l).",
        Derivation("eq6.special_cases", notation_of(BLOCKS["dense"], "scalar"), steps),
        steps[-2],
        source="Eq. (6) at concrete l",
    )


@lru_cache(maxsize=1)
def _ceilings() -> Derivation:
    """b = 0, Γ = ‖Jᵀg‖/‖g‖: what it is short of √(1 + σ²), and that it is at most √(1 + φ²), φ =
    ‖J_F‖_F.
    """
    step = dense_step()
    image = adjoint_image(step.branch, step.g_f)
    quantities = (
        Quantity(TOTAL_GAIN, NormRatio(adjoint_image(step.jacobian, step.g), step.g)),
        Quantity(IN_BRANCH, NormRatio(step.g_f, step.g)),
        Quantity(IN_STATE, NormRatio(step.g_y, step.g)),
        Quantity(THROUGH_BRANCH, NormRatio(image, step.g)),
        Quantity(COSINE, Cosine(step.g_y, image)),
        Quantity(SIGMA_MAX, SigmaMax(step.branch)),
        Quantity(BRANCH_GAIN, NormRatio(image, step.g_f)),
        Quantity(BRANCH_FROBENIUS, Frobenius(step.branch)),
    )
    triangle = (IN_STATE + THROUGH_BRANCH - TOTAL_GAIN,)
    cosine_law = IN_STATE**2 + 2 * COSINE * IN_STATE * THROUGH_BRANCH + THROUGH_BRANCH**2
    steps = (
        Step("law of cosines", TOTAL_GAIN**2, "=", cosine_law, "g ≠ 0"),
        _at_most(
            "c ≤ 1",
            IN_STATE + THROUGH_BRANCH,
            (2, IN_STATE, THROUGH_BRANCH, 1 - COSINE),
            power=2,
        ),
        _at_most(
            "operator norm", _sum(SIGMA_MAX), triangle, (SIGMA_MAX * IN_BRANCH - THROUGH_BRANCH,)
        ),
        Step("relative to ‖g_F‖", THROUGH_BRANCH, "=", BRANCH_GAIN * IN_BRANCH, "g_F ≠ 0"),
        _at_most(
            "Cauchy–Schwarz",
            _sum(BRANCH_FROBENIUS),
            triangle,
            (BRANCH_FROBENIUS - BRANCH_GAIN, IN_BRANCH),
        ),
        Step(
            "Pythagoras", IN_BRANCH**2, "=", 1 - IN_STATE**2, "g ≠ 0"
        ),  # not before: SymPy writes α itself as √(1 − β²) from then on
        Step(
            "Lagrange identity",
            TOTAL_GAIN**2 + _off(SIGMA_MAX) ** 2,
            "<=",
            1 + SIGMA_MAX**2,
            "g ≠ 0",
            (Certificate((_below(SIGMA_MAX),)),),
        ),
        _at_most(
            "drop a square",
            sp.sqrt(1 + SIGMA_MAX**2),
            (_off(SIGMA_MAX),) * 2,
            _below(SIGMA_MAX),
            power=2,
        ),
        _at_most(
            "Lagrange identity, drop a square",
            sp.sqrt(1 + BRANCH_FROBENIUS**2),
            (_off(BRANCH_FROBENIUS),) * 2,
            _below(BRANCH_FROBENIUS),
            power=2,
        ),
    )
    return Derivation("eq6.ceilings", step.notation, steps, quantities)


def _ceiling() -> Theorem:
    derivation = _ceilings()
    return Theorem(
        "eq6.ceiling",
        "Eq. (6) with matrices: the most that a dense step can pass on",
        "With x_i that do not depend on each other (b = 0), Γ² = ‖∂L/∂x‖²/‖∂L/∂H‖² ≤ 1 + "
        "σ_max(J_F)² − (σ_max(J_F)‖g_y‖ − ‖g_F‖)²/‖g‖². "
        "As σ_max(J_F)² ≤ Σ a_i², the paper's lower bound, last term read as 1, can hold only "
        "where ‖J_F‖_F = σ_max(J_F) (rank one) and "
        "‖g_F‖ = σ_max(J_F)‖g_y‖: on the top singular direction.",
        derivation,
        next(step for step in derivation.steps if step.rule == "Lagrange identity"),
        ("g ≠ 0", "b = 0"),
        source="Lagrange identity, operator norm",
        result_label=_LABEL + r",\; \beta = \lVert g_y\rVert / \lVert g\rVert: \quad ",
    )


def _never() -> Theorem:
    derivation = _ceilings()
    return Theorem(
        "eq6.never",
        "Eq. (6) with matrices: the last term read as l never holds",
        "With b = 0, ‖∂L/∂x‖² ≤ ‖∂L/∂H‖²(Σ a_i² + 1) for every g, Σ a_i² being ‖J_F‖_F²; for g_F "
        "= 0, ‖∂L/∂x‖ = ‖∂L/∂H‖. The paper's "
        "lower bound with l in place of 1 asks for Σ a_i² + l, so as soon as l ≥ 2 it holds for "
        "no g ≠ 0.",
        derivation,
        next(step for step in derivation.steps if step.rule == "Lagrange identity, drop a square"),
        ("g_F ≠ 0", "b = 0"),
        source="Lagrange identity, Cauchy–Schwarz",
        result_label=_LABEL + r": \quad ",
    )


def _at_most(rule: str, expr: sp.Expr, *products: tuple[sp.Expr, ...], power: int = 1) -> Step:
    return Step(rule, TOTAL_GAIN, "<=", expr, certificates=(Certificate(products, power),))


def _sum(norm: sp.Symbol) -> sp.Expr:
    return IN_STATE + norm * IN_BRANCH


def _off(norm: sp.Symbol) -> sp.Expr:
    """Lagrange: (1 + s²)(α² + β²) = (β + sα)² + (sβ − α)²."""
    return norm * IN_STATE - IN_BRANCH


def _below(norm: sp.Symbol) -> tuple[sp.Expr, sp.Expr]:
    """(β + sα)² − Γ², factor by factor."""
    return _sum(norm) - TOTAL_GAIN, _sum(norm) + TOTAL_GAIN


_LABEL = (
    r"\Gamma = \lVert \partial L/\partial x\rVert / \lVert \partial L/\partial H\rVert,\; \alpha "
    r"= \lVert g_F\rVert / \lVert g\rVert"
)


def _attained() -> Theorem:
    """A branch of rank one, J_F = u wᵀ with ‖u‖ = 1, at g = Jw."""
    step = dense_step()
    u, w = step.notation.free("u", "k", unit=True), step.notation.free("w", "n")
    jacobian = stacked(sp.MatMul(u, sp.Transpose(w)), sp.Identity(step.n))
    g, grown = sp.MatMul(jacobian, w), sp.MatAdd(sp.Identity(1), squared(w))
    result = Step(
        "gain at g = Jw", squared(adjoint_image(jacobian, g)), "=", sp.MatMul(grown, squared(g))
    )
    steps = (
        Step("w is an eigenvector", sp.MatMul(squared(jacobian), w), "=", sp.MatMul(w, grown)),
        Step("its length", squared(g), "=", sp.MatMul(grown, squared(w))),
        result,
        Step(
            "norm of the branch", squared_norm(sp.MatMul(u, sp.Transpose(w))), "=", squared_norm(w)
        ),
    )
    return Theorem(
        "eq6.attained",
        "Eq. (6) with matrices: where the last term read as 1 holds",
        "For a branch of rank one, J_F = u wᵀ with ‖u‖ = 1 (every scalar F_l is one), g = Jw has "
        "‖Jᵀg‖² = (1 + ‖w‖²)‖g‖² = "
        "‖g‖²(Σ a_i² + 1): the paper's lower bound, last term read as 1, with equality.",
        Derivation("eq6.attained", step.notation, steps),
        result,
        ("rank J_F = 1", "b = 0"),
        source="eigenvector of JᵀJ",
        result_label=(
            r"J = \begin{bmatrix} u w^{\top} \\ I \end{bmatrix},\; g = J w,\; \lVert J^{\top} "
            r"g\rVert^2 = "
        ),
    )


def _lost() -> Theorem:
    """b ≠ 0: J = (A; I)·B with B the unit triangular matrix of the b_ji, A = J_F B⁻¹."""
    step = dense_step()
    free = step.notation.free
    a, b, u = free("A", "k", "n"), free("B", "n", "n"), free("u", "k")
    jacobian = sp.MatMul(stacked(a, sp.Identity(step.n)), b)
    lost = stacked(u, -adjoint_image(a, u))
    result = Step(
        "a signal that is lost",
        sp.MatMul(sp.Transpose(jacobian), lost),
        "=",
        sp.ZeroMatrix(step.n, 1),
    )
    length = Step(
        "it is not 0",
        squared(lost),
        "=",
        sp.MatAdd(squared(u), squared(adjoint_image(a, u))),
        "u ≠ 0",
    )
    return Theorem(
        "eq6.lost",
        "Eq. (6) with matrices: no lower bound for all signals",
        "With dependent x_i, J = (J_F; B) with B = (∂x_j/∂x_i) unit triangular, so J = (A; I)B "
        "with A = J_F B⁻¹. Then ∂L/∂x = 0 for "
        "g = (u, −Aᵀu), whatever a and b: neither reading of the lower bound holds for every g.",
        Derivation("eq6.lost", step.notation, (length, result)),
        result,
        ("∂L/∂H a vector",),
        source="kernel of Jᵀ",
        result_label=r"J = \begin{bmatrix} A \\ I \end{bmatrix} B: \quad ",
    )


def _root_mean_square() -> Theorem:
    """‖g_y‖² = Σ ‖g_i‖², which is l·r² by the definition of r."""
    step = dense_step()
    slices = [step.notation.free(f"g_{i}", f"k_{i}") for i in range(5)]
    lines = [
        Step(
            f"l = {l}",
            squared(stacked(*slices[:l])),
            "=",
            sp.MatAdd(*map(squared, slices[:l])),
            "g_y = (g_0, …)",
        )
        for l in (2, 5)
    ]
    return Theorem(
        "eq6.root_mean_square",
        "The base of the √l law",
        "‖g_y‖² = ‖g_0‖² + … + ‖g_{l−1}‖², so ‖g_y‖ = √l · r exactly, r the root mean square of "
        "the ‖g_i‖. Hence ‖∂L/∂x‖ ≥ "
        "√l·r − ‖J_Fᵀg_F‖ → √l·r as J_F → 0.",
        Derivation("eq6.root_mean_square", step.notation, tuple(lines)),
        lines[-1],
        source="Pythagoras",
        result_label=r"l = 5: \quad \lVert g_y\rVert^2 = ",
    )
