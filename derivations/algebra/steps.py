"""Defines the ledger: a derivation as a list of steps, each of which can be checked on its own.

A step states `before relation after`, names the rule that gave it and the condition under which it
holds. It does not say that it is true; `check.py` does.
"""

from dataclasses import dataclass, replace
from typing import Literal

import sympy as sp

from derivations.algebra.notation import Notation
from derivations.algebra.quantities import Quantity, check_symbols

Relation = Literal["=", ">=", "<=", "->"]


@dataclass(frozen=True)
class Certificate:
    """Why an inequality holds: larger^power − smaller^power = Σ Π factors, every factor ≥ 0.

    A factor is a square, an expression that SymPy's assumptions know to be nonnegative, a fact
    about the quantities, or an inequality that an earlier step of the same derivation established.
    Power 2 needs the larger side to be ≥ 0. `assuming` restricts the certificate to expressions ≥
    0; several certificates together must cover all cases.
    """

    products: tuple[tuple[sp.Expr, ...], ...]
    power: int = 1
    assuming: sp.Expr | None = None


@dataclass(frozen=True)
class Step:
    """One line of a derivation.

    An inequality has certificates, unless it only collects earlier ones (a maximum of lower
    bounds). `vanishing` is the symbol that tends to 0 from above where the relation is "->".
    """

    rule: str
    before: sp.Expr
    relation: Relation
    after: sp.Expr
    condition: str = ""
    certificates: tuple[Certificate, ...] = ()
    vanishing: sp.Symbol | None = None

    def __post_init__(self) -> None:
        for side in ("before", "after"):
            object.__setattr__(self, side, sp.sympify(getattr(self, side)))


@dataclass(frozen=True)
class Derivation:
    """The steps that lead to a result, with the notation and the quantities that their symbols
    belong to.

    `nonzero` are columns that are assumed not to be 0. So are, without being named, the signals and
    the free columns of the notation, and what the gain γ is relative to.
    """

    title: str
    notation: Notation
    steps: tuple[Step, ...]
    quantities: tuple[Quantity, ...] = ()
    nonzero: tuple[sp.Expr, ...] = ()

    def __post_init__(self) -> None:
        check_symbols(self.quantities)

    def followed_by(self, *steps: Step) -> "Derivation":
        """The same derivation with more steps at its end."""
        return replace(self, steps=(*self.steps, *steps))


@dataclass(frozen=True, repr=False)
class Theorem:
    """One result. `statement` says it in a sentence, `conditions` when it holds, `source` where it
    is from.

    `certainty` is "exact", or "law" for the distribution over random weights. `setting` describes
    the network for which it is exact, where that is more than its conditions; `result_label` is
    LaTeX that says what the result is about, where its two sides do not show it.
    """

    id: str
    title: str
    statement: str
    derivation: Derivation
    result: Step
    conditions: tuple[str, ...] = ()
    certainty: Literal["exact", "law"] = "exact"
    source: str = ""
    setting: str = ""
    result_label: str = ""

    def __repr__(self) -> str:
        return f"<Theorem {self.id} ({self.certainty}): {self.statement}>"
