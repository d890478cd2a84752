"""Derives what bounds for every loss say of rank-deficient samples, of batches and of slices.

Notation: `every_loss_pencil.py`; of batches, n_i = ‖∂L/∂x_i‖², d_i = ‖∂L/∂H_i‖² for the samples i.
"""

import sympy as sp

from derivations.algebra.letters import EPSILON, LAYERS, squared, stacked
from derivations.algebra.notation import Notation
from derivations.algebra.quantities import (
    GAIN,
    NormRatio,
    Quantity,
    SigmaMax,
    adjoint_image,
)
from derivations.algebra.steps import Certificate, Derivation, Step, Theorem
from derivations.algebra.terms import Identity
from derivations.theorems.every_loss_pencil import LOGITS, OURS

_I = sp.Symbol("i", integer=True, positive=True)
_RUN = (_I, 1, LAYERS)
SPREAD, SIZE = sp.IndexedBase("e", real=True), sp.IndexedBase("g", real=True)
EXTREME = sp.Symbol("m", nonnegative=True)
TOP, BOTTOM = sp.IndexedBase("n", real=True), sp.IndexedBase("d", real=True)
RATIO_MET = sp.Symbol("tau", nonnegative=True)


def theorems() -> tuple[Theorem, ...]:
    """The regularised rank statement both ways, batches, slices."""
    return (_regular_above(), _regular_below(), _batch(), _best_labels(), _one_sample(), _slice())


def _letters(name: str) -> tuple[Notation, sp.Expr, sp.Expr, sp.Expr]:
    """A_H or A_x (K, m), the regulariser βI as any matrix, and a."""
    notation = Notation(Identity(), {}, "operator")
    beta = notation.free("B", LOGITS, LOGITS, latex=r"\beta I")
    return notation, notation.free(name, LOGITS, "m"), beta, notation.free("a", LOGITS)


_WHOLE, _SMALL, _RHO = sp.symbols("w e rho", nonnegative=True)
_ONE = sp.Symbol("u", nonnegative=True)


def _regular_above() -> Theorem:
    """10(g): A_xᵀa = P(A_Hᵀa; βa), ρ = σ_max(P)."""
    notation, to_h, beta, a = _letters("A_H")
    p = notation.free("P", "n", LOGITS + sp.Symbol("m", integer=True, positive=True))
    g, small = adjoint_image(to_h, a), sp.MatMul(beta, a)
    whole, operator = stacked(g, small), sp.Transpose(p)
    quantities = (
        Quantity(GAIN, NormRatio(adjoint_image(operator, whole), g)),
        Quantity(_WHOLE, NormRatio(whole, g)),
        Quantity(_SMALL, NormRatio(small, g)),
        Quantity(_RHO, SigmaMax(operator)),
    )
    bound = _RHO**2 * (1 + _SMALL**2)
    result = Step(
        "regularised bound",
        GAIN**2,
        "<=",
        bound,
        "",
        (Certificate(((_RHO * _WHOLE - GAIN, _RHO * _WHOLE + GAIN),)),),
    )
    steps = (
        Step("Pythagoras", _WHOLE**2, "=", 1 + _SMALL**2, "g ≠ 0"),
        result,
    )
    return Theorem(
        "every_loss.regular_above",
        "A bound where the rank is in doubt, above",
        "If ‖A_xᵀa‖² ≤ ρ²(‖A_Hᵀa‖² + β²‖a‖²) for every a, then γ² ≤ ρ²(1 + β²‖a‖²/‖g‖²): small "
        "eigenvalues of G_out are not dropped, which would be no bound, but paid for.",
        Derivation("every_loss.regular_above", notation, steps, quantities),
        result,
        ("g = A_Hᵀa ≠ 0",),
        source=OURS,
        result_label=r"e = \lVert \beta a\rVert / \lVert g\rVert: \quad ",
    )


