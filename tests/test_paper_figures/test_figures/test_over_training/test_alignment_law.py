"""Alignments are those of the records, beside a standard normal variable."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.patches import StepPatch
from scipy.stats import norm
from test_paper_figures.artists import by_gid

from paper_figures.figures.over_training.alignment_law import NORMAL_90, REACH, by_epoch, figure
from paper_figures.figures.select import MissingRecordsError, runs_of
from validate.records.schema import Results


def test_medians_and_bands_are_those_of_all_blocks_and_runs(results: Results) -> None:
    drawing = figure(results)
    below = drawing.axes[3:]
    rows = [row for run in runs_of(results, "dense") for row in run.blocks]
    expected = [
        np.median([row.law.alignment[0] for row in rows if row.epoch == epoch])
        for epoch in range(4)
    ]
    assert by_gid(below[2], "dense").get_ydata() == pytest.approx(expected)
    assert [axes.get_title(loc="left") for axes in drawing.axes[:3]] == [
        "residual", "SE residual", "dense",
    ]  # fmt: skip  # a plain block has no skip to be aligned with


def test_histograms_hold_every_block_and_the_law_is_normal(results: Results) -> None:
    axes = figure(results).axes[0]
    found = by_epoch(results, "residual")
    patches = {patch.get_gid(): patch for patch in axes.patches if isinstance(patch, StepPatch)}
    for name, epoch in (("before residual", 0), ("after residual", 3)):
        heights, edges, _ = patches[name].get_data()
        counts, _ = np.histogram(np.clip(found[epoch], -REACH, REACH), edges)
        assert heights * np.diff(edges) == pytest.approx(counts / len(found[epoch]))
        assert (heights * np.diff(edges)).sum() == pytest.approx(1)
    law = by_gid(axes, "law")
    assert law.get_ydata() == pytest.approx(norm.pdf(law.get_xdata()))
    assert norm.cdf(NORMAL_90) - norm.cdf(-NORMAL_90) == pytest.approx(0.9)


def test_records_without_laws_say_so(results: Results) -> None:
    bare = [
        replace(run, blocks=tuple(row.model_copy(update={"law": None}) for row in run.blocks))
        for run in results.runs
    ]
    with pytest.raises(MissingRecordsError, match="no alignments"):
        figure(replace(results, runs=tuple(bare)))
