"""Bounds residual blocks H = x + S F(x) whose branch is scaled or small, and stacks of them.

S is any matrix: αI (SkipInit, ReZero, Stable ResNet), or a diagonal (LayerScale). What is said of
stacks holds for every signal; what random weights do is in `laws/scaled_depth_laws.py`.
"""

import sympy as sp

from derivations.algebra.letters import DEPTH, DEVIATION, EPSILON, Expectation, squared_norm
from derivations.algebra.notation import Notation
from derivations.algebra.quantities import (
    BRANCH_GAIN,
    GAIN,
    RATIO,
    SIGMA_MAX,
    NormRatio,
    Quantity,
    SigmaMax,
    adjoint_image,
)
from derivations.algebra.steps import Derivation, Step, Theorem
from derivations.algebra.terms import Add, Chain, Identity, Layer, Linear
from derivations.rules.bound_types import BoundingTheorem, BoundMaker, at_least, at_most
from derivations.rules.remaining import Limits

SCALE = sp.Symbol("sigma_max(S)", nonnegative=True)
SHARE = sp.Symbol("c", positive=True)
"""c: all that the branches of a stack may do, L·σ_max(S)σ_max(J_F)."""
_J = sp.Symbol("j", integer=True, positive=True)
_BRANCH, _SCALING = Layer("F"), Linear("S")
SCALED = (
    "De & Smith 2020 (SkipInit, arXiv 2002.10444); Bachlechner et al. 2020 (ReZero, arXiv "
    "2003.04887); Zhang, Dauphin & Ma 2019 (Fixup, arXiv 1901.09321)"
)
EXCESS = sp.Symbol("e", nonnegative=True)
LOGARITHM = sp.Symbol("lambda", positive=True)
NORM_PRESERVATION = "Zaeemzadeh, Rahnavard & Shah 2018 (arXiv 1805.07477)"
NEAR_IDENTITY = (
    "near-identity maps",
    (
        "On a bounded set, a map h of ℝⁿ to ℝⁿ that is invertible with a Lipschitz inverse, has a "
        "Lipschitz derivative and keeps the orientation is, for every L, a composition of L maps "
        "x + F_ℓ(x) whose F_ℓ have a Lipschitz constant of at most c log(2L)/L, c of h alone."
    ),
    (
        "Bartlett, Evans & Long 2018, Representing smooth functions as compositions of "
        "near-identity functions (arXiv 1804.05012), Theorem 1"
    ),
)
"""That small branches suffice, and not that training finds them: cited, not proved."""


def theorems() -> tuple[Theorem, ...]:
    """One block, what α keeps a target, stacks, norm preservation, linear stacks, sums and products
    of weights.
    """
    return (
        _block(),
        _target(),
        _stack(),
        _norm_preservation(),
        _near_identity(),
        _linear(),
        _parallel(),
        _serial(),
    )


def _block() -> Theorem:
    term = Add(Identity(), Chain(_BRANCH, _SCALING))
    notation = Notation(term, {"F": ("n", "n"), "S": ("n", "n")}, "operator")
    branch, scaling = (notation.jacobian(each, Identity()) for each in (_BRANCH, _SCALING))
    g = notation.signal()
    scaled = adjoint_image(scaling, g)
    pulled = adjoint_image(branch, scaled)
    quantities = (
        Quantity(GAIN, NormRatio(sp.MatAdd(g, pulled), g)),
        Quantity(BRANCH_GAIN, NormRatio(pulled, g)),
        Quantity(RATIO, NormRatio(scaled, g)),
        Quantity(SIGMA_MAX, SigmaMax(branch)),
        Quantity(SCALE, SigmaMax(scaling)),
    )
    notation.latex_names[SCALE] = r"\sigma_{\max}(S)"
    most = SCALE * SIGMA_MAX
    over = ((SIGMA_MAX * RATIO - BRANCH_GAIN,), (SIGMA_MAX, SCALE - RATIO))
    lower, upper = sp.Max(1 - most, 0), 1 + most
    limits = Limits(notation, quantities)
    steps = (
        Step("pullback", notation.gradient(), "=", sp.MatAdd(g, pulled)),
        at_least("operator norm", 1 - most, ((GAIN - (1 - BRANCH_GAIN),), *over)),
        Step("larger of two lower bounds", GAIN, ">=", lower),
        at_most("operator norm", upper, ((1 + BRANCH_GAIN - GAIN,), *over)),
        *limits.steps((lower, upper)),
    )
    make = BoundMaker("scaled_branch", limits, g, ("g ≠ 0",))
    return BoundingTheorem(
        "scaled_branch.block",
        "A residual block with a scaled branch",
        "For H = x + S F(x), 1 − σ_max(S)σ_max(J_F) ≤ γ ≤ 1 + σ_max(S)σ_max(J_F) for every signal; "
        "with S = αI, σ_max(S) = |α|. So a block is as near to an isometry as its branch is small.",
        Derivation(
            "scaled_branch.block", notation, steps, (*quantities, *limits.remaining.values())
        ),
        steps[2],
        ("g ≠ 0",),
        source=f"triangle inequality, operator norm; {SCALED}",
        bounds=(
            make("uniform", "lower", lower, "triangle inequality, operator norm"),
            make("uniform", "upper", upper, "triangle inequality, operator norm"),
        ),
    )


