"""Judges C1, C3, C6, C7 and C11: the paper's equations of gradients, as it prints them.

An equality is confirmed where the checker proves it. Beside it stands an instance, small enough to
redo by hand, that autograd evaluates as well.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from derivations.algebra.blocks import DENSE, PLAIN, RESIDUAL
from derivations.algebra.notation import READINGS, Reading, notation_of
from derivations.algebra.steps import Step
from derivations.algebra.terms import Identity, Term
from derivations.rules.jacobian import linearize
from validate.audit.counterexample_search import show
from validate.audit.evidence import (
    UNDECIDED,
    Claim,
    Finding,
    Instance,
    Proof,
    Sources,
    decide,
    prove,
)
from validate.audit.gated_number import HALF, GatedNumber, gate_of
from validate.audit.gradients import gradient, linear
from validate.audit.verdicts import Case, in_each

BOTH = "scalar and operator"
ONE, TWO, THREE, FIVE = map(Fraction, (1, 2, 3, 5))
ROWS = ((ONE, TWO), (THREE, Fraction(4)))
"""∂F/∂x of the instances of plain and residual blocks."""


@dataclass(frozen=True)
class Equality:
    """An equation of the paper, as proved in each reading, and with numbers in it."""

    proofs: Mapping[str, Proof]
    instance: Instance


def equality(
    equation: str, instance: Callable[[Sources], Instance]
) -> Callable[[Sources], Equality]:
    """Gathers the proofs of an equation's chain rule in both readings."""
    return lambda sources: Equality(
        {reading: sources.proof(equation, reading, "chain_rule") for reading in READINGS},
        instance(sources),
    )


def judge_equality(evidence: Equality) -> Finding:
    broken = evidence.instance.counterexample
    cases = [
        Case(f"in the {reading} reading", decide(proof, broken), UNDECIDED)
        for reading, proof in evidence.proofs.items()
    ]
    ways = sorted({method for proof in evidence.proofs.values() for method in proof.passed})
    summary = f"proved by {', '.join(ways)}" if ways else "not proved"
    return Finding(BOTH, in_each(*cases), f"{summary}; {evidence.instance}", broken)


def _plain(_: Sources) -> Instance:
    return _of_matrices(PLAIN.term, "(∂F/∂x)ᵀ · ∂L/∂F", "∂L/∂F", Fraction(0))


def _residual(_: Sources) -> Instance:
    return _of_matrices(RESIDUAL.term, "(∂F/∂x + 1)ᵀ · ∂L/∂H", "∂L/∂H", ONE)


def _of_matrices(term: Term, formula: str, signal: str, skip: Fraction) -> Instance:
    g = (ONE, ONE)
    printed = [
        sum((row[j] * each for row, each in zip(ROWS, g, strict=True)), skip * g[j])
        for j in range(len(g))
    ]
    given = {"∂F/∂x": "; ".join(show(*row) for row in ROWS), signal: show(*g)}
    return _instance(given, formula, printed, gradient(term, {"F": linear(*ROWS)}, g, g))


def _dense(_: Sources) -> Instance:
    """Eq. (5) stacks: entry i of ∂L/∂x is ∂F_l/∂x_i times the signal on F_l, plus that on x_i."""
    a, signal = (THREE, FIVE), (TWO, ONE, ONE)
    printed = [slope * signal[0] + own for slope, own in zip(a, signal[1:], strict=True)]
    given = {"∂F_l/∂x": show(*a), "∂L/∂H": show(*signal)}
    seen = gradient(DENSE.term, {"F": linear(a)}, a, signal)
    return _instance(given, "(∂F_l/∂x ‖ 1)ᵀ · ∂L/∂H", printed, seen)


NUMBER = GatedNumber(u=TWO, f=THREE, w1=ONE, w2=ONE)


def _gated_branch(sources: Sources) -> Instance:
    gated = gate_of(sources.gated.term)
    printed = NUMBER.slope(gated.gate) * NUMBER.u + HALF * NUMBER.f
    given = _given_gate(sources)
    return _instance(given, "∂s/∂x · F + s · ∂F/∂x", [printed], [NUMBER.gradient(gated)])


def _gated(sources: Sources) -> Instance:
    printed = NUMBER.slope(gate_of(sources.gated.term).gate) * NUMBER.u + HALF * NUMBER.f + 1
    seen = [NUMBER.gradient(sources.gated.term)]
    formula = "∂L/∂H · (∂s/∂x · F + s · ∂F/∂x + 1)"
    return _instance(_given_gate(sources), formula, [printed], seen)


def _given_gate(sources: Sources) -> dict[str, str]:
    slope = NUMBER.slope(gate_of(sources.gated.term).gate)
    return {"∂F/∂x": show(NUMBER.f)} | NUMBER.given("F(1)") | {"∂s/∂x": show(slope)}


def _instance(
    given: Mapping[str, str], formula: str, printed: Sequence[Fraction], seen: Sequence[float]
) -> Instance:
    return Instance(given, formula, tuple(map(float, printed)), tuple(seen))


def product_rule(sources: Sources) -> Equality:
    """∂F̃/∂x of the gated branch, in both readings: with shapes, F and s are the diagonal matrices
    diag(u) and diag(Bs).
    """
    proofs: dict[str, Proof] = {reading: _product_rule(sources, reading) for reading in READINGS}
    return Equality(proofs, _gated_branch(sources))


def _product_rule(sources: Sources, reading: Reading) -> Proof:
    notation = notation_of(sources.gated, reading)
    gated, x = gate_of(sources.gated.term), Identity()
    signal, gate = notation.jacobian(gated.signal, x), notation.jacobian(gated.gate, x)
    total = notation.diagonal(gated.signal) * gate + notation.diagonal(gated.gate) * signal
    statement = "∂F̃/∂x = ∂s/∂x · F + s · ∂F/∂x"
    return prove(
        linearize(notation).derivation,
        {statement: Step("product rule", notation.jacobian(gated, x), "=", total)},
    )[statement]


CLAIMS = (
    Claim(
        "C1",
        "Eq. (1)",
        "∂L/∂x = ∂L/∂F × ∂F/∂x in a plain block",
        equality("eq1", _plain),
        judge_equality,
    ),
    Claim(
        "C3",
        "Eq. (2)",
        "∂L/∂x = ∂L/∂H × (∂F/∂x + 1) in a residual block",
        equality("eq2", _residual),
        judge_equality,
    ),
    Claim(
        "C6",
        "before Eq. (3)",
        "∂F̃/∂x = ∂s/∂x · F + s · ∂F/∂x for F̃ = s · F",
        product_rule,
        judge_equality,
    ),
    Claim(
        "C7",
        "Eq. (3)",
        "∂L/∂x = ∂L/∂H × (∂s/∂x · F + s · ∂F/∂x + 1) in an SE-residual block",
        equality("eq3", _gated),
        judge_equality,
    ),
    Claim(
        "C11",
        "Eq. (5)",
        "∂H/∂x stacks ∂F_l/∂x on the identity in a dense block",
        equality("eq5", _dense),
        judge_equality,
    ),
)
