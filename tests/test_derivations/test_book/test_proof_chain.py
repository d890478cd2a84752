"""Nothing is printed that no step proves: patched bounds, limits, orders and results are named."""

from dataclasses import replace

import pytest
import sympy as sp

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.notation import notation_of
from derivations.algebra.quantities import BRANCH_GAIN
from derivations.algebra.steps import Step
from derivations.book import derive as derive_module
from derivations.book import proof_chain
from derivations.book.derive import NOT_PROVED, derive
from derivations.book.proof_chain import bound_step, limit_step, missing, missing_order, passed
from derivations.checker.check import check
from derivations.rules import bound_types as bound_module
from derivations.rules import perturbation
from derivations.rules.bound_types import Bound, Order
from derivations.rules.bounds import bounds
from derivations.theorems import stacks


@pytest.mark.parametrize("name", BLOCKS)
def test_every_bound_limit_and_order_is_said_by_a_step(name):
    made = bounds(notation_of(BLOCKS[name], "operator"))
    judged = [check(theorem.derivation) for theorem in made.theorems]
    for theorem, checked in zip(made.theorems, judged, strict=True):
        assert missing(theorem, checked) == []
        proved = passed(checked)
        for bound in theorem.bounds:
            assert bound_step(bound, proved) is not None
            assert limit_step(bound, proved).after == bound.limit
    assert missing_order(made.order, made.bounds, [c for each in judged for c in each]) == []


@pytest.mark.parametrize("name", ["residual", "dense", "projection", "highway"])
def test_a_patched_bound_and_a_patched_limit_are_missing(name):
    made = bounds(notation_of(BLOCKS[name], "operator"))
    for theorem in made.theorems:
        checked = check(theorem.derivation)
        for index, bound in enumerate(theorem.bounds):
            for change in ({"expr": bound.expr + 2}, {"limit": sp.Integer(17)}, {"side": "upper"}):
                if change.get("side") == bound.side:
                    continue
                patched = list(theorem.bounds)
                patched[index] = replace(bound, **change)
                assert missing(replace(theorem, bounds=tuple(patched)), checked), (bound.id, change)


def test_a_bound_that_is_relative_to_something_else_is_missing():
    """As 2 g in place of g would make γ ≥ |1 − t| false."""
    for theorem in bounds(notation_of(BLOCKS["residual"], "operator")).theorems:
        checked = check(theorem.derivation)
        for bound in theorem.bounds:
            patched = replace(bound, base=sp.MatMul(2, bound.base))
            lost = missing(replace(theorem, bounds=(patched,)), checked)
            assert [each.what for each in lost] == [f"base of {bound.id}"]


def test_what_a_failed_step_says_is_missing():
    theorem = bounds(notation_of(BLOCKS["residual"], "operator")).structural
    checked = tuple(
        replace(each, checks=()) if each.step.after == 1 + BRANCH_GAIN else each
        for each in check(theorem.derivation)
    )
    assert [broken.what for broken in missing(theorem, checked)] == [
        "bound residual.triangle.upper"
    ]


def test_an_order_that_no_step_says_is_missing():
    made = bounds(notation_of(BLOCKS["residual"], "operator"))
    checked = [c for theorem in made.theorems for c in check(theorem.derivation)]
    for tighter, looser in (
        ("residual.uniform.lower", "residual.triangle.lower"),
        ("residual.uniform.upper", "residual.triangle.lower"),
        ("residual.uniform.upper", "no.such.bound"),
    ):
        order = (*made.order, Order(tighter, looser, made.order[0].step))
        (lost,) = missing_order(order, made.bounds, checked)
        assert lost.what == f"order of {tighter} and {looser}"


def patch_bounds(monkeypatch, key: str, **change) -> None:
    """Changes what is printed, and none of the steps."""

    def patched(self, name, side, expr, source):
        made = original(self, name, side, expr, source)
        return replace(made, **change) if made.id == key or not key else made

    original = bound_module.BoundMaker.__call__
    monkeypatch.setattr(bound_module.BoundMaker, "__call__", patched)


def test_a_bound_that_no_step_states_is_not_printed(monkeypatch):
    patch_bounds(monkeypatch, "residual.triangle.lower", expr=BRANCH_GAIN + 2)
    document = derive(["residual"])
    assert not document.ok
    assert any("bound residual.triangle.lower" in line for line in document.failures())
    (record,) = [
        bound for block in document.blocks for bound in block.bounds
        if bound.id == "residual.triangle.lower"
    ]  # fmt: skip
    assert record.latex == NOT_PROVED


def test_limits_that_no_step_states_are_not_printed(monkeypatch):
    patch_bounds(monkeypatch, "", limit=sp.Integer(17))
    document = derive(["residual"])
    assert not document.ok
    printed = {bound.limit for block in document.blocks for bound in block.bounds}
    assert printed == {NOT_PROVED}
    assert any("limit of singular.min.lower" in line for line in document.failures())


def test_an_order_that_no_step_states_is_named(monkeypatch):
    monkeypatch.setattr(
        perturbation,
        "_lemma_order",
        lambda theorem: (
            Order(f"{theorem}.alignment.lower", f"{theorem}.triangle.lower", Step("x", 1, ">=", 0)),
        ),
    )
    document = derive(["projection"])
    assert any("order of shortcut.alignment.lower" in line for line in document.failures())


def test_a_result_that_no_step_states_is_not_printed(monkeypatch):
    theorem = stacks.theorems()[0]
    false = replace(theorem, result=Step("result", sp.pi, "=", sp.Integer(3)))
    record = derive_module._theorem_record(false)
    assert not record.ok
    assert record.latex == theorem.result_label + NOT_PROVED
    assert record.steps[-1].rule == "result"
    assert not record.steps[-1].passed
    assert derive_module._theorem_record(theorem).ok


def test_an_equation_that_no_step_states_is_not_printed(monkeypatch):
    chosen = derive_module.equations()
    false = [replace(each, result=Step("result", sp.pi, "=", sp.Integer(3))) for each in chosen]
    monkeypatch.setattr(derive_module, "equations", lambda: false)
    document = derive(["plain"])
    assert not document.ok
    assert all(equation.derived_latex.endswith(NOT_PROVED) for equation in document.equations)
    assert not any(equation.ok for equation in document.equations)


def test_a_world_that_attains_nothing_is_named(monkeypatch):
    monkeypatch.setattr(derive_module, "attains", lambda derivation, expr, example: False)
    document = derive(["plain"])
    assert not document.ok
    assert any("world of singular.min.lower" in line for line in document.failures())


def test_equal_formulas_of_other_letters_are_stated_twice():
    """γ is relative to g_y in one theorem of a dense step, and to all of g in another."""
    made = bounds(notation_of(BLOCKS["dense"], "operator"))
    one, other = made.structural, made.singular
    step = Step("x", bound_module.GAIN, ">=", sp.S.Zero)
    derivations = [replace(each.derivation, steps=(step,)) for each in (one, other)]
    judged = [(derivation, check(derivation)) for derivation in derivations]
    assert len(derive_module._stated_once(judged)) == 2
    assert len(derive_module._stated_once([judged[0], judged[0]])) == 1


def test_the_check_that_fails_says_what_is_missing():
    assert proof_chain.MISSING.startswith("said by a step")
    assert Bound.__doc__.count("checks") >= 1
