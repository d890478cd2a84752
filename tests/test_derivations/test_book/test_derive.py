"""The derivation document is complete, and false where a rule or a bound is false."""

from dataclasses import replace

import pytest
import sympy as sp
import torch

from derivations.algebra.blocks import BLOCKS, RESIDUAL
from derivations.algebra.terms import Add, Chain, Identity, Layer, Pointwise
from derivations.book import derive as derive_module
from derivations.book.derive import derive, derive_json
from derivations.book.document import Document
from derivations.book.text import render
from derivations.errors import InputError
from derivations.rules import jacobian as jacobian_module
from derivations.rules import perturbation


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


def test_equation_6_states_its_lower_bound_on_the_gain(document):
    (operator,) = [e for e in document.equations if (e.id, e.reading) == ("eq6", "operator")]
    (claim,) = [claim for claim in operator.claims if claim.statement.startswith("‖∂L/∂x‖ ≥")]
    assert claim.latex == r"\gamma \ge \left|{t - 1}\right|"
    assert operator.derived_latex.endswith(claim.latex)


def test_bounds_do_not_state_the_pullback_again(document):
    """Their proofs begin with it; within one derivation two rules may give the same line."""
    for block in document.blocks:
        if block.block in ("residual", "dense", "projection"):
            assert [step.text for step in block.steps].count(block.pullback.text) == 1, block.block
        assert len(block.steps) == len(set(block.steps)), (block.block, block.reading)


def test_some_blocks_bring_only_their_equations():
    chosen = derive(["residual"])
    assert {block.block for block in chosen.blocks} == {"residual"}
    assert {(equation.id, equation.block) for equation in chosen.equations} == {("eq2", "residual")}
    assert chosen.theorems == ()
    with pytest.raises(InputError, match="unknown block"):
        derive(["residual", "resnet"])


def test_a_false_rule_is_named(monkeypatch):
    registered = jacobian_module.jacobian_rule.registry[Add]
    wrong = lambda term, point, notation: 2 * registered(term, point, notation)  # noqa: E731
    jacobian_module.jacobian_rule.register(Add, wrong)
    try:
        document = Document.of(derive_json(["residual"]))
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


def test_a_changed_bound_changes_the_book_and_the_number(monkeypatch):
    """The typesetter and the evaluation read the same expression."""
    from numeric import evaluate
    from numeric.evaluation.derived_block import derived_block

    def written_and_evaluated() -> tuple[str, torch.Tensor]:
        derived_block.cache_clear()
        record = next(
            b
            for block in derive(["residual"]).blocks
            for b in block.bounds
            if b.id == "residual.alignment.lower"
        )
        x, g = (
            torch.arange(1.0, 4.0, dtype=torch.float64)[None],
            torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64),
        )
        numbers = evaluate(RESIDUAL.term, {"F": lambda value: -0.3 * value}, x, g)
        return record.latex, next(bound.value for bound in numbers.bounds if bound.id == record.id)

    latex, value = written_and_evaluated()
    monkeypatch.setattr(
        perturbation, "_ALIGNMENT", sp.sqrt(1 - sp.Min(perturbation.COSINE, 0) ** 2) / 2
    )
    try:
        changed_latex, changed_value = written_and_evaluated()
    finally:
        derived_block.cache_clear()
    assert changed_latex != latex
    assert r"\frac{" in changed_latex
    assert torch.allclose(changed_value, value / 2)


def test_the_definition_follows_the_term(monkeypatch):
    changed = replace(RESIDUAL, term=Add(Chain(Layer("F"), Pointwise("tanh")), Identity()))
    monkeypatch.setattr(derive_module, "block", lambda name: changed)
    after = render(derive(["residual"]), "markdown")
    monkeypatch.undo()
    assert "$$H(x) = tanh(F(x)) + x$$" in after
    assert "$$H(x) = F(x) + x$$" in render(derive(["residual"]), "markdown")
