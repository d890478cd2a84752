"""Names the real numbers that bounds speak of, and the facts about them that are cited.

A `Quantity` ties a symbol (t, c, σ_max, …) to its definition on the matrices of a derivation.
`facts` are all that inequality steps may assume of it; each has a source in `AXIOMS` and is tested
numerically.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import sympy as sp

from derivations.algebra.notation import JacobianOf, Meaning
from derivations.algebra.terms import SLOPES, Pointwise
from derivations.errors import InputError


@dataclass(frozen=True)
class NormRatio:
    """‖numerator‖₂ / ‖denominator‖₂ of two columns."""

    numerator: sp.Expr
    denominator: sp.Expr


@dataclass(frozen=True)
class Cosine:
    """cos∠(first, second) of two columns; 0 where one of them is 0; clamped to [−1, 1]."""

    first: sp.Expr
    second: sp.Expr


@dataclass(frozen=True)
class SigmaMax:
    """The largest singular value of an operator."""

    operator: sp.Expr


@dataclass(frozen=True)
class SigmaMinAdjoint:
    """min ‖Aᵀu‖ over unit u: the least singular value of Aᵀ, and 0 for an operator with more rows
    than columns.
    """

    operator: sp.Expr


@dataclass(frozen=True)
class NumericalRange:
    """The least (`end` = −1) or largest (`end` = +1) eigenvalue of (A + Aᵀ)/2."""

    operator: sp.Expr
    end: int


@dataclass(frozen=True)
class Frobenius:
    """The Frobenius norm of an operator."""

    operator: sp.Expr


Definition = NormRatio | Cosine | SigmaMax | SigmaMinAdjoint | NumericalRange | Frobenius


def parts_of_definition(definition: Definition) -> tuple[sp.Expr, ...]:
    """The columns that it compares, or the operator that it measures."""
    match definition:
        case NormRatio(first, second) | Cosine(first, second):
            return first, second
    return (definition.operator,)


@dataclass(frozen=True)
class Quantity:
    """A real number with a symbol."""

    symbol: sp.Symbol
    definition: Definition


def operator_name(
    definition: SigmaMax | SigmaMinAdjoint, show: Callable[[sp.Expr], str], *, tex: bool = False
) -> str:
    """The extreme singular value of an operator, spelt out: σ_max(A), or σ_min(Aᵀ)."""
    shown = show(definition.operator)
    if isinstance(definition, SigmaMax):
        return rf"\sigma_{{\max}}({shown})" if tex else f"sigma_max({shown})"
    if not isinstance(definition.operator, sp.MatrixSymbol):
        shown = f"({shown})"
    return rf"\sigma_{{\min}}({shown}^{{\top}})" if tex else f"sigma_min({shown}ᵀ)"


GAIN = sp.Symbol("gamma", nonnegative=True)
TOTAL_GAIN = sp.Symbol("Gamma", nonnegative=True)
BRANCH_GAIN = sp.Symbol("t", nonnegative=True)
COSINE = sp.Symbol("c", real=True)
RATIO = sp.Symbol("r", nonnegative=True)
SIGMA_MAX = sp.Symbol("sigma_max", nonnegative=True)
SIGMA_MIN = sp.Symbol("sigma_min", nonnegative=True)
MOST = sp.Symbol("sigma_max(J)", nonnegative=True)
LEAST = sp.Symbol("sigma_min(Jᵀ)", nonnegative=True)
FROBENIUS = sp.Symbol("phi", nonnegative=True)
MU = sp.Symbol("mu", real=True)
LAMBDA = sp.Symbol("lambda", real=True)

LATEX = {
    GAIN: r"\gamma",
    TOTAL_GAIN: r"\Gamma",
    RATIO: r"r",
    SIGMA_MAX: r"\sigma_{\max}",
    SIGMA_MIN: r"\sigma_{\min}",
    MOST: r"\sigma_{\max}(J_{H})",
    LEAST: r"\sigma_{\min}(J_{H}^{\top})",
    FROBENIUS: r"\lVert J\rVert_F",
    MU: r"\mu",
    LAMBDA: r"\lambda",
}

TEXT = {MOST: "sigma_max(J_H)", LEAST: "sigma_min(J_Hᵀ)"}
"""Names in plain text that are not the symbols' own: a layer may be named H."""

