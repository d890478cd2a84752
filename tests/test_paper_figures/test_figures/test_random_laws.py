"""The law of random weights is drawn from the recorded probabilities and alignments."""

from dataclasses import replace

import numpy as np
import pytest

from paper_figures.figures.random_laws import few, figure
from paper_figures.figures.select import MissingRecordsError, runs_of
from validate.records.schema import Results


def test_laws_are_drawn_from_the_first_samples(results: Results) -> None:
    shares, aligned = figure(results).axes
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
        figure(replace(results, runs=tuple(bare)))


def test_many_epochs_are_thinned_to_as_many_as_can_be_told_apart(results: Results) -> None:
    assert few(list(range(13))) == [0, 3, 6, 9, 12]
    assert few([0, 5, 10]) == [0, 5, 10]
    many = [
        replace(
            run,
            blocks=tuple(
                row.model_copy(update={"epoch": 4 * copy + row.epoch})
                for copy in range(4)
                for row in run.blocks
            ),
        )
        for run in results.runs
    ]
    axes = figure(replace(results, runs=tuple(many))).axes[1]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0", "4", "8", "11", "15"]
