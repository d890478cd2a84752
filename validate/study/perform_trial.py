"""Trains the network of one trial and measures what the protocol asks for."""

import math
import time
from collections.abc import Callable

from validate.data.splits import Dataset
from validate.measure.batch_statistics import recalibrated, statistics_are_finite
from validate.measure.network_gains import measure_batch
from validate.networks.build import Network, build
from validate.networks.varied_flow import vary_flow
from validate.study.protocol import Protocol
from validate.study.sealed import sealed
from validate.study.trials import Trial, TrialRow
from validate.training.processor import processor, versions
from validate.training.train import Schedule, Training, deterministic, evaluate

DEVICE = "cpu"


def perform_trial(
    protocol: Protocol,
    trial: Trial,
    dataset: Dataset,
    advance: Callable[[str], None] = lambda label: None,
) -> TrialRow:
    """The sealed record of the trial, of images from the front of the data set: a function of its
    arguments, the kind of processor and the versions, but for `seconds`. `advance` hears of every
    epoch.
    """
    begin = time.perf_counter()
    used = dataset.first(trial.train_samples, protocol.training.test_samples)
    with deterministic(protocol.training.threads):
        training = _training(protocol, trial, used)
        before = _batch_ratio(training)
        finite = True
        for epoch in range(1, trial.epochs + 1):
            finite = finite and training.run_epoch(epoch)
            advance(trial.trial)
        scores = _scores(protocol, training, used) if finite else None
        ratios = (before,) if scores is None else (before, _batch_ratio(training))
    row = TrialRow(
        trial=trial,
        protocol=protocol.digest,
        data=(used.train.digest, used.test.digest),
        parameters=sum(each.numel() for each in training.network.parameters()),
        made_on=processor(DEVICE),
        versions=versions(DEVICE),
        status="diverged" if scores is None else "ok",
        batch_ratios=ratios,
        **(scores or dict.fromkeys(("train_loss", "train_error", "test_error"))),
        seconds=round(time.perf_counter() - begin, 2),
    )
    return sealed(row)


def initial_network(protocol: Protocol, trial: Trial, dataset: Dataset) -> Network:
    """The network of the trial before training."""
    settings = protocol.training
    network = build(
        trial.network,
        num_classes=dataset.classes,
        in_channels=dataset.in_channels,
        image_size=dataset.image_size,
        width=settings.width,
        reduction=settings.reduction,
        seed=trial.seed,
    )
    if (trial.skip, trial.branch) != (1, 1):
        vary_flow(network, skip=trial.skip, branch=trial.branch)
    return network


def _training(protocol: Protocol, trial: Trial, used: Dataset) -> Training:
    settings = protocol.training
    schedule = Schedule(
        epochs=trial.epochs,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        warmup_epochs=settings.warmup_epochs,
        layout=settings.layout,
    )
    return Training(initial_network(protocol, trial, used), used.train, schedule, trial.seed)


def _batch_ratio(training: Training) -> float | None:
    batch = training.split.first(training.schedule.batch_size)
    ratio = measure_batch(training.network, batch.images, batch.labels).total
    return ratio if math.isfinite(ratio) else None


def _scores(protocol: Protocol, training: Training, used: Dataset) -> dict[str, float] | None:
    """None where the weights give no finite loss."""
    images = used.train.images[: protocol.training.statistics_samples]
    settled = recalibrated(training.network, images, protocol.training.batch_size)
    if not statistics_are_finite(settled):
        return None
    train, test = evaluate(settled, used.train), evaluate(settled, used.test)
    if not (math.isfinite(train.loss) and math.isfinite(test.loss)):
        return None
    return {"train_loss": train.loss, "train_error": train.error, "test_error": test.error}
