"""Derives further depth laws: scaled branches, skipped blocks, norms over units, transitions.

As in `depth_laws.py`, E‖∂L/∂x‖² per coordinate at the start of a stack over that at its end.
"""

import sympy as sp

from derivations.algebra.letters import CHI, DEPTH, EPSILON
from derivations.algebra.printing import in_prose
from derivations.algebra.steps import Step, Theorem
from derivations.laws.depth_axioms import (
    BATCH_STATISTICS,
    HALVED_MASKS,
    INDEPENDENCE,
    resting_on,
)
from derivations.laws.depth_laws import FIRST_WIDTH, LAYER, WIDE, WIDE_BATCH, depth_theorem
from derivations.laws.gaussian_moments import (
    KAPPA,
    KAPPA_OF_SLOPE,
    NEGATIVE_SLOPE,
    SECOND_INTEGRAL,
    SLOPE_INTEGRAL,
    passage_in_integrals,
)

SCALE = sp.Symbol("alpha", positive=True)
KEPT = sp.Symbol("p", positive=True)
COMPRESSION = sp.Symbol("theta", positive=True)
_RUN = (LAYER, 1, DEPTH)
_RELU = {NEGATIVE_SLOPE: 0}
_GAIN = (CHI / SECOND_INTEGRAL * SLOPE_INTEGRAL).subs(_RELU)
"""n Var W · E φ′², He's weights: the gain χ of a branch Wφ(x), in integrals."""
OVER_UNITS = "n → ∞; at width n the relative error is O(L/n), whatever the batch"


def scaled_depth_laws() -> tuple[Theorem, ...]:
    """Scaled branches, stochastic depth, plain BatchNorm, norms over units, dense transitions."""
    return (
        scaled_branches(),
        stochastic_depth(),
        plain_batch_norm(),
        *(_over_units(*each) for each in _OVER_UNITS),
        dense_transition(),
    )


def _powered(factor: sp.Expr) -> Step:
    return Step("L blocks", sp.Product(factor, _RUN), "=", factor**DEPTH, "G_L = 1")


def _at_depth(rule: str, before: sp.Expr, after: sp.Expr, condition: str) -> Step:
    return Step(rule, before, "->", after, condition, vanishing=EPSILON)


def scaled_branches() -> Theorem:
    """x + αWφ(x): the factor is 1 + α²χ."""
    factor = 1 + SCALE**2 * CHI
    solved = _powered(factor)
    deep = 1 / EPSILON
    steps = (
        Step("mean square in front of one block", 1 + SCALE**2 * _GAIN, "=", factor, "1 behind it"),
        solved,
        _at_depth("α = 1/√L", (1 + CHI * EPSILON) ** deep, sp.exp(CHI), "ε = 1/L"),
        _at_depth("α = 1/L", (1 + CHI * EPSILON**2) ** deep, sp.Integer(1), "ε = 1/L"),
        _at_depth("α → 0 at fixed L", (1 + EPSILON**2 * CHI) ** DEPTH, sp.Integer(1), "ε = α"),
    )
    return depth_theorem(
        "scaled",
        "residual",
        "Through L blocks x + αWφ(x) the mean square of the gradient changes by (1 + α²χ)^L as "
        "n → ∞: bounded by e^χ at α = 1/√L, where α = 1 grows like (1 + χ)^L, and 1 in the limit "
        "at α = 1/L. In the mean 1/√L is enough; for every signal it takes 1/L.",
        steps,
        solved,
        f"{WIDE}. Weights N(0, 2χ/n), φ = ReLU, x₀ symmetric. {resting_on(INDEPENDENCE)}",
        "Hayou et al. 2021, Stable ResNet (arXiv 2010.12859); De & Smith 2020 (arXiv 2002.10444)",
    )


def stochastic_depth() -> Theorem:
    """A block is kept with probability p: the mask has E δ = E δ² = p."""
    factor, rescaled = 1 + KEPT * CHI, 1 + CHI / KEPT
    solved = _powered(factor)
    skipped = (1 - KEPT) * sp.Integer(1)
    steps = (
        Step(
            "a block is kept or skipped", skipped + KEPT * (1 + _GAIN), "=", factor, "mean over δ"
        ),
        Step("branch divided by p", skipped + KEPT * (1 + _GAIN / KEPT**2), "=", rescaled, "δF/p"),
        solved,
        _at_depth(
            "with α = 1/√L",
            (1 + KEPT * CHI * EPSILON) ** (1 / EPSILON),
            sp.exp(KEPT * CHI),
            "ε = 1/L",
        ),
    )
    return depth_theorem(
        "stochastic",
        "residual",
        "Where each block is kept with probability p, the mean square of the gradient changes by "
        "(1 + pχ)^L as n → ∞, less than (1 + χ)^L: skipping blocks slows its growth. Dividing the "
        "branch by p, as some training code does, makes it (1 + χ/p)^L, which is more.",
        steps,
        solved,
        f"{WIDE}. Masks independent of everything, 0 < p ≤ 1, weights N(0, 2χ/n), φ = ReLU. "
        + resting_on(INDEPENDENCE),
        "Hayou & Ayed 2021, Regularization in ResNet with Stochastic Depth (arXiv 2106.03091)",
    )


