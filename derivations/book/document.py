"""Builds the derivation document: every block and equation, derived, checked and typeset.

The frozen dataclasses are the schema of `gradbound.derive/1`: their attributes are its keys.
"""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import chain
from typing import ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter

from derivations.algebra.blocks import BLOCKS, Block, block
from derivations.algebra.formula import named as formula_of
from derivations.algebra.notation import READINGS, Notation, Reading, notation_of
from derivations.algebra.printing import definition_latex, latex, step_latex, step_text, text
from derivations.algebra.steps import Derivation, Theorem
from derivations.book.results import axioms, theorems
from derivations.checker.attaining_worlds import Example, examples
from derivations.checker.check import CheckedStep, check
from derivations.rules.bound import Bound, bound_latex
from derivations.rules.bounds import bounds
from derivations.rules.jacobian import linearize, remains
from derivations.theorems.equations import equations
from derivations.theorems.transcription import Equation
from derivations.time_limit import run

SCHEMA: Literal["gradbound.derive/1"] = "gradbound.derive/1"
THEOREM_SECONDS = 600.0
Certainty = Literal["exact", "certified", "probable", "law", "estimate"]


class _Strict:
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False
    )


@dataclass(frozen=True)
class FormulaRecord(_Strict):
    """An expression, as plain text and as LaTeX."""

    text: str
    latex: str


@dataclass(frozen=True)
class CheckRecord(_Strict):
    """One independent way in which a step was checked, and whether it passed."""

    method: str
    ok: bool


@dataclass(frozen=True)
class StepRecord(_Strict):
    """One line of a derivation: the rule that gave it, the line, and the condition under which it
    holds.
    """

    rule: str
    text: str
    latex: str
    condition: str
    checks: tuple[CheckRecord, ...]


@dataclass(frozen=True)
class BoundRecord(_Strict):
    """A bound on ‖∂L/∂x‖ relative to the norm that `where` states first; `limit` is its value as
    the branch vanishes.

    `certainty` is that of the formula in its quantities. `extremal` is a world in which the bound
    is attained, found by search ("" where none was); `holds_for` says for which backward signals it
    holds at once.
    """

    id: str
    side: Literal["lower", "upper"]
    certainty: Certainty
    latex: str
    conditions: tuple[str, ...]
    limit: str
    where: tuple[str, ...]
    source: str
    extremal: str
    holds_for: str


@dataclass(frozen=True)
class OrderRecord(_Strict):
    """A bound that is at least as tight as another wherever both apply (its proof is among the
    block's steps).
    """

    tighter: str
    looser: str


@dataclass(frozen=True)
class BlockRecord(_Strict):
    """One block in one reading (scalar: every block is a number; operator: Jacobians are matrices).

    `remains` is the pullback where the Jacobians of the branch are 0; `where` says what the symbols
    of the steps stand for.
    """

    block: str
    title: str
    kind: str
    reading: Reading
    definition_latex: str
    pullback: FormulaRecord
    remains: FormulaRecord
    steps: tuple[StepRecord, ...]
    where: tuple[str, ...]
    bounds: tuple[BoundRecord, ...]
    order: tuple[OrderRecord, ...]


@dataclass(frozen=True)
class ClaimRecord(_Strict):
    """A statement of the paper and whether it holds in the equation's reading."""

    statement: str
    latex: str
    holds: bool


@dataclass(frozen=True)
class EquationRecord(_Strict):
    """An equation of the paper about a block, as transcribed and as derived. `ok`: its derivation
    passed every check.
    """

    id: str
    block: str
    reading: Reading
    transcribed_latex: str
    derived_latex: str
    ok: bool
    claims: tuple[ClaimRecord, ...]
    steps: tuple[StepRecord, ...]
    where: tuple[str, ...]


@dataclass(frozen=True)
class TheoremRecord(_Strict):
    """A result that is about no single block: a stack, an architecture, a law. `latex` states it,
    `setting` where it is exact.
    """

    id: str
    title: str
    statement: str
    reading: Reading
    latex: str
    conditions: tuple[str, ...]
    certainty: Certainty
    setting: str
    source: str
    ok: bool
    steps: tuple[StepRecord, ...]
    where: tuple[str, ...]


