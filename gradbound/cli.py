"""Offers the command line: its verbs stand in `gradbound/verbs`, by family.

A verb imports its rooms when it runs, so that --help answers without torch, sympy or matplotlib.
Data goes to stdout, progress to stderr.
"""

import sys
from collections.abc import Sequence

import click

from gradbound import __version__
from gradbound.carry_on import after_interrupt
from gradbound.choices import Verbs
from gradbound.exits import Interrupted, guard
from gradbound.verbs.derive_commands import audit, derive
from gradbound.verbs.doctor_command import doctor
from gradbound.verbs.drawing_commands import figures, report
from gradbound.verbs.law_command import check_laws
from gradbound.verbs.model_commands import analyze
from gradbound.verbs.reproduce_command import reproduce
from gradbound.verbs.validate_command import validate


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line (of this process, unless given) and returns its exit code."""
    given = tuple(sys.argv[1:] if arguments is None else arguments)
    return guard(lambda: cli.main(given, prog_name="gradbound", standalone_mode=False, obj=given))


class _Commands(Verbs):
    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise Interrupted(after_interrupt(ctx.obj)) from error


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """How much of the gradient must get through a network block, how much can, and how much does.

    Exit codes: 0 ok, 1 bug, 2 usage, 3 bad input, 4 a bound or a derivation step is violated, 5 a
    model cannot be captured, 6 timeout, 130 interrupted (resumable) by Ctrl-C or SIGTERM.

    Shell completion: eval "$(_GRADBOUND_COMPLETE=bash_source gradbound)", or zsh_source, or
    _GRADBOUND_COMPLETE=fish_source gradbound | source.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


for verb in (
    *(derive, audit, analyze, validate, check_laws),
    *(figures, report, reproduce, doctor),
):
    cli.add_command(verb)
