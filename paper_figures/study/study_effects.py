"""Draws what the study varies against what comes of it: flow against error, depth against error.

Reads the records of its trials; mean and interval are those of the primary test, which is made
once, when its trials are complete.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import SymmetricalLogLocator

from paper_figures.drawing.style import (
    DOUBLE,
    FAINT,
    INK,
    MUTED,
    look,
    plain_log_ticks,
    shade,
    styled,
)
from paper_figures.figures.select import MissingRecordsError
from paper_figures.study.study_tables import title_of
from validate.study.primary_effects import (
    DepthEffect,
    DepthTest,
    FlowPoint,
    depth_pairs,
    depth_test,
    flow_points,
)
from validate.study.study_folder import Study
from validate.study.trials import PERCENT, UNVARIED, differences, error_of

HEIGHT = 3.0
MARKERS = "ovsXPD*"  # of the strata of one family, which share its colour
LOST_BY = 0.1  # where levels are drawn in which nothing arrives, in units of the least ratio
FAR = 6.0  # points: where differences are larger, the axis is logarithmic beyond ±1
LEAST = 1.0  # points to either side that are shown, so that the margin is seen as one
ROW = 0.28  # how far the dots of a family spread from its row


@styled
def figure(study: Study) -> Figure:
    """(a) Test error of every level by its batch ratio before training, a line per stratum. (b) The
    difference in test error of every pair of a deep and a shallow network.

    Bars in (a) reach from the least to the greatest seed. Raises MissingRecordsError where no level
    has a trial and no pair is whole.
    """
    points = flow_points(study)
    found = {
        pairs.family: differences(study.protocol, pairs, study.rows) for pairs in depth_pairs(study)
    }
    if not points and not any(found.values()):
        raise MissingRecordsError(
            f"{study.folder} holds no level and no pair of networks yet: carry on with `gradbound "
            "validate --preset study --resume`"
        )
    drawing = Figure(figsize=(DOUBLE, HEIGHT), layout="constrained")
    flow, depth = drawing.subplots(1, 2, width_ratios=(1.25, 1))
    _flow_panel(flow, study, points)
    _depth_panel(depth, study, found)
    drawing.legend(
        handles=flow.get_legend_handles_labels()[0],
        loc="outside lower left",
        ncols=3,
        handlelength=3,
    )
    drawing.legend(handles=depth.get_legend_handles_labels()[0], loc="outside lower right", ncols=2)
    return drawing


def _flow_panel(axes: Axes, study: Study, points: Sequence[FlowPoint]) -> None:
    finite = [point.flow for point in points if math.isfinite(point.flow)]
    lost = 10 ** min(finite, default=0.0) * LOST_BY
    for network in study.protocol.flow.strata:
        mine = sorted(
            (point for point in points if point.network == network), key=lambda point: point.flow
        )
        if mine:
            _stratum(axes, study, mine, lost)
    if len(finite) < len(points):
        axes.axvline(lost, color=MUTED, linewidth=0.6, linestyle=(0, (1, 2)), zorder=1)
        axes.annotate(
            "no signal arrives", (lost, 0.99), xycoords=("data", "axes fraction"), xytext=(3, 0),
            textcoords="offset points", fontsize=6, color=MUTED, rotation=90, va="top",
        )  # fmt: skip
    if points:
        axes.plot(
            [], [], marker="o", markersize=7.5, markerfacecolor="none", markeredgecolor=INK,
            markeredgewidth=0.7, linestyle="none", label="not varied",
        )  # fmt: skip
        axes.plot([], [], marker="o", markersize=3, markerfacecolor="white", color=MUTED,
                  linestyle="none", label="skip scaled")  # fmt: skip
    axes.set(
        title="(a) flow varied by design",
        xlabel=r"$\Vert\partial L/\partial h_0\Vert \,/\, \Vert\partial L/\partial h_n\Vert$ of a "
        "training batch before training",
        ylabel="test error (%)",
        xscale="log",
        yscale="log",
    )
    plain_log_ticks(axes.xaxis)
    plain_log_ticks(axes.yaxis)
    axes.grid(axis="y")


def _stratum(axes: Axes, study: Study, points: Sequence[FlowPoint], lost: float) -> None:
    """The stratum's levels in order of flow; a ring around the one that is not varied."""
    network = points[0].network
    ratios = np.array([10**point.flow if math.isfinite(point.flow) else lost for point in points])
    errors = np.array([PERCENT * point.error for point in points])
    spread = np.array([_range(study, point) for point in points])
    style = _look(study, network)
    axes.errorbar(
        ratios, errors, abs(spread.T - errors), fmt="none", ecolor=style["color"], elinewidth=0.6,
        zorder=2,
    )  # fmt: skip
    axes.plot(
        ratios, errors, **style | {"linewidth": 0.8}, label=title_of(network), gid=network, zorder=3
    )
    named = {level.name: level for level in study.protocol.flow.levels}
    for point, ratio, error in zip(points, ratios, errors, strict=True):
        if named[point.level].skip != 1:
            axes.plot(
                ratio, error, marker=style["marker"], color=style["color"],
                markerfacecolor="white", linestyle="none", gid=f"{network}, skip", zorder=4,
            )  # fmt: skip
        if point.level == UNVARIED.name:
            axes.plot(
                ratio, error, marker="o", markersize=7.5, markerfacecolor="none",
                markeredgecolor=INK, markeredgewidth=0.7, gid=f"{network}, not varied", zorder=4,
            )  # fmt: skip


