"""Derives, checks and records every block, equation and theorem: builds the derivation document.

A rule that is wrong does not raise here: the steps that it gave fail their checks, and say so.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypeVar

import sympy as sp
from pydantic import TypeAdapter

from derivations.algebra.blocks import BLOCKS, Block, block
from derivations.algebra.formula import named as formula_of
from derivations.algebra.notation import READINGS, Notation, Reading, notation_of
from derivations.algebra.printing import definition_latex, latex, step_latex, step_text, text
from derivations.algebra.quantities import Definition
from derivations.algebra.steps import Derivation, Step, Theorem
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
from derivations.book.proof_chain import (
    MISSING,
    Broken,
    bound_step,
    limit_step,
    missing,
    missing_order,
    passed,
)
from derivations.book.results import FOR_EVERY_LOSS, MODULES, axioms, in_law, of_modules
from derivations.book.text import PrintedDocument
from derivations.checker.check import CheckedStep, check
from derivations.rules.bound_types import Bound, BoundingTheorem, Proved
from derivations.rules.bounds import bounds
from derivations.rules.jacobian import linearize, remains
from derivations.theorems.equations import equations
from derivations.theorems.transcription import Equation
from derivations.time_limit import advance, run
from derivations.worlds.attaining_worlds import Example, examples
from derivations.worlds.printed_worlds import attains

Made = TypeVar("Made")
THEOREM_SECONDS = 600.0
NOT_PROVED = r"\text{not proved}"
"""Stands in the place of a formula that no step proves."""
_THEOREMS = TypeAdapter(tuple[tuple[TheoremRecord, ...], tuple[TheoremRecord, ...]])


def derive(blocks: Sequence[str] = ()) -> PrintedDocument:
    """Derives and checks the named blocks and the paper's equations about them; without names all.

    Theorems, which are about no single block, come with all blocks only. Raises InputError for an
    unknown block. A failed check does not raise: see `Document.ok` and `failures`.
    """
    chosen = [block(name) for name in blocks] or list(BLOCKS.values())
    # The thread only waits for a process of its own, which derives most theorems on another core
    # while this one derives the blocks, and then those for every loss: both take about as long.
    with ThreadPoolExecutor(1) as beside:
        function = f"{__name__}:theorems_json"
        awaited = None if blocks else beside.submit(run, function, {}, THEOREM_SECONDS, advance)
        block_records = tuple(
            _told(each.name, _block_record(each, reading))
            for each in chosen
            for reading in READINGS
        )
        named = {each.term: each.name for each in chosen}
        equation_records = tuple(
            _equation_record(equation, named[equation.derivation.notation.term])
            for equation in equations()
            if equation.derivation.notation.term in named
        )
        theorem_records: tuple[TheoremRecord, ...] = ()
        if awaited:
            here = _told("theorems", tuple(map(_theorem_record, of_modules(FOR_EVERY_LOSS))))
            first, last = _THEOREMS.validate_json(awaited.result(), strict=True)
            theorem_records = (*first, *here, *last)
    cited = tuple(AxiomRecord(axiom.id, axiom.statement, axiom.source) for axiom in axioms())
    made = PrintedDocument(SCHEMA, True, block_records, equation_records, theorem_records, cited)
    return replace(made, ok=all(step.passed for step in made.steps))


def _told(part: str, done: Made) -> Made:
    advance(part)
    return done


def derive_json(blocks: Sequence[str] = ()) -> str:
    """`derive`, as JSON: what a process of its own answers."""
    return derive(blocks).json()


def theorems_json() -> str:
    """The records of the theorems before those for every loss and behind them, as JSON."""
    both = (of_modules(MODULES), in_law())
    first, last = (_told("theorems", tuple(map(_theorem_record, part))) for part in both)
    return _THEOREMS.dump_json((first, last)).decode()


def _block_record(each: Block, reading: Reading) -> BlockRecord:
    notation = notation_of(each, reading)
    line = linearize(notation)
    left = remains(line)
    derivation = line.derivation.followed_by(left)
    # Bounds are stated for matrices: of the scalar reading they are a special case.
    proved = bounds(notation) if reading == "operator" else None
    theorems = proved.theorems if proved else ()
    order = proved.order if proved else ()
    judged = [_Judged(theorem, check(theorem.derivation)) for theorem in theorems]
    steps = _stated_once(
        [(derivation, check(derivation)), *((j.theorem.derivation, j.checked) for j in judged)]
    )
    lost = [broken for j in judged for broken in missing(j.theorem, j.checked)]
    if proved:
        lost += missing_order(order, proved.bounds, chain(*(j.checked for j in judged)))
    made = [_bound_records(j, notation) for j in judged]
    pullback = line.derivation.steps[-1]
    return BlockRecord(
        block=each.name,
        title=each.title,
        kind=each.kind,
        reading=reading,
        definition_latex=f"H(x) = {formula_of(each.term, 'x', {})}",
        pullback=FormulaRecord(step_text(pullback, notation), step_latex(pullback, notation)),
        remains=FormulaRecord(text(left.after), latex(left.after, notation)),
        steps=(
            # Two steps about σ_max of a branch are one line where the branch is one layer.
            *dict.fromkeys(_step_record(step, notation) for step in steps),
            *(_broken_record(broken, notation) for broken in lost),
            *chain(*(broken for _, broken in made)),
        ),
        where=tuple(dict.fromkeys(chain(*(_definitions(j.theorem.derivation) for j in judged)))),
        bounds=tuple(chain(*(records for records, _ in made))),
        order=tuple(dict.fromkeys(OrderRecord(pair.tighter, pair.looser) for pair in order)),
    )


@dataclass(frozen=True)
class _Judged:
    """A theorem about a block, and what the checker says of its derivation."""

    theorem: Proved
    checked: tuple[CheckedStep, ...]


def _stated_once(
    judged: Iterable[tuple[Derivation, tuple[CheckedStep, ...]]],
) -> list[CheckedStep]:
    """The checked steps of all derivations; what an earlier one states is not stated again.

    Letters mean what a derivation says they do: equal formulas of two derivations may differ.
    """
    kept: list[CheckedStep] = []
    stated: set[Hashable] = set()
    for derivation, checked in judged:
        meaning = {quantity.symbol: quantity.definition for quantity in derivation.quantities}

        def said(each: CheckedStep, meaning: Mapping[sp.Symbol, Definition] = meaning) -> Hashable:
            step = each.step
            letters = step.before.free_symbols | step.after.free_symbols
            meant = frozenset((s, meaning[s]) for s in letters if s in meaning)
            return step.before, step.relation, step.after, meant

        found = [each for each in checked if said(each) not in stated]
        kept += found
        stated |= set(map(said, found))
    return kept


def _definitions(derivation: Derivation) -> tuple[str, ...]:
    return tuple(
        definition_latex(quantity, derivation.notation) for quantity in derivation.quantities
    )


def _step_record(checked: CheckedStep, notation: Notation) -> StepRecord:
    step = checked.step
    outcomes = tuple(CheckRecord(each.method, each.ok) for each in checked.checks)
    line = step_latex(step, notation)
    return StepRecord(step.rule, step_text(step, notation), line, step.condition, outcomes)


def _broken_record(broken: Broken, notation: Notation) -> StepRecord:
    """What is printed and not proved, as a step that fails."""
    line, plain = step_latex(broken.said, notation), step_text(broken.said, notation)
    return StepRecord(broken.what, plain, line, "", (CheckRecord(MISSING, False),))


def _bound_records(
    judged: _Judged, notation: Notation
) -> tuple[list[BoundRecord], list[StepRecord]]:
    """The records of a theorem's bounds, and of worlds that do not attain what they are to."""
    proved, derivation = passed(judged.checked), judged.theorem.derivation
    bounding = [bound for bound in judged.theorem.bounds if bound.side != "equal"]
    found = examples(derivation, [bound.expr for bound in bounding])
    records, lost = [], []
    for bound, example in zip(bounding, found, strict=True):
        if example and not attains(derivation, bound.expr, example):
            outcome = (CheckRecord("attained in the world that is printed", False),)
            what = f"world of {bound.id}"
            lost.append(StepRecord(what, text(bound.expr, notation), example.latex, "", outcome))
        records.append(_bound_record(bound, proved, example, notation))
    return records, lost


