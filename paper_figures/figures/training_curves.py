"""Draws training and test error by epoch: the paper's Figures 5 and 6, on the data used here.

Reads epoch rows; epoch 0, the network before training, is left out.
"""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from paper_figures.drawing.style import DOUBLE, INK, look, shade, styled, verbatim
from paper_figures.figures.select import MissingRecordsError, by_epoch, depths, runs_of
from validate.records.schema import Results, Run

HEIGHT = 2.55
BAND = 0.15


@styled
def depth_figure(results: Results) -> Figure:
    """Figure 5: residual (a) and plain (b) networks at each depth.

    Solid: test error, dashed: training error, percent; bands: all seeds.
    """
    figure, panels = _panels(results, 2)
    for axes, letter, family in zip(panels, "ab", ("residual", "plain"), strict=True):
        trained = depths(results, family)
        for index, depth in enumerate(trained):
            tone = shade(
                look(family).color,
                0.15 + 1.5 * index / max(len(trained) - 1, 1) if len(trained) > 1 else 1.0,
            )
            _curves(axes, runs_of(results, family, depth), tone, f"{look(family).title}-{depth}")
        axes.set_title(f"({letter}) {look(family).title}")
    for axes in panels:
        _finish(axes)
    return figure


@styled
def gate_figure(results: Results) -> Figure:
    """Figure 6: residual and SE residual networks of equal depth, a panel per depth.

    Lines are as in Figure 5.
    """
    shared = sorted(set(depths(results, "residual")) & set(depths(results, "se_residual")))
    if not shared:
        raise MissingRecordsError(
            f"no depth in {results.folder} has both residual and SE residual runs: validate them "
            "at one depth"
        )
    figure, panels = _panels(results, len(shared))
    for axes, letter, depth in zip(panels, "abcdefgh", shared, strict=False):
        for family in ("residual", "se_residual"):
            _curves(
                axes,
                runs_of(results, family, depth),
                look(family).color,
                f"{look(family).title}-{depth}",
            )
        axes.set_title(f"({letter}) depth {depth}" if len(shared) > 1 else f"depth {depth}")
    for axes in panels:
        _finish(axes)
    return figure


def data_set(results: Results) -> str:
    """What the networks were trained on, in words."""
    config = results.runs[0].config
    size = f"{config.image_size} × {config.image_size}"
    return (
        f"{verbatim(config.dataset)}: {config.train_samples:,} training and "
        f"{config.test_samples:,} test images of {size}"
    )


def _panels(results: Results, count: int) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(DOUBLE, HEIGHT), layout="constrained")
    panels = list(figure.subplots(1, count, sharey=True, squeeze=False)[0])
    for axes in panels:
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")
    panels[0].set_ylabel("error (%)")
    figure.suptitle(data_set(results), fontsize=7, ha="right", x=0.995)
    return figure, panels


def _curves(
    axes: Axes, runs: list[Run], color: str | tuple[float, float, float], label: str
) -> None:
    test = by_epoch(
        runs, lambda row: None if row.test_error is None else 100 * row.test_error, first=1
    )
    train = by_epoch(
        runs, lambda row: None if row.train_error is None else 100 * row.train_error, first=1
    )
    for curve, linestyle, width in ((test, "solid", 1.5), (train, (0, (3, 1.5)), 0.9)):
        axes.plot(
            curve.epochs,
            curve.median,
            color=color,
            linestyle=linestyle,
            linewidth=width,
            label=label if curve is test else None,
        )
        if len(runs) > 1:
            axes.fill_between(
                curve.epochs, curve.low, curve.high, color=color, alpha=BAND, linewidth=0
            )


def _finish(axes: Axes) -> None:
    axes.set_ylim(bottom=0)
    handles, _ = axes.get_legend_handles_labels()
    roles = [
        Line2D([], [], color=INK, linewidth=1.5, label="test"),
        Line2D([], [], color=INK, linewidth=0.9, linestyle=(0, (3, 1.5)), label="training"),
    ]
    axes.legend(handles=[*handles, *roles], loc="upper right", ncols=1)
