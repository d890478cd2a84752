"""Judges C11: is ∂H/∂x of Eq. (5) the branch's ∂F_l/∂x on the ∂x_j/∂x_i?

Both where x_0, …, x_{l−1} are independent variables, the ∂x_j/∂x_i being the identity then, and
with total derivatives, where they are a unit triangular block: Eq. (5) prints them for j > i.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import sympy as sp
import torch

from derivations.algebra.blocks import BRANCH, DENSE, Block
from derivations.algebra.letters import stacked
from derivations.algebra.notation import READINGS, Reading, notation_of
from derivations.algebra.steps import Step
from derivations.algebra.terms import Chain, Concat, Identity, Layer
from derivations.rules.jacobian import linearize
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
    prove,
)
from validate.audit.gradients import agree, gradient, linear
from validate.audit.verdicts import Case, in_each

SLOPES = (Fraction(3), Fraction(5))
SIGNAL = (Fraction(2), Fraction(4), Fraction(1))
"""∂F_l/∂x and (g_F, g_0, g_1) of an instance in which no two entries can be exchanged unnoticed."""

CHAIN = ((), (Fraction(1),))
"""∂F_j/∂x_i of the instance with total derivatives: x_1 = F_1(x_0), F_1′ = 1; SIGNAL on F_2, x_1,
x_0."""
LAST = (Fraction(0), Fraction(1))
"""∂F_2/∂x_i as Eq. (4) has it: F_2 is one of x_1 alone, F_2′ = 1."""

STATES = Layer("X")
"""All x_j as they depend on what is varied."""
STACKED = Block(
    "dense_states",
    "Dense block of states that depend on each other",
    "dense",
    Concat(Chain(STATES, BRANCH), STATES),
    {"X": ("n", "n"), "F": ("k", "n")},
)


@dataclass(frozen=True)
class Stacked:
    """Eq. (5) with independent x_i, as proved in each reading and with numbers in it; with total
    derivatives, `of_states` and `instance_of_states`. `total`: the smallest block whose total
    derivatives ∂x_j/∂x_i are not those of the identity.
    """

    proofs: Mapping[str, Proof]
    instance: Instance
    total: Counterexample | None
    of_states: Mapping[str, Proof]
    instance_of_states: Instance


def stacked_states(sources: Sources) -> Stacked:
    found = equality("eq5", _dense)(sources)
    total = smallest((1, 2), lambda l: l * (l - 1) // 2, _total)
    of_states: dict[str, Proof] = {reading: _of_states(reading) for reading in READINGS}
    return Stacked(found.proofs, found.instance, total, of_states, _instance_of_states())


def _of_states(reading: Reading) -> Proof:
    """∂H/∂x for H = F(X) ‖ X: ∂F(X)/∂x on ∂X/∂x, whatever X depends on."""
    notation, x = notation_of(STACKED, reading), Identity()
    branch, states = (notation.jacobian(each, x) for each in (Chain(STATES, BRANCH), STATES))
    entries = sp.Tuple(branch, states) if reading == "scalar" else stacked(branch, states)
    statement = "∂H/∂x = (∂F_l/∂x ‖ ∂x_j/∂x_i)"
    step = Step("Eq. (5)", notation.jacobian(STACKED.term, x), "=", entries)
    return prove(linearize(notation).derivation, {statement: step})[statement]


def _instance_of_states() -> Instance:
    """Entry i of ∂L/∂x by the column i of Eq. (5): dF_2/dx_i, dx_1/dx_i, dx_0/dx_i."""
    signal = dict(zip(("F_2", "x_1", "x_0"), SIGNAL, strict=True))
    printed = []
    for i in range(len(LAST)):
        x_0, x_1 = _column([*CHAIN], i)
        f_2 = LAST[0] * x_0 + LAST[1] * x_1
        printed.append(signal["F_2"] * f_2 + signal["x_1"] * x_1 + signal["x_0"] * x_0)
    given = {"l": "2", "F_1′": "1", "F_2′": "1", "∂L/∂H on F_2, x_1, x_0": show(*SIGNAL)}
    seen = [_loss_by_autograd(i) for i in range(len(LAST))]
    return instance(given, "Eq. (5) with total derivatives", printed, seen)


def _loss_by_autograd(i: int) -> float:
    start = torch.ones((), dtype=torch.float64, requires_grad=True)
    x_0, x_1 = _states([*CHAIN], i, start)
    f_2 = sum((float(slope) * x for slope, x in zip(LAST, (x_0, x_1), strict=True)), 0 * start)
    loss = sum(
        (float(g) * part for g, part in zip(SIGNAL, (f_2, x_1, x_0), strict=True)), 0 * start
    )
    return float(torch.autograd.grad(loss, start)[0])


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
    return [
        float(torch.autograd.grad(state, start, retain_graph=True, allow_unused=True)[0] or 0)
        if state.requires_grad
        else 0.0
        for state in _states(rows, i, start)
    ]


def _states(rows: list[Point], i: int, start: torch.Tensor) -> list[torch.Tensor]:
    """x_0, x_1, … with `start` for x_i."""
    states: list[torch.Tensor] = []
    for j, row in enumerate(rows):
        fed = sum((float(b) * states[k] for k, b in enumerate(row)), torch.zeros_like(start))
        states.append(start if j == i else fed)
    return states


INDEPENDENT, TOTAL = "where x_0, …, x_{l−1} are independent variables", "with total derivatives"


def judge_stacked(evidence: Stacked) -> Finding:
    """Both ways to read the derivatives of Eq. (5), in both readings of its letters."""
    judged = {
        INDEPENDENT: (evidence.proofs, evidence.instance),
        TOTAL: (evidence.of_states, evidence.instance_of_states),
    }
    cases = [
        Case(f"{name}, {reading} reading", decide(proof, numbers.counterexample), UNDECIDED)
        for name, (proofs, numbers) in judged.items()
        for reading, proof in proofs.items()
    ]
    shown = [text for name, each in judged.items() for text in _shown(name, *each)]
    shown[2:2] = [
        (
            "an instance with independent x_i needs, as here, an F_l of all inputs, like H_l of "
            "section 3, since F_l(x_{l−1}) of Eq. (4) is one of x_{l−1} alone"
        ),
        "the paper's order F_l ‖ x_{l−1} ‖ ⋯ ‖ x_0 reverses the rows of the identity",
    ]
    if evidence.total:
        shown.append(
            "the ∂x_j/∂x_i are the identity only where the x_i are independent: for "
            f"{evidence.total.given_text}: {evidence.total.found}"
        )
    broken = next((each.counterexample for _, each in judged.values() if each.counterexample), None)
    return Finding(
        f"{BOTH}, with independent x_i and with total derivatives",
        in_each(*cases),
        "; ".join(shown),
        broken,
    )


def _shown(name: str, proofs: Mapping[str, Proof], numbers: Instance) -> tuple[str, str]:
    ways = sorted({method for proof in proofs.values() for method in proof.passed})
    return f"{name}, {'proved by ' + ', '.join(ways) if ways else 'not proved'}", str(numbers)


CLAIMS = (
    Claim(
        "C11",
        "Eq. (5)",
        "in a dense block ∂H/∂x is ∂F_l/∂x on top of the ∂x_j/∂x_i, j = l − 1, …, 0, which are 1 "
        "for j = i and 0 for j < i",
        stacked_states,
        judge_stacked,
    ),
)
