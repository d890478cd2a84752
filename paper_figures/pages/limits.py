"""Says what the page's evidence does not reach: devices, networks and data, kinds of trial."""

import math
from collections.abc import Sequence

from paper_figures.drawing.plate import DATA_SETS
from validate.records.schema import Results
from validate.statistics.summary import SINGLE, summarize
from validate.study.primary_effects import flow_points
from validate.study.study_folder import Study

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


def limits(results: Results, study: Study | None) -> list[str]:
    """Sentences on which networks and data everything was measured, and how C25 was judged."""
    widths = sorted({run.config.width for run in results.runs})
    data = DATA_SETS.get(results.manifest.dataset, results.manifest.dataset)
    said = (
        "All networks that were trained are small "
        f"(width {', '.join(map(str, widths))}) and saw one data set ({data}), briefly: of wider "
        "ones, other data and long training nothing is shown."
    )
    if not study:
        return [said]
    return [said, f"{study.protocol.flow.claim}: {scope_of_flow(study)}"]


def scope_of_flow(study: Study) -> str:
    """What the study's test of flow is about, and which way the flow goes there."""
    scope = "Tested by interventions on residual networks, not by the paper's four families"
    flows = [point.flow for point in flow_points(study)]
    if not flows:
        return f"{scope}."
    least, most = (10**each if math.isfinite(each) else 0.0 for each in (min(flows), max(flows)))
    ratios = f"the flow ratios there are {least:,.3g} to {most:,.4g}"
    if least > 1:
        return f"{scope}; {ratios}, so that “more flow” is more growth, and nothing vanishes."
    return f"{scope}; {ratios}."
