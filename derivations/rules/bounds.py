"""Bounds the gain of a block: one rule per node, one theorem per function.

Every rule returns bounds with their conditions, limits and proofs, or raises. γ is ‖∂L/∂x‖ relative
to ‖base‖, where the base is the backward signal g, or what a theorem names: for a dense step its
slice g_y on the old state.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import singledispatch
from typing import Literal

import sympy as sp

from derivations.algebra.letters import EPSILON
from derivations.algebra.notation import Notation, compose
from derivations.algebra.printing import text
from derivations.algebra.quantities import (
    BRANCH_GAIN,
    COSINE,
    GAIN,
    LAMBDA,
    MU,
    RATIO,
    SIGMA_MAX,
    SIGMA_MIN,
    Cosine,
    NormRatio,
    NumericalRange,
    Quantity,
    SigmaMax,
    SigmaMinAdjoint,
    adjoint_image,
)
from derivations.algebra.steps import Certificate, Derivation, Step
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
from derivations.rules.bound import Bound, Bounds, Order, Proved, Side
from derivations.rules.jacobian import leaf_jacobian, linearize, pullback_rule, whole_signal
from derivations.rules.norm_calculus import NormCalculus


@singledispatch
def bound_rule(term: Term, notation: Notation) -> Bounds:
    """The bounds on the gain of `term` that its structure gives beyond those of any Jacobian."""
    raise UnknownNodeError(
        f"no bound for {type(term).__name__}: register one in derivations/rules/bounds.py"
    )


@bound_rule.register(Leaf)
@bound_rule.register(Identity)
@bound_rule.register(Complement)
@bound_rule.register(Gate)
def _(term: Term, notation: Notation) -> Bounds:
    return Bounds(())


@bound_rule.register
def _(term: Chain, notation: Notation) -> Bounds:
    """A sum at the head of a chain is bounded relative to the signal that the rest of the chain
    leaves to it (section 2(h)).
    """
    first, *rest = term.parts
    if not isinstance(first, Add) or not rest:
        return Bounds(())
    signal = pullback_rule(
        Chain(*rest), compose(Identity(), first), notation, column(linearize(notation).signal)
    )
    return _sum_bounds(first, notation, signal)


@bound_rule.register
def _(term: Add, notation: Notation) -> Bounds:
    return _sum_bounds(term, notation, notation.signal())


@bound_rule.register
def _(term: Concat, notation: Notation) -> Bounds:
    if len(term.parts) != 2 or term.parts.count(Identity()) != 1:
        return Bounds(())
    return dense_bounds(notation, skip=term.parts.index(Identity()))


def bounds(notation: Notation) -> Bounds:
    """Every bound on the gain of the notation's term, in the operator reading: those of its
    structure, and those of any Jacobian.
    """
    if notation.reading != "operator":
        raise InputError(
            "bounds are stated in the operator reading: build the notation with reading='operator'"
        )
    special = bound_rule(notation.term, notation)
    return replace(
        special,
        theorems=(*special.theorems, singular_value_bounds(notation), *norm_bounds(notation)),
    )


def singular_value_bounds(notation: Notation) -> Proved:
    """σ_min(Jᵀ) ≤ γ ≤ σ_max(J), both attained: the best bounds that hold for every g (theory of Eq.
    (1)).
    """
    line = linearize(notation)
    g, operator = column(line.signal), factor_right(line.jacobian)
    quantities = (
        Quantity(GAIN, NormRatio(adjoint_image(operator, g), g)),
        Quantity(SIGMA_MAX, SigmaMax(operator)),
        Quantity(SIGMA_MIN, SigmaMinAdjoint(operator)),
    )
    scaled = (SIGMA_MIN, SIGMA_MAX) if notation.vanishes(operator) else ()
    steps = (
        Step("gradient", notation.gradient(), "=", adjoint_image(operator, g)),
        _at_least("least singular value", SIGMA_MIN, ((GAIN - SIGMA_MIN,),)),
        _at_most("largest singular value", SIGMA_MAX, ((SIGMA_MAX - GAIN,),)),
        *_limits([SIGMA_MIN, SIGMA_MAX], scaled),
    )
    make = _Maker("singular", quantities, g, ("g ≠ 0",), scaled)
    least = make("min", "lower", SIGMA_MIN, f"singular values, Eq. (1){_where_zero(notation)}")
    made = (least, make("max", "upper", SIGMA_MAX, "singular values, Eq. (1)"))
    return Proved(made, Derivation("singular values", notation, steps, quantities))


def norm_bounds(notation: Notation) -> tuple[Proved, ...]:
    """Bounds from the norms of the factors of the Jacobian alone, for any term; none for a term
    that is its own only factor.
    """
    line = linearize(notation)
    g, operator = column(line.signal), factor_right(line.jacobian)
    if (
        operator in notation.meanings
        or operator.has(sp.ZeroMatrix)
        or isinstance(operator, sp.Identity)
    ):
        return ()
    calculus = NormCalculus(notation, g)
    ends = calculus.pull(operator, g)
    gain = calculus.ratio(ends.image)
    if not gain.is_Symbol:
        return ()
    renamed = {gain: GAIN}
    quantities = tuple(
        replace(q, symbol=renamed.get(q.symbol, q.symbol)) for q in calculus.quantities
    )
    scaled = tuple(
        q.symbol
        for q in quantities
        if isinstance(q.definition, (SigmaMax, SigmaMinAdjoint))
        and notation.vanishes(q.definition.operator)
    )
    exprs = [("upper", ends.high), *([("lower", ends.low)] if ends.low != 0 else [])]
    steps = (
        Step("gradient", notation.gradient(), "=", ends.image),
        *(_renamed(step, renamed) for step in calculus.steps),
        *_limits([expr for _, expr in exprs], scaled),
    )
    make = _Maker("norms", quantities, g, ("g ≠ 0",), scaled)
    sources = {"upper": "triangle inequality, operator norms of the factors"}
    sources["lower"] = sources["upper"] + _where_zero(notation)
    made = tuple(make("factors", side, expr, sources[side]) for side, expr in exprs)  # type: ignore[arg-type]
    return (Proved(made, Derivation("norms of factors", notation, steps, quantities)),)


def _sum_bounds(term: Add, notation: Notation, signal: sp.Expr) -> Bounds:
    """A sum with one shortcut, the identity or else the only affine part, perturbed by the other
    parts.
    """
    skips: list[Term] = [part for part in term.parts if part == Identity()] or [
        part for part in term.parts if isinstance(part, Linear)
    ]
    branch = [part for part in term.parts if part not in skips]
    if len(skips) != 1 or not branch:
        return Bounds(())
    operator = factor_right(
        leaf_jacobian(branch[0] if len(branch) == 1 else Add(*branch), notation)
    )
    if skips == [Identity()]:
        return residual_bounds(notation, operator, signal)
    return shortcut_bounds(
        notation, operator, adjoint_image(notation.jacobian(skips[0], Identity()), signal), signal
    )


def residual_bounds(notation: Notation, branch: sp.Expr, g: sp.Expr) -> Bounds:
    """Bounds of H = B(x) + x with J_B = `branch`: law of cosines, triangle, alignment, operator
    norm, numerical range.

    `g` is the signal at H: the backward signal, or what later parts of a chain leave of it.
    """
    lemma = _perturbation(notation, g, adjoint_image(branch, g))
    quantities = (
        *lemma.quantities,
        Quantity(SIGMA_MAX, SigmaMax(branch)),
        Quantity(SIGMA_MIN, SigmaMinAdjoint(branch)),
        Quantity(MU, NumericalRange(branch, -1)),
        Quantity(LAMBDA, NumericalRange(branch, +1)),
    )
    uniform, numerical = sp.Max(1 - SIGMA_MAX, SIGMA_MIN - 1, 0), sp.Max(1 + MU, -1 - LAMBDA, 0)
    scaled = (BRANCH_GAIN, SIGMA_MAX, SIGMA_MIN, MU, LAMBDA) if notation.vanishes(branch) else ()
    order = (
        *_perturbation_order("residual"),
        *_ordered(
            "residual.triangle.lower",
            "residual.uniform.lower",
            sp.Abs(1 - BRANCH_GAIN),
            uniform,
            _TRIANGLE_PARTS,
        ),
        _order(
            "residual.triangle.upper",
            "residual.uniform.upper",
            1 + BRANCH_GAIN,
            "<=",
            1 + SIGMA_MAX,
            ((SIGMA_MAX - BRANCH_GAIN,),),
        ),
    )
    steps = (
        *lemma.steps,
        _at_least(
            "operator norm",
            1 - SIGMA_MAX,
            ((GAIN - (1 - BRANCH_GAIN),), (SIGMA_MAX - BRANCH_GAIN,)),
        ),
        _at_least(
            "least singular value",
            SIGMA_MIN - 1,
            ((GAIN + (1 - BRANCH_GAIN),), (BRANCH_GAIN - SIGMA_MIN,)),
        ),
        Step("largest lower bound", GAIN, ">=", uniform),
        _at_most(
            "operator norm", 1 + SIGMA_MAX, ((1 + BRANCH_GAIN - GAIN,), (SIGMA_MAX - BRANCH_GAIN,))
        ),
        _at_least(
            "projection on g",
            sp.Abs(1 + COSINE * BRANCH_GAIN),
            ((BRANCH_GAIN**2, 1 - COSINE, 1 + COSINE),),
            power=2,
        ),
        _at_least(
            "least Rayleigh quotient",
            1 + MU,
            ((GAIN - (1 + COSINE * BRANCH_GAIN),), (COSINE * BRANCH_GAIN - MU,)),
        ),
        _at_least(
            "largest Rayleigh quotient",
            -1 - LAMBDA,
            ((GAIN + (1 + COSINE * BRANCH_GAIN),), (LAMBDA - COSINE * BRANCH_GAIN,)),
        ),
        Step("largest lower bound", GAIN, ">=", numerical),
        Step(
            "Rayleigh quotients against the norm",
            1 + MU,
            ">=",
            1 - SIGMA_MAX,
            certificates=(Certificate(((MU + SIGMA_MAX,),)),),
        ),
        *(each.step for each in order),
        *_limits([*_PERTURBATION_EXPRS, uniform, 1 + SIGMA_MAX, numerical], scaled),
    )
    make = _Maker("residual", quantities, g, _nonzero(g, notation), scaled)
    made = (
        *_perturbation_bounds(make),
        make("uniform", "lower", uniform, _NORM),
        make("uniform", "upper", 1 + SIGMA_MAX, _NORM),
        make("numerical_range", "lower", numerical, "Cauchy–Schwarz, Rayleigh quotient"),
    )
    return Bounds((Proved(made, Derivation("bounds", notation, steps, quantities)),), order)


def shortcut_bounds(notation: Notation, branch: sp.Expr, v: sp.Expr, g: sp.Expr) -> Bounds:
    """Bounds of H = B(x) + W x relative to ‖v‖, v = Wᵀg: those of a residual block along g (section
    2(g)).

    Relative to ‖g‖, `norm_bounds` has (σ_min(Wᵀ) − σ_max(J_B))₊, which is 0 whenever H has more
    entries than x.
    """
    lemma = _perturbation(notation, v, adjoint_image(branch, g))
    scaled = (BRANCH_GAIN,) if notation.vanishes(branch) else ()
    order = _perturbation_order("shortcut")
    steps = (*lemma.steps, *(each.step for each in order), *_limits(_PERTURBATION_EXPRS, scaled))
    make = _Maker("shortcut", lemma.quantities, v, _nonzero(v, notation), scaled)
    return Bounds(
        (
            Proved(
                _perturbation_bounds(make), Derivation("bounds", notation, steps, lemma.quantities)
            ),
        ),
        order,
    )


def dense_bounds(notation: Notation, skip: int) -> Bounds:
    """Bounds of H = (F(y), y) relative to ‖g_y‖: as for a residual block with w = J_Fᵀ g_F, and
    uniform ones.
    """
    part = notation.term.parts[1 - skip]  # type: ignore[attr-defined]
    g_y, g_f = notation.signal((skip,)), column(whole_signal(notation, part, (1 - skip,)))
    branch = factor_right(leaf_jacobian(part, notation))
    lemma = _perturbation(notation, g_y, adjoint_image(branch, g_f))
    quantities = (
        *lemma.quantities,
        Quantity(RATIO, NormRatio(g_f, g_y)),
        Quantity(SIGMA_MAX, SigmaMax(branch)),
    )
    reach = SIGMA_MAX * RATIO
    uniform = sp.Max(1 - reach, 0)
    scaled = (BRANCH_GAIN, SIGMA_MAX) if notation.vanishes(branch) else ()
    parts = (
        (
            "operator norm",
            1 - reach,
            ((sp.Abs(1 - BRANCH_GAIN) - (1 - BRANCH_GAIN),), (reach - BRANCH_GAIN,)),
        ),
    )
    order = (
        *_perturbation_order("dense"),
        *_ordered(
            "dense.triangle.lower", "dense.uniform.lower", sp.Abs(1 - BRANCH_GAIN), uniform, parts
        ),
        _order(
            "dense.triangle.upper",
            "dense.uniform.upper",
            1 + BRANCH_GAIN,
            "<=",
            1 + reach,
            ((reach - BRANCH_GAIN,),),
        ),
    )
    steps = (
        *lemma.steps,
        _at_least(
            "operator norm", 1 - reach, ((GAIN - (1 - BRANCH_GAIN),), (reach - BRANCH_GAIN,))
        ),
        Step("largest lower bound", GAIN, ">=", uniform),
        _at_most("operator norm", 1 + reach, ((1 + BRANCH_GAIN - GAIN,), (reach - BRANCH_GAIN,))),
        *(each.step for each in order),
        *_limits([*_PERTURBATION_EXPRS, uniform, 1 + reach], scaled),
    )
    make = _Maker("dense", quantities, g_y, ("g_y ≠ 0",), scaled)
    made = (
        *_perturbation_bounds(make),
        make("uniform", "lower", uniform, _NORM),
        make("uniform", "upper", 1 + reach, _NORM),
    )
    return Bounds((Proved(made, Derivation("bounds", notation, steps, quantities)),), order)


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
    """Where a lower bound for every g must be 0: some g is lost wherever H has more entries than x."""
    inputs, outputs = notation.inputs, notation.dimension_of(notation.term)
    more = outputs - inputs
    if more.is_nonpositive:
        return ""
    return (
        "; 0, as H has more entries than x"
        if more.is_positive
        else f"; 0 where {outputs} > {inputs}"
    )


def _nonzero(base: sp.Expr, notation: Notation) -> tuple[str, ...]:
    return ("g ≠ 0",) if base == notation.signal() else (f"{text(base).replace('*', ' ')} ≠ 0",)


_NORM = "triangle inequality, operator norm"
_OBTUSE = sp.Min(COSINE, 0)
_COSINE_LAW = sp.sqrt(1 + 2 * COSINE * BRANCH_GAIN + BRANCH_GAIN**2)
_ALIGNMENT = sp.sqrt(1 - _OBTUSE**2)
# Not 1 + 2ct + t²: where the branch cancels the skip, that loses half the digits, and the bound
# exceeds the gain.
_ALIGNMENT_WITH_T = sp.sqrt((1 - BRANCH_GAIN) ** 2 + 2 * BRANCH_GAIN * (1 + _OBTUSE))
_PERTURBATION_EXPRS = (
    _COSINE_LAW,
    sp.Abs(1 - BRANCH_GAIN),
    1 + BRANCH_GAIN,
    _ALIGNMENT,
    _ALIGNMENT_WITH_T,
)
_TRIANGLE_PARTS = (
    (
        "operator norm",
        1 - SIGMA_MAX,
        ((sp.Abs(1 - BRANCH_GAIN) - (1 - BRANCH_GAIN),), (SIGMA_MAX - BRANCH_GAIN,)),
    ),
    (
        "least singular value",
        SIGMA_MIN - 1,
        ((sp.Abs(1 - BRANCH_GAIN) + (1 - BRANCH_GAIN),), (BRANCH_GAIN - SIGMA_MIN,)),
    ),
)


@dataclass(frozen=True)
class _Lemma:
    quantities: tuple[Quantity, ...]
    steps: tuple[Step, ...]


def _perturbation(notation: Notation, v: sp.Expr, w: sp.Expr) -> _Lemma:
    """‖v + w‖ relative to ‖v‖, by t = ‖w‖/‖v‖ and c = cos∠(v, w): the law of cosines and what
    follows from it.
    """
    quantities = (
        Quantity(GAIN, NormRatio(sp.MatAdd(v, w), v)),
        Quantity(BRANCH_GAIN, NormRatio(w, v)),
        Quantity(COSINE, Cosine(v, w)),
    )
    total, across = sp.MatAdd(v, w), sp.MatMul(sp.Transpose(v), w)
    square = sp.MatAdd(
        sp.MatMul(sp.Transpose(v), v), across, sp.Transpose(across), sp.MatMul(sp.Transpose(w), w)
    )
    aligned = (
        Certificate(((BRANCH_GAIN + COSINE, BRANCH_GAIN + COSINE),), 2, -COSINE),
        Certificate(((2, COSINE, BRANCH_GAIN), (BRANCH_GAIN, BRANCH_GAIN)), 2, COSINE),
    )
    real = (
        Certificate(
            ((BRANCH_GAIN + COSINE, BRANCH_GAIN + COSINE), (1 - COSINE, 1 + COSINE)),
            1,
            -COSINE,
        ),
        Certificate(((1,), (BRANCH_GAIN, BRANCH_GAIN)), 1, COSINE),
    )
    kept = (
        Certificate((), 2, -COSINE),
        Certificate(((2, COSINE, BRANCH_GAIN),), 2, COSINE),
    )
    steps = (
        Step("base and branch", notation.gradient(), "=", total),
        Step("square of a sum", sp.MatMul(sp.Transpose(total), total), "=", square),
        Step("law of cosines", GAIN**2, "=", _COSINE_LAW**2, "‖base‖ ≠ 0"),
        Step(
            "c² ≤ 1",
            _ALIGNMENT**2,
            ">=",
            sp.S.Zero,
            certificates=(
                Certificate(((1 - COSINE, 1 + COSINE),), 1, -COSINE),
                Certificate(((1,),), 1, COSINE),
            ),
        ),
        Step("least over t", _ALIGNMENT_WITH_T**2, ">=", sp.S.Zero, certificates=real),
        _at_least("c ≥ −1", sp.Abs(1 - BRANCH_GAIN), ((2, BRANCH_GAIN, 1 + COSINE),), power=2),
        _at_most("c ≤ 1", 1 + BRANCH_GAIN, ((2, BRANCH_GAIN, 1 - COSINE),), power=2),
        Step("least over t", GAIN, ">=", _ALIGNMENT, certificates=aligned),
        Step("obtuse part of the angle", GAIN, ">=", _ALIGNMENT_WITH_T, certificates=kept),
    )
    return _Lemma(quantities, steps)


def _perturbation_order(prefix: str) -> tuple[Order, ...]:
    """With t kept, the alignment bound is the tightest of those along g: |1 − t| is its value at c
    = −1, (c) its least over t.
    """
    tightest = f"{prefix}.alignment_with_t.lower"
    triangle = (
        Certificate(((2, BRANCH_GAIN, 1 + COSINE),), 2, -COSINE),
        Certificate(((2, BRANCH_GAIN),), 2, COSINE),
    )
    least = (
        Certificate(((BRANCH_GAIN + COSINE, BRANCH_GAIN + COSINE),), 2, -COSINE),
        Certificate(((BRANCH_GAIN, BRANCH_GAIN),), 2, COSINE),
    )
    return (
        Order(
            tightest,
            f"{prefix}.triangle.lower",
            Step(
                "tighter", _ALIGNMENT_WITH_T, ">=", sp.Abs(1 - BRANCH_GAIN), certificates=triangle
            ),
        ),
        Order(
            tightest,
            f"{prefix}.alignment.lower",
            Step("tighter", _ALIGNMENT_WITH_T, ">=", _ALIGNMENT, certificates=least),
        ),
    )


def _perturbation_bounds(make: "_Maker") -> tuple[Bound, ...]:
    return (
        make("cosine_law", "equal", _COSINE_LAW, "law of cosines"),
        make("triangle", "lower", sp.Abs(1 - BRANCH_GAIN), "triangle inequality"),
        make("triangle", "upper", 1 + BRANCH_GAIN, "triangle inequality"),
        make("alignment", "lower", _ALIGNMENT, "law of cosines, least over t"),
        make("alignment_with_t", "lower", _ALIGNMENT_WITH_T, "law of cosines, obtuse angles only"),
    )


@dataclass(frozen=True)
class _Maker:
    """Builds the bounds of one theorem, which share quantities, base, conditions and what vanishes
    with the branch.
    """

    prefix: str
    quantities: tuple[Quantity, ...]
    base: sp.Expr
    conditions: tuple[str, ...]
    scaled: Sequence[sp.Symbol] = field(default=())

    def __call__(self, name: str, side: Side, expr: sp.Expr, source: str) -> Bound:
        expr = sp.sympify(expr)
        used = tuple(q for q in self.quantities if q.symbol in expr.free_symbols)
        bound_id = f"{self.prefix}.{name}.{side}"
        return Bound(
            bound_id,
            side,
            expr,
            used,
            self.base,
            self.conditions,
            "exact",
            _limit(expr, self.scaled),
            source,
        )


Products = tuple[tuple[sp.Expr, ...], ...]


def _at_least(rule: str, expr: sp.Expr, products: Products, power: int = 1) -> Step:
    return Step(rule, GAIN, ">=", expr, certificates=(Certificate(products, power),))


def _at_most(rule: str, expr: sp.Expr, products: Products, power: int = 1) -> Step:
    return Step(rule, GAIN, "<=", expr, certificates=(Certificate(products, power),))


def _order(
    tighter: str,
    looser: str,
    expr: sp.Expr,
    relation: Literal[">=", "<="],
    other: sp.Expr,
    products: Products,
) -> Order:
    return Order(
        tighter,
        looser,
        Step("tighter", expr, relation, other, certificates=(Certificate(products),)),
    )


def _ordered(
    tighter: str,
    looser: str,
    expr: sp.Expr,
    maximum: sp.Max,
    parts: tuple[tuple[str, sp.Expr, Products], ...],
) -> tuple[Order, ...]:
    """`expr` is at least every part of `maximum`, hence at least the maximum."""
    each = (
        Order(tighter, looser, Step(rule, expr, ">=", part, certificates=(Certificate(products),)))
        for rule, part, products in parts
    )
    return (*each, Order(tighter, looser, Step("tighter", expr, ">=", maximum)))


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


def _vanishing(expr: sp.Expr, scaled: Sequence[sp.Symbol]) -> sp.Expr:
    return _unevaluated(expr, {symbol: EPSILON * symbol for symbol in scaled})


def _unevaluated(expr: sp.Expr, new: dict[sp.Symbol, sp.Expr]) -> sp.Expr:
    """Replaces symbols; a maximum is rebuilt as it stands, for SymPy would compare its parts again,
    which takes longest of all.
    """
    if not expr.has(sp.Max):
        return expr.xreplace(new)
    parts = [_unevaluated(part, new) for part in expr.args]
    return sp.Max(*parts, evaluate=False) if isinstance(expr, sp.Max) else expr.func(*parts)


def _limit(expr: sp.Expr, scaled: Sequence[sp.Symbol]) -> sp.Expr:
    return expr.xreplace(dict.fromkeys(scaled, sp.S.Zero))


def _limits(exprs: Sequence[sp.Expr], scaled: Sequence[sp.Symbol]) -> tuple[Step, ...]:
    moving = [expr for expr in map(sp.sympify, exprs) if expr.free_symbols & set(scaled)]
    return tuple(
        Step(
            "vanishing branch",
            _vanishing(expr, scaled),
            "->",
            _limit(expr, scaled),
            vanishing=EPSILON,
        )
        for expr in moving
    )