def _regular_below() -> Theorem:
    """The roles swapped: A_Hᵀa = P(A_xᵀa; βa), ρ′ = σ_max(P)."""
    notation, to_x, beta, a = _letters("A_x")
    p = notation.free("P", "n", LOGITS + sp.Symbol("m", integer=True, positive=True))
    pulled, small, operator = adjoint_image(to_x, a), sp.MatMul(beta, a), sp.Transpose(p)
    whole = stacked(pulled, small)
    g = adjoint_image(operator, whole)
    quantities = (
        Quantity(GAIN, NormRatio(pulled, g)),
        Quantity(_WHOLE, NormRatio(whole, g)),
        Quantity(_SMALL, NormRatio(small, g)),
        Quantity(_ONE, NormRatio(g, g)),
        Quantity(_RHO, SigmaMax(operator)),
    )
    result = Step(
        "regularised bound",
        _RHO**2 * (GAIN**2 + _SMALL**2),
        ">=",
        sp.Integer(1),
        "",
        (Certificate(((_RHO * _WHOLE - _ONE, _RHO * _WHOLE + _ONE),)),),
    )
    steps = (
        Step("Pythagoras", _WHOLE**2, "=", GAIN**2 + _SMALL**2, "g ≠ 0"),
        Step("‖g‖/‖g‖", _ONE, "=", sp.Integer(1), "g ≠ 0"),
        result,
    )
    return Theorem(
        "every_loss.regular_below",
        "A bound where the rank is in doubt, below",
        "If ‖A_Hᵀa‖² ≤ ρ′²(‖A_xᵀa‖² + β²‖a‖²) for every a, then γ² ≥ 1/ρ′² − β²‖a‖²/‖g‖².",
        Derivation("every_loss.regular_below", notation, steps, quantities),
        result,
        ("g = A_Hᵀa ≠ 0",),
        source=OURS,
        result_label=r"\rho = \rho',\; e = \lVert \beta a\rVert / \lVert g\rVert: \quad ",
    )


def _batch() -> Theorem:
    """10(h), eval mode: γ_i² = m + e_i² of sample i (m the least), d_i = g_i²."""
    base, over = sp.Sum(SIZE[_I] ** 2, _RUN), sp.Sum(SPREAD[_I] ** 2 * SIZE[_I] ** 2, _RUN)
    result = Step(
        "mediant, below",
        sp.Sum((EXTREME + SPREAD[_I] ** 2) * SIZE[_I] ** 2, _RUN),
        ">=",
        EXTREME * base,
        "γ_i² = m + e_i²",
        (Certificate(((over,),)),),
    )
    above = Step(
        "mediant, above",
        sp.Sum((EXTREME - SPREAD[_I] ** 2) * SIZE[_I] ** 2, _RUN),
        "<=",
        EXTREME * base,
        "γ_i² = m − e_i², m the greatest",
        (Certificate(((over,),)),),
    )
    return Theorem(
        "every_loss.batch",
        "A batch in eval mode",
        "Where samples do not meet, ‖∂L/∂x‖²/‖∂L/∂H‖² of a batch (of l samples) lies between the "
        "least and the greatest γ_i² of its samples, so bounds of all samples bound the batch.",
        Derivation("every_loss.batch", Notation(Identity(), {}, "operator"), (result, above)),
        result,
        ("no layer mixes the samples", "L depends on x through z, and z through H, alone"),
        source="mediant of fractions",
    )


