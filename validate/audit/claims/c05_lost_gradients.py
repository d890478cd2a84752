"""Judges C5: can the gradient vanish in a residual block?

For some branches it does, and behind the ReLU that ends the block even where the branch is
constant. Beside it stands for which branches it cannot.
"""

from dataclasses import dataclass
from fractions import Fraction

from derivations.algebra.blocks import RESIDUAL
from derivations.algebra.notation import notation_of
from derivations.algebra.quantities import GAIN, SIGMA_MAX
from derivations.algebra.terms import Chain, Pointwise
from derivations.rules.bounds import bounds
from validate.audit.claims.c01_equations import BOTH
from validate.audit.counterexample_search import Point, show, smallest
from validate.audit.evidence import (
    UNDECIDED,
    Claim,
    Counterexample,
    Finding,
    Proof,
    Sources,
    prove,
)
from validate.audit.gradients import affine, agree, gradient, linear
from validate.audit.recorded_losses import Arrives, arrives, said
from validate.audit.verdicts import Case, all_of

READING = (
    f"{BOTH}; for every ∂F/∂x, as the sentence of section 1 makes no exception; the limit ∂F/∂x → "
    "0 is none of its readings and is judged in C4; not judged: what becomes of gradients with "
    "depth (“even in the case of deep neural networks”)"
)


@dataclass(frozen=True)
class Losses:
    """Residual blocks that lose the gradient: for some branch, and for a constant branch behind
    the block's last ReLU. `kept`: the bound below which no block with a small branch falls, the
    ReLU left out; `recorded`: what arrives in the residual networks of the records.
    """

    of_the_block: Counterexample | None
    after_relu: Counterexample | None
    kept: Proof
    recorded: tuple[Arrives, ...] = ()


def losses(sources: Sources) -> Losses:
    """The smallest branch J_F (1 × 1, then 2 × 2) and signal g ≠ 0 with (J_F + I)ᵀ g = 0, and the
    smallest positive input and constant branch behind a ReLU.
    """
    return Losses(
        smallest((1, 2), lambda n: n * n + n, _lost),
        smallest((1,), lambda _: 3, _lost_behind_relu),
        _kept(),
        arrives(sources.results, ("residual",)),
    )


def _kept() -> Proof:
    proved = bounds(notation_of(RESIDUAL, "operator")).structural
    assert proved is not None  # a sum with the identity has a theorem
    statement = "‖∂L/∂x‖ ≥ (1 − σ_max(∂F/∂x)) · ‖∂L/∂H‖"
    step = next(
        step
        for step in proved.derivation.steps
        if (step.before, step.relation, step.after) == (GAIN, ">=", 1 - SIGMA_MAX)
    )
    return prove(proved.derivation, {statement: step})[statement]


def _lost(n: int, point: Point) -> Counterexample | None:
    rows, g = [point[i * n : (i + 1) * n] for i in range(n)], point[n * n :]
    left = [g[j] + sum((rows[i][j] * g[i] for i in range(n)), Fraction(0)) for j in range(n)]
    if not any(g) or any(left):
        return None
    seen = gradient(RESIDUAL.term, {"F": linear(*rows)}, [Fraction(1)] * n, g)
    autograd = {f"dL/dx_{j}": agree("residual block", value, 0.0) for j, value in enumerate(seen)}
    given = {"∂F/∂x": "; ".join(show(*row) for row in rows), "∂L/∂H": show(*g)}
    return Counterexample(
        "the gradient does not vanish in a residual block",
        given,
        "∂L/∂x ≠ 0",
        "∂L/∂x = ∂L/∂H · (∂F/∂x + 1) = 0",
        autograd,
    )


def _lost_behind_relu(_: int, point: Point) -> Counterexample | None:
    """x > 0, as what comes out of the ReLU before it is not negative, and at 0 a derivative of ReLU
    is a convention; F is constant.
    """
    x, f, g = point
    if not g or x <= 0 or x + f >= 0:
        return None
    term, constant = Chain(RESIDUAL.term, Pointwise("relu")), affine(Fraction(0), f, Fraction(0))
    seen = gradient(term, {"F": constant, "relu": lambda y: y.relu()}, [x], [g])
    given = {"F": f"{show(f)} (∂F/∂x = 0)", "x": show(x), "H": show(x + f)}
    return Counterexample(
        "the gradient is kept behind the block's last ReLU",
        given | {"∂L/∂ReLU(H)": show(g)},
        "∂L/∂x ≠ 0",
        "∂L/∂x = (∂F/∂x + 1) · ReLU′(H) · ∂L/∂ReLU(H) = 0",
        {"dL/dx": agree("ReLU of a residual block", seen[0], 0.0)},
    )


def judge_losses(evidence: Losses) -> Finding:
    found = (evidence.of_the_block, evidence.after_relu)
    names = ("for every branch", "for a constant branch, behind the ReLU that ends the block")
    cases = [
        Case(name, None if each is None else False, UNDECIDED)
        for name, each in zip(names, found, strict=True)
    ]
    last = "behind the ReLU that ends a block in section 3"
    shown = [f"no gradient is lost {last}"]
    if evidence.after_relu:
        shown = [f"{last} even a vanished branch loses it, {evidence.after_relu}"]
    if evidence.kept.proved:
        how = ", ".join(evidence.kept.passed)
        shown.append(
            "the sentence holds where σ_max(∂F/∂x) < 1 and H is that of Eq. (2), without that "
            f"ReLU: {evidence.kept.statement} (proved by {how})"
        )
    shown += said(evidence.recorded, "residual networks")
    return Finding(
        READING, all_of(*cases), "; ".join(shown), evidence.of_the_block or evidence.after_relu
    )


CLAIMS = (
    Claim(
        "C5",
        "section 1",
        "“in the ResNet model, gradients do not vanish”, as there is a shortcut",
        losses,
        judge_losses,
    ),
)