@dataclass(frozen=True)
class AxiomRecord(_Strict):
    """A fact that is cited rather than proved."""

    name: str
    statement: str
    source: str


@dataclass(frozen=True)
class Document(_Strict):
    """Everything that `derive` says. `ok`: every step of every derivation passed every check."""

    schema: Literal["gradbound.derive/1"]
    ok: bool
    blocks: tuple[BlockRecord, ...]
    equations: tuple[EquationRecord, ...]
    theorems: tuple[TheoremRecord, ...]
    axioms: tuple[AxiomRecord, ...]

    @classmethod
    def of(cls, data: object) -> "Document":
        """The validated document; raises pydantic.ValidationError for one that breaks the schema."""
        return TypeAdapter(cls).validate_json(json.dumps(data), strict=True)

    def failures(self) -> list[str]:
        """One line per step that did not pass."""
        parts = [(f"{b.block} ({b.reading})", b.steps) for b in self.blocks]
        parts += [(f"{e.id} ({e.reading})", e.steps) for e in self.equations]
        parts += [(t.id, t.steps) for t in self.theorems]
        return [
            (
                f"{where}, step {number} ({step.rule}): {step.text} fails "
                f"{', '.join(c.method for c in step.checks if not c.ok)}"
            )
            for where, steps in parts
            for number, step in enumerate(steps, 1)
            if not _passed(step)
        ]

    def __str__(self) -> str:
        from derivations.book.text import render

        return render(asdict(self), "text")

    def _repr_latex_(self) -> str:
        rows = [
            rf"\text{{{b.block.replace('_', ' ')}, {b.reading}:}}\quad & {b.pullback.latex} \\"
            for b in self.blocks
        ]
        return "\n".join([r"$\displaystyle\begin{aligned}", *rows, r"\end{aligned}$"])


def derive(blocks: Sequence[str] = ()) -> Document:
    """Derives and checks the named blocks and the paper's equations that belong to them; without
    names everything.

    Raises InputError for an unknown block. A failed check does not raise: see `Document.ok` and
    `failures`.
    """
    chosen = [block(name) for name in blocks] or list(BLOCKS.values())
    with ThreadPoolExecutor(
        1
    ) as beside:  # the thread waits for a process of its own, on another core
        awaited = (
            None
            if blocks
            else beside.submit(run, "derivations.book.document:theorem_data", {}, THEOREM_SECONDS)
        )
        block_records = tuple(
            _block_record(each, reading) for each in chosen for reading in READINGS
        )
        named = {each.term: each.name for each in chosen}
        equation_records = tuple(
            _equation_record(e, named[e.derivation.notation.term])
            for e in equations()
            if e.derivation.notation.term in named
        )
        theorem_records = _theorem_records(awaited.result()) if awaited else ()
    recorded = (
        *(b.steps for b in block_records),
        *(e.steps for e in equation_records),
        *(t.steps for t in theorem_records),
    )
    cited = tuple(AxiomRecord(axiom.id, axiom.statement, axiom.source) for axiom in axioms())
    return Document(
        SCHEMA,
        all(map(_passed, chain(*recorded))),
        block_records,
        equation_records,
        theorem_records,
        cited,
    )


def theorem_data() -> list[dict[str, object]]:
    """The records of all theorems, as JSON-able data."""
    return [asdict(_theorem_record(theorem)) for theorem in theorems()]


def _theorem_records(data: object) -> tuple[TheoremRecord, ...]:
    return TypeAdapter(tuple[TheoremRecord, ...]).validate_json(json.dumps(data), strict=True)


def derive_document(blocks: Sequence[str] = ()) -> dict[str, object]:
    """`derive`, as JSON-able data."""
    return asdict(derive(blocks))


