"""Derives, checks and records every block, equation and theorem: builds the derivation document.

A rule that is wrong does not raise here: the steps that it gave fail their checks, and say so.
"""

from collections.abc import Hashable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain

from pydantic import TypeAdapter

from derivations.algebra.blocks import BLOCKS, Block, block
from derivations.algebra.formula import named as formula_of
from derivations.algebra.notation import READINGS, Notation, Reading, notation_of
from derivations.algebra.printing import definition_latex, latex, step_latex, step_text, text
from derivations.algebra.steps import Derivation, Theorem
from derivations.book.document import (
    SCHEMA,
    AxiomRecord,
    BlockRecord,
    BoundRecord,
    CheckRecord,
    ClaimRecord,
    EquationRecord,
    FormulaRecord,
    OrderRecord,
    StepRecord,
    TheoremRecord,
)
from derivations.book.results import axioms, theorems
from derivations.book.text import PrintedDocument
from derivations.checker.attaining_worlds import Example, examples
from derivations.checker.check import CheckedStep, check
from derivations.rules.bound_types import Bound, Proved, bound_latex
from derivations.rules.bounds import bounds
from derivations.rules.jacobian import linearize, remains
from derivations.theorems.equations import equations
from derivations.theorems.transcription import Equation
from derivations.time_limit import run

THEOREM_SECONDS = 600.0
_THEOREMS = TypeAdapter(tuple[TheoremRecord, ...])


def derive(blocks: Sequence[str] = ()) -> PrintedDocument:
    """Derives and checks the named blocks and the paper's equations about them; without names all.

    Theorems, which are about no single block, come with all blocks only. Raises InputError for an
    unknown block. A failed check does not raise: see `Document.ok` and `failures`.
    """
    chosen = [block(name) for name in blocks] or list(BLOCKS.values())
    # The thread only waits for a process of its own, which derives the theorems on another core
    # while this one derives the blocks.
    with ThreadPoolExecutor(1) as beside:
        function = f"{__name__}:theorems_json"
        awaited = None if blocks else beside.submit(run, function, {}, THEOREM_SECONDS)
        block_records = tuple(
            _block_record(each, reading) for each in chosen for reading in READINGS
        )
        named = {each.term: each.name for each in chosen}
        equation_records = tuple(
            _equation_record(equation, named[equation.derivation.notation.term])
            for equation in equations()
            if equation.derivation.notation.term in named
        )
        theorem_records = _THEOREMS.validate_json(awaited.result(), strict=True) if awaited else ()
    cited = tuple(AxiomRecord(axiom.id, axiom.statement, axiom.source) for axiom in axioms())
    made = PrintedDocument(SCHEMA, True, block_records, equation_records, theorem_records, cited)
    return replace(made, ok=all(step.passed for step in made.steps))


def derive_json(blocks: Sequence[str] = ()) -> str:
    """`derive`, as JSON: what a process of its own answers."""
    return derive(blocks).json()


def theorems_json() -> str:
    """The records of all theorems, as JSON."""
    return _THEOREMS.dump_json(tuple(map(_theorem_record, theorems()))).decode()


def _block_record(each: Block, reading: Reading) -> BlockRecord:
    notation = notation_of(each, reading)
    line = linearize(notation)
    left = remains(line)
    derivation = line.derivation if reading == "operator" else line.derivation.followed_by(left)
    # Bounds are stated for matrices: of the scalar reading they are a special case.
    proved = bounds(notation) if reading == "operator" else None
    bounding, order = (proved.theorems, proved.order) if proved else ((), ())
    derivations = [theorem.derivation for theorem in bounding]
    pullback = line.derivation.steps[-1]
    return BlockRecord(
        block=each.name,
        title=each.title,
        kind=each.kind,
        reading=reading,
        definition_latex=f"H(x) = {formula_of(each.term, 'x', {})}",
        pullback=FormulaRecord(step_text(pullback), step_latex(pullback, notation)),
        remains=FormulaRecord(text(left.after), latex(left.after, notation)),
        steps=tuple(
            _step_record(step, notation) for step in _stated_once([derivation, *derivations])
        ),
        where=tuple(dict.fromkeys(chain(*map(_definitions, derivations)))),
        bounds=tuple(chain(*(_bound_records(theorem, notation) for theorem in bounding))),
        order=tuple(dict.fromkeys(OrderRecord(pair.tighter, pair.looser) for pair in order)),
    )


def _stated_once(derivations: Iterable[Derivation]) -> list[CheckedStep]:
    """The checked steps of all derivations; what an earlier one states is not stated again."""
    kept: list[CheckedStep] = []
    stated: set[tuple[Hashable, Hashable]] = set()
    for derivation in derivations:
        found = [each for each in check(derivation) if _ends(each) not in stated]
        kept += found
        stated |= set(map(_ends, found))
    return kept


def _ends(each: CheckedStep) -> tuple[Hashable, Hashable]:
    return each.step.before, each.step.after


def _definitions(derivation: Derivation) -> tuple[str, ...]:
    return tuple(
        definition_latex(quantity, derivation.notation) for quantity in derivation.quantities
    )


def _step_record(checked: CheckedStep, notation: Notation) -> StepRecord:
    step = checked.step
    outcomes = tuple(CheckRecord(each.method, each.ok) for each in checked.checks)
    line = step_latex(step, notation)
    return StepRecord(step.rule, step_text(step), line, step.condition, outcomes)


def _bound_records(theorem: Proved, notation: Notation) -> list[BoundRecord]:
    bounding = [bound for bound in theorem.bounds if bound.side != "equal"]
    found = examples(theorem.derivation, [bound.expr for bound in bounding])
    return [
        _bound_record(bound, example, notation)
        for bound, example in zip(bounding, found, strict=True)
    ]


def _bound_record(bound: Bound, example: Example | None, notation: Notation) -> BoundRecord:
    base = latex(bound.base, notation)
    gain = rf"\gamma = \lVert \partial L / \partial x \rVert / \lVert {base} \rVert"
    return BoundRecord(
        id=bound.id,
        side=bound.side,  # type: ignore[arg-type]  # equalities are no bounds
        certainty=bound.certainty,  # type: ignore[arg-type]
        latex=bound_latex(bound, notation),
        conditions=bound.conditions,
        limit=latex(bound.limit, notation),
        where=(gain, *(definition_latex(quantity, notation) for quantity in bound.quantities)),
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
        ok=all(step.passed for step in steps),
        steps=steps,
        where=_definitions(theorem.derivation),
    )


def _equation_record(equation: Equation, block_name: str) -> EquationRecord:
    derivation, notation = equation.derivation, equation.derivation.notation
    # The paper's claims are judged as further steps of the derivation, of which they may use all.
    # That one does not hold is a finding, not a failure: only the steps before them make `ok`.
    claimed = tuple(claim.step for claim in equation.claims)
    judged = check(replace(derivation, steps=(*derivation.steps, *claimed)))
    count = len(derivation.steps)
    claims = tuple(
        ClaimRecord(claim.statement, step_latex(claim.step, notation), outcome.ok)
        for claim, outcome in zip(equation.claims, judged[count:], strict=True)
    )
    steps = tuple(_step_record(step, notation) for step in judged[:count])
    return EquationRecord(
        id=equation.id,
        block=block_name,
        reading=equation.reading,
        transcribed_latex=equation.transcribed_latex,
        derived_latex=equation.result_label + step_latex(equation.result, notation),
        ok=all(step.passed for step in steps),
        claims=claims,
        steps=steps,
        where=_definitions(derivation),
    )
