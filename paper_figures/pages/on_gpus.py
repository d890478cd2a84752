"""Says what records of a GPU show beside those of a CPU, or that there are none."""

from collections.abc import Sequence

from validate.records.schema import Results
from validate.statistics.summary import SINGLE, summarize

NONE = "No record of a GPU exists yet: all that is shown here was measured on a CPU."


def on_gpus(found: Sequence[Results]) -> list[str]:
    """A sentence on each results folder that was made on a GPU; `NONE` where none was."""
    return [_sentence(each) for each in found if each.manifest.device.startswith("cuda")] or [NONE]


def _sentence(results: Results) -> str:
    epochs = [row for run in results.runs for row in run.epochs]
    seen = summarize((row for run in results.runs for row in run.blocks), epochs)
    device = ", ".join(sorted({row.made_on for row in epochs if row.made_on}))
    return (
        f"The same predictions on a GPU ({device}): {len(results.runs)} runs, "
        f"{seen.bound_checks:,} checks of bounds, {seen.violations:,} violations; the largest "
        f"relative error of a predicted gain is {seen.identity_error:.1e}, that of gains computed "
        f"in float32 there {seen.float32_error:.1e}, of {SINGLE:.1e} allowed."
    )
