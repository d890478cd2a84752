"""Histograms and densities are those of the records."""

import numpy as np
import pytest
from matplotlib.patches import StepPatch
from test_paper_figures.artists import by_gid

from paper_figures.figures.other_records.law_histograms import figure
from paper_figures.figures.select import MissingRecordsError
from validate.comparison.law_records import read_histograms


def test_bars_are_shares_per_unit_and_the_line_is_the_density() -> None:
    rows = read_histograms()
    drawing = figure(rows)
    assert [row.law for row in rows] == ["dense", "masked", "convolution"]
    for axes, row in zip(drawing.axes, rows, strict=True):
        (bars,) = [patch for patch in axes.patches if isinstance(patch, StepPatch)]
        heights, edges, _ = bars.get_data()
        assert (heights * np.diff(edges)).sum() == pytest.approx(1)
        assert heights * row.draws * np.diff(edges) == pytest.approx(np.array(row.counts))
        assert by_gid(axes, "law").get_ydata() == pytest.approx(np.array(row.density))
        assert f"$D$ = {row.distance:.4f}" in axes.texts[0].get_text()


def test_another_record_is_another_figure_and_none_is_an_error() -> None:
    row = read_histograms()[0]
    fewer = row.model_copy(update={"counts": (0, *row.counts[1:-1], 99)})
    one, other = (figure([each]).axes[0].patches[0].get_data().values for each in (row, fewer))
    assert (one != other).any()
    with pytest.raises(MissingRecordsError, match="histograms"):
        figure([])
