"""Gains and bounds of a network stand at their places along its depth."""

from dataclasses import replace

import pytest
from printed import analysis, block

from paper_figures.drawing.gain_axis import COLORS
from paper_figures.drawing.style import render
from paper_figures.figures.gains_along_depth import NAMED, figure
from paper_figures.figures.select import MissingRecordsError


def gains(axes):
    return [line for line in axes.lines if line.get_gid() == "gain"]


def test_each_block_has_its_gain_in_the_colour_of_its_reading():
    (axes,) = figure(analysis()).axes
    found = {float(line.get_xdata()[0]): line for line in gains(axes)}
    low, _ = axes.get_ylim()
    assert [float(line.get_ydata()[0]) for line in found.values()] == [low, 0.125, 1.5]
    assert list(found) == [2, 3, 4]  # no signal reaches the first
    assert [line.get_color() for line in found.values()] == [
        COLORS["dead"], COLORS["low"], COLORS["good"],
    ]  # fmt: skip
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "far", "dying", "weak", "fine",
    ]  # fmt: skip


def test_bands_reach_from_the_lower_to_the_upper_bound():
    (axes,) = figure(replace(analysis(), blocks=(block(0, "b", 1.0),))).axes
    (band,) = [each for each in axes.collections if each.get_gid() == "band"]
    extents = band.get_paths()[0].get_extents()
    assert (extents.y0, extents.y1) == (0.25, 2.5)


def test_of_many_blocks_the_weakest_are_named():
    blocks = tuple(block(index, f"b{index}", 1.0 + index) for index in range(NAMED + 1))
    (axes,) = figure(replace(analysis(), blocks=blocks)).axes
    assert [text.get_text() for text in axes.texts] == ["b0", "b1", "b2"]
    assert axes.get_xlabel() == "block, from input to output"


def test_only_what_is_there_is_explained():
    drawing = figure(replace(analysis(), blocks=(block(0, "b", 1.0),)))
    assert [text.get_text() for text in drawing.legends[0].get_texts()] == [
        "gain from 0.5 to 2, averages apart", "guaranteed by the bounds",
    ]  # fmt: skip


def test_letters_can_be_read():
    drawing = figure(analysis())
    drawing.draw_without_rendering()
    sizes = [label.get_fontsize() for axes in drawing.axes for label in axes.get_xticklabels()]
    sizes += [text.get_fontsize() for text in drawing.legends[0].get_texts()]
    assert min(sizes) >= 7


def test_without_a_gain_there_is_no_figure():
    with pytest.raises(MissingRecordsError, match="no gain was measured of net_<1>"):
        figure(replace(analysis(), blocks=(block(0, "b", None),)))


@pytest.mark.parametrize("kind", ["pdf", "png", "svg"])
def test_the_same_record_gives_the_same_bytes(kind):
    assert render(figure(analysis()), kind) == render(figure(analysis()), kind)
