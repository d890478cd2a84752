"""What a vanishing branch leaves: a bound on the rest, and that what is no rest proves nothing."""

from dataclasses import replace

import pytest
import sympy as sp

from derivations.algebra.blocks import BLOCKS, BRANCH, RESIDUAL, SQUARE, Block
from derivations.algebra.notation import notation_of
from derivations.algebra.terms import Add, Identity, Layer, Linear
from derivations.rules.jacobian import linearize
from validate.audit.vanished_branch import (
    left_of_numbers,
    left_of_vectors,
    lost_by_a_vanished_branch,
    nothing_left_by_a_vanished_branch,
    remainder,
)

SKIP = Block("skip", "", "residual", Add(BRANCH, Linear("Q")), SQUARE | {"Q": ("n", "n")})


def vectors(block, kept=True):
    """Of a block whose signal is kept."""
    notation = notation_of(block, "operator")
    line = linearize(notation)
    one = sp.Identity(notation.inputs)
    rest = remainder(line.jacobian, one) if kept else line.jacobian
    return left_of_vectors(
        notation, rest, line.signal, line.signal if kept else None, "kept", "∂L/∂H"
    )


@pytest.mark.parametrize("name", ["residual", "se_residual"])
def test_the_signal_is_left(name):
    assert vectors(BLOCKS[name]).proved
    assert left_of_numbers(BLOCKS[name], lambda signal: signal, "kept").proved


@pytest.mark.parametrize("name", ["residual", "se_residual", "plain"])
def test_nothing_is_left_of_a_plain_block_alone(name):
    assert vectors(BLOCKS[name], kept=False).proved is (name == "plain")


def test_other_skips_and_branches_that_stay_leave_something_else():
    staying = Block(
        "staying",
        "",
        "residual",
        Add(BRANCH, Layer("G"), Identity()),
        SQUARE | {"G": ("n", "n")},
    )
    for block in (SKIP, staying):
        found = vectors(block)
        assert not found.proved
        assert found.derived  # the bound holds, and does not tend to 0
        assert not left_of_numbers(block, lambda signal: signal, "kept").proved


def test_a_rest_that_is_none_is_not_derived():
    """The bound of something else than what is beyond the kept part proves nothing."""
    notation = notation_of(RESIDUAL, "operator")
    line = linearize(notation)
    branch = notation.jacobian(BRANCH, Identity())
    for rest, kept in ((2 * branch, line.signal), (branch, 2 * line.signal), (branch, None)):
        found = left_of_vectors(notation, rest, line.signal, kept, "kept", "∂L/∂H")
        assert not found.derived
        assert not found.proved


def test_the_bound_is_said():
    assert vectors(RESIDUAL).statement == (
        "kept (the remainder has norm at most σ_max(∂F/∂x) · ‖∂L/∂H‖)"
    )
    assert "at most (σ_max(∂F/∂x) + σ_max(Q) + 1) · ‖∂L/∂H‖" in vectors(SKIP).statement


def test_what_is_beyond_is_taken_addend_by_addend():
    a, b = (sp.MatrixSymbol(name, 2, 2) for name in "ab")
    one = sp.Identity(2)
    assert remainder(a + one, one) == a
    assert remainder(a + b, b) == a
    assert set(remainder(a, one).args) == {a, -one}


def test_the_smallest_block_that_keeps_something_else():
    assert lost_by_a_vanished_branch(RESIDUAL, 1, "kept") is None
    found = lost_by_a_vanished_branch(SKIP, 1, "kept")
    assert (found.given["Q"], found.found, found.claims) == ("0", "∂L/∂x = 0", "∂L/∂x = 1")
    assert found.autograd == {"dL/dx": 0.0}
    nothing = lost_by_a_vanished_branch(RESIDUAL, 0, "vanishes")
    assert nothing.found == "∂L/∂x = 1"


def test_a_shortcut_of_which_nothing_is_left():
    assert nothing_left_by_a_vanished_branch(RESIDUAL, "more") is None
    found = nothing_left_by_a_vanished_branch(SKIP, "more")
    assert (found.given["Q"], found.found, found.claims) == ("0", "∂L/∂x = 0", "∂L/∂x ≠ 0")
    assert found.given["∂L/∂H"] != "0"


def test_a_proof_says_whether_its_bound_was_derived():
    assert not replace(vectors(RESIDUAL), derived=False).proved
