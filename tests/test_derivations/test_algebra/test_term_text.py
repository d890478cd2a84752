"""A term is read back from its repr, and nothing else is read."""

import pytest
from hypothesis import given
from term_strategies import DrawnTerm, drawn_terms

from derivations.algebra.term_text import NODES, read_term
from derivations.algebra.terms import Add, Gate, Identity, Layer, Pointwise
from derivations.errors import InputError


@given(drawn_terms())
def test_what_repr_writes_is_read_back(drawn: DrawnTerm) -> None:
    assert read_term(repr(drawn.term)) == drawn.term


def test_names_keep_their_quotes() -> None:
    term = Gate(Layer('it\'s "so"'), Pointwise("relu"))
    assert read_term(repr(term)) == term
    assert set(NODES) >= {"Add", "Gate", "Layer"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "Add()",
        "Add(1)",
        "Layer('F')",
        "Layer(name=1)",
        "Layer(name=Identity())",
        "Layer(name='F', size=2)",
        "Gate(signal=Identity())",
        "Gate(Identity(), Identity(), Identity())",
        "__import__('os').system('true')",
        "print(name='F')",
        "Leaf(name='F')",
        "Identity().x()",
        "Add(*[Identity()])",
        "Add(Identity(),",
        "Add(" * 500 + "Identity()" + ")" * 500,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is no term"):
        read_term(text)


def test_a_sum_is_read_as_it_stands() -> None:
    assert read_term("Add(Identity(), Layer(name='F_1'))") == Add(Identity(), Layer("F_1"))
