"""Draws the gains of every block along a network inside their bounds, before and after training.

Reads block rows. Each probe sample keeps its own bounds: a gain outside its bar would be a
violation.
"""

from collections.abc import Callable, Sequence

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
    families,
    measured_epochs,
    segments,
)
from validate.records.schema import BlockRow, Gains, Results

HEIGHT = 3.9
SLOT = 0.84  # share of a block's width that its samples fill
OFF_SCALE = 1e300  # where a bound is zero or infinite, its bar runs off a logarithmic axis
REACH = 8.0  # bounds are shown up to this factor beyond the gains
FRACTIONS = {"probable": 0.0, "exact": 0.6}  # shades of the bars, by certainty


@styled
def figure(results: Results) -> Figure:
    """Columns: families, at their greatest depth. Rows: before training, after the last epoch.
    Gains on a logarithmic axis.
    """
    shown = families(results)
    drawing = Figure(figsize=(DOUBLE, HEIGHT), layout="constrained")
    grid = drawing.subplots(2, len(shown), squeeze=False, sharey="col", sharex="col")
    for column, family in zip(grid.T, shown, strict=True):
        run = deepest(results, family)[0]
        epochs = measured_epochs(run)
        panels = [segments(run, epoch) for epoch in (epochs[0], epochs[-1])]
        for axes, rows in zip(column, panels, strict=True):
            for number, row in enumerate(rows, start=1):
                _block(axes, number, row, look(family))
        _axes(column, [row for rows in panels for row in rows], len(panels[0]))
        column[0].set_title(f"{look(family).title}-{run.config.depth}")
    for axes, words in zip(grid[:, 0], ("before training", "after training"), strict=True):
        axes.set_ylabel(f"gain $\\gamma$ {words}")
    _legend(drawing)
    return drawing


def envelope(row: BlockRow, certainty: str) -> tuple[Gains, Gains]:
    """For each sample the greatest lower and the least upper bound of that certainty.

    None where there is none.
    """

    def sharpest(side: str, best: Callable[..., float | None]) -> Gains:
        bounds = [
            bound.value
            for bound in row.bounds
            if (bound.side, bound.certainty) == (side, certainty)
        ]
        columns = zip(*bounds, strict=True) if bounds else [()] * len(row.measured)
        return tuple(best(alive(values), default=None) for values in columns)

    return sharpest("lower", max), sharpest("upper", min)


def _block(axes: Axes, number: int, row: BlockRow, style: Look) -> None:
    """One block's samples side by side, by ascending gain."""
    order = sorted(range(len(row.measured)), key=lambda index: row.measured[index] or 0.0)
    order = [index for index in order if row.measured[index]]
    if not order:
        return
    edges = number + SLOT * (np.linspace(0, 1, len(order) + 1) - 0.5)
    for certainty in certainties([row]):
        low, high = envelope(row, certainty)
        floor, ceiling = _steps(low, order, 1 / OFF_SCALE), _steps(high, order, OFF_SCALE)
        color = shade(style.color, FRACTIONS[certainty])
        axes.fill_between(
            edges,
            floor,
            ceiling,
            step="post",
            color=color,
            linewidth=0,
            gid=f"{certainty} {row.name}",
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


def _axes(column: Sequence[Axes], rows: Sequence[BlockRow], count: int) -> None:
    """One logarithmic axis for both rows of a family, reaching a little beyond its gains."""
    gains = [gain for row in rows for gain in alive(row.measured) if gain > 0]
    if not gains:
        raise MissingRecordsError("every backward signal had vanished: there is no gain to draw")
    bounds = [
        value for row in rows for bound in row.bounds for value in alive(bound.value) if value > 0
    ]
    low = max(min(bounds, default=min(gains)), min(gains) / REACH)
    high = min(max(bounds, default=max(gains)), max(gains) * REACH)
    for axes in column:
        axes.set_yscale("log")
        axes.set_ylim(min(low, *gains) / 1.3, max(high, *gains) * 1.3)
        axes.set_xlim(0.4, count + 0.6)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, min_n_ticks=1))
        plain_log_ticks(axes.yaxis)
        axes.axhline(1, color=MUTED, linewidth=0.5, linestyle=(0, (1, 2)), zorder=2.5)
    column[-1].set_xlabel("block")


def _legend(drawing: Figure) -> None:
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
        Patch(color=shade(grey, FRACTIONS["exact"]), label="exact bounds"),
        Patch(color=shade(grey, FRACTIONS["probable"]), label="probable bounds"),
    ]
    legend = drawing.legend(
        handles=handles, loc="outside lower center", ncols=4, handlelength=1.6, columnspacing=1.4
    )
    legend.get_lines()[1].set_path_effects(
        [Stroke(linewidth=3.4, foreground=shade(grey, FRACTIONS["exact"])), Normal()]
    )
