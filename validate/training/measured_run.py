"""Performs one run: trains a network and holds predictions against measurements after every epoch.

A run killed at any moment resumes from its checkpoint, and its records end up byte-identical to
those of an unbroken run.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

from derivations.errors import InputError
from validate.comparison.compare_network import block_row, compare, law_row, total
from validate.comparison.predict import Effort, predict
from validate.data.splits import Dataset, Split
from validate.measure.network_gains import measure
from validate.networks.build import Network, build
from validate.records.codec import encode, read_jsonl, write_json, write_jsonl
from validate.records.schema import BlockRow, EpochRow, RunConfig, Total
from validate.records.storage import sha256
from validate.training import checkpoints
from validate.training.train import Schedule, Training, deterministic, evaluate


@dataclass
class History:
    """The rows of the epochs so far, of which `diverged` is the last possible."""

    epochs: list[EpochRow]
    blocks: list[BlockRow]

    @property
    def digest(self) -> str:
        """SHA-256 of the rows as they are stored."""
        return sha256(b"".join(map(encode, [*self.blocks, *self.epochs])))

    @property
    def diverged(self) -> bool:
        return bool(self.epochs) and self.epochs[-1].status == "diverged"


def perform(
    config: RunConfig, dataset: Dataset, folder: Path, advance: Callable[[str], None]
) -> None:
    """Completes the run in `folder`, which the caller holds, from scratch or from its checkpoint;
    `advance` hears of every epoch.

    Raises InputError if the folder cannot be written or holds a broken or foreign checkpoint, and
    for other data than it is to use.
    """
    dataset = dataset.first(config.train_samples, config.test_samples)
    if (dataset.train.digest, dataset.test.digest) != config.data:
        raise InputError(
            f"the {config.dataset} images have changed since the runs were planned: restore "
            "them, or choose another --out"
        )
    # First of all, so that an interrupted run says what it was to be.
    write_json(folder / "config.json", config)
    with deterministic(config.threads):
        training = _training(config, dataset)
        history = _resume(config, training, folder)
        for _ in history.epochs:
            advance(config.run)
        while len(history.epochs) <= config.epochs and not history.diverged:
            _next_epoch(config, training, dataset, history)
            _store(config, training, history, folder)
            advance(config.run)


def _training(config: RunConfig, dataset: Dataset) -> Training:
    network = build(
        config.network,
        num_classes=config.num_classes,
        in_channels=config.in_channels,
        image_size=config.image_size,
        width=config.width,
        reduction=config.reduction,
        seed=config.seed,
    )
    schedule = Schedule(**{field.name: getattr(config, field.name) for field in fields(Schedule)})
    return Training(
        network.to(config.device), dataset.train.to(config.device), schedule, config.seed
    )


def _resume(config: RunConfig, training: Training, folder: Path) -> History:
    """The history up to the checkpoint, if any, whose state `training` takes over."""
    checkpoint = folder / "checkpoint.safetensors"
    if not checkpoint.exists():
        return History([], [])
    state, last, rows = checkpoints.load(checkpoint, training.state(), config_hash=config.hash)
    training.restore(state)
    # The checkpoint is written last, so the rows may be ahead of it, never behind.
    epochs = [row for row in read_jsonl(folder / "epochs.jsonl", EpochRow) if row.epoch <= last]
    blocks = [row for row in read_jsonl(folder / "blocks.jsonl", BlockRow) if row.epoch <= last]
    history = History(epochs, blocks)
    if (
        len(epochs) != last + 1
        or [row.epoch for row in epochs] != list(range(last + 1))
        or history.digest != rows
    ):
        raise InputError(
            f"{folder} holds other rows than its checkpoint covers: delete the folder and run again"
        )
    return history


def _next_epoch(config: RunConfig, training: Training, dataset: Dataset, history: History) -> None:
    """Trains one epoch (none before epoch 0) and appends its rows."""
    epoch = len(history.epochs)
    finite = epoch == 0 or training.run_epoch(epoch)
    train = evaluate(training.network, training.split)
    test = evaluate(training.network, dataset.test.to(config.device))
    if not (finite and math.isfinite(train.loss) and math.isfinite(test.loss)):
        nothing = EpochRow(
            run=config.run,
            epoch=epoch,
            status="diverged",
            train_loss=None,
            train_error=None,
            test_error=None,
            total=None,
        )
        history.epochs.append(nothing)
        return
    blocks, whole = _examine(config, training.network, dataset.test, epoch)
    history.blocks += blocks
    history.epochs.append(
        EpochRow(
            run=config.run,
            epoch=epoch,
            status="ok",
            train_loss=train.loss,
            train_error=train.error,
            test_error=test.error,
            total=whole,
        )
    )


def _examine(
    config: RunConfig, network: Network, split: Split, epoch: int
) -> tuple[list[BlockRow], Total]:
    """Measures and predicts every segment on the first test samples.

    The rows are those of the epochs that record them.
    """
    probe = split.first(config.probe_size).to(config.device)
    measurement = measure(network, probe.images, probe.labels)
    effort = Effort(
        spectra=epoch in config.spectra_epochs,
        steps=config.spectra_steps,
        delta=config.delta,
        seed=config.seed,
        laws="none" if not config.measures(epoch) else "trained" if epoch else "initial",
    )
    predictions = list(predict(network, measurement.activations, measurement.signals, effort))
    comparisons = [
        compare(gains, prediction)
        for gains, prediction in zip(measurement.gains, predictions, strict=True)
    ]
    whole = total(measurement, [comparison.predicted for comparison in comparisons])
    if not config.measures(epoch):
        return [], whole
    laws = map(
        law_row, measurement.gains, measurement.signals, measurement.signals[1:], predictions
    )
    parts = enumerate(zip(network.chain(), comparisons, laws, strict=True))
    rows = [
        block_row(config.run, epoch, index, name, segment, each, law)
        for index, ((name, segment), each, law) in parts
    ]
    return rows, whole


def _store(config: RunConfig, training: Training, history: History, folder: Path) -> None:
    """Rows first, checkpoint last: what the checkpoint covers is always there. A diverged epoch
    leaves the checkpoint before it.
    """
    write_jsonl(folder / "blocks.jsonl", history.blocks)
    write_jsonl(folder / "epochs.jsonl", history.epochs)
    epoch = len(history.epochs) - 1
    # Epoch 0 too if it diverged: a run is complete with all of its files only.
    if not history.diverged or epoch == 0:
        checkpoints.save(
            folder / "checkpoint.safetensors",
            training.state(),
            config_hash=config.hash,
            epoch=epoch,
            rows=history.digest,
        )
