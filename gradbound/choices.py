"""Reads options whose value is one of several, completes it in a shell, and says what was meant.

The names stand here, and not in the rooms that they are of, so that --help need not import those;
a test holds them equal.
"""

from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem

from derivations.errors import nearest, way_out

FORMATS = ("text", "latex", "markdown", "json")
PRESETS = ("smoke", "cpu", "study", "gpu")
DATASETS = ("digits", "fashion-mnist", "cifar10", "cifar100", "image-folder")
FIGURES = (
    *("block_plain", "block_residual", "block_se_residual", "block_dense"),
    *("training_by_depth", "training_with_gates", "parameters_and_error", "verdict_overview"),
    *("bound_envelopes", "whole_network_bounds", "gains_over_training", "sqrt_law"),
    *("law_histograms", "depth_laws", "random_laws", "alignment_law"),
    *("survival_ranking", "agreement"),
)
TABLES = (
    *("table_paper_1", "table_paper_2", "table_paper_a1", "table_figure_7"),
    *("table_networks", "table_bounds", "table_tightness", "table_limits", "table_ranking"),
    *("table_trend", "table_laws", "table_random_laws"),
)
OF_A_STUDY = ("study_effects", "table_study", "table_levels", "table_initial_ratios")


class OneOf(click.Choice[str]):
    """One of these names."""

    def get_invalid_choice_message(self, value: object, ctx: click.Context | None) -> str:
        return f"{value!r}: {way_out(str(value), map(str, self.choices))}."


class PlateName(click.ParamType[str]):
    """A figure or a table; those of records of models are known when these are read."""

    name = "name"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        known = (*FIGURES, *TABLES, *OF_A_STUDY)
        return [CompletionItem(name) for name in known if name.startswith(incomplete)]


def unknown_plate(name: str, known: Sequence[str]) -> click.BadParameter:
    """What is wrong with the name of a figure or table that is none of these."""
    return click.BadParameter(f"{name!r}: {way_out(name, known)}.", param_hint="'--only'")


class Verbs(click.Group):
    """A group that says which verb was meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            names = self.list_commands(ctx)
            meant = nearest(args[0], names)
            hint = f"did you mean {meant!r}?" if meant else f"choose from {', '.join(names)}."
            ctx.fail(f"No such command {args[0]!r}: {hint}")
        return super().resolve_command(ctx, args)
