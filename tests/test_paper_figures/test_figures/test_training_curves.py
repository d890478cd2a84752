"""Training curves show the errors of the records: medians and bands in percent."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from test_paper_figures.artists import by_gid, labelled

from paper_figures.figures.select import MissingRecordsError, runs_of
from paper_figures.figures.training_curves import data_set, depth_figure, gate_figure, interval
from validate.records.schema import Results


def test_training_curves_show_the_median_of_the_seeds_in_percent(results: Results) -> None:
    residual, plain, _ = depth_figure(results).axes
    for axes, family in ((residual, "residual"), (plain, "plain")):
        for depth in (8, 14):
            runs = runs_of(results, family, depth)
            expected = [
                100 * np.median([run.epochs[epoch].test_error for run in runs])
                for epoch in (1, 2, 3)
            ]
            line = labelled(axes)[f"{family}-{depth}"]
            assert line.get_xdata() == pytest.approx([1, 2, 3])
            assert line.get_ydata() == pytest.approx(expected)
    dashed = [line for line in plain.lines if line.is_dashed()]
    assert dashed[0].get_ydata()[0] == pytest.approx(
        100 * np.median([run.epochs[1].train_error for run in runs_of(results, "plain", 8)])
    )


def test_training_bands_reach_from_the_least_to_the_greatest_seed(results: Results) -> None:
    axes = depth_figure(results).axes[1]
    (low, high) = sorted(100 * run.epochs[3].test_error for run in runs_of(results, "plain", 8))
    band = next(
        collection for collection in axes.collections if isinstance(collection, PolyCollection)
    )
    heights = [y for x, y in band.get_paths()[0].vertices if x == 3]
    assert (min(heights), max(heights)) == pytest.approx((low, high))


def test_every_error_is_within_view(results: Results) -> None:
    for figure in (depth_figure(results), gate_figure(results)):
        for axes in figure.axes:
            values = np.concatenate([line.get_ydata() for line in axes.lines])
            low, high = axes.get_ylim()
            assert 0 <= low <= values.min()
            assert values.max() <= high


def test_final_errors_are_means_with_intervals_and_every_seed(results: Results) -> None:
    axes = depth_figure(results).axes[2]
    for family in ("plain", "dense"):
        errors = [
            [100 * run.epochs[-1].test_error for run in runs_of(results, family, depth)]
            for depth in (8, 14)
        ]
        assert by_gid(axes, f"final {family}").get_ydata() == pytest.approx(np.mean(errors, axis=1))
        assert sorted(by_gid(axes, f"seeds {family}").get_ydata()) == pytest.approx(
            sorted(np.ravel(errors))
        )
        (bars,) = [each for each in axes.collections if each.get_gid() == f"interval {family}"]
        for segment, each in zip(bars.get_segments(), errors, strict=True):
            assert segment[:, 1] == pytest.approx(interval(each))


def test_an_interval_is_students() -> None:
    low, high = interval([1.0, 2.0, 3.0])
    assert (low, high) == pytest.approx((2 - 2.484138, 2 + 2.484138), abs=1e-6)
    assert interval([5.0]) == (5.0, 5.0)


def test_depths_are_told_apart_by_their_marks(results: Results) -> None:
    marks = [labelled(depth_figure(results).axes[0])[f"residual-{n}"].get_marker() for n in (8, 14)]
    assert len(set(marks)) == 2


def test_gate_figure_pairs_networks_of_equal_depth_and_names_the_data(results: Results) -> None:
    drawing = gate_figure(results)
    assert [axes.get_title(loc="left") for axes in drawing.axes] == ["(a) depth 8", "(b) depth 14"]
    assert {"residual-8", "SE residual-8"} <= labelled(drawing.axes[0]).keys()
    assert drawing.get_suptitle() == "digits: 1,437 training and 360 test images of 8 × 8"


def test_networks_of_different_depths_have_no_gate_figure(results: Results) -> None:
    runs = tuple(
        run
        for run in results.runs
        if (run.config.family == "se_residual") == (run.config.depth == 14)
    )
    with pytest.raises(MissingRecordsError, match="one depth"):
        gate_figure(replace(results, runs=runs))


def test_a_figure_without_its_records_says_so(results: Results) -> None:
    runs = tuple(run for run in results.runs if run.config.family != "plain")
    vanishing = tuple(row for row in results.vanishing if row.family != "plain")
    with pytest.raises(MissingRecordsError, match="plain"):
        depth_figure(replace(results, runs=runs, vanishing=vanishing))


def test_gates_without_their_records_say_so(results: Results) -> None:
    runs = tuple(run for run in results.runs if run.config.family != "se_residual")
    vanishing = tuple(row for row in results.vanishing if row.family != "se_residual")
    with pytest.raises(MissingRecordsError, match="se_residual"):
        gate_figure(replace(results, runs=runs, vanishing=vanishing))


def test_a_name_with_a_dollar_begins_no_formula(results: Results) -> None:
    run = results.runs[0]
    priced = replace(run, config=run.config.model_copy(update={"dataset": "$5"}))
    assert data_set(replace(results, runs=(priced,))).startswith(r"\$5: 1,437 training")
