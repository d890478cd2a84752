"""Draws the gains of a user's network along its depth, with what the bounds guarantee.

Reads one analysis; blocks that only move entries are left out.
"""

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from paper_figures.drawing.fitted_text import shortened
from paper_figures.drawing.gain_axis import COLORS, MEANINGS, reading
from paper_figures.drawing.style import DOUBLE, INK, MUTED, plain_log_ticks, styled, verbatim
from paper_figures.figures.select import MissingRecordsError
from validate.analysis.analysis_document import Analysis, BlockAnalysis, block_bound

HEIGHT = 2.9
BAND = "#c5d6e4"
NAMED = 40
"""Of more blocks only those that lose most are named."""
LOWEST = 1e-6
"""The least end of the axis; what lies below, 0 above all, is drawn at its lower edge."""


@styled
def figure(found: Analysis) -> Figure:
    """Median gain of every block on a logarithmic axis, from input to output.

    Raises MissingRecordsError where nothing was measured.
    """
    blocks = found.shown
    if not any(block.gain for block in blocks):
        raise MissingRecordsError(f"no gain was measured of {found.target}: give it real weights")
    drawing = Figure(figsize=(DOUBLE, HEIGHT), layout="constrained")
    axes = drawing.subplots()
    low, high = _ends(blocks)
    for place, block in enumerate(blocks, start=1):
        _draw(axes, place, block, low, high)
    axes.axhline(1, color=MUTED, linewidth=0.7, zorder=1)
    axes.set(
        yscale="log",
        ylim=(low, high),
        xlim=(0.3, len(blocks) + 0.7),
        ylabel=r"gain $\gamma$",
        title=verbatim(shortened(found.target, 8, DOUBLE - 1)),
    )
    plain_log_ticks(axes.yaxis)
    axes.grid(axis="y")
    _names(axes, blocks, low)
    drawing.legend(handles=_legend(blocks), loc="outside lower center", ncols=6)
    return drawing


def _ends(blocks: tuple[BlockAnalysis, ...]) -> tuple[float, float]:
    """Half a decade around all gains and around 1."""
    ends = [end for block in blocks if block.gain for end in (block.gain.min, block.gain.max)]
    shown = [1.0, *(max(end, LOWEST) for end in ends if end > 0)]
    return min(shown) / 3, max(shown) * 3


def _draw(axes: Axes, place: int, block: BlockAnalysis, low: float, high: float) -> None:
    if block.gain is None:
        axes.plot(
            [place], [1], marker="x", color=COLORS["none"], linestyle="none", zorder=4, markersize=4
        )
        return
    color = COLORS[reading(block.judged)]
    lower, upper = block_bound(block, "lower"), block_bound(block, "upper")
    if lower is not None or upper is not None:
        ends = max(lower or low, low), high if upper is None else upper
        axes.fill_between(
            [place - 0.36, place + 0.36], *ends, color=BAND, linewidth=0, zorder=2, gid="band"
        )
    spread = [max(end, low) for end in (block.gain.min, block.gain.max)]
    axes.plot([place, place], spread, color=INK, linewidth=0.8, zorder=3)
    dead = block.gain.median == 0
    axes.plot(
        [place],
        [low if dead else max(block.gain.median, low)],
        marker="v" if dead else "o",
        color=color,
        linestyle="none",
        markersize=7 if dead else 4,
        clip_on=False,
        zorder=5,
        gid="gain",
    )


def _names(axes: Axes, blocks: tuple[BlockAnalysis, ...], low: float) -> None:
    if len(blocks) <= NAMED:
        names = [verbatim(shortened(block.name, 7, 1.1)) for block in blocks]
        axes.set_xticks(range(1, len(blocks) + 1), names, rotation=90)
        axes.tick_params(axis="x", pad=6)  # clear of the marks on the lower edge
        return
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("block, from input to output")
    worst = sorted(
        (block.gain.median, place, block.name)
        for place, block in enumerate(blocks, start=1)
        if block.gain
    )[:3]
    for gain, place, name in worst:
        left = place < len(blocks) / 2
        axes.annotate(
            verbatim(shortened(name, 7, 1.6)),
            (place, max(gain, low)),
            xytext=(5 if left else -5, 0),
            textcoords="offset points",
            fontsize=7,
            ha="left" if left else "right",
            va="center",
        )


def _legend(blocks: tuple[BlockAnalysis, ...]) -> list[Artist]:
    """A sign for every colour that is there, and for the band."""
    made = Figure().subplots()
    words = [reading(block.gain.median if block.gain else None) for block in blocks]
    for word, marker in (("good", "o"), ("low", "o"), ("high", "o"), ("dead", "v"), ("none", "x")):
        if word in words:
            made.plot(
                [], [], marker=marker, linestyle="none", color=COLORS[word], label=MEANINGS[word]
            )
    if any(block.bounds for block in blocks):
        made.fill_between(np.array([0, 1]), 0, 1, color=BAND, label="guaranteed by the bounds")
    handles, _ = made.get_legend_handles_labels()
    return handles
