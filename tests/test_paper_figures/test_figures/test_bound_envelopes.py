"""Bars of bounds hold the measured gains, and end at the sharpest recorded bounds."""

from dataclasses import replace

import numpy as np
import pytest
from test_paper_figures.artists import by_gid
from test_paper_figures.with_every_loss import with_every_loss

from paper_figures.figures.bound_envelopes import BY_CERTAINTY, figure
from paper_figures.figures.select import MissingRecordsError, deepest, envelope, segments
from validate.records.schema import BlockRow, Results


@pytest.mark.parametrize("family", ["plain", "residual", "se_residual", "dense"])
def test_bars_hold_the_measured_gains_and_the_recorded_bounds(
    results: Results, family: str
) -> None:
    drawing = figure(results)
    column = ["plain", "residual", "se_residual", "dense"].index(family)
    run = deepest(results, family)[0]
    for axes, epoch in ((drawing.axes[column], 0), (drawing.axes[column + 4], 3)):
        rows = segments(run, epoch)
        for number, row in enumerate(rows, start=1):
            measured = by_gid(axes, f"measured {row.name}")
            assert sorted(row.measured) == pytest.approx(measured.get_ydata().tolist(), rel=0)
            assert all(abs(x - number) < 0.5 for x in measured.get_xdata())
            order = np.argsort(row.measured)
            assert by_gid(axes, f"predicted {row.name}").get_ydata() == pytest.approx(
                np.array(row.predicted)[order], rel=0
            )
            for bar in [
                bar for bar in axes.collections if str(bar.get_gid()).endswith(f" {row.name}")
            ]:
                for x, gain in zip(measured.get_xdata(), measured.get_ydata(), strict=True):
                    assert bar.get_paths()[0].contains_point((x, gain))
            assert axes.get_ylim()[0] < min(row.measured) < max(row.measured) < axes.get_ylim()[1]


def test_bars_end_at_the_sharpest_bounds(results: Results) -> None:
    row = segments(deepest(results, "residual")[0], 0)[0]
    exact = BY_CERTAINTY[1]
    low, high = envelope(exact.bounds(row), 4)
    triangle = {bound.side: bound.value for bound in row.bounds if bound.certainty == "exact"}
    assert (low, high) == (triangle["lower"], triangle["upper"])
    looser = row.bounds[0].model_copy(
        update={"id": "loose.lower", "value": tuple(value / 2 for value in triangle["lower"])}
    )
    more = row.model_copy(update={"bounds": (*row.bounds, looser)})
    assert envelope(exact.bounds(more), 4) == (low, high)
    axes = figure(results).axes[1]
    (bar,) = [bar for bar in axes.collections if bar.get_gid() == f"exact {row.name}"]
    drawn = bar.get_paths()[0].vertices[:, 1]
    assert set(low) | set(high) <= set(drawn)


def test_vanished_samples_and_blocks_are_left_out_of_the_bars(results: Results) -> None:
    def vanish(row: BlockRow) -> BlockRow:
        gone = (None,) * (4 if row.index == 0 else 1)
        kept = slice(len(gone), None)
        bounds = tuple(
            bound.model_copy(update={"value": gone + bound.value[kept]}) for bound in row.bounds
        )
        gains = {"measured": gone + row.measured[kept], "predicted": gone + row.predicted[kept]}
        return row.model_copy(update={"vanished": len(gone), "bounds": bounds, **gains})

    runs = tuple(replace(run, blocks=tuple(map(vanish, run.blocks))) for run in results.runs)
    drawing = figure(replace(results, runs=runs))
    drawn = [line for line in drawing.axes[0].lines if str(line.get_gid()).startswith("measured")]
    assert len(drawn) == len(segments(deepest(results, "plain")[0], 0)) - 1
    assert all(len(line.get_ydata()) == 3 for line in drawn)


def test_bounds_for_every_loss_lie_strong_within_those_for_every_signal(results: Results) -> None:
    drawing = figure(with_every_loss(results))
    assert len({axes.get_ylim() for axes in drawing.axes}) == 1
    assert "1 = at the input" in drawing.axes[-1].get_xlabel()
    shown = [text.get_text() for text in drawing.legends[0].get_texts()[2:]]
    assert shown == ["for every hard label", "for every shift-invariant loss", "for every signal"]
    row = segments(deepest(results, "residual")[0], 0)[0]
    axes = drawing.axes[1]
    (soft, hard, wide) = (
        next(bar for bar in axes.collections if bar.get_gid() == f"{name} {row.name}")
        for name in ("shift_invariant", "labels", "every signal")
    )
    light = [float(np.mean(bar.get_facecolor()[0][:3])) for bar in (wide, soft, hard)]
    assert light == sorted(light, reverse=True)
    order = np.argsort(row.measured)
    gains = np.array(row.measured)[order]
    # The sample of the greatest gain was left out: its bar is missing, not endless.
    for bar, factor in ((soft, 2.0), (hard, 1.1)):
        drawn = np.concatenate([path.vertices[:, 1] for path in bar.get_paths()])
        for gain in gains[:-1]:
            assert np.isclose(drawn, gain / factor).any()
            assert np.isclose(drawn, gain * factor).any()
        assert drawn.max() == pytest.approx(gains[-2] * factor)
    assert not [bar for bar in axes.collections if str(bar.get_gid()).startswith("exact ")]


def test_without_bounds_for_every_loss_the_scale_is_one_too(results: Results) -> None:
    drawing = figure(results)
    assert drawing.axes[-1].get_xlabel() == "block (1 = at the input)"
    assert len({axes.get_ylim() for axes in drawing.axes}) == 1
    shown = [text.get_text() for text in drawing.legends[0].get_texts()[2:]]
    assert shown == ["exact bounds", "probable bounds"]


def test_a_figure_of_gains_needs_gains(results: Results) -> None:
    bare = tuple(replace(run, blocks=()) for run in results.runs)
    with pytest.raises(MissingRecordsError, match="validate"):
        figure(replace(results, runs=bare))
