"""Bounds ‖∂L/∂W‖ of a weight for every loss, and relates it to the signals and inputs of its layer.

A dense layer u = Wh meets the columns h_b of H (samples, or positions of a convolution's unfolded
input) and the signals g_b of G: ∂L/∂W = Σ g_b h_bᵀ = GHᵀ.
"""

import sympy as sp

from derivations.algebra.letters import LAYERS, squared, squared_norm
from derivations.algebra.notation import Notation
from derivations.algebra.quantities import (
    BRANCH_GAIN,
    COSINE,
    GAIN,
    Cosine,
    NormRatio,
    Quantity,
    SigmaMax,
    SigmaMinAdjoint,
    adjoint_image,
)
from derivations.algebra.steps import Certificate, Derivation, Step, Theorem
from derivations.algebra.terms import Identity
from derivations.rules.bound_types import BoundingTheorem, BoundMaker, at_least, at_most
from derivations.rules.remaining import Limits
from derivations.theorems.every_loss_pencil import LOGITS, OURS, reach

TANGENT_MOST, TANGENT_LEAST = sp.symbols("sigma_max(T) sigma_min(Tᵀ)", nonnegative=True)
_I = sp.Symbol("i", integer=True, positive=True)
_MORE = sp.Symbol("w", integer=True, nonnegative=True)
"""By how much W has more entries than x."""


def theorems() -> tuple[Theorem, ...]:
    """Bounds, relations to signals, and what has none."""
    return (_bounds(), _grams(), _euler(), _ratio(), _cancelling(), _fixup())


def _bounds() -> Theorem:
    """10(i): a weight in front of a block, T = A_H J X with X = ∂x/∂W;
    any T is of this form.
    """
    it = reach()
    rows, columns = it.jacobian.shape
    to_h, from_w = (
        it.notation.free("A_H", LOGITS, rows),
        it.notation.free("X", columns, columns + _MORE),
    )
    a = it.notation.free("a", LOGITS)
    tangent = sp.MatMul(to_h, it.jacobian, from_w)
    pulled = adjoint_image(tangent, a)
    quantities = (
        Quantity(GAIN, NormRatio(pulled, a)),
        Quantity(TANGENT_MOST, SigmaMax(tangent)),
        Quantity(TANGENT_LEAST, SigmaMinAdjoint(tangent)),
    )
    names = {TANGENT_MOST: r"\sigma_{\max}(T_W)", TANGENT_LEAST: r"\sigma_{\min}(T_W^{\top})"}
    it.notation.latex_names |= names
    limits = Limits(it.notation, quantities)
    gram = sp.MatMul(tangent, sp.Transpose(tangent))
    steps = (
        Step(
            "Θ_W = T_W T_Wᵀ",
            squared(pulled),
            "=",
            sp.MatMul(sp.Transpose(a), gram, a),
            "T_W = ∂z/∂W",
        ),
        at_least("least singular value", TANGENT_LEAST, ((GAIN - TANGENT_LEAST,),)),
        at_most("operator norm", TANGENT_MOST, ((TANGENT_MOST - GAIN,),)),
        *limits.steps((TANGENT_LEAST, TANGENT_MOST)),
    )
    make = BoundMaker(
        "every_loss",
        limits,
        a,
        ("a = ∂L/∂z ≠ 0", "T_W = ∂z/∂W = A_H J X"),
        "every loss",
        r"\partial L / \partial W",
    )
    return BoundingTheorem(
        "every_loss.parameters",
        "Bounds of a weight's gradient for every loss",
        "‖∂L/∂W‖² = aᵀΘ_W a with Θ_W = T_W T_Wᵀ the block of the tangent kernel (K × K per "
        "sample), so σ_min(T_Wᵀ)‖∂L/∂z‖ ≤ ‖∂L/∂W‖ ≤ σ_max(T_W)‖∂L/∂z‖ whatever the loss. Here W "
        "lies in front of a block J; as its branch vanishes, the ends are those of the shortcut.",
        Derivation(
            "every_loss.parameters", it.notation, steps, (*quantities, *limits.remaining.values())
        ),
        steps[1],
        ("a ≠ 0",),
        source="tangent kernel; " + OURS,
        bounds=(
            make("parameters", "lower", TANGENT_LEAST, "Rayleigh quotients of the tangent kernel"),
            make("parameters", "upper", TANGENT_MOST, "Rayleigh quotients of the tangent kernel"),
        ),
    )


