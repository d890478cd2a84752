"""Lines follow the gains of the blocks, and what is 0 or worth an alert is marked."""

import math
from dataclasses import replace

import pytest
from printed import watched
from test_paper_figures.artists import labelled

from paper_figures.drawing.style import render
from paper_figures.figures.gains_by_step import NAMED, figure
from paper_figures.figures.select import MissingRecordsError


def test_each_block_has_its_line():
    gains, whole = figure(watched()).axes
    lines = labelled(gains)
    low, _ = gains.get_ylim()
    assert list(lines["fine"].get_xdata()) == [0, 2, 4, 6]
    assert list(lines["fine"].get_ydata()) == [1.0, 2.0, 1.5, 1.0]
    assert list(lines["weak"].get_ydata()) == [0.5, 0.1, low, low]
    assert "stem" not in lines  # no gradient is asked for in front of it
    assert list(whole.lines[0].get_ydata()) == [3.0, 2.0]


def test_what_is_0_and_what_alerts_are_about_is_marked():
    gains, _ = figure(watched()).axes
    low, _ = gains.get_ylim()
    (dead,) = [line for line in gains.lines if line.get_marker() == "v"]
    assert list(dead.get_xdata()) == [4, 6]
    assert list(labelled(gains)["alert"].get_xdata()) == [4, 6]
    assert list(labelled(gains)["alert"].get_ydata()) == [low, low]


def test_a_line_is_broken_where_nothing_was_measured():
    gains, _ = figure(watched(gains={"a": (1.0, None, 2.0, 3.0)})).axes
    assert math.isnan(labelled(gains)["a"].get_ydata()[1])


def test_without_norms_of_parameters_there_is_one_panel():
    (axes,) = figure(replace(watched(), parameters=(), alerts=())).axes
    assert axes.get_title(loc="left") == "Net"
    assert "alert" not in labelled(axes)


def test_of_many_blocks_some_are_named_the_last_among_them():
    names = [f"b{index}" for index in range(3 * NAMED)]
    gains, _ = figure(watched(gains=dict.fromkeys(names, (1.0,) * 4))).axes
    named = [name for name in labelled(gains) if name in names]
    assert named[0] == "b0"
    assert named[-1] == names[-1]
    assert len(named) <= NAMED + 1


def test_without_a_gain_there_is_no_figure():
    with pytest.raises(MissingRecordsError, match="no gain was measured of Net"):
        figure(watched(gains={"a": (None,) * 4}))


@pytest.mark.parametrize("kind", ["pdf", "png", "svg"])
def test_the_same_record_gives_the_same_bytes(kind):
    assert render(figure(watched()), kind) == render(figure(watched()), kind)
