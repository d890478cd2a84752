"""Tests that what is selected is what the records hold."""

from dataclasses import replace

import numpy as np
import pytest

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.notation import notation_of
from derivations.errors import InputError
from derivations.rules.bounds import bounds
from paper_figures.figures.select import (
    EVERY_SIGNAL,
    MissingRecordsError,
    by_epoch,
    certainties,
    deepest,
    depths,
    families,
    measured_epochs,
    pairs,
    runs_of,
    segments,
    spread,
)
from validate.records.schema import Results


def test_families_come_in_the_papers_order(results: Results) -> None:
    shuffled = replace(results, runs=results.runs[::-1])
    assert families(shuffled) == ["plain", "residual", "se_residual", "dense"]
    assert depths(shuffled, "dense") == [8, 14]
    assert [(run.config.depth, run.config.seed) for run in runs_of(shuffled, "plain")] == [
        (8, 0),
        (8, 1),
        (14, 0),
        (14, 1),
    ]
    assert {run.config.depth for run in deepest(shuffled, "residual")} == {14}


def test_what_is_missing_is_named(results: Results) -> None:
    with pytest.raises(MissingRecordsError, match="residual-20"):
        runs_of(results, "residual", 20)
    run = results.runs[0]
    with pytest.raises(MissingRecordsError, match=run.config.run):
        measured_epochs(replace(run, blocks=()))


def test_an_unknown_family_or_certainty_is_refused(results: Results) -> None:
    run = results.runs[0]
    strange = replace(run, config=run.config.model_copy(update={"family": "highway"}))
    with pytest.raises(InputError, match="highway"):
        families(replace(results, runs=(strange,)))
    block = run.blocks[0]
    guessed = block.model_copy(
        update={"bounds": (block.bounds[0].model_copy(update={"certainty": "estimate"}),)}
    )
    with pytest.raises(InputError, match="estimate"):
        certainties([guessed])


def test_spread_is_median_and_extremes() -> None:
    curve = spread([[1.0, 3.0, 2.0], [], [5.0]], [0, 1, 2])
    assert curve.epochs.tolist() == [0, 2]
    assert (curve.low.tolist(), curve.median.tolist(), curve.high.tolist()) == (
        [1, 5],
        [2, 5],
        [3, 5],
    )
    assert len(spread([[], []], [0, 1]).epochs) == 0


def test_a_diverged_run_ends_early_and_the_others_go_on(results: Results) -> None:
    whole, other = runs_of(results, "plain", 8)
    broken = whole.epochs[1].model_copy(
        update={"status": "diverged", "test_error": None, "train_error": None, "total": None}
    )
    curve = by_epoch(
        [replace(whole, epochs=(whole.epochs[0], broken)), other], lambda row: row.test_error
    )
    assert curve.epochs.tolist() == [0, 1, 2, 3]
    assert curve.median[1:].tolist() == [row.test_error for row in other.epochs[1:]]
    assert curve.low[0] == whole.epochs[0].test_error < curve.high[0]


def test_segments_leave_out_activations_and_keep_the_order(results: Results) -> None:
    run = results.runs[0]
    relu = run.blocks[0].model_copy(update={"term": "Pointwise(name='relu')", "index": 99})
    chosen = segments(replace(run, blocks=(relu, *reversed(run.blocks))), 0)
    assert [row.index for row in chosen] == list(range(len(chosen)))
    assert all(row.epoch == 0 for row in chosen)


def test_pairs_drop_vanished_samples(results: Results) -> None:
    row = results.runs[0].blocks[0]
    holed = row.model_copy(
        update={
            "measured": (None, *row.measured[1:]),
            "predicted": (None, *row.predicted[1:]),
            "vanished": 1,
        }
    )
    predicted, measured = pairs([row, holed])
    assert np.array_equal(measured, [*row.measured, *row.measured[1:]])
    assert np.array_equal(predicted, [*row.predicted, *row.predicted[1:]])


def test_the_theorems_for_every_signal_are_those_that_say_so() -> None:
    stated = {True: set(), False: set()}
    for block in BLOCKS.values():
        for bound in bounds(notation_of(block, "operator")).bounds:
            name = bound.id.removesuffix(f".{bound.side}")
            stated[bound.holds_for == "every backward signal"].add(name)
    assert stated[True] == EVERY_SIGNAL
    assert not stated[False] & EVERY_SIGNAL
