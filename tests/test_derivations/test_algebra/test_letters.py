"""The shared letters: squares and stacks of explicit matrices, and how an expectation is shown."""

import sympy as sp

from derivations.algebra import letters
from derivations.algebra.letters import DEVIATION, Expectation, squared, squared_norm, stacked

EXPLICIT = sp.ImmutableMatrix([[1, 2], [3, 4], [5, 6]])


def explicit(expr: sp.Expr, symbol: sp.MatrixSymbol) -> sp.Expr:
    return expr.subs(symbol, EXPLICIT).doit()


def test_squares_of_an_explicit_matrix():
    a = sp.MatrixSymbol("A", 3, 2)
    assert explicit(squared(a), a) == EXPLICIT.T * EXPLICIT
    assert explicit(squared_norm(a), a) == sum(entry**2 for entry in EXPLICIT)


def test_a_stack_has_its_first_row_on_top():
    a, b = sp.MatrixSymbol("A", 3, 2), sp.MatrixSymbol("B", 1, 2)
    block = stacked(a, b)
    assert block.shape == (4, 2)
    assert list(block.blocks) == [a, b]
    explicit_stack = block.subs({a: EXPLICIT, b: sp.ImmutableMatrix([[7, 8]])}).as_explicit()
    assert explicit_stack == EXPLICIT.col_join(sp.Matrix([[7, 8]]))


def test_an_expectation_keeps_its_columns_and_shows_its_inside():
    g = sp.MatrixSymbol("g", 3, 1)
    mean = Expectation(squared_norm(g), (g,), DEVIATION)
    assert mean.args == (squared_norm(g), sp.Tuple(g), DEVIATION)
    assert str(mean).startswith("E[")
    assert sp.latex(mean).startswith(r"\mathbb{E}\left[")
    assert mean == Expectation(squared_norm(g), (g,), DEVIATION)
    assert mean != Expectation(squared_norm(2 * g), (g,), DEVIATION)


def test_no_two_letters_are_one_symbol():
    symbols = [each for each in vars(letters).values() if isinstance(each, sp.Symbol)]
    assert len(symbols) == len({str(symbol) for symbol in symbols}) >= 6
