"""Names the folder of the project, so that no test counts its parents."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
