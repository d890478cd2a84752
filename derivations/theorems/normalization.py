"""Proves what a normalization by its input's own statistics can do to a signal.

y = w ⊙ (x − m)/s with s = √(v + ε₀), m and v the mean and variance of the n entries of x:
LayerNorm, each group of GroupNorm, and without m RMSNorm.
"""

import sympy as sp

from derivations.algebra.letters import EPSILON
from derivations.algebra.notation import Notation
from derivations.algebra.quantities import (
    GAIN,
    RATIO,
    NormRatio,
    Quantity,
    SigmaMax,
    adjoint_image,
)
from derivations.algebra.steps import Certificate, Derivation, Step, Theorem
from derivations.algebra.terms import Identity, Layer
from derivations.rules.bound_types import BoundingTheorem, BoundMaker
from derivations.rules.remaining import Limits

SCALE = sp.Symbol("sigma_max(D)", nonnegative=True)
_CENTERED, _MEAN, _ALONG, _SMOOTHED = sp.symbols("t_1 e_1 e_2 e_3", nonnegative=True)
_SCALING = Layer("D")


def theorems() -> tuple[Theorem, ...]:
    """The Jacobian of a norm, and its bound."""
    return (_jacobian(), theorem_of_scale())


def _jacobian() -> Theorem:
    """Along x + ϵq: c = (I − uuᵀ)x, p = (I − uuᵀ)q, a = ⟨c, q⟩/n, which is ≥ 0 for q or −q, and
    b = ‖p‖²/n, so that s² becomes S² = s² + 2ϵa + ϵ²b.
    """
    notation = Notation(Identity(), {}, "operator")
    s, after, v, smooth = sp.symbols("s S v epsilon_0", positive=True)
    a, b = sp.symbols("a b", nonnegative=True)
    c_i, p_i = sp.symbols("c_i p_i", real=True)
    moved = sp.sqrt(s**2 + 2 * EPSILON * a + EPSILON**2 * b)
    quotient = Step(
        "one entry along x + ϵq",
        (c_i + EPSILON * p_i) / after - c_i / s,
        "=",
        EPSILON * p_i / after - c_i * (after**2 - s**2) / (s * after * (after + s)),
        "S² − s² = ϵ(2a + ϵb)",
    )
    result = Step(
        "divided by ϵ",
        p_i / moved - c_i * (2 * a + EPSILON * b) / (s * moved * (moved + s)),
        "->",
        (p_i - c_i * a / s**2) / s,
        "S² = s² + 2ϵa + ϵ²b",
        vanishing=EPSILON,
    )
    u, k, x = notation.free("u", "n", unit=True), notation.free("k", "n"), notation.free("x", "n")
    one = sp.Identity(u.shape[0])
    center, rest = (_without(each) for each in (u, k))
    steps = (
        quotient,
        result,
        Step(
            "c has no mean",
            adjoint_image(u, sp.MatMul(center, x)),
            "=",
            sp.ZeroMatrix(1, 1),
            "c = (I − uuᵀ)x",
        ),
        Step(
            "so the two come one after the other",
            sp.MatAdd(
                sp.MatMul(center, rest),
                sp.MatMul(-1, sp.MatAdd(one, *(_minus(each) for each in (u, k)))),
            ),
            "=",
            sp.MatMul(u, sp.Transpose(u), k, sp.Transpose(k)),
            "k = c/(s√n), uᵀk = 0",
        ),
        Step("‖k‖² + ε₀/s²", v / (v + smooth) + smooth / (v + smooth), "=", 1, "s² = v + ε₀"),
    )
    return Theorem(
        "norm.jacobian",
        "The Jacobian of a norm",
        "y = w ⊙ (x − m)/s has J = diag(w)(I − uuᵀ − kkᵀ)/s with u = 1/√n, ‖u‖ = 1, and "
        "k = (x − m)/(s√n): uᵀk = 0, and ‖k‖² = v/(v + ε₀) ≤ 1. Without a mean, as in RMSNorm, "
        "uuᵀ is missing; a GroupNorm has a block for each group.",
        Derivation("norm.jacobian", notation, steps),
        result,
        ("s > 0",),
        source="calculus; Ba, Kiros & Hinton 2016 (Layer Normalization, arXiv 1607.06450)",
        result_label=r"\text{entry } i \text{ of } \partial (c/s): \quad ",
    )


