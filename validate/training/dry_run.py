"""Trains one epoch of each kind of network and extrapolates how long a sweep will take.

Nothing of it is kept. Several at once, as in the sweep, for runs that share a device slow each
other down.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from validate.data.datasets import load
from validate.progress import silent
from validate.records.schema import RunConfig
from validate.records.timings import read_timings
from validate.training.measured_run import perform
from validate.training.workers import spread


@dataclass(frozen=True)
class Cost:
    """Seconds of a network: `start` of an epoch 0 with spectra and blocks, `train` of one epoch of
    training, `look` of scoring and measuring after it without spectra.
    """

    network: str
    start: float
    train: float
    look: float

    def whole(self, config: RunConfig) -> float:
        """Of a run from end to end."""
        full = len({*config.spectra_epochs, *filter(config.measures, range(config.epochs + 1))})
        rest = config.epochs + 1 - full
        return full * self.start + config.epochs * self.train + rest * self.look


def costs(
    configs: Sequence[RunConfig],
    data_folder: Path | None,
    processes: int,
    left: float | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> list[Cost]:
    """Of each kind of network, from its first configuration, those that take longest first; `tell`
    hears of each as it is timed.

    Raises OutOfTimeError if several processes take more than the seconds that are `left`.
    """
    kinds = {config.network: config for config in reversed(configs)}
    # The deepest first where time is short, since that ends soonest; else what is first known soon.
    deepest_first = left is not None
    samples = sorted(kinds.values(), key=lambda config: config.depth, reverse=deepest_first)
    short = [
        config.model_copy(update={"epochs": 1, "measure_epochs": (0,), "spectra_epochs": (0,)})
        for config in samples
    ]
    timed = partial(timed_alone, data_folder)
    many = min(processes, len(short))
    tell(
        f"dry run: trains one epoch of each of {len(short)} kinds of network, {many} at a time, on "
        f"{short[0].train_samples} images of {short[0].dataset}"
    )
    found: list[Cost] = []
    for cost in spread(timed, short, many, left) if many > 1 else map(timed, short):
        found.append(cost)
        tell(f"{len(found)} of {len(short)} timed: {_in_words(cost, kinds[cost.network])}")
    return sorted(found, key=lambda cost: (-cost.whole(kinds[cost.network]), cost.network))


def _in_words(cost: Cost, config: RunConfig) -> str:
    return (
        f"{cost.network}, {cost.start:.2f} s epoch 0, {cost.train:.2f} s to train an epoch, "
        f"{cost.look:.2f} s to measure it, {cost.whole(config):.1f} s a run"
    )


def timed_alone(data_folder: Path | None, config: RunConfig) -> Cost:
    """One network's, of a run of one epoch in a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder, silent({}) as advance:
        perform(config, load(config.dataset, data_folder), Path(folder), advance)
        first, *others = read_timings(Path(folder))
    start = first.score + first.measure
    return Cost(
        config.network,
        start,
        max((each.train for each in others), default=0.0),
        max((each.score + each.measure for each in others), default=start),
    )


def table(found: Sequence[Cost], configs: Sequence[RunConfig]) -> list[str]:
    """One line for each kind of network: what its epochs take, and a whole run."""
    kinds = {config.network: config for config in configs}
    wide = max(len(cost.network) for cost in found)
    title = f"{'network':<{wide}}  {'epoch 0':>8}  {'train':>8}  {'measure':>8}  {'run':>8}"
    return [
        f"{title}  seconds",
        *(
            f"{cost.network:<{wide}}  {cost.start:8.2f}  {cost.train:8.2f}  {cost.look:8.2f}  "
            f"{cost.whole(kinds[cost.network]):8.1f}"
            for cost in found
        ),
    ]
