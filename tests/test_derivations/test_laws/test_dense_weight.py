"""Laws of a dense weight: wrong formulas break the proof, and the proved one is evaluated."""

from dataclasses import replace

import pytest
import sympy as sp

from derivations.checker.check import check
from derivations.laws import dense_weight
from derivations.laws.dense_weight import ALONG, INACTIVE_SQUARE, RESPONSE, dense_laws
from derivations.laws.law import in_letters

LAWS = {law.id: law for law in dense_laws()}


def test_the_degrees_of_freedom_come_from_the_shapes_of_the_proof():
    a, n = sp.symbols("a n", integer=True, positive=True)
    assert {name: found.dof for name, found in LAWS.items()} == {
        "independent.plain": n,
        "independent.residual": n,
        "independent.dense": n,
        "masked": a,
        "conditional": a - 1,
        "conditional.two_layer": n - 1,
        "conditional.se": a - 1,
    }


def test_the_proved_formula_is_the_evaluated_one():
    """The last step of the proof is the shift, written in letters, and the square that is left."""
    found = LAWS["conditional"]
    letters = dense_weight._Letters(found.notation)
    proved = found.theorem.result.after
    shift = in_letters(found.shift, found.scalars).xreplace(letters.turned)
    assert shift in proved.args or set(shift.args) < set(proved.args)
    mean = next(
        step
        for step in found.theorem.derivation.steps
        if step.rule == "square of the mean across φ̂"
    )
    assert mean.after == in_letters(found.square, found.scalars).xreplace(letters.turned)


MUTANTS = {
    "no response of u": ("SHIFT", ALONG**2 + INACTIVE_SQUARE),
    "wrong sign": ("SHIFT", (ALONG - RESPONSE) ** 2 + INACTIVE_SQUARE),
    "no inactive coordinates": ("SHIFT", (ALONG + RESPONSE) ** 2),
    "no component along φ": ("SHIFT", INACTIVE_SQUARE),
    "mean not reduced": ("ACROSS_SQUARE", sp.Symbol("va2", nonnegative=True)),
    "mean reduced twice": ("ACROSS_SQUARE", sp.Symbol("va2", nonnegative=True) - 2 * ALONG**2),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_formula_breaks_the_proof(name, monkeypatch):
    monkeypatch.setattr(dense_weight, *MUTANTS[name])
    checked = check(dense_weight._conditional().theorem.derivation)
    failed = [step.step.rule for step in checked if not step.ok]
    assert len(failed) == 1, failed
    assert not any(outcome.ok for step in checked if not step.ok for outcome in step.checks)


def test_a_gate_that_reads_x_is_outside_the_law_of_the_gated_block():
    """Its pullback has a term that is not Wᵀh: the step that would put it there fails."""
    found = LAWS["conditional.se"]
    derivation = found.theorem.derivation
    step = derivation.steps[0]
    wrong = replace(step, after=sp.MatAdd(step.after, derivation.notation.signal()))
    assert not check(replace(derivation, steps=(wrong,)))[0].ok
