"""Draws how the gains of a user's blocks moved while the model was trained.

Reads one document that a watch saved.
"""

from collections.abc import Iterable

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from paper_figures.drawing.fitted_text import shortened
from paper_figures.drawing.gain_axis import COLORS
from paper_figures.drawing.style import DOUBLE, INK, MUTED, plain_log_ticks, styled, verbatim
from paper_figures.figures.select import MissingRecordsError
from validate.watching.watch_document import BlockRow, WatchDocument

HEIGHT = 2.9
NAMED = 8
"""Of more blocks only the first, the last and some between them are in the legend."""
LOWEST = 1e-8
ALL = "(all)"
TONES = "viridis"


@styled
def figure(found: WatchDocument) -> Figure:
    """(a) Gain of every block, (b) the norm of the gradient of all parameters, by step.

    Raises MissingRecordsError where no gain was measured.
    """
    if not any(row.gain is not None for row in found.blocks):
        raise MissingRecordsError(f"no gain was measured of {found.target}: watch a backward pass")
    whole = [row for row in found.parameters if row.name == ALL and row.gradient > 0]
    drawing = Figure(figsize=(DOUBLE, HEIGHT), layout="constrained")
    widths = (2.2, 1) if whole else (1,)
    panels = drawing.subplots(1, len(widths), squeeze=False, width_ratios=widths)[0]
    gains = panels[0]
    _gains(gains, found)
    title = verbatim(shortened(found.target, 8, 2))
    gains.set(title=f"(a) blocks of {title}" if whole else title, ylabel=r"gain $\gamma$")
    if whole:
        panels[1].plot(
            [row.step for row in whole],
            [row.gradient for row in whole],
            color=INK,
            marker="o",
            markersize=2.5,
        )
        panels[1].set(
            title="(b) all parameters", ylabel=r"$\Vert\partial L/\partial W\Vert$", yscale="log"
        )
        panels[1].set_ylim(
            min(row.gradient for row in whole) / 2, max(row.gradient for row in whole) * 2
        )
        plain_log_ticks(panels[1].yaxis)
    for axes in panels:
        axes.set_xlabel("step")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")
    handles, labels = gains.get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside lower center", ncols=4)
    return drawing


def _gains(axes: Axes, found: WatchDocument) -> None:
    names = list(dict.fromkeys(row.block for row in found.blocks if row.gain is not None))
    shown = [row.gain for row in found.blocks if row.gain]
    low, high = max(min([1.0, *shown]), LOWEST) / 2, max([1.0, *shown]) * 2
    tones = matplotlib.colormaps[TONES]
    step = max(1, -(-len(names) // NAMED))
    for place, name in enumerate(names):
        rows = [row for row in found.blocks if row.block == name]
        label = verbatim(shortened(name, 7, 1.3)) if _is_named(place, len(names), step) else None
        tone = tones(0.05 + 0.85 * place / max(len(names) - 1, 1))
        _line(axes, rows, low, tone, label)
    by_place = {(row.step, row.block): row.gain for row in found.blocks}
    points = [(each.step, by_place.get((each.step, each.block))) for each in found.alerts]
    _marks(axes, ((x, y) for x, y in points if y is not None), low)
    axes.axhline(1, color=MUTED, linewidth=0.7, zorder=1)
    axes.set(yscale="log", ylim=(low, high))
    plain_log_ticks(axes.yaxis)


def _is_named(place: int, count: int, step: int) -> bool:
    return place % step == 0 or place == count - 1


def _line(
    axes: Axes, rows: list[BlockRow], low: float, tone: tuple[float, ...], label: str | None
) -> None:
    """The gains of one block: broken where none was measured, at the lower edge where it is 0."""
    steps = [row.step for row in rows]
    gains = [float("nan") if row.gain is None else max(row.gain, low) for row in rows]
    axes.plot(
        steps,
        gains,
        color=tone,
        linewidth=1,
        marker="o",
        markersize=2,
        label=label or "_",
        zorder=3,
    )
    dead = [row.step for row in rows if row.gain == 0]
    if not dead:
        return
    axes.plot(
        dead,
        [low] * len(dead),
        marker="v",
        linestyle="none",
        color=COLORS["dead"],
        markersize=6,
        clip_on=False,
        zorder=5,
    )


def _marks(axes: Axes, points: Iterable[tuple[int, float]], low: float) -> None:
    """A ring around every gain that an alert was about."""
    found = list(points)
    if not found:
        return
    axes.plot(
        [step for step, _ in found],
        [max(gain, low) for _, gain in found],
        marker="o",
        markersize=7,
        markerfacecolor="none",
        markeredgecolor=COLORS["dead"],
        linestyle="none",
        clip_on=False,
        zorder=6,
        label="alert",
    )
