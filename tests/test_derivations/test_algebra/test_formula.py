"""What blocks compute, as LaTeX: read off the term, with the names of its values."""

import pytest

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.formula import formula, named
from derivations.algebra.terms import Add, Chain, Complement, Gate, Identity, Layer, Linear, Term
from derivations.errors import UnknownNodeError

FORMULAS = {
    "plain": "F(x)",
    "residual": "F(x) + x",
    "dense": r"F(x) \,\Vert\, x",
    "projection": "F(x) + W_s(x)",
    "post_activation": r"\rho(F(x) + x)",
    "pre_activation": r"F(\rho(x)) + x",
    "resnext": "F_1(x) + F_2(x) + F_3(x) + x",
    "input_gate": r"s(x) \odot F(x) + x",
    "highway": r"T(x) \odot F(x) + \left(1 - T(x)\right) \odot x",
    "se_residual": r"B(\sigma(W_2(\rho(W_1(P(F(x))))))) \odot F(x) + x",
}


@pytest.mark.parametrize("name", BLOCKS)
def test_every_block_is_written_as_it_computes(name):
    assert formula(BLOCKS[name].term, "x", {}) == FORMULAS[name]


def test_labelled_values_go_by_their_names():
    block = BLOCKS["se_residual"]
    assert formula(block.term, "x", block.labels) == r"\tilde{F} + x"
    (scaled, _) = block.term.parts
    assert formula(scaled, "x", block.labels) == r"Bs \odot u"
    assert named(scaled, "x", block.labels) == r"\tilde{F}"


def test_a_label_is_a_value_at_x_and_not_further_on():
    """F after G is not the F that the label names: it is F of another value."""
    term = Chain(Layer("G"), Add(Layer("F"), Identity()))
    assert formula(term, "x", {Layer("F"): "u", Layer("G"): "v"}) == "F(v) + v"


def test_factors_that_are_sums_are_bracketed():
    term = Gate(Add(Layer("F"), Identity()), Chain(Linear("W"), Complement()))
    assert formula(term, "x", {}) == r"\left(1 - W(x)\right) \odot \left(F(x) + x\right)"


def test_an_unknown_node_is_named():
    class Mystery(Term):
        pass

    with pytest.raises(UnknownNodeError, match=r"no formula for Mystery.*algebra/formula\.py"):
        formula(Add(Mystery(), Identity()), "x", {})
