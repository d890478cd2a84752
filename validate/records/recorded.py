"""Names the records that come with the package: a full-size run, made once, so that nobody needs to
train to see what it says."""

from pathlib import Path

RECORDED = Path(__file__).parents[1] / "results" / "cpu"
"""The `cpu` preset, without its weights."""
