"""Judges C8: does ∂L/∂H · (∂s/∂x · F + 1) remain in a gated block whose branch vanishes?

Literally it does: ∂L/∂x minus it tends to 0. But a gate computed from F has ∂s/∂x → 0 with ∂F/∂x,
so that what remains is the ∂L/∂H of a residual block. Works on the term of the gated block that it
is given: with a gate computed from x and not through F, evidence and verdict differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import sympy as sp

from derivations.algebra.blocks import BRANCH
from derivations.algebra.letters import EPSILON
from derivations.algebra.notation import notation_of
from derivations.algebra.quantities import adjoint_image
from derivations.algebra.steps import Step
from derivations.algebra.terms import Identity, Term
from derivations.rules.jacobian import leaf_jacobian, linearize
from validate.audit.claims.c01_equations import GATED
from validate.audit.counterexample_search import Point, show, smallest
from validate.audit.evidence import (
    UNDECIDED,
    Claim,
    Counterexample,
    Finding,
    Proof,
    Sources,
    decide,
    prove,
)
from validate.audit.gated_number import GatedNumber, gate_of
from validate.audit.gradients import agree
from validate.audit.vanished_branch import left_of_numbers, left_of_vectors, remainder
from validate.audit.verdicts import Case, in_each

SLOPES = (Fraction(1), Fraction(1, 10), Fraction(1, 100), Fraction(0))
"""∂F/∂x, vanishing, at which a counterexample is evaluated."""


LETTERS = (
    "there u = F(x), P averages each map, W_1 and W_2 are the two FC layers, D_sigmoid holds the "
    "derivatives of the sigmoid, B repeats a number over the positions of its map"
)
"""What the letters in the bounds are, for a reader."""


@dataclass(frozen=True)
class GateTerm:
    """`literal`, by reading: ∂L/∂x − ∂L/∂H · (∂s/∂x · F + 1) → 0. `beyond`: the term keeps a value
    of its own beside ∂L/∂H; `alone`, by reading: only ∂L/∂H remains, as in a residual block.
    `shrinking`: the smallest gate whose term is more than ∂L/∂H, and ends as ∂L/∂H. `growing`, by
    ∂F/∂x: ∂s/∂x · F of a gate whose weights grow as ∂F/∂x vanishes.
    """

    literal: Mapping[str, Proof]
    beyond: Proof
    alone: Mapping[str, Proof]
    shrinking: Counterexample | None
    growing: Mapping[str, float]


def gate_term(sources: Sources) -> GateTerm:
    """The limits of numbers and of vectors by the checker, and a search over blocks of one number.

    F stays as it is while ∂F/∂x vanishes.
    """
    literal, beyond, alone = _numbers(sources)
    literally, only = _vectors(sources)
    return GateTerm(
        {"scalar": literal, "operator": literally},
        beyond,
        {"scalar": alone, "operator": only},
        smallest((1,), lambda _: 3, partial(_shrinks, sources.gated.term)),
        _growing(sources.gated.term),
    )


_LITERAL = "∂L/∂x − ∂L/∂H · (∂s/∂x · F + 1) → 0"
_BEYOND = "∂L/∂H · (∂s/∂x · F + 1) stays as it is while ∂F/∂x → 0"
_ALONE = "∂L/∂x → ∂L/∂H"


def _numbers(sources: Sources) -> tuple[Proof, Proof, Proof]:
    notation = notation_of(sources.gated, "scalar")
    line, gated = linearize(notation), gate_of(sources.gated.term)
    slope, u = notation.jacobian(BRANCH, Identity()), notation.diagonal(gated.signal)
    term = line.signal * (u * leaf_jacobian(gated.gate, notation) + 1)
    vanishing = {slope: EPSILON * slope}
    steps = {
        _LITERAL: Step(
            "limit", (line.pullback - term).subs(vanishing), "->", sp.S.Zero, vanishing=EPSILON
        ),
        _BEYOND: Step("limit", line.pullback.subs(vanishing), "->", term, vanishing=EPSILON),
    }
    proofs = prove(line.derivation, steps)
    alone = left_of_numbers(sources.gated, lambda signal: signal, _ALONE)
    return proofs[_LITERAL], proofs[_BEYOND], alone


def _vectors(sources: Sources) -> tuple[Proof, Proof]:
    notation = notation_of(sources.gated, "operator")
    line, gated = linearize(notation), gate_of(sources.gated.term)
    one, g = sp.Identity(notation.inputs), line.signal
    term = sp.MatAdd(notation.diagonal(gated.signal) * leaf_jacobian(gated.gate, notation), one)

    def left(kept: sp.Expr, statement: str) -> Proof:
        rest, pulled = remainder(line.jacobian, kept), adjoint_image(kept, g)
        return left_of_vectors(notation, rest, g, pulled, statement, "∂L/∂H")

    return left(term, _LITERAL), left(one, _ALONE)


def _shrinks(term: Term, _: int, point: Point) -> Counterexample | None:
    """A gate whose ∂s/∂x · F + 1 is not 1 at the first of SLOPES, and 1 at the last."""
    u, w1, w2 = point
    gate, blocks = gate_of(term).gate, [GatedNumber(u, slope, w1, w2) for slope in SLOPES]
    terms = [u * each.slope(gate) + 1 for each in blocks]
    if terms[0] == 1 or terms[-1] != 1:
        return None
    autograd, totals = {}, [each.slope(term) for each in blocks]
    for slope, each, kept, total in zip(SLOPES, blocks, terms, totals, strict=True):
        at = f"at ∂F/∂x = {show(slope)}"
        seen = float(u) * each.gradient(gate) + 1
        autograd[f"∂s/∂x · F + 1 {at}"] = agree("gate", seen, float(kept))
        autograd[f"∂L/∂x {at}"] = agree("SE block", each.gradient(term), float(total))
    found = (
        f"at ∂F/∂x = {_listed(SLOPES)}: ∂s/∂x · F + 1 = {_listed(terms)} and ∂L/∂x = "
        f"{_listed(totals)}"
    )
    given = blocks[0].given("F(1)")
    statement = "more remains than the ∂L/∂H that a residual block keeps, F staying as it is"
    return Counterexample(statement, given, "more than 1 at ∂F/∂x = 0", found, autograd)


def _growing(term: Term) -> dict[str, float]:
    """∂s/∂x · F for F = 1, w_1 = 1 and w_2 = 1 / (∂F/∂x), at the SLOPES that are not 0."""
    gate, one, found = gate_of(term).gate, Fraction(1), {}
    for slope in SLOPES[:-1]:
        block = GatedNumber(one, slope, one, 1 / slope)
        found[show(slope)] = agree("gate", block.gradient(gate), float(block.slope(gate)))
    return found


def _listed(numbers: tuple[Fraction, ...] | list[Fraction]) -> str:
    return ", ".join(show(number) for number in numbers)


def judge_gate_term(evidence: GateTerm) -> Finding:
    cases = [
        Case(f"literally ({_LITERAL}), {reading} reading", decide(proof), UNDECIDED)
        for reading, proof in evidence.literal.items()
    ]
    more = decide(evidence.beyond, evidence.shrinking)
    name = "as more than the ∂L/∂H that a residual block keeps"
    if evidence.shrinking:
        name += (
            ": ∂s/∂x → 0 with ∂F/∂x, so nothing is gained while F, the gate's weights and ∂L/∂H "
            "are held fixed"
        )
    cases.append(Case(name, more, UNDECIDED))
    shown = [
        f"in the {reading} reading {proof.statement}, {_by(proof)}"
        for proofs in (evidence.literal, evidence.alone if evidence.shrinking else {})
        for reading, proof in proofs.items()
    ]
    shown += [f"{evidence.beyond.statement}, {_by(evidence.beyond)}"] if more else []
    if evidence.shrinking:
        shown += [LETTERS, _grown(evidence.growing)]
    return Finding(GATED, in_each(*cases), "; ".join(shown), evidence.shrinking)


def _grown(growing: Mapping[str, float]) -> str:
    values = ", ".join(f"{value:g}" for value in growing.values())
    return (
        "with weights that are not held fixed but grow, F = 1, w_1 = 1, w_2 = 1 / (∂F/∂x), "
        f"b_2 = −w_2, it is ∂s/∂x · F = {values} at ∂F/∂x = {', '.join(growing)}"
    )


def _by(proof: Proof) -> str:
    return f"proved by {', '.join(proof.passed)}" if proof.proved else "not proved"


CLAIMS = (
    Claim(
        "C8",
        "sections 3 (after Eq. (3)) and 5",
        "∂L/∂H × (∂s/∂x · F + 1) remains when ∂F/∂x → 0 in an SE-residual block, which is to be "
        "more than the ∂L/∂H that remains of a residual block",
        gate_term,
        judge_gate_term,
    ),
)
