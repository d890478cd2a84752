"""The schema of the derivation document: strict, read back whole, and clear about what failed."""

import json
from dataclasses import replace

import pytest
from pydantic import ValidationError

from derivations.book.document import CheckRecord, Document, StepRecord
from derivations.errors import InputError


def test_json_round_trips_through_the_schema(document, printed):
    data = json.loads(printed["json"])
    assert data["schema"] == "gradbound.derive/1"
    assert type(document).of(printed["json"]) == document
    assert Document.of(document.json().encode()).json() == document.json()


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"ok": "yes"}, "ok: "),
        ({"schema": "gradbound.derive/2"}, "schema: "),
        ({"extra": 1}, "extra: "),
        ({"axioms": [{"name": "a", "statement": "s"}]}, "axioms.0.source: "),
        ({"blocks": None}, "blocks: "),
    ],
)
def test_the_schema_is_strict(document, change, place):
    with pytest.raises(InputError, match="gradbound derive --format json") as caught:
        Document.of(json.dumps(json.loads(document.json()) | change))
    assert f"gradbound.derive/1 document ({place}" in str(caught.value)
    assert isinstance(caught.value.__cause__, ValidationError)


@pytest.mark.parametrize(
    "foreign",
    ["{}", '{"schema": "gradbound.derive/2"}', '{"schema": "gradbound.derive/1", "ok": "yes"}'],
)
def test_a_foreign_document_is_refused(foreign):
    with pytest.raises(InputError, match="gradbound derive"):
        Document.of(foreign)


@pytest.mark.parametrize("text", ["", "{", "[1]", "null"])
def test_what_is_no_json_object_is_refused(text):
    with pytest.raises(InputError, match=r"not a gradbound\.derive/1 document \(top: "):
        Document.of(text)


@pytest.mark.parametrize(
    ("outcomes", "passed"),
    [((True, True), True), ((True, True, False), False), ((True,), False), ((), False)],
)
def test_a_step_needs_two_checks_that_pass(outcomes, passed):
    checks = tuple(CheckRecord(str(number), ok) for number, ok in enumerate(outcomes))
    assert StepRecord("sum rule", "a = b", "a = b", "", checks).passed is passed


def test_failures_name_the_derivation_the_step_and_the_check(document, failed):
    assert document.failures() == []
    step = failed.blocks[0].steps[0]
    (line,) = failed.failures()
    assert line.startswith(f"plain (scalar), step 1 ({step.rule}): {step.text} fails ")
    assert line.endswith(", ".join(check.method for check in step.checks))
    equation, theorem = document.equations[-1], document.theorems[-1]
    no_checks = tuple(replace(step, checks=()) for step in theorem.steps)
    broken = replace(
        document,
        equations=(replace(equation, steps=(step,)),),
        theorems=(replace(theorem, steps=no_checks),),
    )
    first, *rest = broken.failures()
    assert first.startswith(f"{equation.id} ({equation.reading}), step 1 ")
    assert [line.partition(",")[0] for line in rest] == [theorem.id] * len(theorem.steps)


def test_steps_are_those_of_every_part(document):
    parts = (*document.blocks, *document.equations, *document.theorems)
    assert document.steps == [step for part in parts for step in part.steps]


def test_a_notebook_shows_the_pullback_of_every_block(document):
    shown = document._repr_latex_()
    assert shown.startswith("$")
    for block in document.blocks:
        assert f"& {block.pullback.latex} \\\\" in shown
    assert r"\text{se residual, operator:}" in shown
