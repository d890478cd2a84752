"""Draws gains of one layer over draws of its weights, beside the density that the law states.

Reads the recorded histograms: counts from autograd, densities from the law; neither sees the other.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from paper_figures.drawing.style import DOUBLE, INK, styled
from paper_figures.figures.select import MissingRecordsError
from validate.comparison.law_records import HistogramRow, read_histograms

HEIGHT = 2.3
TITLES = {
    "dense": "(a) dense layer",
    "masked": "(b) dense layer behind a ReLU",
    "convolution": "(c) 3 × 3 convolution",
}
FILL = "#bcd9ee"


def recorded(_: object) -> Figure:
    """The figure of the recorded histograms."""
    return figure(read_histograms())


@styled
def figure(rows: Sequence[HistogramRow]) -> Figure:
    """A panel per law: bars are shares of draws per unit of the gain, the line is the density."""
    if not rows:
        raise MissingRecordsError("no histograms of gains are recorded: make them again")
    drawing = Figure(figsize=(DOUBLE, HEIGHT), layout="constrained")
    panels = drawing.subplots(1, len(rows), squeeze=False)[0]
    for axes, row in zip(panels, rows, strict=True):
        edges = np.array(row.edges)
        heights = np.array(row.counts) / row.draws / np.diff(edges)
        axes.stairs(heights, edges, fill=True, color=FILL, label="autograd", gid="autograd")
        axes.plot(row.points, row.density, color=INK, linewidth=1.1, label="law", gid="law")
        axes.set(title=TITLES[row.law], xlabel=r"gain $\gamma$")
        axes.set_ylim(0, 1.28 * max(*row.density, *heights))
        axes.text(
            0.98,
            0.97,
            f"{row.draws:,} draws\n$D$ = {row.distance:.4f}, $p$ = {row.p_value:.2g}",
            transform=axes.transAxes,
            ha="right",
            va="top",
            fontsize=7,
        )
    panels[0].set_ylabel("density")
    drawing.legend(
        handles=panels[0].get_legend_handles_labels()[0],
        labels=["measured by autograd", "exact density of the law"],
        loc="outside lower center",
        ncols=2,
    )
    return drawing
