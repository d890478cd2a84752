"""Bounds ‖v + w‖ relative to ‖v‖: what a branch makes of the signal that a shortcut passes on.

v is the signal behind the shortcut, w = J_Bᵀg what the branch adds, t = ‖w‖/‖v‖ and c = cos∠(v, w).
The residual, the shortcut and the dense theorem are this lemma for their v and w, and what their
structure adds to it.
"""

from dataclasses import dataclass

import sympy as sp

from derivations.algebra.letters import squared
from derivations.algebra.notation import Notation
from derivations.algebra.printing import latex, short_text, text
from derivations.algebra.quantities import (
    BRANCH_GAIN,
    COSINE,
    GAIN,
    LAMBDA,
    MU,
    RATIO,
    SIGMA_MAX,
    SIGMA_MIN,
    Cosine,
    NormRatio,
    NumericalRange,
    Quantity,
    SigmaMax,
    SigmaMinAdjoint,
    adjoint_image,
)
from derivations.algebra.steps import Certificate, Derivation, Step
from derivations.rules.bound_types import (
    Bound,
    BoundMaker,
    Order,
    Products,
    Proved,
    at_least,
    at_most,
    ends_of_gain,
    least_over_signals,
    never_looser,
    never_looser_than_maximum,
)
from derivations.rules.remaining import Limits

_NORM = "triangle inequality, operator norm"
_TRIANGLE = sp.Abs(1 - BRANCH_GAIN)
_SUM = 1 + BRANCH_GAIN
_OBTUSE = sp.Min(COSINE, 0)
_COSINE_LAW = sp.sqrt(1 + 2 * COSINE * BRANCH_GAIN + BRANCH_GAIN**2)
# 1 where c ≥ 0: then w cannot shorten v, whatever t is.
_ALIGNMENT = sp.sqrt(1 - _OBTUSE**2)
# Not 1 + 2ct + t²: where the branch cancels the skip, that loses half the digits, and the bound
# exceeds the gain.
_ALIGNMENT_WITH_T = sp.sqrt((1 - BRANCH_GAIN) ** 2 + 2 * BRANCH_GAIN * (1 + _OBTUSE))
_LEMMA_EXPRS = (_COSINE_LAW, _TRIANGLE, _SUM, _ALIGNMENT, _ALIGNMENT_WITH_T)


def residual_bounds(notation: Notation, branch: sp.Expr, g: sp.Expr) -> Proved:
    """Bounds of H = B(x) + x with J_B = `branch`: those of v + w, operator norm, numerical range.

    `g` is the signal at H: the backward signal, or what later parts of a chain leave of it.
    """
    lemma = _lemma(notation, g, adjoint_image(branch, g))
    quantities = (
        *lemma.quantities,
        Quantity(SIGMA_MAX, SigmaMax(branch)),
        Quantity(SIGMA_MIN, SigmaMinAdjoint(branch)),
        Quantity(MU, NumericalRange(branch, -1)),
        Quantity(LAMBDA, NumericalRange(branch, +1)),
    )
    name_singular_values(notation, branch)
    uniform, numerical = sp.Max(1 - SIGMA_MAX, SIGMA_MIN - 1, 0), sp.Max(1 + MU, -1 - LAMBDA, 0)
    # Where g is the signal at the output, I + J_B is the whole Jacobian.
    whole = g == notation.signal()
    if whole:
        jacobian = sp.MatAdd(sp.Identity(branch.shape[0]), branch)
        quantities = (*quantities, *ends_of_gain(jacobian))
    limits = Limits(notation, quantities)
    order = (
        *_lemma_order("residual"),
        *_residual_order(uniform),
        *(_order_over_signals(uniform, numerical) if whole else ()),
    )
    steps = (
        *lemma.steps,
        *_norm_steps(uniform),
        *_rayleigh_steps(numerical),
        *(each.step for each in order),
        *limits.steps([*_LEMMA_EXPRS, uniform, 1 + SIGMA_MAX, numerical]),
    )
    make = BoundMaker("residual", limits, g, _nonzero(g, notation))
    made = (
        *_lemma_bounds(make),
        make("uniform", "lower", uniform, _NORM),
        make("uniform", "upper", 1 + SIGMA_MAX, _NORM),
        make("numerical_range", "lower", numerical, "Cauchy–Schwarz, Rayleigh quotient"),
    )
    quantities = (*quantities, *limits.remaining.values())
    return Proved("residual", made, Derivation("bounds", notation, steps, quantities), order)


