"""Judges C9: does a gated block pass gradients better than a residual one, possibly or more often?

The paper says that the possibility is increased, elsewhere that it is more likely: whether there is
a block for which it is so, and whether it is so more often than not, are readings of their own.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from derivations.algebra.blocks import RESIDUAL
from derivations.algebra.terms import Term
from validate.audit.counterexample_search import Point, show, smallest
from validate.audit.ensembles import SETUP, SMALL, Gates, Mean, gated_against_residual, gates
from validate.audit.evidence import UNDECIDED, Claim, Counterexample, Finding, Remains, Sources
from validate.audit.gated_number import GATE, INPUT, GatedNumber
from validate.audit.gradients import affine, agree, gradient
from validate.audit.verdicts import Case, in_each

POSSIBILITY = "the possibility increases (sections 3 to 5), in that"
LIKELY = "more likely (section 4)"


@dataclass(frozen=True)
class AgainstResNet:
    """Gains of an SE-residual and a residual block with the same branch: the smallest pairs ordered
    either way, the mean of γ² over random weights, their `gates`, the same with a `small` branch,
    and what remains of each as the branch vanishes.
    """

    worse: Counterexample | None
    better: Counterexample | None
    mean: Mean
    gates: Gates
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
        gates(),
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
    order = "more" if sign < 0 else "less"
    statement = f"the gated block passes {order} than the residual one"
    claims = f"{order} than {show(residual)} with the gate"
    return Counterexample(statement, given, claims, found, autograd)


def judge_against_resnet(evidence: AgainstResNet) -> Finding:
    """The readings of "possibility" are that some block passes more, and that more remains in the
    limit by which the paper argues; "more likely" is more often than not.
    """
    mean = evidence.mean
    limits = (
        evidence.gated.lower > evidence.residual.upper
        if evidence.gated.derived and evidence.residual.derived
        else None
    )
    some = None if evidence.better is None else True
    cases = (
        Case(
            f"{POSSIBILITY} there is a branch and a gate for which it passes more (existence, "
            "which says nothing of how often)",
            some,
            UNDECIDED,
        ),
        Case(f"{POSSIBILITY} more remains when ∂F/∂x → 0", limits, UNDECIDED),
        Case(
            f"{LIKELY}: more often than not over {mean.ensemble}, nothing trained",
            mean.more_often,
            "more draws",
        ),
        Case(f"{LIKELY}: more often than not with trained gates", None, "trained gates"),
    )
    return Finding(
        "operator, the same F, x and ∂L/∂H in both blocks; each wording is judged, and where the "
        "paper says “possibility”, here alone, that it is so for some block is one of its "
        f"readings; in single blocks every symbol is a number, {GATE} and F(1) is F at x = 1",
        in_each(*cases),
        "; ".join(_shown(evidence)),
        evidence.worse,
    )


def _shown(evidence: AgainstResNet) -> list[str]:
    mean, small = evidence.mean, evidence.small
    shown = [
        f"{name} for ∂F/∂x = {each.given['∂F/∂x']}: {each.found}"
        for name, each in (("more", evidence.better), ("less", evidence.worse))
        if each
    ]
    shown += [
        (
            f"when ∂F/∂x → 0, {evidence.gated.lower:g} and {evidence.residual.upper:g} times ∂L/∂H "
            "remain"
        ),
        (
            f"with {mean.ensemble}, the gate passes more in {mean.wins} of {mean.draws} draws, "
            f"{mean}; {SETUP}"
        ),
        (
            f"gates are as initialized and not trained, with a mean of s of "
            f"{evidence.gates.mean:.2f}: with the gate, the branch's contribution to γ² shrinks to "
            f"({mean.first:.3f} − 1) / ({mean.second:.3f} − 1) = {mean.added:.2f} of its value, as "
            f"the mean of s² is {evidence.gates.square:.2f}"
        ),
        (
            f"with the branches times {SMALL:g} the gate passes more in {small.wins} of "
            f"{small.draws} draws{', which is a coin flip' if small.more_often is None else ''}"
        ),
    ]
    return shown


CLAIMS = (
    Claim(
        "C9",
        "sections 3 (after Eq. (3)) to 5",
        "SE-ResNet increases “the possibility of overcoming the gradient vanishing problem more "
        "effectively” than ResNet (sections 3 to 5), and “was more likely to” (section 4): an "
        "SE-residual block has the larger gain γ",
        against_resnet,
        judge_against_resnet,
    ),
)
