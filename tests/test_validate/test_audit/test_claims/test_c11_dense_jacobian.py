"""C11: Eq. (5) with independent states and with total derivatives, redone by hand."""

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


def test_the_instance_with_total_derivatives_by_hand():
    """x_1 = x_0, F_2 = x_1: columns (1, 1, 1) of x_0 and (1, 1, 0) of x_1, of F_2, x_1, x_0."""
    instance = gathered("C11").instance_of_states
    assert instance.printed == (2 + 4 + 1, 2 + 4) == pytest.approx(instance.autograd)
    assert "(2, 4, 1): Eq. (5) with total derivatives = (7, 6), by autograd (7, 6)" in str(instance)
    assert str(instance) in judged("C11").summary


def test_independent_states_need_a_branch_of_all_of_them():
    assert "needs, as here, an F_l of all inputs" in judged("C11").summary


def test_the_smallest_states_that_depend_on_each_other():
    found = gathered("C11").total
    assert found.given == {"l": "2", "∂F_1/∂x_0": "1"}
    assert found.claims == "(1, 0); (0, 1)"
    assert found.found.endswith("(1, 0); (1, 1)")
    assert found.autograd["dx_1/dx_0"] == 1.0
    remark = "are the identity only where the x_i are independent"
    assert remark in judged("C11").summary
    assert remark not in judged("C11", replace(gathered("C11"), total=None)).summary


def test_total_derivatives_go_through_all_states_between():
    """x_1 = 2 x_0, x_2 = x_0/2 + x_1: dx_2/dx_0 = 1/2 + 2 · 1."""
    found = _total(3, (Fraction(2), Fraction(1, 2), Fraction(1)))
    assert found.autograd["dx_2/dx_0"] == 2.5
    assert found.found.endswith("(1, 0, 0); (2, 1, 0); (5/2, 1, 1)")
    assert _total(3, (Fraction(0),) * 3) is None


@pytest.mark.parametrize(
    ("part", "name"),
    [("proofs", "independent variables"), ("of_states", "with total derivatives")],
)
@pytest.mark.parametrize("reading", ["scalar", "operator"])
def test_every_reading_counts(part, name, reading):
    evidence = gathered("C11")
    proofs = getattr(evidence, part)
    opened = {**proofs, reading: replace(proofs[reading], derived=False)}
    holds, _, rest = judged("C11", replace(evidence, **{part: opened})).condition.partition(
        "undecided "
    )
    assert holds.count("reading") == 3
    assert name in rest
    assert rest.endswith(f"{reading} reading")


@pytest.mark.parametrize("part", ["instance", "instance_of_states"])
def test_what_autograd_denies_fails(part):
    evidence = gathered("C11")
    proofs = "proofs" if part == "instance" else "of_states"
    opened = {name: replace(each, derived=False) for name, each in vars(evidence)[proofs].items()}
    wrong = replace(getattr(evidence, part), autograd=(0.0, 0.0))
    found = judged("C11", replace(evidence, **{part: wrong, proofs: opened}))
    assert found.verdict == "conditional"
    assert found.condition.count("; not ") == 2
    assert "undecided" not in found.condition
    assert found.counterexample["found"] == "(0, 0)"
