"""Performs one run: trains a network and holds predictions against measurements after every epoch.

A run killed at any moment resumes from its checkpoint, and its records end up byte-identical to
those of an unbroken run.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from derivations.errors import InputError
from validate.comparison.compare_every_loss import EveryLossRows, compare_every_loss
from validate.comparison.compare_network import block_row, compare, law_row, total
from validate.comparison.predict import Effort, predict
from validate.data.splits import Dataset, Split
from validate.measure.batch_statistics import recalibrated, statistics_are_finite
from validate.measure.network_gains import measure, measure_batch
from validate.measure.single_precision import single_error
from validate.networks.build import Network, build
from validate.records.codec import encode, read_jsonl, write_json, write_jsonl
from validate.records.schema import BlockRow, EpochRow, RunConfig
from validate.records.storage import sha256
from validate.records.timings import Timing, read_timings, write_timings
from validate.training import checkpoints
from validate.training.processor import processor
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
    if config.version < 2:
        raise InputError(
            f"{config.run} was planned to be measured without recalibrated statistics, which is "
            "not done any more: choose another --out"
        )
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
        timings = [each for each in read_timings(folder) if each.epoch < len(history.epochs)]
        for _ in history.epochs:
            advance(config.run)
        while len(history.epochs) <= config.epochs and not history.diverged:
            timings.append(_next_epoch(config, training, dataset, history))
            write_timings(folder, timings)
            _store(config, training, history, folder)
            advance(config.run)
        for _ in range(len(history.epochs), config.epochs + 1):  # which a diverged run lacks
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


def _next_epoch(
    config: RunConfig, training: Training, dataset: Dataset, history: History
) -> Timing:
    """Trains one epoch (none before epoch 0), appends its rows, and says how long that took."""
    epoch = len(history.epochs)
    begin = time.perf_counter()
    finite = epoch == 0 or training.run_epoch(epoch)
    trained = time.perf_counter()
    images = training.split.images[: config.statistics_samples]
    # All that is seen is seen with these statistics: running ones belong to weights of the past.
    settled = recalibrated(training.network, images, config.batch_size)
    train = evaluate(settled, training.split)
    test = evaluate(settled, dataset.test.to(config.device))
    scored = time.perf_counter()
    finite &= math.isfinite(train.loss) and math.isfinite(test.loss)
    if finite and statistics_are_finite(settled):
        blocks, seen = _examine(config, settled, dataset.test, epoch)
        history.blocks += blocks
        seen |= {"train_loss": train.loss, "train_error": train.error, "test_error": test.error}
        seen |= _step(config, training)
    else:
        seen = _DIVERGED
    made_on = processor(config.device)
    history.epochs.append(EpochRow(run=config.run, epoch=epoch, made_on=made_on, **seen))
    return Timing(
        run=config.run,
        epoch=epoch,
        images=len(training.split) if epoch else 0,
        train=trained - begin,
        score=scored - trained,
        measure=time.perf_counter() - scored,
    )


_DIVERGED: dict[str, Any] = {
    "status": "diverged",
    "train_loss": None,
    "train_error": None,
    "test_error": None,
    "total": None,
    "batch_ratio": None,
    "batch_gains": (),
    "vanished": 0,
    "faint": 0,
    "bounds": (),
    "float32_error": None,
}


def _step(config: RunConfig, training: Training) -> dict[str, Any]:
    """What a step of training on the first batch sees."""
    batch = training.split.first(config.batch_size)
    found = measure_batch(training.network, batch.images, batch.labels)
    return {
        "batch_ratio": _or_none(found.total),
        "batch_gains": tuple(map(_or_none, found.gains)),
    }


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _examine(
    config: RunConfig, network: Network, split: Split, epoch: int
) -> tuple[list[BlockRow], dict[str, Any]]:
    """Measures and predicts every segment on the first test samples.

    The rows are those of the epochs that record them; the other fields are of the epoch's row.
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
    whatever = (
        compare_every_loss(network, probe.images, probe.labels, measurement)
        if effort.spectra
        else EveryLossRows(((),) * len(comparisons), ())
    )
    masks = [mask for comparison in comparisons for mask in comparison.masked]
    seen = {
        "status": "ok",
        "total": total(measurement, [comparison.predicted for comparison in comparisons]),
        "vanished": masks.count("zero"),
        "faint": masks.count("faint"),
        "bounds": whatever.whole,
        "float32_error": _or_none(single_error(network, probe.images, probe.labels)),
    }
    if not config.measures(epoch):
        return [], seen
    laws = map(
        law_row, measurement.gains, measurement.signals, measurement.signals[1:], predictions
    )
    parts = enumerate(zip(network.chain(), comparisons, laws, whatever.blocks, strict=True))
    rows = [
        block_row(config.run, epoch, index, name, segment, each, law, every_loss)
        for index, ((name, segment), each, law, every_loss) in parts
    ]
    return rows, seen


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
