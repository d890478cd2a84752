"""Keeps how long each epoch of a run took, beside the sealed files and not among them.

Two runs of one configuration take different times and leave the same records. So a timing that is
missing or damaged is none, and no error.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from derivations.errors import InputError
from validate.records.codec import read_jsonl, write_jsonl
from validate.records.versions import Record

TIMINGS_FILE = "timings.jsonl"

Seconds = Annotated[float, Field(ge=0)]


class Timing(Record):
    """Seconds that one epoch took: to train on `images` images, to score, and to measure and
    predict. `images` is 0 at epoch 0.
    """

    schema_: Literal["gradbound.timing/1"] = Field(default="gradbound.timing/1", alias="schema")
    run: str
    epoch: int
    images: int
    train: Seconds
    score: Seconds
    measure: Seconds


def read_timings(folder: Path) -> tuple[Timing, ...]:
    """Those in the folder of a run, none where they cannot be read."""
    try:
        return tuple(read_jsonl(folder / TIMINGS_FILE, Timing))
    except InputError:
        return ()


def write_timings(folder: Path, timings: Sequence[Timing]) -> None:
    """Replaces those in the folder of a run."""
    write_jsonl(folder / TIMINGS_FILE, timings)