CAUCHY_SCHWARZ = "Cauchy–Schwarz inequality"
TRIANGLE = "triangle inequality"
OPERATOR_NORM = "variational characterization of singular values"
RAYLEIGH = "Rayleigh quotient of the symmetric part"
KNOWN_SLOPES = "slopes of named activations"

AXIOMS: Mapping[str, tuple[str, str]] = {
    CAUCHY_SCHWARZ: (
        "|⟨u, v⟩| ≤ ‖u‖‖v‖, so −1 ≤ c ≤ 1, and ‖Aᵀu‖ ≤ ‖A‖_F‖u‖",
        "Horn & Johnson 2013, Theorem 0.6.3",
    ),
    TRIANGLE: ("‖u + v‖ ≤ ‖u‖ + ‖v‖", "Horn & Johnson 2013, Definition 5.1.1"),
    OPERATOR_NORM: (
        "σ_min(Aᵀ)‖u‖ ≤ ‖Aᵀu‖ ≤ σ_max(A)‖u‖, with equality for some u ≠ 0 each",
        "Horn & Johnson 2013, Theorem 4.2.2 for A Aᵀ",
    ),
    RAYLEIGH: (
        "μ‖u‖² ≤ ⟨u, Aᵀu⟩ ≤ λ‖u‖², and |⟨u, Aᵀu⟩| ≤ σ_max(A)‖u‖²",
        "Horn & Johnson 2013, Theorem 4.2.2",
    ),
    KNOWN_SLOPES: (
        "0 ≤ φ′ ≤ 1 for ReLU (with D(0) = 0) and tanh, 0 ≤ φ′ ≤ 1/4 for the logistic sigmoid",
        "calculus: φ′ = s(1 − s), 1 − tanh²",
    ),
}
"""What is cited rather than proved: name → (statement, source)."""


def check_symbols(quantities: tuple[Quantity, ...]) -> None:
    """Refuses a symbol with two definitions, or one whose assumptions say more than its definition
    gives.
    """
    symbols = [quantity.symbol for quantity in quantities]
    for quantity in quantities:
        signed = isinstance(quantity.definition, (Cosine, NumericalRange))
        if symbols.count(quantity.symbol) > 1:
            raise InputError(
                f"{quantity.symbol} has two definitions: give each quantity a symbol of its own"
            )
        if (
            quantity.symbol.assumptions0
            != sp.Symbol("x", **({"real": True} if signed else {"nonnegative": True})).assumptions0
        ):
            raise InputError(
                f"{quantity.symbol} must be declared {'real' if signed else 'nonnegative'}, "
                "and nothing else"
            )


def adjoint_image(operator: sp.Expr, column: sp.Expr) -> sp.Expr:
    """Aᵀ u, written the one way that `facts` recognizes."""
    return sp.MatMul(sp.Transpose(operator), column)


def _is_adjoint_image(expr: sp.Expr, operator: sp.Expr, column: sp.Expr) -> bool:
    return operator.shape[0] == column.shape[0] and expr == adjoint_image(operator, column)


def facts(
    quantities: tuple[Quantity, ...], meanings: Mapping[sp.Basic, Meaning] | None = None
) -> dict[sp.Expr, str]:
    """Expressions in the symbols that are ≥ 0 by the definitions alone, each with the axiom that
    says so.

    These are the axioms of every proof: nothing else about norms and eigenvalues is assumed.
    `meanings` tells which operators are slopes of named activations.
    """
    ratios = [(q.symbol, q.definition) for q in quantities if isinstance(q.definition, NormRatio)]
    cosines = {
        (q.definition.first, q.definition.second): q.symbol
        for q in quantities
        if isinstance(q.definition, Cosine)
    }
    found = {fact: CAUCHY_SCHWARZ for c in cosines.values() for fact in (1 + c, 1 - c)}
    for symbol, ratio in ratios:
        found |= dict.fromkeys(_triangles(symbol, ratio, ratios), TRIANGLE)
    for quantity in quantities:
        operator = getattr(quantity.definition, "operator", None)
        for t, ratio in ratios if operator is not None else ():
            if _is_adjoint_image(ratio.numerator, operator, ratio.denominator):
                found |= _facts_of_image(
                    quantity, t, cosines.get((ratio.denominator, ratio.numerator))
                )
            else:
                found |= dict.fromkeys(_facts_of_chain(quantity, t, ratio, ratios), OPERATOR_NORM)
        found |= _facts_of_operator(quantity, quantities, meanings or {})
    return found


