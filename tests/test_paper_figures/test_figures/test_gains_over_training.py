"""Gains over training are the medians of all blocks, and of the whole chain."""

from dataclasses import replace

import numpy as np
import pytest
from test_paper_figures.artists import by_gid

from paper_figures.drawing.style import LOOKS
from paper_figures.figures.gains_over_training import block_gains, figure, total_gains
from paper_figures.figures.select import MissingRecordsError, deepest
from validate.records.schema import BlockRow, Results


def test_gains_over_training_are_medians_of_all_blocks(results: Results) -> None:
    drawing = figure(results)
    single, whole = drawing.axes[1], drawing.axes[4]
    runs = deepest(results, "residual")
    assert single.get_title(loc="left") == "residual-14"
    line = by_gid(single, "residual")
    for epoch, y in zip(line.get_xdata(), line.get_ydata(), strict=True):
        assert y == np.median(
            [
                gain
                for run in runs
                for row in run.blocks
                if row.epoch == epoch
                for gain in row.measured
            ]
        )
    total = by_gid(whole, "plain")
    plain = deepest(results, "plain")
    assert total.get_ydata()[0] == np.median(
        [gain for run in plain for gain in run.epochs[0].total.measured]
    )


def test_no_band_lies_upon_another_and_ticks_are_not_1_and_2_alone(results: Results) -> None:
    for axes, family in zip(figure(results).axes, [*LOOKS, *LOOKS], strict=True):
        assert [band.get_gid() for band in axes.collections] == [f"band {family}"]
        others = {line.get_gid() for line in axes.lines if str(line.get_gid()).startswith("behind")}
        assert others == {f"behind {other}" for other in LOOKS if other != family}
        low, high = axes.get_ylim()
        assert sum(low <= tick <= high for tick in axes.get_yticks()) >= 3


def test_a_figure_of_gains_needs_gains(results: Results) -> None:
    bare = tuple(replace(run, blocks=()) for run in results.runs)
    with pytest.raises(MissingRecordsError, match="validate"):
        figure(replace(results, runs=bare))


def test_vanished_and_zero_gains_are_left_out_of_the_bands(results: Results) -> None:
    def thinned(row: BlockRow) -> BlockRow:
        return row.model_copy(update={"measured": (None, 0.0, *row.measured[2:])})

    runs = [
        replace(run, blocks=tuple(map(thinned, run.blocks))) for run in deepest(results, "dense")
    ]
    curve = block_gains(runs)
    for epoch, low, high in zip(curve.epochs, curve.low, curve.high, strict=True):
        rows = [row for run in runs for row in run.blocks if row.epoch == epoch]
        gains = [gain for row in rows for gain in row.measured[2:]]
        assert (low, high) == pytest.approx(tuple(np.quantile(gains, (0.05, 0.95))))


def test_epochs_without_a_total_are_left_out(results: Results) -> None:
    run = deepest(results, "plain")[0]
    blind = run.epochs[1].model_copy(update={"total": None})
    curve = total_gains([replace(run, epochs=(run.epochs[0], blind, *run.epochs[2:]))])
    assert curve.epochs.tolist() == [0, 2, 3]
    assert curve.median[-1] == np.median(run.epochs[3].total.measured)


def test_what_a_training_batch_sees_is_drawn_where_it_was_recorded(
    results: Results, second: Results
) -> None:
    drawing = figure(second)
    for family, axes in (("plain", drawing.axes[4]), ("dense", drawing.axes[7])):
        line = by_gid(axes, f"batch {family}")
        runs = deepest(second, family)
        for epoch, ratio in zip(*line.get_data(), strict=True):
            seen = [run.epochs[int(epoch)].batch_ratio for run in runs]
            assert ratio == pytest.approx(np.median(seen))
        assert list(line.get_xdata()) == [0, 1, 2, 3]
    words = [text.get_text() for text in drawing.legends[0].get_texts()]
    assert words[-1] == "training batch"
    old = figure(results)
    assert not [
        line for axes in old.axes for line in axes.lines if str(line.get_gid()).startswith("batch")
    ]
    assert "training batch" not in [text.get_text() for text in old.legends[0].get_texts()]
