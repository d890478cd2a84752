"""Derives the pencil of two boundaries: over which signals a bound for every loss runs.

g = A_Hᵀa with a = ∂L/∂z, A_H = ∂z/∂H. The columns of Q are an orthonormal basis of all such g, so
that A_Hᵀ = QR, and g = Qb with b = Ra. We found no earlier statement of the pencil and its cones.
"""

from dataclasses import dataclass

import sympy as sp

from derivations.algebra.blocks import PROJECTION
from derivations.algebra.letters import squared
from derivations.algebra.notation import Notation
from derivations.algebra.quantities import (
    BRANCH_GAIN,
    GAIN,
    LEAST,
    MOST,
    TOTAL_GAIN,
    NormRatio,
    Quantity,
    SigmaMax,
    SigmaMinAdjoint,
    adjoint_image,
)
from derivations.algebra.steps import Certificate, Derivation, Step, Theorem
from derivations.algebra.terms import Identity, parts_of

OURS = "this toolkit; we found no earlier statement"
THROUGH = "L depends on x through the logits z, and z through H, alone; one sample, eval mode"
REACHED_MOST = sp.Symbol("sigma_max(Qᵀ J)", nonnegative=True)
REACHED_LEAST = sp.Symbol("sigma_min(Jᵀ Q)", nonnegative=True)
RANK, MISSED = (
    sp.Symbol("r", integer=True, positive=True),
    sp.Symbol("q", integer=True, nonnegative=True),
)
"""The dimension of the signals that can arrive, and by how much that of H is larger."""
LOGITS = sp.Symbol("K", integer=True, positive=True)


@dataclass(frozen=True)
class Reach:
    """The letters of one block between two boundaries: H = F(x) + W_s x, J = J_F + W_s, which is
    any Jacobian; Q, and b with g = Qb.
    """

    notation: Notation
    jacobian: sp.Expr

    @property
    def basis(self) -> sp.Expr:
        return self.notation.free("Q", RANK + MISSED, RANK, unit=True)

    @property
    def b(self) -> sp.Expr:
        return self.notation.free("b", RANK)

    @property
    def g(self) -> sp.Expr:
        return sp.MatMul(self.basis, self.b)

    @property
    def pulled(self) -> sp.Expr:
        """∂L/∂x = Jᵀg."""
        return adjoint_image(self.jacobian, self.g)

    @property
    def operator(self) -> sp.Expr:
        """QᵀJ, of which the gain is ‖(QᵀJ)ᵀb‖/‖b‖."""
        return sp.MatMul(sp.Transpose(self.basis), self.jacobian)


def reach() -> Reach:
    """The letters, in a fresh notation."""
    rows = RANK + MISSED
    dims = {"F": (rows, "n"), "W_s": (rows, "n")}
    notation = Notation(PROJECTION.term, dims, "operator", PROJECTION.labels)
    branch, shortcut = (notation.jacobian(part, Identity()) for part in parts_of(PROJECTION.term))
    for symbol, shown in (
        (REACHED_MOST, r"\sigma_{\max}(Q^{\top} J)"),
        (REACHED_LEAST, r"\sigma_{\min}(J^{\top} Q)"),
    ):
        notation.latex_names[symbol] = shown
    return Reach(notation, sp.MatAdd(branch, shortcut))


def theorems() -> tuple[Theorem, ...]:
    """The pencil and what follows from it alone."""
    return (
        _pencil(),
        _kernel(),
        _rank(),
        _fewer(),
        _pair(),
    )


