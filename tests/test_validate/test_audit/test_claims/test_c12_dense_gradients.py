"""C12–C14: the smallest instances that break Eq. (6), and how many satisfy it."""

from dataclasses import replace
from fractions import Fraction

from test_validate.audited import gathered, judged

from validate.audit.claims.c12_dense_gradients import Dense


def test_no_instance_reaches_the_lower_bound_with_l():
    """σ_max² = 1 + ‖a‖² is less than ‖a‖² + l for l ≥ 2, so none can."""
    assert gathered("C13").satisfied == 0
    assert gathered("C13").tried == 7**3 * (7**2 - 1)


def test_the_smallest_instances():
    given = {claim: judged(claim).counterexample["given"] for claim in ("C12", "C13", "C14")}
    assert given["C12"] == {"l": "1", "∂F_l/∂x": "0", "∂L/∂H": "(1, 1)"}
    assert given["C13"]["l"] == given["C14"]["l"] == "2"


def test_the_signal_on_the_inputs_is_what_remains():
    """∂L/∂x → (g_0, …), and not that their lengths agree."""
    operator = gathered("C14").operator
    assert operator.proved
    assert "at most σ_max(∂F/∂x) · ‖g_F‖" in operator.statement
    assert operator.statement in judged("C14").summary
    unproved = replace(gathered("C14"), operator=replace(operator, derived=False))
    assert "undecided in the operator reading" in judged("C14", unproved).condition


def test_a_dense_step_needs_a_signal_on_its_inputs():
    point = tuple(map(Fraction, (3, 4, 2, 0, 1)))
    dense = Dense.at(2, point)
    assert (dense.a, dense.g_f, dense.g) == (point[:2], point[2], point[3:])
    assert dense.pulled == (6, 9)
    assert dense.signal == 2**2 + 1
    assert Dense.at(2, (*point[:3], Fraction(0), Fraction(0))) is None


def test_instances_show_the_norm_that_they_have():
    found = Dense.at(1, tuple(map(Fraction, (1, 1, 2)))).counterexample("s", "‖∂L/∂x‖ = 2")
    assert found.found == "‖∂L/∂x‖ = 3"
    assert found.autograd == {"dL/dx_0": 3.0}
