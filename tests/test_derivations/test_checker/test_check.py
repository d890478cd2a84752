"""The checker must reject what is false: each method is shown to fail on a wrong step."""

from dataclasses import replace

import pytest
import sympy as sp

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.letters import EPSILON
from derivations.algebra.notation import notation_of
from derivations.algebra.quantities import BRANCH_GAIN, COSINE, GAIN, SIGMA_MAX
from derivations.algebra.steps import Certificate, Derivation, Step
from derivations.checker.check import check
from derivations.rules.bounds import bounds
from derivations.rules.jacobian import linearize


def outcome(derivation: Derivation, step: Step) -> dict[str, bool]:
    """The checks of one more step at the end of a derivation."""
    return {
        c.method: c.ok
        for c in check(replace(derivation, steps=(*derivation.steps, step)))[-1].checks
    }


@pytest.fixture(name="proof")
def residual_proof() -> Derivation:
    return bounds(notation_of(BLOCKS["residual"], "operator")).structural.derivation


def up_to(proof: Derivation, rule: str) -> Derivation:
    index = next(i for i, step in enumerate(proof.steps) if step.rule == rule)
    return replace(proof, steps=proof.steps[: index + 1])


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("reading", ["scalar", "operator"])
def test_a_gradient_with_a_term_too_many_fails_both_ways(name, reading):
    derivation = linearize(notation_of(BLOCKS[name], reading)).derivation
    last = derivation.steps[-1]
    wrong = outcome(derivation, replace(last, after=last.after + last.after))
    assert len(wrong) == 2
    assert not any(wrong.values())


def test_the_order_of_matrices_matters():
    notation = notation_of(BLOCKS["se_residual"], "operator")
    derivation = linearize(notation).derivation
    step = next(step for step in derivation.steps if step.rule == "product rule")
    swapped = sp.MatAdd(*(sp.MatMul(*reversed(addend.args)) for addend in step.after.args))
    assert not any(outcome(derivation, replace(step, after=swapped)).values())


def test_a_wrong_identity_of_quantities_fails_both_ways(proof):
    wrong = outcome(
        up_to(proof, "law of cosines"),
        Step("wrong", GAIN**2, "=", 1 - 2 * COSINE * BRANCH_GAIN + BRANCH_GAIN**2),
    )
    assert wrong == {"inner products": False, "random matrices": False}


def test_a_true_inequality_without_a_valid_certificate_is_not_proved(proof):
    base = up_to(proof, "law of cosines")
    for certificates in [
        (),
        (Certificate(((BRANCH_GAIN, BRANCH_GAIN),), 2),),
        (Certificate(((2, BRANCH_GAIN, 1 - COSINE),), 2),),
        (Certificate(((2, BRANCH_GAIN, 1 + COSINE),), 3),),
    ]:
        step = Step("c ≥ −1", GAIN, ">=", sp.Abs(1 - BRANCH_GAIN), certificates=certificates)
        assert outcome(base, step) == {"certificate": False, "random matrices": True}


def test_a_false_inequality_is_refuted_by_matrices(proof):
    for step in [
        Step(
            "wrong",
            GAIN,
            ">=",
            1 + BRANCH_GAIN,
            certificates=(Certificate(((2, BRANCH_GAIN, COSINE - 1),), 2),),
        ),
        Step(
            "wrong",
            GAIN,
            "<=",
            sp.Integer(1),
            certificates=(Certificate(((-BRANCH_GAIN, BRANCH_GAIN + 2 * COSINE),), 2),),
        ),
        Step("wrong", GAIN, "<=", SIGMA_MAX, certificates=(Certificate(((SIGMA_MAX - GAIN,),)),)),
    ]:
        assert outcome(up_to(proof, "law of cosines"), step) == {
            "certificate": False,
            "random matrices": False,
        }


def test_a_certificate_may_rest_only_on_what_was_established_before(proof):
    step = next(step for step in proof.steps if step.rule == "least Rayleigh quotient")
    assert outcome(up_to(proof, "projection on g"), step)["certificate"]
    assert not outcome(up_to(proof, "law of cosines"), step)["certificate"]


def test_cases_must_cover_everything(proof):
    step = next(step for step in proof.steps if step.rule == "least over t")
    base = up_to(proof, "law of cosines")
    assert outcome(base, step)["certificate"]
    for certificates in (step.certificates[:1], step.certificates[1:], (step.certificates[0],) * 2):
        assert not outcome(base, replace(step, certificates=certificates))["certificate"]


def test_a_maximum_needs_every_part_established(proof):
    good = next(step for step in proof.steps if step.rule == "largest lower bound")
    assert outcome(proof, good)["certificate"]
    assert not outcome(proof, replace(good, after=sp.Max(good.after, 1 - SIGMA_MAX / 2)))[
        "certificate"
    ]


def test_a_wrong_limit_fails_both_ways(proof):
    step = Step("wrong", sp.Max(1 - EPSILON * SIGMA_MAX, 0), "->", sp.Integer(0), vanishing=EPSILON)
    assert outcome(proof, step) == {"continuity at 0": False, "convergence": False}


def test_a_discontinuous_expression_is_not_evaluated_at_its_limit(proof):
    step = Step("wrong", sp.sign(EPSILON * BRANCH_GAIN), "->", sp.Integer(0), vanishing=EPSILON)
    assert not outcome(proof, step)["continuity at 0"]


def test_an_expression_that_the_checker_cannot_read_has_not_passed(proof):
    step = Step("odd", sp.Determinant(sp.MatrixSymbol("A", 2, 2)), "=", sp.Integer(1))
    assert not any(outcome(proof, step).values())


@pytest.mark.parametrize("error", [NotImplementedError, ZeroDivisionError, RecursionError])
def test_a_check_that_cannot_be_carried_out_has_not_passed(error, monkeypatch):
    """Whatever a check trips over."""

    def refuse(*_):
        raise error("not known")

    monkeypatch.setattr("derivations.checker.recurrences.tends_to", refuse)
    step = Step(
        "limit", EPSILON * sp.Symbol("L", integer=True, positive=True), "->", 0, vanishing=EPSILON
    )
    (checked,) = check(Derivation("x", notation_of(BLOCKS["plain"], "scalar"), (step,)))
    assert not checked.ok