def _norm_steps(uniform: sp.Max) -> tuple[Step, ...]:
    """The bounds by the singular values of the branch: σ_min ≤ t ≤ σ_max."""
    over = (SIGMA_MAX - BRANCH_GAIN,)
    return (
        at_least("operator norm", 1 - SIGMA_MAX, ((GAIN - (1 - BRANCH_GAIN),), over)),
        at_least(
            "least singular value",
            SIGMA_MIN - 1,
            ((GAIN + (1 - BRANCH_GAIN),), (BRANCH_GAIN - SIGMA_MIN,)),
        ),
        Step("largest lower bound", GAIN, ">=", uniform),
        at_most("operator norm", 1 + SIGMA_MAX, ((_SUM - GAIN,), over)),
    )


def _rayleigh_steps(numerical: sp.Max) -> tuple[Step, ...]:
    """The bounds by the Rayleigh quotients of the branch: μ ≤ ct ≤ λ."""
    projected = 1 + COSINE * BRANCH_GAIN
    return (
        at_least(
            "projection on g",
            sp.Abs(projected),
            ((BRANCH_GAIN**2, 1 - COSINE, 1 + COSINE),),
            power=2,
        ),
        at_least(
            "least Rayleigh quotient", 1 + MU, ((GAIN - projected,), (COSINE * BRANCH_GAIN - MU,))
        ),
        at_least(
            "largest Rayleigh quotient",
            -1 - LAMBDA,
            ((GAIN + projected,), (LAMBDA - COSINE * BRANCH_GAIN,)),
        ),
        Step("largest lower bound", GAIN, ">=", numerical),
        Step(
            "Rayleigh quotients against the norm",
            1 + MU,
            ">=",
            1 - SIGMA_MAX,
            certificates=(Certificate(((MU + SIGMA_MAX,),)),),
        ),
    )


def _residual_order(uniform: sp.Max) -> tuple[Order, ...]:
    """The triangle inequality along g is at least as tight as that by singular values."""
    parts = (
        ("operator norm", 1 - SIGMA_MAX, _below_triangle(SIGMA_MAX)),
        (
            "least singular value",
            SIGMA_MIN - 1,
            ((_TRIANGLE + (1 - BRANCH_GAIN),), (BRANCH_GAIN - SIGMA_MIN,)),
        ),
    )
    return (
        *never_looser_than_maximum(
            "residual.triangle.lower", "residual.uniform.lower", _TRIANGLE, uniform, parts
        ),
        never_looser(
            "residual.triangle.upper",
            "residual.uniform.upper",
            _SUM,
            "<=",
            1 + SIGMA_MAX,
            ((SIGMA_MAX - BRANCH_GAIN,),),
        ),
    )


def _order_over_signals(uniform: sp.Max, numerical: sp.Max) -> tuple[Order, ...]:
    """σ_min(Iᵀ + J_Bᵀ) and σ_max(I + J_B) against the bounds that do not look along g."""
    return (
        least_over_signals("residual.uniform.lower", "lower", uniform),
        least_over_signals("residual.numerical_range.lower", "lower", numerical),
        least_over_signals("residual.uniform.upper", "upper", 1 + SIGMA_MAX),
    )


def shortcut_bounds(notation: Notation, branch: sp.Expr, v: sp.Expr, g: sp.Expr) -> Proved:
    """Bounds of H = B(x) + W x relative to ‖v‖, v = Wᵀg: those of a residual block along g (section
    2(g)).

    Relative to ‖g‖, `norm_bounds` has (σ_min(Wᵀ) − σ_max(J_B))₊, which is 0 whenever H has more
    entries than x.
    """
    lemma = _lemma(notation, v, adjoint_image(branch, g))
    limits = Limits(notation, lemma.quantities)
    order = _lemma_order("shortcut")
    steps = (*lemma.steps, *(each.step for each in order), *limits.steps(_LEMMA_EXPRS))
    made = _lemma_bounds(BoundMaker("shortcut", limits, v, _nonzero(v, notation)))
    quantities = (*lemma.quantities, *limits.remaining.values())
    return Proved("shortcut", made, Derivation("bounds", notation, steps, quantities), order)


