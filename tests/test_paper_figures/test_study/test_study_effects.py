"""Levels and pairs are drawn as the records say, whole, in part, or not at all."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from test_paper_figures.artists import by_gid, labelled, texts
from test_validate.small_study import drawn_row, drawn_study

from paper_figures.drawing.narrow_screen import narrowed
from paper_figures.drawing.style import COLUMN, DOUBLE
from paper_figures.figures.select import MissingRecordsError
from paper_figures.study.study_effects import figure
from validate.study.primary_effects import depth_test, flow_points
from validate.study.study_folder import Study
from validate.study.trials import UNVARIED, TrialRow, differences

WHOLE = drawn_study(rho=-0.6, gain=-0.3, gate=1.2, noise=0.35, seed=4)


def holding(rows: Sequence[TrialRow]) -> Study:
    """The study with these of its trials alone."""
    missing = tuple(row.trial for row in WHOLE.rows if row not in rows)
    return replace(WHOLE, rows=tuple(rows), missing=missing)


def first(count: int) -> Study:
    """The study when so many trials were made."""
    return holding(WHOLE.rows[:count])


def test_every_level_is_a_mark_and_strata_are_lines_in_order_of_flow() -> None:
    axes = figure(WHOLE).axes[0]
    for network in WHOLE.protocol.flow.strata:
        points = sorted(
            (point for point in flow_points(WHOLE) if point.network == network),
            key=lambda point: point.flow,
        )
        ratios, errors = by_gid(axes, network).get_data()
        assert ratios == pytest.approx([10**point.flow for point in points])
        assert errors == pytest.approx([100 * point.error for point in points])
        (ring,) = (place for place, p in enumerate(points) if p.level == UNVARIED.name)
        (x,), (y,) = by_gid(axes, f"{network}, not varied").get_data()
        assert (x, y) == (ratios[ring], errors[ring])
    styles = [by_gid(axes, network) for network in WHOLE.protocol.flow.strata]
    assert len({(str(line.get_color()), line.get_marker()) for line in styles}) == len(styles)
    assert len({line.get_marker() for line in styles}) == len(styles)


def test_bars_reach_from_the_least_to_the_greatest_seed() -> None:
    axes = figure(WHOLE).axes[0]
    drawn = {
        tuple(np.round(segment[:, 1], 9)) for bars in axes.collections
        for segment in bars.get_segments()
    }  # fmt: skip
    for point in flow_points(WHOLE):
        errors = [
            100 * float(row.test_error or 0)
            for row in WHOLE.of_claim("C25")
            if (row.trial.network, row.trial.level.name) == (point.network, point.level)
        ]
        assert len(errors) == 3
        assert (round(min(errors), 9), round(max(errors), 9)) in drawn


def test_a_level_where_no_signal_arrives_is_at_the_left_end() -> None:
    lost = next(row for row in WHOLE.of_claim("C25") if row.trial.network == "residual-44")
    rows = tuple(
        drawn_row(WHOLE.protocol, row.trial, None, row.test_error or 0)
        if row.trial == lost.trial
        else row
        for row in WHOLE.rows
    )
    drawing = figure(replace(WHOLE, rows=rows))
    finite = [p.flow for p in flow_points(replace(WHOLE, rows=rows)) if math.isfinite(p.flow)]
    assert len(finite) == 31
    ratios = by_gid(drawing.axes[0], "residual-44").get_xdata()
    assert ratios[0] == pytest.approx(10 ** min(finite) / 10)
    assert "no signal arrives" in [text.get_text() for text in texts(drawing)]
    assert "no signal arrives" not in [text.get_text() for text in texts(figure(WHOLE))]


def test_every_pair_is_a_dot_beside_mean_and_interval_of_the_primary_test() -> None:
    axes, test = figure(WHOLE).axes[1], depth_test(WHOLE)
    assert not isinstance(test, str)
    assert len(test.gain.differences) > WHOLE.protocol.depth.gain.pairs  # their deviation asked
    for effect in (test.gain, test.gate):
        assert list(by_gid(axes, effect.family).get_xdata()) == list(effect.differences)
        assert by_gid(axes, f"{effect.family}, mean").get_xdata()[0] == effect.mean
        ends = by_gid(axes, f"{effect.family}, interval").get_xdata()
        assert list(ends) == [effect.low, effect.high]
        assert by_gid(axes, f"{effect.family}, mean").get_ydata()[0] == pytest.approx(
            by_gid(axes, f"{effect.family}, interval").get_ydata()[0]
        )
    (band,) = (each for each in axes.collections if each.get_gid() == "margin")
    reach = band.get_paths()[0].get_extents()
    assert (reach.x0, reach.x1, reach.y1) == (-0.3, 0.3, 0.5)  # residual networks alone
    assert any(set(line.get_xdata()) == {0} for line in axes.lines)


def test_a_test_that_is_not_made_has_no_mean_in_the_picture() -> None:
    study = first(len(WHOLE.rows) - 1)
    axes = figure(study).axes[1]
    known = differences(WHOLE.protocol, WHOLE.protocol.depth.gate, study.rows)
    assert list(by_gid(axes, "plain").get_xdata()) == known
    assert not [line for line in axes.lines if "mean" in str(line.get_gid())]
    assert not [label for label in labelled(axes) if "mean" in label]


def test_of_a_study_that_has_begun_what_is_there_is_drawn() -> None:
    drawing = figure(first(5))
    flow, depth = drawing.axes
    assert len(by_gid(flow, "residual-20").get_xdata()) == 5
    assert [text.get_text() for text in depth.texts] == ["no pair yet"] * 2
    low, high = depth.get_xlim()
    assert (low, high) == (-1, 1)
    pairs = holding(WHOLE.of_claim("C24")[:4])
    axes = figure(pairs).axes
    assert not axes[0].lines
    assert len(by_gid(axes[1], "residual").get_xdata()) == 1
    with pytest.raises(MissingRecordsError, match="no level and no pair"):
        figure(first(0))
    with pytest.raises(MissingRecordsError, match="--resume"):
        figure(holding(WHOLE.of_claim("C24")[:1]))


@pytest.mark.parametrize(("gate", "scale"), [(5.0, "linear"), (60.0, "symlog")])
def test_far_differences_are_drawn_on_an_axis_that_shows_all(gate: float, scale: str) -> None:
    drawing = figure(drawn_study(gain=-0.3, gate=gate, seed=4))
    axes = drawing.axes[1]
    assert axes.get_xscale() == scale
    assert ("logarithmic" in axes.get_xlabel()) == (scale == "symlog")
    assert axes.get_xlim()[1] > max(by_gid(axes, "plain").get_xdata())


def test_the_picture_does_not_say_how_it_came_out() -> None:
    drawing = figure(WHOLE)
    words = [
        text.get_text() for text in drawing.findobj(match=lambda each: hasattr(each, "get_text"))
    ]
    assert not [word for word in words if "ρ" in word or "rho" in word or "confirm" in word]


def test_it_is_two_columns_wide_and_one_on_a_narrow_screen() -> None:
    drawing = figure(WHOLE)
    assert drawing.get_figwidth() == DOUBLE
    labels = [
        text.get_text() for legend in drawing.legends for text in legend.get_texts()
    ]  # fmt: skip
    assert narrowed(drawing)
    assert drawing.get_figwidth() == COLUMN
    (legend,) = drawing.legends
    assert [text.get_text() for text in legend.get_texts()] == labels
    assert {"residual-20", "SE residual-26", "not varied", "mean, 95 % interval"} <= set(labels)