def theorem_of_scale() -> BoundingTheorem:
    """(k; e) is a unit column, e² = ε₀/s², so that ‖k‖ ≤ 1 is no assumption."""
    notation = Notation(_SCALING, {"D": ("n", "n")}, "operator")
    scaling, g = notation.jacobian(_SCALING, Identity()), notation.signal()
    n = g.shape[0]
    u, whole = notation.free("u", n, unit=True), notation.free("k", n + 1, unit=True)
    k, e = whole[:n, :], whole[n : n + 1, :]
    scaled = adjoint_image(scaling, g)
    centered = sp.MatMul(_without(u), scaled)
    along = adjoint_image(k, centered)
    pulled = sp.MatMul(_without(k), centered)
    quantities = (
        Quantity(GAIN, NormRatio(pulled, g)),
        Quantity(RATIO, NormRatio(scaled, g)),
        Quantity(_CENTERED, NormRatio(centered, g)),
        Quantity(_MEAN, NormRatio(adjoint_image(u, scaled), g)),
        Quantity(_ALONG, NormRatio(along, g)),
        Quantity(_SMOOTHED, NormRatio(sp.MatMul(e, along), g)),
        Quantity(SCALE, SigmaMax(scaling)),
    )
    notation.latex_names[SCALE] = r"\sigma_{\max}(D)"
    limits = Limits(notation, quantities)
    first = Step("Pythagoras, u taken away", RATIO**2, "=", _CENTERED**2 + _MEAN**2, "g ≠ 0")
    second = Step(
        "Pythagoras, kkᵀ taken away",
        _CENTERED**2,
        "=",
        GAIN**2 + _ALONG**2 + _SMOOTHED**2,
        "g ≠ 0",
    )
    squares = Certificate(
        ((SCALE - RATIO, SCALE + RATIO), (_MEAN, _MEAN), (_ALONG, _ALONG), (_SMOOTHED, _SMOOTHED)),
        power=2,
    )
    result = Step("what is taken away does not lengthen", GAIN, "<=", SCALE, "", (squares,))
    steps = (first, second, result, *limits.steps((SCALE,)))
    make = BoundMaker("norm", limits, g, ("g ≠ 0", "s > 0", "D = diag(w)/s"))
    return BoundingTheorem(
        "norm.scale",
        "A norm lengthens no signal by more than its scale",
        "With D = diag(w)/s, ∂L/∂x = (I − kkᵀ)(I − uuᵀ)Dg: two directions are taken away, the "
        "second by ‖k‖² ≤ 1 of it, so γ ≤ σ_max(D) = max_i |w_i|/s for every signal, attained "
        "where g is of the largest weights and has no part along u and k. Where Dg = u nothing is "
        "left. Of a GroupNorm the group with the largest such ratio counts.",
        Derivation("norm.scale", notation, steps, (*quantities, *limits.remaining.values())),
        result,
        ("g ≠ 0", "s > 0", "(k; √ε₀/s) is a unit column: norm.jacobian"),
        source="Pythagoras, operator norm",
        bounds=(make("scale", "upper", SCALE, "Pythagoras, operator norm"),),
    )


def _minus(u: sp.Expr) -> sp.Expr:
    return sp.MatMul(-1, u, sp.Transpose(u))


def _without(u: sp.Expr) -> sp.Expr:
    """I − uuᵀ."""
    return sp.MatAdd(sp.Identity(u.shape[0]), _minus(u))
