"""Derives the Jacobian and the pullback of a term by the chain rule: one rule per node.

`jacobian_rule` differentiates one node in terms of its parts (forward); `pullback_rule` sends a
backward signal through one node (reverse). The rules never look at the reading: a `Notation` turns
the letters into numbers or matrices.
"""

from dataclasses import dataclass
from functools import singledispatch

import sympy as sp
from sympy.matrices.expressions.slice import MatrixSlice

from derivations.algebra.letters import EPSILON
from derivations.algebra.notation import Notation, compose
from derivations.algebra.shared_parts import added, kept
from derivations.algebra.steps import Derivation, Step
from derivations.algebra.terms import (
    Add,
    Chain,
    Complement,
    Concat,
    Gate,
    Identity,
    Leaf,
    Pointwise,
    Term,
    parts_of,
)
from derivations.errors import InputError, UnknownNodeError
from derivations.rules.remaining import branch_of, vanishing_branch, without_branch

_RULE_NAMES = {
    Identity: "identity",
    Complement: "complement",
    Chain: "chain rule",
    Add: "sum rule",
    Concat: "concatenation",
    Gate: "product rule",
}


@singledispatch
def jacobian_rule(term: Term, point: Term, notation: Notation) -> sp.Expr:
    """∂term/∂input at `point`, in the Jacobians of the parts."""
    raise UnknownNodeError(
        f"no Jacobian rule for {type(term).__name__}: register one in derivations/rules/jacobian.py"
    )


@jacobian_rule.register
def _(term: Identity, point: Term, notation: Notation) -> sp.Expr:
    return (
        sp.Integer(1) if notation.reading == "scalar" else sp.Identity(notation.dimension_of(point))
    )


@jacobian_rule.register
def _(term: Complement, point: Term, notation: Notation) -> sp.Expr:
    return (
        -sp.Integer(1)
        if notation.reading == "scalar"
        else -sp.Identity(notation.dimension_of(point))
    )


@jacobian_rule.register
def _(term: Leaf, point: Term, notation: Notation) -> sp.Expr:
    return notation.jacobian(term, point)


@jacobian_rule.register
def _(term: Chain, point: Term, notation: Notation) -> sp.Expr:
    factors = []
    for part in term.parts:
        factors.append(notation.jacobian(part, point))
        point = compose(point, part)
    return _product(notation, *reversed(factors))


@jacobian_rule.register
def _(term: Add, point: Term, notation: Notation) -> sp.Expr:
    return _sum(notation, *(notation.jacobian(part, point) for part in term.parts))


@jacobian_rule.register
def _(term: Concat, point: Term, notation: Notation) -> sp.Expr:
    return _stack(notation, *(notation.jacobian(part, point) for part in term.parts))


@jacobian_rule.register
def _(term: Gate, point: Term, notation: Notation) -> sp.Expr:
    signal, gate = compose(point, term.signal), compose(point, term.gate)
    return _sum(
        notation,
        _product(notation, notation.diagonal(signal), notation.jacobian(term.gate, point)),
        _product(notation, notation.diagonal(gate), notation.jacobian(term.signal, point)),
    )


@singledispatch
def pullback_rule(term: Term, point: Term, notation: Notation, g: sp.Expr) -> sp.Expr:
    """(∂term/∂input)ᵀ g at `point`. `g` is a column, or a tuple of columns, one per part of a
    concatenation.
    """
    raise UnknownNodeError(
        f"no pullback rule for {type(term).__name__}: register one in derivations/rules/jacobian.py"
    )


@pullback_rule.register
def _(term: Identity, point: Term, notation: Notation, g: sp.Expr) -> sp.Expr:
    return g


@pullback_rule.register
def _(term: Complement, point: Term, notation: Notation, g: sp.Expr) -> sp.Expr:
    return -g


@pullback_rule.register
def _(term: Leaf, point: Term, notation: Notation, g: sp.Expr) -> sp.Expr:
    return _product(notation, _transpose(notation, notation.jacobian(term, point)), g)


@pullback_rule.register
def _(term: Pointwise, point: Term, notation: Notation, g: sp.Expr) -> sp.Expr:
    return _product(
        notation, notation.jacobian(term, point), g
    )  # a diagonal matrix is its own transpose


@pullback_rule.register
def _(term: Chain, point: Term, notation: Notation, g: sp.Expr) -> sp.Expr:
    points = [point]
    for part in term.parts[:-1]:
        points.append(compose(points[-1], part))
    for part, at in zip(reversed(term.parts), reversed(points), strict=True):
        g = pullback_rule(part, at, notation, g)
    return g


@pullback_rule.register
def _(term: Add, point: Term, notation: Notation, g: sp.Expr) -> sp.Expr:
    return _sum(notation, *(pullback_rule(part, point, notation, g) for part in term.parts))


@pullback_rule.register
def _(term: Concat, point: Term, notation: Notation, g: sp.Expr) -> sp.Expr:
    slices = g if isinstance(g, sp.Tuple) else _split(term, point, notation, g)
    return _sum(
        notation,
        *(
            pullback_rule(part, point, notation, piece)
            for part, piece in zip(term.parts, slices, strict=True)
        ),
    )


@pullback_rule.register
def _(term: Gate, point: Term, notation: Notation, g: sp.Expr) -> sp.Expr:
    signal, gate = compose(point, term.signal), compose(point, term.gate)
    return _sum(
        notation,
        pullback_rule(term.gate, point, notation, _product(notation, notation.diagonal(signal), g)),
        pullback_rule(term.signal, point, notation, _product(notation, notation.diagonal(gate), g)),
    )


