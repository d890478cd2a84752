"""Derives what one dense step H = (F(y), y) does to tangents and gradients, whatever F is.

Each theorem holds for every input, branch and backward signal of its conditions; y has N = n
coordinates, F(y) has k.
"""

from dataclasses import dataclass

import sympy as sp

from derivations.algebra.blocks import BLOCKS, BRANCH
from derivations.algebra.letters import (
    DEVIATION,
    EPSILON,
    Expectation,
    squared,
    squared_norm,
    stacked,
)
from derivations.algebra.notation import Notation, notation_of
from derivations.algebra.quantities import (
    BRANCH_GAIN,
    GAIN,
    Frobenius,
    NormRatio,
    Quantity,
    adjoint_image,
)
from derivations.algebra.steps import Certificate, Derivation, Step, Theorem
from derivations.algebra.terms import Identity

STRETCH = sp.Symbol("s", nonnegative=True)
BRANCH_FROBENIUS = sp.Symbol("phi_F", nonnegative=True)


@dataclass(frozen=True)
class DenseStep:
    """The letters of one dense step: J (k + n, n) and its branch J_F (k, n), g = (g_F, g_y), and
    the dimensions n and k.
    """

    notation: Notation
    jacobian: sp.Expr
    branch: sp.Expr
    g_f: sp.Expr
    g_y: sp.Expr

    @property
    def g(self) -> sp.Expr:
        return stacked(self.g_f, self.g_y)

    @property
    def n(self) -> sp.Expr:
        return self.branch.shape[1]

    @property
    def k(self) -> sp.Expr:
        return self.branch.shape[0]

    @property
    def kernel(self) -> sp.Expr:
        """K = (I, −J_Fᵀ), (k + n, k): its columns span the kernel of Jᵀ."""
        return stacked(sp.Identity(self.k), -sp.Transpose(self.branch))


def dense_step() -> DenseStep:
    """The letters, in a fresh notation."""
    notation = notation_of(BLOCKS["dense"], "operator")
    x = Identity()
    return DenseStep(
        notation,
        notation.jacobian(notation.term, x),
        notation.jacobian(BRANCH, x),
        notation.signal((0,)),
        notation.signal((1,)),
    )


def theorems() -> tuple[Theorem, ...]:
    """The results about one dense step that bound no gain uniformly, or bound it by 0."""
    return (_tangents(), _kernel(), _frobenius(), _expected())


def _tangents() -> Theorem:
    """4(b)."""
    step = dense_step()
    v = step.notation.free("v", "n")
    moved, branched = sp.MatMul(step.jacobian, v), sp.MatMul(step.branch, v)
    quantities = (
        Quantity(STRETCH, NormRatio(moved, v)),
        Quantity(BRANCH_GAIN, NormRatio(branched, v)),
    )
    result = Step(
        "drop t² ≥ 0",
        STRETCH,
        ">=",
        sp.Integer(1),
        certificates=(Certificate(((BRANCH_GAIN, BRANCH_GAIN),), 2),),
    )
    steps = (
        _blocks(step),
        Step("square of a stack", squared(moved), "=", sp.MatAdd(squared(v), squared(branched))),
        Step("relative to ‖v‖", STRETCH**2, "=", 1 + BRANCH_GAIN**2, "v ≠ 0"),
        result,
    )
    return Theorem(
        "dense.tangents",
        "Tangents through a dense step",
        "‖Jv‖² = ‖v‖² + ‖J_F v‖²: a dense step never shrinks a tangent. JᵀJ = I + J_FᵀJ_F, so the "
        "squared singular values of J are "
        "1 + s(J_F)², with the right singular vectors of J_F.",
        Derivation("dense.tangents", step.notation, steps, quantities),
        result,
        ("v ≠ 0",),
        source="block form of JᵀJ",
        result_label=r"s = \lVert Jv\rVert / \lVert v\rVert: \quad ",
    )


def _blocks(step: DenseStep) -> Step:
    skip_and_branch = sp.MatAdd(sp.Identity(step.n), squared(step.branch))
    return Step("blocks", squared(step.jacobian), "=", skip_and_branch)


