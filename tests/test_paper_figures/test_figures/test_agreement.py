"""Agreement shows every difference and every bound of the records."""

from dataclasses import replace

import numpy as np
import pytest
from test_paper_figures.artists import labelled

from paper_figures.figures.agreement import FLOOR, BoundName, differences, figure, pooled, ratios
from paper_figures.figures.select import MissingRecordsError, pairs, runs_of
from validate.records.schema import Results


def test_agreement_shows_every_difference_and_every_bound(results: Results) -> None:
    shares, tightness = figure(results).axes
    for family in ("plain", "dense"):
        predicted, measured = pairs(row for run in runs_of(results, family) for row in run.blocks)
        sizes = differences(predicted, measured)
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
    sizes = differences(np.array([0.0, 1.0, 2.0, 0.0]), np.array([0.0, 1.0, 1.0, 3.0]))
    assert sizes.tolist() == [0, 0, 0.5, 1]


def test_a_figure_of_gains_needs_gains(results: Results) -> None:
    bare = tuple(replace(run, blocks=()) for run in results.runs)
    with pytest.raises(MissingRecordsError, match="validate"):
        figure(replace(results, runs=bare))


def test_ratios_keep_certainties_apart_and_leave_out_bounds_of_zero(results: Results) -> None:
    run = results.runs[0]
    row = run.blocks[0]
    lower, upper = row.bounds[:2]
    zero = lower.model_copy(update={"value": (0.0, *lower.value[1:])})
    certain = upper.model_copy(update={"certainty": "exact", "delta": None})
    changed = row.model_copy(update={"bounds": (zero, upper, certain)})
    found = ratios(replace(results, runs=(replace(run, blocks=(changed,)),)))
    assert list(found) == [
        BoundName(each.id, each.side, each.certainty, each.delta) for each in (zero, certain, upper)
    ]
    assert [len(values) for values in found.values()] == [3, 4, 4]
    expected = [gain / value for gain, value in zip(row.measured, upper.value, strict=True)]
    assert list(found.values())[1].tolist() == expected


def test_a_theorem_is_a_bound_without_its_side() -> None:
    assert BoundName("dense.uniform.lower", "lower", "exact", None).theorem == "dense.uniform"


def test_exact_zeros_stand_apart_and_are_called_what_they_are(results: Results) -> None:
    axes = figure(results).axes[0]
    words = [label.get_text() for label in axes.get_xticklabels()]
    assert words[0] == "exactly 0"
    assert "$10^{-17}$" not in words
    assert axes.get_xticks()[0] == FLOOR
    minor = axes.xaxis.get_minorticklocs()
    assert min(minor) > 1e-16


def test_a_bound_is_one_mark_whatever_its_delta(results: Results) -> None:
    found = ratios(results)
    name = next(name for name in found if name.certainty == "probable")
    other = replace(name, delta=0.5)
    values = np.array([1.0, 2.0])
    together = pooled(found | {other: values})
    assert len(together) == len(found)
    merged = together[replace(name, delta=None)]
    assert merged.tolist() == [*found[name].tolist(), 1.0, 2.0]
