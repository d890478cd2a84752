"""Draws whether the networks that keep more of their gradient are those with the lower test error.

Reads epoch rows of every network; correlations, intervals and p-values are those of the ranking
table.
"""

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from paper_figures.drawing.placed_labels import Label, place
from paper_figures.drawing.style import DOUBLE, INK, MUTED, look, plain_log_ticks, shade, styled
from paper_figures.figures.select import MissingRecordsError, families, group_title, runs_of
from validate.records.schema import Results, Run
from validate.statistics.ranking import ACROSS, COEFFICIENT, WITHIN, Row, ranking
from validate.statistics.survival import (
    END,
    MEASURES,
    SEEN,
    START,
    Measure,
    Point,
    points,
    primary,
    test_error,
)

HEIGHT = 3.0
DODGE = 0.16
LOST_BY = 0.1  # where networks are drawn in which nothing arrives, in units of the least ratio
LEVEL = 0.05  # groups that cannot reach this p-value whatever their order have no test


@styled
def figure(results: Results) -> Figure:
    """(a) Test error by the primary end-to-end ratio at initialization. (b) Spearman's ρ of the
    two.

    A mark per network in (a), an interval per group of networks in (b).
    """
    ratio = primary(results.runs)
    measure = MEASURES[f"{ratio} {START}"]
    found = points(results.runs, measure)
    if not any(np.isfinite(point.survival) for point in found):
        raise MissingRecordsError(
            f"no measured gradients in {results.folder}: run `gradbound validate` again"
        )
    drawing = Figure(figsize=(DOUBLE, HEIGHT), layout="constrained")
    networks, correlations = drawing.subplots(1, 2, width_ratios=(1, 1.1))
    least = min(point.survival for point in found if np.isfinite(point.survival))
    labels: list[Label] = []
    for family in families(results):
        labels += _networks(
            networks,
            family,
            sorted(
                (point for point in found if point.family == family), key=lambda point: point.depth
            ),
            least,
        )
        _seeds(networks, runs_of(results, family), measure, found)
    networks.set(
        title="(a) networks",
        xlabel=(
            r"$\Vert\partial L/\partial h_0\Vert \,/\, \Vert\partial L/\partial h_n\Vert$ at "
            f"initialization, of {'a training batch' if ratio == SEEN else 'test images'}"
        ),
    )
    networks.set(ylabel="test error (%)", xscale="log")
    networks.margins(0.12)
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
        columnspacing=1.2,
    )
    drawing.legend(
        handles=correlations.get_legend_handles_labels()[0],
        loc="outside lower right",
        ncols=3,
        columnspacing=1.2,
        handletextpad=0.2,
    )
    place(networks, labels)
    return drawing


def _networks(axes: Axes, family: str, found: list[Point], least: float) -> list[Label]:
    """The family's networks from shallow to deep; gives the depths to write at both ends."""
    ratios = [
        10 ** (point.survival if np.isfinite(point.survival) else least + np.log10(LOST_BY))
        for point in found
    ]
    errors = [100 * point.error for point in found]
    style = look(family)
    axes.plot(
        ratios, errors, **style.line() | {"linewidth": 0.8}, label=style.title, gid=family, zorder=3
    )
    ends = {0, len(found) - 1} if found else set()
    return [
        Label(ratios[end], errors[end], str(found[end].depth), shade(style.color, 1.6))
        for end in sorted(ends)
    ]


def _seeds(axes: Axes, runs: list[Run], measure: Measure, found: Iterable[Point]) -> None:
    """How far the seeds of each network lie apart, both ways: from the least to the greatest."""
    for point in (each for each in found if each.family == runs[0].config.family):
        same = [run for run in runs if run.config.depth == point.depth]
        errors = [100 * test_error(run) for run in same]
        survivals = [measure(run) for run in same]
        ratios = [10**each for each in survivals if each is not None and np.isfinite(each)]
        if len(ratios) == len(same) > 1:
            color = look(point.family).color
            x, y = 10**point.survival, 100 * point.error
            axes.vlines(x, min(errors), max(errors), color=color, linewidth=0.6, zorder=2)
            axes.hlines(y, min(ratios), max(ratios), color=color, linewidth=0.6, zorder=2)


def _correlations(axes: Axes, rows: list[Row], drawn: list[str], ratio: str) -> None:
    groups = [*drawn, WITHIN, ACROSS]
    for when, side, filled in ((START, -1, True), (END, 1, False)):
        by_group = {row.group: row for row in rows if row.measure == f"{ratio} {when}"}
        for place_, group in enumerate(groups):
            _correlation(axes, by_group[group], place_ + side * DODGE, filled)
        face = INK if filled else "white"
        axes.plot(
            [],
            [],
            marker="o",
            linestyle="none",
            color=INK,
            markerfacecolor=face,
            label=when,
        )
    axes.plot([], [], marker="|", linestyle="none", color=MUTED, label="too few for a test")
    axes.axvline(0, color=MUTED, linewidth=0.6, linestyle=(0, (1, 2)), zorder=1)
    axes.axhline(len(drawn) - 0.5, color=MUTED, linewidth=0.4)
    axes.set(
        title=r"(b) rank correlation, 95 % intervals, adjusted $p$",
        xlim=(-1.08, 2.75),
    )
    axes.set_xlabel(r"Spearman's $\rho$", x=1.08 / 3.83)  # below its 0
    axes.set_xticks([-1, -0.5, 0, 0.5, 1], ["−1", "−0.5", "0", "0.5", "1"])
    axes.set_yticks(range(len(groups)), [group_title(group) for group in groups])
    axes.set_ylim(len(groups) - 0.5, -0.5)


def _correlation(axes: Axes, row: Row, height: float, filled: bool) -> None:
    """A coefficient with its interval; one of too few networks is a stroke, and no test."""
    found, color = row.found, INK if row.group in (WITHIN, ACROSS) else look(row.group).color
    if found.value is None or found.p is None:
        axes.text(1.15, height, "not determinable", fontsize=7, color=MUTED, va="center")
        return
    name = f"{row.measure}, {row.group}"
    if few(row):
        axes.plot(found.value, height, marker="|", color=MUTED, linestyle="none", gid=name)
        words = f"{found.value:+.2f} of {found.networks} networks".replace("-", "−")
        axes.text(1.15, height, words, fontsize=7, color=MUTED, va="center")
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
        gid=name,
        zorder=4,
    )
    value = found.p if row.adjusted is None else row.adjusted
    mark = "*" if row.adjusted is None else ""
    p = f"= {value:.3g}" if value >= 0.001 else "< 0.001"
    axes.text(1.15, height, rf"${found.value:+.2f}$, $p {p}${mark}", fontsize=7, va="center")


def few(row: Row) -> bool:
    """Whether the networks are so few that no order of theirs could be told from chance."""
    return row.found.least_p is not None and row.found.least_p > LEVEL
