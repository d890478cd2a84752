"""Judges C2, C4 and C5: what plain and residual blocks leave of a gradient as the branch vanishes.

"Remains" means that ∂L/∂x itself tends to what remains, not that its length does. In the scalar
reading the limit is taken; in the operator reading a bound on the distance tends to 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import sympy as sp

from derivations.algebra.blocks import PLAIN, RESIDUAL
from derivations.algebra.notation import notation_of
from derivations.algebra.terms import Chain, Pointwise
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
    remainder,
)
from validate.audit.verdicts import Case, all_of, in_each


@dataclass(frozen=True)
class Limit:
    """That ∂L/∂x tends to `kept` with ∂F/∂x → 0, by reading, and the smallest block with a vanished
    branch for which it is something else.
    """

    kept: str
    proofs: Mapping[str, Proof]
    broken: Counterexample | None


@dataclass(frozen=True)
class Losses:
    """Residual blocks that lose the gradient: for some branch, and for a vanished branch behind the
    block's last ReLU.
    """

    of_the_block: Counterexample | None
    after_relu: Counterexample | None


def vanished_plain(_: Sources) -> Limit:
    statement = "∂L/∂x → 0"
    notation = notation_of(PLAIN, "operator")
    line = linearize(notation)
    scalar = left_of_numbers(PLAIN, lambda _: sp.S.Zero, statement)
    operator = left_of_vectors(notation, line.jacobian, line.signal, None, statement, "∂L/∂F")
    broken = lost_by_a_vanished_branch(PLAIN, 0, statement)
    return Limit("0", {"scalar": scalar, "operator": operator}, broken)


def vanished_residual(sources: Sources) -> Limit:
    statement = "∂L/∂x → ∂L/∂H"
    notation = notation_of(sources.residual, "operator")
    line = linearize(notation)
    rest = remainder(line.jacobian, sp.Identity(notation.inputs))
    scalar = left_of_numbers(sources.residual, lambda signal: signal, statement)
    operator = left_of_vectors(notation, rest, line.signal, line.signal, statement, "∂L/∂H")
    broken = lost_by_a_vanished_branch(sources.residual, 1, statement)
    return Limit("∂L/∂H", {"scalar": scalar, "operator": operator}, broken)


def judge_limit(evidence: Limit) -> Finding:
    cases = [
        Case(f"in the {reading} reading", decide(proof, evidence.broken), UNDECIDED)
        for reading, proof in evidence.proofs.items()
    ]
    shown = [
        f"in the {reading} reading {proof.statement} "
        f"({'proved by ' + ', '.join(proof.passed) if proof.proved else 'not proved'})"
        for reading, proof in evidence.proofs.items()
    ]
    return Finding(BOTH, in_each(*cases), "; ".join(shown), evidence.broken)


def losses(sources: Sources) -> Losses:
    """The smallest branch J_F (1 × 1, then 2 × 2) and signal g ≠ 0 with (J_F + I)ᵀ g = 0, and the
    smallest input behind a ReLU.
    """
    return Losses(
        smallest((1, 2), lambda n: n * n + n, _lost), smallest((1,), lambda _: 2, _lost_behind_relu)
    )


def _lost(n: int, point: Point) -> Counterexample | None:
    rows, g = [point[i * n : (i + 1) * n] for i in range(n)], point[n * n :]
    left = [g[j] + sum((rows[i][j] * g[i] for i in range(n)), Fraction(0)) for j in range(n)]
    if not any(g) or any(left):
        return None
    seen = gradient(RESIDUAL.term, {"F": linear(*rows)}, [Fraction(1)] * n, g)
    autograd = {f"dL/dx_{j}": agree("residual block", value, 0.0) for j, value in enumerate(seen)}
    given = {"∂F/∂x": "; ".join(show(*row) for row in rows), "∂L/∂H": show(*g)}
    return Counterexample(
        "the residual block cannot lose the gradient",
        given,
        "∂L/∂x ≠ 0",
        "∂L/∂x = ∂L/∂H · (∂F/∂x + 1) = 0",
        autograd,
    )


def _lost_behind_relu(_: int, point: Point) -> Counterexample | None:
    x, g = point
    if not g or x >= 0:  # at x = 0 the derivative of ReLU is a convention
        return None
    term, zero = Chain(RESIDUAL.term, Pointwise("relu")), linear([Fraction(0)])
    seen = gradient(term, {"F": zero, "relu": lambda y: y.relu()}, [x], [g])
    given = {"F": "0", "x": show(x), "∂L/∂ReLU(H)": show(g)}
    found = "∂L/∂x = (∂F/∂x + 1) · ReLU′(x) · ∂L/∂ReLU(H) = 0"
    statement = "the gradient is kept behind the block's last ReLU"
    return Counterexample(
        statement,
        given,
        "∂L/∂x ≠ 0",
        found,
        {"dL/dx": agree("ReLU of a residual block", seen[0], 0.0)},
    )


def judge_losses(evidence: Losses) -> Finding:
    found = (evidence.of_the_block, evidence.after_relu)
    names = ("for every branch", "for a vanishing branch, behind the ReLU that ends the block")
    cases = [
        Case(name, None if each is None else False, UNDECIDED)
        for name, each in zip(names, found, strict=True)
    ]
    last = "behind the ReLU that ends the block"
    summary = f"no gradient is lost {last}"
    if evidence.after_relu:
        summary = f"{last} even a vanished branch loses it, {evidence.after_relu}"
    return Finding(BOTH, all_of(*cases), summary, evidence.of_the_block or evidence.after_relu)


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
        "section 3, after Eq. (2)",
        "in a residual block ∂L/∂H remains when ∂F/∂x → 0",
        vanished_residual,
        judge_limit,
    ),
    Claim(
        "C5",
        "sections 1 and 3",
        "hence a residual block cannot lose the gradient",
        losses,
        judge_losses,
    ),
)
