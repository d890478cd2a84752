"""One run: rows of every epoch, the same after an interruption, and of no other data."""

import copy
import shutil
from dataclasses import replace

import pytest
import torch
from test_validate.tiny import MINIATURE, contents

from derivations.errors import InputError
from validate.data.datasets import load
from validate.data.splits import Split
from validate.measure.batch_statistics import recalibrated
from validate.measure.network_gains import measure, measure_batch
from validate.records.codec import encode, read_jsonl
from validate.records.schema import LOSS_CLASSES, BlockRow, EpochRow
from validate.training import checkpoints
from validate.training import measured_run as run_module
from validate.training.measured_run import History, perform
from validate.training.train import evaluate

SIDES = ("lower", "upper")


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(scope="module")
def config(digits):
    schedule = replace(MINIATURE.schedule, epochs=2)
    return next(replace(MINIATURE, schedule=schedule).configs(digits))


@pytest.fixture(scope="module")
def performed(digits, config, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    heard = []
    perform(config, digits, folder, heard.append)
    assert heard == [config.run] * 3
    return folder


def test_every_epoch_has_its_rows(config, performed):
    epochs = read_jsonl(performed / "epochs.jsonl", EpochRow)
    blocks = read_jsonl(performed / "blocks.jsonl", BlockRow)
    assert [(row.epoch, row.status) for row in epochs] == [(0, "ok"), (1, "ok"), (2, "ok")]
    names = [row.name for row in blocks if row.epoch == 0]
    assert [(row.epoch, row.name) for row in blocks] == [
        (epoch, name) for epoch in range(3) for name in names
    ]
    assert len(names) == 6
    assert (performed / "config.json").read_bytes() == encode(config)


def test_bounds_for_every_loss_are_those_of_the_first_and_last_epoch(config, performed):
    epochs = read_jsonl(performed / "epochs.jsonl", EpochRow)
    blocks = read_jsonl(performed / "blocks.jsonl", BlockRow)
    for row in (*epochs, *blocks):
        found = [(each.losses, each.side) for each in row.bounds if each.losses]
        assert found == ([] if row.epoch == 1 else [(c, s) for c in LOSS_CLASSES for s in SIDES])
        assert all(len(each.value) == config.probe_size for each in row.bounds)
        assert all(each.violations == 0 for each in row.bounds if each.losses)
        assert sum(each.checks for each in row.bounds if each.losses) >= 2 * len(found) // 4


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("heard", [1, 2])
def test_an_interrupted_run_goes_on_to_the_same_bytes(digits, config, performed, tmp_path, heard):
    advances = []

    def interrupt(run):
        advances.append(run)
        if len(advances) == heard:
            raise Interrupted

    with pytest.raises(Interrupted):
        perform(config, digits, tmp_path, interrupt)
    again = []
    perform(config, digits, tmp_path, again.append)
    assert len(again) == 3  # those that are there are told of too
    assert contents(tmp_path) == contents(performed)


def test_rows_ahead_of_the_checkpoint_are_made_again(
    digits, config, performed, tmp_path, monkeypatch
):
    """A kill between rows and checkpoint: the checkpoint is written last."""
    folder = tmp_path / "copy"
    folder.mkdir()
    monkeypatch.setattr(run_module, "_store", interrupt_at_the_second_checkpoint(run_module._store))
    with pytest.raises(Interrupted):
        perform(config, digits, folder, lambda _: None)
    monkeypatch.undo()
    assert len(read_jsonl(folder / "epochs.jsonl", EpochRow)) == 2
    perform(config, digits, folder, lambda _: None)
    assert contents(folder) == contents(performed)


def interrupt_at_the_second_checkpoint(store):
    def stored(config, training, history, folder):
        checkpoint = folder / "checkpoint.safetensors"
        before = checkpoint.read_bytes() if checkpoint.exists() else None
        store(config, training, history, folder)
        if before is not None:
            checkpoint.write_bytes(before)
            raise Interrupted

    return stored


def test_other_images_are_refused(digits, config, tmp_path):
    images = digits.test.images.clone()
    images[0, 0, 0, 0] += 1
    other = replace(digits, test=Split(images, digits.test.labels))
    with pytest.raises(InputError, match="the digits images have changed"):
        perform(config, other, tmp_path, lambda _: None)
    assert not list(tmp_path.iterdir())


def test_a_finished_run_is_only_told_of(digits, config, performed, tmp_path, monkeypatch):
    folder = shutil.copytree(performed, tmp_path / "copy")
    monkeypatch.setattr(run_module, "_next_epoch", lambda *_: pytest.fail("an epoch was repeated"))
    heard = []
    perform(config, digits, folder, heard.append)
    assert heard == [config.run] * 3
    assert contents(folder) == contents(performed)


def test_the_digest_of_a_history_is_that_of_its_rows(performed):
    epochs = read_jsonl(performed / "epochs.jsonl", EpochRow)
    blocks = read_jsonl(performed / "blocks.jsonl", BlockRow)
    whole = History(epochs, blocks)
    assert whole.digest == History(list(epochs), list(blocks)).digest
    assert whole.digest != History(epochs[:-1], blocks).digest
    assert whole.digest != History(epochs, blocks[:-1]).digest
    assert not whole.diverged
    assert not History([], []).diverged
    diverged = epochs[-1].model_copy(update={"status": "diverged"})
    assert History([*epochs[:-1], diverged], blocks).diverged


def test_the_network_and_its_data_are_on_the_device_of_the_run(digits, config, monkeypatch):
    seen = []
    monkeypatch.setattr(
        run_module, "Training", lambda network, split, schedule, seed: seen.append((network, split))
    )
    run_module._training(config.model_copy(update={"device": "meta"}), digits)
    ((network, split),) = seen
    assert {value.device for value in network.parameters()} == {torch.device("meta")}
    assert split.images.device == torch.device("meta")


def test_records_are_of_recalibrated_statistics_and_of_a_training_batch(digits, config, performed):
    """By hand, before and after training; the training's own statistics are in the checkpoint."""
    epochs = read_jsonl(performed / "epochs.jsonl", EpochRow)
    blocks = read_jsonl(performed / "blocks.jsonl", BlockRow)
    training = run_module._training(config, digits)
    for row in epochs:
        before = copy.deepcopy(training.state())
        if row.epoch:
            assert training.run_epoch(row.epoch)
        stored = {name: value.clone() for name, value in training.state().items()}
        settled = recalibrated(training.network, digits.train.images[:512], config.batch_size)
        size = config.batch_size
        batch = measure_batch(
            training.network, digits.train.images[:size], digits.train.labels[:size]
        )
        assert row.batch_ratio == batch.total
        assert row.batch_gains == batch.gains
        probe = digits.test.first(config.probe_size)
        seen = measure(settled, probe.images, probe.labels)
        assert row.total.measured == tuple(seen.total.tolist())
        found = [each.measured for each in blocks if each.epoch == row.epoch]
        assert found == [tuple(gains.tolist()) for gains in seen.gains]
        train, test = evaluate(settled, digits.train), evaluate(settled, digits.test)
        assert (row.train_loss, row.train_error) == (train.loss, train.error)
        assert row.test_error == test.error
        running = measure(training.network, probe.images, probe.labels).total
        assert row.total.measured != tuple(running.tolist())
        assert all(torch.equal(stored[name], value) for name, value in training.state().items())
        assert row.epoch == 0 or any(
            not torch.equal(before[name], value) for name, value in stored.items()
        )
    last = checkpoints.load(
        performed / "checkpoint.safetensors", training.state(), config_hash=config.hash
    )
    assert all(torch.equal(last.state[name], value) for name, value in training.state().items())


def test_a_run_that_was_planned_by_the_first_version_is_refused(digits, config, tmp_path):
    old = config.model_copy(update={"schema_": "gradbound.config/1"})
    with pytest.raises(InputError, match=r"without recalibrated statistics, .* another --out"):
        perform(old, digits, tmp_path, lambda _: None)
    assert not list(tmp_path.iterdir())
