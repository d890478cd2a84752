"""Defines what is said of a gain: bounds with their proofs, and which is never looser than which."""

from dataclasses import dataclass
from typing import Literal

import sympy as sp

from derivations.algebra.notation import Notation
from derivations.algebra.printing import latex
from derivations.algebra.quantities import Cosine, NormRatio, Quantity
from derivations.algebra.steps import Derivation, Step

Side = Literal["lower", "upper", "equal"]


@dataclass(frozen=True)
class Bound:
    """γ ≥ expr (lower), γ ≤ expr (upper) or γ = expr (equal), with γ = ‖∂L/∂x‖ / ‖base‖.

    `certainty` is that of the formula in its quantities; a number is only as certain as the
    quantities it is made from. `limit` is the value as the branch vanishes (its Jacobian scaled by
    ε → 0).
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

    @property
    def holds_for(self) -> str:
        """What the bound knows: a bound that looks along g can be tighter, one that does not holds
        for every g at once.
        """
        along = any(isinstance(q.definition, (NormRatio, Cosine)) for q in self.quantities)
        return "this backward signal" if along else "every backward signal"


@dataclass(frozen=True)
class Proved:
    """The bounds of one theorem, and the derivation that proves them."""

    bounds: tuple[Bound, ...]
    derivation: Derivation


@dataclass(frozen=True)
class Order:
    """`tighter` is at least as tight as `looser` wherever both apply; `step` proves it."""

    tighter: str
    looser: str
    step: Step


@dataclass(frozen=True)
class Bounds:
    """All bounds that apply to one block, theorem by theorem, and which of them are never tighter
    than others.
    """

    theorems: tuple[Proved, ...]
    order: tuple[Order, ...] = ()

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """Every bound."""
        return tuple(bound for theorem in self.theorems for bound in theorem.bounds)


def bound_latex(bound: Bound, notation: Notation) -> str:
    """A bound as one LaTeX relation on γ."""
    relation = {"lower": r"\ge", "upper": r"\le", "equal": "="}[bound.side]
    return rf"\gamma {relation} {latex(bound.expr, notation)}"
