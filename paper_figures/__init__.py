"""Draws every figure and table, and the report, from the records of a validation.

Reads records and the derivation document, nothing else; the same records give the same bytes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from derivations.errors import InputError
from paper_figures.registry import FIGURES, Plate
from paper_figures.report import write_report
from paper_figures.select import MissingRecordsError
from paper_figures.style import save
from paper_figures.tables import TABLES, render
from validate.records import Results, read_results
from validate.storage import make_folder, write_atomic

__all__ = ["FIGURES", "TABLES", "Drawn", "MissingRecordsError", "Plate", "draw", "write_report"]

SUFFIXES = {"markdown": "md", "latex": "tex"}


@dataclass(frozen=True)
class Drawn:
    """The files written, and why a figure or table was left out, by its name."""

    files: tuple[Path, ...]
    skipped: dict[str, str]


def draw(results_dir: Path, out: Path, only: str | Iterable[str] | None = None) -> Drawn:
    """Writes figures (PDF, PNG) and tables (Markdown, LaTeX) into `out`: all for which there are records, or those named in `only`.

    Raises InputError for an unknown name, for records that cannot be read, and for a name in `only` that the records cannot serve.
    """
    names = [*FIGURES, *TABLES] if only is None else [only] if isinstance(only, str) else list(only)
    for name in names:
        if name not in FIGURES and name not in TABLES:
            raise InputError(f"unknown figure {name!r}: choose from {', '.join([*FIGURES, *TABLES])}")
    results = read_results(Path(results_dir))
    files: list[Path] = []
    skipped: dict[str, str] = {}
    for name in names:
        try:
            files += save(FIGURES[name](results), Path(out), name) if name in FIGURES else _save_table(name, results, Path(out))
        except MissingRecordsError as error:
            if only is not None:
                raise
            skipped[name] = str(error)
    return Drawn(tuple(files), skipped)


def _save_table(name: str, results: Results, out: Path) -> tuple[Path, ...]:
    table = TABLES[name](results)
    make_folder(out)
    paths = {kind: out / f"{name}.{suffix}" for kind, suffix in SUFFIXES.items()}
    for kind, path in paths.items():
        write_atomic(path, render(table, kind).encode())
    return tuple(paths.values())
