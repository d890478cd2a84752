"""Tests that diagrams say what the term says, and that nothing in them overlaps."""

from dataclasses import replace
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from derivations.algebra.blocks import BLOCKS, DENSE, RESIDUAL, SE_RESIDUAL
from derivations.algebra.formula import formula
from derivations.algebra.terms import (
    Add,
    Chain,
    Complement,
    Composite,
    Concat,
    Gate,
    Identity,
    Layer,
    Leaf,
    Linear,
    Pointwise,
    Term,
)
from derivations.errors import InputError, UnknownNodeError
from paper_figures.drawing import scene
from paper_figures.figures.block_diagrams import Diagram, block_diagram, draw, layout

LEAVES = st.sampled_from(
    [Identity(), Complement(), Layer("F"), Layer("conv1.weight"), Linear("W_1"), Pointwise("relu")]
)


def composites(parts: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
    """Every kind of node over one to three parts."""
    lists = st.lists(parts, min_size=1, max_size=3)
    several = lists.flatmap(
        lambda chosen: st.sampled_from([Chain(*chosen), Add(*chosen), Concat(*chosen)])
    )
    return several | st.tuples(parts, parts).map(lambda pair: Gate(*pair))


TERMS = st.recursive(LEAVES, composites, max_leaves=8)


def marks_of(term: Term, kind: type) -> list[scene.Mark]:
    return [mark for mark in Diagram.of(term, {}, target="y").marks() if isinstance(mark, kind)]


def leaves(term: Term) -> list[Leaf]:
    if isinstance(term, Leaf):
        return [term]
    parts = (term.signal, term.gate) if isinstance(term, Gate) else getattr(term, "parts", ())
    return [leaf for part in parts for leaf in leaves(part)]


def joins(term: Term) -> int:
    if isinstance(term, Gate):
        return 1 + joins(term.signal) + joins(term.gate)
    own = int(isinstance(term, Add | Concat))
    return own + sum(joins(part) for part in term.parts) if isinstance(term, Composite) else 0


def inside(box: scene.Box, x: float, y: float) -> bool:
    return abs(x - box.x) < box.width / 2 - 1e-9 and abs(y - box.y) < box.height / 2 - 1e-9


def crosses(box: scene.Box, start: scene.Point, end: scene.Point) -> bool:
    """Whether an axis-parallel line passes through the inside of the box."""
    (x0, x1), (y0, y1) = sorted((start[0], end[0])), sorted((start[1], end[1]))
    return (
        x0 < box.x + box.width / 2 - 1e-9
        and x1 > box.x - box.width / 2 + 1e-9
        and y0 < box.y + box.height / 2 - 1e-9
        and y1 > box.y - box.height / 2 + 1e-9
    )


@settings(max_examples=60, deadline=None)
@given(TERMS)
def test_boxes_and_wires_keep_apart(term: Term) -> None:
    boxes, arrows = marks_of(term, scene.Box), marks_of(term, scene.Arrow)
    for first, second in combinations(boxes, 2):
        apart_x = abs(first.x - second.x) >= (first.width + second.width) / 2
        apart_y = abs(first.y - second.y) >= (first.height + second.height) / 2
        assert apart_x or apart_y
    for arrow in arrows:
        assert not any(crosses(box, *line) for box in boxes for line in pairwise(arrow.points))


@settings(max_examples=60, deadline=None)
@given(TERMS)
def test_every_arrow_ends_where_something_begins(term: Term) -> None:
    diagram = Diagram.of(term, {}, target="y")
    tops = {(box.x, box.y + box.height / 2) for box in marks_of(term, scene.Box)}
    for circle in marks_of(term, scene.Circle):
        tops |= {(circle.x, circle.y + scene.JOIN_RADIUS), (circle.x + scene.JOIN_RADIUS, circle.y)}
    tops.add((0.0, -diagram.node.height - scene.GAP))
    for arrow in marks_of(term, scene.Arrow):
        x, y = arrow.points[-1]
        assert min(abs(x - a) + abs(y - b) for a, b in tops) < 1e-9
        assert all(
            abs(a - c) < 1e-9 or abs(b - d) < 1e-9 for (a, b), (c, d) in pairwise(arrow.points)
        )


@settings(max_examples=60, deadline=None)
@given(TERMS)
def test_everything_lies_within_the_stated_extents(term: Term) -> None:
    diagram = Diagram.of(term, {}, target="y")
    for box in marks_of(term, scene.Box):
        assert -diagram.left - 1e-9 <= box.x - box.width / 2
        assert box.x + box.width / 2 <= diagram.right + 1e-9
        assert -diagram.node.height - 1e-9 <= box.y - box.height / 2
        assert scene.text_width(box.text) < box.width


@settings(max_examples=60, deadline=None)
@given(TERMS)
def test_a_box_per_leaf_and_a_circle_per_join_where_nothing_is_shared(term: Term) -> None:
    names = iter(range(1000))

    def distinct(node: Term) -> Term:
        if isinstance(node, Leaf):
            return type(node)(f"f{next(names)}")
        if isinstance(node, Gate):
            return Gate(distinct(node.signal), distinct(node.gate))
        return (
            type(node)(*map(distinct, node.parts))
            if isinstance(node, Composite)
            else Layer(f"f{next(names)}")
        )

    renamed = distinct(term)
    assert sorted(box.text for box in marks_of(renamed, scene.Box)) == sorted(
        leaf.name for leaf in leaves(renamed)
    )
    assert len(marks_of(renamed, scene.Circle)) == joins(renamed)


def test_squeeze_excitation_draws_f_once_before_signal_and_gate_part() -> None:
    boxes = marks_of(SE_RESIDUAL.term, scene.Box)
    shared = [box for box in boxes if "weighted layers" in box.text]
    assert len(shared) == 1
    assert len(boxes) == len(set(leaves(SE_RESIDUAL.term)))
    gate, add = marks_of(SE_RESIDUAL.term, scene.Circle)
    assert (gate.symbol, add.symbol) == ("gate", "add")
    splits = sorted((dot.y for dot in marks_of(SE_RESIDUAL.term, scene.Dot)), reverse=True)
    assert splits[0] > shared[0].y > splits[1] > gate.y > add.y


def test_a_residual_block_is_one_box_one_sum_and_a_bypass() -> None:
    (box,) = marks_of(RESIDUAL.term, scene.Box)
    (circle,) = marks_of(RESIDUAL.term, scene.Circle)
    assert circle.symbol == "add"
    bypass = max(marks_of(RESIDUAL.term, scene.Arrow), key=lambda arrow: len(arrow.points))
    assert bypass.points[0][0] == 0
    assert min(x for x, _ in bypass.points[1:-1]) > box.width / 2


def test_joins_draw_the_sign_of_their_node() -> None:
    branch = Layer("F")
    for node, symbol in (
        (Add(branch, Identity()), "add"),
        (Concat(branch, Identity()), "concat"),
        (Gate(branch, Layer("G")), "gate"),
    ):
        assert [circle.symbol for circle in marks_of(node, scene.Circle)] == [symbol]


@pytest.mark.parametrize("name", BLOCKS)
def test_values_are_named_beside_the_wires_and_touch_nothing(name: str) -> None:
    block = BLOCKS[name]
    marks = Diagram.of(block.term, block.labels).marks()
    boxes = [mark for mark in marks if isinstance(mark, scene.Box)]
    notes = [mark for mark in marks if isinstance(mark, scene.Note) and not mark.centered]
    lines = [
        line for mark in marks if isinstance(mark, scene.Arrow) for line in pairwise(mark.points)
    ]
    assert {note.text for note in notes} == {
        f"${label}$" for term, label in block.labels.items() if term != block.term
    }
    for note in notes:
        width = scene.text_width(note.text)
        room = scene.Box(note.x + width / 2, note.y, width, 0.1, "", "layer")
        assert not any(
            abs(room.x - box.x) < (room.width + box.width) / 2
            and abs(room.y - box.y) < (room.height + box.height) / 2
            for box in boxes
        )
        assert not any(crosses(room, *line) for line in lines)


def test_the_output_is_the_terms_formula() -> None:
    assert formula(RESIDUAL.term, "x", RESIDUAL.labels) == "F(x) + x"
    assert formula(DENSE.term, "x", {}) == r"F(x) \,\Vert\, x"
    assert (
        formula(Gate(Layer("F"), Chain(Layer("F"), Linear("W"))), "x", {}) == r"W(F(x)) \odot F(x)"
    )
    assert formula(Chain(Layer("F"), Layer("F")), "x", {Layer("F"): "u"}) == "F(u)"


def test_a_label_names_only_the_value_at_the_blocks_input() -> None:
    marks = Diagram.of(
        Chain(Layer("F"), Linear("W"), Layer("F"), Linear("V")), {Layer("F"): "u"}, target="y"
    ).marks()
    assert [mark.text for mark in marks if isinstance(mark, scene.Note)] == ["$x$", "$u$", "$y$"]


@pytest.mark.parametrize("name", BLOCKS)
def test_named_blocks_fit_the_column(name: str) -> None:
    figure = block_diagram(name)
    assert isinstance(figure, Figure)
    (axes,) = figure.axes
    figure.draw_without_rendering()
    page = figure.bbox
    for text in axes.texts:
        extent = text.get_window_extent()
        assert page.x0 <= extent.x0 <= extent.x1 <= page.x1
        assert page.y0 <= extent.y0 <= extent.y1 <= page.y1


def test_a_dense_block_is_shown_as_a_step_and_as_three() -> None:
    texts = [text.get_text() for text in block_diagram("dense").axes[0].texts]
    assert {"(a) one step", "(b) three steps", "$F_1$", "$F_2$", "$F_3$"} <= set(texts)


def test_every_leaf_of_the_highway_block_is_drawn_and_its_carry_is_the_complement_of_its_gate() -> (
    None
):
    boxes = [mark.text for mark in marks_of(BLOCKS["highway"].term, scene.Box)]
    assert sorted(boxes) == ["gate $T$", "gate $T$", "one minus", "weighted layers $F$"]
    assert [circle.symbol for circle in marks_of(BLOCKS["highway"].term, scene.Circle)].count(
        "gate"
    ) == 2


@pytest.mark.parametrize("name", BLOCKS)
def test_no_text_of_a_named_block_touches_another(name: str) -> None:
    figure = block_diagram(name)
    figure.draw_without_rendering()
    extents = [text.get_window_extent() for text in figure.axes[0].texts]
    for first, second in combinations(extents, 2):
        assert (
            first.x1 <= second.x0
            or second.x1 <= first.x0
            or first.y1 <= second.y0
            or second.y1 <= first.y0
        )


def test_a_changed_term_changes_the_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    from derivations.algebra import blocks

    before = [text.get_text() for text in block_diagram("residual").axes[0].texts]
    changed = replace(RESIDUAL, term=Add(Chain(Layer("F"), Pointwise("tanh")), Identity()))
    monkeypatch.setattr(blocks, "BLOCKS", {**BLOCKS, "residual": changed})
    after = [text.get_text() for text in block_diagram("residual").axes[0].texts]
    assert "tanh" in after
    assert "tanh" not in before
    assert r"$H(x) = tanh(F(x)) + x$" in after


def test_unknown_nodes_and_blocks_are_refused() -> None:
    class Mystery(Term):
        pass

    with pytest.raises(UnknownNodeError, match="Mystery"):
        layout(Mystery(), {})
    with pytest.raises(UnknownNodeError, match="Mystery"):
        layout(Add(Mystery(), Identity()), {})
    with pytest.raises(UnknownNodeError, match="Mystery"):
        formula(Mystery(), "x", {})
    with pytest.raises(InputError, match="transformer"):
        block_diagram("transformer")


def test_diagrams_of_captured_models_take_any_name() -> None:
    figure = draw([Diagram.of(Chain(Layer("layer1.0.conv_$1"), Pointwise("gelu")), {}, target="y")])
    figure.draw_without_rendering()
    assert r"layer1.0.conv_\$1" in [text.get_text() for text in figure.axes[0].texts]
