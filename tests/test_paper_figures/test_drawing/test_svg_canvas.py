"""Every mark of a scene becomes well-formed SVG at its place."""

from xml.etree import ElementTree

import pytest

from derivations.errors import UnknownNodeError
from paper_figures.drawing import scene
from paper_figures.drawing.svg_canvas import UNIT, element

MARKS = [
    scene.Box(1, -1, 0.5, 0.25, "a <b> $", "layer"),
    scene.Arrow(((0, 0), (0, -1), (1, -1))),
    scene.Circle(0, 0, "add"),
    scene.Circle(0, 0, "gate"),
    scene.Circle(0, 0, "concat"),
    scene.Dot(0.5, 0.5),
    scene.Note(0, 0, "$x$"),
]


def parsed(mark: object, origin: scene.Point = (0.0, 0.0)) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(f"<svg>{element(mark, origin)}</svg>"))


@pytest.mark.parametrize("mark", MARKS, ids=lambda mark: type(mark).__name__)
def test_marks_are_well_formed_and_have_a_class(mark):
    assert all(each.get("class", "").startswith("gb-") for each in parsed(mark))


def test_a_box_stands_at_its_place_with_its_text_as_it_is():
    box, words = parsed(MARKS[0], (10.0, 20.0))
    assert float(box.get("x", "")) == 10 + UNIT * 0.75
    assert float(box.get("y", "")) == 20 + UNIT * 0.875
    assert (box.get("class"), words.text) == ("gb-layer", "a <b> $")


def test_an_arrow_turns_and_ends_in_its_head():
    wire, head = parsed(MARKS[1])
    assert wire.get("d", "").startswith("M0 ")
    assert head.get("d", "").startswith(f"M{UNIT:g} {UNIT:g}")


def test_a_formula_is_set_in_italics():
    (note,) = parsed(scene.Note(0, 0, "$x$"))
    assert (note.text, note.get("style")) == ("x", "font-style:italic")


def test_joins_differ():
    assert len({element(mark, (0.0, 0.0)) for mark in MARKS[2:5]}) == 3


def test_an_unknown_mark_is_refused():
    with pytest.raises(UnknownNodeError, match="svg_canvas"):
        element("mark", (0.0, 0.0))
