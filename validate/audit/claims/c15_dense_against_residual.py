"""Judges C15: does a dense block pass gradients better than a residual one, in any precise sense?

Both blocks have the same branch and input, and are measured in the same unit: by the norm of the
backward signal that arrives, or by its size on one of l inputs. That √l of a dense block, in the
latter unit, exceeds 1 of a residual block, in the former, compares nothing.
"""

import math
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
from validate.audit.recorded_losses import Arrives, arrives, said
from validate.audit.verdicts import Case, in_each

INPUTS = range(2, 7)
"""Numbers l of inputs for which both blocks are measured by the signal on one of them; not 1, for
which Eq. (6) itself claims √1 = 1."""

READING = (
    "operator, the same F and x in both blocks, with both gradients divided by the same norm of "
    "the incoming signal: of that on all inputs, on one input, or of all of ∂L/∂H; the scalar "
    "reading is none, as it compares √l of a number for l inputs with 1 of a number for one input, "
    f"two units; l ≥ {INPUTS[0]}, as for l = 1 Eq. (6) itself claims √1 = 1; “more effectively” is "
    "no “possibility” as of SE-ResNet (C9), and “could” (sections 3 and 5) is read so that the "
    "dense block can pass more and the residual block cannot"
)


@dataclass(frozen=True)
class Squares:
    """‖∂L/∂x‖² of both blocks with a vanished branch, l inputs and a signal of 1 on each of them,
    in units of that on one.
    """

    l: int
    dense: int
    residual: int


@dataclass(frozen=True)
class AgainstResNet:
    """The smallest pairs of blocks ordered either way, the mean of γ² over random weights, and what
    remains as the branch vanishes: per norm of the signal on the inputs, and by the signal on a
    single one (`squares`; `equal`: the fewest inputs for which the dense block has no more).
    `mixed`: the √l law, which holds in units of the signal on a single input. `recorded_*`: what
    arrives in the networks of the records.
    """

    worse: Counterexample | None
    better: Counterexample | None
    mean: Mean
    dense: Remains
    residual: Remains
    squares: tuple[Squares, ...]
    equal: Counterexample | None
    mixed: Proof
    recorded_dense: tuple[Arrives, ...] = ()
    recorded_residual: tuple[Arrives, ...] = ()


def against_resnet(sources: Sources) -> AgainstResNet:
    worse, better = (smallest((1,), lambda _: 4, partial(_ordered, sign)) for sign in (-1, 1))
    measured = [_vanished(l) for l in INPUTS]
    return AgainstResNet(
        worse,
        better,
        dense_against_residual(),
        sources.remains(DENSE.name),
        sources.remains(RESIDUAL.name),
        tuple(squares for squares, _ in measured),
        next((found for _, found in measured if found), None),
        sources.proof("eq6", "scalar", "law_with_l"),
        arrives(sources.results, ("dense",)),
        arrives(sources.results, ("residual",)),
    )


def _vanished(l: int) -> tuple[Squares, Counterexample | None]:
    """Both blocks with l inputs, ∂F/∂x = 0 and a signal of 1 on each input; none on new maps."""
    one, zeros = [Fraction(1)] * l, [Fraction(0)] * l
    step = Dense(tuple(zeros), Fraction(0), tuple(one))
    seen = {
        "dense": gradient(DENSE.term, {"F": linear(zeros)}, one, (Fraction(0), *one)),
        "residual": gradient(RESIDUAL.term, {"F": linear(*[zeros] * l)}, one, one),
    }
    # A vanished branch leaves a residual block the identity: the signal arrives as it is.
    exact = {"dense": square(step.pulled), "residual": square(one)}
    norms = {
        f"‖∂L/∂x‖ of the {name} block": agree(
            f"{name} block", math.hypot(*values), math.sqrt(exact[name])
        )
        for name, values in seen.items()
    }
    squares = Squares(l, int(exact["dense"]), int(exact["residual"]))
    if squares.dense > squares.residual:
        return squares, None
    given = {"l": str(l), "∂F/∂x": "0", "∂L/∂H on the inputs of both": show(*one)}
    found = (
        f"‖∂L/∂x‖ = {root(exact['dense'])} of the dense block, {root(exact['residual'])} of the "
        "residual block"
    )
    statement = "more remains of the dense block, per signal on one input"
    claims = f"more than {root(exact['residual'])} of the dense block"
    return squares, Counterexample(statement, given, claims, found, norms)


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
    order = "more" if sign < 0 else "less"
    found = f"gain {root(dense)} of the dense step, {root(residual)} of the residual block"
    statement = f"the dense step passes {order} than the residual block"
    return Counterexample(
        statement, given, f"{order} than {root(residual)} of the dense step", found, autograd
    )


