"""Defines a miniature validation, and how two results folders are compared."""

from pathlib import Path

from validate.presets import Preset, Sweep
from validate.train import Schedule

TINY = Preset(
    name="tiny",
    dataset="digits",
    sweeps=(Sweep("residual", (8,), 4), Sweep("dense", (7,), 2)),
    schedule=Schedule(epochs=2, batch_size=256),
    probe_size=3,
    spectra_steps=8,
)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below `folder`, by its relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
