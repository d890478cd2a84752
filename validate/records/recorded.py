"""Names the records that come with the package: a full-size run, so that nobody needs to train."""

from pathlib import Path

from validate.records.read import read_results
from validate.records.schema import MANIFEST_FILE, Results

RECORDED = Path(__file__).parents[1] / "results" / "cpu"
"""The `cpu` preset, without its weights."""
RECORDED_ON_GPU = RECORDED.with_name("gpu")
"""The `gpu` preset, if it was run."""


def recorded_on_gpu() -> tuple[Results, ...]:
    """Those of the `gpu` preset that come with the package, if any. Raises InputError for damaged
    ones.
    """
    there = (RECORDED_ON_GPU / MANIFEST_FILE).exists()
    return (read_results(RECORDED_ON_GPU),) if there else ()
