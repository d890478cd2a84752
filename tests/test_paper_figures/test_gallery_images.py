"""Every figure of the recorded runs looks as it did, and can be read: in size, in grey, uncovered.

What is meant to change is drawn anew by `baselines.py`.
"""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.container import Container
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.testing.compare import compare_images
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from test_paper_figures.baselines import FOLDER, drawn, makers, picture

from paper_figures.drawing.figure_numbers import numbers
from paper_figures.drawing.style import LOOKS, render

NAMES = tuple(makers())
TOLERANCE = 4.0  # root mean square of 0 … 255: what another build of the font engine may change
LEAST_POINTS = 7.0
TOUCH = 1.0  # pixels by which the boxes of two words may overlap: they hold room for descenders
GREY = 0.08  # of luminance: what tells two patches apart in print


@pytest.mark.parametrize("name", NAMES)
def test_it_looks_as_it_did(name: str, tmp_path: Path) -> None:
    found = picture(drawn(name), tmp_path / f"{name}.png")
    assert compare_images(str(FOLDER / f"{name}.png"), str(found), TOLERANCE) is None


def test_no_picture_is_kept_of_a_figure_that_is_no_more() -> None:
    assert {path.stem for path in FOLDER.glob("*.png")} == set(NAMES)
    assert sum(path.stat().st_size for path in FOLDER.glob("*.png")) < 3_000_000


def test_another_picture_is_noticed(tmp_path: Path) -> None:
    figure = makers()["block_plain"]()
    figure.axes[0].texts[0].set_text("y")
    figure.axes[0].texts[1].set_text("other layers")
    found = picture(figure, tmp_path / "other.png")
    assert compare_images(str(FOLDER / "block_plain.png"), str(found), TOLERANCE) is not None


@pytest.mark.parametrize("name", NAMES)
def test_no_word_is_smaller_than_seven_points(name: str) -> None:
    sizes = {text.get_text(): text.get_fontsize() for text, _ in words(drawn(name))}
    assert sizes
    assert min(sizes.values()) >= LEAST_POINTS, min(sizes, key=sizes.__getitem__)


@pytest.mark.parametrize("name", NAMES)
def test_no_word_covers_another_or_is_cut_off(name: str) -> None:
    figure = drawn(name)
    found = words(figure)
    for text, box in found:
        assert figure.bbox.padded(TOUCH).contains(*box.min), text
        assert figure.bbox.padded(TOUCH).contains(*box.max), text
    covered = [
        (one[0].get_text(), other[0].get_text())
        for one, other in combinations(found, 2)
        if one[1].padded(-TOUCH).overlaps(other[1].padded(-TOUCH))
    ]
    assert not covered


@pytest.mark.parametrize("name", NAMES)
def test_no_word_in_a_panel_covers_a_mark(name: str) -> None:
    for axes in drawn(name).axes:
        marks = [
            axes.transData.transform(line.get_xydata())
            for line in axes.lines
            if line.get_marker() not in ("", "None", None) and len(line.get_xydata())
        ]
        points = np.concatenate([np.empty((0, 2)), *marks])
        for text in axes.texts:
            box = text.get_window_extent().padded(-TOUCH)
            inside = ((points > box.min) & (points < box.max)).all(axis=1)
            assert not inside.any(), text.get_text()


@pytest.mark.parametrize("name", NAMES)
def test_a_legend_can_be_read_in_grey(name: str) -> None:
    figure = drawn(name)
    legends = [legend.legend_handles for legend in figure.legends]
    legends += [axes.get_legend_handles_labels()[0] for axes in figure.axes if axes.get_legend()]
    for handles in legends:
        for one, other in combinations(handles, 2):
            assert differ(one, other), (one.get_label(), other.get_label())


def test_colours_stay_apart_for_the_colour_blind() -> None:
    colors = {family: np.array(to_rgb(look.color)) for family, look in LOOKS.items()}
    for blind in BLIND.values():
        seen = {family: blind @ color**2.2 for family, color in colors.items()}
        for one, other in combinations(seen, 2):
            assert np.linalg.norm(seen[one] - seen[other]) > 0.1, (one, other)


@pytest.mark.parametrize("name", NAMES)
def test_a_second_drawing_has_the_same_bytes(name: str) -> None:
    again = makers()[name]()
    assert render(again, "pdf") == render(makers()[name](), "pdf")
    assert numbers(again) == numbers(drawn(name))


BLIND = {
    "protanopia": np.array([[0.1124, 0.8876, 0], [0.1124, 0.8876, 0], [0.0040, -0.0040, 1]]),
    "deuteranopia": np.array([[0.2928, 0.7072, 0], [0.2928, 0.7072, 0], [-0.0223, 0.0223, 1]]),
}
"""What is left of linear RGB: Viénot, Brettel & Mollon 1999."""


def words(figure: Figure) -> list[tuple[Text, Bbox]]:
    """Every word that is drawn, with its box in pixels."""
    figure.draw_without_rendering()  # a picture in another size was laid out for that size
    texts: list[Text] = [figure._suptitle] if figure._suptitle else []
    texts += [text for legend in figure.legends for text in legend.get_texts()]
    for axes in figure.axes:
        texts += [*axes.texts, axes.title, axes._left_title, axes._right_title]
        if axes.axison:
            texts += [*_axis_words(axes.xaxis, axes), *_axis_words(axes.yaxis, axes)]
        if legend := axes.get_legend():
            texts += legend.get_texts()
    return [
        (text, text.get_window_extent())
        for text in texts
        if text.get_visible() and text.get_text().strip()
    ]


def _axis_words(axis: Axis, axes: Axes) -> list[Text]:
    """The axis's label, and those of the ticks within view."""
    if not axis.get_visible():
        return []
    low, high = sorted(axis.get_view_interval())
    ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return [axis.label, *(tick.label1 for tick in ticks if tick.label1.get_visible())]


def differ(one, other) -> bool:
    """Whether two handles of a legend differ in more than colour."""
    one, other = (each[0] if isinstance(each, Container) else each for each in (one, other))
    if type(one) is not type(other):
        return True
    if isinstance(one, Line2D):
        return _strokes(one) != _strokes(other) or abs(_light(one) - _light(other)) > GREY
    return abs(_light(one) - _light(other)) > GREY


def _strokes(line: Line2D) -> tuple[object, ...]:
    face = line.get_markerfacecolor() if line.get_marker() not in ("", "None") else None
    shape = (line.get_marker(), line.get_linestyle(), str(line._unscaled_dash_pattern))
    return (*shape, line.get_linewidth(), None if face is None else to_rgba(face) == (1, 1, 1, 1))


def _light(artist) -> float:
    color = artist.get_color() if isinstance(artist, Line2D) else artist.get_facecolor()
    return float(np.dot((0.2126, 0.7152, 0.0722), to_rgb(color)))