def _pencil() -> Theorem:
    """10(a): (G_in, G_out) on ℝᴷ/ker G_out is (QᵀJJᵀQ, I) over all b, for R is onto."""
    it = reach()
    r, a = it.notation.free("R", RANK, LOGITS), it.notation.free("a", LOGITS)
    to_h = sp.MatMul(sp.Transpose(r), sp.Transpose(it.basis))  # A_H
    to_x = sp.MatMul(to_h, it.jacobian)
    inner = sp.MatMul(it.operator, sp.Transpose(it.operator))
    result = Step(
        "G_in = A_x A_xᵀ, A_x = A_H J",
        sp.MatMul(to_x, sp.Transpose(to_x)),
        "=",
        sp.MatMul(sp.Transpose(r), inner, r),
        "A_Hᵀ = QR",
    )
    steps = (
        Step(
            "chain rule",
            adjoint_image(to_x, a),
            "=",
            sp.MatMul(sp.Transpose(it.jacobian), adjoint_image(to_h, a)),
        ),
        Step("G_out = A_H A_Hᵀ", sp.MatMul(to_h, sp.Transpose(to_h)), "=", squared(r), "A_Hᵀ = QR"),
        result,
        Step(
            "‖∂L/∂H‖² = aᵀG_out a",
            squared(adjoint_image(to_h, a)),
            "=",
            sp.MatMul(sp.Transpose(a), to_h, sp.Transpose(to_h), a),
        ),
        Step(
            "‖∂L/∂x‖² = aᵀG_in a",
            squared(adjoint_image(to_x, a)),
            "=",
            sp.MatMul(sp.Transpose(a), to_x, sp.Transpose(to_x), a),
        ),
    )
    return Theorem(
        "every_loss.pencil",
        "The pencil of two boundaries",
        "A network with K logits z = z(H(x)) can send only g = A_Hᵀa to H, with A_H = ∂z/∂H and a "
        "= ∂L/∂z, of which the loss may choose every entry; x gets A_xᵀa with A_x = ∂z/∂x = A_H J "
        "and J = ∂H/∂x. So whatever the loss, γ² = aᵀG_in a / aᵀG_out a with the K × K Gram "
        "matrices G_in and G_out of A_x and A_H. With A_Hᵀ = QR, QᵀQ = I and R onto, the pencil "
        "(G_in, G_out) on ℝᴷ/ker G_out is that of (QᵀJJᵀQ, I): its ends are σ_min(JᵀQ)² "
        "and σ_max(QᵀJ)².",
        Derivation("every_loss.pencil", it.notation, steps),
        result,
        (THROUGH,),
        source=OURS,
        result_label=r"G_{\mathrm{in}} = ",
    )


def _kernel() -> Theorem:
    """A_Hᵀ = N(I − aaᵀ): any A_Hᵀ that takes a away."""
    it = reach()
    n, a = it.notation.free("N", RANK + MISSED, LOGITS), it.notation.free("a", LOGITS, unit=True)
    pulled = sp.MatMul(n, away(a))
    result = Step(
        "then A_xᵀa = Jᵀ A_Hᵀa is 0",
        sp.MatMul(sp.Transpose(it.jacobian), pulled, a),
        "=",
        sp.ZeroMatrix(it.jacobian.shape[1], 1),
    )
    steps = (
        Step(
            "a is in the kernel of G_out",
            sp.MatMul(pulled, a),
            "=",
            sp.ZeroMatrix(RANK + MISSED, 1),
            "A_Hᵀ = N(I − aaᵀ), ‖a‖ = 1",
        ),
        result,
    )
    return Theorem(
        "every_loss.kernel",
        "No loss reaches x without reaching H",
        "ker G_out ⊆ ker G_in: what a loss sends to none of H's coordinates it sends to none of "
        "x's, so the pencil is defined on ℝᴷ/ker G_out.",
        Derivation("every_loss.kernel", it.notation, steps),
        result,
        (THROUGH,),
        source="chain rule",
        result_label=r"A_x^{\top} a = ",
    )


def away(u: sp.Expr) -> sp.Expr:
    """I − uuᵀ."""
    return sp.MatAdd(sp.Identity(u.shape[0]), sp.MatMul(-1, u, sp.Transpose(u)))