def name_singular_values(notation: Notation, branch: sp.Expr) -> None:
    """Has them printed as σ_max(J_F), σ_min(J_Fᵀ) of a branch F; J_B is what has no symbol of its
    own, or a branch where a block has several.
    """
    own = isinstance(branch, sp.MatrixSymbol)
    shown, plain = (latex(branch, notation), text(branch)) if own else ("J_{B}", "J_B")
    most = rf"\sigma_{{\max}}({shown})"
    if notation.latex_names.get(SIGMA_MAX, most) != most:
        shown, plain = "J_{B}", "J_B"
    notation.latex_names |= {
        SIGMA_MAX: rf"\sigma_{{\max}}({shown})",
        SIGMA_MIN: rf"\sigma_{{\min}}({shown}^{{\top}})",
    }
    notation.text_names |= {SIGMA_MAX: f"sigma_max({plain})", SIGMA_MIN: f"sigma_min({plain}ᵀ)"}


def dense_bounds(notation: Notation, branch: sp.Expr, g_y: sp.Expr, g_f: sp.Expr) -> Proved:
    """Bounds of H = (F(y), y) with J_F = `branch` relative to ‖g_y‖: those of v + w with v = g_y, w
    = J_Fᵀ g_F, and uniform ones.
    """
    lemma = _lemma(notation, g_y, adjoint_image(branch, g_f))
    quantities = (
        *lemma.quantities,
        Quantity(RATIO, NormRatio(g_f, g_y)),
        Quantity(SIGMA_MAX, SigmaMax(branch)),
    )
    name_singular_values(notation, branch)
    # Not σ_max alone: the branch sees another slice of the signal than the skip, of any size.
    reach = SIGMA_MAX * RATIO
    uniform, over = sp.Max(1 - reach, 0), (reach - BRANCH_GAIN,)
    limits = Limits(notation, quantities)
    parts = (("operator norm", 1 - reach, _below_triangle(reach)),)
    order = (
        *_lemma_order("dense"),
        *never_looser_than_maximum(
            "dense.triangle.lower", "dense.uniform.lower", _TRIANGLE, uniform, parts
        ),
        never_looser("dense.triangle.upper", "dense.uniform.upper", _SUM, "<=", 1 + reach, (over,)),
    )
    steps = (
        *lemma.steps,
        at_least("operator norm", 1 - reach, ((GAIN - (1 - BRANCH_GAIN),), over)),
        Step("largest lower bound", GAIN, ">=", uniform),
        at_most("operator norm", 1 + reach, ((_SUM - GAIN,), over)),
        *(each.step for each in order),
        *limits.steps([*_LEMMA_EXPRS, uniform, 1 + reach]),
    )
    make = BoundMaker("dense", limits, g_y, ("g_y ≠ 0",))
    made = (
        *_lemma_bounds(make),
        make("uniform", "lower", uniform, _NORM),
        make("uniform", "upper", 1 + reach, _NORM),
    )
    quantities = (*quantities, *limits.remaining.values())
    return Proved("dense", made, Derivation("bounds", notation, steps, quantities), order)


def _below_triangle(most: sp.Expr) -> Products:
    """|1 − t| ≥ 1 − t ≥ 1 − most, where t ≤ most."""
    return ((_TRIANGLE - (1 - BRANCH_GAIN),), (most - BRANCH_GAIN,))


@dataclass(frozen=True)
class _Lemma:
    quantities: tuple[Quantity, ...]
    steps: tuple[Step, ...]


