"""Derives how the mean square of the gradient changes with depth: one law per network.

Each law is a first-order recurrence G_{j−1} = factor(j)·G_j, solved by SymPy, with its asymptote;
the checker judges every step. Factors come from `gaussian_moments.pass_through`, and the first
steps of a law derive them from integrals. Weights are independent Gaussians, signals N(0, I) and
independent of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.letters import BLOCK, CHI, DEPTH, EPSILON, LAYERS
from derivations.algebra.notation import notation_of
from derivations.algebra.printing import in_prose
from derivations.algebra.showing import Showing, Shown
from derivations.algebra.steps import Derivation, Step, Theorem
from derivations.laws.depth_axioms import (
    BATCH_STATISTICS,
    HALVED_MASKS,
    INDEPENDENCE,
    resting_on,
)
from derivations.laws.depth_titles import TITLES
from derivations.laws.gaussian_moments import (
    BATCH_NORM,
    NEGATIVE_SLOPE,
    SECOND_INTEGRAL,
    SLOPE_INTEGRAL,
    Part,
    derived_passage,
    pass_through,
    passage_in_integrals,
)

LAYER = sp.Symbol("j", integer=True, positive=True)
FIRST_WIDTH = sp.Symbol(
    "rho", positive=True
)  # k₀/k, the first width of a dense block relative to the others
ASPECT = sp.Symbol("alpha", positive=True)  # l/i where both grow
_FAMILY_BLOCK = {
    "plain": "plain",
    "residual": "residual",
    "normalised": "residual",
    "se_residual": "se_residual",
    "dense": "dense",
}
EVERY_WIDTH = "every width n"
WIDE = "n → ∞; at width n the relative error is O(L/n)"
WIDE_BATCH = "n → ∞ and B → ∞; at width n and batch B the relative error is O(L/n) + O(1/B)"
FIRST_STATE = (
    "every width for i = 0; for i ≥ 1 as k₀ → ∞: no unit of x₀ is active with probability "
    "2^(−k₀), and then nothing but the direct signal arrives, so the law without its direct "
    "signal is to be multiplied by 1 − 2^(−k₀)"
)
"""For which limit a law is exact: a law at a small width, or a small batch, is another."""


@dataclass(frozen=True, repr=False)
class DepthLaw(Shown):
    """E‖∂L/∂x‖² at the start of a stack, or at block i of a dense network, over that at its end,
    per coordinate.

    `network` is the key of the network in `validate.measure.deep_stacks`, `factor` G_{j−1}/G_j as a
    function of LAYER (in a dense network with the signal at x_l alone: for j < l), `asymptote` what
    `ratio` tends to relatively as the depth grows. `exactness` says for which limit of width and
    batch it is exact; its `setting` begins with it.
    """

    theorem: Theorem
    family: str
    network: str
    ratio: sp.Expr
    factor: sp.Expr
    asymptote: sp.Expr
    exactness: str

    def showing(self) -> Showing:
        found = {"ratio": self.ratio, "factor": self.factor, "tends to": self.asymptote}
        rows = tuple((name, in_prose(each)) for name, each in found.items())
        title = f"Law of depth, {self.network}: {self.theorem.title}"
        return Showing(title, ("", "is"), rows, (self.theorem.setting,))


def depth_laws() -> tuple[DepthLaw, ...]:
    """All laws with closed forms: plain, residual, normalised residual, SE with the gate held,
    dense.
    """
    power, gamma_form = _geometric_solution(), _gamma_solution()
    return (*_geometric_laws(power), *_normalised_laws(gamma_form), *_dense_laws(gamma_form))


_C, _S = sp.symbols("C s", positive=True)
_K = sp.Symbol("k", integer=True, positive=True)
_G = sp.Function("G")


def _geometric_solution() -> sp.Expr:
    """G_0 of G_{k−1} = C G_k with G_L = 1."""
    general = sp.rsolve(_G(_K - 1) - _C * _G(_K), _G(_K))
    return _with_end_value(general, DEPTH, sp.Integer(0))


def _gamma_solution() -> sp.Expr:
    """G_i of (k − 1 + ρ) G_{k−1} = (k − 1 + ρ + s) G_k with G_l = 1: every factor that is 1 + s/(k
    − 1 + ρ).
    """
    general = sp.rsolve(
        (_K - 1 + FIRST_WIDTH) * _G(_K - 1) - (_K - 1 + FIRST_WIDTH + _S) * _G(_K), _G(_K)
    )
    return _with_end_value(general.rewrite(sp.gamma), LAYERS, BLOCK)


def _with_end_value(general: sp.Expr, end: sp.Expr, start: sp.Expr) -> sp.Expr:
    """The solution at `start` that is 1 at `end`, its constant found by `solve`."""
    # `rsolve` names its constant as it likes; it is the only symbol that was not put in.
    (constant,) = general.free_symbols - {_K, _C, _S, FIRST_WIDTH}
    (value,) = sp.solve(general.subs(_K, end) - 1, constant)
    return sp.powsimp(general.subs(constant, value).subs(_K, start))


def _geometric_laws(solution: sp.Expr) -> tuple[DepthLaw, ...]:
    branch = pass_through(_RECTIFIED, sp.Integer(1)).gain
    derived = passage_in_integrals(_RECTIFIED, sp.Integer(1)).gain
    quarter = sp.Rational(1, 4)  # the square of a gate of ½
    blocks = (
        ("plain", "plain", "x ↦ Wφ(x)", branch, derived, EVERY_WIDTH, _PLAIN),
        ("residual", "residual", "x ↦ x + Wφ(x)", 1 + branch, 1 + derived, WIDE, _RESIDUAL),
        (
            "se_held",
            "se_residual",
            "x ↦ x + ½Wφ(x)",
            1 + quarter * branch,
            1 + quarter * derived,
            WIDE,
            _RESIDUAL,
        ),
    )
    return tuple(_geometric(*block, solution) for block in blocks)


_RECTIFIED: tuple[Part, ...] = ("phi", "weights")
_INPUT = (
    "Weights N(0, 2χ/n), x₀ symmetric with independent coordinates, φ = ReLU, square layers of "
    "width n, g ~ N(0, I) at the output."
)
_PLAIN = (
    f"{_INPUT} Exact for every n: flipping the sign of a row w of W leaves wwᵀ alone and turns "
    "1[wᵀφ > 0] into its complement, so given "
    "φ(x) the mask halves E wwᵀ exactly, from the output down (Hanin & Nica 2020). Where all "
    "units are dead, both sides are 0. "
    "Only the mean is free of n: the relative variance of a network's ratio grows like exp(5L/n)."
    f" {resting_on(HALVED_MASKS)}"
)
_RESIDUAL = (
    f"{_INPUT} The cross term gᵀDWᵀg and the dependence of the mask on W vanish like 1/n per "
    "block; "
    "x stays symmetric about 0 as n grows, so half of the units are active. "
    + resting_on(INDEPENDENCE)
)


def _geometric(
    name: str,
    family: str,
    formula: str,
    factor: sp.Expr,
    derived: sp.Expr,
    exactness: str,
    setting: str,
    solution: sp.Expr,
) -> DepthLaw:
    ratio = solution.subs(_C, factor)
    # The cross term of skip and branch is 0 in the mean.
    one = Step("mean square in front of one block", derived, "=", factor, "1 behind it")
    product = Step(
        "G_{j−1} = factor · G_j, solved",
        sp.Product(factor, (LAYER, 1, DEPTH)),
        "=",
        ratio,
        "G_L = 1",
    )
    recurrence = Step("one more block", ratio.subs(DEPTH, DEPTH + 1), "=", factor * ratio)
    statement = (
        f"Through L blocks {formula} the mean square of the gradient changes by "
        f"{in_prose(ratio)}{_in_the_limit(exactness)}."
    )
    steps = (one, recurrence, product)
    theorem = _theorem(name, family, statement, steps, product, f"{exactness}. {setting}")
    return DepthLaw(theorem, family, name, ratio, factor, ratio, f"exact for {exactness}")


def _in_the_limit(exactness: str) -> str:
    """What a statement adds where the law is one of a limit."""
    limit = exactness.partition(";")[0]
    return f" as {limit}" if "∞" in limit and not limit.startswith("every") else ""


_NORMALISED: tuple[tuple[str, str, tuple[Part, ...]], ...] = (
    ("norm_then_linear", "x ↦ x + W·BN(x)", ("norm", "weights")),
    ("linear_then_norm", "x ↦ x + BN(Wx)", ("weights", "norm")),
    ("norm_relu_linear", "x ↦ x + Wφ(BN(x))", ("norm", "phi", "weights")),
    ("relu_linear_norm", "x ↦ x + BN(Wφ(x))", ("phi", "weights", "norm")),
    (
        "pre_activation",
        "x ↦ x + W₂φ(BN(W₁φ(BN(x))))",
        ("norm", "phi", "weights", "norm", "phi", "weights"),
    ),
)


def _normalised_laws(solution: sp.Expr) -> tuple[DepthLaw, ...]:
    return tuple(
        _normalised(name, formula, parts, solution) for name, formula, parts in _NORMALISED
    )


def _normalised(name: str, formula: str, parts: Sequence[Part], solution: sp.Expr) -> DepthLaw:
    """The variance before block j is q_j = 1 + v(j − 1), the factor 1 + b/q_j; asymptotically
    L^(b/v).
    """
    q = sp.Symbol("q", positive=True)
    passage = pass_through(parts, q)
    added, b = passage.variance, sp.cancel(passage.gain * q)
    variance = 1 + added * (LAYER - 1)
    factor = 1 + b / variance
    closed = solution.subs(
        {_S: b / added, FIRST_WIDTH: 1 / added, LAYERS: DEPTH, BLOCK: 0}, simultaneous=True
    )
    ratio = sp.gammasimp(closed) if b == added else closed
    constant = added if b == added else sp.gamma(1 / added) / sp.gamma(sp.expand((1 + b) / added))
    asymptote = DEPTH ** (b / added) * constant
    steps = (
        *derived_passage(parts, variance, added, factor),
        Step(
            "variance behind L blocks",
            1 + sp.Sum(added, (LAYER, 1, DEPTH)),
            "=",
            variance.subs(LAYER, DEPTH + 1),
            "Var x₀ = 1",
        ),
        Step(
            "one more block",
            ratio.subs(DEPTH, DEPTH + 1),
            "=",
            factor.subs(LAYER, DEPTH + 1) * ratio,
        ),
        Step(
            "G_{j−1} = factor · G_j, solved",
            sp.Product(factor, (LAYER, 1, DEPTH)),
            "=",
            ratio,
            "G_L = 1",
        ),
        Step(
            "L → ∞",
            (closed / DEPTH ** (b / added)).subs(DEPTH, 1 / EPSILON),
            "->",
            constant,
            "ε = 1/L",
            vanishing=EPSILON,
        ),
    )
    statement = (
        f"Through L blocks {formula} the mean square of the gradient grows like "
        f"L^({in_prose(b / added)}), whatever the gain of the weights{_in_the_limit(WIDE_BATCH)}."
    )
    setting = (
        "Var x₀ = 1, mean 0; φ positively homogeneous (ReLU, leaky ReLU); W ~ N(0, χ/n), behind "
        f"φ N(0, χ/(n·E φ(z)²)). {BATCH_NORM} {resting_on(INDEPENDENCE, BATCH_STATISTICS)}"
    )
    solved = next(step for step in steps if step.after == ratio and step.before.has(sp.Product))
    theorem = _theorem(name, "normalised", statement, steps, solved, f"{WIDE_BATCH}. {setting}")
    exactness = f"exact for {WIDE_BATCH}"
    return DepthLaw(theorem, "normalised", name, ratio, factor, asymptote, exactness)


_DENSE = (
    "x_j = W_j φ([x₀ … x_{j−1}]), x₀ of width k₀ ~ N(0, I), the others of width k, Var W_j = "
    "2χ/fan-in, fan-in k₀ + (j − 1)k, φ = ReLU. "
    "At every width, where two backward paths part, at unit s of x_j, they take "
    "two different entries of row w of W_j; "
    "w enters as 1[wᵀφ > 0] w_p w_q alone, whose mean is half that of w_p w_q, which is 0; a path "
    "with itself keeps half of E w_p². " + resting_on(HALVED_MASKS)
)


def _dense_laws(solution: sp.Expr) -> tuple[DepthLaw, ...]:
    one, everywhere = sp.Integer(1), "signals of equal size on every x_i"
    unequal = solution.subs(_S, CHI)
    equal = unequal.subs(FIRST_WIDTH, 1)
    return (
        _dense("dense", one, equal, LAYERS, one, everywhere),
        _dense(
            "dense_unequal",
            FIRST_WIDTH,
            unequal,
            LAYERS,
            one,
            f"{everywhere} and first width k₀ = ρk",
        ),
        _dense(
            "dense_last",
            one,
            CHI / LAYERS * equal.subs(LAYERS, LAYERS - 1),
            LAYERS - 1,
            CHI / LAYERS,
            "the signal at x_l only (i < l)",
        ),
    )


def _dense(
    name: str, rho: sp.Expr, ratio: sp.Expr, last: sp.Expr, start: sp.Expr, where: str
) -> DepthLaw:
    """X_i = g_i + Σ_{j>i} J_jiᵀ X_j in mean squares: layer j has fan-in k(j − 1 + ρ), so E‖J_jiᵀv‖²
    = χ/(j − 1 + ρ) · ‖v‖² per coordinate.

    `start` is the mean square at x_last, where the recurrence G_{i−1} = factor(i)·G_i starts from.
    """
    passed = CHI / (LAYER - 1 + rho)
    factor = 1 + passed
    later = sp.Sum(passed * ratio.subs(BLOCK, LAYER), (LAYER, BLOCK + 1, last))
    asymptote = start * LAYERS**CHI * sp.gamma(BLOCK + rho) / sp.gamma(BLOCK + rho + CHI)
    both_grow = (ratio / start).subs(
        {LAYERS: ASPECT / EPSILON, BLOCK: 1 / EPSILON}, simultaneous=True
    )
    # Fan-in k(j − 1 + ρ), so Var W is this over E φ(z)², and k units pass a signal on.
    per_unit = CHI / (SECOND_INTEGRAL * (LAYER - 1 + rho))
    relu = {NEGATIVE_SLOPE: 0}
    one = (per_unit * SLOPE_INTEGRAL).subs(relu)
    steps = (
        Step("E‖J_jiᵀv‖²/‖v‖², per coordinate", one, "=", passed),
        Step("adjoint recurrence in mean squares", ratio, "=", start + later, "independent g_i"),
        Step(
            "difference of two rows",
            ratio,
            "=",
            factor.subs(LAYER, BLOCK + 1) * ratio.subs(BLOCK, BLOCK + 1),
        ),
        Step(
            "G_{i−1} = factor · G_i, solved",
            start * sp.Product(factor, (LAYER, BLOCK + 1, last)),
            "=",
            ratio,
            f"G_({in_prose(last)}) = {in_prose(start)}",
        ),
        Step(
            "l → ∞ at fixed i",
            (ratio / asymptote).subs(LAYERS, 1 / EPSILON),
            "->",
            sp.Integer(1),
            "ε = 1/l",
            vanishing=EPSILON,
        ),
        Step(
            "l, i → ∞ at fixed l/i",
            both_grow,
            "->",
            ASPECT**CHI,
            "ε = 1/i, α = l/i",
            vanishing=EPSILON,
        ),
    )
    scale = "" if start == 1 else f"{in_prose(start)}·"
    statement = (
        f"In a dense network with {where}, the mean square of the gradient at x_i over that at "
        f"x_l grows like {scale}(l/i)^χ."
    )
    theorem = _theorem(name, "dense", statement, steps, steps[3], f"{FIRST_STATE}. {_DENSE}")
    exactness = f"exact for {FIRST_STATE}"
    return DepthLaw(theorem, "dense", name, ratio, factor, asymptote, exactness)


def _theorem(
    name: str, family: str, statement: str, steps: tuple[Step, ...], result: Step, setting: str
) -> Theorem:
    first, last = ("i", "l") if family == "dense" else ("0", "L")
    label = (
        rf"\frac{{\mathrm{{E}}\lVert\partial L/\partial x_{first}\rVert^2}}"
        rf"{{\mathrm{{E}}\lVert\partial L/\partial x_{last}\rVert^2}} = "
    )
    source = "Hanin & Nica 2020 (plain); the others: Gaussian mean-field recurrences"
    block = _FAMILY_BLOCK[family]
    return depth_theorem(name, block, statement, steps, result, setting, source, label)


def depth_theorem(
    name: str,
    block: str,
    statement: str,
    steps: tuple[Step, ...],
    result: Step,
    setting: str,
    source: str,
    label: str = "",
) -> Theorem:
    """A law about depth: exact in its `setting`, for networks of the named block."""
    return Theorem(
        f"depth.{name}",
        f"Depth law: {TITLES[name]}",
        statement,
        Derivation(f"depth.{name}", notation_of(BLOCKS[block], "scalar"), steps),
        result,
        certainty="law",
        source=source,
        setting=setting,
        result_label=label,
    )
