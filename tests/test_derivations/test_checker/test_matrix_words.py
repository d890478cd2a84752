"""Words of matrices: what is not understood is refused, and short cuts change nothing."""

from fractions import Fraction

import pytest
import sympy as sp
from sympy.matrices.expressions.slice import MatrixSlice

from derivations.algebra.notation import Notation
from derivations.algebra.steps import Derivation, Step
from derivations.algebra.terms import Identity, Linear
from derivations.checker.check import check
from derivations.checker.matrix_words import (
    Expansion,
    Letter,
    SumsAsLetters,
    embedding,
    equal,
    multiply,
    one,
)
from derivations.errors import UnknownNodeError


@pytest.mark.parametrize("columns", [(0, 1), (1, 3)])
def test_a_slice_of_columns_is_not_the_matrix(columns):
    notation = Notation(Identity(), {}, "operator")
    a = notation.free("A", 3, 3)
    narrow = MatrixSlice(a, (0, 3), columns)
    with pytest.raises(UnknownNodeError, match="slice"):
        Expansion(notation).expand(narrow)
    (checked,) = check(Derivation("x", notation, (Step("x", narrow, "=", a),)))
    assert not checked.ok


def test_every_other_row_is_not_every_row():
    notation = Notation(Identity(), {}, "operator")
    a = notation.free("A", 4, 1)
    with pytest.raises(UnknownNodeError, match="slice"):
        Expansion(notation).expand(MatrixSlice(a, (0, 4, 2), (0, 1)))


def test_a_slice_of_all_columns_is_understood():
    notation = Notation(Identity(), {}, "operator")
    a = notation.free("A", 3, 3)
    rows = sp.BlockMatrix([[MatrixSlice(a, (0, 1), (0, 3))], [MatrixSlice(a, (1, 3), (0, 3))]])
    (checked,) = check(
        Derivation("x", notation, (Step("x", rows, "=", MatrixSlice(rows, (0, 3), (0, 3))),))
    )
    assert checked.ok


def test_products_of_single_words_are_those_of_sums():
    """The short cut for one word each gives what the general product gives: zero, cancelled and
    unit letters included.
    """
    n = sp.Integer(5)
    letters = [Letter("A"), Letter("u", unit=True), Letter("u", transposed=True, unit=True)]
    letters += [
        embedding(sp.Integer(low), sp.Integer(high), n, flip)
        for low, high in ((0, 2), (2, 5))
        for flip in (False, True)
    ]
    two = {(): Fraction(2)}
    for first in letters:
        for second in letters:
            for third in letters:
                short = multiply(two, one(first), one(second), one(third))
                long = multiply(
                    multiply({**one(first), (Letter("Z"),): Fraction(1)}, one(second)),
                    one(third),
                    two,
                )
                assert short == {word: k for word, k in long.items() if Letter("Z") not in word}


def test_no_layer_has_the_name_of_a_letter():
    notation = Notation(Linear("free A"), {"free A": ("n", "n")}, "operator")
    layer = notation.jacobian(Linear("free A"), Identity())
    assert not Expansion(notation).equal(layer, notation.free("A", "n", "n"))


def test_a_sum_that_both_sides_have_is_one_letter():
    notation = Notation(Identity(), {}, "operator")
    a, b, c, d = (notation.free(name, "n", "n") for name in "ABCD")
    tail = sp.MatMul(c, sp.MatAdd(a, d))
    one_sum, other = sp.MatAdd(a, b), sp.MatAdd(a, d)
    pairs = [
        (one_sum * c + other * a, other * c + one_sum * a, False),
        (sp.MatMul(sp.MatAdd(a, b), c), sp.MatMul(sp.MatAdd(a, b), c), True),
        (sp.MatMul(a, sp.MatAdd(b, tail)), sp.MatAdd(a * b, sp.MatMul(a, *tail.args)), True),
        (sp.MatMul(sp.MatAdd(a, b), c), sp.MatMul(sp.MatAdd(a, d), c), False),
        (sp.MatMul(sp.MatAdd(a, b).T, c), sp.MatMul(sp.MatAdd(a, b), c), False),
    ]
    for left, right, verdict in pairs:
        assert SumsAsLetters(notation, (left, right)).equal(left, right) == verdict
        assert equal(left, right, notation) == verdict


def test_what_is_equal_after_multiplying_out_alone_is_found_equal():
    notation = Notation(Identity(), {}, "operator")
    a, b, c = (notation.free(name, "n", "n") for name in "ABC")
    both = sp.MatAdd(a, b)
    whole = sp.MatAdd(sp.MatMul(both, c), sp.MatMul(both, a))
    spread = sp.MatAdd(sp.MatMul(both, c), sp.MatMul(a, a), sp.MatMul(b, a))
    assert not SumsAsLetters(notation, (whole, spread)).equal(whole, spread)
    assert equal(whole, spread, notation)
