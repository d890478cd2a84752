"""Defines what is said of a gain: bounds with their proofs, and which is never looser than which.

`BoundMaker` and the functions below it build bounds, the steps that prove them, and their order.
"""

from dataclasses import dataclass
from typing import Literal

import sympy as sp

from derivations.algebra.notation import Notation
from derivations.algebra.printing import latex
from derivations.algebra.quantities import (
    GAIN,
    LEAST,
    MOST,
    Cosine,
    NormRatio,
    Quantity,
    SigmaMax,
    SigmaMinAdjoint,
)
from derivations.algebra.steps import Certificate, Derivation, Step, Theorem
from derivations.rules.remaining import Limits

Side = Literal["lower", "upper", "equal"]


@dataclass(frozen=True)
class Bound:
    """γ ≥ expr (lower), γ ≤ expr (upper) or γ = expr (equal), with γ = ‖∂L/∂x‖ / ‖base‖.

    `theorem` and `name` say which bound it is. `certainty` is that of the formula in its
    quantities; a number is only as certain as the quantities it is made from. `limit` is what the
    value tends to as the Jacobians of the branch do to 0, in the quantities and in what is `left`
    of them; `limit_condition` is what it asks for beside the conditions. `signals` names the
    signals it holds for, where the quantities do not say them, and `of` (LaTeX) what has the norm,
    where that is not ∂L/∂x. All that is said here must be said by a step of the derivation that
    passes its checks: `book.proof_chain` looks for it.
    """

    theorem: str
    name: str
    side: Side
    expr: sp.Expr
    quantities: tuple[Quantity, ...]
    base: sp.Expr
    conditions: tuple[str, ...]
    certainty: str
    limit: sp.Expr
    source: str
    left: tuple[Quantity, ...] = ()
    limit_condition: str = ""
    signals: str = ""
    of: str = r"\partial L / \partial x"

    @property
    def id(self) -> str:
        """What results call the bound."""
        return f"{self.theorem}.{self.name}.{self.side}"

    @property
    def holds_for(self) -> str:
        """For which backward signals it holds: a bound that looks along g can be tighter, one that
        does not holds for every g at once.
        """
        if self.signals:
            return self.signals
        along = any(isinstance(q.definition, (NormRatio, Cosine)) for q in self.quantities)
        return "this backward signal" if along else "every backward signal"


@dataclass(frozen=True)
class Order:
    """The bound `tighter` is never looser than `looser` where both apply; `step` proves it."""

    tighter: str
    looser: str
    step: Step


@dataclass(frozen=True)
class Proved:
    """The bounds of one theorem, the derivation that proves them, and which of them are never
    tighter than others.
    """

    name: str
    bounds: tuple[Bound, ...]
    derivation: Derivation
    order: tuple[Order, ...] = ()

    @property
    def base(self) -> sp.Expr:
        """What the gain of every one of its bounds is relative to."""
        return self.bounds[0].base


@dataclass(frozen=True, repr=False)
class BoundingTheorem(Theorem):
    """A theorem whose derivation proves bounds, of a block that is not named."""

    bounds: tuple[Bound, ...] = ()

    @property
    def proved(self) -> Proved:
        """Its bounds, with what proves them."""
        return Proved(self.id, self.bounds, self.derivation)


@dataclass(frozen=True)
class Bounds:
    """All bounds that apply to one block, theorem by theorem.

    `structural` is the theorem of the block's own structure, `singular` and `norms` are those of
    any Jacobian; a block has `norms` unless it is its own only factor.
    """

    structural: Proved | None
    singular: Proved
    norms: Proved | None

    @property
    def theorems(self) -> tuple[Proved, ...]:
        """Every theorem, in the order in which results list their bounds."""
        found = (self.structural, self.singular, self.norms)
        return tuple(theorem for theorem in found if theorem is not None)

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """Every bound."""
        return tuple(bound for theorem in self.theorems for bound in theorem.bounds)

    @property
    def order(self) -> tuple[Order, ...]:
        """Which bounds are never tighter than others."""
        return tuple(pair for theorem in self.theorems for pair in theorem.order)


def bound_latex(bound: Bound, notation: Notation) -> str:
    """A bound as one LaTeX relation on γ."""
    relation = {"lower": r"\ge", "upper": r"\le", "equal": "="}[bound.side]
    return rf"\gamma {relation} {latex(bound.expr, notation)}"


@dataclass(frozen=True)
class BoundMaker:
    """Builds the bounds of one theorem, which share quantities, base, conditions and limits."""

    theorem: str
    limits: Limits
    base: sp.Expr
    conditions: tuple[str, ...]
    signals: str = ""
    of: str = Bound.of

    def __call__(self, name: str, side: Side, expr: sp.Expr, source: str) -> Bound:
        expr = sp.sympify(expr)
        symbols = expr.free_symbols
        limit = self.limits.of(expr)
        return Bound(
            self.theorem,
            name,
            side,
            expr,
            tuple(q for q in self.limits.quantities if q.symbol in symbols),
            self.base,
            self.conditions,
            certainty="exact",
            limit=limit,
            source=source,
            left=self.limits.left_in(limit),
            limit_condition=self.limits.condition(limit),
            signals=self.signals,
            of=self.of,
        )


Products = tuple[tuple[sp.Expr, ...], ...]
"""Σ Π factors: why an inequality holds."""


def at_least(rule: str, expr: sp.Expr, products: Products, power: int = 1) -> Step:
    """γ ≥ expr."""
    return Step(rule, GAIN, ">=", expr, certificates=(Certificate(products, power),))


def at_most(rule: str, expr: sp.Expr, products: Products, power: int = 1) -> Step:
    """γ ≤ expr."""
    return Step(rule, GAIN, "<=", expr, certificates=(Certificate(products, power),))


def never_looser(
    tighter: str,
    looser: str,
    expr: sp.Expr,
    relation: Literal[">=", "<="],
    other: sp.Expr,
    products: Products,
) -> Order:
    """The bound `tighter` with the value `expr` is at least as tight as `looser` with `other`."""
    step = Step("tighter", expr, relation, other, certificates=(Certificate(products),))
    return Order(tighter, looser, step)


def ends_of_gain(jacobian: sp.Expr) -> tuple[Quantity, Quantity]:
    """The extreme singular values of a whole Jacobian: the ends of the gain over all signals."""
    return Quantity(MOST, SigmaMax(jacobian)), Quantity(LEAST, SigmaMinAdjoint(jacobian))


def least_over_signals(looser: str, side: Side, expr: sp.Expr) -> Order:
    """No bound that holds for every signal alike is tighter than the extreme singular values of the
    Jacobian, which some signal attains: where γ ≥ expr, σ_min(Jᵀ) ≥ expr.
    """
    if side == "upper":
        return never_looser("singular.max.upper", looser, MOST, "<=", expr, ((expr - MOST,),))
    return never_looser("singular.min.lower", looser, LEAST, ">=", expr, ((LEAST - expr,),))


def never_looser_than_maximum(
    tighter: str,
    looser: str,
    expr: sp.Expr,
    maximum: sp.Max,
    parts: tuple[tuple[str, sp.Expr, Products], ...],
) -> tuple[Order, ...]:
    """`expr` is at least every part of `maximum`, hence at least the maximum.

    `parts` are (rule, part, products) for the parts other than 0, which no absolute value is below.
    """
    each = (
        Order(tighter, looser, Step(rule, expr, ">=", part, certificates=(Certificate(products),)))
        for rule, part, products in parts
    )
    return (*each, Order(tighter, looser, Step("tighter", expr, ">=", maximum)))
