"""Says of which network the ratios before training are, by the version of the records.

The first version measured them in eval mode with the statistics of BatchNorm as they were, the
second with statistics of training images.
"""

from collections.abc import Sequence

from validate.records.schema import Run


def before_training(runs: Sequence[Run]) -> str:
    """One or two sentences. Records that mix versions are judged by the first."""
    if any(run.config.version == 1 for run in runs):
        return (
            "Wrong before training: these records were measured in eval mode with untouched "
            "statistics of BatchNorm, which at epoch 0 make it the identity, so that every ratio "
            "and gain before training is that of a network that training never runs. Identities "
            "and bounds hold of that network too."
        )
    used = "/".join(f"{each:,}" for each in sorted({run.config.statistics_samples for run in runs}))
    return (
        f"Ratios and gains of probe samples are measured in eval mode with statistics of BatchNorm "
        f"recalibrated on {used} training images, before training too; those of the training batch "
        "in train mode, as a step of training sees it."
    )
