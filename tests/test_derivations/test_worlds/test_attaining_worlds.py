"""Worlds in which a bound is attained: real, the smallest first, none for a loose bound."""

import pytest
import sympy as sp

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.notation import notation_of
from derivations.algebra.quantities import BRANCH_GAIN, COSINE, SIGMA_MAX
from derivations.algebra.steps import Derivation
from derivations.checker.quantity_samples import evaluate, quantity_values
from derivations.rules.bounds import bounds
from derivations.worlds.attaining_worlds import ATTAINED, CANDIDATES, World, examples, gate_layers


@pytest.fixture(name="residual", scope="module")
def residual_derivation() -> Derivation:
    return bounds(notation_of(BLOCKS["residual"], "operator")).structural.derivation


def test_both_ends_of_the_triangle_are_attained_by_multiples_of_the_identity(residual):
    lower, upper = examples(residual, [sp.Abs(1 - BRANCH_GAIN), 1 + BRANCH_GAIN])
    assert r"J_{F} = - \frac{1}{2} I" in lower.latex
    assert lower.gain == pytest.approx(0.5)
    assert r"J_{F} = \frac{1}{2} I" in upper.latex
    assert upper.gain == pytest.approx(1.5)


def test_a_loose_bound_has_no_example(residual):
    assert examples(residual, [1 + 2 * BRANCH_GAIN + 1, BRANCH_GAIN - 7]) == [None, None]


def test_answers_stand_in_the_order_of_the_questions(residual):
    upper, loose = 1 + SIGMA_MAX, 2 + SIGMA_MAX
    first, second, third = examples(residual, [loose, upper, sp.Abs(1 - BRANCH_GAIN)])
    assert first is None
    assert second == examples(residual, [upper])[0]
    assert third is not None


def test_the_example_is_the_first_candidate_that_attains(residual):
    (found,) = examples(residual, [1 + SIGMA_MAX])
    gains = []
    for choice in CANDIDATES:
        values = quantity_values(residual, World(residual.notation, choice))
        gain = next(value for symbol, value in values.items() if str(symbol) == "gamma")
        if abs(float(evaluate(1 + SIGMA_MAX, (values,))[0]) - gain) <= ATTAINED * max(1, gain):
            gains.append(gain)
    assert found.gain == gains[0]


def test_bounds_that_share_a_formula_get_the_same_example(residual):
    first, second, third = examples(
        residual, [1 + SIGMA_MAX, sp.Abs(1 - BRANCH_GAIN), 1 + SIGMA_MAX]
    )
    assert first == third != second


def test_no_example_is_a_bound_of_0_at_a_gain_of_0(residual):
    """At J_F = −I every lower bound is 0, and so is the gain: that attains nothing."""
    alignment = sp.sqrt(1 - sp.Min(COSINE, 0) ** 2)
    (found,) = examples(residual, [alignment])
    assert found.gain == pytest.approx(3 / 13**0.5)
    assert r"\left[\begin{matrix}-1 & 0\\0 & 0\end{matrix}\right]" in found.latex
    assert examples(residual, [sp.Integer(0) * alignment]) == [None]


def test_gates_are_told_from_branches():
    assert {each.name for each in gate_layers(BLOCKS["highway"].term)} == {"T"}
    assert {each.name for each in gate_layers(BLOCKS["input_gate"].term)} == {"s"}
    assert gate_layers(BLOCKS["se_residual"].term) == frozenset()
