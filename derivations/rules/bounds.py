"""Bounds the gain of any term: one rule per node for its structure, two theorems for any Jacobian.

Every rule returns bounds with their conditions, limits and proofs, or raises. γ is ‖∂L/∂x‖ relative
to ‖base‖, where the base is the backward signal g, or what a theorem names: for a dense step its
slice g_y on the old state.
"""

from dataclasses import replace
from functools import singledispatch

import sympy as sp

from derivations.algebra.notation import Notation, compose
from derivations.algebra.quantities import (
    GAIN,
    LEAST,
    MOST,
    NormRatio,
    Quantity,
    adjoint_image,
)
from derivations.algebra.steps import Derivation, Step
from derivations.algebra.terms import (
    Add,
    Chain,
    Complement,
    Concat,
    Gate,
    Identity,
    Leaf,
    Linear,
    Term,
)
from derivations.errors import InputError, UnknownNodeError
from derivations.rules.bound_types import (
    BoundMaker,
    Bounds,
    Proved,
    Side,
    at_least,
    at_most,
    ends_of_gain,
    least_over_signals,
)
from derivations.rules.jacobian import leaf_jacobian, linearize, pullback_rule, whole_signal
from derivations.rules.norm_calculus import NormCalculus
from derivations.rules.perturbation import dense_bounds, residual_bounds, shortcut_bounds
from derivations.rules.remaining import Limits


@singledispatch
def bound_rule(term: Term, notation: Notation) -> Proved | None:
    """The bounds on the gain of `term` that its structure gives beyond those of any Jacobian."""
    raise UnknownNodeError(
        f"no bound for {type(term).__name__}: register one in derivations/rules/bounds.py"
    )


@bound_rule.register(Leaf)
@bound_rule.register(Identity)
@bound_rule.register(Complement)
@bound_rule.register(Gate)
def _(term: Term, notation: Notation) -> None:
    return None


@bound_rule.register
def _(term: Chain, notation: Notation) -> Proved | None:
    """A sum at the head of a chain is bounded relative to the signal that the rest of the chain
    leaves to it (section 2(h)).
    """
    first, *rest = term.parts
    if not isinstance(first, Add) or not rest:
        return None
    signal = pullback_rule(
        Chain(*rest), compose(Identity(), first), notation, column(linearize(notation).signal)
    )
    return _sum_bounds(first, notation, signal)


@bound_rule.register
def _(term: Add, notation: Notation) -> Proved | None:
    return _sum_bounds(term, notation, notation.signal())


@bound_rule.register
def _(term: Concat, notation: Notation) -> Proved | None:
    if len(term.parts) != 2 or term.parts.count(Identity()) != 1:
        return None
    skip = term.parts.index(Identity())
    part = term.parts[1 - skip]
    g_y, g_f = notation.signal((skip,)), column(whole_signal(notation, part, (1 - skip,)))
    return dense_bounds(notation, factor_right(leaf_jacobian(part, notation)), g_y, g_f)


def bounds(notation: Notation) -> Bounds:
    """Every bound on the gain of the notation's term, in the operator reading: those of its
    structure, and those of any Jacobian.
    """
    if notation.reading != "operator":
        raise InputError(
            "bounds are stated in the operator reading: build the notation with reading='operator'"
        )
    return Bounds(
        bound_rule(notation.term, notation), singular_value_bounds(notation), norm_bounds(notation)
    )


def singular_value_bounds(notation: Notation) -> Proved:
    """σ_min(Jᵀ) ≤ γ ≤ σ_max(J), both attained: the best bounds that hold for every g (theory of Eq.
    (1)).
    """
    line = linearize(notation)
    g, operator = column(line.signal), factor_right(line.jacobian)
    quantities: tuple[Quantity, ...] = (
        Quantity(GAIN, NormRatio(adjoint_image(operator, g), g)),
        *ends_of_gain(operator),
    )
    limits = Limits(notation, quantities)
    steps = (
        Step("gradient", notation.gradient(), "=", adjoint_image(operator, g)),
        at_least("least singular value", LEAST, ((GAIN - LEAST,),)),
        at_most("largest singular value", MOST, ((MOST - GAIN,),)),
        *limits.steps([LEAST, MOST]),
    )
    make = BoundMaker("singular", limits, g, ("g ≠ 0",))
    least = make("min", "lower", LEAST, f"singular values, Eq. (1){_where_zero(notation)}")
    made = (least, make("max", "upper", MOST, "singular values, Eq. (1)"))
    quantities = (*quantities, *limits.remaining.values())
    return Proved("singular", made, Derivation("singular values", notation, steps, quantities))


