"""Records the ratios of fresh networks beside the bands that were fixed for them.

Untrained networks of the seeds FRESH, none of which was looked at when the bands were fixed.
"""

from pathlib import Path
from statistics import fmean
from typing import Annotated, Literal

from pydantic import Field

from validate.comparison.initial_bands import BANDS, FIRST_FRESH, Band
from validate.comparison.initial_ratios import judged
from validate.records.versions import Record
from validate.statistics.band_check import first_batch
from validate.study.sealed import sealed
from validate.training.processor import processor
from validate.training.train import deterministic

FRESH = tuple(range(FIRST_FRESH, FIRST_FRESH + 10))


class InitialRow(Record):
    """log₁₀ of the batch ratio of a network of each seed, and what was foretold of their mean."""

    schema_: Literal["gradbound.initial_ratios/1"] = Field(
        default="gradbound.initial_ratios/1", alias="schema"
    )
    network: str
    slope: float
    predicted: float
    half_width: Annotated[float, Field(ge=0)]
    seeds: tuple[int, ...]
    measured: tuple[float, ...]
    made_on: str
    seal: str = ""

    @property
    def mean(self) -> float:
        return fmean(self.measured)

    @property
    def inside(self) -> bool:
        """Whether the mean over seeds is where it was foretold."""
        return abs(self.mean - self.predicted) <= self.half_width

    @property
    def amended(self) -> bool:
        """Whether something else is foretold of this network by now."""
        return (self.network, self.slope, self.predicted, self.half_width) not in {
            (band.network, band.slope, band.predicted, band.half_width) for band in BANDS
        }

    @property
    def had_left(self) -> bool:
        """Whether the exploratory seeds were outside too, when the bands were fixed."""
        return any(
            (band.network, band.slope) == (self.network, self.slope) and not band.works
            for band in BANDS
        )


def initial_row(band: Band, data_folder: Path | None = None) -> InitialRow:
    """The sealed record of a band: a function of it, its data set and the kind of processor."""
    with deterministic(threads=1):
        found = judged(band, FRESH, *first_batch(data_dir=data_folder))
    return sealed(
        InitialRow(
            network=band.network,
            slope=band.slope,
            predicted=band.predicted,
            half_width=band.half_width,
            seeds=FRESH,
            measured=found.measured.totals,
            made_on=processor("cpu"),
        )
    )
