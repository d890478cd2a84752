"""Writes figures and tables to files, each whole or not at all.

The names are those of `FIGURES` and `TABLES`, of a study `STUDY_PLATES`; files of what is drawn
from runs end in their preset, so that two records may lie in one folder. What records lack is
reported by name, never drawn empty.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from matplotlib.figure import Figure

from derivations.book.prose import prose
from derivations.errors import InputError
from paper_figures.drawing.plate import stem
from paper_figures.drawing.style import save
from paper_figures.figures.figure_registry import FIGURES
from paper_figures.figures.model_plates import ModelPlate, model_plates
from paper_figures.figures.model_records import ModelRecords
from paper_figures.figures.select import MissingRecordsError
from paper_figures.study.study_plates import STUDY_PLATES, study_figures
from paper_figures.study.study_tables import STUDY_TABLES
from paper_figures.tables.table import Table
from paper_figures.tables.table_registry import PRINTED, TABLE_LABELS, TABLES
from paper_figures.tables.writers import render
from validate.records.schema import Results
from validate.records.storage import make_folder, write_atomic
from validate.study.study_folder import Study

PLATES = (*FIGURES, *TABLES)
SUFFIXES = {"markdown": "md", "latex": "tex", "csv": "csv"}


@dataclass(frozen=True)
class Drawn:
    """The files written, and why a figure or table was left out, by its name."""

    files: tuple[Path, ...]
    skipped: dict[str, str]


def draw(results: Results, out: Path, only: str | Iterable[str] | None = None) -> Drawn:
    """Writes figures (PDF, PNG; CSV of the numbers; Markdown and LaTeX with the caption) and tables
    (Markdown, LaTeX, CSV) into `out`.

    All for which there are records, or those named in `only`. Raises InputError for an unknown
    name, and for a name in `only` that the records cannot serve.
    """
    names = PLATES if only is None else (only,) if isinstance(only, str) else tuple(only)
    for name in names:
        if name not in PLATES:
            raise InputError(f"unknown figure {name!r}: choose from {', '.join(PLATES)}")
    outcomes = dict(draw_each(results, out, names))
    skipped = {
        name: outcome
        for name, outcome in outcomes.items()
        if isinstance(outcome, MissingRecordsError)
    }
    if only is not None:
        for missing in skipped.values():
            raise missing
    files = (
        path for outcome in outcomes.values() if isinstance(outcome, tuple) for path in outcome
    )
    return Drawn(tuple(files), {name: str(missing) for name, missing in skipped.items()})


def draw_each(
    results: Results, out: Path, names: Sequence[str]
) -> Iterator[tuple[str, tuple[Path, ...] | MissingRecordsError]]:
    """Draws one by one what is named: the files written, or what the records lack."""
    make_folder(out)
    for name in names:
        try:
            yield name, (_save_figure if name in FIGURES else _save_table)(name, results, out)
        except MissingRecordsError as missing:
            yield name, missing


def draw_models(
    records: ModelRecords, out: Path, names: Sequence[str] | None = None
) -> Iterator[tuple[str, tuple[Path, ...] | MissingRecordsError]]:
    """Draws one by one the figures of models, or of these what is named."""
    make_folder(out)
    for name, plate in model_plates(records).items():
        if names is not None and name not in names:
            continue
        try:
            yield name, _write_figure(name, plate(), _words(plate), plate.alt, out)
        except MissingRecordsError as missing:
            yield name, missing


def draw_study(
    study: Study, out: Path, names: Sequence[str] | None = None
) -> Iterator[tuple[str, tuple[Path, ...] | MissingRecordsError]]:
    """Draws one by one the figures and tables of a study, or of these what is named."""
    make_folder(out)
    figures = study_figures(study)
    for name in STUDY_PLATES:
        if names is not None and name not in names:
            continue
        try:
            if name in figures:
                plate = figures[name]
                yield name, _write_figure(name, plate(), _words(plate), plate.alt, out)
            else:
                yield name, _write_table(name, STUDY_TABLES[name](study), out)
        except MissingRecordsError as missing:
            yield name, missing


def _save_figure(name: str, results: Results, out: Path) -> tuple[Path, ...]:
    plate = FIGURES[name]
    words = plate.full_caption(results)
    return _write_figure(
        plate.file_stem(name, results), plate(results), words, plate.alt, out, plate.label
    )


def _save_table(name: str, results: Results, out: Path) -> tuple[Path, ...]:
    file = name if name in PRINTED else stem(name, results)
    return _write_table(file, TABLES[name](results), out, TABLE_LABELS[name])


def _words(plate: ModelPlate) -> str:
    return f"{plate.title}. {plate.caption}"


def _write_figure(
    name: str, figure: Figure, words: str, alt: str, out: Path, label: str = ""
) -> tuple[Path, ...]:
    """The figure's files, and its caption for a text in Markdown and in LaTeX."""
    files = save(figure, out, name)
    caption = words.removeprefix(f"{label}. ") if label else words
    texts = {
        "md": f"![{_flat(alt)}]({name}.png)\n\n{_flat(words)}\n",
        "tex": "\n".join(
            (
                r"\begin{figure}",
                r"\centering",
                rf"\includegraphics[width={figure.get_figwidth():g}in]{{{name}.pdf}}",
                rf"\caption{{{_latex(caption)}}}",
                r"\end{figure}",
                "",
            )
        ),
    }
    for suffix, text in texts.items():
        write_atomic(out / f"{name}.{suffix}", text.encode())
    return (*files, *(out / f"{name}.{suffix}" for suffix in texts))


def _latex(text: str) -> str:
    """The caption; the letter of a panel is no variable."""
    return re.sub(r"\(\$([a-z])\$\)", r"(\1)", prose(text))


_MARKDOWN = str.maketrans({character: f"\\{character}" for character in "\\*_[]`"} | {"\n": " "})


def _flat(text: str) -> str:
    return text.translate(_MARKDOWN)


def _write_table(name: str, table: Table, out: Path, label: str = "") -> tuple[Path, ...]:
    """In every form; LaTeX numbers tables by itself."""
    called = replace(table, caption=f"{label}. {table.caption}") if label else table
    paths = {form: out / f"{name}.{suffix}" for form, suffix in SUFFIXES.items()}
    for form, path in paths.items():
        write_atomic(path, render(table if form == "latex" else called, form).encode())
    return tuple(paths.values())
