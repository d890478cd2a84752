"""Names the study that comes with the package, so that nobody needs to train for its verdicts."""

from pathlib import Path

RECORDED_STUDY = Path(__file__).parents[1] / "results" / "study"
"""The trials that are made so far, and the protocol that they were made under."""
