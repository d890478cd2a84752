"""C11: Eq. (5) with independent states, and what takes the identity's place with dependent ones."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from test_validate.audited import gathered, judged

from validate.audit.claims.c11_dense_jacobian import _total


def test_the_instance_by_hand():
    """Redone with numpy; the rows of the identity cannot be reversed unnoticed."""
    instance, signal = gathered("C11").instance, np.array([2, 4, 1])
    expected = np.vstack([[3, 5], np.eye(2)]).T @ signal
    assert instance.printed == instance.autograd == pytest.approx(tuple(expected))
    reversed_rows = np.vstack([[3, 5], np.eye(2)[::-1]]).T @ signal
    assert instance.printed != tuple(reversed_rows)


def test_the_smallest_states_that_depend_on_each_other():
    found = judged("C11").counterexample
    assert found["given"] == {"l": "2", "∂F_1/∂x_0": "1"}
    assert found["claims"] == "(1, 0); (0, 1)"
    assert found["found"].endswith("(1, 0); (1, 1)")
    assert found["autograd"]["dx_1/dx_0"] == 1.0


def test_total_derivatives_go_through_all_states_between():
    """x_1 = 2 x_0, x_2 = x_0/2 + x_1: dx_2/dx_0 = 1/2 + 2 · 1."""
    found = _total(3, (Fraction(2), Fraction(1, 2), Fraction(1)))
    assert found.autograd["dx_2/dx_0"] == 2.5
    assert found.found.endswith("(1, 0, 0); (2, 1, 0); (5/2, 1, 1)")
    assert _total(3, (Fraction(0),) * 3) is None


def test_both_conventions_are_readings():
    holds, fails = judged("C11").condition.split("; not ")
    assert holds.count("independent variables") == 2
    assert fails.startswith("with total derivatives: a unit triangular block")
    nothing = judged("C11", replace(gathered("C11"), total=None))
    assert nothing.condition.endswith("undecided with total derivatives")


def test_what_is_not_proved_is_named():
    evidence = gathered("C11")
    open_one = replace(evidence.proofs["scalar"], derived=False)
    found = judged("C11", replace(evidence, proofs={**evidence.proofs, "scalar": open_one}))
    assert "undecided where x_0, …, x_{l−1} are independent variables, scalar" in found.condition
