"""Offers the verb that does everything: `reproduce`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gradbound.places import PAGE
from gradbound.telling import Drawn, tell
from gradbound.verbs.options import FOLDER, judge, quiet_option, short_format_option
from gradbound.verbs.study_commands import study_at
from gradbound.written import ReproduceDocument, as_json, files_below

if TYPE_CHECKING:
    from derivations.book.text import PrintedDocument
    from validate.audit.audit_document import Audit
    from validate.progress import Progress
    from validate.records.schema import Results


@click.command()
@click.option(
    "--out", type=FOLDER, default="build", show_default=True, help="The folder for everything."
)
@short_format_option
@quiet_option
def reproduce(out: Path, form: str, quiet: bool) -> None:
    """Derive, validate (smoke), audit, draw and report: everything, in one report of the recorded
    and the fresh runs.

    Run again after an interruption, it carries on where it was. Ends with exit code 4, when all is
    written, if anything is violated. The last line says what to open.
    """
    from validate.progress import for_terminal
    from validate.records.read import read_results
    from validate.records.recorded import RECORDED
    from validate.statistics.summary import failures

    aloud, progress = form == "text", for_terminal(quiet, patient=True)
    document = _derived(out, progress, quiet)
    results = _validated(out / "results", quiet, aloud)
    verdicts = _judged(out, progress, quiet, aloud)
    recorded = read_results(RECORDED)
    for kind, records, place in (("smoke", results, out), ("recorded", recorded, out / "recorded")):
        tell(f"figures: from the {kind} runs", quiet)
        _drawn(records, place / "figures", quiet, aloud)
    tell("report: one page of the recorded and the fresh runs", quiet)
    page = _page(recorded, document, out / PAGE, verdicts, results, progress)
    failed = [*document.failures(), *failures(results), *failures(recorded)]
    if aloud:
        click.echo(f"open {page} in a browser: the claims, the figures and the proofs")
    else:
        tally = {str(verdict): count for verdict, count in verdicts.tally.items()}
        found = (str(page), files_below(out), tally, tuple(failed))
        click.echo(as_json(ReproduceDocument("gradbound.reproduce/1", *found)), nl=False)
    judge(failed)


def _derived(out: Path, progress: "Progress", quiet: bool) -> "PrintedDocument":
    from gradbound.api import derive as run
    from gradbound.files import write_derivations
    from validate.records.storage import make_folder

    make_folder(out)
    tell("derive: every block and equation, every step checked", quiet)
    document = run(progress=progress)
    write_derivations(document, out)
    return document


def _validated(out: Path, quiet: bool, aloud: bool) -> "Results":
    from gradbound import jobs
    from validate.statistics.kinds_of_check import tally
    from validate.training.presets import preset

    tell("validate: the smoke preset", quiet)
    results = jobs.validate(preset("smoke"), out, resume=True, quiet=quiet)
    for line in tally(results) if aloud else ():
        click.echo(f"{out}: {line}")
    return results


def _judged(out: Path, progress: "Progress", quiet: bool, aloud: bool) -> "Audit":
    from gradbound.api import audit as adjudicate
    from gradbound.files import write_audit

    tell("audit: the claims of the paper, C24 and C25 by the recorded runs", quiet)
    verdicts = adjudicate(progress=progress)
    write_audit(verdicts, out)
    counts = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.tally.items())
    if aloud:
        click.echo(f"{out / 'audit.md'}: {counts}")
    return verdicts


def _drawn(records: "Results", out: Path, quiet: bool, aloud: bool) -> None:
    from paper_figures import PLATES, STUDY_PLATES, draw_each, draw_study

    study = study_at(records.folder)
    drawn = Drawn(quiet=quiet, asked=False, aloud=aloud)
    drawn.take(draw_each(records, out, PLATES), PLATES)
    if study is not None:
        drawn.take(draw_study(study, out), STUDY_PLATES)


def _page(
    recorded: "Results",
    document: "PrintedDocument",
    out: Path,
    verdicts: "Audit",
    fresh: "Results",
    progress: "Progress",
) -> Path:
    from paper_figures import write_report
    from validate.records.recorded import recorded_on_gpu

    study, beside = study_at(recorded.folder), recorded_on_gpu()
    with progress({"report": 1}, "page") as advance:
        page = write_report(recorded, document, out, None, beside, study, verdicts, fresh=fresh)
        advance("report")
    return page
