"""Writes one self-contained HTML page from the records and the derivation document.

Makes no statement of its own: every number comes from the records, every formula from the document,
each with its certainty.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from jinja2 import Environment
from markupsafe import Markup

from derivations.book.arrange import by_number, meanings
from derivations.book.document import Document
from paper_figures.figures.figure_registry import FIGURES
from paper_figures.figures.model_plates import model_plates
from paper_figures.figures.model_records import ModelRecords
from paper_figures.figures.select import MissingRecordsError
from paper_figures.model_page import fragment
from paper_figures.pages.on_gpus import on_gpus
from paper_figures.pages.page_environment import environment
from paper_figures.pages.pictures import Picture, drawn, picture
from paper_figures.pages.study_section import study_section
from paper_figures.tables.table import certainty
from paper_figures.tables.table_registry import TABLES
from paper_figures.tables.writers import render as render_table
from validate.records.schema import Results
from validate.records.storage import make_folder, write_atomic
from validate.statistics.before_training import before_training
from validate.statistics.kinds_of_check import MEANINGS, Check, Outcome, of_kind
from validate.statistics.summary import remarks
from validate.study.study_folder import Study


@dataclass(frozen=True)
class Totals:
    """The counts at the head of the page: of derivation steps, of bounds by certainty, and of what
    the records hold, by kind of check.
    """

    steps: int
    passed: int
    checks_per_step: int
    checks_by_certainty: Mapping[str, int]
    kinds: Mapping[str, Sequence[tuple[Check, Outcome | None]]]


@dataclass(frozen=True)
class Models:
    """The user's models on the page: their analyses as they show themselves, their figures."""

    columns: Markup
    pictures: tuple[Picture, ...]


def write_report(
    results: Results,
    document: Document,
    out_file: Path,
    models: ModelRecords | None = None,
    beside: Sequence[Results] = (),
    study: Study | None = None,
) -> Path:
    """Writes the page to `out_file` and returns its path; raises InputError where it cannot.

    With `models`, the records of the user's own, these are on it too, and so is a `study`; `beside`
    are other records, for what a GPU shows.
    """
    return _write(compose(results, document, models, beside, study), out_file)


def write_model_report(models: ModelRecords, out_file: Path) -> Path:
    """The same from records of models alone."""
    return _write(compose_models(models), out_file)


def write_study_report(study: Study, out_file: Path, models: ModelRecords | None = None) -> Path:
    """The same from a study, and from records of models beside it."""
    return _write(compose_study(study, models), out_file)


def _write(page: str, out_file: Path) -> Path:
    make_folder(out_file.parent)
    write_atomic(out_file, page.encode())
    return out_file


def compose_models(models: ModelRecords) -> str:
    """The page of records of models as text."""
    return environment().get_template("models.html.j2").render(models=of_models(models))


def compose_study(study: Study, models: ModelRecords | None = None) -> str:
    """The page of a study as text."""
    template = _with_badges().get_template("study_page.html.j2")
    shown = of_models(models) if models else None
    return template.render(study=study_section(study), models=shown)


def of_models(models: ModelRecords) -> Models:
    """What a page shows of records of models."""
    columns = fragment(*models.analyses.values()) if models.analyses else ""
    pictures = [drawn(name, plate, plate) for name, plate in model_plates(models).items()]
    return Models(Markup(columns), tuple(pictures))  # its template escapes it


def compose(
    results: Results,
    document: Document,
    models: ModelRecords | None = None,
    beside: Sequence[Results] = (),
    study: Study | None = None,
) -> str:
    """The page as text."""
    said = before_training(results.runs)
    section = study_section(study) if study else None
    return (
        _with_badges()
        .get_template("report.html.j2")
        .render(
            results=results,
            document=document,
            equations=by_number(document.equations),
            totals=totals(results, document, section.counted if section else {}),
            study=section,
            meanings_of_kinds=MEANINGS,
            before_training=said,
            first_version=any(run.config.version == 1 for run in results.runs),
            remarks=[line for line in remarks(results) if line != said],
            on_gpus=on_gpus([results, *beside]),
            pictures=[picture(name, plate, results) for name, plate in FIGURES.items()],
            tables=list(tables(results)),
            models=of_models(models) if models else None,
        )
    )


def _with_badges() -> Environment:
    made = environment()
    made.filters |= {"badge": badge, "meanings": meanings, "p_value": p_value}
    return made


def p_value(value: float) -> str:
    """A p-value in two digits."""
    return f"{value:.2g}".replace("e-", "e−")


def badge(ok: bool) -> str:
    """The word on a badge, which is also its class."""
    return "holds" if ok else "fails"


def totals(
    results: Results, document: Document, counted: Mapping[str, Outcome] = MappingProxyType({})
) -> Totals:
    """Everything counted: derivation steps, bounds by certainty, and each check of the records;
    `counted`: by name, checks that these records hold nothing of.
    """
    steps = document.steps
    checks: dict[str, int] = {}
    rows = (row for run in results.runs for each in (run.blocks, run.epochs) for row in each)
    for bound in (bound for row in rows for bound in row.bounds):
        word = certainty(bound.certainty, bound.delta)
        checks[word] = checks.get(word, 0) + bound.checks
    passed = sum(1 for step in steps if step.passed)
    fewest = min((len(step.checks) for step in steps), default=0)
    kinds = {
        kind: [
            (check, check.count(results) if check.count else counted.get(check.name))
            for check in of_kind(kind)
        ]
        for kind in MEANINGS
    }
    return Totals(len(steps), passed, fewest, dict(sorted(checks.items())), kinds)


def tables(results: Results) -> list[Markup]:
    """Every table for which there are records."""
    made = []
    for make in TABLES.values():
        try:
            made.append(Markup(render_table(make(results), "html")))  # the writer escapes it
        except MissingRecordsError as error:
            made.append(Markup("<p>{}</p>").format(str(error)))
    return made