def _block_record(each: Block, reading: Reading) -> BlockRecord:
    notation = notation_of(each, reading)
    line = linearize(notation)
    left = remains(line)
    checked = list(
        check(line.derivation if reading == "operator" else line.derivation.followed_by(left))
    )
    stated = {(each.step.before, each.step.after) for each in checked}
    made: list[BoundRecord] = []
    where: tuple[str, ...] = ()
    order: tuple[OrderRecord, ...] = ()
    if reading == "operator":
        proved = bounds(notation)
        order = tuple(
            dict.fromkeys(OrderRecord(pair.tighter, pair.looser) for pair in proved.order)
        )
        for theorem in proved.theorems:
            checked += [
                each
                for each in check(theorem.derivation)
                if (each.step.before, each.step.after) not in stated
            ]
            stated |= {(each.step.before, each.step.after) for each in checked}
            where += _definitions(theorem.derivation)
            bounding = [bound for bound in theorem.bounds if bound.side != "equal"]
            found = examples(theorem.derivation, [bound.expr for bound in bounding])
            made += [
                _bound_record(bound, example, notation)
                for bound, example in zip(bounding, found, strict=True)
            ]
    pullback = line.derivation.steps[-1]
    return BlockRecord(
        block=each.name,
        title=each.title,
        kind=each.kind,
        reading=reading,
        definition_latex=f"H(x) = {formula_of(each.term, 'x', {})}",
        pullback=FormulaRecord(step_text(pullback), step_latex(pullback, notation)),
        remains=FormulaRecord(text(left.after), latex(left.after, notation)),
        steps=tuple(_step_record(step, notation) for step in checked),
        where=tuple(dict.fromkeys(where)),
        bounds=tuple(made),
        order=order,
    )


def _definitions(derivation: Derivation) -> tuple[str, ...]:
    return tuple(
        definition_latex(quantity, derivation.notation) for quantity in derivation.quantities
    )


def _step_record(checked: CheckedStep, notation: Notation) -> StepRecord:
    step = checked.step
    outcomes = tuple(CheckRecord(c.method, c.ok) for c in checked.checks)
    return StepRecord(
        step.rule, step_text(step), step_latex(step, notation), step.condition, outcomes
    )


def _bound_record(bound: Bound, example: Example | None, notation: Notation) -> BoundRecord:
    where: tuple[str, ...] = (
        (
            r"\gamma = \lVert \partial L / \partial x \rVert / \lVert "
            rf"{latex(bound.base, notation)} \rVert"
        ),
    )
    where += tuple(definition_latex(quantity, notation) for quantity in bound.quantities)
    return BoundRecord(
        id=bound.id,
        side=bound.side,  # type: ignore[arg-type]  # equalities are no bounds
        certainty=bound.certainty,  # type: ignore[arg-type]
        latex=bound_latex(bound, notation),
        conditions=bound.conditions,
        limit=latex(bound.limit, notation),
        where=where,
        source=bound.source,
        extremal=example.latex if example else "",
        holds_for=bound.holds_for,
    )


def _theorem_record(theorem: Theorem) -> TheoremRecord:
    notation = theorem.derivation.notation
    steps = tuple(_step_record(step, notation) for step in check(theorem.derivation))
    return TheoremRecord(
        id=theorem.id,
        title=theorem.title,
        statement=theorem.statement,
        reading=notation.reading,
        latex=theorem.result_label + step_latex(theorem.result, notation),
        conditions=theorem.conditions,
        certainty=theorem.certainty,
        setting=theorem.setting,
        source=theorem.source,
        ok=all(map(_passed, steps)),
        steps=steps,
        where=_definitions(theorem.derivation),
    )


def _equation_record(equation: Equation, block_name: str) -> EquationRecord:
    derivation, notation = equation.derivation, equation.derivation.notation
    count = len(derivation.steps)
    judged = check(
        replace(derivation, steps=(*derivation.steps, *(claim.step for claim in equation.claims)))
    )
    claims = tuple(
        ClaimRecord(claim.statement, step_latex(claim.step, notation), outcome.ok)
        for claim, outcome in zip(equation.claims, judged[count:], strict=True)
    )
    steps = tuple(_step_record(step, notation) for step in judged[:count])
    derived = equation.result_label + step_latex(equation.result, notation)
    return EquationRecord(
        id=equation.id,
        block=block_name,
        reading=equation.reading,
        transcribed_latex=equation.transcribed_latex,
        derived_latex=derived,
        ok=all(map(_passed, steps)),
        claims=claims,
        steps=steps,
        where=_definitions(derivation),
    )


def _passed(step: StepRecord) -> bool:
    return len(step.checks) >= 2 and all(check.ok for check in step.checks)