@dataclass(frozen=True)
class Linearization:
    """The Jacobian and the pullback of a term, with the ledgers that lead to them."""

    jacobian: sp.Expr
    pullback: sp.Expr
    signal: sp.Expr
    derivation: Derivation


def linearize(notation: Notation, title: str = "gradient") -> Linearization:
    """Derives ∂H/∂x and ∂L/∂x of the notation's term, step by step."""
    if title not in notation.derived:
        notation.derived[title] = _linearized(notation, title)
    found: Linearization = notation.derived[title]
    return found


def _linearized(notation: Notation, title: str) -> Linearization:
    term = notation.term
    if notation.reading == "scalar" and any(
        _concatenates(part) for part, _ in _parts(term, Identity())
    ):
        raise InputError(
            "the scalar reading has no concatenation inside a block: use reading='operator'"
        )
    g = whole_signal(notation, term)
    steps: list[Step] = []
    if not isinstance(g, sp.Tuple):
        before = _product(notation, _transpose(notation, notation.jacobian(term, Identity())), g)
        steps.append(Step("chain rule of the loss", notation.gradient(), "=", before))
    jacobian = _expand(term, Identity(), notation, steps)
    pullback = pullback_rule(term, Identity(), notation, g)
    steps.append(Step("transposition", notation.gradient(), "=", pullback))
    return Linearization(jacobian, pullback, g, Derivation(title, notation, tuple(steps)))


def remains(line: Linearization) -> Step:
    """What is left of the pullback when the Jacobians of the branch vanish."""
    notation = line.derivation.notation
    if notation.reading == "scalar":
        branch = branch_of(notation)
        scaled = line.pullback.xreplace({symbol: EPSILON * symbol for symbol in branch})
        left = line.pullback.xreplace(dict.fromkeys(branch, sp.S.Zero))
        return Step("vanishing branch", scaled, "->", left, vanishing=EPSILON)
    left = without_branch(line.pullback, notation)
    name = vanishing_branch(notation)
    return Step("without the branch", line.pullback, "->", left, vanishing=name)


def leaf_jacobian(term: Term, notation: Notation) -> sp.Expr:
    """The Jacobian of `term` at the block's input, in those of its leaves alone."""
    return _expand(term, Identity(), notation, [])


def whole_signal(notation: Notation, term: Term, part: tuple[int, ...] = ()) -> sp.Expr:
    """The backward signal behind `term`: one column, or one per part of a concatenation."""
    if isinstance(term, Concat):
        return sp.Tuple(
            *(
                whole_signal(notation, piece, (*part, index))
                for index, piece in enumerate(term.parts)
            )
        )
    return notation.signal(part)


def _expand(term: Term, point: Term, notation: Notation, steps: list[Step]) -> sp.Expr:
    """The Jacobian in those of the leaves, recording one step per node and one that puts them
    together.
    """
    rule = jacobian_rule(term, point, notation)
    if isinstance(term, Leaf):
        return rule
    symbol = notation.jacobian(term, point)
    steps.append(Step(_RULE_NAMES.get(type(term), type(term).__name__), symbol, "=", rule))
    parts = {
        part: _expand(*part, notation, steps)
        for part in _parts(term, point)
        if not isinstance(part[0], Leaf)
    }
    if not parts:
        return rule
    full = rule.xreplace({notation.jacobian(*part): value for part, value in parts.items()})
    if notation.reading == "operator":
        full = full.doit()
    steps.append(Step("substitution", symbol, "=", full))
    return full


def _concatenates(term: Term) -> bool:
    return isinstance(term, Concat) or any(
        _concatenates(part) for part, _ in _parts(term, Identity())
    )


def _parts(term: Term, point: Term) -> list[tuple[Term, Term]]:
    if isinstance(term, Chain):
        pairs = []
        for part in term.parts:
            pairs.append((part, point))
            point = compose(point, part)
        return pairs
    if isinstance(term, Gate):
        # In the order of the product rule above, so that the steps follow what they substitute.
        return [(term.gate, point), (term.signal, point)]
    return [(part, point) for part in parts_of(term)]


def _product(notation: Notation, *factors: sp.Expr) -> sp.Expr:
    if notation.reading == "scalar":
        return sp.Mul(*factors)
    return kept(sp.MatMul(*factors).doit(deep=False))


def _sum(notation: Notation, *addends: sp.Expr) -> sp.Expr:
    if notation.reading == "scalar":
        return sp.Add(*addends)
    return kept(added(addends))


def _stack(notation: Notation, *rows: sp.Expr) -> sp.Expr:
    return (
        sp.Tuple(*rows) if notation.reading == "scalar" else sp.BlockMatrix([[row] for row in rows])
    )


def _transpose(notation: Notation, matrix: sp.Expr) -> sp.Expr:
    return matrix if notation.reading == "scalar" else sp.Transpose(matrix)


def _split(term: Concat, point: Term, notation: Notation, g: sp.Expr) -> list[sp.Expr]:
    start, pieces = sp.Integer(0), []
    for part in term.parts:
        stop = start + notation.dimension_of(compose(point, part))
        pieces.append(MatrixSlice(g, (start, stop), (0, 1)))
        start = stop
    return pieces
