"""Proves what a vanishing branch leaves of a gradient: that ∂L/∂x minus what is kept tends to 0.

That the gain tends to 1 says less: a rotated shortcut keeps every length and loses the gradient.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction

import sympy as sp

from derivations.algebra.blocks import BRANCH, Block
from derivations.algebra.letters import EPSILON
from derivations.algebra.notation import Notation, notation_of
from derivations.algebra.quantities import SigmaMax
from derivations.algebra.steps import Derivation, Step
from derivations.algebra.terms import Identity, Linear, leaves
from derivations.rules.bounds import factor_right
from derivations.rules.jacobian import linearize
from derivations.rules.norm_calculus import NormCalculus
from validate.audit.counterexample_search import Dual, Point, show, smallest, tangent
from validate.audit.evidence import Counterexample, Proof, prove
from validate.audit.gradients import affine, agree, gradient

INPUT = Fraction(1)


def left_of_numbers(block: Block, kept: Callable[[sp.Expr], sp.Expr], statement: str) -> Proof:
    """In the scalar reading: `kept` of ∂L/∂H is the limit of ∂L/∂x as ∂F/∂x → 0."""
    notation = notation_of(block, "scalar")
    line = linearize(notation)
    slope = notation.jacobian(BRANCH, Identity())
    vanishing = line.pullback.subs(slope, EPSILON * slope)
    step = Step("limit", vanishing, "->", kept(line.signal), vanishing=EPSILON)
    return prove(line.derivation, {statement: step})[statement]


def left_of_vectors(
    notation: Notation,
    rest: sp.Expr,
    signal: sp.Expr,
    kept: sp.Expr | None,
    statement: str,
    of: str,
) -> Proof:
    """In the operator reading: ∂L/∂x = restᵀ signal + kept, and a bound on ‖restᵀ signal‖ per
    ‖signal‖ that tends to 0 as the branch vanishes. None: nothing is kept. `of` is what a reader
    calls the signal.

    The equality, the bound and its limit are checked, so a `rest` that is none proves nothing.
    """
    calculus = NormCalculus(notation, signal)
    ends = calculus.pull(factor_right(rest), signal)
    total = ends.image if kept is None else sp.MatAdd(ends.image, kept)
    shrinking = {
        q.symbol: EPSILON * q.symbol
        for q in calculus.quantities
        if isinstance(q.definition, SigmaMax) and notation.vanishes(q.definition.operator)
    }
    derivation = Derivation(
        "what a vanishing branch leaves",
        notation,
        (Step("gradient", notation.gradient(), "=", total), *calculus.steps),
        tuple(calculus.quantities),
    )
    limit = Step("limit", ends.high.xreplace(shrinking), "->", sp.S.Zero, vanishing=EPSILON)
    full = f"{statement} (the remainder has norm at most {_text(ends.high)} · ‖{of}‖)"
    return replace(prove(derivation, {statement: limit})[statement], statement=full)


def remainder(jacobian: sp.Expr, kept: sp.Expr) -> sp.Expr:
    """What a sum of products is beyond another, addend by addend."""
    rest, taken = (
        list(each.args) if isinstance(each, sp.MatAdd) else [each] for each in (jacobian, kept)
    )
    for addend in taken:
        if addend in rest:
            rest.remove(addend)
        else:
            rest.append(-addend)
    return rest[0] if len(rest) == 1 else sp.MatAdd(*rest)


def lost_by_a_vanished_branch(block: Block, kept: int, statement: str) -> Counterexample | None:
    """The smallest block of numbers with ∂F/∂x = 0 whose ∂L/∂x is not `kept` times ∂L/∂H."""
    return _vanished(
        block,
        lambda exact, g: exact != kept * g,
        lambda g: f"∂L/∂x = {show(kept * g)}",
        statement,
    )


def nothing_left_by_a_vanished_branch(block: Block, statement: str) -> Counterexample | None:
    """The smallest block of numbers with ∂F/∂x = 0 that passes nothing of a signal on."""
    return _vanished(
        block, lambda exact, g: bool(g) and not exact, lambda _: "∂L/∂x ≠ 0", statement
    )


def _vanished(
    block: Block,
    breaks: Callable[[Fraction, Fraction], bool],
    claims: Callable[[Fraction], str],
    statement: str,
) -> Counterexample | None:
    """The smallest block with ∂F/∂x = 0 whose ∂L/∂x, given ∂L/∂H, breaks what is claimed."""
    maps = [leaf.name for leaf in leaves(block.term) if isinstance(leaf, Linear)]

    def test(_: int, point: Point) -> Counterexample | None:
        g, slopes = point[0], dict(zip(maps, point[1:], strict=True))
        exact = g * tangent(block.term, _exact(slopes), (INPUT, Fraction(1)))[1]
        if not breaks(exact, g):
            return None
        torch_leaves = {"F": affine(Fraction(0), Fraction(0), INPUT)}
        torch_leaves |= {name: affine(slope, Fraction(0), INPUT) for name, slope in slopes.items()}
        seen = gradient(block.term, torch_leaves, [INPUT], [g])[0]
        given = {"∂F/∂x": "0"} | {name: show(slope) for name, slope in slopes.items()}
        return Counterexample(
            statement,
            given | {"∂L/∂H": show(g)},
            claims(g),
            f"∂L/∂x = {show(exact)}",
            {"dL/dx": agree("vanished branch", seen, float(exact))},
        )

    return smallest((1,), lambda _: 1 + len(maps), test)


def _exact(slopes: Mapping[str, Fraction]) -> dict[str, Callable[[Dual], Dual]]:
    """A vanished branch, and linear maps with these slopes."""

    def of(slope: Fraction) -> Callable[[Dual], Dual]:
        return lambda at: (slope * at[0], slope * at[1])

    return {"F": of(Fraction(0))} | {name: of(slope) for name, slope in slopes.items()}


def _text(bound: sp.Expr) -> str:
    text = str(bound).replace("sigma_max", "σ_max").replace("J_F", "∂F/∂x").replace("*", " · ")
    return f"({text})" if bound.is_Add else text
