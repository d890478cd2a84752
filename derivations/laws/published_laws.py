"""Derives the published statements about stacks of random layers that are reproduced.

Products J = D_L W_L ⋯ D_1 W_1 of n × n Gaussian layers, Var W = 1/(np), each D an independent mask
that keeps a unit with probability p: p = 1 a linear network, p = ½ a ReLU network (whose masks are
such, Hanin & Nica 2020). Each result is a Theorem that the checker judges.
"""

import sympy as sp

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.letters import DEPTH, EPSILON
from derivations.algebra.notation import notation_of
from derivations.algebra.printing import in_prose
from derivations.algebra.short_paths import BLOCK_COUNT, LONGEST, SHORTEST, short_share
from derivations.algebra.steps import Derivation, Step, Theorem

WIDTH = sp.Symbol("n", positive=True)
_J = sp.Symbol("j", integer=True, positive=True)
_Z = sp.Symbol("z", positive=True)

VEIT = (
    "Veit, Wilber & Belongie 2016, Residual networks behave like ensembles of relatively shallow "
    "networks"
)
PENNINGTON = (
    "Pennington, Schoenholz & Ganguli 2017 (arXiv 1711.04735) and 2018 (arXiv 1802.09979): the "
    "limit n → ∞ at fixed L"
)
HANIN = (
    "Hanin & Nica 2020, Products of many large random matrices and gradients in deep neural "
    "networks (arXiv 1812.05994)"
)
FUSS_CATALAN = (
    "moments of products of square Gaussian matrices: Alexeev, Götze & Tikhomirov 2010; Penson & "
    "Życzkowski 2011"
)


def published_laws() -> tuple[Theorem, ...]:
    """Path lengths, the spread of squared singular values (linear, ReLU), the spread of ‖h_L‖², the
    largest singular value.
    """
    return (
        path_lengths(),
        spectral_variance(False),
        spectral_variance(True),
        squared_norm_spread(),
        spectral_edge(),
    )


def path_lengths() -> Theorem:
    """Π(I + J_ℓ) has C(54, k) paths through k of 54 branches: the share of those of 5–17."""
    k = sp.Symbol("k", integer=True, nonnegative=True)
    paths = sp.gamma(BLOCK_COUNT + 1) / (sp.gamma(k + 1) * sp.gamma(BLOCK_COUNT - k + 1))
    step = Step(
        "C(54, k) = 54!/(k! (54 − k)!) paths have length k",
        sp.Sum(paths, (k, SHORTEST, LONGEST)) / 2**BLOCK_COUNT,
        "=",
        short_share(),
    )
    statement = (
        f"Of the 2^{BLOCK_COUNT} paths through {BLOCK_COUNT} residual blocks, those of lengths "
        f"{SHORTEST} to {LONGEST} are the share {float(step.after):.4%}."
    )
    return _theorem("path_lengths", "residual", statement, (step,), step, VEIT)


def transfer(keep: sp.Expr) -> sp.Matrix:
    """What one layer does to (E tr S²/n, E (tr S)²/n²), S = JJᵀ.

    By Isserlis' theorem T = WSWᵀ with Var W = v has E tr T² = v²(n(n + 1) tr S² + n (tr S)²), E (tr
    T)² = v²(n²(tr S)² + 2n tr S²) and E Σ T_ii² = v² n((tr S)² + 2 tr S²); the mask keeps p of the
    diagonal and p² of the rest.
    """
    n, v = WIDTH, 1 / (WIDTH * keep)
    squares = v**2 * sp.Matrix(
        [[n * (n + 1), n], [2 * n, n**2]]
    )  # rows: E tr T², E (tr T)²; columns: tr S², (tr S)²
    diagonal = v**2 * sp.Matrix([[2 * n, n], [2 * n, n]])
    masked = keep**2 * squares + keep * (1 - keep) * diagonal
    scale = sp.diag(n, n**2)
    return (scale.inv() * masked * scale).applyfunc(sp.expand)


