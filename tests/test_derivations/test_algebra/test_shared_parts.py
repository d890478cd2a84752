"""Parts of expressions, each once: as SymPy finds them along every path."""

import pytest
import sympy as sp

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.notation import Notation, notation_of
from derivations.algebra.shared_parts import (
    contains,
    distinct_parts,
    matrix_letters,
    replaced,
    written_length,
)
from derivations.algebra.terms import Add, Chain, Identity, Layer
from derivations.rules.jacobian import linearize

MANY = 150


def sums(count: int) -> Notation:
    """Of a chain of residual sums."""
    names = [f"F_{index}" for index in range(count)]
    term = Chain(*(Add(Layer(name), Identity()) for name in names))
    return Notation(term, dict.fromkeys(names, ("n", "n")), "operator")


def pulled_back(notation: Notation) -> sp.Expr:
    return linearize(notation).pullback


@pytest.fixture(params=[*BLOCKS, "sums"])
def expr(request) -> sp.Expr:
    made = sums(5) if request.param == "sums" else notation_of(BLOCKS[request.param], "operator")
    return pulled_back(made)


def test_parts_are_those_of_every_path(expr):
    parts = list(distinct_parts(expr))
    assert len(parts) == len(set(parts))
    assert set(parts) == set(sp.preorder_traversal(expr))
    assert matrix_letters(expr) == expr.atoms(sp.MatrixSymbol)
    assert written_length(expr) == sum(1 for _ in sp.preorder_traversal(expr))
    for kind in (sp.MatAdd, sp.BlockMatrix, sp.ZeroMatrix):
        assert contains(expr, kind) == expr.has(kind)


def test_what_is_replaced_is_as_sympy_replaces_it(expr):
    for letter in matrix_letters(expr):
        zero = {letter: sp.ZeroMatrix(*letter.shape)}
        assert replaced(expr, zero) == expr.xreplace(zero).doit()


def test_parts_that_are_known_are_not_replaced_again(expr):
    letter = min(matrix_letters(expr), key=str)
    other = sp.MatrixSymbol("other", *letter.shape)
    assert replaced(expr, {letter: letter}, {expr: other}) == other


def test_of_many_sums_there_are_few_parts_and_many_paths():
    """What walked paths would not end."""
    expr = pulled_back(sums(MANY))
    count = sum(1 for _ in distinct_parts(expr))
    assert count < 6 * MANY
    assert len(matrix_letters(expr)) == MANY + 1
    assert written_length(expr) > 2**MANY
    last = {each: sp.ZeroMatrix(*each.shape) for each in matrix_letters(expr) if each.name != "g"}
    assert replaced(expr, last).name == "g"
