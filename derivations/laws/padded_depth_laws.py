"""Derives what zero padding, projections and unequal samples do to networks with BatchNorm.

As in `depth_laws.py`, E‖∂L/∂x‖² at the start of a stack over that at its end; the numbers, position
by position, are in `numeric.laws.batch_norm_ratios`.
"""

import sympy as sp

from derivations.algebra.letters import DEPTH, EPSILON, LAYERS
from derivations.algebra.steps import Step, Theorem
from derivations.laws.depth_axioms import BATCH_STATISTICS, INDEPENDENCE, resting_on
from derivations.laws.depth_laws import LAYER, WIDE_BATCH, depth_theorem
from derivations.laws.gaussian_moments import (
    KAPPA,
    MEAN_INTEGRAL,
    NEGATIVE_SLOPE,
    RELU_KAPPA,
    SECOND_INTEGRAL,
    passage_in_integrals,
)
from derivations.laws.open_depth_laws import INPUT_VARIANCE

COSINE = sp.Symbol("c", positive=True)  # cos(π/(H + 1)) of H positions in a row
PHASE = sp.Symbol("z", positive=True)
RADIUS = sp.Symbol("r", positive=True)
KEPT = (1 + 2 * COSINE) / 3
_RELU = {NEGATIVE_SLOPE: 0}


def padded_depth_laws() -> tuple[Theorem, ...]:
    """Padding, a projection, and the norm of one sample among others."""
    return padding(), projection(), norms_apart()


def padding() -> Theorem:
    """Mean squares pass a row of 3 taps as means of three neighbours, 0 outside: powers of z solve
    this, and so do their imaginary parts at z = e^{iθ}, sin θl, which are 0 at both ends.
    """
    neighbours = sp.Add(*(PHASE ** (LAYERS + step) for step in (-1, 0, 1))) / 3
    solved = Step(
        "L layers, rows and columns",
        sp.Product(KEPT**2, (LAYER, 1, DEPTH)),
        "=",
        KEPT ** (2 * DEPTH),
        "c = cos(π/(H + 1))",
    )
    steps = (
        Step(
            "mean of three neighbours",
            neighbours,
            "=",
            (1 + PHASE + 1 / PHASE) / 3 * PHASE**LAYERS,
            "z^l at position l; z + 1/z = 2 cos θ at z = e^{iθ}",
        ),
        solved,
        Step(
            "large images",
            KEPT.subs(COSINE, 1 - EPSILON),
            "->",
            sp.Integer(1),
            "ε = 1 − c",
            vanishing=EPSILON,
        ),
    )
    return depth_theorem(
        "padding",
        "plain",
        "Through L convolutions of 3×3 taps with zero padding on H×H positions, weights "
        "independent and scaled to keep the mean square inside, the mean square of a signal falls "
        "by ((1 + 2cos(π/(H + 1)))/3)^(2L), what lands on the padding being lost: 0.90 a layer "
        "at H = 7, 0.97 at H = 14, where BatchNorm alone would give 1/κ. Any other profile of a "
        "signal tends to this one.",
        steps,
        solved,
        "every width, in the mean over the weights; the profile over positions is the product "
        f"of sines. {resting_on(INDEPENDENCE)}",
        "eigenvalues of the tridiagonal Toeplitz matrix",
    )


def projection() -> Theorem:
    """φ(BN(W₂φ(BN(W₁x))) + BN(W_s x)): both parts divide by the variance v of x over the batch."""
    branch = passage_in_integrals(("weights", "norm", "phi", "weights", "norm"), INPUT_VARIANCE)
    skip = passage_in_integrals(("weights", "norm"), INPUT_VARIANCE)
    solved = Step(
        "in front of the block, 1 behind its mask",
        (branch.gain + skip.gain).subs(_RELU),
        "=",
        (1 + 1 / RELU_KAPPA) / INPUT_VARIANCE,
    )
    steps = (
        Step("branch", branch.gain.subs(_RELU), "=", 1 / (RELU_KAPPA * INPUT_VARIANCE)),
        solved,
    )
    return depth_theorem(
        "projection",
        "residual",
        "A block φ(BN(W₂φ(BN(W₁x))) + BN(W_s x)) sends back (1 + 1/κ)/v times the mean square "
        "behind its mask, v the variance of x over the batch, whatever strides and widths: the "
        "growth of x in the blocks before it is divided out, and what follows is a walk reflected "
        "at 0 that begins anew with variance 2.",
        steps,
        solved,
        f"{WIDE_BATCH}. {resting_on(INDEPENDENCE, BATCH_STATISTICS)}",
        "Gaussian mean-field recurrences",
    )


def norms_apart() -> Theorem:
    """A sample with r times the root mean square of the others, through φ, W and BN."""
    second, mean = SECOND_INTEGRAL.subs(_RELU), MEAN_INTEGRAL.subs(_RELU)
    derived = (RADIUS**2 * second - 2 * RADIUS * mean**2 + mean**2) / (second - mean**2)
    behind = (RADIUS**2 - 2 * RADIUS / sp.pi + 1 / sp.pi) / RELU_KAPPA
    solved = Step("r² behind a layer", derived, "=", behind, "E (φ(rz) − E φ(z))² over Var φ(z)")
    steps = (
        solved,
        Step(
            "what a layer adds",
            (RADIUS**2 + (1 - KAPPA) * (1 - 2 * RADIUS)) / KAPPA - RADIUS**2,
            "=",
            (1 - KAPPA) / KAPPA * (RADIUS - 1) ** 2,
            "1/π = 1 − κ; 0 in the first order of r − 1, never below 0",
        ),
        Step(
            "of a large sample",
            behind.subs(RADIUS, 1 / EPSILON) * EPSILON**2,
            "->",
            1 / RELU_KAPPA,
            "ε = 1/r",
            vanishing=EPSILON,
        ),
    )
    return depth_theorem(
        "norms_apart",
        "plain",
        "Among samples of equal norms one with r times their norm leaves a layer BN(Wφ(x)) with "
        "r² ↦ (r² − 2r/π + 1/π)/κ = r² + (r − 1)²/(πκ): to first order a difference stays, to "
        "second order it grows, and a large sample gains 1/κ a layer. Equal norms are no stable "
        "state, so κ^(−L) is the law of plain networks with BatchNorm for moderate depth alone: "
        "as norms grow apart, (E|x|)² falls below 2/π E x², κ tends to 1 and the gain with it.",
        steps,
        solved,
        f"{WIDE_BATCH}, one sample among B whose share of the statistics vanishes. "
        + resting_on(INDEPENDENCE, BATCH_STATISTICS),
        "Gaussian mean-field recurrences",
    )
