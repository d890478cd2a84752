"""Bounds the gain of a random layer for every loss at once, with a probability.

W is N × N with independent N(0, s²) entries; the signals that can arrive are Ub, U of orthonormal
columns that depends on W through Wh alone, as the signals behind u = Wh do.
"""

import sympy as sp

from derivations.algebra.letters import squared
from derivations.algebra.notation import Notation
from derivations.algebra.quantities import (
    BRANCH_GAIN,
    GAIN,
    Frobenius,
    NormRatio,
    Quantity,
    SigmaMax,
    SigmaMinAdjoint,
    adjoint_image,
)
from derivations.algebra.steps import Certificate, Derivation, Step, Theorem
from derivations.algebra.terms import Identity
from derivations.laws.law import FREEZING, LINEAR_IMAGE, UNCORRELATED, Axiom
from derivations.rules.bound_types import at_least

DAVIDSON_SZAREK = Axiom(
    "davidson_szarek",
    "The singular values of a K × M matrix, K ≤ M, with independent N(0, s²) entries lie in "
    "s(√M ± (√K + τ)) with probability ≥ 1 − 2e^(−τ²/2).",
    "Davidson & Szarek 2001, Local operator theory, random matrices and Banach spaces, Thm II.13",
)
AXIOMS = (DAVIDSON_SZAREK,)
MOST_ACROSS, LEAST_ACROSS = sp.symbols("S_h s_h", nonnegative=True)
ALONG, REACHED = sp.symbols("t_h f_h", nonnegative=True)


def every_loss_laws() -> tuple[Theorem, ...]:
    """The law of a random layer for every loss."""
    return (random_layer(),)


def random_layer() -> Theorem:
    """γ² = ‖PWᵀUb‖² + (ĥᵀWᵀUb)² over ‖b‖², ĥ = h/‖h‖, P = I − ĥĥᵀ: UᵀWP is as if drawn anew."""
    notation = Notation(Identity(), {}, "operator")
    k = sp.Symbol("K", integer=True, positive=True)
    n = k + 1 + sp.Symbol("q", integer=True, nonnegative=True)
    weight, h = notation.free("W", n, n), notation.free("hat_h", n, unit=True, latex=r"\hat{h}")
    u, b = notation.free("U", n, k, unit=True), notation.free("b", k)
    away = sp.MatAdd(sp.Identity(n), sp.MatMul(-1, h, sp.Transpose(h)))
    across = sp.MatMul(sp.Transpose(u), weight, away)
    along = sp.MatMul(sp.Transpose(u), weight, h)
    g = sp.MatMul(u, b)
    notation.latex_names |= {MOST_ACROSS: r"\sigma_{\max}", LEAST_ACROSS: r"\sigma_{\min}"}
    quantities = (
        Quantity(GAIN, NormRatio(adjoint_image(weight, g), g)),
        Quantity(BRANCH_GAIN, NormRatio(adjoint_image(across, b), b)),
        Quantity(ALONG, NormRatio(adjoint_image(along, b), b)),
        Quantity(MOST_ACROSS, SigmaMax(across)),
        Quantity(LEAST_ACROSS, SigmaMinAdjoint(across)),
        Quantity(REACHED, Frobenius(along)),
    )
    t = BRANCH_GAIN
    below = ((t - LEAST_ACROSS, t + LEAST_ACROSS), (ALONG, ALONG))
    above = (
        (MOST_ACROSS - t, MOST_ACROSS + t),
        (REACHED - ALONG, REACHED + ALONG),
    )
    result = at_least("least singular value", LEAST_ACROSS, below, 2)
    steps = (
        Step("Wĥ and WP are uncorrelated", adjoint_image(h, away), "=", sp.ZeroMatrix(1, n)),
        Step("P is a projection", squared(away), "=", away),
        Step("across and along ĥ", GAIN**2, "=", t**2 + ALONG**2, "g ≠ 0"),
        result,
        Step(
            "operator norm, Cauchy–Schwarz",
            GAIN**2,
            "<=",
            MOST_ACROSS**2 + REACHED**2,
            "",
            (Certificate(above),),
        ),
    )
    names = ", ".join(each.id for each in (FREEZING, LINEAR_IMAGE, UNCORRELATED, *AXIOMS))
    return Theorem(
        "every_loss.random_layer",
        "A random layer, for every loss at once",
        "Given Wh, with probability ≥ 1 − 2e^(−τ²/2) for all losses at once: s(√(N − 1) − √K − "
        "τ) ≤ γ, and γ² ≤ s²(√(N − 1) + √K + τ)² + ‖UᵀWh‖²/‖h‖². K logits meet a layer of width "
        "N ≫ K that is nearly an isometry for what they can send, though it is none for every "
        "signal.",
        Derivation("every_loss.random_layer", notation, steps, quantities),
        result,
        ("W has independent N(0, s²) entries", "U depends on W through Wh alone", "K < N"),
        "law",
        "this toolkit; we found no earlier statement. Conditioning as of Bolthausen 2014",
        "one sample, W used once. UᵀWP has K × (N − 1) independent N(0, s²) entries in a basis of "
        f"what is orthogonal to h. Rests on {names}.",
        r"\sigma = \sigma(U^{\top} W P): \quad ",
    )
