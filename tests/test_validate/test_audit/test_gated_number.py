"""Gated blocks of one number: exact slopes, and the same by autograd."""

from fractions import Fraction
from itertools import product

import pytest

from derivations.algebra.blocks import BLOCKS, RESIDUAL, SE_RESIDUAL
from derivations.errors import InputError
from validate.audit.gated_number import GatedNumber, gate_of


def test_the_gated_branch_is_found_among_the_parts():
    gate = gate_of(SE_RESIDUAL.term)
    assert gate in SE_RESIDUAL.term.parts
    with pytest.raises(InputError, match="has no gated branch"):
        gate_of(RESIDUAL.term)


@pytest.mark.parametrize("block", ["se_residual", "input_gate"])
def test_slopes_are_those_of_autograd(block):
    term = BLOCKS[block].term
    for numbers in product(map(Fraction, (-1, 0, 2)), repeat=4):
        each = GatedNumber(*numbers)
        for part in (term, gate_of(term).gate):
            assert each.gradient(part) == pytest.approx(float(each.slope(part)), abs=1e-14)


def test_slopes_by_hand():
    """s = 1/2, s′ = 1/4, and relu′ = 1 for w₁ u > 0: H′ = u · w₂ w₁ f / 4 + f / 2 + 1."""
    u, f, w1, w2 = map(Fraction, (2, 3, 5, 7))
    each = GatedNumber(u, f, w1, w2)
    assert each.slope(SE_RESIDUAL.term) == u * w2 * w1 * f / 4 + f / 2 + 1
    assert each.given("F(1)")["b_2"] == "−70"