def _rank() -> Theorem:
    """A signal Qb with JᵀQb = 0 makes the least value 0; signals on one line have one gain."""
    it = reach()
    n, b = it.notation.free("N", RANK + MISSED, "n"), it.notation.free("b", RANK, unit=True)
    lost = sp.MatMul(it.basis, b)
    jacobian = sp.MatMul(away(lost), n)
    gone = Step(
        "a signal that is lost",
        adjoint_image(jacobian, lost),
        "=",
        sp.ZeroMatrix(n.shape[1], 1),
        "J = (I − (Qb)(Qb)ᵀ)N, ‖b‖ = 1",
    )
    one = it.notation.free("v", RANK + MISSED)
    quantities = (
        Quantity(
            GAIN,
            NormRatio(
                adjoint_image(it.jacobian, sp.MatMul(MULTIPLE, one)), sp.MatMul(MULTIPLE, one)
            ),
        ),
        Quantity(BRANCH_GAIN, NormRatio(adjoint_image(it.jacobian, one), one)),
    )
    result = Step(
        "a multiple has the same gain", GAIN**2, "=", BRANCH_GAIN**2, "g is a multiple of v"
    )
    steps = (Step("it arrives", squared(lost), "=", sp.Identity(1)), gone, result)
    return Theorem(
        "every_loss.rank",
        "When every loss gets something through",
        "The least value of the pencil is > 0 if and only if rank G_in = rank G_out: it is "
        "attained, and 0 exactly where a signal g = Qb ≠ 0 has Jᵀg = 0, which takes one from "
        "the rank. With one logit, or two and a shift-invariant loss, all signals are multiples "
        f"of one v (here by {MULTIPLE}), and the gain is the same for every loss.",
        Derivation("every_loss.rank", it.notation, steps, quantities),
        result,
        ("A_H ≠ 0",),
        source="rank and kernel; " + OURS,
    )


MULTIPLE = sp.Rational(-3, 7)


def _fewer() -> Theorem:
    """Signals Q_0b, Q_0 of orthonormal columns, are some of all: no end is looser."""
    notation = Notation(Identity(), {}, "operator")
    rows = RANK + MISSED
    whole, some = notation.free("J", rows, "n"), notation.free("Q_0", rows, RANK, unit=True)
    b = notation.free("b", RANK)
    column = sp.MatMul(some, b)
    part = sp.MatMul(sp.Transpose(some), whole)
    quantities = (
        Quantity(TOTAL_GAIN, NormRatio(adjoint_image(whole, column), b)),
        Quantity(BRANCH_GAIN, NormRatio(column, b)),
        Quantity(MOST, SigmaMax(whole)),
        Quantity(LEAST, SigmaMinAdjoint(whole)),
        Quantity(REACHED_MOST, SigmaMax(part)),
        Quantity(REACHED_LEAST, SigmaMinAdjoint(part)),
    )
    notation.latex_names |= {
        REACHED_MOST: r"\sigma_{\max}(Q_0^{\top} J)",
        REACHED_LEAST: r"\sigma_{\min}(J^{\top} Q_0)",
    }
    upper = Step(
        "no looser above", REACHED_MOST, "<=", MOST, "", (Certificate(((MOST - REACHED_MOST,),)),)
    )
    lower = Step(
        "no looser below",
        REACHED_LEAST,
        ">=",
        LEAST,
        "",
        (Certificate(((REACHED_LEAST - LEAST,),)),),
    )
    steps = (
        Step("Q_0ᵀQ_0 = I", BRANCH_GAIN, "=", sp.Integer(1)),
        Step(
            "at every b",
            TOTAL_GAIN,
            "<=",
            MOST,
            "",
            (Certificate(((MOST * BRANCH_GAIN - TOTAL_GAIN,),)),),
        ),
        Step(
            "at every b",
            TOTAL_GAIN,
            ">=",
            LEAST,
            "",
            (Certificate(((TOTAL_GAIN - LEAST * BRANCH_GAIN,),)),),
        ),
        upper,
        lower,
    )
    return Theorem(
        "every_loss.fewer",
        "Fewer signals, tighter ends",
        "Where only the signals (Q_0)b arrive, σ_min(Jᵀ) ≤ σ_min(JᵀQ_0) and σ_max(Q_0ᵀJ) ≤ "
        "σ_max(J): bounds for every loss are never looser than those for every signal (Q_0 = Q), "
        "and those for fewer losses never looser than those for more (QᵀJ in the place of J).",
        Derivation("every_loss.fewer", notation, steps, quantities),
        lower,
        ("Q_0ᵀQ_0 = I",),
        source="variational characterization of singular values",
    )


