"""Holds the bands of `initial_bands` against networks drawn from given seeds."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from validate.comparison.initial_bands import BANDS, BATCH, DATASET, Band
from validate.comparison.initial_ratios import RatioRow, judged
from validate.data.datasets import load


def check(
    seeds: Sequence[int],
    bands: Sequence[Band] = BANDS,
    dataset: str = DATASET,
    data_dir: Path | None = None,
) -> tuple[RatioRow, ...]:
    """A row per band, judged by the mean over these seeds on the first training images.

    The bands are stated for ten seeds, and for the data set that is the default.
    """
    x, y = first_batch(dataset, data_dir)
    return tuple(judged(band, seeds, x, y) for band in bands)


def first_batch(dataset: str = DATASET, data_dir: Path | None = None) -> tuple[Tensor, Tensor]:
    """The first BATCH training images and their labels."""
    split = load(dataset, data_dir).train
    return (
        torch.as_tensor(split.images[:BATCH]),
        torch.as_tensor(split.labels[:BATCH], dtype=torch.long),
    )