Ratios = list[tuple[sp.Symbol, NormRatio]]


def _facts_of_image(quantity: Quantity, t: sp.Symbol, c: sp.Symbol | None) -> dict[sp.Expr, str]:
    """Facts about t = ‖Aᵀv‖/‖v‖, and c = cos∠(v, Aᵀv) where it is named, from a quantity of A."""
    match quantity.definition:
        case SigmaMax():
            return {quantity.symbol - t: OPERATOR_NORM}
        case SigmaMinAdjoint():
            return {t - quantity.symbol: OPERATOR_NORM}
        case Frobenius():
            return {quantity.symbol - t: CAUCHY_SCHWARZ}
        case NumericalRange(_, end) if c is not None:
            return {end * (quantity.symbol - c * t): RAYLEIGH}
    return {}


def _facts_of_chain(
    quantity: Quantity, t: sp.Symbol, ratio: NormRatio, ratios: Ratios
) -> Iterable[sp.Expr]:
    """Facts about t = ‖Aᵀv‖/‖u‖ where r = ‖v‖/‖u‖ is named: s·r ≤ t ≤ σ·r."""
    for r, other in ratios:
        operator = quantity.definition.operator  # type: ignore[union-attr]
        if other.denominator == ratio.denominator and _is_adjoint_image(
            ratio.numerator, operator, other.numerator
        ):
            if isinstance(quantity.definition, SigmaMax):
                yield quantity.symbol * r - t
            elif isinstance(quantity.definition, SigmaMinAdjoint):
                yield t - quantity.symbol * r


def _facts_of_operator(
    quantity: Quantity, quantities: tuple[Quantity, ...], meanings: Mapping[sp.Basic, Meaning]
) -> dict[sp.Expr, str]:
    """Facts about a quantity of an operator alone: Rayleigh quotients are no larger than the norm,
    known slopes stay in their range.
    """
    match quantity.definition:
        case NumericalRange(operator, end):
            return {
                q.symbol - end * quantity.symbol: RAYLEIGH
                for q in quantities
                if q.definition == SigmaMax(operator)
            }
        case SigmaMax(operator):
            match meanings.get(operator):
                case JacobianOf(Pointwise(name), _) if name in SLOPES:
                    return {sp.Rational(SLOPES[name][1]) - quantity.symbol: KNOWN_SLOPES}
    return {}


def _triangles(symbol: sp.Symbol, ratio: NormRatio, ratios: Ratios) -> Iterable[sp.Expr]:
    """Facts about ‖v₁ + v₂ + …‖/‖u‖ where every ‖vᵢ‖/‖u‖ is named (or is ‖u‖/‖u‖): both triangle
    inequalities.
    """
    if not isinstance(ratio.numerator, sp.MatAdd):
        return
    named = {other.numerator: s for s, other in ratios if other.denominator == ratio.denominator}
    named[ratio.denominator] = sp.Integer(1)
    parts = []
    for part in ratio.numerator.args:
        size, column = scaled(part)
        if column not in named:
            return
        parts.append(size * named[column])
    yield sp.Add(*parts) - symbol
    for part in parts:
        # ‖v₁ + v₂ + …‖ ≥ ‖vᵢ‖ − Σ_{j≠i} ‖vⱼ‖, written with the sum over all j.
        yield symbol - 2 * part + sp.Add(*parts)


def scaled(column: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """A column k·u as (|k|, u): ‖k·u‖ = |k|·‖u‖."""
    if isinstance(column, sp.MatMul) and column.args[0].is_number:
        size, *rest = column.args
        return sp.Abs(size), rest[0] if len(rest) == 1 else sp.MatMul(*rest)
    return sp.Integer(1), column
