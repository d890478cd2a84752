"""Derives half-normal inputs and reflected walks, for depth laws without closed forms.

The recurrences themselves are in `numeric.laws.mean_field`. What is cited: Sparre Andersen 1954
(signs of the partial sums of a symmetric random walk) and Spitzer 1956 (moments of its maximum).
"""

import sympy as sp

from derivations.algebra.letters import CHI, DEPTH, EPSILON
from derivations.algebra.steps import Step, Theorem
from derivations.laws.depth_axioms import (
    BATCH_STATISTICS,
    INDEPENDENCE,
    SPARRE_ANDERSEN,
    SPITZER,
    resting_on,
)
from derivations.laws.depth_laws import depth_theorem
from derivations.laws.gaussian_moments import (
    MEAN_INTEGRAL,
    NEGATIVE_SLOPE,
    RELU_KAPPA,
    Part,
    passage_in_integrals,
)

SIGMA = sp.Symbol(
    "sigma", positive=True
)  # standard deviation of what the blocks have added to a half-normal input
_THETA = sp.Symbol("theta", real=True)
_J = sp.Symbol("j", integer=True, positive=True)
INPUT_VARIANCE = sp.Symbol("v", positive=True)  # the variance of a branch's input over the batch

ACTIVE = sp.Rational(1, 2) + sp.atan(1 / SIGMA) / sp.pi
SECOND_MOMENT = ((1 + SIGMA**2) * (sp.pi / 2 + sp.atan(1 / SIGMA)) + SIGMA) / sp.pi
HALF_NORMAL_FACTOR = 1 + 2 * CHI * ACTIVE
HALF_NORMAL_VARIANCE = SIGMA**2 + 2 * CHI * SECOND_MOMENT
"""One block: G_{ℓ−1}/G_ℓ, and σ²_{ℓ+1}, both at σ = σ_ℓ."""
PERSISTENCE = sp.gamma(DEPTH + sp.Rational(1, 2)) / (sp.sqrt(sp.pi) * sp.gamma(DEPTH + 1))


def open_depth_laws() -> tuple[Theorem, ...]:
    """The ingredients of the laws for half-normal inputs and for post-activation BatchNorm
    networks.
    """
    return half_normal_inputs(), persistence()


def half_normal_inputs() -> Theorem:
    """P(x > 0) and E φ(x)² for x = |z| + σy with independent z, y ~ N(0, 1), in polar coordinates:
    x > 0 where tan θ > −1/σ.
    """
    sector = (_THETA, -sp.atan(1 / SIGMA), sp.pi / 2)
    active = Step("share of active units", sp.Integral(1 / sp.pi, sector), "=", ACTIVE)
    density = 2 / sp.pi * (sp.cos(_THETA) + SIGMA * sp.sin(_THETA)) ** 2
    second = Step("E φ(x)², E r² = 2", sp.Integral(density, sector), "=", SECOND_MOMENT)
    weights = 2 * CHI  # n Var W
    factor = Step(
        "factor of a block: the mask keeps the share p",
        1 + weights * sp.Integral(1 / sp.pi, sector),
        "=",
        HALF_NORMAL_FACTOR,
        "σ = σ_ℓ",
    )
    added = Step(
        "variance behind a block, σ² in front of it",
        SIGMA**2 + weights * sp.Integral(density, sector),
        "=",
        HALF_NORMAL_VARIANCE,
        "σ = σ_ℓ",
    )
    statement = (
        "Through L blocks x + Wφ(x), Var W = 2χ/n, from x₀ = |z|, the mean square of the gradient "
        "changes by Π (1 + 2χ p(σ_ℓ)), where "
        "σ₀ = 0, σ²_{ℓ+1} = σ²_ℓ + 2χ m(σ_ℓ), p is the share of active units and m = E φ(x)²."
    )
    setting = (
        "n → ∞. Given |z|, what the blocks add to a coordinate is N(0, σ²) and independent of it. "
        + resting_on(INDEPENDENCE)
    )
    return depth_theorem(
        "half_normal",
        "residual",
        statement,
        (active, second, factor, added),
        factor,
        setting,
        "Gaussian mean-field recurrence",
    )


def persistence() -> Theorem:
    """u_n = P(S₁ > 0, …, S_n > 0) = Π_{j≤n} (1 − 1/(2j)) of a symmetric random walk: Γ(n + ½)/(√π
    Γ(n + 1)) ~ 1/√(πn).
    """
    half = sp.Rational(1, 2)
    solved = Step(
        "u_j = (1 − 1/(2j)) u_{j−1}, solved",
        sp.Product(1 - half / _J, (_J, 1, DEPTH)),
        "=",
        PERSISTENCE,
        "u_0 = 1",
    )
    scaled = (PERSISTENCE * sp.sqrt(sp.pi * DEPTH)).subs(DEPTH, 1 / EPSILON)
    limit = Step("L → ∞", scaled, "->", sp.Integer(1), "ε = 1/L", vanishing=EPSILON)
    mean = Step(
        "E S_k⁺/k, S_k ~ N(0, k)",
        sp.sqrt(_J) * MEAN_INTEGRAL.subs(NEGATIVE_SLOPE, 0) / _J,
        "=",
        1 / sp.sqrt(2 * sp.pi * _J),
        "k = j",
    )
    parts: tuple[Part, ...] = ("weights", "norm", "phi", "weights", "norm")
    gain = Step(
        "gain of BN(W₂φ(BN(W₁x))), inputs of variance v",
        passage_in_integrals(parts, INPUT_VARIANCE).gain.subs(NEGATIVE_SLOPE, 0),
        "=",
        1 / (RELU_KAPPA * INPUT_VARIANCE),
    )
    statement = (
        "A coordinate of a network x ↦ φ(x + BN(·)) is a random walk reflected at 0 with steps "
        "N(0, 1): it stays positive from block "
        "a + 1 to b with probability Σ_{k≤a+1} u_k u_{b+1−k}, and its variance follows from "
        "Spitzer's identity, so the mean square of "
        "the gradient obeys a renewal equation with coefficients in closed form. It grows like "
        "L^p with p = b(1 − Γ(p + ½)/(√π Γ(p + 1))), "
        "b = 1/(1 − 2/π) for a branch BN(Wx) and 1/(κ(1 − 2/π)) for BN(W₂φ(BN(W₁x))). Proved here: "
        "u_n in closed form, E S_k⁺/k and the gain of a branch; the renewal equation and L^p are "
        "not proved, but tested by quadrature and simulation."
    )
    setting = "n → ∞ and B → ∞. x₀ = φ(z), z ~ N(0, I). " + resting_on(
        INDEPENDENCE, BATCH_STATISTICS, SPARRE_ANDERSEN, SPITZER
    )
    return depth_theorem(
        "batch_norm_v1",
        "residual",
        statement,
        (solved, limit, mean, gain),
        solved,
        setting,
        "Sparre Andersen 1954; Spitzer 1956",
    )
