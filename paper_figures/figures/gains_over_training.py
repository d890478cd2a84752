"""Draws how the gains of the four families move while the networks learn.

Reads block rows and epoch rows, of each family's greatest depth and all its seeds.
"""

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from paper_figures.drawing.style import DOUBLE, INK, look, plain_log_ticks, styled
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

HEIGHT = 2.6
QUANTILE = 0.05


@styled
def figure(results: Results) -> Figure:
    """(a) Gain of a block, (b) of the whole chain, ‖∂L/∂h₀‖ / ‖∂L/∂hₙ‖, by epoch.

    Median and 5–95 % over blocks, samples and seeds; in (b) thin, of a training batch in train
    mode, the median over the seeds.
    """
    drawing = Figure(figsize=(DOUBLE, HEIGHT), layout="constrained")
    single, whole = drawing.subplots(1, 2)
    for family in families(results):
        runs = deepest(results, family)
        label = f"{look(family).title}-{runs[0].config.depth}"
        for axes, curve in ((single, block_gains(runs)), (whole, total_gains(runs))):
            if len(curve.epochs):
                axes.plot(curve.epochs, curve.median, **look(family).line(), label=label)
                axes.fill_between(
                    curve.epochs,
                    curve.low,
                    curve.high,
                    color=look(family).color,
                    alpha=0.13,
                    linewidth=0,
                )
        seen = batch_ratios(runs)
        if len(seen.epochs):
            whole.plot(
                seen.epochs,
                seen.median,
                color=look(family).color,
                linewidth=0.7,
                marker="x",
                markersize=3,
                gid=f"batch {family}",
            )
    if not single.lines:
        raise MissingRecordsError(
            f"no measured gains in {results.folder}: run `gradbound validate` again"
        )
    single.set(title="(a) one block", ylabel=r"gain $\gamma$", yscale="log")
    whole.set(
        title="(b) all blocks",
        ylabel=r"$\Vert\partial L/\partial h_0\Vert \,/\, \Vert\partial L/\partial h_n\Vert$",
        yscale="log",
    )
    for axes in (single, whole):
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        plain_log_ticks(axes.yaxis)
        axes.grid(axis="y")
    handles = list(single.get_legend_handles_labels()[0])
    if any(str(line.get_gid()).startswith("batch ") for line in whole.lines):
        handles.append(
            Line2D(
                [], [], color=INK, linewidth=0.7, marker="x", markersize=3, label="training batch"
            )
        )
    drawing.legend(
        handles=handles,
        loc="outside lower center",
        ncols=5,
        handlelength=3,
    )
    return drawing


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