def spectral_variance(relu: bool) -> Theorem:
    """var(s²)/mean(s²)² over the singular values s of J, means over weights and spectrum:
    ((n+2)(1+c/n)^L − (n−1)(1−1/n)^L)/3 − 1.
    """
    layer, state = transfer(sp.Rational(1, 2) if relu else sp.Integer(1)), spectrum(relu)
    added = (layer - sp.eye(2)) * state.subs(DEPTH, _J - 1)
    slope, name = (2, "ReLU") if relu else (1, "linear")
    second = Step(
        "E tr S²/n, from S = I",
        state[0],
        "=",
        1 + sp.Sum(added[0], (_J, 1, DEPTH)),
        "Isserlis' theorem",
    )
    mean_square = Step(
        "E (tr S)²/n², from S = I",
        state[1],
        "=",
        1 + sp.Sum(added[1], (_J, 1, DEPTH)),
        "Isserlis' theorem",
    )
    limit = Step(
        "n → ∞",
        (state[0] - 1).subs(WIDTH, 1 / EPSILON),
        "->",
        slope * DEPTH,
        "ε = 1/n",
        vanishing=EPSILON,
    )
    statement = (
        f"var(s²)/mean(s²)² of the singular values s of critical {name} networks (means over "
        f"weights and spectrum) is {in_prose(state[0] - 1)}; "
        f"it tends to {in_prose(slope * DEPTH)} as n → ∞."
    )
    return _theorem(
        f"spectral_variance_{name.lower()}",
        "plain",
        statement,
        (second, mean_square, limit),
        second,
        PENNINGTON,
    )


def spectrum(relu: bool) -> sp.Matrix:
    """(E tr S²/n, E (tr S)²/n²) behind L layers: the powers of `transfer`, from S = I. E tr S/n is
    1 throughout.
    """
    power = transfer(sp.Rational(1, 2) if relu else sp.Integer(1)) ** DEPTH
    return (power * sp.Matrix([1, 1])).applyfunc(sp.factor)


def squared_norm_spread() -> Theorem:
    """E‖h_L‖⁴/E[‖h_L‖²]² = (1 + 5/n)^L, h_ℓ = φ(W_ℓ h_{ℓ−1}), Var W = 2/n, h₀ fixed and not 0:
    exact for every n.
    """
    density = sp.exp(-(_Z**2) / 2) / sp.sqrt(2 * sp.pi)
    fourth, second = (sp.Integral(_Z**k * density, (_Z, 0, sp.oo)) for k in (4, 2))
    n = WIDTH
    layer = 1 + 5 / n
    one = Step(
        "one layer: ‖h‖² is a sum of n independent φ(z)²",
        (n * fourth + n * (n - 1) * second**2) / (n * second) ** 2,
        "=",
        layer,
    )
    many = Step(
        "layers multiply: ‖φ(Wh)‖²/‖h‖² is independent of h",
        sp.Product(layer, (_J, 1, DEPTH)),
        "=",
        layer**DEPTH,
    )
    statement = (
        "Behind L ReLU layers of width n with Var W = 2/n, E‖h_L‖⁴/E[‖h_L‖²]² = (1 + 5/n)^L, "
        "post-activation."
    )
    return _theorem("squared_norm_spread", "plain", statement, (one, many), many, HANIN)


def spectral_edge() -> Theorem:
    """The limit n → ∞ of the spectrum of JJᵀ (linear, critical) ends at (L + 1)^(L+1)/L^L: the
    growth rate of its moments.
    """

    def moment(k: sp.Expr) -> sp.Expr:
        return sp.gamma((DEPTH + 1) * k + 1) / (sp.gamma(k + 1) * sp.gamma(DEPTH * k + 2))

    edge = (DEPTH + 1) ** (DEPTH + 1) / DEPTH**DEPTH
    growth = moment(1 / EPSILON + 1) / moment(1 / EPSILON)
    two = Step("second moment: the spread is L again", moment(sp.Integer(2)), "=", 1 + DEPTH)
    limit = Step("growth of the moments", growth, "->", edge, "ε = 1/k", vanishing=EPSILON)
    statement = (
        "The squared singular values of products of L square critical Gaussian matrices have the "
        "Fuss–Catalan moments "
        "C((L+1)k, k)/(Lk+1) as n → ∞, so their distribution ends at (L+1)^(L+1)/L^L, where the "
        "largest converges; at width n it is "
        "lower by O(n^(−2/3))."
    )
    return _theorem("spectral_edge", "plain", statement, (two, limit), limit, FUSS_CATALAN)


def _theorem(
    name: str, block: str, statement: str, steps: tuple[Step, ...], result: Step, source: str
) -> Theorem:
    derivation = Derivation(f"published.{name}", notation_of(BLOCKS[block], "scalar"), steps)
    return Theorem(
        f"published.{name}",
        name.replace("_", " ").capitalize().replace("relu", "ReLU"),
        statement,
        derivation,
        result,
        (),
        "law",
        source,
    )
