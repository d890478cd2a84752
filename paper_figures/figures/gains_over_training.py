"""Draws how the gains of the four families move while the networks learn.

Reads block rows and epoch rows, of each family's greatest depth and all its seeds. A panel per
family, so that no band lies upon another; the medians of the others are behind it in grey.
"""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter

from paper_figures.drawing.style import (
    DOUBLE,
    INK,
    MUTED,
    look,
    plain_log_ticks,
    shade,
    styled,
)
from paper_figures.figures.select import (
    Curve,
    MissingRecordsError,
    alive,
    by_epoch,
    deepest,
    families,
    measured_epochs,
    segments,
    spread,
)
from validate.records.schema import Results, Run

HEIGHT = 3.7
QUANTILE = 0.05
OTHERS = "#b8b8b8"
FINE = (0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5)  # ticks where gains differ by less than a hundred
COARSE = (1, 3)  # where by less than ten thousand
WIDE = 100
BAND = -0.2  # the shade of a band: light enough for lines upon it


@styled
def figure(results: Results) -> Figure:
    """Upper row: gain of a block, lower row: of the whole chain, ‖∂L/∂h₀‖ / ‖∂L/∂hₙ‖, by epoch.

    A column per family. Median and 5–95 % over blocks, samples and seeds; in the lower row crosses,
    of a training batch in train mode, the median over the seeds.
    """
    shown = families(results)
    runs = {family: deepest(results, family) for family in shown}
    rows = [{name: gains(runs[name]) for name in shown} for gains in (block_gains, total_gains)]
    if not any(len(curve.epochs) for curve in rows[0].values()):
        raise MissingRecordsError(
            f"no measured gains in {results.folder}: run `gradbound validate` again"
        )
    drawing = Figure(figsize=(DOUBLE, HEIGHT), layout="constrained")
    grid = drawing.subplots(2, len(shown), squeeze=False, sharex=True, sharey="row")
    for line, curves in zip(grid, rows, strict=True):
        for axes, family in zip(line, shown, strict=True):
            _panel(axes, family, curves)
    crossed = [
        _batches(axes, family, runs[family]) for axes, family in zip(grid[1], shown, strict=True)
    ]
    for axes, family in zip(grid[0], shown, strict=True):
        axes.set_title(f"{look(family).title}-{runs[family][0].config.depth}")
    for axes in grid.flat:
        axes.set_yscale("log")
        axes.axhline(1, color=MUTED, linewidth=0.5, linestyle=(0, (1, 2)), zorder=1)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, steps=[1, 2, 5, 10]))
        axes.grid(axis="y")
    for axes in grid[1]:
        axes.set_xlabel("epoch")
    for line in grid:
        _ticks(line[0].yaxis)
    grid[0][0].set_ylabel(r"one block: gain $\gamma$")
    grid[1][0].set_ylabel(
        r"all: $\Vert\partial L/\partial h_0\Vert / \Vert\partial L/\partial h_n\Vert$"
    )
    drawing.legend(
        handles=_roles(any(crossed)), loc="outside lower center", ncols=4, handlelength=2.6
    )
    return drawing


def _panel(axes: Axes, family: str, curves: dict[str, Curve]) -> None:
    for name, curve in curves.items():
        if name != family:
            axes.plot(curve.epochs, curve.median, color=OTHERS, linewidth=0.7, gid=f"behind {name}")
    curve, style = curves[family], look(family)
    if len(curve.epochs):
        axes.plot(curve.epochs, curve.median, **style.line(), label=style.title, gid=family)
        axes.fill_between(
            curve.epochs, curve.low, curve.high, color=shade(style.color, BAND), linewidth=0,
            zorder=0.5, gid=f"band {family}",
        )  # fmt: skip


def _batches(axes: Axes, family: str, runs: list[Run]) -> bool:
    seen = batch_ratios(runs)
    if not len(seen.epochs):
        return False
    axes.plot(
        seen.epochs, seen.median, color=INK, linestyle="none", marker="x", markersize=3.5,
        markeredgewidth=0.8, zorder=4, gid=f"batch {family}",
    )  # fmt: skip
    return True


def _ticks(axis: Axis) -> None:
    """Powers of ten; between them, FINE or COARSE, the more the less gains differ."""
    low, high = sorted(axis.get_view_interval())
    if high / low >= WIDE**2:
        plain_log_ticks(axis)
        return
    steps = FINE if high / low < WIDE else COARSE
    scale = 10.0 ** np.arange(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = sorted({float(f"{power * fine:.3g}") for power in scale for fine in steps})
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _roles(crossed: bool) -> list[Line2D | Patch]:
    roles: list[Line2D | Patch] = [
        Line2D([], [], color=INK, marker="o", label="median, this family"),
        Patch(color="#cfcfcf", label="5–95 %"),
        Line2D([], [], color=OTHERS, linewidth=0.7, label="medians, other families"),
    ]
    if crossed:
        roles.append(
            Line2D([], [], color=INK, marker="x", markersize=3.5, linestyle="none",
                   label="training batch")
        )  # fmt: skip
    return roles


def block_gains(runs: list[Run]) -> Curve:
    """The measured gains of all blocks by epoch, positive ones only."""
    epochs = sorted({epoch for run in runs for epoch in measured_epochs(run)})
    samples = [
        [
            gain
            for run in runs
            for row in segments(run, epoch)
            for gain in alive(row.measured)
            if gain > 0
        ]
        for epoch in epochs
    ]
    return spread(samples, epochs, QUANTILE)


def total_gains(runs: list[Run]) -> Curve:
    """The measured end-to-end ratios by epoch, positive ones only."""
    rows = [row for run in runs for row in run.epochs if row.total is not None]
    epochs = sorted({row.epoch for row in rows})
    samples = [
        [
            gain
            for row in rows
            if row.epoch == epoch and row.total
            for gain in alive(row.total.measured)
            if gain > 0
        ]
        for epoch in epochs
    ]
    return spread(samples, epochs, QUANTILE)


def batch_ratios(runs: list[Run]) -> Curve:
    """The ratios of a training batch in train mode by epoch, positive ones only; none in records of
    the first version.
    """
    return by_epoch(runs, lambda row: row.batch_ratio or None)
