"""Offers the verb that looks at the machine: `doctor`."""

from pathlib import Path

import click

from derivations.errors import InputError
from gradbound.verbs.options import data_option, short_format_option
from gradbound.written import as_json


@click.command()
@short_format_option
@click.option("--json", "as_before", is_flag=True, hidden=True, help="The same as --format json.")
@data_option
def doctor(form: str, as_before: bool, data_dir: Path | None) -> None:
    """Show versions, device, data sets found, threads.

    Ends with exit code 3 if something here would stop another command.
    """
    from gradbound.doctor import examine

    diagnosis = examine(data_dir)
    as_it = as_json(diagnosis) if as_before or form == "json" else f"{diagnosis}\n"
    click.echo(as_it, nl=False)
    if diagnosis.problems:
        raise InputError("; ".join(diagnosis.problems))
