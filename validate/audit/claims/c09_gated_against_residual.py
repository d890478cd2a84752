"""Judges C9: does a gated block pass gradients better than a residual one, possibly or more often?

The paper says that the possibility is increased, later that it is more likely: whether there is a
block for which it is so, and whether it is so more often than not, are readings of their own.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from derivations.algebra.blocks import RESIDUAL
from derivations.algebra.terms import Term
from validate.audit.counterexample_search import Point, show, smallest
from validate.audit.ensembles import SMALL, Mean, gated_against_residual
from validate.audit.evidence import UNDECIDED, Claim, Counterexample, Finding, Remains, Sources
from validate.audit.gated_number import INPUT, GatedNumber
from validate.audit.gradients import affine, agree, gradient
from validate.audit.verdicts import Case, in_each


@dataclass(frozen=True)
class AgainstResNet:
    """Gains of an SE-residual and a residual block with the same branch: the smallest pairs ordered
    either way, the mean of γ² over random weights, the same with a `small` branch, and what remains
    of each as the branch vanishes.
    """

    worse: Counterexample | None
    better: Counterexample | None
    mean: Mean
    small: Mean
    gated: Remains
    residual: Remains


def against_resnet(sources: Sources) -> AgainstResNet:
    """Both blocks share F, x and ∂L/∂H in every comparison."""
    term = sources.gated.term
    worse, better = (smallest((1,), lambda _: 4, partial(_ordered, term, sign)) for sign in (-1, 1))
    return AgainstResNet(
        worse,
        better,
        gated_against_residual(),
        gated_against_residual(SMALL),
        sources.remains(sources.gated.name),
        sources.remains(RESIDUAL.name),
    )


def _ordered(term: Term, sign: int, _: int, point: Point) -> Counterexample | None:
    """A pair of blocks whose gains differ in this direction."""
    f, u, w1, w2 = point
    block = GatedNumber(u, f, w1, w2)
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
        Case("as a possibility, for some branch and gate", better is not None or None, UNDECIDED),
        Case("for every branch", None if worse is None else False, UNDECIDED),
        Case(f"more often than not over {mean.ensemble}", mean.more_often, "more draws"),
        Case("in the mean of γ² over the same", mean.greater, "more draws"),
        Case("as the branch vanishes", limits, UNDECIDED),
    )
    pairs = [
        f"{name} for ∂F/∂x = {each.given['∂F/∂x']}: {each.found}"
        for name, each in (("more", better), ("less", worse))
        if each
    ]
    left = (
        f"{evidence.gated.lower:g} and {evidence.residual.upper:g} of the gradient remain as the "
        f"branch vanishes, and with {evidence.small.ensemble} the gate passes more in "
        f"{evidence.small.wins} of {evidence.small.draws}"
    )
    return Finding(
        "operator, the same F, x and ∂L/∂H in both blocks",
        in_each(*cases),
        "; ".join([*pairs, f"more in {mean.wins} of {mean.draws} draws, {mean}", left]),
        worse,
    )


CLAIMS = (
    Claim(
        "C9",
        "sections 3 (after Eq. (3)) and 4",
        "the possibility of overcoming vanishing gradients more effectively than ResNet is "
        "increased: an SE-residual block passes gradients better than a residual block",
        against_resnet,
        judge_against_resnet,
    ),
)
