"""Marks are painted where the scene says, each as its kind."""

import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from derivations.algebra.terms import Term
from derivations.errors import UnknownNodeError
from paper_figures.drawing import scene
from paper_figures.drawing.canvas import FILLS, paint


@pytest.fixture
def axes() -> Axes:
    return Figure(figsize=(2, 2)).add_axes((0, 0, 1, 1), xlim=(0, 2), ylim=(0, 2))


def test_an_unknown_mark_is_refused(axes: Axes) -> None:
    class Mystery(Term):
        pass

    with pytest.raises(UnknownNodeError, match="Mystery"):
        paint(Mystery(), axes, (0.0, 0.0))
    with pytest.raises(UnknownNodeError, match=r"paper_figures\.drawing\.canvas\.paint"):
        paint(Mystery(), axes, (0.0, 0.0))


@pytest.mark.parametrize("role", FILLS)
def test_a_box_lies_around_its_centre_in_the_colour_of_its_role(axes: Axes, role: str) -> None:
    paint(scene.Box(0.5, -0.5, 0.6, 0.2, "F", role), axes, (1.0, 1.5))
    (patch,) = axes.patches
    assert isinstance(patch, FancyBboxPatch)
    middle = (patch.get_x() + patch.get_width() / 2, patch.get_y() + patch.get_height() / 2)
    assert middle == pytest.approx((1.5, 1.0))
    assert (patch.get_width(), patch.get_height()) == (0.6, 0.2)
    assert to_hex(patch.get_facecolor()) == FILLS[role]
    assert [text.get_text() for text in axes.texts] == ["F"]


def test_an_arrow_runs_from_its_first_point_to_its_last(axes: Axes) -> None:
    points = ((0.0, 0.0), (0.0, -0.5), (0.5, -0.5), (0.5, -1.0))
    paint(scene.Arrow(points), axes, (1.0, 1.5))
    (arrow,) = axes.patches
    assert isinstance(arrow, FancyArrowPatch)
    vertices = arrow.get_path().vertices
    outline = arrow._path_original.vertices
    assert outline[0] == pytest.approx((1.0, 1.5))
    assert outline[-1] == pytest.approx((1.5, 0.5))
    assert len(vertices) > len(points)  # corners are rounded
    for x, y in outline:  # and every corner stays within a corner's radius of the wire
        assert min(abs(x - 1.0), abs(x - 1.5), abs(y - 1.0)) <= 0.05


@pytest.mark.parametrize("symbol", ["add", "gate", "concat"])
def test_each_join_has_a_sign_of_its_own_within_its_circle(axes: Axes, symbol: str) -> None:
    paint(scene.Circle(0.0, 0.0, symbol), axes, (1.0, 1.0))
    circle, *inner = axes.patches
    assert circle.get_center() == (1.0, 1.0)
    assert circle.get_radius() == scene.JOIN_RADIUS
    assert inner or axes.lines
    assert all(patch.get_radius() < scene.JOIN_RADIUS / 2 for patch in inner)
    for line in axes.lines:
        for x, y in line.get_xydata():
            assert (x - 1) ** 2 + (y - 1) ** 2 <= scene.JOIN_RADIUS**2


def test_the_signs_of_joins_differ() -> None:
    drawn = set()
    for symbol in ("add", "gate", "concat"):
        axes = Figure().add_axes((0, 0, 1, 1))
        paint(scene.Circle(0.0, 0.0, symbol), axes, (0.0, 0.0))
        strokes = tuple(tuple(line.get_xydata().ravel()) for line in axes.lines)
        drawn.add((len(axes.patches), strokes))
    assert len(drawn) == 3


@pytest.mark.parametrize(("centered", "alignment"), [(True, "center"), (False, "left")])
def test_a_note_begins_at_its_place_or_is_centred_on_it(
    axes: Axes, centered: bool, alignment: str
) -> None:
    paint(scene.Note(0.25, -0.25, "$u$", centered), axes, (1.0, 1.0))
    (text,) = axes.texts
    assert (text.get_text(), text.get_position()) == ("$u$", (1.25, 0.75))
    assert text.get_horizontalalignment() == alignment


def test_a_dot_marks_a_split(axes: Axes) -> None:
    paint(scene.Dot(0.5, 0.5), axes, (1.0, 1.0))
    (dot,) = axes.patches
    assert dot.get_center() == (1.5, 1.5)
    assert dot.get_radius() < scene.JOIN_RADIUS
