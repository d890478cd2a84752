"""Defines a law: the distribution of ‖∂L/∂x‖² over random weights, with its proof.

A law's letters are matrices, its scalars named numbers made of them; `numeric` evaluates exactly
these expressions. Gaussian facts that the proofs cite are the few `AXIOMS`, each with its source.
"""

from dataclasses import dataclass
from typing import ClassVar

import sympy as sp

from derivations.algebra.notation import Notation
from derivations.algebra.printing import text
from derivations.algebra.showing import Showing, Shown
from derivations.algebra.steps import Theorem
from derivations.errors import UnknownNodeError

OMEGA = sp.Symbol("omega", nonnegative=True)
"""The standard deviation of a random weight."""


@dataclass(frozen=True)
class Axiom:
    """A fact of probability or linear algebra that is cited, not proved."""

    id: str
    statement: str
    source: str


LINEAR_IMAGE = Axiom(
    "linear_image",
    "If the entries of W are independent N(0, ω²), then for fixed h, μ and A: μ + A Wᵀh ~ "
    "N(μ, ω²‖h‖² A Aᵀ).",
    "Anderson 2003, An Introduction to Multivariate Statistical Analysis, 3rd ed., sec. 2.4",
)
UNCORRELATED = Axiom(
    "uncorrelated",
    "Jointly Gaussian vectors whose covariance is 0 are independent.",
    "Anderson 2003, sec. 2.4",
)
FREEZING = Axiom(
    "freezing",
    "If X is independent of Y, then given Y = y the law of f(X, Y) is that of f(X, y).",
    "Kallenberg 2002, Foundations of Modern Probability, 2nd ed., ch. 6 (disintegration)",
)
NONCENTRAL = Axiom(
    "noncentral",
    "‖μ + σξ‖² with ξ ~ N(0, I_k) has the law σ² χ′²_k(‖μ‖²/σ²), which depends on μ through "
    "‖μ‖ alone.",
    "Johnson, Kotz & Balakrishnan 1995, Continuous Univariate Distributions, vol. 2, ch. 29",
)
ORTHONORMAL_BASIS = Axiom(
    "orthonormal_basis",
    "Every unit vector is the first column of an orthogonal matrix.",
    "Horn & Johnson 2013, Matrix Analysis, 2nd ed., sec. 0.6.4 (Gram–Schmidt)",
)
SINGULAR_VALUES = Axiom(
    "singular_values",
    "A = Q S Zᵀ with S diagonal, and Q and Z of orthonormal columns.",
    "Horn & Johnson 2013, Thm 2.6.3",
)
AXIOMS = (LINEAR_IMAGE, UNCORRELATED, FREEZING, NONCENTRAL, ORTHONORMAL_BASIS, SINGULAR_VALUES)


@dataclass(frozen=True)
class Scalar:
    """A number with a name and its LaTeX; `definition` is 1 × 1 in the letters of the law."""

    symbol: sp.Symbol
    latex: str
    definition: sp.MatrixExpr


@dataclass(frozen=True, kw_only=True, repr=False)
class Law(Shown):
    """What every law has: a proved statement, the scalars it speaks of, and the axioms it rests on.

    ‖∂L/∂x‖² is `shift` plus what the subclass says, given everything the theorem conditions on;
    `shift` is in `scalars`. `rests_on` names the laws whose proof this one completes by its own
    pullback.
    """

    theorem: Theorem
    scalars: tuple[Scalar, ...]
    axioms: tuple[Axiom, ...]
    shift: sp.Expr
    rests_on: tuple[str, ...] = ()
    kind: ClassVar[str]

    @property
    def id(self) -> str:
        return self.theorem.id

    @property
    def notation(self) -> Notation:
        return self.theorem.derivation.notation

    def showing(self) -> Showing:
        rows = [(text(each.symbol), text(each.definition)) for each in self.scalars]
        notes = (*(f"if {each}" for each in self.theorem.conditions), self.theorem.statement)
        title = f"Law {self.id} ({self.kind}): {self.theorem.title}"
        return Showing(title, ("scalar", "is"), tuple(rows), notes)


@dataclass(frozen=True, kw_only=True, repr=False)
class NoncentralLaw(Law):
    """‖∂L/∂x‖² ~ shift + ‖N(μ, scale · I_dof)‖² with ‖μ‖² = `square`: a scaled, shifted noncentral
    chi-square.
    """

    scale: sp.Expr
    square: sp.Expr
    dof: sp.Expr
    kind: ClassVar[str] = "noncentral"

    @property
    def noncentrality(self) -> sp.Expr:
        """λ of shift + scale · χ′²_dof(λ); undefined where the scale is 0: the law is a point."""
        return self.square / self.scale


@dataclass(frozen=True, kw_only=True, repr=False)
class GeneralizedLaw(Law):
    """‖∂L/∂x‖² ~ shift + ‖N(mean, scale · factor factorᵀ)‖²: a generalized noncentral chi-square.

    Where a letter stands for several independent slices (`sums_over`), the responses of all slices
    add up to mean = base + Σ response, and the covariances to scale · Σ factor factorᵀ.
    """

    scale: sp.Expr
    base: sp.MatrixExpr
    response: sp.MatrixExpr
    factor: sp.MatrixExpr
    sums_over: str = ""
    kind: ClassVar[str] = "generalized"


def in_letters(expr: sp.Expr, scalars: tuple[Scalar, ...]) -> sp.MatrixExpr:
    """A polynomial in scalars as a 1 × 1 matrix of their letters. A square s² is written s sᵀ: then
    the letters of (vᵀφ)(vᵀφ)ᵀ = vᵀφφᵀv stand as in the square of a norm.
    """
    definitions = {scalar.symbol: scalar.definition for scalar in scalars}
    expr = sp.sympify(expr)
    if expr in definitions:
        return definitions[expr]
    if isinstance(expr, sp.Number):
        return sp.MatMul(expr, sp.Identity(1))
    parts = [in_letters(part, scalars) for part in expr.args]
    if isinstance(expr, sp.Add):
        return sp.MatAdd(*parts)
    if isinstance(expr, sp.Mul):
        return sp.MatMul(*parts)
    if isinstance(expr, sp.Pow) and expr.exp == 2:
        return sp.MatMul(parts[0], sp.Transpose(parts[0]))
    raise UnknownNodeError(
        f"cannot write {expr} in letters: use sums, products and squares of {list(definitions)}"
    )
