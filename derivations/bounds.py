"""Bounds the gain of a block: one rule per node, one theorem per function.

Every rule returns bounds with their conditions, limits and proofs, or raises. γ is ‖∂L/∂x‖ relative to ‖base‖, where the
base is the backward signal g, or for a dense step its slice g_y on the old state.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Literal

import sympy as sp

from derivations.blocks import Add, Chain, Concat, Gate, Identity, Leaf, Term
from derivations.errors import InputError, UnknownNodeError
from derivations.jacobian import leaf_jacobian, linearize
from derivations.quantities import (
    GAIN,
    LAMBDA,
    MU,
    RATIO,
    SIGMA_MAX,
    SIGMA_MIN,
    C,
    Cosine,
    NormRatio,
    NumericalRange,
    Quantity,
    SigmaMax,
    SigmaMinAdjoint,
    T,
    adjoint_image,
)
from derivations.steps import Certificate, Derivation, Step
from derivations.symbols import Notation

Side = Literal["lower", "upper", "equal"]
EPSILON = sp.Symbol("epsilon", positive=True)


@dataclass(frozen=True)
class Bound:
    """γ ≥ expr (lower), γ ≤ expr (upper) or γ = expr (equal), with γ = ‖∂L/∂x‖ / ‖base‖.

    `certainty` is that of the formula in its quantities; a number is only as certain as the quantities it is made from.
    `limit` is the value as the branch vanishes (its Jacobian scaled by ε → 0).
    """

    id: str
    side: Side
    expr: sp.Expr
    quantities: tuple[Quantity, ...]
    base: sp.Expr
    conditions: tuple[str, ...]
    certainty: str
    limit: sp.Expr
    source: str


@dataclass(frozen=True)
class Bounds:
    """All bounds that apply to one block, and the derivation that proves them."""

    bounds: tuple[Bound, ...]
    derivation: Derivation


@singledispatch
def bound_rule(term: Term, notation: Notation) -> Bounds:
    """The bounds on the gain of `term`."""
    raise UnknownNodeError(f"no bound for {type(term).__name__}: register one in derivations/bounds.py")


@bound_rule.register(Leaf)
@bound_rule.register(Identity)
@bound_rule.register(Chain)
@bound_rule.register(Gate)
def _(term: Term, notation: Notation) -> Bounds:
    return singular_value_bounds(notation)


@bound_rule.register
def _(term: Add, notation: Notation) -> Bounds:
    skips = [part for part in term.parts if part == Identity()]
    branch = [notation.jacobian(part, Identity()) for part in term.parts if part != Identity()]
    if len(skips) != 1 or not branch:
        return singular_value_bounds(notation)
    expanded = linearize(notation).jacobian - sp.Identity(notation.dimension_of(Identity()))
    return residual_bounds(notation, factor_right(expanded.doit()))


@bound_rule.register
def _(term: Concat, notation: Notation) -> Bounds:
    if len(term.parts) != 2 or term.parts.count(Identity()) != 1:
        return singular_value_bounds(notation)
    return dense_bounds(notation, skip=term.parts.index(Identity()))


def bounds(notation: Notation) -> Bounds:
    """The bounds on the gain of the notation's term, in the operator reading."""
    if notation.reading != "operator":
        raise InputError("bounds are stated in the operator reading: build the notation with reading='operator'")
    return bound_rule(notation.term, notation)


def singular_value_bounds(notation: Notation) -> Bounds:
    """σ_min(Jᵀ) ≤ γ ≤ σ_max(J), both attained (theory of Eq. (1))."""
    line = linearize(notation)
    g = column(line.signal)
    quantities = (
        Quantity(GAIN, NormRatio(adjoint_image(line.jacobian, g), g)),
        Quantity(SIGMA_MAX, SigmaMax(line.jacobian)),
        Quantity(SIGMA_MIN, SigmaMinAdjoint(line.jacobian)),
    )
    steps = (
        Step("gradient", notation.gradient(), "=", adjoint_image(line.jacobian, g)),
        _at_least("least singular value", SIGMA_MIN, ((GAIN - SIGMA_MIN,),)),
        _at_most("largest singular value", SIGMA_MAX, ((SIGMA_MAX - GAIN,),)),
        *_limits([SIGMA_MIN, SIGMA_MAX], [SIGMA_MIN, SIGMA_MAX]),
    )
    make = _Maker("singular", quantities, g, ("g ≠ 0",), scaled=(SIGMA_MIN, SIGMA_MAX))
    made = (make("min", "lower", SIGMA_MIN, "singular values, Eq. (1)"), make("max", "upper", SIGMA_MAX, "singular values, Eq. (1)"))
    return Bounds(made, Derivation("bounds", notation, steps, quantities))