def _target() -> Theorem:
    sigma, target = sp.Symbol("sigma", positive=True), sp.Symbol("gamma_*", real=True)
    allowed = (1 - target) / sigma
    slack = sp.Symbol("delta", nonnegative=True)
    result = Step(
        "at α = (1 − γ*)/σ_max(J_F) − δ",
        1 - (allowed - slack) * sigma,
        "=",
        target + slack * sigma,
        "δ ≥ 0",
    )
    return Theorem(
        "scaled_branch.target",
        "Which scale keeps a target",
        "γ ≥ γ* for every signal wherever 0 ≤ α ≤ (1 − γ*)/σ_max(J_F); more may not: at J_F = "
        "−σ_max(J_F) I the bound is attained.",
        Derivation("scaled_branch.target", Notation(Identity(), {}, "operator"), (result,)),
        result,
        ("0 < γ* ≤ 1", "J_F ≠ 0"),
        source="this toolkit, from the bound of one block",
        result_label=r"1 - \alpha\sigma_{\max}(J_F) = ",
    )


def _stack() -> Theorem:
    """ασ = c/L in each of L blocks; lower bounds multiply where they are ≥ 0 (stack.uniform)."""
    delta = sp.Symbol("delta", positive=True)
    sides = (("upper", 1), ("lower", -1))
    products = tuple(
        Step(
            f"{side} bounds multiply",
            sp.Product(1 + sign * delta, (_J, 1, DEPTH)),
            "=",
            (1 + sign * delta) ** DEPTH,
            "δ ≤ 1",
        )
        for side, sign in sides
    )
    limits = tuple(
        Step(
            f"{side} bound, L → ∞",
            (1 + sign * SHARE * EPSILON) ** (1 / EPSILON),
            "->",
            sp.exp(sign * SHARE),
            "ε = 1/L, δ = c/L",
            vanishing=EPSILON,
        )
        for side, sign in sides
    )
    return Theorem(
        "scaled_branch.stack",
        "Deep stacks of near-isometries",
        "L blocks with 1 − δ ≤ γ_ℓ ≤ 1 + δ, δ = c/L, keep (1 − c/L)^L ≤ Γ ≤ (1 + c/L)^L, which "
        "tend to e^(−c) and e^c: bounded at every depth, for every signal. That each block "
        "preserves norms up to some δ_ℓ → 0 is not enough: Σδ_ℓ must be bounded.",
        Derivation(
            "scaled_branch.stack", Notation(Identity(), {}, "operator"), (*products, *limits)
        ),
        limits[1],
        ("σ_max of every branch, scaled, is at most c/L",),
        source="stack.uniform",
        result_label=r"\Gamma_{\min} = ",
    )


