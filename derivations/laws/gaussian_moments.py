"""Derives what a layer does to second moments: those of a Gaussian behind a (leaky) ReLU.

`pass_through` carries mean squares forwards and gradients backwards through a branch, layer by
layer; its rules hold for independent N(0, ·) weights as width and batch grow. Every moment is an
integral whose value the checker judges.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import sympy as sp

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.letters import CHI, DEVIATION, Expectation, squared_norm
from derivations.algebra.notation import Notation, notation_of
from derivations.algebra.steps import Derivation, Step, Theorem
from derivations.algebra.terms import Identity
from derivations.errors import InputError

Part = Literal["weights", "phi", "norm"]

NEGATIVE_SLOPE = sp.Symbol("a", real=True)  # of φ below 0: φ(z) = max(z, 0) + a·min(z, 0)
KAPPA = sp.Symbol("kappa", positive=True)
_Z = sp.Symbol("z", positive=True)
_DENSITY = sp.exp(-(_Z**2) / 2) / sp.sqrt(2 * sp.pi)

SECOND = (1 + NEGATIVE_SLOPE**2) / 2
MEAN = (1 - NEGATIVE_SLOPE) / sp.sqrt(2 * sp.pi)
KAPPA_OF_SLOPE = 1 - (1 - NEGATIVE_SLOPE) ** 2 / (sp.pi * (1 + NEGATIVE_SLOPE**2))
RELU_KAPPA = KAPPA_OF_SLOPE.subs(NEGATIVE_SLOPE, 0)

BATCH_NORM = (
    "In train mode BatchNorm's Jacobian over a batch of B is (I − 11ᵀ/B − x̂x̂ᵀ/B)/s per channel, "
    "s² the variance over the batch: "
    "an orthogonal projection, divided by s. The two directions it removes hold the share 2/B of "
    "a signal that is independent "
    "across samples, so they vanish as B → ∞; s² tends to its mean. What is left is 1/s. For x₀ ~ "
    "N(0, I), one block x + W·BN(x) "
    "with Var W = χ/n has exactly the factor 1 + χ(B − 2)/(B − 3), at every width (B > 3, the ε "
    "of BatchNorm neglected)."
)


@dataclass(frozen=True)
class Passage:
    """What a branch does per coordinate: the variance it adds, and E‖J_Fᵀg‖²/‖g‖² (its gain)."""

    variance: sp.Expr
    gain: sp.Expr


def pass_through(parts: Sequence[Part], variance: sp.Expr) -> Passage:
    """Carries inputs with mean 0 and the given variance over the batch through the parts of a
    branch.

    weights: fan-in and fan-out n, entries N(0, χ/n), or N(0, χ/(n·E φ(z)²)) directly behind φ. What
    φ adds to the mean over the batch
    stays there until a norm removes it: only the share κ of the second moment of φ(z) is variance.
    Raises InputError for φ of inputs that have a mean.
    """
    second, varying, gain = variance, sp.Integer(1), sp.Integer(1)
    behind_phi = False
    for part in parts:
        match part:
            case "weights":
                # Behind φ, weights are scaled up by what φ takes away: He's initialisation.
                factor = CHI / SECOND if behind_phi else CHI
                second, gain = factor * second, factor * gain
            case "phi":
                if varying != 1:
                    raise InputError(
                        "φ behind φ without a norm between them has no closed form: put a "
                        "norm in front"
                    )
                second, varying, gain = (
                    SECOND * second,
                    KAPPA,
                    SECOND * gain,
                )  # E φ′(z)² = E φ(z)², φ being positively homogeneous
            case "norm":
                gain, second, varying = gain / (second * varying), sp.Integer(1), sp.Integer(1)
        behind_phi = part == "phi"
    return Passage(sp.cancel(second * varying), sp.cancel(gain))


HALF_LINE = {k: sp.Integral(_Z**k * _DENSITY, (_Z, 0, sp.oo)) for k in (0, 1, 2)}
"""∫₀^∞ z^k times the density of N(0, 1)."""
SECOND_INTEGRAL = (1 + NEGATIVE_SLOPE**2) * HALF_LINE[2]
MEAN_INTEGRAL = (1 - NEGATIVE_SLOPE) * HALF_LINE[1]
SLOPE_INTEGRAL = (1 + NEGATIVE_SLOPE**2) * HALF_LINE[0]
"""E φ(z)², E φ(z) and E φ′(z)² over both half-lines."""


def passage_in_integrals(parts: Sequence[Part], variance: sp.Expr) -> Passage:
    """What `pass_through` says, by other words: every layer's own moments, as integrals.

    `second` and `spread` are the second moment and the variance over the batch of a coordinate.
    """
    second, spread, gain = variance, variance, sp.Integer(1)
    before = ""
    for part in parts:
        if part == "weights":  # n Var W
            times = CHI / SECOND_INTEGRAL if before == "phi" else CHI
            second, spread, gain = times * second, times * spread, times * gain
        elif part == "phi":
            kept = SECOND_INTEGRAL - MEAN_INTEGRAL**2
            second, spread = SECOND_INTEGRAL * second, kept * second
            gain = SLOPE_INTEGRAL * gain
        else:  # 1/s² of what the batch spreads
            second, spread, gain = sp.Integer(1), sp.Integer(1), gain / spread
        before = part
    return Passage(spread, gain)


def derived_passage(
    parts: Sequence[Part], variance: sp.Expr, added: sp.Expr, factor: sp.Expr
) -> tuple[Step, ...]:
    """What a branch adds to the variance, and the factor of its block, from the moments of its
    layers; where a branch has no φ there is nothing to integrate, and no step unless one is wrong.
    """
    kappa = {KAPPA: KAPPA_OF_SLOPE}
    found = passage_in_integrals(parts, variance.subs(kappa))
    steps = (
        Step("variance that a branch adds", found.variance, "=", added.subs(kappa)),
        # The cross term of skip and branch is 0 in the mean.
        Step("factor: 1 + E‖J_Fᵀg‖²/‖g‖²", 1 + found.gain, "=", factor.subs(kappa)),
    )
    return tuple(step for step in steps if step.before != step.after)


def layers() -> Theorem:
    """E‖Wᵀg‖² = Var W · n · ‖g‖², one coordinate at a time, and what BatchNorm leaves of a signal.

    Its Jacobian over a batch takes two directions away, 1 and x̂, and divides by s.
    """
    notation = Notation(Identity(), {}, "operator")
    kept = sp.Symbol("s", integer=True, positive=True)
    g, w = notation.free("g", "n"), notation.free("w", "n")
    signal = notation.free("h", kept + 1)
    removed = notation.free("u", kept + 1, unit=True)
    left = sp.MatAdd(signal, sp.MatMul(-1, removed, sp.Transpose(removed), signal))
    weights = Step(
        "one column w of W",
        Expectation(squared_norm(sp.MatMul(sp.Transpose(g), w)), (w,), DEVIATION),
        "=",
        DEVIATION**2 * squared_norm(g),
        "E[wwᵀ] = ν²I, w independent of g",
    )
    norm = Step(
        "without one direction, of B",
        Expectation(squared_norm(left), (signal,), DEVIATION),
        "=",
        DEVIATION**2 * kept,
        "B = s + 1, E[hhᵀ] = ν²I",
    )
    return Theorem(
        "depth.layers",
        "What a layer does to the mean square of a gradient",
        "Each of the n columns of W takes Var W · ‖g‖², so E‖Wᵀg‖² = n Var W ‖g‖²; a mask that is "
        "independent of g takes E φ′²; BatchNorm's projection keeps 1 − 2/B of an independent "
        "signal, and divides it by s².",
        Derivation("depth.layers", notation, (weights, norm)),
        weights,
        certainty="exact",
        source="linearity of the mean",
    )


def moments() -> Theorem:
    """E φ(z)², E φ(z), E φ′(z)² and κ = Var φ(z)/E φ(z)² for z ~ N(0, 1): for ReLU ½, 1/√(2π), ½
    and 1 − 1/π.
    """
    second, mean, slope = SECOND_INTEGRAL, MEAN_INTEGRAL, SLOPE_INTEGRAL
    steps = (
        Step("E φ(z)², both half-lines", second, "=", SECOND),
        Step("E φ(z), both half-lines", mean, "=", MEAN),
        Step("E φ′(z)², both half-lines", slope, "=", SECOND),
    )
    kappa = Step("κ = (E φ² − (E φ)²)/E φ²", 1 - mean**2 / second, "=", KAPPA_OF_SLOPE)
    derivation = Derivation("moments", notation_of(BLOCKS["plain"], "scalar"), (*steps, kappa))
    statement = (
        "A rectified Gaussian keeps κ = 1 − (1 − a)²/(π(1 + a²)) of its second moment as "
        "variance: 1 − 1/π for ReLU (a = 0)."
    )
    return Theorem(
        "depth.moments",
        "Moments of a rectified Gaussian",
        statement,
        derivation,
        kappa,
        certainty="exact",
    )
