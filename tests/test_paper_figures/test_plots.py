"""Tests that each figure plots the numbers of the records: the artists' data, not their pixels."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.lines import Line2D

from paper_figures.figures import (
    agreement,
    bound_envelopes,
    gains_over_training,
    random_laws,
    sqrt_law,
    survival_ranking,
    training_curves,
)
from paper_figures.figures.select import MissingRecordsError, deepest, pairs, runs_of, segments
from validate.records.schema import BlockRow, Results, Run
from validate.statistics.survival import ranking


def labelled(axes: Axes) -> dict[str, Line2D]:
    return {str(line.get_label()): line for line in axes.lines}


def by_gid(axes: Axes, gid: str) -> Line2D:
    (line,) = [line for line in axes.lines if line.get_gid() == gid]
    return line


def test_training_curves_show_the_median_of_the_seeds_in_percent(results: Results) -> None:
    residual, plain = training_curves.depth_figure(results).axes
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
    axes = training_curves.depth_figure(results).axes[1]
    (low, high) = sorted(100 * run.epochs[3].test_error for run in runs_of(results, "plain", 8))
    band = next(
        collection for collection in axes.collections if isinstance(collection, PolyCollection)
    )
    heights = [y for x, y in band.get_paths()[0].vertices if x == 3]
    assert (min(heights), max(heights)) == pytest.approx((low, high))


def test_every_error_is_within_view(results: Results) -> None:
    for figure in (training_curves.depth_figure(results), training_curves.gate_figure(results)):
        for axes in figure.axes:
            top = max(np.max(line.get_ydata()) for line in axes.lines)
            assert axes.get_ylim()[0] == 0
            assert axes.get_ylim()[1] >= top


def test_gate_figure_pairs_networks_of_equal_depth_and_names_the_data(results: Results) -> None:
    figure = training_curves.gate_figure(results)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["(a) depth 8", "(b) depth 14"]
    assert {"residual-8", "SE residual-8"} <= labelled(figure.axes[0]).keys()
    assert figure.get_suptitle() == "digits: 1,437 training and 360 test images of 8 × 8"


@pytest.mark.parametrize("family", ["plain", "residual", "se_residual", "dense"])
def test_bars_hold_the_measured_gains_and_the_recorded_bounds(
    results: Results, family: str
) -> None:
    figure = bound_envelopes.figure(results)
    column = ["plain", "residual", "se_residual", "dense"].index(family)
    run = deepest(results, family)[0]
    for axes, epoch in ((figure.axes[column], 0), (figure.axes[column + 4], 3)):
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
    low, high = bound_envelopes.envelope(row, "exact")
    triangle = {bound.side: bound.value for bound in row.bounds if bound.certainty == "exact"}
    assert (low, high) == (triangle["lower"], triangle["upper"])
    looser = row.bounds[0].model_copy(
        update={"id": "loose.lower", "value": tuple(value / 2 for value in triangle["lower"])}
    )
    assert bound_envelopes.envelope(
        row.model_copy(update={"bounds": (*row.bounds, looser)}), "exact"
    ) == (low, high)
    axes = bound_envelopes.figure(results).axes[1]
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
    figure = bound_envelopes.figure(replace(results, runs=runs))
    drawn = [line for line in figure.axes[0].lines if str(line.get_gid()).startswith("measured")]
    assert len(drawn) == len(segments(deepest(results, "plain")[0], 0)) - 1
    assert all(len(line.get_ydata()) == 3 for line in drawn)


def test_the_law_is_drawn_as_sqrt_l_beside_the_measurements(results: Results) -> None:
    axes = sqrt_law.figure(results).axes[0]
    law = labelled(axes)[r"predicted limit $\sqrt{l}$"]
    assert law.get_ydata() == pytest.approx(np.sqrt(law.get_xdata()))
    assert (law.get_xdata()[0], law.get_xdata()[-1]) == (1, 12)
    for container in axes.containers:
        scale = float(str(container.get_label()).partition("= ")[2].strip("$"))
        points = container.lines[0]
        rows = [row for row in results.vanishing if row.family == "dense" and row.epsilon == scale]
        for l, y in zip(points.get_xdata(), points.get_ydata(), strict=True):
            assert y == np.median([row.measured for row in rows if row.inputs == l])
    assert len(axes.containers) == 4


def test_each_family_falls_to_its_limit(results: Results) -> None:
    axes = sqrt_law.figure(results).axes[1]
    limits = {"plain": 0.0, "residual": 1.0, "SE residual": 1.0, "dense, $l = 4$": 2.0}
    for label, limit in limits.items():
        line = labelled(axes)[label]
        assert line.get_xdata().tolist() == [0, 0.01, 0.03, 0.1, 0.3, 1]
        assert line.get_ydata()[0] == pytest.approx(limit)
    dotted = {line.get_ydata()[0] for line in axes.lines if str(line.get_label()).startswith("_")}
    assert dotted == set(limits.values())


def test_agreement_shows_every_difference_and_every_bound(results: Results) -> None:
    shares, tightness = agreement.figure(results).axes
    for family in ("plain", "dense"):
        predicted, measured = pairs(row for run in runs_of(results, family) for row in run.blocks)
        sizes = agreement.differences(predicted, measured)
        line = labelled(shares)[f"{family}, {len(measured):,} gains"]
        assert (
            line.get_xdata()[-1]
            == sizes[-1]
            == max(abs(predicted - measured) / np.maximum(predicted, measured))
        )
        assert line.get_ydata()[-1] == 1
    medians = {
        str(line.get_gid()): line.get_xdata()[0] for line in tightness.lines if line.get_gid()
    }
    assert medians["singular.lower probable"] == pytest.approx(10)
    assert medians["singular.upper probable"] == pytest.approx(1 / 3)
    assert "residual.uniform.lower probable" not in medians  # a bound of zero has no ratio
    assert all(ratio >= 1 for gid, ratio in medians.items() if ".lower" in gid)
    assert all(ratio <= 1 for gid, ratio in medians.items() if ".upper" in gid)


def test_differences_take_zero_for_two_zeros() -> None:
    sizes = agreement.differences(np.array([0.0, 1.0, 2.0, 0.0]), np.array([0.0, 1.0, 1.0, 3.0]))
    assert sizes.tolist() == [0, 0, 0.5, 1]


def test_gains_over_training_are_medians_of_all_blocks(results: Results) -> None:
    single, whole = gains_over_training.figure(results).axes
    runs = deepest(results, "residual")
    line = labelled(single)["residual-14"]
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
    total = labelled(whole)["plain-14"]
    plain = deepest(results, "plain")
    assert total.get_ydata()[0] == np.median(
        [gain for run in plain for gain in run.epochs[0].total.measured]
    )


@pytest.mark.parametrize(
    ("draw", "family"),
    [
        (training_curves.depth_figure, "plain"),
        (training_curves.gate_figure, "se_residual"),
        (sqrt_law.figure, "dense"),
    ],
)
def test_a_figure_without_its_records_says_so(
    results: Results, draw: Callable[[Results], object], family: str
) -> None:
    runs = tuple(run for run in results.runs if run.config.family != family)
    vanishing = tuple(row for row in results.vanishing if row.family != family)
    with pytest.raises(MissingRecordsError, match=family):
        draw(replace(results, runs=runs, vanishing=vanishing))


def test_survival_is_drawn_against_the_error_with_what_the_table_says(results: Results) -> None:
    networks, correlations = survival_ranking.figure(results).axes
    for family in ("plain", "dense"):
        line = by_gid(networks, family)
        for depth, x, y in zip((8, 14), *line.get_data(), strict=True):
            runs = runs_of(results, family, depth)
            assert np.log10(x) == pytest.approx(
                np.median([np.log10(np.median(run.epochs[0].total.measured)) for run in runs])
            )
            assert y == pytest.approx(100 * np.median([run.epochs[-1].test_error for run in runs]))
    rows = [
        row
        for row in ranking(results)
        if row.found.coefficient == "Spearman" and row.measure.startswith("end-to-end")
    ]
    found = [row for row in rows if row.found.value is not None]
    assert {row.group for row in found} == {
        "across families"
    }  # two networks of each family are too few
    for row in found:
        mark = by_gid(correlations, f"{row.measure}, {row.group}")
        assert mark.get_xdata()[0] == row.found.value
        ends = [
            line.get_xdata()
            for line in correlations.lines
            if len(line.get_xdata()) == 2 and line.get_ydata()[0] == mark.get_ydata()[0]
        ]
        assert list(ends[0]) == [row.found.low, row.found.high]
    said = [text.get_text() for text in correlations.texts]
    assert said.count("not determinable") == len(rows) - len(found)


def test_laws_are_drawn_from_the_first_samples(results: Results) -> None:
    shares, aligned = random_laws.figure(results).axes
    for family in ("plain", "dense"):
        rows = [row for run in runs_of(results, family) for row in run.blocks]
        before, after = [line for line in shares.lines if line.get_gid() == family]
        assert (before.is_dashed(), after.is_dashed()) == (False, True)
        for line, epoch in ((before, 0), (after, 3)):
            assert line.get_xdata()[1:] == pytest.approx(
                sorted(row.law.probability[0] for row in rows if row.epoch == epoch)
            )
            assert line.get_ydata()[-1] == 1
    marks = [line for line in aligned.lines if line.get_gid() == "dense"]
    dense = [row for run in runs_of(results, "dense") for row in run.blocks]
    medians = [
        np.median([row.law.alignment[0] for row in dense if row.epoch == epoch])
        for epoch in range(4)
    ]
    assert [line.get_ydata()[0] for line in marks] == pytest.approx(medians)
    assert not [
        line for line in aligned.lines if line.get_gid() == "plain"
    ]  # no skip, nothing to be aligned with
    bare = [
        replace(run, blocks=tuple(row.model_copy(update={"law": None}) for row in run.blocks))
        for run in results.runs
    ]
    with pytest.raises(MissingRecordsError, match="no laws of random weights"):
        random_laws.figure(replace(results, runs=tuple(bare)))


def test_networks_where_nothing_arrives_are_at_the_left_end(results: Results) -> None:
    def lose(run: Run) -> Run:
        if run.config.family != "plain":
            return run
        total = run.epochs[0].total.model_copy(update={"measured": (None,) * 4})
        return replace(
            run, epochs=(run.epochs[0].model_copy(update={"total": total}), *run.epochs[1:])
        )

    axes = survival_ranking.figure(replace(results, runs=tuple(map(lose, results.runs)))).axes[0]
    kept = [
        x
        for family in ("residual", "se_residual", "dense")
        for x in by_gid(axes, family).get_xdata()
    ]
    assert by_gid(axes, "plain").get_xdata() == pytest.approx([min(kept) / 10] * 2)
    with pytest.raises(MissingRecordsError, match="no measured gradients"):
        survival_ranking.figure(
            replace(
                results,
                runs=tuple(lose(run) for run in results.runs if run.config.family == "plain"),
            )
        )


@pytest.mark.parametrize(
    "draw", [bound_envelopes.figure, agreement.figure, gains_over_training.figure]
)
def test_a_figure_of_gains_needs_gains(results: Results, draw: Callable[[Results], object]) -> None:
    with pytest.raises(MissingRecordsError, match="validate"):
        draw(replace(results, runs=tuple(replace(run, blocks=()) for run in results.runs)))


def test_networks_of_different_depths_have_no_gate_figure(results: Results) -> None:
    runs = tuple(
        run
        for run in results.runs
        if (run.config.family == "se_residual") == (run.config.depth == 14)
    )
    with pytest.raises(MissingRecordsError, match="one depth"):
        training_curves.gate_figure(replace(results, runs=runs))