def _norm_preservation() -> Theorem:
    """δ = σ_max(J_F) + e, e the norm of any matrix: so any δ that is not below σ_max(J_F)."""
    term = Add(Identity(), _BRANCH)
    notation = Notation(term, {"F": ("n", "n")}, "operator")
    branch, g = notation.jacobian(_BRANCH, Identity()), notation.signal()
    pulled = adjoint_image(branch, g)
    quantities = (
        Quantity(GAIN, NormRatio(sp.MatAdd(g, pulled), g)),
        Quantity(BRANCH_GAIN, NormRatio(pulled, g)),
        Quantity(SIGMA_MAX, SigmaMax(branch)),
        Quantity(EXCESS, SigmaMax(notation.free("E", "n", "n"))),
    )
    delta = SIGMA_MAX + EXCESS
    lower, upper = sp.Max(1 - SIGMA_MAX, 0), 1 + SIGMA_MAX
    limits = Limits(notation, quantities)
    norm = (SIGMA_MAX - BRANCH_GAIN,)
    steps = (
        Step("pullback", notation.gradient(), "=", sp.MatAdd(g, pulled)),
        at_least("operator norm", 1 - SIGMA_MAX, ((GAIN - (1 - BRANCH_GAIN),), norm)),
        Step("larger of two lower bounds", GAIN, ">=", lower),
        at_most("operator norm", upper, ((1 + BRANCH_GAIN - GAIN,), norm)),
        at_least(
            "from below at any δ = σ_max(J_F) + e",
            1 - delta,
            ((GAIN - (1 - SIGMA_MAX),), (EXCESS,)),
        ),
        at_most(
            "from above at any δ = σ_max(J_F) + e", 1 + delta, ((1 + SIGMA_MAX - GAIN,), (EXCESS,))
        ),
        *limits.steps((lower, upper)),
    )
    make = BoundMaker("norm_preservation", limits, g, ("g ≠ 0",))
    bounds = (
        make("block", "lower", lower, "triangle inequality, operator norm"),
        make("block", "upper", upper, "triangle inequality, operator norm"),
    )
    return BoundingTheorem(
        "norm_preservation.block",
        "A residual block preserves norms as its branch is small",
        "For H = x + F(x) with σ_max(J_F) ≤ δ, as of a branch with the Lipschitz constant δ, 1 − "
        "δ ≤ γ ≤ 1 + δ for every signal. Both ends are attained, by J_F = −δI and J_F = δI; for δ "
        "≥ 1 nothing need get through. Blocks that change the dimension have no such bound.",
        Derivation(
            "norm_preservation.block", notation, steps, (*quantities, *limits.remaining.values())
        ),
        next(step for step in steps if step.after == 1 - delta),
        ("σ_max(J_F) ≤ δ", "g ≠ 0"),
        source=f"triangle inequality, operator norm; {NORM_PRESERVATION}, proof of Theorem 1",
        bounds=bounds,
    )


def _near_identity() -> Theorem:
    """What the axiom says of blocks, and what that says of the stack: λ = log(2L)."""
    total = SHARE * LOGARITHM
    result = Step(
        "δ of all blocks together",
        sp.Sum(total / DEPTH, (_J, 1, DEPTH)),
        "=",
        total,
        "δ = cλ/L, λ = log(2L)",
    )
    limits = tuple(
        Step(
            f"{side} bound of a long stack at a given λ",
            (1 + sign * total * EPSILON) ** (1 / EPSILON),
            "->",
            sp.exp(sign * total),
            "ε = 1/L",
            vanishing=EPSILON,
        )
        for side, sign in (("upper", 1), ("lower", -1))
    )
    return Theorem(
        "norm_preservation.depth",
        "What norm preservation says of deep networks",
        "By the axiom of near-identity maps a smooth invertible map h has, for every depth L, "
        "residual blocks with 1 − δ ≤ γ ≤ 1 + δ, δ = c log(2L)/L: each of them is the nearer to an "
        "isometry the more there are. That is existence: it says nothing of the blocks that "
        "training finds, nor of an optimum with other blocks, and where L ≤ c log(2L) nothing "
        "from below. Nor does the stack become an isometry: its bounds (1 − δ)^L and (1 + δ)^L "
        "are of the order of e^(−cλ) = (2L)^(−c) and e^(cλ) = (2L)^c.",
        Derivation(
            "norm_preservation.depth", Notation(Identity(), {}, "operator"), (result, *limits)
        ),
        result,
        (
            "h as in the axiom of near-identity maps",
            "blocks that can be any x + F(x), of one dimension",
            "c depends on h",
        ),
        source=f"near-identity maps; {NORM_PRESERVATION}, Theorem 1",
    )