def _best_labels() -> Theorem:
    """Dinkelbach: F(τ) = max over the labels of Σ (n_i − τ d_i), which is a maximum per sample."""
    whole = sp.Sum(TOP[_I], _RUN) - RATIO_MET * sp.Sum(BOTTOM[_I], _RUN)
    result = Step(
        "one maximum per sample", whole, "=", sp.Sum(TOP[_I] - RATIO_MET * BOTTOM[_I], _RUN)
    )
    d, left = sp.Symbol("d", positive=True), sp.Symbol("F", real=True)
    step = Step(
        "the next ratio, n − τd = F for n = Σn_i, d = Σd_i",
        ((RATIO_MET * d + left) / d - RATIO_MET) * d,
        "=",
        left,
    )
    return Theorem(
        "every_loss.best_labels",
        "The worst labels of a batch",
        "Over the hard labels of all samples the greatest batch ratio Σn_i/Σd_i is the τ with "
        "F(τ) = Σ max_y (n_iy − τd_iy) = 0, a maximum per sample. Dinkelbach's iteration takes the "
        "ratio at the maximum, which is F/d ≥ 0 above τ, d = Σd_i, and ends exactly, as labels "
        "are finitely many; with least for greatest it gives the lower end.",
        Derivation("every_loss.best_labels", Notation(Identity(), {}, "operator"), (result, step)),
        result,
        ("d_i > 0 for every label", "no layer mixes the samples"),
        source="Dinkelbach 1967, On Nonlinear Fractional Programming, Manag. Sci. 13:492–498",
    )


def _one_sample() -> Theorem:
    """BatchNorm in train mode lets x_1 into H_2: g_1 = εg_2 and J_11 = J_21 = I."""
    notation = Notation(Identity(), {}, "operator")
    n = sp.Symbol("n", integer=True, positive=True)
    g, one = notation.free("g", n), sp.Identity(n)
    small = sp.Rational(1, 8)
    both = stacked(sp.MatMul(small, g), g)
    first = Step(
        "∂L/∂x_1 = J_11ᵀg_1 + J_21ᵀg_2",
        adjoint_image(stacked(one, one), both),
        "=",
        sp.MatMul(1 + small, g),
        "g_1 = g_2/8",
    )
    result = Step(
        "‖g_1‖/‖∂L/∂x_1‖", EPSILON / (1 + EPSILON), "->", sp.S.Zero, "g_1 = εg_2", vanishing=EPSILON
    )
    return Theorem(
        "every_loss.one_sample",
        "One sample of a batch in train mode",
        "Where layers mix the samples (BatchNorm in train mode) a = (a_1, …, a_B) and the theorems "
        "hold for the ratio of the whole batch. That of one sample, ‖∂L/∂x_1‖/‖∂L/∂H_1‖, is "
        "unbounded above: what other samples send reaches x_1 however small g_1 is.",
        Derivation("every_loss.one_sample", notation, (first, result)),
        result,
        ("J_21 ≠ 0",),
        source="counterexample",
        result_label=r"g_1 = \epsilon g_2: \quad ",
    )


def _slice() -> Theorem:
    """10(l): a dense step H = (F(y), y) and a signal that arrives in the slice of F alone."""
    notation = Notation(Identity(), {}, "operator")
    branch, u = notation.free("J_F", "k", "n"), notation.free("u", "k")
    n, k = branch.shape[1], branch.shape[0]
    g, jacobian = stacked(u, sp.ZeroMatrix(n, 1)), stacked(branch, sp.Identity(n))
    skip = stacked(sp.ZeroMatrix(k, n), sp.Identity(n))
    result = Step(
        "but x gets", adjoint_image(jacobian, g), "=", adjoint_image(branch, u), "g = (u, 0)"
    )
    steps = (
        Step("g_y", adjoint_image(skip, g), "=", sp.ZeroMatrix(n, 1)),
        result,
        Step("it arrives", squared(g), "=", squared(u)),
    )
    return Theorem(
        "every_loss.slice",
        "Slices of a signal",
        "A part of the signal, such as g_y of a dense step, is a slice of the columns, with the "
        "same K passes. But ker G_y ⊆ ker G_in may fail, for g = (u, 0) has g_y = 0 and Jᵀg = "
        "J_Fᵀu: then no upper bound relative to ‖g_y‖ exists.",
        Derivation("every_loss.slice", notation, steps),
        result,
        ("J_Fᵀu ≠ 0",),
        source="block form of Jᵀ",
        result_label=r"\frac{\partial L}{\partial x} = ",
    )
