"""Defines what claims are judged by: proofs, counterexamples, limits, and their sources.

Evidence is a frozen dataclass per claim; a claim's `judge` sees nothing else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Generic, TypeVar

import sympy as sp

from derivations.algebra.blocks import BLOCKS, RESIDUAL, SE_RESIDUAL, Block
from derivations.algebra.notation import Reading, notation_of
from derivations.algebra.steps import Derivation, Step
from derivations.book.proof_chain import missing
from derivations.checker.check import check
from derivations.errors import InputError, ViolationError
from derivations.rules.bounds import bounds
from derivations.theorems.equations import equations
from validate.audit.counting import Counts
from validate.audit.gradients import AGREEMENT
from validate.audit.paper import Paper
from validate.audit.paper import paper as read_paper
from validate.audit.verdicts import Judgement
from validate.records.schema import Results
from validate.study.study_folder import Study

Evidence = TypeVar("Evidence")

UNDECIDED = "no proof and no counterexample: `gradbound derive` names a step that fails"


@dataclass(frozen=True)
class Proof:
    """A statement as the checker judged it. `derived`: whether the derivation that it rests on
    passes every check of its own.
    """

    statement: str
    passed: tuple[str, ...]
    failed: tuple[str, ...]
    derived: bool

    @property
    def proved(self) -> bool:
        # Two methods, as one may share a mistake with the derivation.
        return self.derived and not self.failed and len(self.passed) >= 2


@dataclass(frozen=True)
class Counterexample:
    """What breaks a statement: `given` values, and what is `found` with them in exact arithmetic,
    beside what the statement `claims`.

    `autograd` holds the same numbers from torch's autograd in float64, where there is something to
    differentiate.
    """

    statement: str
    given: Mapping[str, str]
    claims: str
    found: str
    autograd: Mapping[str, float] = field(default_factory=dict)

    @property
    def given_text(self) -> str:
        return ", ".join(f"{name} = {value}" for name, value in self.given.items())

    def __str__(self) -> str:
        return f"{self.given_text}: {self.found} (claimed: {self.claims})"


@dataclass(frozen=True)
class Instance:
    """An equation with numbers in it, small enough to redo by hand: what the paper's `formula`
    gives for the `given` ones, `printed`, and what torch's autograd finds.
    """

    given: Mapping[str, str]
    formula: str
    printed: tuple[float, ...]
    autograd: tuple[float, ...]

    @property
    def counterexample(self) -> Counterexample | None:
        """None where both agree, up to rounding."""
        # `not <=` and not `>`: NaN is no agreement.
        if len(self.printed) == len(self.autograd) and all(
            abs(seen - exact) <= AGREEMENT * (1 + abs(exact))
            for seen, exact in zip(self.autograd, self.printed, strict=True)
        ):
            return None
        seen = {f"entry {i}": value for i, value in enumerate(self.autograd)}
        return Counterexample(
            self.formula, self.given, _row(self.printed), _row(self.autograd), seen
        )

    def __str__(self) -> str:
        given = ", ".join(f"{name} = {value}" for name, value in self.given.items())
        return (
            f"for {given}: {self.formula} = {_row(self.printed)}, by autograd {_row(self.autograd)}"
        )


def _row(numbers: tuple[float, ...]) -> str:
    shown = [f"{number:.12g}".replace("-", "−") for number in numbers]
    return shown[0] if len(shown) == 1 else f"({', '.join(shown)})"


@dataclass(frozen=True)
class Remains:
    """What the bounds leave of the gain of a block as its branch vanishes: largest lower and least
    upper limit.

    `derived`: whether the derivation of the bounds passes every check.
    """

    lower: float
    upper: float
    derived: bool


class Sources:
    """Where evidence comes from: the printed paper, counted networks, derivations, records of
    training, and the study (None: there are none).

    What several claims ask for is proved once: each object keeps its proofs, and a new one makes
    them anew.
    """

    def __init__(
        self,
        results: Results | None = None,
        paper: Paper | None = None,
        counts: Counts | None = None,
        gated: Block = SE_RESIDUAL,
        residual: Block = RESIDUAL,
        study: Study | None = None,
    ) -> None:
        self.results = results
        self.study = study
        self.paper = read_paper() if paper is None else paper
        self.counts = Counts() if counts is None else counts
        self.gated = gated
        self.residual = residual
        self._proofs = cache(_proofs)
        self._remains = cache(_remains)

    def proof(self, equation: str, reading: Reading, name: str) -> Proof:
        """What the checker says of a claim of the paper, by its name.

        Raises InputError if the equation makes no such claim.
        """
        proofs = self._proofs().get((equation, reading), {})
        if name not in proofs:
            raise InputError(
                f"{equation}, {reading} reading, states no {name!r}: see "
                "derivations/theorems/equations.py"
            )
        return proofs[name]

    def remains(self, block: str) -> Remains:
        """The limits of the bounds on the gain of a named block, relative to the norm that its
        bounds are stated in.
        """
        return self._remains(block)


@dataclass(frozen=True)
class Finding:
    """A judged claim: in which reading, with which verdict, the evidence in one line, and the
    counterexample where there is one.
    """

    reading: str
    judgement: Judgement
    summary: str
    counterexample: Counterexample | None = None


@dataclass(frozen=True)
class Claim(Generic[Evidence]):
    """A claim of the paper: how its evidence is gathered, and how the evidence is judged."""

    id: str
    source: str
    claim: str
    gather: Callable[[Sources], Evidence]
    judge: Callable[[Evidence], Finding]


def prove(derivation: Derivation, statements: Mapping[str, Step]) -> dict[str, Proof]:
    """What the checker says of each statement, given the steps of the derivation."""
    count = len(derivation.steps)
    judged = check(replace(derivation, steps=(*derivation.steps, *statements.values())))
    derived = all(step.ok for step in judged[:count])
    proofs = {}
    for statement, outcome in zip(statements, judged[count:], strict=True):
        passed, failed = (
            tuple(each.method for each in outcome.checks if each.ok is value)
            for value in (True, False)
        )
        proofs[statement] = Proof(statement, passed, failed, derived)
    return proofs


def decide(proof: Proof, counterexample: Counterexample | None = None) -> bool | None:
    """True if proved, False if there is a counterexample, None if there is neither.

    Raises ViolationError if there are both.
    """
    if proof.proved and counterexample is not None:
        raise ViolationError(
            f"{proof.statement} is proved, and there is a counterexample: {counterexample}"
        )
    return True if proof.proved else None if counterexample is None else False


def _proofs() -> dict[tuple[str, Reading], dict[str, Proof]]:
    """Of every equation in every reading, by the name of the claim."""
    found = {}
    for equation in equations():
        statements = {claim.statement: claim.step for claim in equation.claims}
        proofs = prove(equation.derivation, statements)
        found[equation.id, equation.derivation.notation.reading] = {
            claim.name: proofs[claim.statement] for claim in equation.claims
        }
    return found


def _remains(block: str) -> Remains:
    proved = bounds(notation_of(BLOCKS[block], "operator"))
    base = (proved.structural or proved.singular).base  # limits relative to others must not meet
    numbers = [
        (bound.side, float(sp.N(bound.limit)))
        for bound in proved.bounds
        if bound.limit.is_number and bound.base == base
    ]
    lower = max((value for side, value in numbers if side != "upper"), default=0.0)
    upper = min((value for side, value in numbers if side != "lower"), default=float("inf"))
    judged = [(theorem, check(theorem.derivation)) for theorem in proved.theorems]
    derived = all(step.ok for _, steps in judged for step in steps)
    return Remains(lower, upper, derived and not any(missing(*each) for each in judged))
