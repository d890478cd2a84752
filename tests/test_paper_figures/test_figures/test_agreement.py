"""Agreement shows every difference and every bound of the records."""

from dataclasses import replace

import numpy as np
import pytest
from test_paper_figures.artists import labelled

from paper_figures.figures.agreement import BoundName, differences, figure, ratios
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
