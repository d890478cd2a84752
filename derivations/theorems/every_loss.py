"""Bounds the gain for every loss at once, and for every shift-invariant loss.

Both bounds are the ends of one pencil, over fewer signals the second. Notation:
`every_loss_pencil.py`.
"""

import sympy as sp

from derivations.algebra.notation import Notation
from derivations.algebra.quantities import (
    BRANCH_GAIN,
    GAIN,
    NormRatio,
    Quantity,
    SigmaMax,
    SigmaMinAdjoint,
    adjoint_image,
)
from derivations.algebra.steps import Derivation, Step, Theorem
from derivations.algebra.terms import Identity
from derivations.rules.bound_types import BoundingTheorem, BoundMaker, at_least, at_most
from derivations.rules.remaining import Limits
from derivations.theorems.every_loss_pencil import (
    LOGITS,
    MULTIPLE,
    OURS,
    RANK,
    REACHED_LEAST,
    REACHED_MOST,
    THROUGH,
    Reach,
    away,
    reach,
)

LOST = sp.Symbol("q_z", integer=True, nonnegative=True)


def theorems() -> tuple[Theorem, ...]:
    """The bounds, and that soft labels attain them."""
    return (_all(), _shift_invariant(), _soft_labels())


def _ends(it: Reach) -> tuple[tuple[Quantity, ...], tuple[Step, ...]]:
    """γ between the ends of the pencil, for every b."""
    quantities = (
        Quantity(GAIN, NormRatio(it.pulled, it.g)),
        Quantity(BRANCH_GAIN, NormRatio(adjoint_image(it.operator, it.b), it.b)),
        Quantity(REACHED_MOST, SigmaMax(it.operator)),
        Quantity(REACHED_LEAST, SigmaMinAdjoint(it.operator)),
    )
    steps = (
        Step("QᵀQ = I", GAIN, "=", BRANCH_GAIN, "g ≠ 0"),
        at_least("least singular value", REACHED_LEAST, ((BRANCH_GAIN - REACHED_LEAST,),)),
        at_most("operator norm", REACHED_MOST, ((REACHED_MOST - BRANCH_GAIN,),)),
    )
    return quantities, steps


def _bounding(
    name: str, title: str, statement: str, signals: str, before: tuple[Step, ...], it: Reach
) -> Theorem:
    quantities, steps = _ends(it)
    limits = Limits(it.notation, quantities)
    steps = (*before, *steps, *limits.steps((REACHED_LEAST, REACHED_MOST)))
    make = BoundMaker("every_loss", limits, it.g, ("g = Qb ≠ 0", THROUGH), signals)
    bounds = (
        make(name, "lower", REACHED_LEAST, "Rayleigh quotients of the pencil"),
        make(name, "upper", REACHED_MOST, "Rayleigh quotients of the pencil"),
    )
    return BoundingTheorem(
        f"every_loss.{name}",
        title,
        statement,
        Derivation(
            f"every_loss.{name}", it.notation, steps, (*quantities, *limits.remaining.values())
        ),
        next(step for step in steps if step.before == GAIN and step.relation == ">="),
        ("g ≠ 0", THROUGH),
        source=OURS,
        bounds=bounds,
    )


def _all() -> Theorem:
    return _bounding(
        "all",
        "Bounds for every loss",
        "Whatever the loss, σ_min(JᵀQ) ≤ γ ≤ σ_max(QᵀJ): at least and at most so much of the "
        "gradient gets through. Both ends are attained, by L = aᵀz. As the branch vanishes they "
        "tend to those of the shortcut, which are 1 for a skip and 0 for a plain block.",
        "every loss",
        (),
        reach(),
    )


def _shift_invariant() -> Theorem:
    """L(z + s1) = L(z) for every s, so L(z) = L((I − uuᵀ)z) with u = 1/√K."""
    it = reach()
    logits = RANK + 1 + LOST  # K: of its K − 1 directions some may reach nothing
    u, w = it.notation.free("u", logits, unit=True), it.notation.free("w", logits)
    a = sp.MatMul(away(u), w)
    before = (
        Step(
            "∂L/∂z is orthogonal to 1",
            sp.MatMul(sp.Transpose(u), a),
            "=",
            sp.ZeroMatrix(1, 1),
            "u = 1/√K, L(z) = L((I − uuᵀ)z)",
        ),
        Step("1⊥ is all that is left", sp.MatMul(away(u), a), "=", a),
    )
    return _bounding(
        "shift_invariant",
        "Bounds for every shift-invariant loss",
        "A loss that does not feel a shift of all logits, as of the softmax alone or of "
        "differences of logits (cross-entropy with any soft labels that sum to 1, and focal, "
        "distillation, Brier and multi-class hinge losses so defined), has a ⊥ 1: its entries sum "
        "to 0. So the bounds hold with Q a basis of the A_Hᵀa with a ⊥ 1 alone: K − 1 backward "
        "passes, ends never looser, and for K = 2 one gain for every such loss.",
        "every shift-invariant loss",
        before,
        it,
    )


def _soft_labels() -> Theorem:
    """The signal of cross-entropy at the soft label q = p − ηa is p − q = ηa; here η = 3/7."""
    notation = Notation(Identity(), {}, "operator")
    u, w, p = (
        notation.free("u", LOGITS, unit=True),
        notation.free("w", LOGITS),
        notation.free("p", LOGITS),
    )
    small = sp.MatMul(-MULTIPLE, away(u), w)
    label = sp.MatAdd(p, sp.MatMul(-1, small))
    result = Step(
        "cross-entropy at the label q = p − ηa", sp.MatAdd(p, sp.MatMul(-1, label)), "=", small
    )
    steps = (
        Step(
            "q sums to what p sums to",
            sp.MatMul(sp.Transpose(u), label),
            "=",
            sp.MatMul(sp.Transpose(u), p),
            "a ⊥ 1",
        ),
        result,
    )
    return Theorem(
        "every_loss.soft_labels",
        "Soft labels attain the ends",
        "The softmax p has entries > 0, so for a ⊥ 1 and small η > 0 the vector q = p − ηa is a "
        "soft label, at which cross-entropy sends p − q = ηa. The gain does not feel η: the soft "
        "labels alone attain both ends over 1⊥, and the simplex adds nothing to it.",
        Derivation("every_loss.soft_labels", notation, steps),
        result,
        ("η max|a_k| ≤ min p_k",),
        source=OURS,
        result_label=r"\frac{\partial L}{\partial z} = ",
    )
