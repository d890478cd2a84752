"""The derivation document: complete, schema-true, and false where a rule is false."""

import json
from dataclasses import asdict

import pytest
import sympy as sp
from pydantic import ValidationError

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.terms import Add
from derivations.book.document import Document, derive, derive_document
from derivations.book.text import render
from derivations.errors import InputError
from derivations.rules import jacobian as jacobian_module
from derivations.rules import perturbation


@pytest.fixture(scope="module", name="document")
def whole_document() -> Document:
    return derive()


def test_everything_is_there_and_passes(document):
    assert document.ok
    assert document.failures() == []
    assert {(b.block, b.reading) for b in document.blocks} == {
        (name, reading) for name in BLOCKS for reading in ("scalar", "operator")
    }
    assert {e.id for e in document.equations} == {f"eq{i}" for i in range(1, 7)}
    assert all(
        len(step.checks) >= 2
        for part in (*document.blocks, *document.equations, *document.theorems)
        for step in part.steps
    )
    assert all(block.bounds for block in document.blocks if block.reading == "operator")


def test_json_round_trips_through_the_schema(document):
    data = json.loads(render(asdict(document), "json"))
    assert data["schema"] == "gradbound.derive/1"
    assert Document.of(data) == document


def test_equation_6_states_its_lower_bound_on_the_gain(document):
    (operator,) = [e for e in document.equations if (e.id, e.reading) == ("eq6", "operator")]
    (claim,) = [claim for claim in operator.claims if claim.statement.startswith("‖∂L/∂x‖ ≥")]
    assert claim.latex == r"\gamma \ge \left|{t - 1}\right|"
    assert operator.derived_latex.endswith(claim.latex)


@pytest.mark.parametrize("change", [{"ok": "yes"}, {"schema": "gradbound.derive/2"}, {"extra": 1}])
def test_the_schema_is_strict(document, change):
    with pytest.raises(ValidationError):
        Document.of(asdict(document) | change)


def test_some_blocks_bring_only_their_equations():
    chosen = derive(["residual"])
    assert {block.block for block in chosen.blocks} == {"residual"}
    assert {(equation.id, equation.block) for equation in chosen.equations} == {("eq2", "residual")}
    with pytest.raises(InputError, match="unknown block"):
        derive(["residual", "resnet"])


def test_a_false_rule_is_named(monkeypatch):
    registered = jacobian_module.jacobian_rule.registry[Add]
    wrong = lambda term, point, notation: 2 * registered(term, point, notation)  # noqa: E731
    jacobian_module.jacobian_rule.register(Add, wrong)
    try:
        document = Document.of(derive_document(["residual"]))
    finally:
        jacobian_module.jacobian_rule.register(Add, registered)
    assert not document.ok
    assert any("residual (operator)" in line and "sum rule" in line for line in document.failures())


def test_a_false_bound_is_named(monkeypatch):
    monkeypatch.setattr(
        perturbation, "_ALIGNMENT", sp.sqrt(1 + sp.Min(perturbation.COSINE, 0) ** 2)
    )
    document = derive(["residual"])
    assert not document.ok
    assert any("least over t" in line for line in document.failures())


def test_it_prints_itself(document):
    assert "every step checked" in str(document)
    assert document._repr_latex_().startswith("$")
