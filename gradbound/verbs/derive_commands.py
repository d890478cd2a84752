"""Offers the verbs that prove and judge: `derive` and `audit`."""

from pathlib import Path

import click

from derivations.algebra.blocks import BLOCKS
from gradbound.choices import OneOf
from gradbound.verbs.options import (
    FOLDER,
    chosen_results,
    format_option,
    judge,
    limit_option,
    quiet_option,
    results_option,
    tell_if_recorded,
)


@click.command(epilog=f"Blocks: {', '.join(BLOCKS)}.")
@click.argument("blocks", nargs=-1, type=OneOf(list(BLOCKS)), metavar="[BLOCK]...")
@format_option
@click.option(
    "--out",
    type=FOLDER,
    help="A folder for derivations.tex, .md, .json and diagrams, beside what is printed.",
)
@limit_option
@quiet_option
def derive(
    blocks: tuple[str, ...], form: str, out: Path | None, time_limit: float, quiet: bool
) -> None:
    """Derive gradients and bounds, check every step.

    All blocks, unless some are named. Ends with exit code 4 if a step fails a check.
    """
    from derivations.book.text import render
    from gradbound.api import derive as run
    from gradbound.files import write_derivations
    from validate.progress import for_terminal
    from validate.records.storage import make_folder

    if out:
        make_folder(out)
    document = run(*blocks, seconds=time_limit, progress=for_terminal(quiet, patient=True))
    if out:
        write_derivations(document, out)
    click.echo(render(document, form), nl=False)
    judge(document.failures())


@click.command()
@format_option
@results_option
@limit_option
@quiet_option
def audit(form: str, results: Path | None, time_limit: float, quiet: bool) -> None:
    """Adjudicate the paper's claims C1–C25.

    Evidence is computed and verdicts follow from it; that a claim is refuted is no failure. C24 and
    C25 are judged by the study: that of --results, else the one that comes with gradbound.
    """
    from gradbound.api import audit as run
    from validate.audit.audit_document import render
    from validate.progress import for_terminal

    chosen = chosen_results(results)
    found = run(chosen, seconds=time_limit, progress=for_terminal(quiet, patient=True))
    click.echo(render(found, form), nl=False)
    tell_if_recorded(chosen, quiet)