def judge_against_resnet(evidence: AgainstResNet) -> Finding:
    """That the dense block is better in one unit: √l against 1 takes two."""
    dense, residual = evidence.dense, evidence.residual
    known = dense.derived and residual.derived
    by_one = all(each.dense > each.residual for each in evidence.squares)
    # That a dense block passes more somewhere is no order, as long as a residual block does too.
    could = None if evidence.worse is None else False
    cases = (
        Case(
            "as the branch vanishes, per norm of the signal on all inputs",
            dense.lower > residual.upper if known else None,
            UNDECIDED,
        ),
        Case(
            "as the branch vanishes, per signal on one of the inputs",
            by_one if evidence.squares else None,
            UNDECIDED,
        ),
        Case(
            "for every branch and signal, per norm of the whole signal",
            None if evidence.worse is None else False,
            UNDECIDED,
        ),
        Case(
            "“could” (sections 3 and 5), where a residual block cannot",
            could,
            "no residual block was found that passes more, and no proof that there is none",
        ),
    )
    return Finding(
        READING,
        in_each(*cases),
        "; ".join(_shown(evidence)),
        evidence.equal or evidence.worse,
    )


def _shown(evidence: AgainstResNet) -> list[str]:
    dense, residual, mean = evidence.dense, evidence.residual, evidence.mean
    roots = "; ".join(
        f"l = {each.l}: {root(Fraction(each.dense))} and {root(Fraction(each.residual))}"
        for each in evidence.squares
    )
    law = "the √l of Eq. (6)" if decide(evidence.mixed) else "the √l of Eq. (6), not proved,"
    return [
        (
            f"{law} is ‖∂L/∂x‖ divided by the signal on one of l inputs, if each has as much; of a "
            f"residual block with l numbers as input it is √l too ({roots}, dense and residual)"
        ),
        (
            f"divided by the norm of the signal on all inputs {dense.lower:g} of the dense and "
            f"{residual.upper:g} of the residual block remain"
        ),
        *(
            f"a {name} block could pass more, for ∂F/∂x = {each.given['∂F/∂x']}, ∂L/∂H = "
            f"{each.given['∂L/∂H (dense)']} of the dense and {each.given['∂L/∂H (residual)']} of "
            f"the residual block: {each.found} (one input; further ones that F does not use and no "
            "signal reaches change nothing)"
            for name, each in (("residual", evidence.worse), ("dense", evidence.better))
            if each
        ),
        (
            f"not judged: over {mean.ensemble}, {mean}, dense and residual; the ratio "
            f"{mean.first / mean.second:.2f} is forced, as the dense step has as many new maps as "
            "inputs and its ∂L/∂H twice as many entries (the branch is one convolution, in C9 it "
            "is two)"
        ),
        *said(evidence.recorded_dense, "dense networks"),
        *said(evidence.recorded_residual, "residual networks"),
    ]


CLAIMS = (
    Claim(
        "C15",
        "sections 3 (after Eq. (6)), 4 and 5",
        "DenseNet overcomes vanishing gradients “more effectively” than ResNet: a dense block "
        "passes more of the gradient than a residual block",
        against_resnet,
        judge_against_resnet,
    ),
)
