"""What a run lacks: every row that its configuration promises is demanded, and none beside."""

import shutil
from dataclasses import replace

import pytest
from test_validate.altered import alter

from derivations.errors import InputError
from validate.records.missing_rows import lacking
from validate.records.read import read_results

RUN = "runs/dense-d7-w2-s0"


@pytest.fixture
def folder(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "copy")


@pytest.fixture(scope="module")
def run(finished):
    return read_results(finished).runs[0]


def found(run, **changes):
    run = replace(run, **changes)
    return lacking(run.config, run.epochs, run.blocks)


def test_a_whole_run_lacks_nothing(run):
    assert found(run) == ""


def test_a_skipped_epoch_is_refused(folder):
    alter(folder, f"{RUN}/epochs.jsonl", lambda rows: [rows[0], rows[2]])
    with pytest.raises(InputError, match="lacks an epoch"):
        read_results(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows[:-1],  # an unfinished run
        lambda rows: [*rows[:-1], rows[-1] | {"test_error": None}],
        lambda rows: [*rows[:1], rows[1] | {"status": "diverged"}, *rows[2:]],
        lambda rows: [],
    ],
)
def test_a_run_that_does_not_end_as_runs_do_is_refused(folder, change):
    alter(folder, f"{RUN}/epochs.jsonl", change)
    with pytest.raises(InputError, match="lacks an epoch, or the scores of one"):
        read_results(folder)


@pytest.mark.parametrize("file", ["blocks", "epochs"])
@pytest.mark.parametrize("at", [-1, -4])
def test_a_bound_for_every_loss_that_others_have_is_missed(folder, file, at):
    def without(rows):
        assert rows[-1]["bounds"].pop(at)["id"].startswith("every_loss.")
        return rows

    alter(folder, f"{RUN}/{file}.jsonl", without)
    with pytest.raises(InputError, match="lacks a bound for every loss"):
        read_results(folder)


@pytest.mark.parametrize("epoch", [0, 2])
def test_an_epoch_whose_bounds_for_every_loss_are_all_gone_is_refused(folder, epoch):
    """Also where no row of it is left to tell of them."""

    def without(rows):
        for row in rows:
            if row["epoch"] == epoch:
                row["bounds"] = [b for b in row["bounds"] if not b["id"].startswith("every_loss.")]
        return rows

    for file in ("blocks", "epochs"):
        alter(folder, f"{RUN}/{file}.jsonl", without)
    with pytest.raises(InputError, match="lacks a bound for every loss"):
        read_results(folder)


def test_a_bound_for_every_loss_where_none_was_asked_for_is_refused(run):
    whole = run.epochs[0].bounds
    odd = run.epochs[1].model_copy(update={"bounds": whole})
    assert "or holds too many" in found(run, epochs=(run.epochs[0], odd, *run.epochs[2:]))


def test_a_network_of_one_class_has_no_bounds_for_every_loss(run):
    alone = run.config.model_copy(update={"num_classes": 1})
    assert "or holds too many" in found(run, config=alone)


def test_a_bound_for_every_signal_that_the_other_epoch_has_is_missed(run):
    *rest, last = run.blocks
    short = last.model_copy(update={"bounds": last.bounds[1:]})
    assert not last.bounds[0].losses
    assert found(run, blocks=(*rest, short)) == (
        "lacks a bound that the same block has at another epoch"
    )


def test_a_block_in_which_every_signal_vanished_has_no_bounds_to_miss(run):
    *rest, last = run.blocks
    nothing = (None,) * len(last.measured)
    dead = last.model_copy(
        update={
            "measured": nothing,
            "predicted": nothing,
            "vanished": len(nothing),
            "bounds": tuple(bound for bound in last.bounds if bound.losses),
        }
    )
    assert found(run, blocks=(*rest, dead)) == ""


@pytest.mark.parametrize("gains", [(), (1.0,)])
def test_every_segment_has_its_gain_of_the_training_batch(run, gains):
    *rest, last = run.epochs
    short = last.model_copy(update={"batch_gains": gains})
    assert found(run, epochs=(*rest, short)) == "lacks a gain of the training batch"


def test_a_run_without_its_blocks_is_refused(run):
    bare = tuple(row.model_copy(update={"batch_gains": ()}) for row in run.epochs)
    assert found(run, epochs=bare, blocks=()) == "lacks rows or holds too many"


def test_the_whole_network_is_measured_on_all_samples(run):
    *rest, last = run.epochs
    total = last.total.model_copy(update={"measured": last.total.measured[1:]})
    short = last.model_copy(update={"total": total})
    assert found(run, epochs=(*rest, short)) == "lacks rows or holds too many"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"made_on": ""}, "lacks the kind of processor of an epoch"),
        ({"test_error": 0.1234567}, "states an error that is no share of so many images"),
        ({"train_error": 0.1234567}, "states an error that is no share of so many images"),
    ],
)
def test_an_epoch_that_cannot_be_is_refused(run, change, words):
    *rest, last = run.epochs
    assert found(run, epochs=(*rest, last.model_copy(update=change))) == words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"statistics_samples": 10**6}, "has statistics of more images"),
        ({"copied_samples": 10**6}, "has more copies among its test images"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(run, change, words):
    assert words in found(run, config=run.config.model_copy(update=change))
