"""Judges C8 and C9: what a squeeze-and-excitation gate adds to the gradient.

As the branch vanishes, and beside ResNet. Works on the term of the gated block that it is given:
with a gate computed from x and not through F, evidence and verdict differ.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from torch import Tensor

from derivations.algebra.blocks import BRANCH, RESIDUAL
from derivations.algebra.letters import EPSILON
from derivations.algebra.notation import notation_of
from derivations.algebra.steps import Step
from derivations.algebra.terms import Identity, Term
from derivations.rules.jacobian import leaf_jacobian, linearize
from validate.audit.claims.c01_equations import gate_of
from validate.audit.counterexample_search import Dual, Point, show, smallest, tangent
from validate.audit.ensembles import Mean, gated_against_residual
from validate.audit.evidence import (
    UNDECIDED,
    Claim,
    Counterexample,
    Finding,
    Proof,
    Remains,
    Sources,
    decide,
    prove,
)
from validate.audit.gradients import affine, agree, gradient
from validate.audit.verdicts import Case, in_each

HALF, QUARTER = Fraction(1, 2), Fraction(1, 4)
INPUT = Fraction(1)


@dataclass(frozen=True)
class GateTerm:
    """Whether ∂L/∂H · (∂s/∂x · F + 1) remains, whether ∂L/∂H alone does, and the smallest gate for
    which the former does not.
    """

    term_remains: Proof
    only_signal_remains: Proof
    counterexample: Counterexample | None


@dataclass(frozen=True)
class AgainstResNet:
    """Gains of an SE-residual and a residual block with the same branch: the smallest pairs ordered
    either way, the mean of γ² over random weights, and what remains of each as the branch vanishes.
    """

    worse: Counterexample | None
    better: Counterexample | None
    mean: Mean
    gated: Remains
    residual: Remains


def gate_term(sources: Sources) -> GateTerm:
    """The scalar limits by the checker, and the search over blocks of one number."""
    notation = notation_of(sources.gated, "scalar")
    line, gated = linearize(notation), gate_of(sources.gated.term)
    slope, u = notation.jacobian(BRANCH, Identity()), notation.diagonal(gated.signal)
    kept = line.signal * (u * leaf_jacobian(gated.gate, notation) + 1)
    vanishing = line.pullback.subs(slope, EPSILON * slope)
    names = ("∂L/∂H · (∂s/∂x · F + 1) remains when ∂F/∂x → 0", "only ∂L/∂H remains when ∂F/∂x → 0")
    steps = {
        name: Step("limit", vanishing, "->", after, vanishing=EPSILON)
        for name, after in zip(names, (kept, line.signal), strict=True)
    }
    proofs = prove(line.derivation, steps)
    return GateTerm(
        proofs[names[0]],
        proofs[names[1]],
        smallest((1,), lambda _: 3, partial(_vanishes, sources.gated.term)),
    )


def _vanishes(term: Term, _: int, point: Point) -> Counterexample | None:
    """A gate whose ∂s/∂x · F is nonzero at ∂F/∂x = 1, and 0 at ∂F/∂x = 0."""
    u, w1, w2 = point
    before, after = (_Gated(u, slope, w1, w2) for slope in (Fraction(1), Fraction(0)))
    gate = gate_of(term).gate
    kept, left = (u * each.slope(gate) + 1 for each in (before, after))
    if kept == left:
        return None
    autograd = {
        "∂s/∂x · F + 1 at ∂F/∂x = 1": agree(
            "gate", float(u) * before.gradient(gate) + 1, float(kept)
        ),
        "∂s/∂x · F + 1 at ∂F/∂x = 0": agree(
            "gate", float(u) * after.gradient(gate) + 1, float(left)
        ),
        "∂L/∂x at ∂F/∂x = 0": agree("SE block", after.gradient(term), float(after.slope(term))),
    }
    found = f"∂s/∂x · F + 1 = {show(kept)} at ∂F/∂x = 1 and {show(left)} at ∂F/∂x = 0"
    return Counterexample(
        "the term ∂s/∂x · F + 1 remains",
        before.given("F(1)"),
        f"{show(kept)} at both",
        found,
        autograd,
    )


@dataclass(frozen=True)
class _Gated:
    """F(x) = u + f (x − 1) at x = 1, one channel at one position, s = σ(w₂ · (relu(w₁ z) − relu(w₁
    z₀))), so that s = 1/2, s′ = 1/4.

    z is what the term feeds to the gate (F(x), or x itself), and z₀ its value at x = 1. The gate's
    last bias makes it so. A leaf named s is a gate σ(w₂ w₁ (x − 1)) of the input, all in one.
    """

    u: Fraction
    f: Fraction
    w1: Fraction
    w2: Fraction

    def exact(self) -> dict[str, Callable[[Dual], Dual]]:
        return {
            "F": lambda at: (self.u + self.f * (at[0] - INPUT), self.f * at[1]),
            "P": lambda at: at,
            "W_1": lambda at: (self.w1 * at[0], self.w1 * at[1]),
            "relu": lambda at: at if at[0] > 0 else (Fraction(0), Fraction(0)),
            "W_2": lambda at: (Fraction(0), self.w2 * at[1]),
            "sigmoid": lambda at: (HALF, QUARTER * at[1]),
            "B": lambda at: at,
            "s": lambda at: (HALF, QUARTER * self.w2 * self.w1 * at[1]),
        }

    def slope(self, term: Term) -> Fraction:
        """The derivative of a term of these leaves at x = 1, exactly."""
        return tangent(term, self.exact(), (INPUT, Fraction(1)))[1]

    def gradient(self, term: Term) -> float:
        """The same by autograd, ∂L/∂H being 1."""
        return gradient(term, self._torch(term), [INPUT], [Fraction(1)])[0]

    def _torch(self, term: Term) -> Mapping[str, Callable[[Tensor], Tensor]]:
        # What reaches the last layer of the gate at x = 1: its bias shifts that to 0.
        seen: list[Fraction] = []

        def spy(at: Dual) -> Dual:
            seen.append(at[0])
            return Fraction(0), at[1]

        tangent(term, self.exact() | {"W_2": spy}, (INPUT, Fraction(1)))
        (at,) = seen or [Fraction(0)]
        return {
            "F": affine(self.f, self.u, INPUT),
            "P": lambda z: z,
            "W_1": affine(self.w1, Fraction(0), Fraction(0)),
            "relu": lambda z: z.relu(),
            "W_2": affine(self.w2, Fraction(0), at),
            "sigmoid": lambda z: z.sigmoid(),
            "B": lambda z: z,
            "s": lambda x: affine(self.w2 * self.w1, Fraction(0), INPUT)(x).sigmoid(),
        }

    def given(self, u: str) -> dict[str, str]:
        bias = -self.w2 * max(self.w1 * self.u, Fraction(0))
        weights = {"w_1": show(self.w1), "w_2": show(self.w2), "b_2": show(bias)}
        return {u: show(self.u), **weights, "s": show(HALF), "x": show(INPUT), "∂L/∂H": "1"}


def judge_gate_term(evidence: GateTerm) -> Finding:
    holds, alone = (
        decide(evidence.term_remains, evidence.counterexample),
        evidence.only_signal_remains,
    )
    if evidence.counterexample:
        summary = "only ∂L/∂H remains: " + (
            "proved by " + ", ".join(alone.passed) if alone.proved else "not proved"
        )
    else:
        summary = (
            "proved by " + ", ".join(evidence.term_remains.passed)
            if holds
            else "no gate found for which it does not"
        )
    reading = "scalar, which is the operator reading with one channel at one position"
    return Finding(
        reading,
        in_each(Case("for the gate of the block", holds, UNDECIDED)),
        summary,
        evidence.counterexample,
    )


def against_resnet(sources: Sources) -> AgainstResNet:
    """Both blocks share F, x and ∂L/∂H in every comparison."""
    term = sources.gated.term
    worse, better = (smallest((1,), lambda _: 4, partial(_ordered, term, sign)) for sign in (-1, 1))
    return AgainstResNet(
        worse,
        better,
        gated_against_residual(),
        sources.remains(sources.gated.name),
        sources.remains(RESIDUAL.name),
    )


def _ordered(term: Term, sign: int, _: int, point: Point) -> Counterexample | None:
    """A pair of blocks whose gains differ in this direction."""
    f, u, w1, w2 = point
    block = _Gated(u, f, w1, w2)
    gated, residual = abs(block.slope(term)), abs(1 + f)
    if (gated - residual) * sign <= 0:
        return None
    alone = gradient(RESIDUAL.term, {"F": affine(f, u, INPUT)}, [INPUT], [Fraction(1)])[0]
    autograd = {
        "gain with the gate": abs(
            agree("SE block", block.gradient(term), float(block.slope(term)))
        ),
        "gain of ResNet": abs(agree("residual block", alone, float(1 + f))),
    }
    given = {"∂F/∂x": show(f)} | block.given("F(1)")
    found = f"gain {show(gated)} with the gate, {show(residual)} without"
    order = "least" if sign < 0 else "most"
    statement = f"the gated block passes at {order} what the residual one passes"
    return Counterexample(statement, given, f"at {order} {show(residual)} with it", found, autograd)


def judge_against_resnet(evidence: AgainstResNet) -> Finding:
    worse, better, mean = evidence.worse, evidence.better, evidence.mean
    limits = (
        evidence.gated.lower > evidence.residual.upper
        if evidence.gated.derived and evidence.residual.derived
        else None
    )
    cases = (
        Case("for every branch", None if worse is None else False, UNDECIDED),
        Case(f"in the mean of γ² over {mean.ensemble}", mean.greater, "more draws"),
        Case("as the branch vanishes", limits, UNDECIDED),
    )
    pairs = [f"{name}: {each.found}" for name, each in (("less", worse), ("more", better)) if each]
    left = (
        f"{evidence.gated.lower:g} and {evidence.residual.upper:g} of the gradient remain as the "
        "branch vanishes"
    )
    return Finding(
        "operator, the same F, x and ∂L/∂H in both blocks",
        in_each(*cases),
        "; ".join([*pairs, str(mean), left]),
        worse,
    )


CLAIMS = (
    Claim(
        "C8",
        "section 3, after Eq. (3)",
        "∂L/∂H × (∂s/∂x · F + 1) remains when ∂F/∂x → 0 in an SE-residual block",
        gate_term,
        judge_gate_term,
    ),
    Claim(
        "C9",
        "section 3, after Eq. (3)",
        "an SE-residual block passes gradients better than a residual block",
        against_resnet,
        judge_against_resnet,
    ),
)
