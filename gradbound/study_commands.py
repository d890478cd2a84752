"""Does what verbs do with the study behind C24 and C25: runs it, finds it, draws it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from derivations.errors import InputError
from gradbound.telling import tell_drawn, tell_if_afresh

if TYPE_CHECKING:
    from validate.study.study_folder import Study


def validate_study(
    out: Path,
    data_dir: Path | None,
    resume: bool,
    quiet: bool,
    *,
    given: tuple[object, ...],
    alone: bool,
) -> None:
    """The study, whose protocol says all that the other options would."""
    from gradbound import jobs
    from validate.study.study_verdicts import decide_study

    if any(value is not None for value in given):
        raise click.UsageError(
            "The study's data set, seeds and device are those of its protocol, and it takes hours "
            "(killed, it carries on with --resume): leave out --dataset, --seeds, --device, "
            "--budget and --dry-run."
        )
    if not alone:
        raise InputError("the study is run by one command: unset RANK and WORLD_SIZE")
    tell_if_afresh(out, resume)
    study = jobs.study(out, data_dir=data_dir, resume=resume, quiet=quiet)
    decision = decide_study(study)
    click.echo(f"{out}: {len(study.rows)} trials")
    for verdict in (decision.c25, decision.c24):
        click.echo(f"{verdict.claim}: {verdict}")


def study_at(chosen: Path) -> "Study | None":
    """The study in the folder; beside the recorded runs the one that comes with gradbound, if any.

    Raises InputError for a damaged one.
    """
    from validate.records.recorded import RECORDED
    from validate.study.recorded_study import RECORDED_STUDY
    from validate.study.study_folder import is_study, read_study

    if is_study(chosen):
        return read_study(chosen)
    return read_study(RECORDED_STUDY) if chosen == RECORDED and is_study(RECORDED_STUDY) else None


def no_study(chosen: Path, name: str) -> InputError:
    """What is wrong where a figure or table of a study is asked for, and there is none."""
    return InputError(
        f"{name} shows a study, and there is none in {chosen}: run `gradbound validate --preset "
        "study --out DIR`, then give --results DIR"
    )


def draw_study_of(study: "Study | None", out: Path, names: Sequence[str] | None = None) -> None:
    """Its figures and tables, or those named, which must have records then."""
    from paper_figures import draw_study

    if study is not None:
        tell_drawn(draw_study(study, out, names), asked=bool(names))
