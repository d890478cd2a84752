"""Offers the options that several verbs share, and judges what they found."""

import shlex
from collections.abc import Sequence
from pathlib import Path

import click

from derivations.errors import InputError, ViolationError
from gradbound.choices import FORMATS, OneOf
from gradbound.places import Folder
from gradbound.telling import tell

FOLDER = Folder()
DEFAULT_RESULTS = Path("results")

format_option = click.option(
    "--format", "form", type=OneOf(FORMATS), default="text", show_default=True
)
short_format_option = click.option(
    "--format", "form", type=OneOf(("text", "json")), default="text", show_default=True
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


def chosen_results(results: Path | None) -> Path:
    """The folder asked for, else the one that `validate` writes by default, else the recorded."""
    from validate.records.recorded import RECORDED
    from validate.study.study_folder import is_study

    there = (DEFAULT_RESULTS / "manifest.json").exists() or is_study(DEFAULT_RESULTS)
    return results or (DEFAULT_RESULTS if there else RECORDED)


def has_results(chosen: Path, *, others: bool) -> bool:
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


def tell_if_recorded(chosen: Path, quiet: bool = False) -> None:
    """Where there is no folder of the user's own."""
    from validate.records.recorded import RECORDED

    if chosen == RECORDED:
        tell(
            f"no folder {DEFAULT_RESULTS} here: these are the recorded runs that come with "
            "gradbound (cpu preset)",
            quiet,
        )


def judge(failures: Sequence[str], shown: int = 5) -> None:
    """Raises ViolationError that names the first failures, if there is any."""
    if failures:
        more = f"; and {len(failures) - shown} more" if len(failures) > shown else ""
        raise ViolationError("; ".join(failures[:shown]) + more)
