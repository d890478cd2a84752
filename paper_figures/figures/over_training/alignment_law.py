"""Draws the alignment of branch and skip over training, beside its law for random weights.

Reads block rows: of each block and run the first sample. Alignments are in units of their deviation
over random weights, so that the law is a standard normal variable.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from paper_figures.drawing.style import DOUBLE, FAINT, INK, MUTED, look, shade, styled
from paper_figures.figures.select import MissingRecordsError, families, measured_epochs, runs_of
from validate.records.schema import Results
from validate.statistics.distance_from_law import alignments

HEIGHT = 3.6
QUANTILE = 0.05
NORMAL_90 = 1.6448536269514722
BINS = 17
REACH = 4.25  # the histograms' outermost edges hold what lies beyond


@styled
def figure(results: Results) -> Figure:
    """Upper row: alignments before and after training, and the density of the law. Lower row: by
    epoch, median and 5–95 %, and the law's.
    """
    values = {family: by_epoch(results, family) for family in families(results)}
    shown = [family for family, found in values.items() if found]
    if not shown:
        raise MissingRecordsError(
            f"no alignments in {results.folder}: run `gradbound validate` again"
        )
    drawing = Figure(figsize=(DOUBLE, HEIGHT), layout="constrained")
    grid = drawing.subplots(2, len(shown), squeeze=False, sharey="row")
    for column, family in zip(grid.T, shown, strict=True):
        _histograms(column[0], family, values[family])
        _course(column[1], family, values[family])
        column[0].set_title(look(family).title)
        column[0].set_xlabel("alignment (deviations of the law)")
        column[1].set_xlabel("epoch")
    grid[0][0].set_ylabel("density")
    grid[1][0].set_ylabel("alignment")
    drawing.legend(handles=_roles(), loc="outside lower center", ncols=4, handlelength=2.4)
    return drawing


def by_epoch(results: Results, family: str) -> dict[int, list[float]]:
    """The alignments of all blocks and runs of the family, by measured epoch."""
    runs = [run for run in runs_of(results, family) if run.blocks]
    found = {
        epoch: [
            value
            for run in runs
            for value, _ in alignments([row for row in run.blocks if row.epoch == epoch])
        ]
        for epoch in sorted({epoch for run in runs for epoch in measured_epochs(run)})
    }
    return {epoch: values for epoch, values in found.items() if values}


def _histograms(axes: Axes, family: str, found: dict[int, list[float]]) -> None:
    edges = np.linspace(-REACH, REACH, BINS + 1)
    first, last = found[min(found)], found[max(found)]
    color = look(family).color
    for values, filled in ((last, True), (first, False)):
        counts, _ = np.histogram(np.clip(values, -REACH, REACH), edges)
        axes.stairs(
            counts / max(counts.sum(), 1) / np.diff(edges),
            edges,
            fill=filled,
            color=shade(color, 0.0 if filled else 1.5),
            linewidth=0.0 if filled else 1.1,
            gid=f"{'after' if filled else 'before'} {family}",
        )
    x = np.linspace(-REACH, REACH, 201)
    axes.plot(
        x, np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi), color=INK, linewidth=0.9,
        linestyle=(0, (4, 1.5)), gid="law",
    )  # fmt: skip
    axes.set_xlim(-REACH, REACH)
    axes.set_xticks([-4, -2, 0, 2, 4], ["≤ −4", "−2", "0", "2", "≥ 4"])


def _course(axes: Axes, family: str, found: dict[int, list[float]]) -> None:
    epochs, style = sorted(found), look(family)
    low, median, high = np.array(
        [np.quantile(found[epoch], (QUANTILE, 0.5, 1 - QUANTILE)) for epoch in epochs]
    ).T
    axes.axhspan(-NORMAL_90, NORMAL_90, color=FAINT, linewidth=0, zorder=0)
    axes.axhline(0, color=MUTED, linewidth=0.6, zorder=1)
    axes.fill_between(
        epochs, low, high, color=style.color, alpha=0.25, linewidth=0, gid=f"band {family}"
    )
    axes.plot(epochs, median, **style.line(), gid=family)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, steps=[1, 2, 5, 10]))


def _roles() -> list[Line2D | Patch]:
    grey = "#777777"
    return [
        Line2D([], [], color=INK, linewidth=0.9, linestyle=(0, (4, 1.5)), label="law (upper row)"),
        Patch(color=FAINT, label="90 % of the law (lower row)"),
        Line2D([], [], color=shade(grey, 1.5), linewidth=1.1, label="before training"),
        Patch(color=shade(grey, 0.7), label="after training; its 5–95 %"),
    ]
