"""Lines are the laws of the records, marks what was measured, bands what the width may change."""

import numpy as np
import pytest
from test_paper_figures.artists import by_gid

from paper_figures.figures.other_records.depth_law_curves import CURVES, figure
from paper_figures.figures.select import MissingRecordsError
from validate.comparison.compare_depth import FINITE_WIDTH
from validate.comparison.law_records import read_depth


def test_every_law_has_a_look_of_its_own() -> None:
    assert list(CURVES) == list(FINITE_WIDTH)
    assert len({(curve.marker, curve.dashes) for curve in CURVES.values()}) == len(CURVES)
    assert len({curve.words for curve in CURVES.values()}) == len(CURVES)


def test_lines_marks_and_bands_are_those_of_the_records() -> None:
    rows = [row for row in read_depth() if row.network == "residual"]
    drawing = figure(rows)
    axes = drawing.axes[0]
    law = by_gid(axes, "law residual")
    assert law.get_xdata().tolist() == list(range(11))
    assert law.get_ydata()[1:] == pytest.approx([row.predicted for row in rows])
    assert law.get_ydata()[0] == 1
    marks = next(line for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata()))
    assert marks.get_ydata() == pytest.approx([row.measured for row in rows])
    (band,) = [each for each in axes.collections if each.get_gid() == "allowed residual"]
    top = max(band.get_paths()[0].vertices[:, 1])
    assert top == pytest.approx(rows[-1].predicted * (1 + rows[-1].allowed))


def test_the_last_state_of_a_network_with_its_signal_there_is_left_out() -> None:
    rows = [row for row in read_depth() if row.network == "dense_last"]
    line = by_gid(figure(rows).axes[0], "law dense_last")
    assert line.get_xdata()[-1] == rows[-1].depth - 1
    assert (np.diff(line.get_ydata()) > 0).all()


def test_without_records_there_is_no_figure() -> None:
    with pytest.raises(MissingRecordsError, match="depth laws"):
        figure([])
