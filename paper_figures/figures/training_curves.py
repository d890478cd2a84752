"""Draws training and test error by epoch: the paper's Figures 5 and 6, on the data used here.

Reads epoch rows; epoch 0, the network before training, is left out. The axes of errors are
logarithmic, so that the region of the result has room.
"""

from statistics import mean, stdev

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter
from scipy.stats import t as student

from paper_figures.drawing.plate import DATA_SETS
from paper_figures.drawing.style import DOUBLE, INK, look, shade, styled, verbatim
from paper_figures.figures.select import MissingRecordsError, by_epoch, depths, families, runs_of
from validate.records.schema import Results, Run
from validate.statistics.survival import test_error

HEIGHT = 3.0
BAND = 0.13
LEVEL = 0.95
MARKERS = "osD^vP*X"  # one per depth, so that grey tells depths apart
TICKS = (0.5, 1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 60, 80, 100)
LEAST = 0.1  # percent: an error of 0 is drawn here


@styled
def depth_figure(results: Results) -> Figure:
    """Figure 5: residual (a) and plain (b) networks at each depth; (c) final errors by depth.

    Solid: test error, dashed: training error, percent; bands: test errors of all seeds.
    """
    runs = {family: runs_of(results, family) for family in ("residual", "plain")}
    figure, panels = _panels(results, 3, (1, 1, 0.85))
    every = sorted({depth for family in runs for depth in depths(results, family)})
    for axes, letter, family in zip(panels, "ab", runs, strict=False):
        for depth in depths(results, family):
            place = every.index(depth)
            tone = shade(look(family).color, 0.15 + 1.5 * place / max(len(every) - 1, 1))
            _curves(
                axes,
                runs_of(results, family, depth),
                tone,
                f"{look(family).title}-{depth}",
                MARKERS[place % len(MARKERS)],
            )
        axes.set_title(f"({letter}) {look(family).title}")
    _finals(panels[2], results)
    for axes in panels[:2]:
        _finish(axes)
    tones = [shade("#555555", 0.15 + 1.5 * i / max(len(every) - 1, 1)) for i in range(len(every))]
    marks = [
        Line2D([], [], color=tone, marker=MARKERS[i % len(MARKERS)], label=f"depth {depth}")
        for i, (tone, depth) in enumerate(zip(tones, every, strict=True))
    ]
    figure.legend(
        handles=[*marks, *_roles()], loc="outside lower left", ncols=len(marks), handlelength=2.4
    )
    figure.legend(
        handles=panels[2].get_legend_handles_labels()[0], loc="outside lower right", ncols=2,
        handlelength=2.6,
    )  # fmt: skip
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
            style = look(family)
            _curves(
                axes,
                runs_of(results, family, depth),
                style.color,
                f"{style.title}-{depth}",
                style.marker,
            )
        axes.set_title(f"({letter}) depth {depth}" if len(shared) > 1 else f"depth {depth}")
    for axes in panels:
        _finish(axes)
    marks = [
        Line2D([], [], color=look(family).color, marker=look(family).marker,
               label=look(family).title)
        for family in ("residual", "se_residual")
    ]  # fmt: skip
    figure.legend(handles=[*marks, *_roles()], loc="outside lower center", ncols=4)
    return figure


def data_set(results: Results) -> str:
    """What the networks were trained on, in words."""
    config = results.runs[0].config
    size = f"{config.image_size} × {config.image_size}"
    name = DATA_SETS.get(config.dataset, config.dataset)
    return (
        f"{verbatim(name)}: {config.train_samples:,} training and "
        f"{config.test_samples:,} test images of {size}"
    )


def interval(errors: list[float]) -> tuple[float, float]:
    """The 95 % interval of the mean over seeds by Student's t; of one seed, the error itself."""
    middle = mean(errors)
    if len(errors) < 2:
        return middle, middle
    reach = student.ppf((1 + LEVEL) / 2, len(errors) - 1) * stdev(errors) / len(errors) ** 0.5
    return middle - reach, middle + reach


def _panels(
    results: Results, count: int, ratios: tuple[float, ...] | None = None
) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(DOUBLE, HEIGHT), layout="constrained")
    panels = list(figure.subplots(1, count, squeeze=False, width_ratios=ratios)[0])
    for axes in panels[1 : 2 if ratios else None]:
        axes.sharey(panels[0])
        axes.tick_params(labelleft=False)
    panels[0].set_ylabel("error (%)")
    figure.suptitle(data_set(results), fontsize=7, ha="right", x=0.995)
    return figure, panels


def _curves(
    axes: Axes, runs: list[Run], color: str | tuple[float, float, float], label: str, marker: str
) -> None:
    def percent(value: float | None) -> float | None:
        return None if value is None else max(100 * value, LEAST)

    test = by_epoch(runs, lambda row: percent(row.test_error), first=1)
    train = by_epoch(runs, lambda row: percent(row.train_error), first=1)
    axes.plot(
        test.epochs, test.median, color=color, linewidth=1.3, label=label, marker=marker,
        markersize=3.2, markeredgecolor="white", markeredgewidth=0.3, zorder=3,
    )  # fmt: skip
    axes.plot(
        train.epochs, train.median, color=color, linewidth=0.8, linestyle=(0, (3, 1.5)),
        gid=f"training {label}", zorder=2,
    )  # fmt: skip
    if len(runs) > 1:
        axes.fill_between(
            test.epochs, test.low, test.high, color=color, alpha=BAND, linewidth=0,
            gid=f"seeds {label}",
        )  # fmt: skip


def _finals(axes: Axes, results: Results) -> None:
    """The test error after the last epoch of every family: means, intervals, and each seed."""
    shown = families(results)
    for place, family in enumerate(shown):
        trained, style = depths(results, family), look(family)
        errors = [
            [100 * test_error(run) for run in runs_of(results, family, depth)] for depth in trained
        ]
        x = np.array(trained) + 0.55 * (place - (len(shown) - 1) / 2)
        axes.vlines(
            x, *np.array([interval(each) for each in errors]).T, color=style.color, linewidth=0.8,
            gid=f"interval {family}",
        )  # fmt: skip
        seeds = [(at, error) for at, each in zip(x, errors, strict=True) for error in each]
        axes.plot(
            *np.array(seeds).T, color=style.color, marker="_", markersize=4, markeredgewidth=0.7,
            linestyle="none", gid=f"seeds {family}",
        )  # fmt: skip
        axes.plot(
            x, [mean(each) for each in errors], **style.line(), label=style.title,
            gid=f"final {family}",
        )  # fmt: skip
    axes.set(title="(c) after training", xlabel="depth")
    axes.set_ylabel("test error (%)")
    axes.set_ylim(bottom=max(axes.get_ylim()[0], 0))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, steps=[1, 2, 5, 10]))
    axes.grid(axis="y")


def _finish(axes: Axes) -> None:
    axes.set(yscale="log", xlabel="epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(FixedLocator(TICKS))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="y")


def _roles() -> list[Line2D]:
    return [
        Line2D([], [], color=INK, linewidth=1.3, label="test"),
        Line2D([], [], color=INK, linewidth=0.8, linestyle=(0, (3, 1.5)), label="training"),
    ]