def _lemma(notation: Notation, v: sp.Expr, w: sp.Expr) -> _Lemma:
    """‖v + w‖ relative to ‖v‖, by t = ‖w‖/‖v‖ and c = cos∠(v, w): the law of cosines and what
    follows from it.
    """
    quantities = (
        Quantity(GAIN, NormRatio(sp.MatAdd(v, w), v)),
        Quantity(BRANCH_GAIN, NormRatio(w, v)),
        Quantity(COSINE, Cosine(v, w)),
    )
    total, across = sp.MatAdd(v, w), sp.MatMul(sp.Transpose(v), w)
    square = sp.MatAdd(squared(v), across, sp.Transpose(across), squared(w))
    acute = ((2, COSINE, BRANCH_GAIN), (BRANCH_GAIN, BRANCH_GAIN))
    least = ((BRANCH_GAIN + COSINE, BRANCH_GAIN + COSINE),)
    between = (1 - COSINE, 1 + COSINE)
    # The square roots must be of numbers ≥ 0 before anything can be said of the roots.
    steps = (
        Step("base and branch", notation.gradient(), "=", total),
        Step("square of a sum", squared(total), "=", square),
        Step("law of cosines", GAIN**2, "=", _COSINE_LAW**2, "‖base‖ ≠ 0"),
        Step("c² ≤ 1", _ALIGNMENT**2, ">=", sp.S.Zero, "", _by_angle((between,), ((1,),))),
        Step(
            "least over t",
            _ALIGNMENT_WITH_T**2,
            ">=",
            sp.S.Zero,
            "",
            _by_angle((*least, between), ((1,), (BRANCH_GAIN, BRANCH_GAIN))),
        ),
        at_least("c ≥ −1", _TRIANGLE, ((2, BRANCH_GAIN, 1 + COSINE),), power=2),
        at_most("c ≤ 1", _SUM, ((2, BRANCH_GAIN, 1 - COSINE),), power=2),
        Step("least over t", GAIN, ">=", _ALIGNMENT, "", _by_angle(least, acute, 2)),
        Step(
            "obtuse part of the angle",
            GAIN,
            ">=",
            _ALIGNMENT_WITH_T,
            "",
            _by_angle((), acute[:1], 2),
        ),
    )
    return _Lemma(quantities, steps)


def _by_angle(obtuse: Products, acute: Products, power: int = 1) -> tuple[Certificate, ...]:
    """One certificate for c ≤ 0 and one for c ≥ 0: min(c, 0) is a case distinction."""
    return Certificate(obtuse, power, -COSINE), Certificate(acute, power, COSINE)


def _lemma_order(theorem: str) -> tuple[Order, ...]:
    """With t kept, the alignment bound is the tightest of those along g: |1 − t| is its value at c
    = −1, (c) its least over t.
    """
    tightest = f"{theorem}.alignment_with_t.lower"
    triangle = _by_angle(((2, BRANCH_GAIN, 1 + COSINE),), ((2, BRANCH_GAIN),), 2)
    least = _by_angle(
        ((BRANCH_GAIN + COSINE, BRANCH_GAIN + COSINE),), ((BRANCH_GAIN, BRANCH_GAIN),), 2
    )
    return tuple(
        Order(tightest, looser, Step("tighter", _ALIGNMENT_WITH_T, ">=", expr, "", certificates))
        for looser, expr, certificates in (
            (f"{theorem}.triangle.lower", _TRIANGLE, triangle),
            (f"{theorem}.alignment.lower", _ALIGNMENT, least),
        )
    )


def _lemma_bounds(make: BoundMaker) -> tuple[Bound, ...]:
    return (
        make("cosine_law", "equal", _COSINE_LAW, "law of cosines"),
        make("triangle", "lower", _TRIANGLE, "triangle inequality"),
        make("triangle", "upper", _SUM, "triangle inequality"),
        make("alignment", "lower", _ALIGNMENT, "law of cosines, least over t"),
        make("alignment_with_t", "lower", _ALIGNMENT_WITH_T, "law of cosines, obtuse angles only"),
    )


def _nonzero(base: sp.Expr, notation: Notation) -> tuple[str, ...]:
    said = "g" if base == notation.signal() else short_text(base).replace("*", " ")
    return (f"{said} ≠ 0",)
