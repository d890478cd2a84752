"""Writes one self-contained HTML page from the records, the derivation document and the audit.

Makes no statement of its own beside those of `pages/what_holds.py`: every number comes from the
records, every formula from the document, every verdict from the audit, each with its certainty.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from types import MappingProxyType

from jinja2 import Environment
from markupsafe import Markup

from derivations.book.arrange import by_number, meanings, sections
from derivations.book.document import Document
from paper_figures.figures.figure_registry import FIGURES
from paper_figures.figures.model_plates import model_plates
from paper_figures.figures.model_records import ModelRecords
from paper_figures.figures.select import MissingRecordsError
from paper_figures.model_page import fragment
from paper_figures.pages.contents import contents
from paper_figures.pages.data_tables import data_table
from paper_figures.pages.formula_lines import formula
from paper_figures.pages.glossary import ENTRIES, linked
from paper_figures.pages.in_words import LETTERS, bound_name, full_stop, named, own, shared
from paper_figures.pages.limits import limits, on_gpus, scope_of_flow
from paper_figures.pages.page_environment import environment
from paper_figures.pages.pictures import Picture, drawn, picture
from paper_figures.pages.study_section import StudySection, study_section
from paper_figures.pages.verdict_rows import (
    BADGES,
    against_equation,
    of_equation,
    verdict_csv,
    verdict_rows,
)
from paper_figures.pages.what_holds import what_holds
from paper_figures.tables.table import certainty
from paper_figures.tables.table_registry import TABLES
from validate.audit.audit_document import Audit
from validate.records.schema import BlockRow, EpochRow, Results
from validate.records.storage import make_folder, write_atomic
from validate.statistics.before_training import before_training
from validate.statistics.kinds_of_check import COULD_FAIL, LAWS, MEANINGS, Check, Outcome, of_kind
from validate.statistics.summary import remarks, summarize
from validate.study.study_folder import Study

LEADING = ("bound_envelopes", "sqrt_law", "study_effects", "survival_ranking", "agreement")
"""Figures that may stand at the head of the page: the first three that could be drawn."""
HEAD = 3


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


@dataclass(frozen=True)
class View:
    """Records of a validation on the page: what they are called there, and all that is shown of
    them; `prefix` tells their addresses from those of others.
    """

    label: str
    prefix: str
    results: Results
    totals: Totals
    pictures: tuple[Picture, ...]
    tables: Mapping[str, Markup]
    before_training: str
    first_version: bool
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Sources:
    """What the page is made of beside records and derivations, each left out where there is none:
    the audit, records of models, a study, other records for what a GPU shows, and `fresh` ones that
    stand beside the others.
    """

    audit: Audit | None = None
    models: ModelRecords | None = None
    study: Study | None = None
    beside: Sequence[Results] = ()
    fresh: Results | None = None


def write_report(
    results: Results,
    document: Document,
    out_file: Path,
    models: ModelRecords | None = None,
    beside: Sequence[Results] = (),
    study: Study | None = None,
    audit: Audit | None = None,
    fresh: Results | None = None,
) -> Path:
    """Writes the page to `out_file` and returns its path; raises InputError where it cannot.

    With `models`, the records of the user's own, these are on it too, and so is a `study`, and the
    verdicts of an `audit`; `beside` are other records, for what a GPU shows, `fresh` ones are shown
    beside `results`.
    """
    more = Sources(audit, models, study, beside, fresh)
    return _write(compose(results, document, more), out_file)


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
    made = _with_words()
    shown = of_models(models) if models else None
    body = made.get_template("study_page.html.j2").render(
        study=study_section(study), models=shown, folded=False
    )
    return _framed(made, Markup(body), "gradbound report: the study")


def of_models(models: ModelRecords) -> Models:
    """What a page shows of records of models."""
    columns = fragment(*models.analyses.values()) if models.analyses else ""
    pictures = [drawn(name, plate, plate) for name, plate in model_plates(models).items()]
    return Models(Markup(columns), tuple(pictures))  # its template escapes it


def compose(results: Results, document: Document, more: Sources | None = None) -> str:
    """The page as text."""
    more = more or Sources()
    section = study_section(more.study) if more.study else None
    main = _view("recorded runs" if more.fresh else "runs", "", results, document, section)
    views = [main]
    if more.fresh:
        views.append(_view("fresh runs", "fresh-", more.fresh, document, None, main.pictures))
    made = _with_words()
    body = made.get_template("report.html.j2").render(
        _verdicts(document, more, _blocks(results)),
        views=views,
        document=document,
        equations=by_number(document.equations),
        sections=sections(document),
        study=section,
        models=of_models(more.models) if more.models else None,
        leading=_leading(main, section),
        glossary=ENTRIES,
        letters=LETTERS,
        limits=limits(results, more.study),
        on_gpus=on_gpus([each for each in (results, more.fresh, *more.beside) if each]),
        **_validation(views, document),
    )
    foot = (
        "Transcribed equations: S.-H. Noh, Performance Comparison of CNN Models Using Gradient "
        "Flow Analysis, Informatics 2021, 8, 53 (CC BY 4.0)."
    )
    title = f"gradbound report: {results.manifest.preset}, {results.manifest.dataset}"
    return _framed(made, Markup(body), title, foot)


def _framed(made: Environment, body: Markup, title: str, foot: str = "") -> str:
    """A page's text, its words linked to the glossary where it has one, in the frame of a page."""
    body = linked(body) if 'id="glossary"' in body else body
    frame = made.get_template("frame.html.j2")
    return frame.render(body=body, headings=contents(body), title=title, foot=foot)


