"""Does what verbs do with the study behind C24 and C25: runs it, finds it, draws it."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from derivations.errors import InputError
from gradbound.telling import tell_if_afresh
from gradbound.written import DryRunDocument, ValidateDocument, as_json

if TYPE_CHECKING:
    from validate.study.study_folder import Study

STUDY = "study"


def validate_study(
    out: Path,
    data_dir: Path | None,
    resume: bool,
    quiet: bool,
    *,
    dry: bool,
    others: tuple[object, ...],
    alone: bool,
    form: str,
) -> None:
    """The study, or with `dry` what is done and left of it; its protocol says all that the `others`
    of the options would.
    """
    from gradbound import jobs
    from validate.study.study_outlook import outlook
    from validate.study.study_verdicts import decide_study

    if any(value is not None for value in others):
        begun = jobs.is_there(out)
        raise click.UsageError(
            "The study's data set, seeds and device are those of its protocol, and it takes hours: "
            "leave out --dataset, --seeds, --device and --budget, and run "
            f"`{_study_command(out, data_dir, resume=begun)}`, which "
            f"{'carries on with' if begun else 'begins'} it."
        )
    if not alone:
        raise InputError("the study is run by one command: unset RANK and WORLD_SIZE")
    if dry:
        show_dry_run(STUDY, outlook(out, jobs.processes_of_study()), form)
        return
    tell_if_afresh(out, resume)
    study = jobs.study(out, data_dir=data_dir, resume=resume, quiet=quiet)
    decision = decide_study(study)
    verdicts = {verdict.claim: str(verdict) for verdict in (decision.c25, decision.c24)}
    if form == "json":
        runs, left = len(study.rows), len(study.missing)
        counts = (runs, runs + left, not left)
        found = ValidateDocument(
            "gradbound.validate/1", str(out), STUDY, *counts, verdicts=verdicts
        )
        click.echo(as_json(found), nl=False)
        return
    click.echo(f"{out}: {len(study.rows)} trials")
    for claim, said in verdicts.items():
        click.echo(f"{claim}: {said}")


def show_dry_run(preset: str, lines: Sequence[str], form: str) -> None:
    """What it would take, as lines or as one document."""
    if form == "json":
        found = DryRunDocument("gradbound.dry_run/1", preset, tuple(lines))
        click.echo(as_json(found), nl=False)
    else:
        click.echo("\n".join(lines))


def _study_command(out: Path, data_dir: Path | None, *, resume: bool) -> str:
    words = ["gradbound", "validate", "--preset", "study", "--out", str(out)]
    words += ["--data-dir", str(data_dir)] if data_dir else []
    return shlex.join([*words, "--resume"] if resume else words)


def study_at(chosen: Path) -> "Study | None":
    """The study in the folder; beside the recorded runs the one that comes with gradbound, if any.

    Raises InputError for a damaged one.
    """
    from validate.records.recorded import RECORDED
    from validate.study.recorded_study import RECORDED_STUDY
    from validate.study.study_folder import is_study, read_study

    if is_study(chosen):
        return read_study(chosen)
    recorded = chosen.resolve() == RECORDED.resolve()
    return read_study(RECORDED_STUDY) if recorded and is_study(RECORDED_STUDY) else None


def no_study(chosen: Path, name: str) -> InputError:
    """What is wrong where a figure or table of a study is asked for, and there is none."""
    return InputError(
        f"{name} shows a study, and there is none in {chosen}: run `gradbound validate --preset "
        "study --out DIR`, then give --results DIR"
    )
