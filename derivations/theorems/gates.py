"""Proves what the squeeze-and-excitation gate does to the gradient: a factor, and its norm.

The gate sees x only through u = F(x): everything it adds is a factor of J_F, so nothing of it
remains when J_F vanishes.
"""

import sympy as sp

from derivations.algebra.blocks import SE_RESIDUAL, WEIGHTS
from derivations.algebra.letters import LAYERS
from derivations.algebra.notation import Notation, notation_of
from derivations.algebra.steps import Derivation, Step, Theorem
from derivations.algebra.terms import Identity
from derivations.rules.bounds import factor_right
from derivations.rules.jacobian import leaf_jacobian, linearize
from derivations.rules.norm_calculus import NormCalculus

SOURCE = "Noh 2021, Eq. (3); Hu et al. 2018"


def theorems() -> tuple[Theorem, ...]:
    """Factorization, norm of the factor, slope of the gate, and the norm of average pooling."""
    return (_factorization(), _factor_norm(), _gate_slope(), _pooling())


def _factorization() -> Theorem:
    notation = notation_of(SE_RESIDUAL, "operator")
    expanded = linearize(notation).jacobian
    whole = notation.jacobian(SE_RESIDUAL.term, Identity())
    step = Step("common factor J_F", whole, "=", factor_right(expanded))
    statement = (
        "The Jacobian is M J_F + I: the gate acts as a factor M of the branch, and section by "
        "section the residual theorems apply to M J_F."
    )
    derivation = Derivation(
        "factorization", notation, (Step("chain and product rule", whole, "=", expanded), step)
    )
    return Theorem(
        "se.factorization",
        "The gate is a factor of the branch",
        statement,
        derivation,
        step,
        source=SOURCE,
    )


def _factor_norm() -> Theorem:
    notation = notation_of(SE_RESIDUAL, "operator")
    (factor, _) = next(
        addend
        for addend in factor_right(linearize(notation).jacobian).args
        if isinstance(addend, sp.MatMul)
    ).args
    statement = (
        "‖M‖ is at most max_c s_c + max_c(‖u_c‖ s_c(1 − s_c)) ‖W₂‖ ‖W₁‖ ‖P‖: diag(u) B D has one "
        "column per channel, and their supports are disjoint. This is a bound by factors, not of "
        "the function: what multiplies the rows of W₁ and divides the columns of W₂ computes the "
        "same, and may change it."
    )
    return _norm_theorem("se.factor_norm", "Norm of the gate's factor", statement, notation, factor)


def _gate_slope() -> Theorem:
    notation = notation_of(SE_RESIDUAL, "operator")
    statement = (
        "‖∂s/∂x‖ ≤ ¼ ‖W₂‖ ‖W₁‖ ‖P‖ ‖J_F‖, so J_F → 0 forces ∂s/∂x → 0: no gate term remains "
        "without the branch."
    )
    return _norm_theorem(
        "se.gate_slope", "Slope of the gate", statement, notation, leaf_jacobian(WEIGHTS, notation)
    )


def _norm_theorem(
    identifier: str, title: str, statement: str, notation: Notation, operator: sp.Expr
) -> Theorem:
    """‖operatorᵀ v‖ ≤ high · ‖v‖ for every v, by the norms of its factors."""
    v = notation.free("v", str(operator.shape[0]))
    calculus = NormCalculus(notation, v)
    ends = calculus.pull(operator, v)
    result = next(
        step
        for step in reversed(calculus.steps)
        if step.relation == "<=" and step.before == calculus.ratio(ends.image)
    )
    derivation = Derivation(identifier, notation, tuple(calculus.steps), tuple(calculus.quantities))
    conditions = ("v ≠ 0",)
    label = (
        rf"{notation.latex_names[result.before]} = \lVert \ldots \rVert / \lVert v \rVert: \quad "
    )
    return Theorem(
        identifier,
        title,
        statement,
        derivation,
        result,
        conditions,
        source=SOURCE,
        result_label=label,
    )


def _pooling() -> Theorem:
    """z = (1/l) Σ uᵢ over the l positions of a channel: l² z² ≤ l Σ uᵢ², with equality for constant
    u.
    """
    u, i, m = (
        sp.IndexedBase("u", real=True),
        sp.Symbol("i", integer=True, nonnegative=True),
        sp.Symbol("m", real=True),
    )
    notation = notation_of(SE_RESIDUAL, "scalar")
    squares, total = sp.Sum(u[i] ** 2, (i, 0, LAYERS - 1)), sp.Sum(u[i], (i, 0, LAYERS - 1))
    spread = sp.Sum((u[i] - m) ** 2, (i, 0, LAYERS - 1))
    identity = Step(
        "squares about m",
        LAYERS * squares - total**2,
        "=",
        LAYERS * spread - (total - LAYERS * m) ** 2,
        "l positions; u, m real",
    )
    statement = (
        "Global average pooling over l positions has ‖P‖ = 1/√l: about the mean m = Σ uᵢ/l the "
        "last square is 0, so l Σ uᵢ² − (Σ uᵢ)² = "
        "l Σ (uᵢ − m)² ≥ 0, and 0 where u is constant."
    )
    derivation = Derivation("pooling", notation, (identity,))
    return Theorem(
        "se.pooling",
        "Norm of average pooling",
        statement,
        derivation,
        identity,
        source="variance",
    )
