"""Judges C2 and C4: what plain and residual blocks leave of a gradient as the branch vanishes.

"Remains" means that ∂L/∂x itself tends to what remains, not that its length does. In the scalar
reading the limit is taken; in the operator reading a bound on the distance tends to 0. That a
residual block passes more than a plain one is judged where the paper says it, in this limit alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import sympy as sp

from derivations.algebra.blocks import PLAIN, RESIDUAL
from derivations.algebra.notation import notation_of
from derivations.rules.jacobian import linearize
from validate.audit.claims.c01_equations import BOTH
from validate.audit.counterexample_search import Point, show, smallest
from validate.audit.evidence import (
    UNDECIDED,
    Claim,
    Counterexample,
    Finding,
    Proof,
    Sources,
    decide,
)
from validate.audit.gradients import agree, gradient, linear
from validate.audit.vanished_branch import (
    left_of_numbers,
    left_of_vectors,
    lost_by_a_vanished_branch,
    nothing_left_by_a_vanished_branch,
    remainder,
)
from validate.audit.verdicts import Case, in_each

HELD_FIXED = f"{BOTH}; the gradient that arrives (∂L/∂F, ∂L/∂H) is held fixed while ∂F/∂x → 0"


@dataclass(frozen=True)
class Limit:
    """That ∂L/∂x tends to `kept` with ∂F/∂x → 0, by reading, and the smallest block with a vanished
    branch for which it is something else.
    """

    kept: str
    proofs: Mapping[str, Proof]
    broken: Counterexample | None


@dataclass(frozen=True)
class Kept(Limit):
    """Beside it, what the paper infers: that more remains than of a `plain` block. `nothing`: the
    smallest block with a vanished branch of which nothing remains either. `less`: the smallest
    branch, not a vanished one, of which the plain block passes more.
    """

    plain: Mapping[str, Proof]
    nothing: Counterexample | None
    less: Counterexample | None


def vanished_plain(_: Sources) -> Limit:
    statement = "∂L/∂x → 0"
    notation = notation_of(PLAIN, "operator")
    line = linearize(notation)
    scalar = left_of_numbers(PLAIN, lambda _: sp.S.Zero, statement)
    operator = left_of_vectors(notation, line.jacobian, line.signal, None, statement, "∂L/∂F")
    broken = lost_by_a_vanished_branch(PLAIN, 0, statement)
    return Limit("0", {"scalar": scalar, "operator": operator}, broken)


def vanished_residual(sources: Sources) -> Kept:
    statement = "∂L/∂x → ∂L/∂H"
    notation = notation_of(sources.residual, "operator")
    line = linearize(notation)
    rest = remainder(line.jacobian, sp.Identity(notation.inputs))
    scalar = left_of_numbers(sources.residual, lambda signal: signal, statement)
    operator = left_of_vectors(notation, rest, line.signal, line.signal, statement, "∂L/∂H")
    more = "more remains than of a plain block"
    return Kept(
        "∂L/∂H",
        {"scalar": scalar, "operator": operator},
        lost_by_a_vanished_branch(sources.residual, 1, statement),
        vanished_plain(sources).proofs,
        nothing_left_by_a_vanished_branch(sources.residual, more),
        smallest((1,), lambda _: 2, _passes_less),
    )


def _passes_less(_: int, point: Point) -> Counterexample | None:
    """A branch of one number, and a signal of which the plain block passes more than the residual
    one.
    """
    f, g = point
    plain, residual = abs(f * g), abs((f + 1) * g)
    if plain <= residual:
        return None
    seen = {
        name: abs(gradient(term, {"F": linear([f])}, [Fraction(1)], [g])[0])
        for name, term in (("plain", PLAIN.term), ("residual", RESIDUAL.term))
    }
    return Counterexample(
        "a residual block passes no less than a plain one",
        {"∂F/∂x": show(f), "∂L/∂H": show(g)},
        f"at least {show(plain)} of the residual block",
        f"|∂L/∂x| = {show(residual)} of the residual block, {show(plain)} of the plain one",
        {
            "plain block": agree("plain block", seen["plain"], float(plain)),
            "residual block": agree("residual block", seen["residual"], float(residual)),
        },
    )


def judge_limit(evidence: Limit) -> Finding:
    shown = "; ".join(_shown(evidence.proofs))
    return Finding(HELD_FIXED, in_each(*_cases(evidence)), shown, evidence.broken)


def judge_kept(evidence: Kept) -> Finding:
    """The limit in both readings, and that it is more than the 0 of a plain block."""
    cases = _cases(evidence)
    kept, vanished = (
        all(proof.proved for proof in proofs.values())
        for proofs in (evidence.proofs, evidence.plain)
    )
    more = True if kept and vanished else None
    cases.append(Case("more than of a plain block", False if evidence.nothing else more, UNDECIDED))
    shown = _shown(evidence.proofs)
    shown.append(
        f"of a plain block nothing remains ({'proved, see C2' if vanished else 'not proved'})"
    )
    if evidence.less:
        shown.append(
            "the comparison with a plain block is judged only as ∂F/∂x → 0: for "
            f"{evidence.less.given_text} it is {evidence.less.found}"
        )
    return Finding(
        HELD_FIXED, in_each(*cases), "; ".join(shown), evidence.broken or evidence.nothing
    )


def _cases(evidence: Limit) -> list[Case]:
    return [
        Case(f"in the {reading} reading", decide(proof, evidence.broken), UNDECIDED)
        for reading, proof in evidence.proofs.items()
    ]


def _shown(proofs: Mapping[str, Proof]) -> list[str]:
    return [
        f"in the {reading} reading {proof.statement} "
        f"({'proved by ' + ', '.join(proof.passed) if proof.proved else 'not proved'})"
        for reading, proof in proofs.items()
    ]


CLAIMS = (
    Claim(
        "C2",
        "section 3, after Eq. (1)",
        "the gradient of a plain block vanishes with ∂F/∂x",
        vanished_plain,
        judge_limit,
    ),
    Claim(
        "C4",
        "sections 3 (after Eq. (2)) and 5",
        "in a residual block ∂L/∂H remains when ∂F/∂x → 0, so that more remains than of a plain "
        "block (VGGNet)",
        vanished_residual,
        judge_kept,
    ),
)