def _look(study: Study, network: str) -> dict[str, Any]:
    """The family's colour, the darker the later the stratum, and a marker of its own."""
    family = network.rpartition("-")[0]
    alike = [each for each in study.protocol.flow.strata if each.rpartition("-")[0] == family]
    place = alike.index(network)
    line = look(family).line()
    if len(alike) > 1:
        line["color"] = shade(line["color"], 0.4 + 1.5 * place / (len(alike) - 1))
        line["marker"] = MARKERS[place % len(MARKERS)]
    return line


def _range(study: Study, point: FlowPoint) -> tuple[float, float]:
    """Least and greatest error of the level over its seeds, in percent."""
    errors = [
        PERCENT * error_of(study.protocol, row)
        for row in study.of_claim(study.protocol.flow.claim)
        if (row.trial.network, row.trial.level.name) == (point.network, point.level)
    ]
    return min(errors), max(errors)


def _depth_panel(axes: Axes, study: Study, found: dict[str, list[float]]) -> None:
    part, test = study.protocol.depth, depth_test(study)
    effects = {}
    if isinstance(test, DepthTest):
        effects = {test.gain.family: test.gain, test.gate.family: test.gate}
    far = max((abs(each) for values in found.values() for each in values), default=0.0) > FAR
    if far:
        axes.set_xscale("symlog", linthresh=1.0)
        axes.xaxis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=1, subs=(1, 3)))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", "−"))
    axes.fill_betweenx(
        [-0.5, 0.5], -part.margin, part.margin, color=FAINT, linewidth=0, zorder=0,
        label=f"within ± {part.margin:g} points", gid="margin",
    )  # fmt: skip
    axes.axvline(0, color=MUTED, linewidth=0.6, linestyle=(0, (1, 2)), zorder=1)
    for row, (family, values) in enumerate(found.items()):
        _pairs(axes, family, values, row, effects.get(family))
    if effects:
        axes.plot([], [], marker="D", color=INK, label="mean, 95 % interval", linewidth=1)
    low, high = axes.get_xlim()
    axes.set(
        title=f"(b) depth {part.deep} less depth {part.shallow}, one seed each pair",
        xlabel="difference in test error (points)" + (", logarithmic beyond ±1" if far else ""),
        xlim=(min(low, -LEAST), max(high, LEAST)),
        ylim=(len(found) - 0.5, -0.5),
    )
    axes.set_yticks(range(len(found)), [look(family).title for family in found])
    axes.tick_params(axis="y", length=0)


def _pairs(
    axes: Axes, family: str, values: Sequence[float], row: int, effect: DepthEffect | None
) -> None:
    """A dot per pair, from the first seed above to the last below; mean and interval above them."""
    color = look(family).color
    if not values:
        axes.text(0.85, row, "no pair yet", transform=axes.get_yaxis_transform(), fontsize=6,
                  color=MUTED, ha="center", va="center")  # fmt: skip
        return
    places = row + 0.06 + np.linspace(-ROW, ROW, len(values)) * (len(values) > 1)
    axes.plot(
        values, places, marker=look(family).marker, linestyle="none", color=color, markersize=3,
        alpha=0.75, markeredgewidth=0, gid=family, zorder=3,
        label=f"a pair, {look(family).title}",
    )  # fmt: skip
    if effect is not None:
        above = row - ROW - 0.08
        axes.plot([effect.low, effect.high], [above] * 2, color=INK, linewidth=1,
                  gid=f"{family}, interval", zorder=4)  # fmt: skip
        axes.plot(effect.mean, above, marker="D", color=INK, gid=f"{family}, mean", zorder=5)