def _layer() -> tuple[Notation, sp.Expr, sp.Expr, sp.Expr]:
    """G (m, B), H (n, B) and ∂L/∂W = GHᵀ."""
    notation = Notation(Identity(), {}, "operator")
    signals, inputs = notation.free("G", "m", "B"), notation.free("H", "n", "B")
    return notation, signals, inputs, sp.MatMul(signals, sp.Transpose(inputs))


def _grams() -> Theorem:
    notation, signals, inputs, gradient = _layer()
    g, h = notation.free("g", "m"), notation.free("h", 1 + _MORE, unit=True)
    result = Step(
        "two Gram matrices",
        squared_norm(gradient),
        "=",
        sp.Trace(sp.MatMul(squared(signals), squared(inputs))),
        "∂L/∂W = GHᵀ",
    )
    one = Step(
        "one sample, ‖h‖ = 1",
        squared_norm(sp.MatMul(g, sp.Transpose(h))),
        "=",
        squared_norm(g),
        "∂L/∂W = ghᵀ",
    )
    return Theorem(
        "every_loss.grams",
        "A weight's gradient from signals and inputs",
        "‖∂L/∂W‖² = tr(GᵀG HᵀH): the Gram matrices of the signals and of the inputs of a layer "
        "give the norm of its weight's gradient, without it; for one sample ‖∂L/∂W‖ = ‖g‖‖h‖.",
        Derivation("every_loss.grams", notation, (result, one)),
        result,
        ("u = Wh", "W is used nowhere else"),
        source="rotation of a trace",
    )


def _euler() -> Theorem:
    notation, signals, inputs, gradient = _layer()
    weight = notation.free("W", "m", "n")
    result = Step(
        "⟨∂L/∂W, W⟩ = ⟨∂L/∂u, u⟩",
        sp.Trace(sp.MatMul(sp.Transpose(gradient), weight)),
        "=",
        sp.Trace(sp.MatMul(sp.Transpose(signals), weight, inputs)),
        "u = Wh, ∂L/∂W = GHᵀ",
    )
    return Theorem(
        "every_loss.euler",
        "A weight against its gradient",
        "⟨∂L/∂W, W⟩ = Σ_b ⟨∂L/∂u_b, u_b⟩: how a layer's weight moves along itself is read off its "
        "output and the signal there.",
        Derivation("every_loss.euler", notation, (result,)),
        result,
        ("u = Wh",),
        source="rotation of a trace",
    )


def _ratio() -> Theorem:
    """T_1ᵀ = P T_2ᵀ where ker Θ_2 ⊆ ker Θ_1; else some u has T_2ᵀu = 0 ≠ T_1ᵀu."""
    notation = Notation(Identity(), {}, "operator")
    second, p = notation.free("T_2", LOGITS, "w_2"), notation.free("P", "w_1", "w_2")
    other, a = notation.free("v", "w_1"), notation.free("a", LOGITS)
    u = notation.free("u", LOGITS, unit=True)
    base, operator = adjoint_image(second, a), sp.Transpose(p)
    most = sp.Symbol("sigma_max(P)", nonnegative=True)
    notation.latex_names[most] = r"\sigma_{\max}(P)"
    quantities = (
        Quantity(GAIN, NormRatio(adjoint_image(operator, base), base)),
        Quantity(most, SigmaMax(operator)),
    )
    away = sp.MatAdd(sp.Identity(LOGITS), sp.MatMul(-1, u, sp.Transpose(u)))
    result = at_most("operator norm", most, ((most - GAIN,),))
    steps = (
        result,
        Step(
            "a loss that layer 2 does not see",
            adjoint_image(sp.MatMul(away, second), u),
            "=",
            sp.ZeroMatrix(second.shape[1], 1),
        ),
        Step(
            "layer 1 sees it",
            adjoint_image(sp.MatMul(u, sp.Transpose(other)), u),
            "=",
            other,
            "T_1 = uvᵀ, v ≠ 0",
        ),
    )
    return Theorem(
        "every_loss.layer_ratio",
        "One layer's gradient against another's",
        "The pencil (Θ_1, Θ_2) bounds ‖∂L/∂W_1‖/‖∂L/∂W_2‖ for every loss where ker Θ_2 ⊆ ker Θ_1, "
        "T_1ᵀ = P T_2ᵀ. Unlike activations, weights need not obey it: a loss may send nothing to "
        "layer 2 and something to layer 1, and then the ratio has no upper bound.",
        Derivation("every_loss.layer_ratio", notation, steps, quantities),
        result,
        ("T_2ᵀa ≠ 0", "T_1ᵀ = P T_2ᵀ"),
        source=OURS,
        result_label=(
            r"\gamma = \lVert \partial L/\partial W_1\rVert / "
            r"\lVert \partial L/\partial W_2\rVert: \quad "
        ),
    )


