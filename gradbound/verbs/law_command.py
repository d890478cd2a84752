"""Offers the verb that holds laws against simulation: `check-laws`."""

import click

from gradbound.choices import OneOf
from gradbound.verbs.options import judge, quiet_option
from gradbound.written import as_json

FAMILIES = ("published", "depth")


@click.command("check-laws")
@click.argument("families", nargs=-1, type=OneOf(FAMILIES), metavar="[published|depth]...")
@click.option(
    "--format",
    "form",
    type=OneOf(("text", "markdown", "json")),
    default="text",
    show_default=True,
)
@quiet_option
def check_laws(families: tuple[str, ...], form: str, quiet: bool) -> None:
    """Hold published statements about random layers, and the laws of depth, against simulation.

    Both, unless one is named: a minute for the published statements, three for the laws of depth.
    Ends with exit code 4 if a statement does not hold.
    """
    from validate.comparison.law_checks import check_laws as run
    from validate.progress import for_terminal

    found = run(families or FAMILIES, for_terminal(quiet))
    match form:
        case "json":
            click.echo(as_json(found.document), nl=False)
        case "markdown":
            click.echo(found.markdown(), nl=False)
        case _:
            click.echo(found.text())
    judge(found.failures)
