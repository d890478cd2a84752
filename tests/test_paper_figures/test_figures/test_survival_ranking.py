"""Survival is drawn against the test error, with the correlations of the table."""

from dataclasses import replace

import numpy as np
import pytest
from test_paper_figures.artists import by_gid
from test_validate.drawn_results import DEPTHS, as_claimed, drawn, flow

from paper_figures.figures.select import MissingRecordsError, runs_of
from paper_figures.figures.survival_ranking import few, figure
from validate.records.schema import Results, Run
from validate.statistics.ranking import ranking
from validate.statistics.survival import SEEN


def test_survival_is_drawn_against_the_error_with_what_the_table_says(results: Results) -> None:
    networks, correlations = figure(results).axes
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
        for row in ranking(results).rows
        if row.found.coefficient == "Spearman" and row.measure.startswith("end-to-end")
    ]
    found = [row for row in rows if row.found.value is not None]
    assert {row.group for row in found} == {
        "over all networks"
    }  # two networks of each family are too few
    for row in found:
        mark = by_gid(correlations, f"{row.measure}, {row.group}")
        assert mark.get_xdata()[0] == row.found.value
        ends = [
            list(line.get_xdata())
            for line in correlations.lines
            if len(line.get_xdata()) == 2 and line.get_ydata()[0] == mark.get_ydata()[0]
        ]
        assert ends == ([] if few(row) else [[row.found.low, row.found.high]])
    said = [text.get_text() for text in correlations.texts]
    # With so many ties no order of these eight could give p < 0.05.
    assert said.count("−0.76 of 8 networks") == len(found)
    assert said.count("not determinable") == len(rows) - len(found)


def test_a_p_value_that_is_not_adjusted_is_marked() -> None:
    results = drawn(as_claimed, flow)
    rows = [
        row
        for row in ranking(results).rows
        if row.found.coefficient == "Spearman" and row.measure.startswith(SEEN)
    ]
    said = [text.get_text() for text in figure(results).axes[1].texts]
    alone = [row for row in rows if row.adjusted is None]
    assert len(alone) == 2 * len(DEPTHS)
    tested = [row for row in alone if not few(row)]
    assert 0 < len(tested) < len(alone)
    assert sum(text.endswith("*") for text in said) == len(tested)
    assert any(f"p = {row.found.p:.3g}$*" in text for text in said for row in tested)
    pooled = [row for row in rows if row.adjusted is not None and row.adjusted >= 0.001]
    assert all(any(f"p = {row.adjusted:.3g}$" in text for text in said) for row in pooled)


def test_so_few_networks_that_nothing_could_be_told_are_no_test() -> None:
    results = drawn(as_claimed, flow)
    rows = [
        row
        for row in ranking(results).rows
        if row.found.coefficient == "Spearman" and row.measure.startswith(SEEN) and few(row)
    ]
    axes = figure(results).axes[1]
    said = [text.get_text() for text in axes.texts]
    assert rows
    for row in rows:
        assert row.found.least_p > 0.05
        assert by_gid(axes, f"{row.measure}, {row.group}").get_marker() == "|"
    assert sum(text.endswith(" networks") and "p =" not in text for text in said) == len(rows)


def test_bars_reach_from_the_least_to_the_greatest_seed(results: Results) -> None:
    axes = figure(results).axes[0]
    runs = runs_of(results, "plain", 14)
    errors = sorted(100 * run.epochs[-1].test_error for run in runs)
    upright = [
        sorted(segment[:, 1])
        for bars in axes.collections
        for segment in bars.get_segments()
        if segment[0, 0] == segment[1, 0]
    ]
    assert any(ends == pytest.approx([errors[0], errors[-1]]) for ends in upright)


def test_networks_where_nothing_arrives_are_at_the_left_end(results: Results) -> None:
    def lose(run: Run) -> Run:
        if run.config.family != "plain":
            return run
        total = run.epochs[0].total.model_copy(update={"measured": (None,) * 4})
        return replace(
            run, epochs=(run.epochs[0].model_copy(update={"total": total}), *run.epochs[1:])
        )

    axes = figure(replace(results, runs=tuple(map(lose, results.runs)))).axes[0]
    kept = [
        x
        for family in ("residual", "se_residual", "dense")
        for x in by_gid(axes, family).get_xdata()
    ]
    assert by_gid(axes, "plain").get_xdata() == pytest.approx([min(kept) / 10] * 2)
    with pytest.raises(MissingRecordsError, match="no measured gradients"):
        figure(
            replace(
                results,
                runs=tuple(lose(run) for run in results.runs if run.config.family == "plain"),
            )
        )


def test_what_training_sees_is_drawn_where_it_was_recorded(
    results: Results, second: Results
) -> None:
    axes = figure(second).axes[0]
    assert axes.get_xlabel().endswith("at initialization, of a training batch")
    for depth, x in zip((8, 14), by_gid(axes, "plain").get_xdata(), strict=True):
        runs = runs_of(second, "plain", depth)
        assert np.log10(x) == pytest.approx(
            np.median([np.log10(run.epochs[0].batch_ratio) for run in runs])
        )
    assert figure(results).axes[0].get_xlabel().endswith("at initialization, of test images")
