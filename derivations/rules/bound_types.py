"""Defines what is said of a gain: bounds with their proofs, and which is never looser than which.

`BoundMaker` and the functions below it build bounds, the steps that prove them, and their order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import sympy as sp

from derivations.algebra.letters import EPSILON
from derivations.algebra.notation import Notation
from derivations.algebra.printing import latex
from derivations.algebra.quantities import GAIN, Cosine, NormRatio, Quantity
from derivations.algebra.steps import Certificate, Derivation, Step

Side = Literal["lower", "upper", "equal"]


@dataclass(frozen=True)
class Bound:
    """γ ≥ expr (lower), γ ≤ expr (upper) or γ = expr (equal), with γ = ‖∂L/∂x‖ / ‖base‖.

    `theorem` and `name` say which bound it is. `certainty` is that of the formula in its
    quantities; a number is only as certain as the quantities it is made from. `limit` is the value
    as the branch vanishes (its Jacobian scaled by ε → 0).
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

    @property
    def id(self) -> str:
        """What results call the bound."""
        return f"{self.theorem}.{self.name}.{self.side}"

    @property
    def holds_for(self) -> str:
        """For which backward signals it holds: a bound that looks along g can be tighter, one that
        does not holds for every g at once.
        """
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
    """Builds the bounds of one theorem, which share quantities, base and conditions; `scaled` are
    the quantities that vanish with the branch.
    """

    theorem: str
    quantities: tuple[Quantity, ...]
    base: sp.Expr
    conditions: tuple[str, ...]
    scaled: Sequence[sp.Symbol] = field(default=())

    def __call__(self, name: str, side: Side, expr: sp.Expr, source: str) -> Bound:
        expr = sp.sympify(expr)
        used = tuple(q for q in self.quantities if q.symbol in expr.free_symbols)
        return Bound(
            self.theorem,
            name,
            side,
            expr,
            used,
            self.base,
            self.conditions,
            certainty="exact",
            limit=_limit(expr, self.scaled),
            source=source,
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


def limits(exprs: Sequence[sp.Expr], scaled: Sequence[sp.Symbol]) -> tuple[Step, ...]:
    """What the expressions tend to as the scaled quantities do to 0, for those that move at all."""
    moving = [expr for expr in map(sp.sympify, exprs) if expr.free_symbols & set(scaled)]
    shrunk = {symbol: EPSILON * symbol for symbol in scaled}
    return tuple(
        Step(
            "vanishing branch",
            _unevaluated(expr, shrunk),
            "->",
            _limit(expr, scaled),
            vanishing=EPSILON,
        )
        for expr in moving
    )


def _limit(expr: sp.Expr, scaled: Sequence[sp.Symbol]) -> sp.Expr:
    return expr.xreplace(dict.fromkeys(scaled, sp.S.Zero))


def _unevaluated(expr: sp.Expr, new: dict[sp.Symbol, sp.Expr]) -> sp.Expr:
    """Replaces symbols; a maximum is rebuilt as it stands, for SymPy would compare its parts again,
    which takes longest of all.
    """
    if not expr.has(sp.Max):
        return expr.xreplace(new)
    parts = [_unevaluated(part, new) for part in expr.args]
    return sp.Max(*parts, evaluate=False) if isinstance(expr, sp.Max) else expr.func(*parts)
