"""Draws the bounds for every loss of whole networks, before and after training, by depth.

Reads epoch rows of the first seed: the end-to-end ratio of each probe sample between the bounds
that hold for it whatever the loss.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from paper_figures.drawing.style import DOUBLE, INK, MUTED, look, plain_log_ticks, shade, styled
from paper_figures.figures.select import (
    MissingRecordsError,
    depths,
    envelope,
    families,
    of_class,
    runs_of,
)
from validate.records.schema import EpochRow, Results

HEIGHT = 2.7
SLOT = 0.36  # share of a depth's place that the samples of one epoch fill
APART = 0.22  # how far before and after stand from the middle of it
KINDS = {"shift_invariant": (0.6, 2.2), "labels": (1.7, 1.1)}
"""Shade and width of the bar of each class of losses, the weaker bounds first."""
WORDS = {
    "shift_invariant": "for every shift-invariant loss",
    "labels": "for every hard label",
}
REACH = 30.0  # bars are shown up to this factor beyond the ratios


@styled
def figure(results: Results) -> Figure:
    """A panel per family, its depths along the axis; at each, left before and right after training:
    one bar per probe sample, its measured ratio a dot.
    """
    shown = families(results)
    drawing = Figure(figsize=(DOUBLE, HEIGHT), layout="constrained")
    panels = drawing.subplots(1, len(shown), squeeze=False, sharey=True)[0]
    ratios: list[float] = []
    for axes, family in zip(panels, shown, strict=True):
        trained = depths(results, family)
        for place, depth in enumerate(trained):
            run = runs_of(results, family, depth)[0]
            rows = [row for row in run.epochs if any(bound.losses for bound in row.bounds)]
            if rows:
                for side, row in ((-1, rows[0]), (1, rows[-1])):
                    ratios += _samples(axes, row, place + side * APART, family, side > 0)
        axes.set_title(look(family).title)
        axes.set_xlim(-0.5, len(trained) - 0.5)
        axes.set_xticks(range(len(trained)), [str(depth) for depth in trained])
        axes.set_xlabel("depth")
        axes.axhline(1, color=MUTED, linewidth=0.5, linestyle=(0, (1, 2)), zorder=1)
    if not ratios:
        raise MissingRecordsError(
            f"no bounds for every loss of whole networks in {results.folder}: run `gradbound "
            "validate` again"
        )
    panels[0].set(
        ylabel=r"$\Vert\partial L/\partial h_0\Vert \,/\, \Vert\partial L/\partial h_n\Vert$",
        yscale="log",
        ylim=(min(ratios) / REACH, max(ratios) * REACH),
    )
    plain_log_ticks(panels[0].yaxis)
    drawing.legend(handles=_roles(), loc="outside lower center", ncols=4, handlelength=1.8)
    return drawing


def _samples(axes: Axes, row: EpochRow, middle: float, family: str, after: bool) -> list[float]:
    """The samples side by side, by ascending ratio; gives the ratios."""
    if row.total is None:
        return []
    measured = row.total.measured
    order = sorted((i for i, gain in enumerate(measured) if gain), key=lambda i: measured[i] or 0.0)
    places = middle + SLOT * (np.arange(len(order)) - (len(order) - 1) / 2) / max(len(order), 1)
    for cls, (tone, width) in KINDS.items():
        lower, upper = envelope(of_class(row, cls), len(measured))
        bars = [
            (x, lower[i] or 1e-300, upper[i] or 1e300)
            for x, i in zip(places, order, strict=True)
            if lower[i] is not None or upper[i] is not None
        ]
        if bars:
            axes.vlines(
                *np.array(bars).T, color=shade(look(family).color, tone), linewidth=width,
                gid=f"{cls} {'after' if after else 'before'}", zorder=2,
            )  # fmt: skip
    gains = [float(measured[i] or 0.0) for i in order]
    axes.plot(
        places, gains, color=INK, marker="o", markersize=2.6, linestyle="none", zorder=4,
        markerfacecolor=INK if after else "white", markeredgewidth=0.5,
        gid=f"measured {'after' if after else 'before'}",
    )  # fmt: skip
    return gains


def _roles() -> list[Line2D]:
    grey = "#777777"
    roles = [
        Line2D([], [], color=INK, marker="o", markersize=3, linestyle="none", markeredgewidth=0.5,
               markerfacecolor=face, label=label)
        for face, label in (("white", "measured before training"), (INK, "after training"))
    ]  # fmt: skip
    bars = [
        Line2D([], [], color=shade(grey, tone), linewidth=width, label=WORDS[cls])
        for cls, (tone, width) in KINDS.items()
    ]
    return [*roles, *bars]