def _kernel() -> Theorem:
    """4(c): both inclusions as identities, then the gain at a vector of the kernel."""
    step = dense_step()
    u = step.notation.free("u", "k")
    lost = sp.MatMul(step.kernel, u)
    pulled = adjoint_image(step.jacobian, step.g)
    rest = stacked(sp.ZeroMatrix(step.k, 1), pulled)
    top = stacked(sp.Identity(step.k), sp.ZeroMatrix(step.n, step.k))
    quantities = (Quantity(GAIN, NormRatio(adjoint_image(step.jacobian, lost), lost)),)
    result = Step("the gain at g = Ku", GAIN, "=", sp.Integer(0), "u ≠ 0")
    steps = (
        Step(
            "K is in the kernel",
            sp.MatMul(sp.Transpose(step.jacobian), step.kernel),
            "=",
            sp.ZeroMatrix(step.n, step.k),
        ),
        Step(
            "the kernel is in K: g = K g_F wherever Jᵀg = 0",
            step.g,
            "=",
            sp.MatAdd(sp.MatMul(step.kernel, step.g_f), rest),
        ),
        Step(
            "K has k independent columns",
            sp.MatMul(sp.Transpose(top), step.kernel),
            "=",
            sp.Identity(step.k),
        ),
        Step(
            "Ku is not 0: it is no shorter than u",
            squared(lost),
            "=",
            sp.MatAdd(squared(u), squared(adjoint_image(step.branch, u))),
        ),
        result,
    )
    return Theorem(
        "dense.kernel",
        "Gradients that a dense step loses",
        "ker Jᵀ = {(g_F, −J_Fᵀ g_F)} has the dimension k of g_F. So relative to ‖g‖ the uniform "
        "lower bound of the gain is 0, attained at "
        "g = (u, −J_Fᵀu) for every u ≠ 0; it vanishes for no J_F, and in particular not as J_F → "
        "0.",
        Derivation("dense.kernel", step.notation, steps, quantities),
        result,
        ("k ≥ 1",),
        source="block form of Jᵀ",
        result_label=(
            r"K = \begin{bmatrix} I \\ -J_F^{\top} \end{bmatrix},\; \gamma = \lVert J^{\top} K "
            r"u\rVert / \lVert K u\rVert: \quad "
        ),
    )


def _frobenius() -> Theorem:
    """4(d), first half."""
    step = dense_step()
    result = Step(
        "trace of the blocks", squared_norm(step.jacobian), "=", step.n + squared_norm(step.branch)
    )
    limit = Step(
        "vanishing branch",
        sp.sqrt(step.n + (EPSILON * BRANCH_FROBENIUS) ** 2),
        "->",
        sp.sqrt(step.n),
        "J_F → 0",
        vanishing=EPSILON,
    )
    steps = (
        _blocks(step),
        result,
        limit,
    )
    return Theorem(
        "dense.frobenius",
        "Frobenius norm of a dense step",
        "‖J‖_F² = n + ‖J_F‖_F², so ‖J‖_F → √n as J_F → 0, n the coordinates of x: the √l law in "
        "Frobenius norm, for l scalar inputs.",
        Derivation(
            "dense.frobenius",
            step.notation,
            steps,
            (Quantity(BRANCH_FROBENIUS, Frobenius(step.branch)),),
        ),
        result,
        source="trace of JᵀJ = I + J_FᵀJ_F",
        result_label=r"\lVert J\rVert_F^2 = ",
    )


def _expected() -> Theorem:
    """4(d), second half."""
    step = dense_step()
    pulled = adjoint_image(step.jacobian, step.g)
    columns = (step.g_f, step.g_y)
    mean = Expectation(squared_norm(pulled), columns, DEVIATION)
    result = Step(
        "E tr(Jᵀ ggᵀ J) = tr(Jᵀ E[ggᵀ] J)",
        mean,
        "=",
        DEVIATION**2 * (step.n + squared_norm(step.branch)),
        "E[ggᵀ] = ν²I",
    )
    steps = (
        Step(
            "trace of the blocks",
            squared_norm(sp.Transpose(step.jacobian)),
            "=",
            step.n + squared_norm(step.branch),
        ),
        Step(
            "length of the signal",
            Expectation(squared_norm(step.g), columns, DEVIATION),
            "=",
            DEVIATION**2 * (step.n + step.k),
        ),
        result,
    )
    return Theorem(
        "dense.expected",
        "Mean square of a dense step's gradient",
        "If the entries of g are uncorrelated with second moment ν², then E‖Jᵀg‖² = ν²‖J‖_F² "
        "= ν²(n + ‖J_F‖_F²), while E‖g‖² = ν²(n + k).",
        Derivation("dense.expected", step.notation, steps),
        result,
        ("E[ggᵀ] = ν²I", "J does not depend on g"),
        source="linearity of the trace and of the mean",
        result_label=r"\mathbb{E}\lVert J^{\top} g\rVert^2 = ",
    )