def _linear() -> Theorem:
    """Three linear residual blocks, the middle one moved: enough for any number of them."""
    notation = Notation(Identity(), {}, "operator")
    one = sp.Identity(notation.free("A_1", "n", "n").shape[0])
    first, second, third = (sp.MatAdd(one, notation.free(f"A_{i}", "n", "n")) for i in (1, 2, 3))
    moved, error = notation.free("D", "n", "n"), notation.free("E", "n", "n")
    e = notation.free("e", "n")
    branch = notation.free("A_3", "n", "n")
    quantities = (
        Quantity(GAIN, NormRatio(sp.MatAdd(e, adjoint_image(branch, e)), e)),
        Quantity(BRANCH_GAIN, NormRatio(adjoint_image(branch, e), e)),
        Quantity(SIGMA_MAX, SigmaMax(branch)),
    )
    change = sp.MatMul(third, moved, first)
    gradient = sp.MatMul(sp.Transpose(third), error, sp.Transpose(first))
    result = at_least(
        "each factor keeps its share",
        1 - SIGMA_MAX,
        ((GAIN - (1 - BRANCH_GAIN),), (SIGMA_MAX - BRANCH_GAIN,)),
    )
    steps = (
        Step(
            "what A_2 → A_2 + D changes",
            sp.MatAdd(
                sp.MatMul(third, sp.MatAdd(second, moved), first),
                sp.MatMul(-1, third, second, first),
            ),
            "=",
            change,
        ),
        Step(
            "so the gradient with respect to A_2",
            sp.Trace(sp.MatMul(sp.Transpose(error), change)),
            "=",
            sp.Trace(sp.MatMul(sp.Transpose(gradient), moved)),
            "E = ∂f/∂(the product)",
        ),
        result,
    )
    return Theorem(
        "scaled_branch.linear",
        "Linear residual networks have no flat spots",
        "For z = (I + A_L)⋯(I + A_1)x with σ_max(A_ℓ) ≤ τ < 1, ∂f/∂A_ℓ = "
        "(I + A_{ℓ+1})ᵀ⋯(I + A_L)ᵀ E (I + A_1)ᵀ⋯(I + A_{ℓ−1})ᵀ, hence ‖∂f/∂A_ℓ‖_F ≥ "
        "(1 − τ)^(L−1) ‖E‖_F, column by column: where the gradient of any block is 0, so is E, and "
        "a critical point of a convex f of the product is its minimum.",
        Derivation("scaled_branch.linear", notation, steps, quantities),
        result,
        ("σ_max(A_ℓ) ≤ τ < 1",),
        source="Hardt & Ma 2016, Identity Matters in Deep Learning (arXiv 1611.04231), Theorem 2.2",
        result_label=r"\gamma = \lVert (I + A_3)^{\top} e\rVert / \lVert e\rVert: \quad ",
    )


def _parallel() -> Theorem:
    """A law that W and −W share: the mean over both signs is free of the cross term."""
    notation = Notation(Identity(), {}, "operator")
    a, w = notation.free("A", "m", "n"), notation.free("W", "m", "n")
    minus = sp.MatAdd(a, sp.MatMul(-1, w))
    result = Step(
        "both signs of W",
        squared_norm(sp.MatAdd(a, w)) + squared_norm(minus),
        "=",
        2 * squared_norm(a) + 2 * squared_norm(w),
    )
    return Theorem(
        "scaled_branch.parallel",
        "Parallel branches add",
        "If W and −W have one law and W is independent of A, E‖A + W‖_F² = E‖A‖_F² + E‖W‖_F²; "
        "with (A + W)ᵀg, as columns, E‖(A + W)ᵀg‖² likewise: mean squares of parallel paths add, "
        "so a residual block has 1 + χ, and a sum of branches 1 + Σχ_i.",
        Derivation("scaled_branch.parallel", notation, (result,)),
        result,
        ("W and −W have one law", "W is independent of A"),
        source="parallelogram law; Chen et al. 2020, gradient norm equality (arXiv 2001.00254)",
    )


def _serial() -> Theorem:
    """One row of WᵀJᵀg at a time: w has uncorrelated entries of variance ν²."""
    notation = Notation(Identity(), {}, "operator")
    j, g, w = notation.free("J", "m", "n"), notation.free("g", "m"), notation.free("w", "n")
    pulled = adjoint_image(j, g)
    result = Step(
        "one column w of W",
        Expectation(squared_norm(sp.MatMul(sp.Transpose(w), pulled)), (w,), DEVIATION),
        "=",
        DEVIATION**2 * squared_norm(pulled),
        "E[wwᵀ] = ν²I, w independent of J and g",
    )
    return Theorem(
        "scaled_branch.serial",
        "Serial layers multiply",
        "A layer of k columns whose weights are independent of what comes after it takes k Var W "
        "times the mean square of its signal, whatever that is: mean squares of serial layers "
        "multiply.",
        Derivation("scaled_branch.serial", notation, (result,)),
        result,
        ("W independent of what follows it",),
        source="linearity of the mean; Chen et al. 2020 (arXiv 2001.00254)",
    )
