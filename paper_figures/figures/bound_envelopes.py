"""Draws the gains of every block along a network inside their bounds, before and after training.

Reads block rows. Each probe sample keeps its own bounds: a gain outside its bar would be a
violation. Where there are bounds that hold for every loss, they are drawn within those that hold
for every signal, and none that use the signal itself; else all are, by their certainty.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import MaxNLocator

from paper_figures.drawing.style import (
    DOUBLE,
    INK,
    MUTED,
    Look,
    look,
    plain_log_ticks,
    shade,
    styled,
)
from paper_figures.figures.select import (
    Floats,
    MissingRecordsError,
    alive,
    certainties,
    deepest,
    envelope,
    families,
    measured_epochs,
    of_class,
    segments,
)
from validate.records.schema import BlockRow, BoundRow, Gains, Results, Run

HEIGHT = 3.9
SLOT = 0.84  # share of a block's width that its samples fill
OFF_SCALE = 1e300  # where a bound is zero or infinite, its bar runs off a logarithmic axis
REACH = 8.0  # bounds are shown up to this factor beyond the gains


@dataclass(frozen=True)
class Kind:
    """Bounds that are drawn as one bar, from the weakest kind to the strongest: in which shade."""

    name: str
    words: str
    fraction: float

    def bounds(self, row: BlockRow) -> list[BoundRow]:
        """Those of the row."""
        if self in BY_CERTAINTY:
            return [bound for bound in row.bounds if bound.certainty == self.name]
        return of_class(row, self.name)


BY_CERTAINTY = (Kind("probable", "probable bounds", 0.0), Kind("exact", "exact bounds", 0.6))
BY_LOSSES = (
    Kind("every signal", "for every signal", 0.0),
    Kind("shift_invariant", "for every shift-invariant loss", 0.75),
    Kind("labels", "for every hard label", 1.4),
)


@styled
def figure(results: Results) -> Figure:
    """Columns: families, at their greatest depth. Rows: before training, after the last epoch.
    Gains on one logarithmic axis, the same for all panels.
    """
    shown = families(results)
    runs = [deepest(results, family)[0] for family in shown]
    panels = [_panels(run) for run in runs]
    every = [row for pair in panels for rows in pair for row in rows]
    alike = any(bound.losses for row in every for bound in row.bounds)
    kinds = BY_LOSSES if alike else BY_CERTAINTY
    drawing = Figure(figsize=(DOUBLE, HEIGHT), layout="constrained")
    grid = drawing.subplots(2, len(shown), squeeze=False, sharey="all", sharex="col")
    for column, run, pair in zip(grid.T, runs, panels, strict=True):
        style = look(run.config.family)
        for axes, rows in zip(column, pair, strict=True):
            for number, row in enumerate(rows, start=1):
                _block(axes, number, row, style, kinds)
        _axes(column, every, len(pair[0]), kinds)
        column[0].set_title(f"{style.title}-{run.config.depth}")
        column[-1].set_xlabel("block (1 = at the input)")
    for axes, words in zip(grid[:, 0], ("before training", "after training"), strict=True):
        axes.set_ylabel(f"gain $\\gamma$ {words}")
    _legend(drawing, kinds)
    return drawing


def _panels(run: Run) -> list[list[BlockRow]]:
    """The blocks before and after training."""
    epochs = measured_epochs(run)
    return [segments(run, epoch) for epoch in (epochs[0], epochs[-1])]


def _block(axes: Axes, number: int, row: BlockRow, style: Look, kinds: Sequence[Kind]) -> None:
    """One block's samples side by side, by ascending gain."""
    order = sorted(range(len(row.measured)), key=lambda index: row.measured[index] or 0.0)
    order = [index for index in order if row.measured[index]]
    if not order:
        return
    edges = number + SLOT * (np.linspace(0, 1, len(order) + 1) - 0.5)
    certainties([row])  # refuses an unknown one
    for kind in kinds:
        bounds = kind.bounds(row)
        if not bounds:
            continue
        low, high = envelope(bounds, len(row.measured))
        floor, ceiling = _steps(low, order, 1 / OFF_SCALE), _steps(high, order, OFF_SCALE)
        if bounds[0].losses:  # without a lower one a sample has none: it was left out
            out = [low[index] is None for index in (*order, order[-1])]
            floor[out] = ceiling[out] = np.nan
        axes.fill_between(
            edges,
            floor,
            ceiling,
            step="post",
            color=shade(style.color, kind.fraction),
            linewidth=0,
            gid=f"{kind.name} {row.name}",
        )
    centers = (edges[:-1] + edges[1:]) / 2
    predicted, measured = (
        np.array([gains[index] for index in order], dtype=float)
        for gains in (row.predicted, row.measured)
    )
    axes.plot(
        centers, predicted, color="white", linewidth=1.8, zorder=3, gid=f"predicted {row.name}"
    )
    axes.plot(
        centers, measured, color=INK, marker="o", markersize=1.1, markeredgewidth=0,
        linestyle="none", zorder=4, gid=f"measured {row.name}",
    )  # fmt: skip


def _steps(values: Gains, order: Sequence[int], missing: float) -> Floats:
    """The values in order, the last one twice, as a staircase needs them."""
    chosen = [values[index] or missing for index in (*order, order[-1])]
    return np.array(chosen, dtype=float)


def _axes(
    column: Sequence[Axes], rows: Sequence[BlockRow], count: int, kinds: Sequence[Kind]
) -> None:
    """A logarithmic axis for both panels of a column, reaching a little beyond the gains."""
    gains = [gain for row in rows for gain in alive(row.measured) if gain > 0]
    if not gains:
        raise MissingRecordsError("every backward signal had vanished: there is no gain to draw")
    drawn = [bound for row in rows for kind in kinds for bound in kind.bounds(row)]
    bounds = [value for bound in drawn for value in alive(bound.value) if value > 0]
    low = max(min(bounds, default=min(gains)), min(gains) / REACH)
    high = min(max(bounds, default=max(gains)), max(gains) * REACH)
    for axes in column:
        axes.set_yscale("log")
        axes.set_ylim(min(low, *gains) / 1.3, max(high, *gains) * 1.3)
        axes.set_xlim(0.4, count + 0.6)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, min_n_ticks=1))
        plain_log_ticks(axes.yaxis)
        axes.axhline(1, color=MUTED, linewidth=0.5, linestyle=(0, (1, 2)), zorder=2.5)


def _legend(drawing: Figure, kinds: Sequence[Kind]) -> None:
    grey = "#555555"
    handles = [
        Line2D(
            [],
            [],
            color=INK,
            marker="o",
            markersize=2,
            linestyle="none",
            label="measured (autograd)",
        ),
        Line2D([], [], color="white", linewidth=2.2, label="predicted (exact identity)"),
        *(Patch(color=shade(grey, kind.fraction), label=kind.words) for kind in reversed(kinds)),
    ]
    legend = drawing.legend(
        handles=handles,
        loc="outside lower center",
        ncols=len(handles),
        handlelength=1.6,
        columnspacing=1.4,
    )
    legend.get_lines()[1].set_path_effects(
        [Stroke(linewidth=3.4, foreground=shade(grey, kinds[-1].fraction)), Normal()]
    )
