"""Offers the verbs that draw what records hold: `figures` and `report`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gradbound.choices import FIGURES, OF_A_STUDY, TABLES, PlateName, unknown_plate
from gradbound.places import PAGE, page_file
from gradbound.telling import Drawn
from gradbound.verbs.options import (
    FOLDER,
    chosen_results,
    has_results,
    quiet_option,
    results_option,
    short_format_option,
    tell_if_recorded,
)
from gradbound.verbs.study_commands import no_study, study_at
from gradbound.written import FiguresDocument, ReportDocument, as_json

if TYPE_CHECKING:
    from validate.progress import Progress

NAMES = f"""Figures: {", ".join(FIGURES)}.

Tables: {", ".join(TABLES)}.

Of a study: {", ".join(OF_A_STUDY)}.

Of a model: analysis_NAME and watch_NAME, for each NAME.json in the folder."""


@click.command(epilog=NAMES)
@results_option
@click.option(
    "--out",
    type=FOLDER,
    default="figures",
    show_default=True,
    help="The folder for figures and tables.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    type=PlateName(),
    help="One figure or table of those below; may be repeated.",
)
@short_format_option
@quiet_option
def figures(results: Path | None, out: Path, only: tuple[str, ...], form: str, quiet: bool) -> None:
    """Draw figures and tables from records alone.

    A folder of what `analyze --format json` and a watch saved gives the figures of those models, a
    study its own; with the recorded runs comes the recorded study.
    """
    from paper_figures import (
        PLATES,
        STUDY_PLATES,
        draw_each,
        draw_models,
        draw_study,
        model_plates,
        read_model_records,
    )
    from validate.records.read import read_results

    models, study = read_model_records(chosen := chosen_results(results)), study_at(chosen)
    known = (*PLATES, *STUDY_PLATES, *model_plates(models))
    if unknown := [name for name in only if name not in known]:
        raise unknown_plate(unknown[0], known)
    of_results = [name for name in only if name in PLATES]
    of_study = [name for name in only if name in STUDY_PLATES]
    if of_study and study is None:
        raise no_study(chosen, of_study[0])
    drawn = Drawn(quiet=quiet, asked=bool(only), aloud=form == "text")
    if of_results or (not only and has_results(chosen, others=bool(models or study))):
        records = read_results(chosen)
        drawn.take(draw_each(records, out, of_results or PLATES), of_results or PLATES)
        tell_if_recorded(chosen, quiet)
    if study is not None and (of_study or not only):
        drawn.take(draw_study(study, out, of_study or None), of_study or STUDY_PLATES)
    of_models = [name for name in model_plates(models) if not only or name in only]
    drawn.take(draw_models(models, out, only or None), of_models)
    if form == "json":
        written = tuple(map(str, drawn.written))
        found = FiguresDocument("gradbound.figures/1", str(chosen), written, drawn.left_out)
        click.echo(as_json(found), nl=False)


@click.command()
@results_option
@click.option(
    "--out",
    metavar="PAGE",
    callback=page_file,
    default=PAGE,
    show_default=True,
    help="The file, or a folder for report.html: a folder that is there, or a name that ends in a "
    "slash or has no suffix, unless a file has that name.",
)
@short_format_option
@quiet_option
def report(results: Path | None, out: Path, form: str, quiet: bool) -> None:
    """Write one self-contained HTML page from the records: the verdicts on the paper's claims, and
    all that they rest on.

    Of a folder of what `analyze --format json` and a watch saved, it shows those models, of a study
    that; with the recorded runs it shows the recorded study.
    """
    from validate.progress import for_terminal

    chosen = chosen_results(results)
    made = _page(chosen, out, for_terminal(quiet, patient=True))
    if form == "json":
        found = ReportDocument("gradbound.report/1", str(chosen), (str(made),))
        click.echo(as_json(found), nl=False)
    else:
        click.echo(made)
    tell_if_recorded(chosen, quiet)


def _page(chosen: Path, out: Path, progress: "Progress") -> object:
    """The page that was written."""
    from gradbound.api import audit as adjudicate
    from gradbound.api import derive as run
    from paper_figures import read_model_records, write_model_report, write_report
    from paper_figures import write_study_report as write_study
    from validate.records.read import read_results
    from validate.records.recorded import recorded_on_gpu
    from validate.records.storage import make_folder

    models, study = read_model_records(chosen), study_at(chosen)
    if not has_results(chosen, others=bool(models or study)):
        with progress({"report": 1}, "page") as advance:
            made = write_study(study, out, models) if study else write_model_report(models, out)
            advance("report")
        return made
    records = read_results(chosen)
    make_folder(out.parent)  # before the derivation, which is not to be done for nothing
    document, verdicts = run(progress=progress), adjudicate(chosen, progress=progress)
    with progress({"report": 1}, "page") as advance:
        page = write_report(records, document, out, models, recorded_on_gpu(), study, verdicts)
        advance("report")
    return page
