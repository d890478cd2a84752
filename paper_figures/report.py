"""Writes one self-contained HTML page from the records and the derivation document.

Makes no statement of its own: every number comes from the records, every formula from the document,
each with its certainty.
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from pydantic import ValidationError

from derivations.book.arrange import Meaning, meanings
from derivations.book.document import BoundRecord, Document, EquationRecord
from derivations.errors import InputError
from paper_figures.drawing.style import render as render_figure
from paper_figures.figures.registry import FIGURES, Plate
from paper_figures.figures.select import MissingRecordsError
from paper_figures.mathml import mathml, subscripts
from paper_figures.tables import TABLES, certainty
from paper_figures.tables import render as render_table
from validate.records.read import read_results
from validate.records.schema import Results
from validate.records.storage import make_folder, write_atomic
from validate.statistics.summary import Summary, summarize

BADGES = {True: "holds", False: "fails"}


@dataclass(frozen=True)
class Picture:
    """A figure on the page: its image, or why it was not drawn."""

    name: str
    plate: Plate
    wide: bool
    image: str
    missing: str


@dataclass(frozen=True)
class Totals:
    """The counts at the head of the page."""

    steps: int
    passed: int
    checks_per_step: int
    checks_by_certainty: Mapping[str, int]
    vacuous: int
    records: Summary


def write_report(results_dir: Path, document: Mapping[str, object], out_file: Path) -> Path:
    """Writes the page to `out_file` and returns its path. `document` is that of
    `derivations.book.document.derive_document`.

    Raises InputError for records or a document that cannot be read.
    """
    results = read_results(Path(results_dir))
    page = compose(results, read_document(document))
    make_folder(Path(out_file).parent)
    write_atomic(Path(out_file), page.encode())
    return Path(out_file)


def read_document(document: Mapping[str, object]) -> Document:
    """The derivation document, validated; raises InputError that names the first thing wrong."""
    try:
        return Document.of(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "top"
        reason = f"{place}: {first['msg']}"
        raise InputError(
            f"not a gradbound.derive/1 document ({reason}): make one with `gradbound derive "
            "--format json`"
        ) from error


def compose(results: Results, document: Document) -> str:
    """The page as text."""
    environment = Environment(
        loader=PackageLoader("paper_figures"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "math": mathml,
        "inline_math": partial(mathml, block=False),
        "prose": subscripts,
        "badge": BADGES.__getitem__,
        "meanings": quantities,
    }
    return environment.get_template("report.html.j2").render(
        results=results,
        document=document,
        equations=by_id(document.equations),
        totals=totals(results, document),
        pictures=[picture(name, plate, results) for name, plate in FIGURES.items()],
        tables=list(tables(results)),
    )


def by_id(equations: tuple[EquationRecord, ...]) -> list[tuple[str, list[EquationRecord]]]:
    """The readings of each equation, beside its number."""
    return [
        (name.removeprefix("eq"), list(group))
        for name, group in groupby(equations, key=lambda equation: equation.id)
    ]


def quantities(bounds: tuple[BoundRecord, ...]) -> list[Meaning]:
    """What the symbols of the bounds stand for, once each."""
    return meanings([asdict(bound) for bound in bounds])


def totals(results: Results, document: Document) -> Totals:
    """Everything counted: derivation steps, and checks of bounds by certainty."""
    lists = (
        *(b.steps for b in document.blocks),
        *(e.steps for e in document.equations),
        *(t.steps for t in document.theorems),
    )
    steps = [step for steps in lists for step in steps]
    checks: dict[str, int] = {}
    vacuous = 0
    for bound in (bound for run in results.runs for row in run.blocks for bound in row.bounds):
        vacuous += sum(value == 0 for value in bound.value) if bound.side == "lower" else 0
        word = certainty(bound.certainty, bound.delta)
        checks[word] = checks.get(word, 0) + bound.checks
    records = summarize(
        (row for run in results.runs for row in run.blocks),
        (row for run in results.runs for row in run.epochs),
    )
    passed = sum(all(check.ok for check in step.checks) for step in steps)
    fewest = min((len(step.checks) for step in steps), default=0)
    return Totals(len(steps), passed, fewest, dict(sorted(checks.items())), vacuous, records)


def picture(name: str, plate: Plate, results: Results) -> Picture:
    """The figure as an inlined SVG image, its text as outlines so that it looks the same
    everywhere.
    """
    try:
        figure = plate(results)
    except MissingRecordsError as error:
        return Picture(name, plate, False, "", str(error))
    image = b64encode(render_figure(figure, "svg", outlined=True)).decode()
    return Picture(
        name, plate, bool(figure.get_figwidth() > 5), f"data:image/svg+xml;base64,{image}", ""
    )


def tables(results: Results) -> list[Markup]:
    """Every table for which there are records."""
    made = []
    for make in TABLES.values():
        try:
            made.append(
                Markup(render_table(make(results), "html"))
            )  # the writer escapes every text
        except MissingRecordsError as error:
            made.append(Markup("<p>{}</p>").format(str(error)))
    return made
