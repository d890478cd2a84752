"""Judges C11: is ∂H/∂x of Eq. (5) the branch's ∂F_l/∂x on the identity?

It is where x_0, …, x_{l−1} are independent variables. Eq. (5) prints ∂x_j/∂x_i for j > i, which
are 0 then; as total derivatives they are not, and a unit triangular block takes the identity's
place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import torch

from derivations.algebra.blocks import DENSE
from validate.audit.claims.c01_equations import BOTH, equality, instance
from validate.audit.counterexample_search import Point, show, smallest
from validate.audit.evidence import (
    UNDECIDED,
    Claim,
    Counterexample,
    Finding,
    Instance,
    Proof,
    Sources,
    decide,
)
from validate.audit.gradients import agree, gradient, linear
from validate.audit.verdicts import Case, in_each

SLOPES = (Fraction(3), Fraction(5))
SIGNAL = (Fraction(2), Fraction(4), Fraction(1))
"""∂F_l/∂x and (g_F, g_0, g_1) of an instance in which no two entries can be exchanged unnoticed."""


@dataclass(frozen=True)
class Stacked:
    """Eq. (5) with independent x_i, as proved in each reading and with numbers in it. `total`: the
    smallest block whose total derivatives ∂x_j/∂x_i are not those of the identity.
    """

    proofs: Mapping[str, Proof]
    instance: Instance
    total: Counterexample | None


def stacked(sources: Sources) -> Stacked:
    found = equality("eq5", _dense)(sources)
    total = smallest((1, 2), lambda l: l * (l - 1) // 2, _total)
    return Stacked(found.proofs, found.instance, total)


def _dense(_: Sources) -> Instance:
    """Entry i of ∂L/∂x is ∂F_l/∂x_i times the signal on F_l, plus that on x_i."""
    printed = [slope * SIGNAL[0] + own for slope, own in zip(SLOPES, SIGNAL[1:], strict=True)]
    given = {"∂F_l/∂x": show(*SLOPES), "∂L/∂H on F_l, x_0, x_1": show(*SIGNAL)}
    seen = gradient(DENSE.term, {"F": linear(SLOPES)}, SLOPES, SIGNAL)
    return instance(given, "(∂F_l/∂x ‖ 1)ᵀ · ∂L/∂H", printed, seen)


def _total(l: int, point: Point) -> Counterexample | None:
    """x_j = Σ_{i<j} b_ji x_i, from l (l − 1) / 2 numbers: ∂x_j/∂x_i with all that lies between."""
    rows = [point[j * (j - 1) // 2 : j * (j + 1) // 2] for j in range(l)]
    exact = [_column(rows, i) for i in range(l)]
    if all(value == (i == j) for i, column in enumerate(exact) for j, value in enumerate(column)):
        return None
    autograd = {
        f"dx_{j}/dx_{i}": agree("total derivative", seen, float(exact[i][j]))
        for i in range(l)
        for j, seen in enumerate(_column_by_autograd(rows, i))
    }
    given = {"l": str(l)} | {
        f"∂F_{j}/∂x_{i}": show(slope) for j, row in enumerate(rows) for i, slope in enumerate(row)
    }
    shown, one = (
        "; ".join(show(*(column[j] for column in each)) for j in range(l))
        for each in (exact, [[Fraction(i == j) for j in range(l)] for i in range(l)])
    )
    matrix = "the ∂x_j/∂x_i, a row for each x_j, are {}"
    return Counterexample("(∂x_j/∂x_i) is the identity", given, one, matrix.format(shown), autograd)


def _column(rows: list[Point], i: int) -> list[Fraction]:
    """d x_j / d x_i for j = 0, …, l − 1."""
    found: list[Fraction] = []
    for j, row in enumerate(rows):
        passed = sum((b * found[k] for k, b in enumerate(row)), Fraction(0))
        found.append(Fraction(j == i) if j <= i else passed)
    return found


def _column_by_autograd(rows: list[Point], i: int) -> list[float]:
    start = torch.ones((), dtype=torch.float64, requires_grad=True)
    states: list[torch.Tensor] = []
    for j, row in enumerate(rows):
        fed = sum((float(b) * states[k] for k, b in enumerate(row)), torch.zeros_like(start))
        states.append(start if j == i else fed)
    return [
        float(torch.autograd.grad(state, start, retain_graph=True, allow_unused=True)[0] or 0)
        if state.requires_grad
        else 0.0
        for state in states
    ]


def judge_stacked(evidence: Stacked) -> Finding:
    broken = evidence.instance.counterexample
    cases = [
        Case(
            f"where x_0, …, x_{{l−1}} are independent variables, {reading} reading",
            decide(proof, broken),
            UNDECIDED,
        )
        for reading, proof in evidence.proofs.items()
    ]
    name = "with total derivatives"
    if evidence.total:
        name += ": a unit triangular block of the ∂x_j/∂x_i takes the place of the identity"
    cases.append(Case(name, False if evidence.total else None, UNDECIDED))
    ways = sorted({method for proof in evidence.proofs.values() for method in proof.passed})
    shown = [
        f"with independent variables proved by {', '.join(ways)}" if ways else "not proved",
        (
            f"{evidence.instance}; the paper's order F_l ‖ x_{{l−1}} ‖ ⋯ ‖ x_0 reverses the rows "
            "of the identity"
        ),
    ]
    return Finding(BOTH, in_each(*cases), "; ".join(shown), broken or evidence.total)


CLAIMS = (
    Claim(
        "C11",
        "Eq. (5)",
        "∂H/∂x is ∂F_l/∂x on top of the identity in a dense block: Eq. (5), its ∂x_j/∂x_i being 0 "
        "for j ≠ i",
        stacked,
        judge_stacked,
    ),
)
