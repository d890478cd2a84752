"""Draws whether the networks that keep more of their gradient are those with the lower test error.

Reads epoch rows of every network; correlations, intervals and p-values are those of the ranking
table.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from paper_figures.drawing.style import DOUBLE, INK, MUTED, look, plain_log_ticks, styled
from paper_figures.figures.select import MissingRecordsError, families, group_title
from validate.records.schema import Results
from validate.statistics.ranking import ACROSS, COEFFICIENT, WITHIN, Row, ranking
from validate.statistics.survival import END, MEASURES, SEEN, START, Point, points, primary

HEIGHT = 2.9
DODGE = 0.16
LOST_BY = 0.1  # where networks are drawn in which nothing arrives, in units of the least ratio


@styled
def figure(results: Results) -> Figure:
    """(a) Test error by the primary end-to-end ratio at initialization. (b) Spearman's ρ of the
    two.

    A mark per network in (a), an interval per group of networks in (b).
    """
    ratio = primary(results.runs)
    found = points(results.runs, MEASURES[f"{ratio} {START}"])
    if not any(np.isfinite(point.survival) for point in found):
        raise MissingRecordsError(
            f"no measured gradients in {results.folder}: run `gradbound validate` again"
        )
    drawing = Figure(figsize=(DOUBLE, HEIGHT), layout="constrained")
    networks, correlations = drawing.subplots(1, 2, width_ratios=(1, 1.15))
    least = min(point.survival for point in found if np.isfinite(point.survival))
    for family in families(results):
        _networks(
            networks,
            family,
            sorted(
                (point for point in found if point.family == family), key=lambda point: point.depth
            ),
            least,
        )
    networks.set(
        title="(a) networks",
        xlabel=(
            r"$\Vert\partial L/\partial h_0\Vert \,/\, \Vert\partial L/\partial h_n\Vert$ at "
            f"initialization, of {'a training batch' if ratio == SEEN else 'test images'}"
        ),
    )
    networks.set(ylabel="test error (%)", xscale="log")
    networks.set_ylim(bottom=0)
    plain_log_ticks(networks.xaxis)
    networks.grid(axis="y")
    _correlations(
        correlations,
        [row for row in ranking(results).rows if row.found.coefficient == COEFFICIENT],
        families(results),
        ratio,
    )
    drawing.legend(
        handles=networks.get_legend_handles_labels()[0],
        loc="outside lower left",
        ncols=4,
        handlelength=3,
    )
    drawing.legend(
        handles=correlations.get_legend_handles_labels()[0], loc="outside lower right", ncols=2
    )
    return drawing


def _networks(axes: Axes, family: str, found: list[Point], least: float) -> None:
    """The family's networks from shallow to deep; the deepest has its depth beside it."""
    ratios = [
        10 ** (point.survival if np.isfinite(point.survival) else least + np.log10(LOST_BY))
        for point in found
    ]
    errors = [100 * point.error for point in found]
    axes.plot(
        ratios,
        errors,
        **look(family).line() | {"linewidth": 0.8},
        label=look(family).title,
        gid=family,
    )
    if found:
        color = look(family).color
        axes.annotate(
            str(found[-1].depth),
            (ratios[-1], errors[-1]),
            xytext=(3, 3),
            textcoords="offset points",
            fontsize=6,
            color=color,
        )


def _correlations(axes: Axes, rows: list[Row], drawn: list[str], ratio: str) -> None:
    groups = [*drawn, WITHIN, ACROSS]
    for when, side, filled in ((START, -1, True), (END, 1, False)):
        by_group = {row.group: row for row in rows if row.measure == f"{ratio} {when}"}
        for place, group in enumerate(groups):
            _correlation(axes, by_group[group], place + side * DODGE, filled)
        face = INK if filled else "white"
        axes.plot(
            [],
            [],
            marker="o",
            linestyle="none",
            color=INK,
            markerfacecolor=face,
            label=f"ratio {when}",
        )
    axes.axvline(0, color=MUTED, linewidth=0.6, linestyle=(0, (1, 2)), zorder=1)
    axes.axhline(len(drawn) - 0.5, color=MUTED, linewidth=0.4)
    axes.set(
        title=r"(b) rank correlation, 95 % intervals; $p$ adjusted (* not)",
        xlabel=r"Spearman's $\rho$",
        xlim=(-1.05, 1.8),
    )
    axes.set_xticks([-1, -0.5, 0, 0.5, 1])
    axes.set_yticks(range(len(groups)), [group_title(group) for group in groups])
    axes.set_ylim(len(groups) - 0.5, -0.5)


def _correlation(axes: Axes, row: Row, height: float, filled: bool) -> None:
    found, color = row.found, INK if row.group in (WITHIN, ACROSS) else look(row.group).color
    if found.value is None or found.p is None:
        axes.text(1.1, height, "not determinable", fontsize=6, color=MUTED, va="center")
        return
    if found.low is not None and found.high is not None:
        axes.plot([found.low, found.high], [height, height], color=color, linewidth=0.9)
    face = color if filled else "white"
    axes.plot(
        found.value,
        height,
        marker="o",
        color=color,
        markerfacecolor=face,
        gid=f"{row.measure}, {row.group}",
        zorder=4,
    )
    value = found.p if row.adjusted is None else row.adjusted
    mark = "*" if row.adjusted is None else ""
    p = f"= {value:.3g}" if value >= 0.001 else "< 0.001"
    axes.text(1.1, height, rf"${found.value:+.2f}$, $p {p}${mark}", fontsize=6, va="center")
