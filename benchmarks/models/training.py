"""Times our training loop against a bare one, and training with measurement against without.

Measured is every epoch. Prints one JSON line: `ratio` is our throughput over the bare loop's
(target ≥ 0.97; torch.optim.SGD, the same network, batches and device), `measured_epoch` the seconds
of an epoch with gains and bounds of every block (no spectra) over those of the epoch alone (target
≤ 1.10). Fashion-MNIST's sizes, random pixels, medians over alternating rounds.
"""

import torch
from shared import DEVICE, ratio, report, rounds
from torch.nn import functional

from validate.comparison.predict import Effort, predict
from validate.data.splits import Split
from validate.measure.network_gains import measure
from validate.networks.build import build
from validate.training.train import Schedule, Training

RUNS = 7
SAMPLES, BATCH, PROBE = 1536, 64, 9
EFFORT = Effort(spectra=False, steps=40, delta=1e-6, seed=0)


def main() -> None:
    generator = torch.Generator().manual_seed(0)
    images, labels = (
        torch.randn(SAMPLES, 1, 28, 28, generator=generator),
        torch.randint(10, (SAMPLES,), generator=generator),
    )
    split = Split(images, labels).to(DEVICE)
    probe = split.first(PROBE)
    ours = Training(
        build("residual-20", image_size=28, width=16).to(DEVICE),
        split,
        Schedule(epochs=4, batch_size=BATCH),
        seed=0,
    )
    theirs = build("residual-20", image_size=28, width=16).to(DEVICE).train()
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)

    def epoch() -> None:
        ours.run_epoch(1)

    def bare() -> None:
        for batch in torch.randperm(SAMPLES).to(DEVICE).split(BATCH):
            optimizer.zero_grad()
            functional.cross_entropy(theirs(split.images[batch]), split.labels[batch]).backward()
            optimizer.step()

    def measured() -> None:
        ours.run_epoch(1)
        measurement = measure(ours.network, probe.images, probe.labels)
        list(predict(ours.network, measurement.activations, measurement.signals, EFFORT))

    taken = rounds({"epoch": epoch, "bare": bare, "measured": measured}, RUNS)
    report(
        "training",
        ratio=ratio(taken["bare"], taken["epoch"]),
        target=0.97,
        measured_epoch=ratio(taken["measured"], taken["epoch"]),
        target_measured_epoch=1.10,
        samples=SAMPLES,
        runs=RUNS,
    )


if __name__ == "__main__":
    main()
