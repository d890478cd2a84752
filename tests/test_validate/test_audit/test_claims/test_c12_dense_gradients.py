"""C12: the smallest instances that break the equality of Eq. (6), and dense steps by hand."""

from dataclasses import replace
from fractions import Fraction

from test_validate.audited import gathered, judged

from validate.audit.claims.c12_dense_gradients import Dense


def test_the_smallest_instance():
    assert judged("C12").counterexample["given"] == {"l": "1", "∂F_l/∂x": "0", "∂L/∂H": "(1, 1)"}


def test_the_scalar_norm_is_that_of_no_gradient():
    """A signal of 1 on each output and ∂F/∂x = −1: 1 · (−1) + 1 = 0, where Eq. (6) gives √2."""
    found = gathered("C12").on_each_output
    assert found.given == {"l": "1", "∂F_l/∂x": "−1", "∂L/∂H": "(1, 1)"}
    assert found.found == "‖∂L/∂x‖ = 0"
    assert found.claims.endswith("= √2")
    assert str(found) in judged("C12").summary
    without = judged("C12", replace(gathered("C12"), on_each_output=None))
    assert "arrives on each output" not in without.summary


def test_the_scalar_equality_is_one_of_definition():
    said = "it holds by the definition of ‖∂L/∂x‖ in this reading"
    assert said in judged("C12").summary
    evidence = gathered("C12")
    opened = {name: replace(each, derived=False) for name, each in evidence.scalar.items()}
    assert said not in judged("C12", replace(evidence, scalar=opened)).summary


def test_both_norms_are_defined():
    for claim in ("C12", "C13", "C14"):
        reading = judged(claim).reading
        assert "|∂L/∂H| · ‖∂H/∂x‖_F" in reading
        assert "g_F on F_l and g_i on x_i" in reading


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
