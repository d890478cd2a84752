"""Offers the verb that trains and measures: `validate`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from derivations.errors import InputError
from gradbound.carry_on import carry_on
from gradbound.choices import DATASETS, PRESETS, OneOf
from gradbound.telling import tell, tell_if_afresh
from gradbound.verbs.options import (
    FOLDER,
    data_option,
    judge,
    quiet_option,
    short_format_option,
)
from gradbound.verbs.study_commands import STUDY, show_dry_run, validate_study
from gradbound.written import CheckCount, ValidateDocument, as_json

if TYPE_CHECKING:
    from validate.records.schema import Results
    from validate.training.presets import Preset


@click.command()
@click.option(
    "--preset",
    type=OneOf(PRESETS),
    default="smoke",
    show_default=True,
    help="What to train: minutes, half an hour, the study behind C24 and C25 (hours), a GPU.",
)
@click.option("--dataset", type=OneOf(DATASETS), help="Instead of the preset's own.")
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
@short_format_option
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
    form: str,
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
    from validate.training.budget import Budget
    from validate.training.presets import preset as choose
    from validate.training.process_share import from_environment
    from validate.training.timed_sweep import dry_run

    rank = from_environment()
    if preset == STUDY:
        others = (dataset, seeds, device, budget)
        alone = rank.alone
        validate_study(out, data_dir, resume, quiet, dry=dry, others=others, alone=alone, form=form)
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
        show_dry_run(preset, lines, form)
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
    _show(out, chosen, results, form)


def _show(out: Path, preset: "Preset", results: "Results | None", form: str) -> None:
    """What the records say; None where they are not complete, which was told."""
    from validate.statistics.kinds_of_check import tally
    from validate.statistics.summary import failures, remarks

    failed = [] if results is None else failures(results)
    remarked = [] if results is None else remarks(results)
    if form == "json":
        runs = 0 if results is None else len(results.runs)
        counts = () if results is None else _counts(results)
        click.echo(
            as_json(
                ValidateDocument(
                    "gradbound.validate/1", str(out), preset.name, runs, preset.runs,
                    runs == preset.runs, counts, tuple(failed), tuple(remarked),
                )
            ),
            nl=False,
        )  # fmt: skip
    else:
        for line in tally(results) if results else ():
            click.echo(f"{out}: {line}")
        for line in remarked:
            tell(f"{out}: {line}")
    judge(failed)


def _counts(results: "Results") -> tuple[CheckCount, ...]:
    from validate.statistics.kinds_of_check import CHECKS

    found = ((check, check.count(results)) for check in CHECKS if check.count)
    return tuple(
        CheckCount(check.kind, check.name, each.checks, each.failed, each.silent, each.note)
        for check, each in found
    )