def _pair() -> Theorem:
    """10(f). J_2 is any matrix with J_2ᵀQ = Q_1 R_1."""
    notation = Notation(Identity(), {}, "operator")
    first_rank, rows = sp.Symbol("r_1", integer=True, positive=True), RANK + MISSED
    middle = first_rank + sp.Symbol("q_1", integer=True, nonnegative=True)
    q = notation.free("Q", rows, RANK, unit=True)
    q_1 = notation.free("Q_1", middle, first_rank, unit=True)
    r_1, n = notation.free("R_1", first_rank, RANK), notation.free("N", rows, middle)
    j_1, b = notation.free("J_1", middle, "n"), notation.free("b", RANK)
    away = sp.MatAdd(sp.Identity(rows), sp.MatMul(-1, q, sp.Transpose(q)))
    j_2 = sp.MatAdd(sp.MatMul(q, sp.Transpose(r_1), sp.Transpose(q_1)), sp.MatMul(away, n))
    lower_block, upper_block = sp.MatMul(sp.Transpose(q_1), j_1), sp.MatMul(sp.Transpose(q), j_2)
    pair = sp.MatMul(sp.Transpose(q), j_2, j_1)
    inner = sp.MatMul(r_1, b)
    most, least = MOST_OF_PAIR, LEAST_OF_PAIR
    for index, shown in enumerate(("12", "1", "2")):
        notation.latex_names[most[index]] = rf"\sigma_{{\max,{shown}}}"
        notation.latex_names[least[index]] = rf"\sigma_{{\min,{shown}}}"
    second = sp.Symbol("gamma_2", nonnegative=True)
    quantities = (
        Quantity(TOTAL_GAIN, NormRatio(adjoint_image(pair, b), b)),
        Quantity(second, NormRatio(adjoint_image(upper_block, b), b)),
        Quantity(BRANCH_GAIN, NormRatio(inner, b)),
        Quantity(GAIN_OF_PAIR, NormRatio(adjoint_image(lower_block, inner), b)),
        *(
            Quantity(s, SigmaMax(o))
            for s, o in zip(most, (pair, lower_block, upper_block), strict=True)
        ),
        *(
            Quantity(s, SigmaMinAdjoint(o))
            for s, o in zip(least, (pair, lower_block, upper_block), strict=True)
        ),
    )
    above = ((most[1] * BRANCH_GAIN - GAIN_OF_PAIR,), (most[1], most[2] - second))
    below = ((GAIN_OF_PAIR - least[1] * BRANCH_GAIN,), (least[1], second - least[2]))
    result = Step(
        "pair against product, below",
        least[0],
        ">=",
        least[1] * least[2],
        "",
        (Certificate(((least[0] - least[1] * least[2],),)),),
    )
    steps = (
        Step(
            "signals at the middle", adjoint_image(j_2, sp.MatMul(q, b)), "=", sp.MatMul(q_1, inner)
        ),
        Step("Q_1ᵀQ_1 = I", second, "=", BRANCH_GAIN),
        Step("through both", TOTAL_GAIN, "=", GAIN_OF_PAIR),
        Step("at every b", TOTAL_GAIN, "<=", most[1] * most[2], "", (Certificate(above),)),
        Step("at every b", TOTAL_GAIN, ">=", least[1] * least[2], "", (Certificate(below),)),
        Step(
            "pair against product, above",
            most[0],
            "<=",
            most[1] * most[2],
            "",
            (Certificate(((most[1] * most[2] - most[0],),)),),
        ),
        result,
    )
    return Theorem(
        "every_loss.pair",
        "A pair of boundaries against the product of its blocks",
        "The ends of the pencil of two boundaries are never looser than the products of the ends "
        "of the blocks between them, and the same K backward passes give every pair. The block "
        "below may be a stack, so this holds at every depth.",
        Derivation("every_loss.pair", notation, steps, quantities),
        result,
        (THROUGH,),
        source="telescoping product; " + OURS,
        result_label=r"\sigma_{\min,12} = \sigma_{\min}((J_2 J_1)^{\top} Q): \quad ",
    )


MOST_OF_PAIR = sp.symbols("sigma_max_12 sigma_max_1 sigma_max_2", nonnegative=True)
LEAST_OF_PAIR = sp.symbols("sigma_min_12 sigma_min_1 sigma_min_2", nonnegative=True)
"""Of both blocks, of the one below and of the one above, over what arrives."""
GAIN_OF_PAIR = sp.Symbol("t_1", nonnegative=True)