def plain_batch_norm() -> Theorem:
    """x ↦ BN(Wφ(x)) in train mode, x normalised: the gain is 1/κ, whatever the weights are."""
    gain = passage_in_integrals(("phi", "weights", "norm"), sp.Integer(1)).gain
    factor = 1 / KAPPA_OF_SLOPE
    solved = _powered(1 / KAPPA)
    steps = (
        Step("one layer, slope a below 0", gain, "=", factor),
        Step("one layer, ReLU", gain.subs(_RELU), "=", sp.pi / (sp.pi - 1)),
        solved,
    )
    return depth_theorem(
        "plain_batch_norm",
        "plain",
        "Through L layers x ↦ BN(Wφ(x)) in train mode the mean square of the gradient grows by "
        "1/κ = π/(π − 1) a layer (ReLU), whatever the weights' size, as n → ∞ and B → ∞: plain "
        "networks with BatchNorm explode. The norm itself grows by the root.",
        steps,
        solved,
        f"{WIDE_BATCH}. {resting_on(INDEPENDENCE, BATCH_STATISTICS)}",
        "Yang et al. 2019, A Mean Field Theory of Batch Normalization (arXiv 1902.08129)",
    )


_OVER_UNITS = (
    ("over_units_then_linear", "x ↦ x + W·N(x)", CHI, CHI),
    ("over_units_relu_linear", "x ↦ x + Wφ(N(x))", CHI, _GAIN),
    ("over_units_last", "x ↦ x + N(Wφ(x))", sp.Integer(1), _GAIN / CHI),
)


def _over_units(name: str, formula: str, added: sp.Expr, gain: sp.Expr) -> Theorem:
    """N divides by the root mean square over the units of one sample; q = 1 + v(j − 1) before j."""
    before = 1 + added * (LAYER - 1)
    factor = 1 + added / before
    solved = Step(
        "G_{j−1} = factor · G_j, solved",
        sp.Product(factor, _RUN),
        "=",
        1 + added * DEPTH,
        "G_L = 1",
    )
    derived = 1 + gain / before
    steps = (
        Step(
            "mean square behind L blocks",
            1 + sp.Sum(added, _RUN),
            "=",
            before.subs(LAYER, DEPTH + 1),
            "mean square of x₀ 1",
        ),
        *((Step("factor: 1 + χ/q_j", derived, "=", factor),) if derived != factor else ()),
        solved,
    )
    return depth_theorem(
        name,
        "residual",
        f"Through L blocks {formula}, N = RMSNorm or LayerNorm, the mean square of the gradient "
        f"grows to {in_prose(1 + added * DEPTH)} as n → ∞, linearly: a norm over the units of "
        "one sample does not feel the mean over the batch that makes BatchNorm's rows steeper "
        "behind φ.",
        steps,
        solved,
        f"{OVER_UNITS}. Weights N(0, χ/n), behind φ N(0, 2χ/n), φ = ReLU, x₀ of mean 0. The "
        "Jacobian of N removes x̂ (LayerNorm also 1), the share 1/n or 2/n of a signal, and "
        f"divides by the root mean square. {resting_on(INDEPENDENCE)}",
        "Gaussian mean-field recurrences",
    )


def dense_transition() -> Theorem:
    """χ = 1: a layer of k maps on k(ρ + j − 1) keeps the sum of squares; a transition of θN maps
    on N does as well.
    """
    factor = 1 + 1 / (FIRST_WIDTH + LAYER - 1)
    whole = (FIRST_WIDTH + DEPTH) / FIRST_WIDTH
    solved = Step("a dense block of L layers", sp.Product(factor, _RUN), "=", whole, "χ = 1")
    one = (SLOPE_INTEGRAL / SECOND_INTEGRAL).subs(_RELU)
    steps = (
        Step("one layer, per coordinate", 1 + one / (FIRST_WIDTH + LAYER - 1), "=", factor),
        Step(
            "a transition, per coordinate", one * COMPRESSION, "=", COMPRESSION, "Var W = 2/fan-in"
        ),
        solved,
        Step(
            "times the number of coordinates",
            COMPRESSION * sp.Product(factor, _RUN) * FIRST_WIDTH,
            "=",
            COMPRESSION * (FIRST_WIDTH + DEPTH),
            "ρ in front, θ(ρ + L) behind",
        ),
    )
    return depth_theorem(
        "dense_transition",
        "dense",
        "At χ = 1 a dense block grows the mean square of the gradient per coordinate by (ρ + L)/ρ, "
        "as its state grows from ρk to (ρ + L)k maps, and a transition that keeps the share θ of "
        "them takes it by θ: E‖∂L/∂x‖² itself is the same at every place of a dense network.",
        steps,
        solved,
        "every width for layers on all maps; the direct signal of each map is what the next block "
        "sends. He's weights, Var W = 2/fan-in, φ = ReLU in front of each weight, transitions "
        f"linear behind it, without pooling. {resting_on(HALVED_MASKS)}",
        "Chen et al. 2020, gradient norm equality (arXiv 2001.00254)",
    )