def residual_bounds(notation: Notation, branch: sp.Expr) -> Bounds:
    """Bounds of H = B(x) + x with J_B = `branch`: law of cosines, triangle, alignment, operator norm, numerical range."""
    g = notation.signal()
    image = adjoint_image(branch, g)
    lemma = _perturbation(notation, g, image)
    quantities = (
        *lemma.quantities,
        Quantity(SIGMA_MAX, SigmaMax(branch)),
        Quantity(SIGMA_MIN, SigmaMinAdjoint(branch)),
        Quantity(MU, NumericalRange(branch, -1)),
        Quantity(LAMBDA, NumericalRange(branch, +1)),
    )
    uniform, numerical = sp.Max(1 - SIGMA_MAX, SIGMA_MIN - 1, 0), sp.Max(1 + MU, -1 - LAMBDA, 0)
    steps = (
        *lemma.steps,
        _at_least("operator norm", 1 - SIGMA_MAX, ((GAIN - (1 - T),), (SIGMA_MAX - T,))),
        _at_least("least singular value", SIGMA_MIN - 1, ((GAIN + (1 - T),), (T - SIGMA_MIN,))),
        Step("largest lower bound", GAIN, ">=", uniform),
        _at_most("operator norm", 1 + SIGMA_MAX, ((1 + T - GAIN,), (SIGMA_MAX - T,))),
        _at_least("projection on g", sp.Abs(1 + C * T), ((T**2, 1 - C, 1 + C),), power=2),
        _at_least("least Rayleigh quotient", 1 + MU, ((GAIN - (1 + C * T),), (C * T - MU,))),
        _at_least("largest Rayleigh quotient", -1 - LAMBDA, ((GAIN + (1 + C * T),), (LAMBDA - C * T,))),
        Step("largest lower bound", GAIN, ">=", numerical),
        *_limits([*_PERTURBATION_EXPRS, uniform, 1 + SIGMA_MAX, numerical], _RESIDUAL_SCALED),
    )
    make = _Maker("residual", quantities, g, ("g ≠ 0",), scaled=_RESIDUAL_SCALED)
    made = (
        *_perturbation_bounds(make),
        make("uniform", "lower", uniform, _NORM),
        make("uniform", "upper", 1 + SIGMA_MAX, _NORM),
        make("numerical_range", "lower", numerical, "Cauchy–Schwarz, Rayleigh quotient"),
    )
    return Bounds(made, Derivation("bounds", notation, steps, quantities))


def dense_bounds(notation: Notation, skip: int) -> Bounds:
    """Bounds of H = (F(y), y) relative to ‖g_y‖: as for a residual block with w = J_Fᵀ g_F, and uniform ones."""
    g_y, g_f = notation.signal((skip,)), notation.signal((1 - skip,))
    branch = leaf_jacobian(notation.term.parts[1 - skip], notation)  # type: ignore[attr-defined]
    lemma = _perturbation(notation, g_y, adjoint_image(branch, g_f))
    quantities = (*lemma.quantities, Quantity(RATIO, NormRatio(g_f, g_y)), Quantity(SIGMA_MAX, SigmaMax(branch)))
    uniform = sp.Max(1 - SIGMA_MAX * RATIO, 0)
    steps = (
        *lemma.steps,
        _at_least("operator norm", 1 - SIGMA_MAX * RATIO, ((GAIN - (1 - T),), (SIGMA_MAX * RATIO - T,))),
        Step("largest lower bound", GAIN, ">=", uniform),
        _at_most("operator norm", 1 + SIGMA_MAX * RATIO, ((1 + T - GAIN,), (SIGMA_MAX * RATIO - T,))),
        *_limits([*_PERTURBATION_EXPRS, uniform, 1 + SIGMA_MAX * RATIO], _DENSE_SCALED),
    )
    make = _Maker("dense", quantities, g_y, ("g_y ≠ 0",), scaled=_DENSE_SCALED)
    made = (
        *_perturbation_bounds(make),
        make("uniform", "lower", uniform, _NORM),
        make("uniform", "upper", 1 + SIGMA_MAX * RATIO, _NORM),
    )
    return Bounds(made, Derivation("bounds", notation, steps, quantities))


def factor_right(expr: sp.Expr) -> sp.Expr:
    """A J + B J ↦ (A + B) J: a common last factor taken out of a sum of products."""
    addends = expr.args if isinstance(expr, sp.MatAdd) else (expr,)
    lasts = {addend.args[-1] if isinstance(addend, sp.MatMul) else addend for addend in addends}
    if len(addends) == 1 or len(lasts) != 1 or not all(isinstance(addend, sp.MatMul) for addend in addends):
        return expr
    return sp.MatMul(sp.MatAdd(*(sp.MatMul(*addend.args[:-1]).doit() for addend in addends)), lasts.pop())