def _view(
    label: str,
    prefix: str,
    results: Results,
    document: Document,
    section: StudySection | None,
    others: Sequence[Picture] = (),
) -> View:
    said = before_training(results.runs)
    known = {each.image for each in others}
    pictures = (picture(name, plate, results) for name, plate in FIGURES.items())
    return View(
        label,
        prefix,
        results,
        totals(results, document, section.counted if section else {}),
        tuple(each for each in pictures if not each.image or each.image not in known),
        tables(results, prefix),
        said,
        any(run.config.version == 1 for run in results.runs),
        tuple(line for line in remarks(results) if line != said),
    )


def _verdicts(document: Document, more: Sources, blocks: Sequence[BlockRow]) -> dict[str, object]:
    """What the templates want to know of the audit."""
    audit = more.audit
    if audit is None:
        return {"verdicts": (), "instead": (), "guide": {}, "claims_about": lambda _: (),
                "against": lambda _: ()}  # fmt: skip
    study = more.study
    scopes = {str(study.protocol.flow.claim): scope_of_flow(study)} if study else {}
    rows = verdict_rows(audit, document, study=study is not None, scopes=scopes)
    names = list(BADGES)
    ordered = sorted(rows, key=lambda row: names.index(row.claim.verdict))
    by_verdict = groupby(ordered, key=lambda row: row.claim.verdict)
    return {
        "verdicts": rows,
        "verdict_csv": verdict_csv(audit),
        "by_verdict": {verdict: list(found) for verdict, found in by_verdict},
        "instead": what_holds(document, audit, blocks),
        "guide": audit.guide,
        "claims_about": lambda number: [
            (claim, BADGES[claim.verdict]) for claim in of_equation(audit, number)
        ],
        "against": lambda number: against_equation(audit, number),
    }


def _validation(views: Sequence[View], document: Document) -> dict[str, object]:
    """What the templates want to know of the checks: by kind, and how each came out."""
    counted = [dict(pairs) for view in views for pairs in view.totals.kinds.values()]
    there = {check for pairs in counted for check, outcome in pairs.items() if outcome}
    every = [check for kind in MEANINGS for check in of_kind(kind)]
    found = [summarize(_blocks(view.results), _epochs(view.results)) for view in views]
    first = views[0].totals
    return {
        "own_laws": next(
            (each for pairs in counted for check, each in pairs.items() if check.name == LAWS), None
        ),
        "kinds": {kind: [each for each in of_kind(kind) if each in there] for kind in MEANINGS},
        "meanings_of_kinds": MEANINGS,
        "elsewhere": [check for check in every if check not in there],
        "outcome": _outcome,
        "bounds": Outcome(
            sum(each.bound_checks for each in found),
            sum(each.violations for each in found),
            sum(each.vacuous for each in found),
        ),
        "document_steps": f"Derivation steps that pass every check: {first.passed} of "
        f"{first.steps}; exact, each with {first.checks_per_step} or more independent checks.",
    }


def _outcome(view: View, check: Check) -> str:
    outcome = dict(view.totals.kinds[check.kind])[check]
    if outcome is None or not (outcome.said or outcome.checks):
        return "none measured"
    parts = [outcome.said or f"{outcome.failed:,} of {outcome.checks:,} {check.failed}"]
    if not outcome.said and check.kind == COULD_FAIL:
        held = outcome.checks - outcome.failed
        parts[0] += f" ({'all' if not outcome.failed else held or 'none'} as predicted)"
    if outcome.note:
        parts.append(outcome.note)
    if outcome.silent:
        parts.append(
            f"{outcome.checks - outcome.silent:,} could fail, {outcome.silent:,} are lower bounds "
            "of 0, which say nothing"
        )
    return "; ".join(parts)


def _leading(view: View, section: StudySection | None) -> list[Picture]:
    """The three figures at the head of the page."""
    there = {each.name: each for each in (*view.pictures, *(section.pictures if section else ()))}
    found = [there[name] for name in LEADING if name in there and there[name].image]
    return found[:HEAD]


def _with_words() -> Environment:
    made = environment()
    made.filters |= {"badge": badge, "meanings": meanings, "p_value": p_value, "formula": formula,
                     "named": named, "full_stop": full_stop, "bound_name": bound_name}  # fmt: skip
    made.globals |= {"own": own, "shared": shared}
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
    rows = (row for each in (_blocks(results), _epochs(results)) for row in each)
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


def tables(results: Results, prefix: str = "") -> dict[str, Markup]:
    """Every table for which there are records, by name."""
    made = {}
    for name, make in TABLES.items():
        try:
            made[name] = data_table(f"{prefix}{name}", make(results))
        except MissingRecordsError as error:
            made[name] = Markup("<p>{}</p>").format(str(error))
    return made


def _blocks(results: Results) -> list[BlockRow]:
    return [row for run in results.runs for row in run.blocks]


def _epochs(results: Results) -> list[EpochRow]:
    return [row for run in results.runs for row in run.epochs]
