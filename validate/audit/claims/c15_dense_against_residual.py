"""Judges C15: does a dense block pass gradients better than a residual one, in any precise sense?

Both blocks have the same branch and input; a gain is ‖∂L/∂x‖ per norm of the backward signal that
arrives.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from derivations.algebra.blocks import DENSE, RESIDUAL
from validate.audit.claims.c12_dense_gradients import Dense
from validate.audit.counterexample_search import Point, root, show, smallest, square
from validate.audit.ensembles import Mean, dense_against_residual
from validate.audit.evidence import (
    UNDECIDED,
    Claim,
    Counterexample,
    Finding,
    Proof,
    Remains,
    Sources,
    decide,
)
from validate.audit.gradients import agree, gradient, linear
from validate.audit.verdicts import Case, in_each


@dataclass(frozen=True)
class AgainstResNet:
    """The smallest pairs of blocks ordered either way, the mean of γ² over random weights, and what
    remains as the branch vanishes: per norm of the signal on the inputs, and by the √l law in units
    of the signal on a single one.
    """

    worse: Counterexample | None
    better: Counterexample | None
    mean: Mean
    root_law: Proof
    dense: Remains
    residual: Remains


def against_resnet(sources: Sources) -> AgainstResNet:
    worse, better = (smallest((1,), lambda _: 4, partial(_ordered, sign)) for sign in (-1, 1))
    law = sources.proof("eq6", "scalar", "law_with_l")
    return AgainstResNet(
        worse,
        better,
        dense_against_residual(),
        law,
        sources.remains(DENSE.name),
        sources.remains(RESIDUAL.name),
    )


def _ordered(sign: int, _: int, point: Point) -> Counterexample | None:
    """A dense and a residual block of one number with slope a, signals (g_F, g_y) and g, whose
    gains differ in this direction.
    """
    a, g_f, g_y, g = point
    if not g_y or not g:
        return None
    step = Dense((a,), g_f, (g_y,))
    dense, residual = square(step.pulled) / step.signal, (1 + a) ** 2
    if (dense - residual) * sign <= 0:
        return None
    one = [Fraction(1)]
    seen_dense = gradient(DENSE.term, {"F": linear([a])}, one, (g_f, g_y))[0]
    seen_residual = gradient(RESIDUAL.term, {"F": linear([a])}, one, (g,))[0]
    autograd = {
        "gain of the dense step": agree(
            "dense step", abs(seen_dense) / float(step.signal) ** 0.5, float(dense) ** 0.5
        ),
        "gain of the residual block": agree(
            "residual block", abs(seen_residual / float(g)), float(residual) ** 0.5
        ),
    }
    given = {"∂F/∂x": show(a), "∂L/∂H (dense)": show(g_f, g_y), "∂L/∂H (residual)": show(g)}
    order = "least" if sign < 0 else "most"
    found = f"gain {root(dense)} of the dense step, {root(residual)} of the residual block"
    statement = f"the dense step passes at {order} what the residual block passes"
    return Counterexample(
        statement, given, f"at {order} {root(residual)} of the dense step", found, autograd
    )


def judge_against_resnet(evidence: AgainstResNet) -> Finding:
    known = evidence.dense.derived and evidence.residual.derived
    better = evidence.dense.lower > evidence.residual.upper if known else None
    law = (
        True
        if decide(evidence.root_law) and known and evidence.dense.lower >= evidence.residual.upper
        else None
    )
    cases = (
        Case(
            "as the branch vanishes, l ≥ 2, in units of the signal on one of the l inputs (√l "
            "against 1)",
            law,
            UNDECIDED,
        ),
        Case("as the branch vanishes, per norm of the signal on all inputs", better, UNDECIDED),
        Case("for every branch and signal", None if evidence.worse is None else False, UNDECIDED),
        Case(
            f"in the mean of γ² over {evidence.mean.ensemble}", evidence.mean.greater, "more draws"
        ),
    )
    pairs = [
        f"{name}: {each.found}"
        for name, each in (("less", evidence.worse), ("more", evidence.better))
        if each
    ]
    left = (
        f"{evidence.dense.lower:g} and {evidence.residual.upper:g} remain per norm of the signal "
        "as the branch vanishes"
    )
    reading = "operator, the same F and x in both blocks"
    return Finding(
        reading, in_each(*cases), "; ".join([*pairs, str(evidence.mean), left]), evidence.worse
    )


CLAIMS = (
    Claim(
        "C15",
        "section 3, after Eq. (6)",
        "a dense block passes gradients better than a residual block",
        against_resnet,
        judge_against_resnet,
    ),
)