def norm_bounds(notation: Notation) -> Proved | None:
    """Bounds from the norms of the factors of the Jacobian alone, for any term; none for a term
    that is its own only factor.

    They are of the factors, not of the function: two networks that compute the same may have
    others, where weights move from one factor to the next, as within a gate. What stays within
    one factor, as a layer's scale that its BatchNorm undoes, does not change them.
    """
    line = linearize(notation)
    g, operator = column(line.signal), factor_right(line.jacobian)
    if (
        operator in notation.meanings
        or operator.has(sp.ZeroMatrix)
        or isinstance(operator, sp.Identity)
    ):
        return None
    calculus = NormCalculus(notation, g)
    ends = calculus.pull(operator, g)
    gain = calculus.ratio(ends.image)
    if not gain.is_Symbol:
        return None
    renamed = {gain: GAIN}
    quantities = tuple(
        replace(q, symbol=renamed.get(q.symbol, q.symbol)) for q in calculus.quantities
    )
    quantities = (*quantities, *ends_of_gain(operator))
    exprs: list[tuple[Side, sp.Expr]] = [("upper", ends.high)]
    if ends.low != 0:
        exprs.append(("lower", ends.low))
    limits = Limits(notation, quantities)
    order = tuple(least_over_signals(f"norms.factors.{side}", side, expr) for side, expr in exprs)
    steps = (
        Step("gradient", notation.gradient(), "=", ends.image),
        *(_renamed(step, renamed) for step in calculus.steps),
        *(each.step for each in order),
        *limits.steps(expr for _, expr in exprs),
    )
    make = BoundMaker("norms", limits, g, ("g ≠ 0",))
    sources = {"upper": "triangle inequality, operator norms of the factors"}
    sources["lower"] = sources["upper"] + _where_zero(notation)
    made = tuple(make("factors", side, expr, sources[side]) for side, expr in exprs)
    quantities = (*quantities, *limits.remaining.values())
    derivation = Derivation("norms of factors", notation, steps, quantities)
    return Proved("norms", made, derivation, order)


def _sum_bounds(term: Add, notation: Notation, signal: sp.Expr) -> Proved | None:
    """A sum with one shortcut, the identity or else the only affine part, perturbed by the other
    parts.
    """
    skips: list[Term] = [part for part in term.parts if part == Identity()] or [
        part for part in term.parts if isinstance(part, Linear)
    ]
    branch = [part for part in term.parts if part not in skips]
    if len(skips) != 1 or not branch:
        return None
    operator = factor_right(
        leaf_jacobian(branch[0] if len(branch) == 1 else Add(*branch), notation)
    )
    if skips == [Identity()]:
        return residual_bounds(notation, operator, signal)
    return shortcut_bounds(
        notation, operator, adjoint_image(notation.jacobian(skips[0], Identity()), signal), signal
    )


def factor_right(expr: sp.Expr) -> sp.Expr:
    """A J + B J + C ↦ (A + B) J + C: every common last factor taken out of a sum of products."""
    if not isinstance(expr, sp.MatAdd):
        return expr
    heads: dict[sp.Expr, list[sp.Expr]] = {}
    for addend in expr.args:
        *head, last = addend.args if isinstance(addend, sp.MatMul) else (addend,)
        matrices = [factor for factor in head if isinstance(factor, sp.MatrixExpr)]
        heads.setdefault(last, []).append(
            sp.MatMul(*head, *([] if matrices else [sp.Identity(last.shape[0])])).doit()
        )
    products = [
        sp.MatMul(found[0] if len(found) == 1 else sp.MatAdd(*found), last)
        for last, found in heads.items()
    ]
    factored = [
        product.doit() if len(found) == 1 else product
        for product, found in zip(products, heads.values(), strict=True)
    ]
    return factored[0] if len(factored) == 1 else sp.MatAdd(*factored)


def column(signal: sp.Expr) -> sp.Expr:
    """A backward signal given as a tuple of slices, stacked into one column."""
    return (
        sp.BlockMatrix([[column(piece)] for piece in signal])
        if isinstance(signal, sp.Tuple)
        else signal
    )


def _where_zero(notation: Notation) -> str:
    """Says where a bound for every g must be 0: a g is lost wherever H has more entries than x."""
    inputs, outputs = notation.inputs, notation.dimension_of(notation.term)
    more = outputs - inputs
    if more.is_nonpositive:
        return ""
    return (
        "; 0, as H has more entries than x"
        if more.is_positive
        else f"; 0 where {outputs} > {inputs}"
    )


def _renamed(step: Step, names: dict[sp.Symbol, sp.Symbol]) -> Step:
    proofs = tuple(
        replace(
            proof,
            products=tuple(
                tuple(sp.sympify(f).xreplace(names) for f in factors) for factors in proof.products
            ),
        )
        for proof in step.certificates
    )
    return replace(
        step,
        before=step.before.xreplace(names),
        after=step.after.xreplace(names),
        certificates=proofs,
    )
