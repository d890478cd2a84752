"""Defines two miniature validations, and how two results folders are compared."""

from pathlib import Path

from validate.records.timings import TIMINGS_FILE
from validate.training.presets import Preset, Sweep
from validate.training.train import Schedule

TINY = Preset(
    name="tiny",
    dataset="digits",
    sweeps=(Sweep("residual", (8,), 4), Sweep("dense", (7,), 2)),
    schedule=Schedule(epochs=2, batch_size=256),
    probe_size=3,
    spectra_steps=8,
)

MINIATURE = Preset(
    name="miniature",
    dataset="digits",
    sweeps=(Sweep("plain", (8,), 2), Sweep("dense", (7,), 2)),
    schedule=Schedule(epochs=1, batch_size=512),
    probe_size=1,
    spectra_steps=2,
)
"""Smaller still, for tests that run it many times."""


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below `folder` but the timings, which differ each time, by its relative path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != TIMINGS_FILE
    }
