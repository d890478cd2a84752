"""Judges C1–C7 and C11: equations of plain, residual and gated blocks, and what they leave.

An equality is confirmed where the checker proves it; what a vanishing branch leaves is read off
limits and bounds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from derivations.algebra.blocks import PLAIN, RESIDUAL
from derivations.algebra.notation import READINGS, Reading, notation_of
from derivations.algebra.steps import Step
from derivations.algebra.terms import Chain, Gate, Identity, Pointwise, Term
from derivations.errors import InputError
from derivations.rules.jacobian import linearize
from validate.audit.counterexample_search import Point, show, smallest
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
from validate.audit.gradients import agree, gradient, linear
from validate.audit.verdicts import Case, all_of, in_each

BOTH = "scalar and operator"


@dataclass(frozen=True)
class Equality:
    """An equation of the paper, as proved in each reading."""

    proofs: Mapping[str, Proof]


@dataclass(frozen=True)
class Limit:
    """What a vanishing branch leaves: the limit of the scalar gradient, and the limits of the
    bounds on the gain of the operator.
    """

    scalar: Proof
    operator: Remains


@dataclass(frozen=True)
class Losses:
    """Residual blocks that lose the gradient: for some branch, and for a vanished branch behind the
    block's last ReLU.
    """

    of_the_block: Counterexample | None
    after_relu: Counterexample | None


def equality(equation: str) -> Callable[[Sources], Equality]:
    """Gathers the proofs of an equation's chain rule in both readings."""
    return lambda sources: Equality(
        {reading: sources.proof(equation, reading, "chain_rule") for reading in READINGS}
    )


def judge_equality(evidence: Equality) -> Finding:
    cases = [
        Case(f"in the {reading} reading", decide(proof), UNDECIDED)
        for reading, proof in evidence.proofs.items()
    ]
    ways = sorted({method for proof in evidence.proofs.values() for method in proof.passed})
    return Finding(BOTH, in_each(*cases), f"proved by {', '.join(ways)}" if ways else "not proved")


def limit(claim: str, equation: str, block: str) -> Callable[[Sources], Limit]:
    return lambda sources: Limit(sources.proof(equation, "scalar", claim), sources.remains(block))


def judge_limit(of_gain: float) -> Callable[[Limit], Finding]:
    """Judges that a gain of this size is all that remains."""

    def judge(evidence: Limit) -> Finding:
        remains = evidence.operator
        closed = remains.lower == remains.upper if remains.derived else None
        operator = (remains.lower == of_gain) if closed else None
        cases = (
            Case("in the scalar reading", decide(evidence.scalar), UNDECIDED),
            Case("in the operator reading", operator, UNDECIDED),
        )
        gain = (
            f"tends to {remains.lower:g}"
            if closed
            else f"ends between {remains.lower:g} and {remains.upper:g}"
        )
        summary = (
            f"the gain {gain}, for every backward signal; scalar limit "
            f"{'proved' if evidence.scalar.proved else 'not proved'}"
        )
        return Finding(BOTH, in_each(*cases), summary)

    return judge


def product_rule(sources: Sources) -> Equality:
    """∂F̃/∂x of the gated branch, in both readings: with shapes, F and s are the diagonal matrices
    diag(u) and diag(Bs).
    """
    return Equality({reading: _product_rule(sources, reading) for reading in READINGS})


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


def gate_of(term: Term) -> Gate:
    """The gated branch among the parts of a block; raises InputError if there is none."""
    for part in getattr(term, "parts", ()):
        if isinstance(part, Gate):
            return part
    raise InputError(f"{term} has no gated branch")


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


_REMAINS = "∂L/∂H remains when ∂F/∂x → 0"

CLAIMS = (
    Claim(
        "C1",
        "Eq. (1)",
        "∂L/∂x = ∂L/∂F × ∂F/∂x in a plain block",
        equality("eq1"),
        judge_equality,
    ),
    Claim(
        "C2",
        "section 3, after Eq. (1)",
        "the gradient of a plain block vanishes with ∂F/∂x",
        limit("vanishes", "eq1", PLAIN.name),
        judge_limit(0.0),
    ),
    Claim(
        "C3",
        "Eq. (2)",
        "∂L/∂x = ∂L/∂H × (∂F/∂x + 1) in a residual block",
        equality("eq2"),
        judge_equality,
    ),
    Claim(
        "C4",
        "section 3, after Eq. (2)",
        "in a residual block " + _REMAINS,
        limit("signal_remains", "eq2", RESIDUAL.name),
        judge_limit(1.0),
    ),
    Claim(
        "C5",
        "sections 1 and 3",
        "hence a residual block cannot lose the gradient",
        losses,
        judge_losses,
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
        equality("eq3"),
        judge_equality,
    ),
    Claim(
        "C11",
        "Eq. (5)",
        "∂H/∂x stacks ∂F_l/∂x on the identity in a dense block",
        equality("eq5"),
        judge_equality,
    ),
)
