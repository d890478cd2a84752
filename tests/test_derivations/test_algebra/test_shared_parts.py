"""Parts of expressions, each once: as SymPy finds them along every path."""

from weakref import ref

import pytest
import sympy as sp

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.notation import Notation, notation_of
from derivations.algebra.shared_parts import (
    added,
    contains,
    distinct_parts,
    kept,
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


@pytest.fixture(params=[*BLOCKS, "sums", "one letter twice"])
def expr(request) -> sp.Expr:
    if request.param == "one letter twice":
        twice = sp.MatrixSymbol("A", 2, 2)
        return twice * sp.MatrixSymbol("B", 2, 2) * twice
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


def test_expressions_that_are_equal_are_one_object_and_are_let_go():
    a, b = sp.MatrixSymbol("a", 2, 2), sp.MatrixSymbol("b", 2, 2)
    one = kept(sp.MatAdd(a, b))
    assert kept(sp.MatAdd(a, b)) is one
    assert kept(sp.MatAdd(b, b)) is not one
    gone = ref(kept(sp.MatAdd(sp.MatrixSymbol("let go", 2, 2), b)))
    assert gone() is None


def test_what_many_sums_have_in_common_is_derived_again_at_once():
    """Compared along paths, as SymPy's caches do with equal objects, 2^40 steps would not end."""
    first, again, longer = (pulled_back(sums(count)) for count in (40, 40, 45))
    assert first is again
    assert longer != first
    last = min(matrix_letters(first), key=str)
    other = {last: sp.MatrixSymbol("other", *last.shape)}
    assert replaced(first, other) is replaced(again, other)


LETTERS = [sp.MatrixSymbol(name, 2, 2) for name in "DBAC"]


@pytest.mark.parametrize(
    "addends",
    [
        LETTERS,
        [LETTERS[0], LETTERS[1] * LETTERS[2], LETTERS[3].T],
        [LETTERS[0] + LETTERS[1], LETTERS[2]],
        [LETTERS[0], LETTERS[0]],
        [LETTERS[0], -LETTERS[0]],
        [LETTERS[0], -LETTERS[1]],
        [2 * LETTERS[0], LETTERS[0]],
        [LETTERS[0] + LETTERS[1], LETTERS[1]],
        [LETTERS[0], sp.ZeroMatrix(2, 2)],
        [sp.Identity(2), sp.Identity(2)],
        [LETTERS[0]],
    ],
    ids=str,
)
def test_what_is_added_is_as_sympy_adds_it(addends):
    slow = sp.MatAdd(*addends).doit(deep=False)
    assert added(addends) == slow
    assert added(addends).args == slow.args
