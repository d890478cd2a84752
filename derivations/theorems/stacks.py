"""Derives what holds for a stack of blocks: gains and bounds that multiply, and its paths.

x_ℓ is the output of block ℓ, g_ℓ = ∂L/∂x_ℓ, γ_ℓ = ‖g_{ℓ−1}‖/‖g_ℓ‖ the gain of block ℓ at the g_ℓ
that it is given.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

import sympy as sp

from derivations.algebra.letters import LAYERS, squared, stacked
from derivations.algebra.notation import Notation
from derivations.algebra.quantities import (
    TOTAL_GAIN,
    NormRatio,
    Quantity,
    SigmaMax,
    SigmaMinAdjoint,
    adjoint_image,
)
from derivations.algebra.short_paths import (
    BLOCK_COUNT,
    LONGEST,
    PUBLISHED_SHARE,
    SHORTEST,
    short_share,
)
from derivations.algebra.steps import Certificate, Derivation, Step, Theorem
from derivations.algebra.terms import Identity
from derivations.errors import InputError

DEEPEST_EXPANSION = 8
SHOWN = 3
"""The depth of the expansion that is shown as the result: eight blocks have 256 paths."""

_K = sp.Symbol("k", integer=True, nonnegative=True)
_N = sp.IndexedBase("n", positive=True)


def theorems() -> tuple[Theorem, ...]:
    """The results about stacks."""
    return (
        _telescoping(),
        _every_depth(),
        _uniform(),
        _dense(),
        _paths(),
        _path_counts(),
        _published(),
    )


def _stack(blocks: int) -> tuple[Notation, list[sp.Expr], list[sp.Expr]]:
    """A stack of arbitrary Jacobians J_1…J_L, (n, n), and the signals [g_0, …, g_L] in them:
    g_{ℓ−1} = J_ℓᵀ g_ℓ.
    """
    notation = Notation(Identity(), {}, "operator")
    jacobians = [notation.free(f"J_{i}", "n", "n") for i in range(1, blocks + 1)]
    signals = [notation.free("g", "n")]
    for jacobian in reversed(jacobians):
        signals.insert(0, adjoint_image(jacobian, signals[0]))
    return notation, jacobians, signals


def _telescoping() -> Theorem:
    blocks = 3
    notation, _, signals = _stack(blocks)
    gains = sp.symbols(f"gamma_1:{blocks + 1}", nonnegative=True)
    quantities = [
        Quantity(gain, NormRatio(after, before))
        for gain, after, before in zip(gains, signals, signals[1:], strict=False)
    ]
    quantities.append(Quantity(TOTAL_GAIN, NormRatio(signals[0], signals[-1])))
    result = Step("telescoping product", TOTAL_GAIN, "=", sp.Mul(*gains), "g_ℓ ≠ 0")
    return Theorem(
        "stack.telescoping",
        "Gains multiply along a stack",
        "‖∂L/∂x_0‖/‖∂L/∂x_L‖ = γ_1 ⋯ γ_L with the gains at the signals g_ℓ that the blocks "
        "are given; here for L = 3.",
        Derivation("stack.telescoping", notation, (result,), tuple(quantities), tuple(signals[1:])),
        result,
        ("g_ℓ ≠ 0 for ℓ ≥ 1",),
        source="chain rule",
        result_label=r"\Gamma = \lVert g_0\rVert / \lVert g_L\rVert: \quad ",
    )


def _every_depth() -> Theorem:
    notation, _, _ = _stack(1)
    result = Step(
        "telescoping product",
        sp.Product(_N[_K - 1] / _N[_K], (_K, 1, LAYERS)),
        "=",
        _N[0] / _N[LAYERS],
        "n_ℓ = ‖g_ℓ‖ > 0",
    )
    return Theorem(
        "stack.telescoping_l",
        "Gains multiply along a stack of any depth",
        "Π_{ℓ=1..L} γ_ℓ = ‖g_0‖/‖g_L‖ for every depth L, n_ℓ being ‖g_ℓ‖ and γ_ℓ = n_{ℓ−1}/n_ℓ.",
        Derivation("stack.telescoping_l", notation, (result,)),
        result,
        ("g_ℓ ≠ 0 for every ℓ",),
        source="induction over the depth",
    )


def _uniform() -> Theorem:
    """Two blocks, the lower of which may itself be a stack: the step of the induction over the
    depth.
    """
    notation, (j1, j2), (g0, g1, g2) = _stack(2)
    first, second, least1, least2, most1, most2 = sp.symbols(
        "gamma_1 gamma_2 s_1 s_2 S_1 S_2", nonnegative=True
    )
    quantities = (
        Quantity(first, NormRatio(g0, g1)),
        Quantity(second, NormRatio(g1, g2)),
        Quantity(TOTAL_GAIN, NormRatio(g0, g2)),
        *(Quantity(symbol, SigmaMinAdjoint(j)) for symbol, j in ((least1, j1), (least2, j2))),
        *(Quantity(symbol, SigmaMax(j)) for symbol, j in ((most1, j1), (most2, j2))),
    )
    below, above = (
        ((first - least1, second), (least1, second - least2)),
        ((most1 - first, second), (most1, most2 - second)),
    )
    result = Step(
        "uniform lower bounds multiply",
        TOTAL_GAIN,
        ">=",
        least1 * least2,
        "g_ℓ ≠ 0",
        (Certificate(below),),
    )
    steps = (
        Step("telescoping product", TOTAL_GAIN, "=", first * second, "g_ℓ ≠ 0"),
        result,
        Step(
            "uniform upper bounds multiply",
            TOTAL_GAIN,
            "<=",
            most1 * most2,
            "g_ℓ ≠ 0",
            (Certificate(above),),
        ),
    )
    return Theorem(
        "stack.uniform",
        "Bounds that multiply",
        "Bounds that hold for every signal, relative to the whole ‖g‖, multiply: "
        "σ_min(J_1ᵀ)σ_min(J_2ᵀ) ≤ Γ ≤ σ_max(J_1)σ_max(J_2), and "
        "so do any weaker ones. The lower block may be a stack, so this holds at every depth.",
        Derivation("stack.uniform", notation, steps, quantities, (g1, g2)),
        result,
        ("g_ℓ ≠ 0", "each bound holds for every g and is ≥ 0"),
        source="telescoping product, induction over the depth",
        result_label=(
            r"s_i = \sigma_{\min}(J_i^{\top}),\; \Gamma = \lVert g_0\rVert / \lVert g_2\rVert: "
            r"\quad "
        ),
    )


@dataclass(frozen=True)
class DenseCounterexample:
    """Two dense steps on numbers: x_1 = F_1(x_0) with slope a, x_2 = F_2(x_1, x_0) with slopes (b,
    c); g = (g_2, g_1, g_0).
    """

    slopes: tuple[int, int, int]
    signal: tuple[int, int, int]

    @property
    def pulled(self) -> tuple[int, int]:
        """∂L/∂y_1 = (p, q), y_1 = (x_1, x_0)."""
        (_, b, c), (g2, g1, g0) = self.slopes, self.signal
        return g1 + b * g2, g0 + c * g2

    @property
    def gradient(self) -> int:
        """∂L/∂x_0."""
        p, q = self.pulled
        return q + self.slopes[0] * p

    def refutes(self) -> bool:
        """Whether |∂L/∂x_0| < ‖(g_1, g_0)‖ · Π (1 − σ_max(J_F)‖g_F‖/‖g_y‖)₊, decided in integers:
        r(√A − √B) > v.
        """
        (a, b, c), (g2, g1, g0), (p, q) = self.slopes, self.signal, self.pulled
        base, lost = g1**2 + g0**2, (b**2 + c**2) * g2**2
        if q == 0 or base == 0:
            return False
        least = 1 - Fraction(abs(a * p), abs(q))
        if least <= 0:
            return False
        ratio = abs(self.gradient) / least
        # √base > ratio + √lost, squared twice.
        gap = base - lost - ratio**2
        return gap > 0 and gap**2 > 4 * ratio**2 * lost


def dense_counterexample(largest: int = 12) -> DenseCounterexample:
    """The smallest integers, by the sum of their sizes, at which the bounds of two dense steps do
    not multiply.

    Raises InputError where no sum of sizes up to `largest` will do.
    """
    for total in range(1, largest + 1):
        for numbers in _vectors(6, total):
            found = DenseCounterexample(numbers[:3], numbers[3:])  # type: ignore[arg-type]
            if found.refutes():
                return found
    raise InputError(f"no counterexample of total size up to {largest}: allow larger integers")


def _vectors(size: int, total: int) -> Iterator[tuple[int, ...]]:
    """All integer vectors whose entries' sizes add up to `total`."""
    if size == 0:
        if total == 0:
            yield ()
        return
    for first in range(total + 1):
        for rest in _vectors(size - 1, total - first):
            yield from ((sign * first, *rest) for sign in ((1, -1) if first else (1,)))


