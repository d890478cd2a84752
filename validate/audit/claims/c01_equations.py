"""Judges C1, C3, C6 and C7: the paper's equations of gradients, as it prints them.

An equality is confirmed where the checker proves it. Beside it stands an instance, small enough to
redo by hand, that autograd evaluates as well.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial

from derivations.algebra.blocks import PLAIN, RESIDUAL
from derivations.algebra.notation import READINGS, Reading, notation_of
from derivations.algebra.steps import Step
from derivations.algebra.terms import Identity, Term
from derivations.rules.jacobian import linearize
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
from validate.audit.gated_number import GATE, HALF, GatedNumber, gate_of
from validate.audit.gradients import agree, gradient, linear
from validate.audit.verdicts import Case, in_each

BOTH = "scalar and operator"
GATED = (
    f"{BOTH}, in which ∂s/∂x · F is diag(F) · ∂s/∂x and s · ∂F/∂x is diag(s) · ∂F/∂x, s being "
    "repeated over the positions of its map; in the instances every symbol is a number, F(x) = "
    f"F(1) + ∂F/∂x · (x − 1) and {GATE}"
)
ONE, TWO, THREE, FOUR = map(Fraction, (1, 2, 3, 4))
ROWS = ((ONE, TWO), (THREE, FOUR))
"""∂F/∂x of the instances of plain and residual blocks."""


@dataclass(frozen=True)
class Equality:
    """An equation of the paper, as proved in each reading, and with numbers in it."""

    proofs: Mapping[str, Proof]
    instance: Instance


def equality(
    equation: str, numbers: Callable[[Sources], Instance]
) -> Callable[[Sources], Equality]:
    """Gathers the proofs of an equation's chain rule in both readings."""
    return lambda sources: Equality(
        {reading: sources.proof(equation, reading, "chain_rule") for reading in READINGS},
        numbers(sources),
    )


@dataclass(frozen=True)
class GatedEquality(Equality):
    """Beside it, `without_tilde`: the smallest block for which the equation that the paper prints
    before Figure 3, F standing for F̃, is another one.
    """

    without_tilde: Counterexample | None


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
    return instance(given, formula, printed, gradient(term, {"F": linear(*ROWS)}, g, g))


NUMBER = GatedNumber(u=FOUR, f=TWO, w1=ONE, w2=ONE)
"""Not F(1) = 2 beside these weights: Eq. (3) would then give what it gives without a gate."""


def _gated_branch(sources: Sources) -> Instance:
    gated = gate_of(sources.gated.term)
    printed = NUMBER.slope(gated.gate) * NUMBER.u + HALF * NUMBER.f
    given = _given_gate(sources)
    return instance(given, "∂s/∂x · F + s · ∂F/∂x", [printed], [NUMBER.gradient(gated)])


def _gated(sources: Sources) -> Instance:
    printed = NUMBER.slope(gate_of(sources.gated.term).gate) * NUMBER.u + HALF * NUMBER.f + 1
    seen = [NUMBER.gradient(sources.gated.term)]
    formula = "∂L/∂H · (∂s/∂x · F + s · ∂F/∂x + 1)"
    return instance(_given_gate(sources), formula, [printed], seen)


def _given_gate(sources: Sources) -> dict[str, str]:
    slope = NUMBER.slope(gate_of(sources.gated.term).gate)
    return {"∂F/∂x": show(NUMBER.f)} | NUMBER.given("F(1)") | {"∂s/∂x": show(slope)}


def instance(
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


def gated_equality(sources: Sources) -> GatedEquality:
    """Eq. (3), and where the equation before it, with F for F̃, differs."""
    found = equality("eq3", _gated)(sources)
    return GatedEquality(
        found.proofs,
        found.instance,
        smallest((1,), lambda _: 4, partial(_without_tilde, sources.gated.term)),
    )


def _without_tilde(term: Term, _: int, point: Point) -> Counterexample | None:
    f, u, w1, w2 = point
    block = GatedNumber(u, f, w1, w2)
    exact = block.slope(term)
    if exact == f + 1:
        return None
    return Counterexample(
        "∂L/∂x = ∂L/∂H · (∂F/∂x + 1)",
        {"∂F/∂x": show(f)} | block.given("F(1)"),
        f"∂L/∂x = {show(f + 1)}",
        f"∂L/∂x = {show(exact)}",
        {"dL/dx": agree("SE block", block.gradient(term), float(exact))},
    )


def judge_product_rule(evidence: Equality) -> Finding:
    return replace(judge_equality(evidence), reading=GATED)


def judge_gated_equality(evidence: GatedEquality) -> Finding:
    found = judge_equality(evidence)
    shown = found.summary
    if evidence.without_tilde:
        shown += (
            "; not judged: the equation before Figure 3, ∂L/∂x = ∂L/∂H × (∂F/∂x + 1), which as "
            "transcribed (a tilde may be lost) differs from Eq. (3), as for "
            f"{evidence.without_tilde}"
        )
    return replace(found, reading=GATED, summary=shown)


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
        judge_product_rule,
    ),
    Claim(
        "C7",
        "Eq. (3)",
        "∂L/∂x = ∂L/∂H × (∂s/∂x · F + s · ∂F/∂x + 1) in an SE-residual block",
        gated_equality,
        judge_gated_equality,
    ),
)
