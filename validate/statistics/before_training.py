"""Says of which network the ratios before training are, by the version of the records.

The first version measured them in eval mode with the statistics of BatchNorm as they were, the
second with statistics of training images.
"""

from collections.abc import Iterable, Sequence
from statistics import median

from validate.records.schema import Run
from validate.statistics.survival import median_gain

KNOWN = ("plain", 8, "fashion-mnist")
WITH_STATISTICS = {8: 4, 20: 35, 32: 300, 44: 1900}
"""About what the KNOWN networks of so many layers start at once their statistics are those of
images."""


def before_training(runs: Sequence[Run]) -> str:
    """One or two sentences, with the recorded ratio of the deepest plain network as the example.

    Records that mix versions are judged by the first.
    """
    if any(run.config.version == 1 for run in runs):
        return (
            "Wrong before training: these records were measured in eval mode with untouched "
            "statistics of BatchNorm, which at epoch 0 make it the identity, so that every ratio "
            "and gain before training is that of a network that training never runs"
            f"{_example(runs)}. Identities and bounds hold of that network too."
        )
    used = "/".join(f"{each:,}" for each in sorted({run.config.statistics_samples for run in runs}))
    return (
        f"Ratios and gains of probe samples are measured in eval mode with statistics of BatchNorm "
        f"recalibrated on {used} training images, before training too; those of the training batch "
        "in train mode, as a step of training sees it."
    )


def _example(runs: Iterable[Run]) -> str:
    """Of the deepest plain network for which the other number is known too."""
    found: dict[int, list[float]] = {}
    for run in runs:
        config, total = run.config, run.epochs[0].total if run.epochs else None
        if (config.family, config.width, config.dataset) == KNOWN and total is not None:
            found.setdefault(config.depth, []).append(median_gain(total.measured))
    known = found.keys() & WITH_STATISTICS.keys()
    if not known:
        return ""
    depth = max(known)
    return (
        f" (plain-{depth}: {median(found[depth]):.2g} recorded, about {WITH_STATISTICS[depth]:,} "
        "with statistics of images)"
    )