def _cancelling() -> Theorem:
    notation = Notation(Identity(), {}, "operator")
    g, h = notation.free("g", "m"), notation.free("h", "n")
    first = sp.MatMul(g, sp.Transpose(h))
    result = Step(
        "g_2 = −g_1, h_2 = h_1",
        sp.MatAdd(first, sp.MatMul(-1, first)),
        "=",
        sp.ZeroMatrix(g.shape[0], h.shape[0]),
        "∂L/∂W = g_1 h_1ᵀ + g_2 h_2ᵀ",
    )
    return Theorem(
        "every_loss.batch_of_weights",
        "Samples may cancel in a weight",
        "The gradients of two samples can cancel in ∂L/∂W, so no bound from the samples' own K × K "
        "matrices is above 0 for a batch: that takes the BK × BK matrix.",
        Derivation("every_loss.batch_of_weights", notation, (result,)),
        result,
        ("B ≥ 2",),
        source="counterexample",
    )


def _fixup() -> Theorem:
    """⟨∂L/∂W, W⟩ = ⟨a, z⟩ for z = Wh, and any W that z is homogeneous in; λ = log Σ e^z."""
    notation, signals, inputs, gradient = _layer()
    weight = notation.free("W", "m", "n")
    v, w = notation.free("v", "w"), notation.free("theta", "w", latex=r"\theta")
    quantities = (Quantity(BRANCH_GAIN, NormRatio(v, w)), Quantity(COSINE, Cosine(w, v)))
    z, p = sp.IndexedBase("z", real=True), sp.IndexedBase("p", real=True)
    log_sum, z_y = sp.symbols("lambda z_y", real=True)
    run = (_I, 1, LAYERS)
    total = sp.Sum(p[_I] * z[_I], run)
    result = Step(
        "⟨p − e_y, z⟩ = ℓ − H(p)",
        (log_sum - z_y) + sp.Sum(p[_I] * (z[_I] - log_sum), run),
        "=",
        total - z_y + log_sum * (1 - sp.Sum(p[_I], run)),
        "ℓ = λ − z_y, log p_i = z_i − λ; Σ p_i = 1",
    )
    steps = (
        Step(
            "⟨∂L/∂W, W⟩ = ⟨∂L/∂z, z⟩",
            sp.Trace(sp.MatMul(sp.Transpose(gradient), weight)),
            "=",
            sp.Trace(sp.MatMul(sp.Transpose(signals), weight, inputs)),
            "z = Wh",
        ),
        result,
        Step(
            "Cauchy–Schwarz, v = ∂L/∂θ",
            BRANCH_GAIN,
            ">=",
            COSINE * BRANCH_GAIN,
            "",
            (Certificate(((BRANCH_GAIN, 1 - COSINE),)),),
        ),
        Step(
            "Cauchy–Schwarz, −v",
            BRANCH_GAIN,
            ">=",
            -COSINE * BRANCH_GAIN,
            "",
            (Certificate(((BRANCH_GAIN, 1 + COSINE),)),),
        ),
    )
    return Theorem(
        "every_loss.fixup",
        "A lower bound of a weight's gradient at initialisation",
        "Where the logits are positively homogeneous of degree 1 in θ (a last layer's weight; the "
        "first weight, where no bias and no norm follows), ⟨∂ℓ/∂θ, θ⟩ = ⟨∂ℓ/∂z, z⟩ = ℓ − H(p), so "
        "‖∂ℓ/∂θ‖ ≥ |ℓ − H(p)|/‖θ‖, also in the mean over a batch: large logits, as deep residual "
        "networks make at initialisation, force large gradients. H is the entropy of p.",
        Derivation("every_loss.fixup", notation, steps, quantities),
        result,
        ("cross-entropy", "z(cθ) = c z(θ) for c > 0"),
        source="Zhang, Dauphin & Ma 2019, Fixup Initialization (arXiv 1901.09321), Theorem 1",
        result_label=r"\ell - H(p) = ",
    )