def _bound_record(
    bound: Bound, proved: Sequence[Step], example: Example | None, notation: Notation
) -> BoundRecord:
    base = latex(bound.base, notation)
    gain = rf"\gamma = \lVert {bound.of} \rVert / \lVert {base} \rVert"
    said, limit = bound_step(bound, proved), limit_step(bound, proved)
    meant = (*bound.quantities, *bound.left)
    return BoundRecord(
        id=bound.id,
        side=bound.side,  # type: ignore[arg-type]  # equalities are no bounds
        certainty=bound.certainty,  # type: ignore[arg-type]
        latex=step_latex(said, notation) if said else NOT_PROVED,
        conditions=(*bound.conditions, *filter(None, [bound.limit_condition])),
        limit=latex(limit.after, notation) if limit else NOT_PROVED,
        where=(gain, *dict.fromkeys(definition_latex(each, notation) for each in meant)),
        source=bound.source,
        extremal=example.latex if example else "",
        holds_for=bound.holds_for,
    )


def _theorem_record(theorem: Theorem) -> TheoremRecord:
    notation = theorem.derivation.notation
    checked = check(theorem.derivation)
    steps, result = _with_result(checked, theorem.result, notation)
    bounds: list[BoundRecord] = []
    if isinstance(theorem, BoundingTheorem):
        bounds, broken = _bound_records(_Judged(theorem.proved, checked), notation)
        lost = missing(theorem.proved, checked)
        steps = (*steps, *(_broken_record(each, notation) for each in lost), *broken)
    return TheoremRecord(
        id=theorem.id,
        title=theorem.title,
        statement=theorem.statement,
        reading=notation.reading,
        latex=theorem.result_label + result,
        conditions=theorem.conditions,
        certainty=theorem.certainty,
        setting=theorem.setting,
        source=theorem.source,
        ok=all(step.passed for step in steps),
        steps=steps,
        where=_definitions(theorem.derivation),
        bounds=tuple(bounds),
    )


def _with_result(
    checked: Sequence[CheckedStep], result: Step, notation: Notation
) -> tuple[tuple[StepRecord, ...], str]:
    """The records of the steps, and the result as the step that says it, in LaTeX."""
    steps = tuple(_step_record(step, notation) for step in checked)
    for step in passed(checked):
        if step == result:
            return steps, step_latex(step, notation)
    return (*steps, _broken_record(Broken("result", result), notation)), NOT_PROVED


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
    steps, result = _with_result(judged[:count], equation.result, notation)
    return EquationRecord(
        id=equation.id,
        block=block_name,
        reading=equation.reading,
        transcribed_latex=equation.transcribed_latex,
        derived_latex=equation.result_label + result,
        ok=all(step.passed for step in steps),
        claims=claims,
        steps=steps,
        where=_definitions(derivation),
    )