def column(signal: sp.Expr) -> sp.Expr:
    """A backward signal given as a tuple of slices, stacked into one column."""
    return sp.BlockMatrix([[column(piece)] for piece in signal]) if isinstance(signal, sp.Tuple) else signal


_NORM = "triangle inequality, operator norm"
_COSINE_LAW = sp.sqrt(1 + 2 * C * T + T**2)
_ALIGNMENT = sp.sqrt(1 - sp.Min(C, 0) ** 2)
_PERTURBATION_EXPRS = (_COSINE_LAW, sp.Abs(1 - T), 1 + T, _ALIGNMENT)
_RESIDUAL_SCALED = (T, SIGMA_MAX, SIGMA_MIN, MU, LAMBDA)
_DENSE_SCALED = (T, SIGMA_MAX)


@dataclass(frozen=True)
class _Lemma:
    quantities: tuple[Quantity, ...]
    steps: tuple[Step, ...]


def _perturbation(notation: Notation, v: sp.Expr, w: sp.Expr) -> _Lemma:
    """‖v + w‖ relative to ‖v‖, by t = ‖w‖/‖v‖ and c = cos∠(v, w): the law of cosines and what follows from it."""
    quantities = (Quantity(GAIN, NormRatio(sp.MatAdd(v, w), v)), Quantity(T, NormRatio(w, v)), Quantity(C, Cosine(v, w)))
    total, across = sp.MatAdd(v, w), sp.MatMul(sp.Transpose(v), w)
    square = sp.MatAdd(sp.MatMul(sp.Transpose(v), v), across, sp.Transpose(across), sp.MatMul(sp.Transpose(w), w))
    aligned = (Certificate(((T + C, T + C),), 2, -C), Certificate(((2, C, T), (T, T)), 2, C))
    steps = (
        Step("base and branch", notation.gradient(), "=", total),
        Step("square of a sum", sp.MatMul(sp.Transpose(total), total), "=", square),
        Step("law of cosines", GAIN**2, "=", _COSINE_LAW**2, "‖base‖ ≠ 0"),
        _at_least("c ≥ −1", sp.Abs(1 - T), ((2, T, 1 + C),), power=2),
        _at_most("c ≤ 1", 1 + T, ((2, T, 1 - C),), power=2),
        Step("least over t", GAIN, ">=", _ALIGNMENT, certificates=aligned),
    )
    return _Lemma(quantities, steps)


def _perturbation_bounds(make: "_Maker") -> tuple[Bound, ...]:
    return (
        make("cosine_law", "equal", _COSINE_LAW, "law of cosines"),
        make("triangle", "lower", sp.Abs(1 - T), "triangle inequality"),
        make("triangle", "upper", 1 + T, "triangle inequality"),
        make("alignment", "lower", _ALIGNMENT, "law of cosines, least over t"),
    )


@dataclass(frozen=True)
class _Maker:
    """Builds the bounds of one theorem, which share quantities, base, conditions and what vanishes with the branch."""

    prefix: str
    quantities: tuple[Quantity, ...]
    base: sp.Expr
    conditions: tuple[str, ...]
    scaled: Sequence[sp.Symbol]

    def __call__(self, name: str, side: Side, expr: sp.Expr, source: str) -> Bound:
        used = tuple(q for q in self.quantities if q.symbol in expr.free_symbols)
        bound_id = f"{self.prefix}.{name}.{side}"
        return Bound(bound_id, side, expr, used, self.base, self.conditions, "exact", _limit(expr, self.scaled), source)


def _at_least(rule: str, expr: sp.Expr, products: tuple[tuple[sp.Expr, ...], ...], power: int = 1) -> Step:
    return Step(rule, GAIN, ">=", expr, certificates=(Certificate(products, power),))


def _at_most(rule: str, expr: sp.Expr, products: tuple[tuple[sp.Expr, ...], ...], power: int = 1) -> Step:
    return Step(rule, GAIN, "<=", expr, certificates=(Certificate(products, power),))


def _vanishing(expr: sp.Expr, scaled: Sequence[sp.Symbol]) -> sp.Expr:
    return expr.subs({symbol: EPSILON * symbol for symbol in scaled}, simultaneous=True)


def _limit(expr: sp.Expr, scaled: Sequence[sp.Symbol]) -> sp.Expr:
    return _vanishing(expr, scaled).subs(EPSILON, 0)


def _limits(exprs: Sequence[sp.Expr], scaled: Sequence[sp.Symbol]) -> tuple[Step, ...]:
    moving = [expr for expr in exprs if expr.free_symbols & set(scaled)]
    return tuple(Step("vanishing branch", _vanishing(expr, scaled), "->", _limit(expr, scaled), vanishing=EPSILON) for expr in moving)
