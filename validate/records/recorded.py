"""Names the records that come with the package: a full-size run, so that nobody needs to train."""

from pathlib import Path

RECORDED = Path(__file__).parents[1] / "results" / "cpu"
"""The `cpu` preset, without its weights."""