def _dense() -> Theorem:
    """Both branches 0, so both lower bounds of theory 4(a) are 1: what is left is the slice h_y of
    the slice (h_F, h_y).
    """
    notation = Notation(Identity(), {}, "operator")
    top, h_f, h_y = notation.free("g_F", "m"), notation.free("h_F", "k"), notation.free("h_y", "n")
    n, k = h_y.shape[0], h_f.shape[0]
    base = stacked(h_f, h_y)
    second = stacked(sp.ZeroMatrix(top.shape[0], k + n), sp.Identity(k + n))
    first = stacked(sp.ZeroMatrix(k, n), sp.Identity(n))
    pulled = adjoint_image(first, adjoint_image(second, stacked(top, h_f, h_y)))
    result = Step(
        "Pythagoras", squared(pulled), "=", sp.MatAdd(squared(base), sp.MatMul(-1, squared(h_f)))
    )
    steps = (Step("two steps whose branches vanish", pulled, "=", h_y), result)
    found = dense_counterexample()
    return Theorem(
        "stack.dense",
        "Bounds of dense steps do not multiply",
        "Relative to ‖g_y‖, each of two dense steps with J_F = 0 has gain 1, but the slice that "
        "counts for the second is a slice of what "
        "the first passes on, g_y = (h_F, h_y): ‖∂L/∂x_0‖² = ‖g_y‖² − ‖h_F‖². Smallest integers: "
        f"slopes {found.slopes}, "
        f"g = {found.signal}, where |∂L/∂x_0| = {abs(found.gradient)} although both bounds are 1 "
        "and ‖g_y‖² = "
        f"{found.signal[1] ** 2 + found.signal[2] ** 2}.",
        Derivation("stack.dense", notation, steps),
        result,
        ("J_F = 0 in both steps",),
        source="counterexample, found by search",
        result_label=r"\lVert \partial L/\partial x_0\rVert^2 = ",
    )


