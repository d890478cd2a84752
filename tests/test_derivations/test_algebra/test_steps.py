"""The ledger: steps hold SymPy expressions, derivations refuse symbols that cannot be."""

import pytest
import sympy as sp

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.notation import notation_of
from derivations.algebra.quantities import BRANCH_GAIN, SIGMA_MAX, NormRatio, Quantity, SigmaMax
from derivations.algebra.steps import Derivation, Step
from derivations.algebra.terms import Identity, Layer
from derivations.errors import InputError


def test_plain_numbers_become_expressions():
    step = Step("trivial", 1, "=", 1)
    assert (step.before, step.after) == (sp.Integer(1), sp.Integer(1))
    assert isinstance(step.before, sp.Basic)


def test_a_derivation_goes_on_without_changing_the_first():
    notation = notation_of(BLOCKS["residual"], "operator")
    first, second = Step("one", 1, "=", 1), Step("two", 2, "=", 2)
    derivation = Derivation("counting", notation, (first,))
    longer = derivation.followed_by(second, first)
    assert longer.steps == (first, second, first)
    assert derivation.steps == (first,)
    assert longer.notation is notation


def test_quantities_whose_symbols_assume_too_much_are_refused():
    notation = notation_of(BLOCKS["residual"], "operator")
    slope, g = notation.jacobian(Layer("F"), Identity()), notation.signal()
    right = (Quantity(SIGMA_MAX, SigmaMax(slope)), Quantity(BRANCH_GAIN, NormRatio(slope.T * g, g)))
    assert Derivation("right", notation, (), right).quantities == right
    positive = Quantity(sp.Symbol("sigma_max", positive=True), SigmaMax(slope))
    with pytest.raises(InputError, match="declared nonnegative"):
        Derivation("wrong", notation, (), (positive,))
