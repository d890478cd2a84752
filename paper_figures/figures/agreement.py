"""Draws how well predicted and measured gains agree, and how tight each bound is.

Reads block rows of every epoch; a prediction and the measurement that judges it share no code.
"""

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator

from paper_figures.drawing.style import DOUBLE, INK, MUTED, look, plain_log_ticks, styled, verbatim
from paper_figures.figures.select import (
    Floats,
    MissingRecordsError,
    certainties,
    families,
    pairs,
    runs_of,
)
from validate.records.schema import Results

HEIGHT = 2.9
FLOOR = 1e-17  # where differences of exactly zero are drawn, left of a break of the axis
EPSILON = float(np.finfo(np.float64).eps)
CURVE_POINTS = 500
SIDES = {"lower": ("#0072B2", ">"), "upper": ("#D55E00", "<")}
DODGE = 0.14
APART = 0.1  # half of what keeps lower from upper bounds, where both are attained
RANGE = 1e3  # ratios beyond are drawn at the edge


@styled
def figure(results: Results) -> Figure:
    """(a) How many relative differences are below a size. (b) Measured gain / bound.

    Differences are those of predicted and measured gains; (b) shows median and 5–95 %.
    """
    if not any(run.blocks for run in results.runs):
        raise MissingRecordsError(
            f"no measured blocks in {results.folder}: run `gradbound validate` again"
        )
    certainties(row for run in results.runs for row in run.blocks)
    drawing = Figure(figsize=(DOUBLE, HEIGHT), layout="constrained")
    shares, tightness = drawing.subplots(1, 2)
    for family in families(results):
        _shares(
            shares,
            family,
            differences(*pairs(row for run in runs_of(results, family) for row in run.blocks)),
        )
    shares.axvline(EPSILON, color=MUTED, linewidth=0.6, linestyle=(0, (1, 2)), zorder=1)
    shares.text(EPSILON * 0.85, 1.0, r"$2^{-52}$", color=MUTED, fontsize=7, ha="right", va="top")
    shares.set(
        xlabel="relative difference",
        ylabel="share at or below",
        title="(a) predicted and measured gains",
        xscale="log",
        ylim=(0, 1.02),
    )
    shares.grid(axis="y")
    _zero_apart(shares)
    _tightness(tightness, pooled(ratios(results)))
    drawing.legend(
        handles=shares.get_legend_handles_labels()[0],
        loc="outside lower left",
        ncols=2,
        handlelength=3,
    )
    drawing.legend(handles=_roles(), loc="outside lower right", ncols=2)
    return drawing


def differences(predicted: Floats, measured: Floats) -> Floats:
    """|predicted − measured| / max(predicted, measured), ascending; 0 where both are zero."""
    largest = np.maximum(predicted, measured)
    return np.sort(
        np.divide(
            np.abs(predicted - measured), largest, out=np.zeros_like(largest), where=largest > 0
        )
    )


@dataclass(frozen=True)
class BoundName:
    """What a bound is called, and how certain it is."""

    id: str
    side: str
    certainty: str
    delta: float | None

    @property
    def theorem(self) -> str:
        """The name without its side."""
        return self.id.removesuffix(f".{self.side}")


def ratios(results: Results) -> dict[BoundName, Floats]:
    """Measured gain / bound, by bound; only bounds above zero, for zero says nothing."""
    found: defaultdict[BoundName, list[float]] = defaultdict(list)
    for row in (row for run in results.runs for row in run.blocks):
        for bound in row.bounds:
            name = BoundName(bound.id, bound.side, bound.certainty, bound.delta)
            found[name] += [
                gain / value
                for gain, value in zip(row.measured, bound.value, strict=True)
                if gain is not None and value and value > 0
            ]
    return {
        name: np.array(found[name])
        for name in sorted(found, key=lambda name: (name.id, name.certainty))
        if found[name]
    }


def _shares(axes: Axes, family: str, sizes: Floats) -> None:
    if not len(sizes):
        return
    below = np.arange(1, len(sizes) + 1) / len(sizes)
    # A vector file of every gain would take megabytes: these points are spread evenly over them.
    shown = np.unique(np.linspace(0, len(sizes) - 1, CURVE_POINTS).round().astype(int))
    axes.plot(
        np.maximum(sizes[shown], FLOOR),
        below[shown],
        color=look(family).color,
        linestyle=look(family).linestyle,
        drawstyle="steps-post",
        label=f"{look(family).title}, {len(sizes):,} gains",
    )


def _zero_apart(axes: Axes) -> None:
    """Names the place of exact zeros as such, and breaks the axis beside it."""
    high = axes.get_xlim()[1]
    powers = [10.0**power for power in range(-16, int(np.floor(np.log10(high))) + 1)]
    axes.set_xlim(FLOOR / 2, high)
    axes.set_xticks(
        [FLOOR, *powers], ["exactly 0", *(rf"$10^{{{np.log10(each):.0f}}}$" for each in powers)]
    )
    axes.xaxis.set_minor_locator(FixedLocator([n * each for each in powers for n in range(2, 10)]))
    for place in (0.95, 1.15):  # the break: two strokes across the axis
        axes.plot(
            np.array((0.92, 1.08)) * FLOOR * 10**0.5 * place,
            (-0.02, 0.02),
            transform=axes.get_xaxis_transform(),
            color=INK,
            linewidth=0.6,
            clip_on=False,
        )


def pooled(found: dict[BoundName, Floats]) -> dict[BoundName, Floats]:
    """The same of each bound whatever its δ: one mark per theorem, side and certainty."""
    groups: defaultdict[BoundName, list[Floats]] = defaultdict(list)
    for name, values in found.items():
        groups[replace(name, delta=None)].append(values)
    return {name: np.concatenate(values) for name, values in groups.items()}


def _tightness(axes: Axes, found: dict[BoundName, Floats]) -> None:
    """A row per theorem: its lower bounds right of 1, its upper ones left.

    The exact ones are drawn a little above the probable ones.
    """
    names = sorted({name.theorem for name in found})
    for name, values in found.items():
        exact = name.certainty == "exact"
        place = names.index(name.theorem) + (-DODGE if exact else DODGE)
        place += -APART if name.side == "lower" else APART
        color, marker = SIDES[name.side]
        low, median, high = np.clip(np.quantile(values, (0.05, 0.5, 0.95)), 1 / RANGE, RANGE)
        axes.plot((low, high), (place, place), color=color, linewidth=1)
        face = color if exact else "white"
        axes.plot(
            median,
            place,
            color=color,
            marker=marker,
            markerfacecolor=face,
            markersize=4,
            linestyle="none",
            gid=f"{name.id} {name.certainty}",
        )
    axes.set_yticks(
        range(len(names)), [verbatim(name).replace("_", " ").replace(".", ": ") for name in names]
    )
    axes.set(
        xscale="log",
        xlabel="measured gain / bound",
        title="(b) tightness of the bounds",
        ylim=(len(names) - 0.4, -0.6),
    )
    axes.axvline(1, color=INK, linewidth=0.6, zorder=1)
    plain_log_ticks(axes.xaxis)
    axes.tick_params(axis="y", length=0)


def _roles() -> list[Line2D]:
    handles = []
    for certainty in ("exact", "probable"):
        for side, (color, marker) in SIDES.items():
            handles.append(Line2D(
                [], [], color=color, marker=marker, linewidth=1, label=f"{side}, {certainty}",
                markerfacecolor=color if certainty == "exact" else "white",
            ))  # fmt: skip
    return handles
