"""Any term is drawn in the names of the model, and what looks the same is drawn once."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from printed import block
from term_strategies import DrawnTerm, drawn_terms

from derivations.algebra.terms import Add, Chain, Gate, Identity, Layer, Linear, Pointwise, Term
from derivations.errors import InputError, UnknownNodeError
from paper_figures.pages.term_drawings import LONGEST, MOST, Drawings, draw, told

SE = Add(Identity(), Chain(Layer("F_1"), Gate(Identity(), Layer("F_2")), Linear("W_1")))


def texts(term: Term, where: dict[str, str]) -> list[str]:
    made = draw(term, where)
    assert made is not None
    root = ElementTree.fromstring(f"<svg>{made.inside}</svg>")
    return [each.text or "" for each in root.iter("text")]


@given(drawn_terms())
def test_every_term_is_drawn_well_formed(drawn: DrawnTerm) -> None:
    assert texts(drawn.term, {})[0] == "x"


def test_boxes_have_the_names_of_the_model():
    said = texts(SE, {"F_1": "conv1..bn2", "F_2": "se <fc>", "W_1": "proj"})
    assert sorted(said) == sorted(["x", "H(x)", "conv1..bn2", "se <fc>", "proj"])


def test_a_module_is_not_taken_for_a_layer_of_the_paper():
    assert "gate" not in " ".join(texts(Layer("F_1"), {"F_1": "s"}))


def test_long_names_are_shortened_and_stay_apart():
    names = {"F_1": "a" * 40 + "." + "b" * 40, "F_2": "a" * 40 + "," + "b" * 40}
    said = texts(Add(Layer("F_1"), Layer("F_2")), names)
    boxes = [each for each in said if "a" in each]
    assert len(set(boxes)) == 2
    assert all(len(each) <= LONGEST + len("F_1: ") for each in boxes)
    assert all("…" in each for each in boxes)


def test_the_same_is_drawn_once():
    first = block(0, "a", 1.0)
    drawings = Drawings([first, replace(first, index=1, name="b")])
    assert len(drawings.all) == 1
    assert drawings.of(first) is drawings.of(first) is drawings.all[0]
    other = replace(first, where={"F_1": "other"})
    assert drawings.of(other) is not drawings.all[0]
    assert len({each.name for each in drawings.all}) == 2


def test_a_term_too_large_to_follow_is_not_drawn():
    assert draw(Chain(*(Layer(f"F_{i}") for i in range(MOST - 1))), {}) is not None
    assert draw(Chain(*(Layer(f"F_{i}") for i in range(MOST))), {}) is None


def test_the_drawing_has_room_for_everything():
    made = draw(Add(Layer("F_1"), Chain(Linear("W_1"), Pointwise("relu"))), {})
    assert made is not None
    root = ElementTree.fromstring(f"<svg>{made.inside}</svg>")
    for box in root.iter("rect"):
        assert float(box.get("x", "")) >= 0
        assert float(box.get("x", "")) + float(box.get("width", "")) <= made.width
    assert all(0 < float(each.get("y", "")) < made.height for each in root.iter("text"))


def test_what_is_no_term_is_refused():
    with pytest.raises(InputError, match="no term"):
        Drawings([replace(block(0, "a", 1.0), structure="x + F(x)")])
    with pytest.raises(UnknownNodeError, match="Term"):
        told(Term(), {})
