"""The numbers of a figure are those that were drawn, by panel and series."""

import csv
import io

import numpy as np
from matplotlib.figure import Figure

from paper_figures.drawing.figure_numbers import HEADER, numbers


def rows(figure: Figure) -> list[list[str]]:
    head, *found = csv.reader(io.StringIO(numbers(figure)))
    assert tuple(head) == HEADER
    return found


def test_lines_bars_bands_and_texts_are_written_with_their_panel_and_series() -> None:
    figure = Figure()
    first, second = figure.subplots(1, 2)
    first.set_title("(a) one", loc="left")
    first.plot([1, 2], [3, np.nan], label="measured, twice")
    first.plot([5], [1 / 3], gid="named", label="other")
    second.vlines(1, 2, 3, gid="seeds")
    second.fill_between([0, 1], [0, 0], [1, 2], gid="band")
    second.text(4, 5, "a word")
    second.stairs([7], [0, 1], gid="counts")
    second.plot([9], [9]).pop().set_visible(False)
    found = rows(figure)
    assert found[:2] == [
        ["(a) one", "measured, twice", "line", "1", "3"],
        ["(a) one", "named", "line", "5", "0.333333"],
    ]
    assert ["panel 2", "seeds", "bar", "1", "2"] in found
    assert ["panel 2", "band", "band", "1", "2"] in found
    assert ["panel 2", "a word", "text", "4", "5"] in found
    assert ["panel 2", "counts", "box", "1", "7"] in found
    assert not [row for row in found if row[3] == "9"]


def test_what_has_no_name_is_written_without_one_and_frames_are_not() -> None:
    figure = Figure()
    figure.subplots().plot([1], [2])
    assert rows(figure) == [["panel 1", "", "line", "1", "2"]]
