"""Symbols and what they stand for: one to one, with the shapes of their meanings."""

import pytest
import sympy as sp

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.notation import (
    DiagonalOf,
    Free,
    JacobianOf,
    Notation,
    Signal,
    compose,
    notation_of,
)
from derivations.algebra.terms import Add, Chain, Concat, Identity, Layer, Linear, Pointwise
from derivations.errors import InputError
from derivations.rules.jacobian import linearize

F, G, W = Layer("F"), Layer("G"), Linear("W")
SQUARE = dict.fromkeys(("F", "G", "W"), ("n", "n"))


def test_composition_is_flat_and_has_identity_as_unit():
    assert compose(Identity(), F) == F == compose(F, Identity())
    assert compose(Chain(F, G), W) == Chain(F, G, W) == compose(F, Chain(G, Identity(), W))
    assert compose(Identity(), Identity()) == Identity()


def test_different_meanings_never_share_a_symbol():
    term = Chain(Layer("F"), Layer("F"), Layer("F"))
    notation = Notation(term, {"F": ("n", "n")}, "operator")
    linearize(notation)
    assert (
        len({str(symbol) for symbol in notation.meanings})
        == len(notation.meanings)
        == len(set(notation.meanings.values()))
    )


def test_an_unknown_reading_is_refused():
    with pytest.raises(InputError, match="scalar, operator"):
        Notation(Layer("F"), {"F": (1, 1)}, "tensor")


@pytest.mark.parametrize(("rows", "columns"), [("n", "m"), (1, 2), ("n", 2)])
def test_more_orthonormal_columns_than_rows_are_refused(rows, columns):
    with pytest.raises(InputError, match="no more columns than rows"):
        Notation(Identity(), {}, "operator").free("V", rows, columns, unit=True)


def test_a_symbol_is_made_once_and_remembers_its_meaning():
    notation = Notation(Add(F, Identity()), SQUARE, "operator")
    slope, diagonal = notation.jacobian(F, Identity()), notation.diagonal(F)
    assert notation.jacobian(F, Identity()) is slope
    assert notation.meanings[slope] == JacobianOf(F, Identity())
    assert notation.meanings[diagonal] == DiagonalOf(F)
    free = notation.free("v", "n")
    assert notation.meanings[free] == Free("v", free.shape, unit=False)
    assert (slope.shape, free.shape) == ((notation.inputs,) * 2, (notation.inputs, 1))


def test_names_that_are_taken_are_changed():
    notation = Notation(Add(F, Identity()), SQUARE, "operator")
    slope = notation.jacobian(F, Identity())
    other = notation.free(str(slope), "n", "n")
    assert str(other) == "J_F~"
    assert notation.latex_names[other] == r"J_F^{\sim}"


def test_a_signal_is_whole_or_a_slice():
    notation = Notation(Concat(F, Identity()), {"F": ("k", "n")}, "operator")
    whole, top, bottom = notation.signal(), notation.signal((0,)), notation.signal((1,))
    assert [str(symbol) for symbol in (whole, top, bottom)] == ["g", "g_F", "g_y"]
    assert whole.shape[0] == top.shape[0] + bottom.shape[0]
    assert notation.meanings[top] == Signal((0,))


def test_numbers_are_real_and_matrices_have_shapes():
    scalar = Notation(F, SQUARE, "scalar")
    assert scalar.jacobian(F, Identity()).is_real
    assert str(scalar.signal()) == "dL/dH"
    assert isinstance(Notation(F, SQUARE, "operator").signal(), sp.MatrixSymbol)
    with pytest.raises(InputError, match="operator reading"):
        scalar.free("v", "n")


def test_values_go_by_their_labels_or_by_what_makes_them():
    notation = Notation(Chain(F, G, W), SQUARE, "operator", {F: "u"})
    assert notation.label(F) == ("u", "u")
    assert notation.label(Chain(F, G)) == ("G(u)", "G(u)")
    assert notation.label(Pointwise("relu")) == ("relu(x)", r"\rho(x)")
    assert notation.label(Chain(F, G, W)) == ("H", "H")


@pytest.mark.parametrize(
    ("make", "vanishes"),
    [
        (lambda f, g, w: f, True),
        (lambda f, g, w: w * f, True),
        (lambda f, g, w: g, False),
        (lambda f, g, w: f + g * f, True),
        (lambda f, g, w: f + g, False),
        (lambda f, g, w: (w * f).T, True),
        (lambda f, g, w: sp.BlockMatrix([[f], [w * f]]), True),
        (lambda f, g, w: sp.BlockMatrix([[f], [w]]), False),
    ],
)
def test_what_vanishes_with_the_branch(make, vanishes):
    """F is the branch, G stays as it is."""
    notation = Notation(Add(F, G, W), SQUARE, "operator", branch=frozenset({F}))
    symbols = (notation.jacobian(each, Identity()) for each in (F, G, W))
    assert notation.vanishes(make(*symbols)) == vanishes


def test_without_a_word_all_layers_are_the_branch():
    notation = Notation(Add(F, G, W), SQUARE, "operator")
    assert notation.branch == {F, G}
    assert notation_of(BLOCKS["highway"], "operator").branch == {F}
