"""Offers the command line: one function per verb.

A verb imports its rooms when it runs, so that --help answers without torch, sympy or matplotlib.
Data goes to stdout, progress to stderr.
"""

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from derivations.algebra.blocks import BLOCKS
from derivations.errors import InputError, ViolationError
from gradbound import __version__
from gradbound.carry_on import after_interrupt, carry_on
from gradbound.exits import Interrupted, guard
from gradbound.model_commands import analyze
from gradbound.places import PAGE, Folder, page_file
from gradbound.study_commands import draw_study_of, no_study, study_at, validate_study
from gradbound.telling import tell, tell_drawn, tell_if_afresh

if TYPE_CHECKING:
    from validate.records.schema import Results

FORMATS = ("text", "latex", "markdown", "json")
PRESETS = ("smoke", "cpu", "study", "gpu")
DATASETS = ("digits", "fashion-mnist", "cifar10", "cifar100", "image-folder")
STUDY = "study"
FOLDER = Folder()
DEFAULT_RESULTS = Path("results")

format_option = click.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", show_default=True
)
limit_option = click.option(
    "--time-limit",
    type=click.FloatRange(0, 1e6, min_open=True),
    default=120,
    show_default=True,
    metavar="SECONDS",
)
results_option = click.option(
    "--results",
    type=FOLDER,
    help="The folder that `validate` wrote.  [default: results, where that is one, else the "
    "recorded ones]",
)
data_option = click.option("--data-dir", type=FOLDER, help="Where the files of the data set are.")
quiet_option = click.option("--quiet", is_flag=True, help="No progress on stderr.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line (of this process, unless given) and returns its exit code."""
    given = tuple(sys.argv[1:] if arguments is None else arguments)
    return guard(lambda: cli.main(given, prog_name="gradbound", standalone_mode=False, obj=given))


class _Commands(click.Group):
    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise Interrupted(after_interrupt(ctx.obj)) from error


@click.group(
    cls=_Commands, no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def cli() -> None:
    """How much of the gradient must get through a network block, how much can, and how much does.

    Exit codes: 0 ok, 1 bug, 2 usage, 3 bad input, 4 a bound or a derivation step is violated, 5 a
    model cannot be captured, 6 timeout, 130 interrupted (resumable) by Ctrl-C or SIGTERM.
    """


cli.add_command(analyze)


@cli.command(epilog=f"Blocks: {', '.join(BLOCKS)}.")
@click.argument("blocks", nargs=-1, type=click.Choice(list(BLOCKS)), metavar="[BLOCK]...")
@format_option
@click.option(
    "--out",
    type=FOLDER,
    help="A folder for derivations.tex, .md, .json and diagrams, beside what is printed.",
)
@limit_option
def derive(blocks: tuple[str, ...], form: str, out: Path | None, time_limit: float) -> None:
    """Derive gradients and bounds, check every step.

    All blocks, unless some are named. Ends with exit code 4 if a step fails a check.
    """
    from derivations.book.text import render
    from gradbound.api import derive as run
    from gradbound.files import write_derivations
    from validate.records.storage import make_folder

    if out:
        make_folder(out)
    document = run(*blocks, seconds=time_limit)
    if out:
        write_derivations(document, out)
    click.echo(render(document, form), nl=False)
    _judge(document.failures())


@cli.command()
@format_option
@results_option
@limit_option
def audit(form: str, results: Path | None, time_limit: float) -> None:
    """Adjudicate the paper's claims C1–C25.

    Evidence is computed and verdicts follow from it; that a claim is refuted is no failure. C24 and
    C25 are judged by the study: that of --results, else the one that comes with gradbound.
    """
    from gradbound.api import audit as run
    from validate.audit.audit_document import render

    chosen = _chosen(results)
    click.echo(render(run(chosen, seconds=time_limit), form), nl=False)
    _tell_if_recorded(chosen)


@cli.command()
@click.option(
    "--preset",
    type=click.Choice(PRESETS),
    default="smoke",
    show_default=True,
    help="What to train: minutes, an hour, the study behind C24 and C25 (hours), a GPU.",
)
@click.option("--dataset", type=click.Choice(DATASETS), help="Instead of the preset's own.")
@data_option
@click.option(
    "--out", type=FOLDER, default="results", show_default=True, help="The folder for the records."
)
@click.option("--resume", is_flag=True, help="Carry on with the records in that folder.")
@click.option("--device", metavar="cpu|cuda[:N]", help="Instead of the preset's own.")
@click.option(
    "--seeds", type=click.IntRange(1, 1000), help="How many, instead of the preset's own."
)
@click.option(
    "--budget",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="End by then, with whole records of what was done.",
)
@click.option(
    "--dry-run",
    "dry",
    is_flag=True,
    help="Only tell how long it would take, network by network, or what of the study is left.",
)
@quiet_option
@click.pass_obj
def validate(
    given: tuple[str, ...],
    preset: str,
    dataset: str | None,
    data_dir: Path | None,
    out: Path,
    resume: bool,
    device: str | None,
    seeds: int | None,
    budget: float | None,
    dry: bool,
    quiet: bool,
) -> None:
    """Train, and hold predictions against measurements.

    `torchrun -m gradbound validate …` spreads the runs over its processes, as if with --resume.
    Ends with exit code 4 if a bound is violated or an identity missed.

    The study: `gradbound validate --preset study --out DIR` begins it; interrupted, the same with
    --resume carries on; with --dry-run it tells what is done and left, and trains nothing. `audit`,
    `figures` and `report` read it with --results DIR.
    """
    from gradbound import jobs
    from validate.statistics.kinds_of_check import tally
    from validate.statistics.summary import failures, remarks
    from validate.training.budget import Budget
    from validate.training.presets import preset as choose
    from validate.training.process_share import from_environment
    from validate.training.timed_sweep import dry_run

    rank = from_environment()
    if preset == STUDY:
        others = (dataset, seeds, device, budget)
        validate_study(out, data_dir, resume, quiet, dry=dry, others=others, alone=rank.alone)
        return
    chosen = choose(preset, dataset=dataset, seeds=seeds, device=device)
    limit = None if budget is None else Budget(budget)
    if not rank.alone and (dry or limit):
        raise InputError("--budget and --dry-run are for one process: unset RANK and WORLD_SIZE")
    if dry:
        processes = jobs.processes_for(chosen)
        lines = dry_run(
            chosen,
            data_folder=data_dir,
            processes=processes,
            budget=limit,
            tell=lambda line: tell(line, quiet),
        )
        click.echo("\n".join(lines))
        return
    tell_if_afresh(out, resume)
    results: Results | None
    if limit is not None:
        results = jobs.validate_within(
            limit,
            chosen,
            out,
            data_dir=data_dir,
            resume=resume,
            quiet=quiet,
            tell=tell,
            way_on=carry_on(given),
        )
    elif rank.alone:
        results = jobs.validate(chosen, out, data_dir=data_dir, resume=resume, quiet=quiet)
    else:
        results = jobs.validate_share(chosen, out, rank, data_dir=data_dir, quiet=quiet)
        if results is None:  # another process completes the folder, and reports
            tell(jobs.share_done(out, rank, carry_on(given)))
    if results is None:
        return
    for line in tally(results):
        click.echo(f"{out}: {line}")
    for line in remarks(results):
        tell(f"{out}: {line}")
    _judge(failures(results))


@cli.command()
@results_option
@click.option(
    "--out",
    type=FOLDER,
    default="figures",
    show_default=True,
    help="The folder for figures and tables.",
)
@click.option("--only", multiple=True, metavar="NAME", help="One figure or table; may be repeated.")
def figures(results: Path | None, out: Path, only: tuple[str, ...]) -> None:
    """Draw figures and tables from records alone.

    A folder of what `analyze --format json` and a watch saved gives the figures of those models, a
    study its own; with the recorded runs comes the recorded study.
    """
    from paper_figures import PLATES, STUDY_PLATES, draw_models, model_plates, read_model_records
    from validate.records.read import read_results

    models, study = read_model_records(chosen := _chosen(results)), study_at(chosen)
    known = (*PLATES, *STUDY_PLATES, *model_plates(models))
    if unknown := [name for name in only if name not in known]:
        raise click.BadParameter(
            f"{unknown[0]!r} is not one of {', '.join(known)}.", param_hint="'--only'"
        )
    of_results = [name for name in only if name in PLATES]
    of_study = [name for name in only if name in STUDY_PLATES]
    if of_study and study is None:
        raise no_study(chosen, of_study[0])
    if of_results or (not only and _has_results(chosen, others=bool(models or study))):
        _draw(read_results(chosen), out, of_results)
        _tell_if_recorded(chosen)
    if of_study or not only:
        draw_study_of(study, out, of_study or None)
    tell_drawn(draw_models(models, out, only or None), asked=bool(only))


@cli.command()
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
def report(results: Path | None, out: Path) -> None:
    """Write one self-contained HTML page from the records: the verdicts on the paper's claims, and
    all that they rest on.

    Of a folder of what `analyze --format json` and a watch saved, it shows those models, of a study
    that; with the recorded runs it shows the recorded study.
    """
    from gradbound.api import audit as adjudicate
    from gradbound.api import derive as run
    from paper_figures import read_model_records, write_model_report, write_report
    from paper_figures import write_study_report as write_study
    from validate.records.read import read_results
    from validate.records.recorded import recorded_on_gpu
    from validate.records.storage import make_folder

    models, study = read_model_records(chosen := _chosen(results)), study_at(chosen)
    if not _has_results(chosen, others=bool(models or study)):
        click.echo(write_study(study, out, models) if study else write_model_report(models, out))
        return
    records = read_results(chosen)
    make_folder(out.parent)  # before the derivation, which is not to be done for nothing
    verdicts = adjudicate(chosen)
    click.echo(write_report(records, run(), out, models, recorded_on_gpu(), study, verdicts))
    _tell_if_recorded(chosen)


@cli.command()
@click.option(
    "--out", type=FOLDER, default="build", show_default=True, help="The folder for everything."
)
@quiet_option
def reproduce(out: Path, quiet: bool) -> None:
    """Derive, validate (smoke), audit, draw and report: everything, in one report of the recorded
    and the fresh runs.

    Run again after an interruption, it carries on where it was. Ends with exit code 4, when all is
    written, if anything is violated.
    """
    from gradbound import jobs
    from gradbound.api import audit as adjudicate
    from gradbound.api import derive as run
    from gradbound.files import write_audit, write_derivations
    from paper_figures import write_report
    from validate.records.read import read_results
    from validate.records.recorded import RECORDED, recorded_on_gpu
    from validate.records.storage import make_folder
    from validate.statistics.kinds_of_check import tally
    from validate.statistics.summary import failures
    from validate.training.presets import preset

    make_folder(out)
    tell("derive: every block and equation, every step checked", quiet)
    document = run()
    write_derivations(document, out)
    tell("validate: the smoke preset", quiet)
    results = jobs.validate(preset("smoke"), out / "results", resume=True, quiet=quiet)
    for line in tally(results):
        click.echo(f"{out / 'results'}: {line}")
    tell("audit: the claims of the paper, C24 and C25 by the recorded runs", quiet)
    verdicts = adjudicate()
    write_audit(verdicts, out)
    counts = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.tally.items())
    click.echo(f"{out / 'audit.md'}: {counts}")
    recorded = read_results(RECORDED)
    for kind, records, place in (("smoke", results, out), ("recorded", recorded, out / "recorded")):
        tell(f"figures: from the {kind} runs", quiet)
        study = study_at(records.folder)
        _draw(records, place / "figures")
        draw_study_of(study, place / "figures")
    tell("report: one page of the recorded and the fresh runs", quiet)
    beside = recorded_on_gpu()
    page = write_report(
        recorded, document, out / PAGE, None, beside, study, verdicts, fresh=results
    )
    click.echo(page)
    _judge([*document.failures(), *failures(results), *failures(recorded)])


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@data_option
def doctor(as_json: bool, data_dir: Path | None) -> None:
    """Show versions, device, data sets found, threads.

    Ends with exit code 3 if something here would stop another command.
    """
    from gradbound.doctor import examine

    diagnosis = examine(data_dir)
    click.echo(json.dumps(asdict(diagnosis), indent=2) if as_json else str(diagnosis))
    if diagnosis.problems:
        raise InputError("; ".join(diagnosis.problems))


def _chosen(results: Path | None) -> Path:
    """The folder asked for, else the one that `validate` writes by default, else the recorded."""
    from validate.records.recorded import RECORDED
    from validate.study.study_folder import is_study

    there = (DEFAULT_RESULTS / "manifest.json").exists() or is_study(DEFAULT_RESULTS)
    return results or (DEFAULT_RESULTS if there else RECORDED)


def _has_results(chosen: Path, *, others: bool) -> bool:
    """Whether the records of a validation are to be read: they may be missing beside others.

    Raises InputError where there are no records at all.
    """
    if others or (chosen / "manifest.json").exists():
        return (chosen / "manifest.json").exists()
    raise InputError(
        f"{chosen} holds no records: run `gradbound validate --out {shlex.quote(str(chosen))}`, or "
        f"put there what `gradbound analyze --out {shlex.quote(str(chosen / 'net.json'))}` or "
        "Watch.save writes"
    )


def _tell_if_recorded(chosen: Path) -> None:
    from validate.records.recorded import RECORDED

    if chosen == RECORDED:
        tell(
            f"no folder {DEFAULT_RESULTS} here: these are the recorded runs that come with "
            "gradbound (cpu preset)"
        )


def _draw(results: "Results", out: Path, names: Sequence[str] | None = None) -> None:
    from paper_figures import PLATES, draw_each

    tell_drawn(draw_each(results, out, names or PLATES), asked=bool(names))


def _judge(failures: Sequence[str], shown: int = 5) -> None:
    """Raises ViolationError that names the first failures, if there is any."""
    if failures:
        more = f"; and {len(failures) - shown} more" if len(failures) > shown else ""
        raise ViolationError("; ".join(failures[:shown]) + more)
