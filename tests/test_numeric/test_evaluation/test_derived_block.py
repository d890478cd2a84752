"""The derivation of a block at real sizes: as a fresh one says, and made once."""

import pytest
import sympy as sp

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.notation import Notation
from derivations.algebra.terms import Concat, Identity, Layer
from derivations.errors import InputError
from derivations.rules.bounds import bounds
from derivations.rules.jacobian import linearize
from numeric.evaluation.derived_block import derived_block

STEP = Concat(Layer("F"), Identity())


@pytest.mark.parametrize("name", ["plain", "residual", "dense"])
def test_it_says_what_a_derivation_made_now_says(name):
    found = derived_block(BLOCKS[name].term, (("F", (4, 4)),), 4)
    fresh = Notation(BLOCKS[name].term, {"F": (4, 4)}, "operator", inputs=4)
    assert sp.sstr(found.line.pullback) == sp.sstr(linearize(fresh).pullback)
    assert [(each.id, each.expr) for each in found.bounds.bounds] == [
        (each.id, each.expr) for each in bounds(fresh).bounds
    ]


def test_its_letters_have_the_sizes_that_were_given():
    found = derived_block(STEP, (("F", (2, 3)),), 3)
    assert found.line.jacobian.shape == (5, 3)
    assert found.line.pullback.shape == (3, 1)
    assert found.notation.jacobian(Layer("F"), Identity()).shape == (2, 3)
    assert [found.notation.signal((part,)).shape for part in (0, 1)] == [(2, 1), (3, 1)]


def test_equal_blocks_share_one_derivation_and_other_sizes_have_their_own():
    found = derived_block(STEP, (("F", (2, 3)),), 3)
    assert derived_block(Concat(Layer("F"), Identity()), (("F", (2, 3)),), 3) is found
    assert derived_block(STEP, (("F", (4, 3)),), 3) is not found


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(InputError):
        derived_block(STEP, (("F", (2, 4)),), 3)
