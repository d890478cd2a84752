"""Ratios of whole networks lie within the bars of their bounds for every loss."""

import numpy as np
import pytest

from paper_figures.figures.over_training.whole_network_bounds import figure
from paper_figures.figures.select import MissingRecordsError, runs_of
from validate.records.schema import Results


def test_bars_are_the_recorded_bounds_around_the_measured_ratios(second: Results) -> None:
    axes = figure(second).axes[1]
    assert axes.get_title(loc="left") == "residual"
    run = runs_of(second, "residual", 8)[0]
    for when, row in (("before", run.epochs[0]), ("after", run.epochs[-1])):
        marks = next(line for line in axes.lines if line.get_gid() == f"measured {when}")
        assert marks.get_ydata() == pytest.approx(sorted(row.total.measured))
        for cls, factor in (("shift_invariant", 2.0), ("labels", 1.1)):
            bars = next(each for each in axes.collections if each.get_gid() == f"{cls} {when}")
            ends = {segment[0, 0]: segment[:, 1] for segment in bars.get_segments()}
            for x, y in marks.get_xydata():
                if x in ends:  # the sample of the greatest ratio has no bounds
                    assert ends[x] == pytest.approx((y / factor, y * factor))
            assert len(ends) == len(marks.get_xdata()) - 1


def test_before_stands_left_of_after_at_every_depth(second: Results) -> None:
    axes = figure(second).axes[0]
    places = {
        when: [line.get_xdata() for line in axes.lines if line.get_gid() == f"measured {when}"]
        for when in ("before", "after")
    }
    for place, (before, after) in enumerate(zip(*places.values(), strict=True)):
        assert place - 0.5 < min(before) < max(before) < place < min(after) < max(after)
        assert max(after) < place + 0.5
    assert np.isfinite(np.concatenate(places["before"])).all()


def test_records_without_such_bounds_say_so(results: Results) -> None:
    with pytest.raises(MissingRecordsError, match="every loss"):
        figure(results)
