"""Boxes, wires and joins are placed one below another and side by side, with room between them."""

import matplotlib
import pytest

from paper_figures.drawing import scene
from paper_figures.drawing.scene import Block, Join, Labelled, Stack, Wire

START = ((0.0, 0.0),)


def of(kind: type, marks: tuple[scene.Mark, ...]) -> list[scene.Mark]:
    return [mark for mark in marks if isinstance(mark, kind)]


def test_a_wire_is_nothing_but_itself() -> None:
    placed = Wire().place(START)
    assert (placed.marks, placed.wire) == ((), START)


def test_a_block_is_an_arrow_into_a_box_wide_enough_for_its_text() -> None:
    block = Block("a text of some length", "layer")
    placed = block.place(START)
    (box,), (arrow,) = of(scene.Box, placed.marks), of(scene.Arrow, placed.marks)
    assert box.width > scene.text_width(block.text)
    assert arrow.points == ((0.0, 0.0), (0.0, -scene.GAP))
    assert arrow.points[-1][1] == pytest.approx(box.y + box.height / 2)
    assert placed.wire == ((0.0, pytest.approx(-block.height)),)
    assert block.left + block.right == pytest.approx(box.width)
    assert Block("", "layer").width == 0.5


def test_a_stack_places_each_node_where_the_one_before_it_ends() -> None:
    nodes = (Block("a", "layer"), Block("a wider one", "linear"), Wire())
    stack = Stack(nodes)
    placed = stack.place(START)
    first, second = of(scene.Box, placed.marks)
    assert first.y - second.y == pytest.approx(nodes[0].height)
    assert stack.height == pytest.approx(sum(node.height for node in nodes))
    assert placed.wire[-1] == (0.0, pytest.approx(-stack.height))
    assert (stack.left, stack.right) == (nodes[1].left, nodes[1].right)
    assert (Stack(()).left, Stack(()).right, Stack(()).height) == (0, 0, 0)


def test_a_label_stands_right_of_the_wire_that_leaves_its_node() -> None:
    node = Block("F", "layer")
    labelled = Labelled(node, "$a long name of a value$")
    placed = labelled.place(START)
    (note,) = of(scene.Note, placed.marks)
    assert note.x > 0
    assert -labelled.height - scene.GAP < note.y < -node.height
    assert note.x + scene.text_width(note.text) <= labelled.right
    assert labelled.height == pytest.approx(node.height + scene.LABEL_HEIGHT)
    assert placed.wire[-1] == (0.0, pytest.approx(-labelled.height))


def test_a_join_brings_every_branch_to_its_circle() -> None:
    short, tall = Block("F", "layer"), Stack((Block("G", "layer"), Block("H", "layer")))
    join = Join("add", (short, tall, Wire()))
    placed = join.place(START)
    (circle,), (dot,) = of(scene.Circle, placed.marks), of(scene.Dot, placed.marks)
    assert (circle.x, circle.symbol) == (0.0, "add")
    assert (dot.x, dot.y) == (0.0, -join.lead)
    ends = [
        arrow.points[-1]
        for arrow in of(scene.Arrow, placed.marks)
        if arrow.points[-1][1] <= circle.y + scene.JOIN_RADIUS + 1e-9
    ]
    top, side = (0.0, circle.y + scene.JOIN_RADIUS), (scene.JOIN_RADIUS, circle.y)
    assert ends == [pytest.approx(top), pytest.approx(side), pytest.approx(side)]
    f, g, h = of(scene.Box, placed.marks)
    assert (f.x, g.x) == (0.0, h.x)
    assert g.x - g.width / 2 - (f.x + f.width / 2) == pytest.approx(scene.LANE)
    assert placed.wire == ((0.0, pytest.approx(-join.height)),)
    assert min(box.y - box.height / 2 for box in (f, g, h)) > circle.y


def test_widths_do_not_depend_on_matplotlibs_settings() -> None:
    scene.text_width.cache_clear()
    with matplotlib.rc_context({"font.size": 30, "font.family": "monospace"}):
        there = scene.text_width("weighted layers $F$")
    scene.text_width.cache_clear()
    assert there == scene.text_width("weighted layers $F$") > scene.text_width("$F$") > 0
    assert scene.text_width("  ") == 0
