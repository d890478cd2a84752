"""The derivation document is complete, and false where a rule or a bound is false."""

import re
from dataclasses import replace

import pytest
import sympy as sp
import torch

from derivations.algebra.blocks import BLOCKS, RESIDUAL
from derivations.algebra.terms import Add, Chain, Identity, Layer, Pointwise
from derivations.book import derive as derive_module
from derivations.book.derive import NOT_PROVED, derive, derive_json
from derivations.book.document import Document
from derivations.book.lookup import SYMBOLS
from derivations.book.text import render
from derivations.errors import InputError
from derivations.rules import jacobian as jacobian_module
from derivations.rules import perturbation
from derivations.theorems.every_loss import theorems as every_loss


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
    # Half of it is a bound too, but no step proves it.
    assert latex != changed_latex
    assert changed_latex == NOT_PROVED
    assert torch.allclose(changed_value, value / 2)


def test_the_definition_follows_the_term(monkeypatch):
    changed = replace(RESIDUAL, term=Add(Chain(Layer("F"), Pointwise("tanh")), Identity()))
    monkeypatch.setattr(derive_module, "block", lambda name: changed)
    after = render(derive(["residual"]), "markdown")
    monkeypatch.undo()
    assert "$$H(x) = tanh(F(x)) + x$$" in after
    assert "$$H(x) = F(x) + x$$" in render(derive(["residual"]), "markdown")


def test_no_step_says_that_a_thing_is_itself(document):
    for part in (*document.blocks, *document.equations, *document.theorems):
        for step in part.steps:
            left, sign, right = step.text.partition(" = ")
            assert not sign or left != right, (step.rule, step.text)


def test_no_sentence_holds_python_or_another_reading(document):
    names = re.compile(r"\*\*|\b(kappa|chi|rho|omega|sigma|alpha|gamma|sqrt)\b")
    for theorem in document.theorems:
        told = (theorem.statement, theorem.setting, *theorem.conditions)
        assert not any(names.search(each) for each in told), (theorem.id, told)
        assert not any("reading" in condition for condition in theorem.conditions), theorem.id


def test_every_condition_of_a_step_is_for_readers(document):
    assert not any("**" in step.condition for step in document.steps)


def test_sigma_min_means_one_thing(document):
    """σ_min(Aᵀ) = min ‖Aᵀu‖: with the transpose wherever it has an argument."""
    for block in document.blocks:
        shown = [bound.latex + bound.limit for bound in block.bounds]
        shown += [line for bound in block.bounds for line in bound.where]
        for line in shown:
            for argument in re.findall(r"\\sigma_\{\\min\}(?:\\left)?\((.*)", line):
                assert r"^{\top}" in argument, line
    assert r"\sigma_{\min}(A^{\top})" in {symbol.latex for symbol in SYMBOLS}


def test_what_remains_of_each_pullback_is_a_checked_step(document):
    for block in document.blocks:
        assert any(
            step.passed
            and step.latex.endswith(f"= {block.remains.latex}")
            and r"\lim" in step.latex
            for step in block.steps
        ), (block.block, block.reading)


def test_the_limit_of_each_bound_is_a_checked_step(document):
    for block in document.blocks:
        for bound in block.bounds:
            expr = bound.latex.partition(" ")[2].partition(" ")[2]
            said = [step for step in block.steps if r"\to 0}" in step.latex and step.passed]
            assert any(
                expr in step.latex and step.latex.endswith(f"= {bound.limit}") for step in said
            ), (block.block, bound.id)


EVERY_LOSS = [
    f"every_loss.{name}.{side}"
    for name in ("all", "shift_invariant", "labels", "label", "angle", "parameters")
    for side in ("lower", "upper")
]


def test_bounds_for_every_loss_are_in_the_document(document):
    bounds = {bound.id: bound for theorem in document.theorems for bound in theorem.bounds}
    assert [name for name in bounds if name.startswith("every_loss.")] == EVERY_LOSS
    for name in EVERY_LOSS:
        bound = bounds[name]
        assert bound.id.endswith(bound.side)
        assert NOT_PROVED not in (bound.latex, bound.limit)
        assert bound.extremal
        assert "loss" in bound.holds_for or "label" in bound.holds_for
        assert bound.certainty == "exact"
        assert bound.conditions
    assert r"\partial L / \partial W" in bounds["every_loss.parameters.upper"].where[0]
    assert r"\partial L / \partial x" in bounds["every_loss.all.upper"].where[0]


@pytest.mark.parametrize("form", ["text", "latex", "markdown", "json"])
def test_bounds_for_every_loss_are_printed(document, form):
    printed = render(document, form).replace(r"\allowbreak{}", "").replace("\\_", "_")
    assert [name for name in EVERY_LOSS if name not in printed] == []
    assert "holds for" in printed or form in ("latex", "json")


def test_a_false_bound_of_a_theorem_is_named():
    """A theorem whose bound no step says fails, and does not print it."""
    (theorem, *_) = [each for each in every_loss() if each.id == "every_loss.all"]
    false = replace(theorem.bounds[0], expr=theorem.bounds[1].expr)
    record = derive_module._theorem_record(replace(theorem, bounds=(false,)))
    assert not record.ok
    assert record.bounds[0].latex == NOT_PROVED
    assert record.bounds[0].limit == NOT_PROVED
    assert [step.rule for step in record.steps if not step.passed] == [
        "bound every_loss.all.lower",
        "limit of every_loss.all.lower",
    ]


def test_no_index_has_an_index(document):
    """TeX refuses a_{1}_{0}."""
    for theorem in document.theorems:
        for bound in theorem.bounds:
            for line in (bound.latex, bound.limit, *bound.where):
                assert re.search(r"_(\w|\{[^{}]*\})_", line) is None, line