def path_expansion(jacobians: list[sp.Expr]) -> list[list[sp.Expr]]:
    """The products J_{ℓ_k} ⋯ J_{ℓ_1} with ℓ_1 < … < ℓ_k, by their length k = 0…L."""
    lengths = range(1, len(jacobians) + 1)
    return [
        [sp.Identity(jacobians[0].shape[0])],
        *([sp.MatMul(*reversed(chosen)) for chosen in combinations(jacobians, k)] for k in lengths),
    ]


def _paths() -> Theorem:
    notation, jacobians, _ = _stack(DEEPEST_EXPANSION)
    one, lines = sp.Identity(jacobians[0].shape[0]), []
    for depth in range(1, DEEPEST_EXPANSION + 1):
        by_length = path_expansion(jacobians[:depth])
        whole = sp.MatMul(*(sp.MatAdd(one, jacobian) for jacobian in reversed(jacobians[:depth])))
        lines.append(
            Step(
                f"L = {depth}",
                whole,
                "=",
                sp.MatAdd(*(path for paths in by_length for path in paths)),
            )
        )
        chosen = sp.Sum(sp.binomial(depth, _K), (_K, 0, depth))
        counted = sp.Integer(sum(map(len, by_length)))
        lines.append(Step(f"paths of length 0…{depth}", chosen, "=", counted))
    return Theorem(
        "stack.paths",
        "Path expansion of a residual stack",
        f"Π(I + J_ℓ) = Σ_S Π_{{ℓ∈S}} J_ℓ over all subsets S of the blocks, later blocks to the "
        "left: C(L, k) paths of length k; here for "
        f"L = 1, …, {DEEPEST_EXPANSION}.",
        Derivation("stack.paths", notation, tuple(lines)),
        lines[2 * (SHOWN - 1)],
        source="distributive law",
        result_label=rf"L = {SHOWN}: \quad ",
    )


def _path_counts() -> Theorem:
    notation, _, _ = _stack(1)
    result = Step(
        "sum over the lengths", sp.Sum(sp.binomial(LAYERS, _K), (_K, 0, LAYERS)), "=", 2**LAYERS
    )
    pascal = Step(
        "Pascal's rule: the last block is left out or not",
        sp.binomial(LAYERS + 1, _K),
        "=",
        sp.binomial(LAYERS, _K) + sp.binomial(LAYERS, _K - 1),
    )
    return Theorem(
        "stack.path_counts",
        "Paths by their length",
        "A stack of L residual blocks has C(L, k) paths of length k and 2^L in all: a path of "
        "L + 1 blocks takes the last one or does not.",
        Derivation("stack.path_counts", notation, (pascal, result)),
        result,
        source="Pascal's rule, summed",
    )


def _published() -> Theorem:
    notation, _, _ = _stack(1)
    share = short_share()
    half_a_digit = sp.Rational(1, 2 * 10**6)
    gap = sp.Abs(share - PUBLISHED_SHARE)
    result = Step(
        "share of the paths",
        sp.Sum(sp.binomial(BLOCK_COUNT, _K), (_K, SHORTEST, LONGEST)) / 2**BLOCK_COUNT,
        "=",
        share,
    )
    agrees = Step(
        "agrees with the published share to its last digit",
        gap,
        "<=",
        half_a_digit,
        "",
        (Certificate(((half_a_digit - gap,),)),),
    )
    return Theorem(
        "stack.published_share",
        f"Short paths in a stack of {BLOCK_COUNT} blocks",
        f"Paths of lengths {SHORTEST}–{LONGEST} are {share} = {100 * float(share):.6f} % of "
        "all; "
        f"published: {100 * float(PUBLISHED_SHARE):.4f} %.",
        Derivation("stack.published_share", notation, (result, agrees)),
        result,
        source="Veit, Wilber & Belongie 2016, arXiv:1605.06431",
        result_label=rf"\text{{lengths {SHORTEST} to {LONGEST} of {BLOCK_COUNT}: }} ",
    )
