"""On a narrow screen panels are stacked, with their labels, and nothing drawn is lost."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from paper_figures.drawing.narrow_screen import narrowed
from paper_figures.drawing.style import COLUMN, DOUBLE
from paper_figures.figures.figure_registry import FIGURES
from validate.records.schema import Results

OF_ONE_COLUMN = ("block_", "verdict_overview")
STACKED = tuple(name for name in FIGURES if not name.startswith(OF_ONE_COLUMN))


def grid(rows: int, columns: int, **shared: str) -> Figure:
    figure = Figure(figsize=(DOUBLE, 3), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, **shared)
    for r, row in enumerate(panels):
        row[0].set_ylabel(f"row {r}")
        for c, axes in enumerate(row):
            axes.plot([0, 1], [r, c], label=f"{r}{c}")
            panels[-1][c].set_xlabel(f"column {c}")
    return figure


def places(figure: Figure) -> np.ndarray:
    """Left and top of every panel, once laid out."""
    figure.draw_without_rendering()
    return np.array([(axes.get_position().x0, axes.get_position().y1) for axes in figure.axes])


def test_panels_side_by_side_are_stacked_with_their_own_labels() -> None:
    figure = grid(1, 3, sharey="all")
    figure.axes[1].set_ylabel("its own")
    assert narrowed(figure)
    (_, first), (_, second), (_, third) = places(figure)
    assert first > second > third
    assert figure.get_figwidth() == COLUMN
    assert figure.get_figheight() > 3
    assert [axes.get_ylabel() for axes in figure.axes] == ["row 0", "its own", "row 0"]
    assert [axes.get_xlabel() for axes in figure.axes] == ["column 0", "column 1", "column 2"]
    for axes in figure.axes:
        assert any(label.get_visible() for label in axes.get_yticklabels())


def test_a_label_is_not_lent_to_an_axis_of_another_kind() -> None:
    figure = grid(1, 2)
    assert narrowed(figure)
    assert [axes.get_ylabel() for axes in figure.axes] == ["row 0", ""]


def test_a_grid_is_turned() -> None:
    figure = grid(2, 3, sharex="col", sharey="all")
    assert narrowed(figure)
    spots = places(figure).reshape(2, 3, 2)
    assert (spots[0, :, 0] < spots[1, :, 0]).all()
    assert (np.diff(spots[0, :, 1]) < 0).all()
    labels = [(axes.get_ylabel(), axes.get_xlabel()) for axes in figure.axes]
    assert labels == [
        ("row 0", ""), ("row 0", ""), ("row 0", "column 2"),
        ("row 1", ""), ("row 1", ""), ("row 1", "column 2"),
    ]  # fmt: skip


def test_legends_are_put_together_below() -> None:
    figure = grid(1, 2)
    for axes, place in zip(figure.axes, ("left", "right"), strict=True):
        figure.legend(handles=axes.get_lines(), loc=f"outside lower {place}")
    assert narrowed(figure)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["00", "01"]
    figure.draw_without_rendering()
    lowest = min(axes.get_tightbbox().y0 for axes in figure.axes)
    assert legend.get_window_extent().y1 <= lowest


@pytest.mark.parametrize("panels", [0, 1])
def test_what_is_no_grid_stays_as_it_is(panels: int) -> None:
    figure = grid(1, 1) if panels else Figure(figsize=(DOUBLE, 3))
    assert not narrowed(figure)
    assert tuple(figure.get_size_inches()) == (DOUBLE, 3)
    loose = Figure(figsize=(DOUBLE, 3))
    loose.add_axes((0, 0, 0.4, 1))
    loose.add_axes((0.5, 0, 0.4, 1))
    assert not narrowed(loose)


@pytest.mark.parametrize("name", STACKED)
def test_no_figure_of_records_scrolls_sideways(second: Results, name: str) -> None:
    """All that was drawn is there still, within the width of a column."""
    figure = FIGURES[name](second)
    lines = [line.get_xydata().tolist() for axes in figure.axes for line in axes.lines]
    words = {text.get_text() for legend in figure.legends for text in legend.get_texts()}
    assert narrowed(figure)
    figure.draw_without_rendering()
    assert [line.get_xydata().tolist() for axes in figure.axes for line in axes.lines] == lines
    assert {text.get_text() for each in figure.legends for text in each.get_texts()} == words
    width = figure.get_figwidth() * figure.dpi
    for axes in figure.axes:
        box = axes.get_tightbbox()
        assert box.x0 >= -1
        assert box.x1 <= width + 1
