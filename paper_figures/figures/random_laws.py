"""Draws where gains and alignments lie in the law of random weights, before training and after.

Reads block rows: of each block and run the first sample, as the table of the same name.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from paper_figures.drawing.style import DOUBLE, FAINT, INK, MUTED, look, styled
from paper_figures.figures.select import MissingRecordsError, families, measured_epochs, runs_of
from validate.records.schema import BlockRow, Results
from validate.statistics.distance_from_law import alignments, probabilities

HEIGHT = 2.7
QUANTILE = 0.05
NORMAL_90 = 1.6448536269514722
MOST_EPOCHS = 5
DODGE = 0.08  # of the distance between epochs


@styled
def figure(results: Results) -> Figure:
    """(a) Distribution of the law's probabilities of the measured gains. (b) Alignment by epoch:
    median, 5–95 %; shaded: the law's 90 %.
    """
    epochs = sorted({epoch for run in results.runs if run.blocks for epoch in measured_epochs(run)})
    drawing = Figure(figsize=(DOUBLE, HEIGHT), layout="constrained")
    shares, aligned = drawing.subplots(1, 2)
    for family in families(results):
        for epoch in dict.fromkeys((epochs[0], epochs[-1]) if epochs else ()):
            _shares(
                shares,
                family,
                probabilities(_rows(results, family, epoch)),
                first=epoch == epochs[0],
            )
    if not shares.lines:
        raise MissingRecordsError(
            f"no laws of random weights in {results.folder}: run `gradbound validate` again"
        )
    with_skip = [
        family
        for family in families(results)
        if any(alignments(_rows(results, family, epoch)) for epoch in epochs)
    ]
    epochs = few(epochs)
    for place, family in enumerate(with_skip):
        _alignments(aligned, results, family, epochs, DODGE * (place - (len(with_skip) - 1) / 2))
    shares.plot((0, 1), (0, 1), color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
    shares.set(
        title="(a) gains",
        xlabel="probability of a smaller gain, random weights",
        ylabel="share of blocks at or below",
    )
    shares.set(xlim=(0, 1), ylim=(0, 1.02))
    aligned.axhspan(-NORMAL_90, NORMAL_90, color=FAINT, linewidth=0, zorder=0)
    aligned.axhline(0, color=MUTED, linewidth=0.6, zorder=1)
    aligned.set(
        title="(b) alignment of branch and skip",
        xlabel="epoch",
        ylabel="in deviations of random weights",
    )
    aligned.set_xticks(range(len(epochs)), [str(epoch) for epoch in epochs])
    drawing.legend(handles=_roles(families(results)), loc="outside lower center", ncols=6)
    return drawing


def few(epochs: list[int], most: int = MOST_EPOCHS) -> list[int]:
    """The first, the last, and as many between them, evenly spread, as can be told apart."""
    if len(epochs) <= most:
        return epochs
    places = np.linspace(0, len(epochs) - 1, most).round().astype(int)
    return [epochs[place] for place in dict.fromkeys(places.tolist())]


def _rows(results: Results, family: str, epoch: int) -> list[BlockRow]:
    return [row for run in runs_of(results, family) for row in run.blocks if row.epoch == epoch]


def _shares(axes: Axes, family: str, found: list[float], first: bool) -> None:
    if found:
        steps = np.arange(len(found) + 1) / len(found)
        axes.step(
            [0, *sorted(found)],
            steps,
            where="post",
            color=look(family).color,
            linestyle="-" if first else "--",
            linewidth=1,
            gid=family,
        )


def _alignments(axes: Axes, results: Results, family: str, epochs: list[int], shift: float) -> None:
    for place, epoch in enumerate(epochs):
        values = [value for value, _ in alignments(_rows(results, family, epoch))]
        if values:
            low, median, high = np.quantile(values, (QUANTILE, 0.5, 1 - QUANTILE))
            axes.plot((place + shift,) * 2, (low, high), color=look(family).color, linewidth=1)
            axes.plot(
                place + shift,
                median,
                color=look(family).color,
                marker=look(family).marker,
                markersize=4,
                gid=family,
            )


def _roles(drawn: list[str]) -> list[Line2D]:
    lines = [
        Line2D(
            [], [], color=look(family).color, marker=look(family).marker, label=look(family).title
        )
        for family in drawn
    ]
    before = Line2D([], [], color=INK, linestyle="-", label="before training")
    return [*lines, before, Line2D([], [], color=INK, linestyle="--", label="after")]
